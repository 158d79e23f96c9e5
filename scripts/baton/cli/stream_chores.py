"""What the sweep does for streaming runs: ends that nobody has told are told, and what no record knows any more goes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial

from baton.cli.stream_runs import streams
from baton.cli.wiring import Wiring
from baton.domain.statuses import TaskStatus
from baton.engine.findings import Finding, Scene
from baton.engine.stream_repairs import untold_ends

# The events of a run are made before its record: of a younger one the record may be on its way.
AGE_SECONDS = 3600.0


def untold(wiring: Wiring, scene: Scene) -> Iterable[Finding]:
    """Tell what was not told."""
    return untold_ends(scene, streams(wiring))


def left_over(wiring: Wiring) -> Iterator[Finding]:
    """Events of runs whose record is gone by retention, or that a crash kept from being made or from being deleted."""
    store = wiring.store
    for run in store.streams.runs():
        written_at = store.streams.written_at(run)
        if written_at is None or written_at > time.time() - AGE_SECONDS:
            continue
        task = store.tasks.read(run)
        if task is None and store.tasks.is_set_aside(run):
            continue
        if task is None or task.status is TaskStatus.DELETED:
            text = f"run {run}: the events of a run that is no more"
            yield Finding(count="expired", text=text, act=partial(store.streams.remove, run))
