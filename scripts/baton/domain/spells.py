"""How long each unit of a task waited and was worked on: the events replayed against the line, purely.

A unit waits from its turn (its step's turn, its branch's trigger, the end of a run that did not complete it) until it is
granted, and is worked on until that run or that hand is done. Blocks, pauses and back-offs are waiting, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from baton.domain.records import Task, Unit
from baton.domain.times import seconds_between

Event = Mapping[str, Any]
ENDS = frozenset({"task_completed", "task_cancelled", "task_deleted"})
LETS_GO = frozenset({"run_ended", "lease_released", "lease_expired"})


class UnitSpell(Struct, frozen=True, kw_only=True):
    """What became of one unit's time, in seconds; ``runs`` counts how often somebody began on it."""

    unit: str
    step: int | None
    branch: str | None
    agent: str | None
    waited_seconds: float
    worked_seconds: float
    runs: int


class _Clockwork:
    """The time of one unit: since when it waits or is worked on, and what that has come to."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.waits_since: str | None = None
        self.works_since: str | None = None
        self.waited = 0.0
        self.worked = 0.0
        self.runs = 0

    def wait(self, at: str) -> None:
        self.rest(at)
        self.waits_since = at

    def work(self, at: str) -> None:
        self.rest(at)
        self.works_since = at
        self.runs += 1

    def rest(self, at: str) -> None:
        """Stop both clocks."""
        if self.waits_since is not None:
            self.waited += seconds_between(self.waits_since, at)
        if self.works_since is not None:
            self.worked += seconds_between(self.works_since, at)
        self.waits_since = self.works_since = None


def spells_of(task: Task, events: Iterable[Event], now: str) -> list[UnitSpell]:
    """Return the time of each unit that had its turn, up to ``now``. ``events``: the task's own, oldest first."""
    clocks = {unit.key: _Clockwork(unit) for unit in task.units()}
    line = _Line(task, clocks)
    for event in events:
        line.hear(event)
    told = []
    for key, clock in clocks.items():
        clock.rest(now)
        if clock.runs or clock.waited:
            told.append(
                UnitSpell(
                    unit=key,
                    step=clock.unit.step,
                    branch=task.label_of(key),
                    agent=clock.unit.agent,
                    waited_seconds=round(clock.waited, 3),
                    worked_seconds=round(clock.worked, 3),
                    runs=clock.runs,
                )
            )
    return told


class _Line:
    """A task as the events tell it: whose turn it is."""

    def __init__(self, task: Task, clocks: dict[str, _Clockwork]) -> None:
        self._task = task
        self._clocks = clocks

    def hear(self, event: Event) -> None:
        """Let one event happen."""
        kind, at = str(event.get("type")), str(event.get("at"))
        data = event.get("data")
        data = data if isinstance(data, Mapping) else {}
        clock = self._clocks.get(str(data.get("unit")))
        if kind == "task_created":
            self._enter(0, at)
        elif kind == "revision_requested":
            self._send_back(data.get("to_step"), at)
        elif kind in ("branches_retriggered", "branches_cleared"):
            self._branches(data.get("branches"), at, again=kind == "branches_retriggered")
        elif kind in ENDS:
            for other in self._clocks.values():
                other.rest(at)
        elif clock is None:
            return
        elif kind == "lease_granted":
            clock.work(at)
        elif kind in LETS_GO and clock.works_since is not None:
            clock.wait(at)
        elif kind in ("step_completed", "branch_completed"):
            self._complete(clock, at)

    def _complete(self, clock: _Clockwork, at: str) -> None:
        clock.rest(at)
        if clock.unit.step is not None:
            self._trigger(clock.unit.step, at)
            self._enter(clock.unit.step + 1, at)

    def _enter(self, step: int, at: str) -> None:
        """Begin with the first step from here on that has an agent; those without are done by themselves."""
        for unit in self._task.pipeline[step:]:
            if unit.agent is not None:
                self._clocks[unit.key].wait(at)
                return
            self._trigger(unit.step, at)

    def _trigger(self, step: int | None, at: str) -> None:
        for branch in self._task.branches.values():
            if branch.trigger_after_step == step:
                self._clocks[branch.key].wait(at)

    def _send_back(self, step: Any, at: str) -> None:
        if not isinstance(step, int):
            return
        for clock in self._clocks.values():
            unit = clock.unit  # a branch that is being worked on is void from now on
            begins = unit.step if unit.step is not None else unit.trigger_after_step
            if begins is not None and begins >= step:
                clock.rest(at)
        self._enter(step, at)

    def _branches(self, labels: Any, at: str, *, again: bool) -> None:
        for label in labels or ():
            branch = self._task.branches.get(label)
            if branch is not None:
                clock = self._clocks[branch.key]
                clock.wait(at) if again else clock.rest(at)
