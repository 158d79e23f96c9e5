"""How long each unit of a task waited and was worked on: sums over the events, purely.

Somebody works from a grant until that run, or that hand, is done. The main line waits whenever nobody works on it, from
the making of the task to its end, and whoever is granted next has waited; a branch waits from its turn on. Blocks, pauses
and back-offs are waiting, too.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from baton.domain.records import Task
from baton.domain.sentences import Data, Event, data_of
from baton.domain.statuses import BlockKind, UnitStatus
from baton.domain.times import seconds_between

DONE = (UnitStatus.COMPLETED, UnitStatus.SKIPPED)
ENDS = frozenset({"task_cancelled", "task_deleted"})
LETS_GO = frozenset({"run_ended", "lease_released", "lease_expired"})
COMPLETES = frozenset({"step_completed", "branch_completed"})


class UnitSpell(Struct, frozen=True, kw_only=True):
    """What became of one unit's time, in seconds; ``runs`` counts how often somebody began on it."""

    unit: str
    step: int | None
    branch: str | None
    agent: str | None
    waited_seconds: float
    worked_seconds: float
    runs: int


class _Sums:
    """The time of one unit so far. ``free_since``: a branch that was let go of, and is not done, waits since then."""

    def __init__(self, step: int | None, branch: str | None, agent: str | None) -> None:
        self.step = step
        self.branch = branch
        self.agent = agent
        self.waited = 0.0
        self.worked = 0.0
        self.runs = 0
        self.works_since: str | None = None
        self.free_since: str | None = None


def spells_of(task: Task, events: Iterable[Event], now: str) -> list[UnitSpell]:
    """Return the time of each unit that had its turn, up to ``now``. ``events``: the task's own, oldest first."""
    spells = _Spells(task)
    for event in events:
        spells.hear(event)
    spells.end(now)
    order = {unit.key: number for number, unit in enumerate(task.units())}
    return [
        UnitSpell(
            unit=key,
            step=sums.step,
            branch=sums.branch,
            agent=sums.agent,
            waited_seconds=round(sums.waited, 3),
            worked_seconds=round(sums.worked, 3),
            runs=sums.runs,
        )
        for key, sums in sorted(spells.sums.items(), key=lambda pair: order.get(pair[0], len(order)))
        if sums.runs or sums.waited
    ]


class _Spells:
    """Sums up while the events go by. ``_line_waits_since`` is ``None`` while the main line is worked on or done."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._whole = max((unit.step or 0 for unit in task.pipeline if unit.agent is not None), default=0)
        # The last step of the line that is done in this round, and in the round before: a fix passes over some.
        self._last = self._last_before = self._whole
        self._line_waits_since: str | None = None
        self.sums = {unit.key: _Sums(unit.step, task.label_of(unit.key), unit.agent) for unit in task.units()}

    def hear(self, event: Event) -> None:
        """Let one event happen."""
        kind, at, data = str(event.get("type")), str(event.get("at")), data_of(event)
        sums = self._sums_of(data)
        if kind == "task_created":
            self._line_waits_since = at
        elif kind == "revision_requested":
            self._send_back(data, at)
        elif kind == "task_blocked" and data.get("kind") == BlockKind.REVIEW:
            self._last = self._last_before  # it was not sent back after all
        elif kind == "branches_cleared":
            self._forget_turns()
        elif kind in ENDS:
            self._line_waits_since = None
        elif sums is None:
            return
        elif kind == "lease_granted":
            self._grant(sums, data, at)
        elif kind in LETS_GO:
            self._let_go(sums, at)
        elif kind in COMPLETES:
            self._complete(sums, at)

    def end(self, now: str) -> None:
        """Count what still waits or is worked on up to ``now``."""
        task = self._task
        if self._line_waits_since is not None and not task.is_finished:
            self.sums[task.current.key].waited += seconds_between(self._line_waits_since, now)
        for unit in task.units():
            sums = self.sums[unit.key]
            if sums.works_since is not None:
                sums.worked += seconds_between(sums.works_since, now)
            elif unit.step is None and unit.status not in DONE and unit.ready_at is not None and not task.is_finished:
                sums.waited += seconds_between(sums.free_since or unit.ready_at, now)

    def _sums_of(self, data: Data) -> _Sums | None:
        """Return the sums of the unit that an event is about; one that the record has no more counts all the same."""
        key = data.get("unit")
        if not isinstance(key, str):
            return None
        if key not in self.sums:
            self.sums[key] = _Sums(data.get("step"), data.get("branch"), data.get("agent"))
        return self.sums[key]

    def _grant(self, sums: _Sums, data: Data, at: str) -> None:
        since = sums.free_since or data.get("ready_at")
        if sums.step is not None:
            since, self._line_waits_since = self._line_waits_since, None
        sums.waited += seconds_between(since, at) if since is not None else 0.0
        sums.runs += 1
        sums.works_since = at

    def _let_go(self, sums: _Sums, at: str) -> None:
        if sums.works_since is None:
            return
        sums.worked += seconds_between(sums.works_since, at)
        sums.works_since = None
        sums.free_since = at
        if sums.step is not None:
            self._line_waits_since = at

    def _complete(self, sums: _Sums, at: str) -> None:
        self._let_go(sums, at)
        sums.free_since = None
        if sums.step is not None:
            self._line_waits_since = at if sums.step < self._last else None

    def _send_back(self, data: Data, at: str) -> None:
        self._forget_turns()
        if not isinstance(data.get("to_step"), int):
            return
        steps = data.get("steps")
        self._last_before, self._last = self._last, max(steps) if isinstance(steps, list) and steps else self._whole
        for sums in self.sums.values():
            if sums.step is not None:
                self._let_go(sums, at)  # a hand that sends back lets go by that
        self._line_waits_since = self._line_waits_since or at

    def _forget_turns(self) -> None:
        """From now on only a branch's own turn says since when it waits: it may have been reset, or done without."""
        for sums in self.sums.values():
            sums.free_since = None
