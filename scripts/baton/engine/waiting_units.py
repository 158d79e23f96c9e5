"""All that waits: each unit that does not run, with its reason, most urgent first; counts and the first few of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from baton.domain.priorities import rank_of
from baton.domain.readiness import Reason, Why, open_units
from baton.domain.records import Task, Unit
from baton.domain.statuses import LeaseKind
from baton.engine.reasons import Reasons

# How reasons are ordered among equals: what needs a person, then what moves by itself, and soonest.
ORDER = (
    Why.BLOCKED, Why.LOST, Why.READY, Why.NO_SLOT, Why.STOPPED, Why.BACKOFF, Why.NOT_BEFORE, Why.HELD, Why.ENDING,
    Why.PARKED, Why.CAMPAIGN, Why.TURN, Why.BRANCHES, Why.DEPENDENCY, Why.NOT_ITS_TURN, Why.FINISHED,
)  # fmt: skip


class WaitingUnit(Struct, frozen=True, kw_only=True):
    """A unit and its reason, as programs are told it: ``unit`` is its key, ``cure`` one command that would change it."""

    task: str
    unit: str
    why: str
    text: str
    until: str | None
    place: int | None
    cure: str | None


def waiting_unit(task: Task, unit: Unit, reason: Reason) -> WaitingUnit:
    """Return a unit with its reason."""
    return WaitingUnit(
        task=task.id,
        unit=unit.key,
        why=reason.why.value,
        text=reason.text,
        until=reason.until,
        place=reason.place,
        cure=reason.cure,
    )


def all_that_waits(tasks: Iterable[Task], reasons: Reasons) -> list[WaitingUnit]:
    """Return what does not run of these tasks, most urgent first. What is being run does not wait."""
    found = [
        (rank_of(task.priority), waiting_unit(task, unit, reason))
        for task in tasks
        for unit, reason in _waiting(task, reasons)
    ]
    found.sort(key=lambda pair: (pair[0], order_of(pair[1].why), pair[1].place or 0, pair[1].until or "", pair[1].task))
    return [one for _, one in found]


def gist(waiting: Sequence[WaitingUnit], most: int) -> dict[str, Any]:
    """Return how many wait for which reason, and the first so many."""
    counts = Counter(one.why for one in waiting)
    return {"counts": dict(sorted(counts.items())), "first": list(waiting[:most])}


def order_of(why: str) -> int:
    """Return the place of a reason among others of the same priority."""
    return ORDER.index(Why(why))


def _waiting(task: Task, reasons: Reasons) -> list[tuple[Unit, Reason]]:
    if task.is_finished or not task.pipeline:
        return []
    # A block is the task's: one line for all its units. A line that is done waits for its branches, if none is open.
    units = [task.current] if task.blocked is not None else open_units(task) or [task.current]
    found = [(unit, reasons.of(task, unit)) for unit in units]
    return [(unit, reason) for unit, reason in found if not _is_run(task, unit, reason)]


def _is_run(task: Task, unit: Unit, reason: Reason) -> bool:
    lease = task.lease_of(unit.key)
    return reason.why in (Why.HELD, Why.ENDING) and lease is not None and lease.kind is LeaseKind.RUN
