"""Activities: what happened, in words and of one of a few types; a pure function of the log's events.

An event that is not known here is told by its own name: what is added later is never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from baton.domain.statuses import Outcome

Event = Mapping[str, Any]
Data = Mapping[str, Any]
TEXT_LIMIT = 300


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
    """One thing that happened; ``event`` is the name that the log has for it."""

    at: str
    type: ActivityType
    event: str
    project: str | None
    campaign: str | None
    task: str | None
    agent: str | None
    run: str | None
    text: str


def activity_of(event: Event, project: str | None = None) -> Activity:
    """Return what an event of the log tells. What agents and people wrote is squeezed into one line."""
    data = _data(event)
    kind = str(event.get("type", "event"))
    text = " ".join(_WORDS.get(kind, _any_words)(data, kind).split())
    return Activity(
        at=str(event.get("at", "")),
        type=type_of(event),
        event=kind,
        project=project,
        campaign=event.get("campaign"),
        task=event.get("task"),
        agent=data.get("agent") or data.get("by"),
        run=event.get("run"),
        text=text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 3]}...",
    )


def type_of(event: Event) -> ActivityType:
    """Return the type of an event."""
    kind, data = event.get("type"), _data(event)
    if kind == "lease_granted":
        return ActivityType.RETRY if (data.get("attempt") or 1) > 1 else ActivityType.START
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
    "campaign_activated": ActivityType.START,
    "campaign_reopened": ActivityType.START,
    "run_reported": ActivityType.PROGRESS,
    "campaign_generated": ActivityType.PROGRESS,
    "dependency_met": ActivityType.PROGRESS,
    "step_completed": ActivityType.COMPLETE,
    "branch_completed": ActivityType.COMPLETE,
    "task_completed": ActivityType.COMPLETE,
    "campaign_completed": ActivityType.COMPLETE,
    "agent_crashed": ActivityType.ERROR,
    "task_blocked": ActivityType.ERROR,
    "revision_requested": ActivityType.RETRY,
    "task_retried": ActivityType.RETRY,
    "branches_retriggered": ActivityType.RETRY,
    "lease_revoked": ActivityType.WARNING,
    "lease_expired": ActivityType.WARNING,
    "wish_changed": ActivityType.WARNING,
    "task_cancelled": ActivityType.WARNING,
    "task_deleted": ActivityType.WARNING,
    "branches_cleared": ActivityType.WARNING,
    "campaign_paused": ActivityType.WARNING,
    "command_refused": ActivityType.WARNING,
}


# -- the words ----------------------------------------------------------------------------------------------------


def _any_words(data: Data, kind: str) -> str:
    return kind.replace("_", " ") + _by(data) + _after(": ", data.get("reason"))


def _by(data: Data) -> str:
    return _after(" by ", data.get("by"))


def _granted(data: Data, kind: str) -> str:
    if "attempt" not in data:
        return f"{data.get('agent')} took it by hand"
    again = f", attempt {data['attempt']}" if data["attempt"] > 1 else ""
    return f"{data.get('agent')} began{_at_step(data)}{again}"


def _released(data: Data, kind: str) -> str:
    return f"{data.get('agent')} gave it back" + _after(", asked by ", data.get("by"))


def _reported(data: Data, kind: str) -> str:
    return f"{data.get('agent')} reported: {str(data.get('kind')).replace('_', ' ')}"


def _ended(data: Data, kind: str) -> str:
    code = _after(" with exit code ", data.get("exit_code"))
    outcome = str(data.get("outcome")).replace("_", " ")
    return f"the run of {data.get('agent')} ended: {outcome}{code}" + _after(": ", data.get("message"))


def _crashed(data: Data, kind: str) -> str:
    return f"{data.get('agent')} crashed" + _after(": ", data.get("message"))


def _completed(data: Data, kind: str) -> str:
    what = f"branch '{data['branch']}'" if "branch" in data else f"step {data.get('step')}"
    score = data.get("quality_score")
    quality = "" if score is None else f" (quality {score:g})"
    return f"{data.get('agent')} completed {what}{quality}" + _after(": ", data.get("summary"))


def _sent_back(data: Data, kind: str) -> str:
    return f"sent back to step {data.get('to_step')}{_by(data)}" + _after(": ", data.get("notes"))


def _blocked(data: Data, kind: str) -> str:
    return f"blocked ({data.get('kind')})" + _after(": ", data.get("reason"))


def _commented(data: Data, kind: str) -> str:
    return f"{data.get('by')} says: {data.get('text')}"


def _updated(data: Data, kind: str) -> str:
    fields = data.get("fields") or [key for key in data if key != "by"]
    return f"changed{_by(data)}: {', '.join(map(str, fields))}"


def _created(data: Data, kind: str) -> str:
    return kind.split("_")[0] + " made" + _after(": ", data.get("title") or data.get("name"))


def _task_completed(data: Data, kind: str) -> str:
    return "task completed"


def _campaign_completed(data: Data, kind: str) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in (data.get("counts") or {}).items())
    return "campaign completed" + _after(": ", counts)


def _counted(data: Data, kind: str) -> str:
    more = f": {data['tasks']} tasks" if "tasks" in data else _after(": task ", data.get("task"))
    return kind.replace("_", " ") + _by(data) + more


def _branches(data: Data, kind: str) -> str:
    return f"{kind.replace('_', ' ')}{_by(data)}: {', '.join(data.get('branches') or ())}"


def _met(data: Data, kind: str) -> str:
    return f"{data.get('dependency')}, which it waited for, is completed"


def _refused(data: Data, kind: str) -> str:
    return f"{data.get('command')} refused" + _after(": ", data.get("reason"))


def _at_step(data: Data) -> str:
    return _after(" step ", data.get("step"))


def _after(joint: str, value: Any) -> str:
    return "" if value is None or value == "" else f"{joint}{value}"


def _data(event: Event) -> Data:
    data = event.get("data")
    return data if isinstance(data, Mapping) else {}


_WORDS: dict[str, Callable[[Data, str], str]] = {
    "task_created": _created,
    "campaign_created": _created,
    "lease_granted": _granted,
    "lease_released": _released,
    "run_reported": _reported,
    "run_ended": _ended,
    "agent_crashed": _crashed,
    "step_completed": _completed,
    "branch_completed": _completed,
    "revision_requested": _sent_back,
    "task_blocked": _blocked,
    "task_commented": _commented,
    "task_updated": _updated,
    "campaign_updated": _updated,
    "task_completed": _task_completed,
    "campaign_completed": _campaign_completed,
    "campaign_activated": _counted,
    "campaign_generated": _counted,
    "campaign_extended": _counted,
    "branches_retriggered": _branches,
    "branches_cleared": _branches,
    "dependency_met": _met,
    "command_refused": _refused,
}
