"""Budgets 8 to 10: many writers at once, and many records in a row, against the bare system calls."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from tests.benchmarks.budgets import Budgets
from tests.benchmarks.measuring import in_turn, wall_of
from tests.engine.homes import ScratchHome, scratch_home
from tests.store.homes import check_agreement, comment, decided

from baton.domain import tasks
from baton.engine.activation import activate

WRITERS, CHANGES = 8, 60
ROUNDS = 5
CAMPAIGN = 1_000

pytestmark = pytest.mark.timeout(900)


def at_once(work: Callable[[int], float]) -> list[float]:
    """Let processes work at once; return what each says."""
    context = get_context("fork")
    gate = context.Barrier(WRITERS)
    answers = context.SimpleQueue()

    def run(number: int) -> None:
        gate.wait()
        answers.put(work(number))

    processes = [context.Process(target=run, args=(number,)) for number in range(WRITERS)]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * WRITERS
    return found


def replace_durably(path: Path, data: bytes) -> None:
    """Write one file as every durable program must: temporary file, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, data)
    os.fsync(fd)
    os.close(fd)
    os.rename(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def test_eight_processes_changing_one_task(home: ScratchHome, tmp_path: Path, budgets: Budgets) -> None:
    home.task("t", "writer", "writer")
    waits: list[float] = []
    bare_waits: list[float] = []

    def ours(number: int) -> float:
        store, worst = home.wiring.store, 0.0
        for _ in range(CHANGES):
            asked_at = time.perf_counter()

            def change(record: Any, now: str, asked_at: float = asked_at) -> Any:
                nonlocal worst
                worst = max(worst, time.perf_counter() - asked_at)
                return decided(tasks.decide, (comment(),), False)(record, now)

            store.tasks.update("t", change)
        return worst

    def bare(number: int) -> float:
        worst = 0.0
        for _ in range(CHANGES):
            asked_at = time.perf_counter()
            lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
            fcntl.flock(lock, fcntl.LOCK_EX)
            worst = max(worst, time.perf_counter() - asked_at)
            record = (tmp_path / "record").read_bytes()
            replace_durably(tmp_path / "record", record)
            os.close(lock)
        return worst

    (tmp_path / "record").write_bytes((home.root / "state/tasks/t.json").read_bytes() * 4)
    sides = {
        "ours": lambda: wall_of(lambda: waits.append(max(at_once(ours)))),
        "bare": lambda: wall_of(lambda: bare_waits.append(max(at_once(bare)))),
    }
    measured = in_turn(sides, ROUNDS)
    lost = 1 + WRITERS * CHANGES * (ROUNDS + 1) - home.read("t").version
    budgets.judge(8, "8 processes on one task: changes lost", lost, "", must=0)
    worst = median(waits)
    every = f"{min(waits):.2f} to {max(waits):.2f} s; bare flock {median(bare_waits):.2f} s"
    told = f"{measured.median('ours') / WRITERS / CHANGES * 1e3:.2f} ms a change"
    figure = 1 / measured.ratio("ours", "bare")
    budgets.judge(8, "their worst wait, median of runs", worst, "s", must=0.25, goal=0.1, detail=every)
    budgets.judge(8, "their rate", figure, "x bare flock", must=0.5, goal=0.7, at_least=True, detail=told)


def test_eight_writers_to_the_event_log(home: ScratchHome, budgets: Budgets) -> None:
    for number in range(WRITERS):
        home.task(f"t-{number}", "writer")

    def write(number: int) -> float:
        store = home.wiring.store
        for count in range(CHANGES):
            store.tasks.update(f"t-{number}", decided(tasks.decide, (comment("word " * 40 * (count % 20)),), False))
        return 0.0

    at_once(write)
    lines = b"".join(file.read_bytes() for file in (home.root / "state/events").iterdir()).splitlines()
    torn = sum(not is_json(line) for line in lines)
    ids = Counter(json.loads(line)["id"] for line in lines if is_json(line))
    wanted = {f"task/t-{number}:{version}:0" for number in range(WRITERS) for version in range(1, CHANGES + 2)}
    doubled = sum(count - 1 for count in ids.values())
    lost = len(wanted - ids.keys())
    check_agreement(home.root, home.wiring.store)
    budgets.judge(9, "8 writers to the log: lines torn", torn, "", must=0, detail=f"of {len(lines)}")
    budgets.judge(9, "8 writers to the log: lines lost or doubled", lost + doubled, "", must=0)


def is_json(line: bytes) -> bool:
    """Tell whether a line is a whole document."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_activating_a_campaign_of_a_thousand_tasks(tmp_path: Path, budgets: Budgets) -> None:
    homes = [next(scratch_home(tmp_path / f"home-{number}")) for number in range(4)]
    fresh = iter(homes)
    folders = iter(tmp_path / f"files-{number}" for number in range(4))

    def ours() -> float:
        home = next(fresh)
        home.campaign("spring", "researcher", "writer", "reviewer", "humanizer", count=CAMPAIGN)
        made: list[int] = []
        took = wall_of(lambda: made.append(len(activate(home.wiring.door, "spring").created)))
        assert made == [CAMPAIGN]
        return took

    def bare() -> float:
        folder = next(folders)
        folder.mkdir()
        data = next((homes[0].root / "state/tasks").iterdir()).read_bytes()
        return wall_of(lambda: [replace_durably(folder / f"t-{number}.json", data) for number in range(CAMPAIGN)])

    # The warming round begins with the last side, and what it writes is what ours has written.
    measured = in_turn({"bare": bare, "ours": ours}, 3)
    told = f"{measured.median('ours') * 1e3:.0f} ms against {measured.median('bare') * 1e3:.0f}"
    what = "activating a campaign of 1,000 tasks"
    budgets.judge(10, what, measured.ratio("ours", "bare"), "x durable files", must=3, goal=1.5, detail=told)
