"""Granting: a supervisor picks the most urgent ready unit and grants it to itself, under the task's lock."""

from __future__ import annotations

import os
from collections.abc import Callable

from msgspec import Struct

from baton.domain import commands as c
from baton.domain.errors import BatonError, NotReady, TaskNotFound
from baton.domain.priorities import rank_of
from baton.domain.readiness import Entry, Why, namespace_of, not_ready, open_units, rank_of_bucket, unit_of_name
from baton.domain.records import Holder, Lease, Task, Unit
from baton.domain.skills import Skill
from baton.engine.dispatch import startable
from baton.engine.door import Door
from baton.engine.parking import Parking
from baton.engine.run_policies import timeout_for
from baton.engine.turns import turn_for
from baton.ports import Clock


class Granted(Struct, frozen=True, kw_only=True):
    """A unit that this supervisor has been granted."""

    task: Task
    lease: Lease

    @property
    def unit(self) -> Unit:
        """The unit under the lease."""
        return self.task.unit(self.lease.unit)


class Granter:
    """Grants units to one supervisor; ``skill`` gives an agent's skill, or ``None`` when it cannot be read.

    ``refused`` are the entries that the last pick found and could not grant.
    """

    def __init__(
        self, door: Door, clock: Clock, skill: Callable[[str], Skill | None], holder: Callable[[], Holder]
    ) -> None:
        self._door = door
        self._clock = clock
        self._skill = skill
        self._holder = holder
        self.parking = Parking(door.store, door.config, skill, clock)
        self.refused: set[Entry] = set()

    def pick(self) -> Granted | None:
        """Grant the most urgent ready unit; ``None`` when nothing is ready."""
        self.refused = set()
        for entry in startable(self._door.store, self._clock, self.parking):
            granted = self._grant_entry(entry)
            if granted is not None:
                return granted
            self.refused.add(entry)
        return None

    def grant(self, task: str, unit: str | None = None) -> Granted:
        """Grant a unit of this task (the current one by default); ``NotReady`` says why not."""

        def command(record: Task | None) -> c.GrantLease:
            if record is None:
                raise TaskNotFound()
            wanted = record.unit(unit) if unit is not None else record.current
            parked = self.parking.reason(wanted)
            if parked is not None:
                raise NotReady(parked.text, why=parked.why.value)
            return self._command(wanted)

        try:
            record = self._door.task(task, command)
        except NotReady as refused:
            if refused.details.get("why") != Why.TURN.value:
                raise
            record = self._grant_with_turn(task, command)
        return Granted(task=record, lease=record.leases[-1])

    def best_rank(self) -> int | None:
        """The priority number of the most urgent ready unit."""
        first = next(startable(self._door.store, self._clock, self.parking), None)
        return rank_of_bucket(first.bucket) if first is not None else None

    def successor(self, task: Task | None, best: int | None) -> c.GrantLease | None:
        """The grant of the task's own next unit, unless something of strictly higher priority is ready."""
        if task is None or (best is not None and best < rank_of(task.priority)):
            return None
        backoff_max_seconds = self._door.config.settings().retry.backoff_max_seconds
        now = self._clock.now()
        for unit in open_units(task):
            if not_ready(task, unit, now, backoff_max_seconds) is None and self.parking.reason(unit) is None:
                return self._command(unit)
        return None

    def _grant_entry(self, entry: Entry) -> Granted | None:
        task, unit = unit_of_name(entry.name)
        try:
            return self.grant(task, unit)
        except (BatonError, KeyError):
            # Somebody was quicker, the name is stale, or the record damaged: the record decides what stays.
            self._door.store.tasks.resync(task, (entry,))
            return None

    def _grant_with_turn(self, task: str, command: Callable[[Task | None], c.GrantLease]) -> Task:
        """Take the turn of the assignment's namespace and grant in one commit; ``NotReady`` when another one has it."""
        found = self._door.store.tasks.read(task)
        if found is None:
            raise TaskNotFound()
        with turn_for(self._door.store, namespace_of(found), task):
            return self._door.task(task, c.TakeTurn(), command)

    def _command(self, unit: Unit) -> c.GrantLease:
        settings = self._door.config.settings()
        return c.GrantLease(
            unit=unit.key,
            agent=unit.agent or "",
            run=new_run_id(self._clock.now()),
            holder=self._holder(),
            deadline_seconds=timeout_for(unit, self._skill(unit.agent or ""), settings),
            backoff_max_seconds=settings.retry.backoff_max_seconds,
        )


def new_run_id(now: str) -> str:
    """Return a new run id that sorts by time: ``r-20261121t083000.250-1a2b3c4d``."""
    return f"r-{now[:23].replace('-', '').replace(':', '').lower()}-{os.urandom(4).hex()}"
