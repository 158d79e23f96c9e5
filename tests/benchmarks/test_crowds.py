"""Budgets 4, 5 and 11: what a hundred thousand tasks cost a sweep, and the choice of the next one."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.benchmarks.budgets import Budgets
from tests.benchmarks.crowds import archive, crowd, fill
from tests.benchmarks.measuring import in_turn, wall_of
from tests.engine.homes import ScratchHome, scratch_home

from baton.cli.sweeping import sweep_home
from baton.cli.wiring import Wiring
from baton.engine.dispatch import startable
from baton.engine.granting import Granter

ALL, LIVE = 100_000, 1_000
ROUNDS = 15
DAY = 86_400.0

pytestmark = pytest.mark.timeout(900)


def scan(folder: Path) -> int:
    """List a folder, and do nothing else."""
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)


def sweep(wiring: Wiring) -> None:
    """Sweep once; nothing may be found."""
    report = sweep_home(wiring, dry_run=False)
    assert (report["found"], report["errors"], report["redispatched"]) == ([], [], 0), report
    assert report["health"]["tasks"] == {"backlog": LIVE}


@pytest.fixture(autouse=True)
def collected_as_by_scripts() -> Iterator[None]:
    """Look for garbage as seldom as every script does (``baton.start``): pytest has much that would be looked through."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    yield
    gc.set_threshold(*before)


def idle_home(home: ScratchHome, finished: int) -> Wiring:
    """A home whose live tasks all wait for tomorrow, swept once today."""
    crowd(home, LIVE, now=time.time() + DAY, spread=50, wait=True)
    archive(home, finished)
    sweep_home(home.wiring, dry_run=False)  # the first one of a home makes the page about its services
    sweep(home.wiring)
    return home.wiring


def test_an_idle_sweep_of_a_hundred_thousand_tasks(home: ScratchHome, tmp_path: Path, budgets: Budgets) -> None:
    few = next(scratch_home(tmp_path / "few"))
    fill(tmp_path / "all", (f"t-{number}.json" for number in range(ALL)))
    many_wiring, few_wiring = idle_home(home, ALL - LIVE), idle_home(few, (ALL - LIVE) // 100)
    sides = {
        "scandir": lambda: wall_of(lambda: scan(tmp_path / "all")),
        "many": lambda: wall_of(lambda: sweep(many_wiring)),
        "few": lambda: wall_of(lambda: sweep(few_wiring)),
    }
    measured = in_turn(sides, ROUNDS)
    told = f"{measured.median('many') * 1e3:.1f} ms against {measured.median('scandir') * 1e3:.1f}"
    what = "sweep of 100,000 tasks, 1 % live, idle"
    also = f"{measured.median('many') * 1e3:.1f} ms against {measured.median('few') * 1e3:.1f}"
    growth = measured.ratio("many", "few")
    budgets.judge(5, "the same live set, 100 x the finished", growth, "x", must=1.2, goal=1.05, detail=also)
    figure = measured.ratio("many", "scandir")
    budgets.judge(4, what, figure, "x scandir", must=1.0, goal=0.5, detail=told)


def test_the_next_ready_task_among_a_hundred_thousand(home: ScratchHome, tmp_path: Path, budgets: Budgets) -> None:
    few = next(scratch_home(tmp_path / "few"))
    for one, count in ((few, LIVE), (home, ALL)):
        crowd(one, count, now=time.time() - DAY, spread=500)

    def pick(one: ScratchHome) -> float:
        wiring = one.wiring
        me = wiring.clock.holder()
        granter = Granter(wiring.door, wiring.clock, lambda agent: None, lambda: me)
        return wall_of(lambda: next(startable(wiring.store, wiring.clock, wiring.parking)) and granter.pick())

    measured = in_turn({"many": lambda: pick(home), "few": lambda: pick(few)}, 2 * ROUNDS)
    told = f"{measured.median('many') * 1e3:.2f} ms against {measured.median('few') * 1e3:.2f} among 1,000"
    figure = measured.ratio("many", "few")
    budgets.judge(11, "pick and grant among 100,000", figure, "x", must=1.5, goal=1.2, detail=told)
