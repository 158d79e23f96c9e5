"""Homes with very many tasks, written without the door: a hundred thousand commits would take minutes.

What stands on disk afterwards is what the door would have left: records, their places in the ready index, archived
files. Only the event log is left out; nothing that is measured here reads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec import structs
from tests.builders import create_task, unit
from tests.engine.homes import ScratchHome

from baton.domain import tasks
from baton.domain.readiness import waiting
from baton.domain.records import Task
from baton.domain.times import stamp
from baton.store.codec import Codec

LINKS = 20_000  # names a file may have; ext4 allows 65,000


def crowd(home: ScratchHome, count: int, *, now: float, spread: int, wait: bool = False) -> list[Task]:
    """Make live tasks of four steps, ``spread`` of them in each second from ``now`` on; ``wait``: not before it."""
    store = home.wiring.store
    store.prepare()
    codec = Codec("task", Task)
    made = []
    line = [unit(agent) for agent in ("researcher", "writer", "reviewer", "humanizer")]
    first = tasks.decide(None, create_task(*line, id="t-0", campaign=None, project=None), stamp(now))[0]
    for number in range(count):
        at = stamp(now + number // spread)
        line0 = structs.replace(first.pipeline[0], ready_at=at)
        not_before = at if wait else None
        task = structs.replace(first, id=f"t-{number}", pipeline=(line0, *first.pipeline[1:]), not_before=not_before)
        (home.root / f"state/tasks/{task.id}.json").write_bytes(codec.encode(task))
        store.ready.sync((), waiting(task))
        made.append(task)
    return made


def archive(home: ScratchHome, count: int) -> None:
    """Make finished tasks: names in the archive, of a few files, since nobody reads them."""
    fill(home.root / "state/archive/tasks", (f"done-{number}.json" for number in range(count)))


def fill(folder: Path, names: Iterable[str]) -> None:
    """Make files of a record's size in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "source"
    for number, name in enumerate(names):
        if number % LINKS == 0:
            source.unlink(missing_ok=True)
            source.write_bytes(b" " * 2000)
        os.link(source, folder / name)
    source.unlink(missing_ok=True)
