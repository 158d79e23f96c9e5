"""The words for what happened: one sentence an event, the same in time lines, messages and lists of failures.

An event that is not known here is told by its own name: what is added later is never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Event = Mapping[str, Any]
Data = Mapping[str, Any]


def sentence_of(event: Event, limit: int, subject: str | None = None) -> str:
    """Return what an event of the log tells, in one line of at most ``limit`` characters.

    ``subject`` names whom it is about, where nothing around the sentence does. Of the event its ``type`` and ``data``
    are used. What agents and people wrote is squeezed into the line: nothing that they write can look like another.
    """
    kind, data = str(event.get("type", "event")), data_of(event)
    if kind in _FATES:
        text = f"{subject or _whole(kind, data)} {_FATES[kind](data)}"
    else:
        text = _DEEDS[kind](data) if kind in _DEEDS else kind.replace("_", " ") + _after(": ", data.get("reason"))
        text = f"{subject}: {text}" if subject is not None else text
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def subject_of(event: Event) -> str:
    """Return whom an event is about, to begin a sentence with where nothing around it says."""
    if str(event.get("type")).startswith("harness"):  # the task in which it was noticed is not what it is about
        return f"Harness {data_of(event).get('harness')}"
    for kind in ("task", "campaign"):
        if event.get(kind):
            return f"{kind.capitalize()} {event[kind]}"
    if data_of(event).get("agent"):
        return f"Agent {data_of(event)['agent']}"
    return "Baton"


def data_of(event: Event) -> Data:
    """Return the data of an event; none where a damaged line has something else."""
    data = event.get("data")
    return data if isinstance(data, Mapping) else {}


def _whole(kind: str, data: Data) -> str:
    if kind.startswith("harness"):
        return f"harness {data.get('harness')}"
    if kind.startswith("product"):
        return f"product {data.get('product')} of project {data.get('project')}"
    if kind.startswith("focus_group_"):
        return f"focus group {data.get('group')} of project {data.get('project')}"
    if "project" in data and kind.startswith(("project", "focus_groups")):
        return f"project {data['project']}"
    return "the campaign" if kind.startswith("campaign") else "the task"


def _after(joint: str, value: Any) -> str:
    return "" if value is None or value == "" else f"{joint}{value}"


def _by(data: Data) -> str:
    return _after(" by ", data.get("by"))


def _agent(data: Data) -> str:
    return str(data.get("agent") or "somebody")


def _counted(count: Any, noun: str) -> str:
    return "" if count is None else f"{count} {noun}{'' if count == 1 else 's'}"


def _quality(data: Data) -> str:
    score = data.get("quality_score")
    return "" if score is None else f" (quality {score:g})"


def _happened(participle: str) -> Callable[[Data], str]:
    """The fate of whoever was changed by somebody, for a reason where one was given."""
    return lambda data: f"{participle}{_by(data)}{_after(': ', data.get('reason'))}"


# -- what became of the task, or of the campaign ------------------------------------------------------------------


def _made(data: Data) -> str:
    return "was made" + _after(": ", data.get("title") or data.get("name"))


def _changed(data: Data) -> str:
    fields = data.get("fields") or [key for key in data if key != "by"]
    return f"was changed{_by(data)}: {', '.join(map(str, fields))}"


def _blocked(data: Data) -> str:
    kind = data.get("kind")
    return f"is blocked{'' if kind is None else f' ({kind})'}" + _after(": ", data.get("reason"))


def _sent_back(data: Data) -> str:
    agents = data.get("agents")
    to = (
        _after(" to ", ", ".join(map(str, agents)))
        if isinstance(agents, list)
        else _after(" to step ", data.get("to_step"))
    )
    return f"was sent back{to}{_by(data)}" + _after(": ", data.get("notes"))


def _approved(data: Data) -> str:
    return f"was found good{_by(data)}" + _after(": ", data.get("notes"))


def _task_completed(data: Data) -> str:
    return "is completed" + _after(": ", data.get("title")) + _quality(data)


def _campaign_completed(data: Data) -> str:
    counts = data.get("counts") or {}
    return "is completed" + _after(": ", ", ".join(f"{count} {status}" for status, count in counts.items()))


def _activated(data: Data) -> str:
    return "is active" + _after(": ", _counted(data.get("tasks"), "task"))


def _generated(data: Data) -> str:
    return "has all its tasks" + _after(": ", data.get("tasks"))


def _extended(data: Data) -> str:
    more = _counted(data.get("tasks"), "task") or f"task {data.get('task')}"
    return f"was extended{_by(data)}: {more}"


def _imported(data: Data) -> str:
    counts = (("added", data.get("added")), ("changed", data.get("changed")))
    told = [f"{len(names)} {what}" for what, names in counts if isinstance(names, list | tuple) and names]
    return f"was given focus groups of product {data.get('product')}{_by(data)}{_after(': ', ', '.join(told))}"


def _parked(data: Data) -> str:
    said = _after(": ", data.get("reason"))
    end = _after(" until ", data.get("until")) or f"; when it is mended: agent.py unpark {data.get('harness')}"
    return f"is parked ({data.get('what')}{said}){end}"


_MAKING = (("project", "created"), ("product", "added"), ("focus_group", "added"))
_FATES: dict[str, Callable[[Data], str]] = {
    "task_created": _made,
    "task_updated": _changed,
    "task_blocked": _blocked,
    "task_unblocked": _happened("was unblocked"),
    "task_retried": _happened("was set to be tried again"),
    "revision_requested": _sent_back,
    "task_completed": _task_completed,
    "task_approved": _approved,
    "task_cancelled": _happened("was cancelled"),
    "task_published": lambda data: f"was published{_by(data)}{_after(': ', data.get('url'))}",
    "task_deleted": _happened("was deleted"),
    "campaign_created": _made,
    "campaign_updated": _changed,
    "campaign_activated": _activated,
    "campaign_generated": _generated,
    "campaign_extended": _extended,
    "campaign_paused": _happened("was paused"),
    "campaign_resumed": _happened("was resumed"),
    "campaign_reopened": lambda data: f"was opened again{_after(' for task ', data.get('task'))}",
    "campaign_revised": lambda data: f"is in revision{_by(data)}{_after(': task ', data.get('task'))}",
    "campaign_completed": _campaign_completed,
    **{f"{kind}_{word}": _made for kind, word in _MAKING},
    **{f"{kind}_updated": _changed for kind, _ in _MAKING},
    **{f"{kind}_archived": _happened("was archived") for kind, _ in _MAKING},
    **{f"{kind}_unarchived": _happened("is used again") for kind, _ in _MAKING},
    "focus_groups_imported": _imported,
    "harness_parked": _parked,
    "harness_resumed": lambda data: f"is used again{_after(': ', data.get('why'))}",
}


# -- what somebody did --------------------------------------------------------------------------------------------


def _granted(data: Data) -> str:
    if "attempt" not in data:
        return f"{_agent(data)} took it by hand"
    again = f", attempt {data['attempt']}" if data["attempt"] != 1 else ""
    return f"{_agent(data)} began{_after(' ', _place(data))}{again}"


def _place(data: Data) -> str:
    """A job by its key, since others are inserted before it; a step by its number."""
    unit = str(data.get("unit") or "")
    return f"job {unit}" if unit.startswith("j") else _after("step ", data.get("step"))


def _inserted(data: Data) -> str:
    jobs = ", ".join(f"{job.get('unit')} ({job.get('type')})" for job in data.get("jobs") or ())
    return f"{data.get('by') or 'somebody'} inserted {jobs}{_after(' behind ', data.get('after'))}"


def _noted(data: Data) -> str:
    lines = [*(data.get("decisions") or ()), *(data.get("artifacts") or ())]
    return f"{data.get('by') or 'somebody'} noted{_after(': ', '; '.join(map(str, lines)))}"


def _reported(data: Data) -> str:
    return f"{_agent(data)} reported: {str(data.get('kind')).replace('_', ' ')}"


def _ended(data: Data) -> str:
    return f"the run of {_agent(data)} ended: {_outcome(data)}"


def _crashed(data: Data) -> str:
    return f"{_agent(data)} {_outcome(data)}"


def _outcome(data: Data) -> str:
    code = _after(" with exit code ", data.get("exit_code") or None)
    return str(data.get("outcome")).replace("_", " ") + code + _after(": ", data.get("message"))


def _completed(data: Data) -> str:
    what = f"branch '{data['branch']}'" if "branch" in data else _place(data) or "its part"
    return f"{_agent(data)} completed {what}{_quality(data)}" + _after(": ", data.get("summary"))


def _asked_service(data: Data) -> str:
    took = data.get("duration_seconds")
    how = f"{str(data.get('status')).replace('_', ' ')}{f' after {took:g} s' if isinstance(took, int | float) else ''}"
    who = data.get("agent") or data.get("by") or "somebody"
    return f"{who} asked {data.get('service')} ({data.get('capability')}): {how}" + _after(": ", data.get("message"))


def _fed(data: Data) -> str:
    return "something, and not yet enough," if data.get("enough") is False else "enough"


def _branches(verb: str) -> Callable[[Data], str]:
    return lambda data: f"{data.get('by') or 'somebody'} {verb}: {', '.join(data.get('branches') or ())}"


_DEEDS: dict[str, Callable[[Data], str]] = {
    "lease_granted": _granted,
    "run_started": lambda data: f"a heartbeat of {_agent(data)} began{_after(' for project ', data.get('project'))}",
    "heartbeat_skipped": lambda data: (
        f"a heartbeat of {_agent(data)} was passed over{_after(': ', data.get('reason'))}"
    ),
    "agent_heard": lambda data: f"{_agent(data)} is there{_after(': ', data.get('note'))}",
    "project_fed": lambda data: f"project {data.get('project')} has {_fed(data)} to do again",
    "lease_renewed": lambda data: f"{_agent(data)} goes on with it by hand",
    "lease_released": lambda data: f"{_agent(data)} gave it back{_after(', asked by ', data.get('by'))}",
    "lease_expired": lambda data: f"{_agent(data)} held it by hand for too long",
    "lease_revoked": lambda data: f"the run was told to end{_by(data)}{_after(': ', data.get('reason'))}",
    "wish_changed": lambda data: f"{data.get('by')} asked for something else{_after(': ', data.get('wish'))}",
    "run_reported": _reported,
    "run_ended": _ended,
    "agent_crashed": _crashed,
    "step_completed": _completed,
    "branch_completed": _completed,
    "branches_retriggered": _branches("started branches again"),
    "branches_cleared": _branches("did without branches"),
    "dependency_met": lambda data: f"{data.get('dependency')}, which it waited for, is completed",
    "backoff_ended": lambda data: "a back-off that no clock would reach was forgotten",
    "jobs_inserted": _inserted,
    "job_failed": lambda data: f"job {data.get('unit')} of {_agent(data)} has failed",
    "act_kept": lambda data: (
        f"{data.get('by')} of job {data.get('unit')} did this, for when it has ended: {data.get('act')}"
    ),
    "assignment_updated": _noted,
    "assignment_aligned": lambda data: (
        f"the guardian finds it {data.get('alignment')}{_after(': ', data.get('notes'))}"
    ),
    "turn_taken": lambda data: f"it is the turn of this assignment in namespace {data.get('namespace')}",
    "task_commented": lambda data: f"{data.get('by') or 'somebody'} says{_after(': ', data.get('text'))}",
    "memory_redacted": lambda data: f"secrets in {data.get('file')} were masked ({data.get('count')})",
    "memory_set_aside": lambda data: f"{data.get('file')} was set aside as {data.get('kept')}: {data.get('reason')}",
    "service_attempted": _asked_service,
    "command_refused": lambda data: f"{data.get('command')} refused{_after(': ', data.get('reason'))}",
}
