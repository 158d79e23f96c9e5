"""What is measured of the hand-off: a hundred tasks of four steps, two at a time, by us, by huey, and by nobody.

Each step is one program that notes the time. The reference of both is the bare loop: the same programs started by two
threads. What is more than that is overhead. ``python -m tests.benchmarks.hand_off FOLDER ROUNDS`` prints it as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from itertools import count, pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.engine.homes import ScratchHome, eventually

TASKS, STEPS, SLOTS = 100, 4, 2
# Files that people write are read anew while a change of them could bear the same stamps, as in no home that is in use.
SETTLED_SECONDS = 2.6
# One program a step: the shell becomes date.
NOTE = '#!/bin/sh\nexec date +"$BATON_TASK %s%N" >>"$BATON_HOME/stamps"\n'
HUEY = str(Path(__file__).with_name("huey_line.py"))


class Run(NamedTuple):
    """Seconds a step from the first note to the last, and seconds from a task's note to its next one."""

    step: float
    gap: float


def read(folder: Path) -> Run:
    """What the notes of one run say; fails when a step is missing or doubled."""
    notes: dict[str, list[float]] = defaultdict(list)
    for line in (folder / "stamps").read_text().splitlines():
        task, at = line.split()
        notes[task].append(int(at) / 1e9)
    assert [len(stamps) for stamps in notes.values()] == [STEPS] * TASKS
    every = sorted(at for stamps in notes.values() for at in stamps)
    gaps = [later - earlier for stamps in notes.values() for earlier, later in pairwise(sorted(stamps))]
    return Run((every[-1] - every[0]) / (TASKS * STEPS), median(gaps))


def bare(folder: Path) -> Run:
    """The programs alone."""
    folder.mkdir()
    program = write_program(folder)
    numbers = count()

    def work() -> None:
        while (number := next(numbers)) < TASKS:
            for _ in range(STEPS):
                environ = {**os.environ, "BATON_TASK": f"t-{number}", "BATON_HOME": str(folder)}
                subprocess.run([program], check=True, env=environ)

    threads = [threading.Thread(target=work) for _ in range(SLOTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return read(folder)


def huey(folder: Path) -> Run:
    """The same by huey."""
    folder.mkdir()
    words = [str(folder), write_program(folder), str(TASKS), str(STEPS), str(SLOTS)]
    subprocess.run([sys.executable, HUEY, *words], check=True)
    return read(folder)


def ours(folder: Path) -> Run:
    """The same by supervisors, from the sweep that starts them to the end of the last task."""
    home = ScratchHome(folder, concurrency={"agents": SLOTS})
    home.agent("noter").write_text(NOTE)
    written_at = time.monotonic()
    for number in range(TASKS):
        home.task(f"t-{number}", *["noter"] * STEPS)
    eventually(lambda: time.monotonic() > written_at + SETTLED_SECONDS, "settled files")
    home.sweep()
    eventually(lambda: not os.listdir(folder / "state/tasks"), f"the end of the tasks; {home.story()}", 300)
    assert home.end() == []
    return read(folder)


def write_program(folder: Path) -> str:
    """The program of one step."""
    program = folder / "note"
    program.write_text(NOTE)
    program.chmod(0o755)
    return str(program)


def measured(folder: Path, rounds: int) -> tuple[dict[str, float], dict[str, float], float]:
    """Return overhead a step and gap, both in milliseconds more than bare, of each side; and the bare gap."""
    taken: dict[str, list[Run]] = defaultdict(list)
    for number in range(rounds):
        for side in (bare, huey, ours) if number % 2 else (ours, huey, bare):
            taken[side.__name__].append(side(folder / f"{side.__name__}-{number}"))
    middle = {name: Run(*(median(column) for column in zip(*runs, strict=True))) for name, runs in taken.items()}
    overhead = {name: (run.step - middle["bare"].step) * 1e3 for name, run in middle.items()}
    gap = {name: (run.gap - middle["bare"].gap) * 1e3 for name, run in middle.items()}
    assert overhead["huey"] > 0 and gap["huey"] > 0, f"the machine is too busy to measure: {middle}"
    return overhead, gap, middle["bare"].gap * 1e3


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]), int(sys.argv[2]))))
