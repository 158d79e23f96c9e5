"""Budgets 6, 7 and 12: what passing work on costs, against huey on SQLite with fsync doing the same, and against nothing.

How much of it is the disk's differs from machine to machine, so it is measured twice: as the disk is, and with each sync
of either side taking four milliseconds more, as on many a rented disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.benchmarks.budgets import Budgets
from tests.benchmarks.hand_off import measured
from tests.engine.homes import ScratchHome, eventually
from tests.faults.tracing import why_not

ROUNDS = 5
SLOW_ROUNDS = 2
SLOW = "4 ms"

pytestmark = pytest.mark.timeout(900)


def test_handing_over(tmp_path: Path, budgets: Budgets) -> None:
    judge(budgets, *measured(tmp_path, ROUNDS), where="")


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_handing_over_on_a_disk_that_is_slow_to_sync(tmp_path: Path, budgets: Budgets) -> None:
    calls = "fsync,fdatasync"
    delay = ["-e", f"trace={calls}", "-e", f"inject={calls}:delay_exit={SLOW.replace(' ', '')}"]
    log = tmp_path / "syncs"
    driver = [sys.executable, "-m", "tests.benchmarks.hand_off", str(tmp_path), str(SLOW_ROUNDS)]
    slowed = ["strace", "-f", "--seccomp-bpf", "-o", str(log), *delay, *driver]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(slowed, capture_output=True, text=True, check=True, env=environ)
    assert log.read_text().count("(DELAYED)") > 1000
    judge(budgets, *json.loads(told.stdout), where=f", each sync {SLOW} longer")


def judge(budgets: Budgets, overhead: dict[str, float], gap: dict[str, float], bare_gap: float, *, where: str) -> None:
    """Judge both, also where the first misses its must."""
    figures = "{:.2f} ms against {:.2f}".format
    told = f"{figures(gap['ours'], gap['huey'])}, beside {bare_gap:.1f} ms for the program"
    missed = None
    try:
        what = f"overhead a step, 100 x 4 no-op steps{where}"
        told6 = figures(overhead["ours"], overhead["huey"])
        budgets.judge(6, what, overhead["ours"] / overhead["huey"], "x huey", must=1.5, goal=0.6, detail=told6)
    except AssertionError as error:
        missed = error
    what = f"gap between two steps{where}"
    budgets.judge(7, what, gap["ours"] / gap["huey"], "x huey", must=1.5, goal=0.75, detail=told)
    if missed is not None:
        raise missed


def test_memory_of_a_supervisor(home: ScratchHome, budgets: Budgets) -> None:
    home.settings(concurrency={"agents": 1})
    home.agent("writer", "true")
    home.agent("sleeper", "wait_for end")
    for number in range(20):
        home.task(f"t-{number}", "writer", priority="high")
    home.task("last", "sleeper")
    supervisor = home.supervise()
    eventually(lambda: home.facts().get("task") == "last", f"the last task; {home.story()}")
    home.beats(3)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{supervisor.pid}/status").read_text().splitlines())
    resident, peak = (int(status[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    home.touch("end")
    home.end_of(supervisor)
    budgets.judge(12, "memory of a supervisor", peak, "MB", must=40, goal=25, detail=f"peak; {resident:.1f} resident")
