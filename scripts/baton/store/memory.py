"""A store without files, for tests of the engine: the contracts of ``ports``, kept under one lock in one process.

It has the surface of ``HomeStore``; the law of each method stands in ``ports``. Nothing is durable, so nothing is ever
healed. What only a test can say (a record is damaged, a supervisor is gone) has a method of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from baton.domain.agent_records import AgentRecord
from baton.domain.campaigns import Campaign
from baton.domain.errors import StateDamaged, StateNewer
from baton.domain.parking import Parked
from baton.domain.projects import Project
from baton.domain.readiness import Entry, is_due, waiting
from baton.domain.records import Event, Task
from baton.ports import Clock, Commit, Damage, Kind, Log, Parkings, Ready, Runs, Waits
from baton.store.memory_slots import MemorySlots
from baton.store.memory_turns import MemoryTurns

R = TypeVar("R", bound=Any)
_plain = msgspec.to_builtins


class MemoryStore:
    """Everything that a home's ``state/`` would hold."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = lock = threading.RLock()  # reentrant: a change of a record goes on to the log and the index
        self.log = MemoryLog(lock, clock)
        self.ready = MemoryReady(lock)
        self.waits = MemoryWaits(lock)
        self.runs = MemoryRuns()
        self.slots = MemorySlots(lock)
        self.parking = MemoryParking(lock, clock)
        self.turns = MemoryTurns()
        self.tasks: MemoryKind[Task] = MemoryKind("task", self, waiting)
        self.campaigns: MemoryKind[Campaign] = MemoryKind("campaign", self, None)
        self.projects: MemoryKind[Project] = MemoryKind("project", self, None)
        self.agents: MemoryKind[AgentRecord] = MemoryKind("agent", self, None)


class MemoryLog(Log):
    """A list of events a day. A day never goes back; a cursor is a day and a place in its list."""

    def __init__(self, lock: threading.RLock, clock: Clock) -> None:
        self._lock, self._clock = lock, clock
        self._days: dict[str, list[dict[str, Any]]] = {}

    def append(self, events: Iterable[Event]) -> None:
        """Append events to the newest day there is, today at least."""
        plain = [_plain(event) for event in events]
        with self._lock:
            self._days.setdefault(max((self._clock.now()[:10], *self._days)), []).extend(plain)

    def note(
        self,
        event: str,
        data: Mapping[str, Any],
        *,
        task: str | None = None,
        campaign: str | None = None,
        run: str | None = None,
    ) -> None:
        id = f"refused/{os.urandom(8).hex()}"
        line = Event(id=id, at=self._clock.now(), type=event, task=task, campaign=campaign, run=run)
        with suppress(TypeError):
            self.append([msgspec.structs.replace(line, data=dict(data))])

    def tail(self, count: int) -> list[dict[str, Any]]:
        with self._lock:
            events = [event for day in sorted(self._days) for event in self._days[day]]
        return events[max(0, len(events) - count) :]

    def since(self, day: str, type: str) -> Iterator[dict[str, Any]]:
        with self._lock:
            events = [event for name in sorted(self._days) if name >= day for event in self._days[name]]
        return (event for event in events if event["type"] == type)

    def first_day(self) -> str | None:
        with self._lock:
            return min(self._days, default=None)

    def read_from(
        self, cursor: tuple[str, int] | None, most_bytes: int | None = None
    ) -> tuple[list[dict[str, Any]], tuple[str, int]]:
        with self._lock:
            newest = max(self._days, default="")
            end = (newest, len(self._days.get(newest, ())))
            if cursor is None or newest < cursor[0]:
                return [], cursor or end
            days = [day for day in sorted(self._days) if day >= cursor[0]]
            return [event for day in days for event in self._days[day][cursor[1] if day == cursor[0] else 0 :]], end

    def about(self, kind: str, id: str, since_day: str) -> Iterator[dict[str, Any]]:
        with self._lock:
            days = [self._days[day] for day in sorted(self._days) if day >= since_day]
        return (event for events in days for event in events if event.get(kind) == id)

    def drop_before(self, day: str) -> int:
        """Forget the days before ``day``, never the newest; return how many."""
        with self._lock:
            old = [name for name in sorted(self._days)[:-1] if name < day]
            for name in old:
                del self._days[name]
            return len(old)


