"""The repair of what streaming runs tell: what a supervisor died before saying is said."""

from __future__ import annotations

from collections.abc import Iterator

from baton.domain.run_statuses import RunStatus, status_of
from baton.engine.findings import Finding, Scene, bind
from baton.engine.streaming import Telling

OVER = frozenset({RunStatus.COMPLETED, RunStatus.FAILED})


def untold_ends(scene: Scene, telling: Telling) -> Iterator[Finding]:
    """Tell the ends of runs that were not told, and the steps before them. Runs that go on are told by who runs them."""
    for run in telling.open_runs():
        task = scene.door.store.tasks.read(run)
        if task is None or task.stream is None or task.leases or status_of(task) not in OVER:
            continue
        text = f"run {run}: that it is {status_of(task)} was not told yet"
        yield Finding(count="told", text=text, act=bind(telling.settle, run))
