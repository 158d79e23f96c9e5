"""Activities: what happened, of one of a few types and in words; a pure function of the log's events."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from baton.domain.sentences import Event, data_of, sentence_of
from baton.domain.statuses import Outcome

MESSAGE_LIMIT = 300


class ActivityType(StrEnum):
    """What kind of thing happened."""

    START = "start"
    PROGRESS = "progress"
    COMPLETE = "complete"
    ERROR = "error"
    RETRY = "retry"
    INFO = "info"
    WARNING = "warning"


class Activity(Struct, frozen=True, kw_only=True):
    """One thing that happened: ``metadata`` is what the log's ``event`` has besides, as it stands there."""

    at: str
    type: ActivityType
    event: str
    project: str | None
    campaign: str | None
    task: str | None
    agent: str | None
    run: str | None
    message: str
    metadata: Mapping[str, Any]


def activity_of(event: Event, project: str | None = None) -> Activity:
    """Return what an event of the log tells; ``project`` is the one that its record belongs to."""
    data = data_of(event)
    return Activity(
        at=str(event.get("at", "")),
        type=type_of(event),
        event=str(event.get("type", "event")),
        project=project,
        campaign=event.get("campaign"),
        task=event.get("task"),
        agent=data.get("agent"),
        run=event.get("run"),
        message=sentence_of(event, MESSAGE_LIMIT),
        metadata=data,
    )


def type_of(event: Event) -> ActivityType:
    """Return the type of an event."""
    kind, data = event.get("type"), data_of(event)
    if kind == "lease_granted":
        return ActivityType.RETRY if (data.get("attempt") or 1) > 1 else ActivityType.START
    if kind == "service_attempted":
        return ActivityType.INFO if data.get("status") == "success" else ActivityType.WARNING
    if kind == "run_ended":
        return _ENDS.get(str(data.get("outcome")), ActivityType.ERROR)
    return _TYPES.get(str(kind), ActivityType.INFO)


_ENDS = {
    Outcome.COMPLETED.value: ActivityType.PROGRESS,
    Outcome.SENT_BACK.value: ActivityType.PROGRESS,
    Outcome.RELEASED.value: ActivityType.WARNING,
    Outcome.INTERRUPTED.value: ActivityType.WARNING,
    Outcome.KILLED.value: ActivityType.WARNING,
    Outcome.REVOKED.value: ActivityType.WARNING,
    Outcome.NEVER_STARTED.value: ActivityType.WARNING,
}
_TYPES = {
    "run_started": ActivityType.START,
    "campaign_activated": ActivityType.START,
    "campaign_reopened": ActivityType.START,
    "run_reported": ActivityType.PROGRESS,
    "campaign_generated": ActivityType.PROGRESS,
    "dependency_met": ActivityType.PROGRESS,
    "step_completed": ActivityType.COMPLETE,
    "branch_completed": ActivityType.COMPLETE,
    "task_completed": ActivityType.COMPLETE,
    "task_approved": ActivityType.COMPLETE,
    "task_published": ActivityType.COMPLETE,
    "campaign_completed": ActivityType.COMPLETE,
    "agent_crashed": ActivityType.ERROR,
    "job_failed": ActivityType.ERROR,
    "jobs_inserted": ActivityType.PROGRESS,
    "task_blocked": ActivityType.ERROR,
    "revision_requested": ActivityType.RETRY,
    "task_retried": ActivityType.RETRY,
    "campaign_revised": ActivityType.RETRY,
    "branches_retriggered": ActivityType.RETRY,
    "lease_revoked": ActivityType.WARNING,
    "lease_expired": ActivityType.WARNING,
    "wish_changed": ActivityType.WARNING,
    "task_cancelled": ActivityType.WARNING,
    "task_deleted": ActivityType.WARNING,
    "branches_cleared": ActivityType.WARNING,
    "campaign_paused": ActivityType.WARNING,
    "command_refused": ActivityType.WARNING,
    "harness_parked": ActivityType.WARNING,
}