class MemoryReady(Ready):
    """The ready index as a set of names."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._entries: set[Entry] = set()

    def sync(self, before: Collection[Entry], after: Collection[Entry]) -> None:
        """Remove what is no longer waiting, add what is."""
        with self._lock:
            self._entries = self._entries - set(before) | set(after)

    def groups(self) -> list[str]:
        return sorted({entry.group for entry in self.all()})

    def first(self, groups: Iterable[str], now_seconds: float) -> Iterator[Entry]:
        wanted = set(groups)
        due = [entry for entry in self.all() if entry.group in wanted and is_due(entry.bucket, now_seconds)]
        return iter(sorted(due, key=lambda entry: (entry.bucket, entry.name, entry.group)))

    def all(self) -> Iterator[Entry]:
        with self._lock:
            return iter(tuple(self._entries))


class MemoryKind(Kind[R]):
    """Records of one kind; ``entries`` gives the names under which one waits, where the kind has any."""

    def __init__(self, kind: str, store: MemoryStore, entries: Callable[[R], frozenset[Entry]] | None) -> None:
        self.kind = kind
        self._lock, self._clock, self._log, self._ready = store.lock, store.clock, store.log, store.ready
        self._entries = entries
        self._live: dict[str, R | Damage] = {}
        self._archive: dict[str, R] = {}
        self._quarantine: dict[str, str] = {}

    def update(self, id: str, change: Callable[[R | None, str], Commit]) -> R:
        with self._lock:
            before = self._find(id)
            commit = change(before, self._clock.now())
            record: R = commit.record
            if not commit.events:
                return record
            was, now_waits = self._waiting(before), self._waiting(record)  # these may raise: before anything changes
            self._log.append(commit.events)
            self._ready.sync(was, now_waits)
            (self._archive if commit.archive else self._live)[id] = record
            (self._live if commit.archive else self._archive).pop(id, None)
            return record

    def read(self, id: str) -> R | None:
        with self._lock:
            return self._find(id)

    def live(self) -> Iterator[R | Damage]:
        with self._lock:
            return iter(tuple(self._live.values()))

    def ids(self, *, archived: bool = False) -> Iterator[str]:
        with self._lock:
            return iter(tuple(self._archive if archived else self._live))

    def is_live(self, id: str) -> bool:
        return id in self._live

    def archive(self, id: str, when: Callable[[R], bool]) -> bool:
        with self._lock:
            record = self._find(id)
            if record is None or id in self._archive or not when(record):
                return False
            self._archive[id] = record
            del self._live[id]
            return True

    def set_aside(self, id: str, reason: str) -> bool:
        with self._lock:
            found = self._live.get(id)
            if not isinstance(found, Damage) or not found.is_damaged:
                return False
            self._quarantine[id] = reason or found.reason
            del self._live[id]
            return True

    def resync(self, id: str, entries: Collection[Entry] = ()) -> bool:
        with self._lock:
            if self._entries is None:
                return False
            found = self._live.get(id)
            wanted = self._waiting(None if isinstance(found, Damage) else found)
            stale = [entry for entry in entries if entry not in wanted]
            missing = wanted.difference(self._ready.all())
            self._ready.sync(stale, missing)
            return bool(stale or missing)

    def is_set_aside(self, id: str) -> bool:
        return id in self._quarantine

    def modified(self, id: str) -> tuple[int, ...] | None:
        found = self._live.get(id)
        return None if found is None else (0, -1) if isinstance(found, Damage) else (1, found.version)

    def heal(self, id: str) -> None:
        return  # a change is never left half done here

    def damage(self, id: str, reason: str = "it is not JSON", *, newer: bool = False) -> None:
        """For tests: let the live record be one that cannot be read, or that a newer Baton wrote."""
        self._live[id] = Damage(kind=self.kind, id=id, reason=reason, state="newer" if newer else "damaged")

    def _find(self, id: str) -> R | None:
        found = self._live.get(id)
        if isinstance(found, Damage):
            raise (StateNewer if found.state == "newer" else StateDamaged)(found.reason)
        return self._archive.get(id) if found is None else found

    def _waiting(self, record: R | None) -> frozenset[Entry]:
        return frozenset() if self._entries is None or record is None else self._entries(record)


class MemoryWaits(Waits):
    """Who waits for whom, as pairs."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._pairs: set[tuple[str, str]] = set()

    def add(self, dependency: str, dependent: str) -> None:
        with self._lock:
            self._pairs.add((dependency, dependent))

    def dependents(self, dependency: str) -> list[str]:
        with self._lock:
            return sorted(dependent for waited, dependent in self._pairs if waited == dependency)

    def dependencies(self) -> list[str]:
        with self._lock:
            return sorted({dependency for dependency, _ in self._pairs})

    def remove(self, dependency: str, dependent: str) -> None:
        with self._lock:
            self._pairs.discard((dependency, dependent))


class MemoryRuns(Runs):
    """Run records by task and run."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, dict[str, Any]]] = {}

    def write(self, task: str, run: str, facts: Mapping[str, Any]) -> None:
        with suppress(TypeError):
            self._records.setdefault(task, {})[run] = _plain(dict(facts))

    def read(self, task: str, run: str) -> dict[str, Any] | None:
        return self._records.get(task, {}).get(run)

    def of_task(self, task: str) -> list[dict[str, Any]]:
        """The records of a task's runs, oldest first."""
        return [record for _, record in sorted(self._records.get(task, {}).items())]

    def tasks(self) -> list[str]:
        """The tasks that have run records."""
        return sorted(self._records)


class MemoryParking(Parkings):
    """Parked harnesses by name."""

    def __init__(self, lock: threading.RLock, clock: Clock) -> None:
        self._lock, self._clock = lock, clock
        self._parked: dict[str, Parked] = {}

    def all(self) -> list[Parked]:
        with self._lock:
            return [parked for _, parked in sorted(self._parked.items())]

    def update(self, harness: str, change: Callable[[Parked | None, str], Parked | None]) -> Parked | None:
        with self._lock:
            after = change(self._parked.get(harness), self._clock.now())
            if after is None:
                self._parked.pop(harness, None)
            else:
                self._parked[harness] = after
            return after
