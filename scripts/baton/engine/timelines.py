"""Time lines: what happened to a task or a campaign, from the log, and how long each unit waited and was worked on.

The log is what is told; a record's own history is only its tail, and fills in what retention has taken from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins

from baton.domain.activities import Activity, activity_of
from baton.domain.campaigns import Campaign
from baton.domain.errors import BatonError
from baton.domain.records import Event, Task
from baton.domain.spells import UnitSpell, spells_of
from baton.ports import Store

# It says what the end of the run just before it has said; it is there for messages.
TOLD_TWICE = "agent_crashed"


class TaskSpell(Struct, frozen=True, kw_only=True):
    """The time of one task of a campaign, in seconds."""

    task: str
    status: str
    waited_seconds: float
    worked_seconds: float
    runs: int


class Timeline(Struct, frozen=True, kw_only=True):
    """What happened, oldest first, and where the time went.

    ``is_whole``: the log reaches back to the beginning; otherwise retention has taken the oldest, and times count from
    ``since``. Units that ran side by side count each.
    """

    task: str | None
    campaign: str | None
    is_whole: bool
    since: str | None
    activities: Sequence[Activity]
    units: Sequence[UnitSpell]
    tasks: Sequence[TaskSpell]
    waited_seconds: float
    worked_seconds: float


def task_timeline(store: Store, task: Task, now: str) -> Timeline:
    """Return the time line of a task."""
    events = _merged(store.log.about("task", task.id, task.created_at[:10]), task.history)
    units = spells_of(task, events, now)
    return Timeline(
        task=task.id,
        campaign=task.campaign,
        is_whole=_begins(events, "task_created"),
        since=events[0]["at"] if events else None,
        activities=_activities(events, task.project),
        units=units,
        tasks=(),
        waited_seconds=_sum(unit.waited_seconds for unit in units),
        worked_seconds=_sum(unit.worked_seconds for unit in units),
    )


def campaign_timeline(store: Store, campaign: Campaign, now: str) -> Timeline:
    """Return the time line of a campaign and its tasks; a task whose record is gone or damaged has no times."""
    events = _merged(store.log.about("campaign", campaign.id, campaign.created_at[:10]), campaign.history)
    of_task: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if event.get("task") is not None:
            of_task.setdefault(event["task"], []).append(event)
    tasks = []
    for id in campaign.tasks:
        task = _read(store, id)
        if task is not None:
            tasks.append(_spell(task, spells_of(task, of_task.get(id, ()), now)))
    return Timeline(
        task=None,
        campaign=campaign.id,
        is_whole=_begins(events, "campaign_created"),
        since=events[0]["at"] if events else None,
        activities=_activities(events, campaign.project),
        units=(),
        tasks=tasks,
        waited_seconds=_sum(task.waited_seconds for task in tasks),
        worked_seconds=_sum(task.worked_seconds for task in tasks),
    )


def _merged(logged: Iterable[dict[str, Any]], history: Iterable[Event]) -> list[dict[str, Any]]:
    """Return each event once, oldest first; what happened in one instant stays in the order of the log.

    What only the history has is what retention took, before all else, or what could not be logged yet, behind it.
    """
    found = list(logged)
    known = {event.get("id") for event in found}
    early: list[dict[str, Any]] = []
    late: list[dict[str, Any]] = []
    for event in history:
        if event.id in known:
            early, late = [*early, *late], []
        else:
            late.append(to_builtins(event))
    return sorted([*early, *found, *late], key=lambda event: str(event.get("at")))


def _activities(events: Iterable[Mapping[str, Any]], project: str | None) -> list[Activity]:
    return [activity_of(event, project) for event in events if event.get("type") != TOLD_TWICE]


def _begins(events: Sequence[Mapping[str, Any]], first: str) -> bool:
    return any(event.get("type") == first for event in events)


def _read(store: Store, id: str) -> Task | None:
    try:
        return store.tasks.read(id)
    except BatonError:
        return None


def _spell(task: Task, units: Sequence[UnitSpell]) -> TaskSpell:
    return TaskSpell(
        task=task.id,
        status=task.status.value,
        waited_seconds=_sum(unit.waited_seconds for unit in units),
        worked_seconds=_sum(unit.worked_seconds for unit in units),
        runs=sum(unit.runs for unit in units),
    )


def _sum(seconds: Iterable[float]) -> float:
    return round(sum(seconds), 3)
