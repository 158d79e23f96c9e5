"""Homes for the tests of the store: a clock that is told the time, commits as the engine makes them, a look at the log.

Every ``open_home`` is a store as another process would open it: nothing is shared but the files.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any

from tests.builders import NOW, acquire, complete, create_task, template, unit

from baton.domain import campaigns, project_table, tasks
from baton.domain import commands as c
from baton.domain.campaign_commands import CreateCampaign
from baton.domain.campaigns import Campaign
from baton.domain.project_commands import CreateProject
from baton.domain.projects import Project
from baton.domain.readiness import Entry, waiting
from baton.domain.records import Event, Holder, Task
from baton.ports import Clock, Commit, Damage
from baton.store.home_store import HomeStore
from baton.store.layout import Home
from baton.store.locks import Locks

LOCKS = Locks("")


class FakeClock:
    """A clock that says what it is told."""

    def __init__(self, at: str = NOW, boot: str = "b1") -> None:
        self.at = at
        self.boot = boot
        self.seconds = 1000.0

    def now(self) -> str:
        return self.at

    def holder(self) -> Holder:
        return Holder(machine="m1", boot=self.boot, boot_seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


def refuse_warnings(text: str) -> None:
    """What a store is given to warn with where nothing may go wrong."""
    raise AssertionError(f"the store warned: {text}")


def open_home(root: Path | str, clock: Clock | None = None, warn: Callable[[str], None] = refuse_warnings) -> HomeStore:
    """A store on this folder, as another process would open it."""
    return HomeStore(Home(str(root)), clock or FakeClock(), warn)


def small_task(id: str, **fields: Any) -> c.CreateTask:
    """The command that makes a task of two steps, of no campaign."""
    line = (unit("content-writer", "drafts"), unit("content-reviewer", "reviewed"))
    return create_task(*line, id=id, **{"campaign": None, "project": None} | fields)


# A small task goes through both its steps; then a person wants the first one done again.
TO_THE_END = (
    acquire("content-writer"), complete("content-writer"), acquire("content-reviewer"), complete("content-reviewer"),
)  # fmt: skip
FIX = c.FixTask(by="ann", agents=("content-writer",), notes="shorter")


def small_campaign(id: str, **fields: Any) -> CreateCampaign:
    """The command that makes a campaign."""
    defaults = {"project": "acme", "name": "Spring", "pipeline": "content-draft", "snapshot": template()}
    return CreateCampaign(id=id, fields=defaults | fields)


def do(store: Any, id: str, *steps: Any, archive: bool = False) -> Task:
    """Apply commands to one task in one commit; each a value or a function of the task so far."""
    return store.tasks.update(id, decided(tasks.decide, steps, archive))  # type: ignore[no-any-return]


def do_campaign(store: Any, id: str, *steps: Any) -> Campaign:
    """Apply commands to one campaign in one commit."""
    return store.campaigns.update(id, decided(campaigns.decide, steps, False))  # type: ignore[no-any-return]


def do_project(store: Any, id: str, *steps: Any) -> Project:
    """Apply commands to one project in one commit."""
    return store.projects.update(id, decided(project_table.decide, steps, False))  # type: ignore[no-any-return]


def small_project(id: str) -> CreateProject:
    """The command that makes a project."""
    return CreateProject(by="ann", id=id, fields={"name": "Acme"})


def decided(decide: Any, steps: tuple[Any, ...], archive: bool) -> Callable[[Any, str], Commit]:
    """The change that these commands amount to."""

    def change(record: Any, now: str) -> Commit:
        events: list[Event] = []
        for step in steps:
            record, news = decide(record, step(record) if callable(step) else step, now)
            events += news
        return Commit(record, tuple(events), archive=archive)

    return change


def comment(text: str = "well done", by: str = "ann") -> c.Comment:
    """Words on the time line: the smallest commit there is."""
    return c.Comment(by=by, text=text)


def stripe(id: str, kind: str = "task") -> str:
    """The name of the lock that guards this record."""
    return LOCKS.stripe_of(kind, id)


def ids_on(name: str, wanted: int, *, kind: str = "task", prefix: str = "t") -> list[str]:
    """The first ``wanted`` ids whose record is guarded by the stripe of this name."""
    return list(islice(all_ids_on(name, kind=kind, prefix=prefix), wanted))


def all_ids_on(name: str, *, kind: str = "task", prefix: str = "t") -> Iterator[str]:
    """Every such id, one after the other."""
    return (id for number in count(1) if stripe(id := f"{prefix}-{number}", kind) == name)


def log_lines(root: Path | str) -> list[bytes]:
    """Every line of the log, oldest first, an unterminated one too."""
    files = sorted((Path(root) / "state" / "events").glob("*.ndjson"))
    return [line for file in files for line in file.read_bytes().splitlines(keepends=True)]


def log_ids(root: Path | str) -> list[str]:
    """The ids of all events in the log, oldest first; a line that is not whole fails the test."""
    return [json.loads(line)["id"] for line in log_lines(root)]


def check_agreement(root: Path | str, store: HomeStore, *, aside: Collection[str] = ()) -> int:
    """Check that log, records and ready index tell the same story; return how many events there are.

    Each event of every record stands in the log exactly once, those of one record in order and without a gap; nothing
    else does, refused commands and records set ``aside`` apart; what is in the index is what the records say.
    """
    ids = [id for id in log_ids(root) if not id.startswith("refused/")]
    doubled = {id: count for id, count in Counter(ids).items() if count > 1}
    assert not doubled, f"more than once in the log: {doubled}"
    told: dict[str, list[str]] = {}
    for id in ids:
        told.setdefault(id.split(":")[0], []).append(id)
    waits: set[Entry] = set()
    known: set[str] = set()
    for records in (store.tasks, store.campaigns, store.projects, store.agents):
        for archived in (False, True):
            for id in records.ids(archived=archived):
                record: Any = records.read(id)
                name = f"{records.kind}/{id}"
                known.add(name)
                lines = told.get(name, [])
                history = [event.id for event in record.history]
                assert lines[-len(history) :] == history, f"the log ends in {lines[-3:]}, the record in {history[-3:]}"
                versions = [int(line.split(":")[1]) for line in lines]
                assert versions == sorted(versions), f"{name}: out of order in the log"
                missing = set(range(1, record.version + 1)).symmetric_difference(versions)
                assert not missing, f"{name}: versions {missing} of {record.version} are not in the log"
                if isinstance(record, Task):
                    waits |= waiting(record)
    assert set(told) - set(aside) == known, f"told of, but not there: {set(told) - known}"
    wrong = set(store.ready.all()).symmetric_difference(waits)
    assert not wrong, f"in the index or in the records alone: {wrong}"
    return len(ids)


def leftovers(root: Path | str) -> list[str]:
    """The names of temporary files that were left."""
    return sorted(path.name for path in (Path(root) / "state" / "tmp").iterdir())


def damages(store: Any) -> list[Damage]:
    """What cannot be read among the live tasks."""
    return [record for record in store.tasks.live() if isinstance(record, Damage)]


def in_processes(*works: Callable[[], None]) -> None:
    """Do each of these in a process of its own, all at once; one that fails there fails here."""
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=work) for work in works]
    for process in running:
        process.start()
    try:
        for process in running:
            process.join(60)
        exits = [process.exitcode for process in running]
        assert exits == [0] * len(running), f"{exits}; see what they wrote to stderr"
    finally:
        for process in running:
            process.kill()
            process.join()
            process.close()


def close_below(folder: Path) -> None:
    """Close what this process has open below a folder: the slots that a test did not give back."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{fd}").startswith(str(folder)):
                os.close(fd)
