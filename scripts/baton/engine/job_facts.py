"""What the agent of a job is told of its assignment: the north star, what was found and decided, the results so far."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from baton.domain.assignment_line import cost_of, waiting_behind
from baton.domain.assignments import GUARDIAN, JOB_TYPES, LOOKERS, PM, RETROSPECT, Assignment
from baton.domain.records import Lease, Result, Task, Unit
from baton.domain.skills import Skill
from baton.domain.worktrees import branch_worked_on
from baton.engine.past_work import past_failures

TEXT_LIMIT = 2000
GIST_LIMIT = 120
MESSAGE_FILE = ".result.md"
ANY_JOB = "job"


def made_up_skill(type: str) -> Skill:
    """Return the agent of a job type for which there is no skill folder: its prompt's template says all of it."""
    return Skill(name=type, description=f"Does {type} jobs of assignments.", folder="", shipped=True)


def has_template(type: str) -> bool:
    """Tell whether a job of this type can be done without a skill folder."""
    return type in JOB_TYPES


def template_of(type: str) -> str:
    """Return the name of the prompt template of a job type: one of its own, or the one for any other agent."""
    return f"job-{type}" if has_template(type) else ANY_JOB


def job_facts(task: Task, unit: Unit, lease: Lease, logs: str) -> dict[str, Any]:
    """Return the facts for the template of a job's prompt, beside those of any step's."""
    assignment, job = task.assignment, unit.job
    assert assignment is not None and job is not None
    facts = {
        "assignment": {
            "id": task.id,
            "title": task.title,
            "north_star": assignment.north_star,
            "namespace": assignment.namespace,
            "artifacts": list(assignment.artifacts),
            "decisions": [{"at": one.at, "by": one.by, "text": one.text} for one in assignment.decisions],
            "alignment": assignment.alignment.value if assignment.alignment is not None else None,
            "alignment_notes": assignment.alignment_notes,
        },
        "job": {"id": unit.key, "type": lease.agent, "context": job.context, "group": job.group, "by": job.by},
        "results": [result_facts(one, logs) for one in seen_by(task, unit)],
        "line": [line_facts(one) for one in task.pipeline],
        "waiting": [one.key for one in waiting_behind(task, unit.key)],
        "limits": _limits(task, assignment),
        "worktree": {"branch": branch} if (branch := branch_worked_on(task)) is not None else None,
        "decided": None,
    }
    if unit.agent == GUARDIAN:
        facts["decided"] = _decided(task, unit, assignment)
    return facts


def seen_by(task: Task, unit: Unit) -> list[Unit]:
    """Return the jobs whose results an agent is told, in order.

    A pm sees all since the last pm; a retrospect or guardian the job it is about; any other the last work and the pm
    that wanted it.
    """
    assert unit.step is not None
    before = [one for one in task.pipeline[: unit.step] if one.result is not None or one.failures]
    if unit.agent == PM:
        place = max((place for place, one in enumerate(before) if one.agent == PM), default=-1)
        return before[place + 1 :] or before[-1:]
    if unit.agent == GUARDIAN:
        return [one for one in before if one.agent == PM][-1:]
    work = [one for one in before if one.agent not in LOOKERS and not _is_member(unit, one)]
    if unit.agent == RETROSPECT:
        return work[-1:]
    last = [one for one in work if one.agent != RETROSPECT][-1:]
    group = last[0].job.group if last and last[0].job is not None else None
    if group is not None:
        last = [one for one in work if one.job is not None and one.job.group == group]
    asked = [one for one in before if unit.job is not None and one.key == unit.job.by]
    return [*last, *asked]


def result_facts(unit: Unit, logs: str, limit: int = TEXT_LIMIT) -> dict[str, Any]:
    """Return what a job left, shortened, with the file in which its whole last message is."""
    result = unit.result
    file = message_file(unit, logs)
    text, is_shortened = _text(result, file, limit)
    return {
        "id": unit.key,
        "type": unit.agent,
        "status": unit.status.value,
        "harness": unit.harness,
        "model": unit.model,
        "context": unit.job.context if unit.job is not None else "",
        "text": text,
        "is_shortened": is_shortened,
        "file": file,
        "outputs": list(result.outputs) if result is not None else [],
        "data": result.data if result is not None else None,
        "failures": past_failures(unit),
        "attempts": unit.attempts,
    }


def line_facts(unit: Unit) -> dict[str, Any]:
    """Return one job of the line in short."""
    said = (unit.result.summary or "") if unit.result is not None else ""
    gist = " ".join(said.split())
    return {
        "id": unit.key,
        "type": unit.agent,
        "status": unit.status.value,
        "gist": gist if len(gist) <= GIST_LIMIT else gist[: GIST_LIMIT - 3] + "...",
    }


def message_file(unit: Unit, logs: str) -> str | None:
    """Return the file that holds the whole last message of a job; ``None`` where there is none (any more)."""
    run = unit.result.run if unit.result is not None else None
    if run is None:
        return None
    path = os.path.join(logs, unit.agent or "", f"{run}{MESSAGE_FILE}")
    return path if os.path.isfile(path) else None


def whole_message(unit: Unit, logs: str) -> str:
    """Return the last message of a job, whole where its file is still there; before it what it reported, if it did."""
    file = message_file(unit, logs)
    said = (unit.result.summary or "") if unit.result is not None else ""
    if file is None:
        return said
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            message = opened.read()
    except OSError:
        return said
    return joined(said, message)


def joined(said: str, message: str) -> str:
    """Return what a job reported and its last message together, once where one begins with the other."""
    said, message = said.strip(), message.strip()
    if not said or message.startswith(said.removesuffix("...")):
        return message or said
    return f"{said}\n\n{message}" if message and not said.startswith(message) else said


def shortened(text: str, limit: int) -> str:
    """Return the text, cut to so many characters."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _text(result: Result | None, file: str | None, limit: int) -> tuple[str, bool]:
    said = (result.summary or "") if result is not None else ""
    message = ""
    if file is not None:
        try:
            with open(file, encoding="utf-8", errors="replace") as opened:
                message = opened.read(limit + 1)
        except OSError:
            message = ""
    text = joined(said, message)
    return shortened(text, limit), len(text) > limit


def _is_member(unit: Unit, other: Unit) -> bool:
    return (
        unit.job is not None
        and unit.job.group is not None
        and other.job is not None
        and other.job.group == unit.job.group
    )


def _limits(task: Task, assignment: Assignment) -> dict[str, Any]:
    work = sum(unit.agent not in LOOKERS for unit in task.pipeline)
    limit = assignment.rules.cost_usd
    return {
        "jobs_left": max(0, assignment.rules.jobs - work),
        "cost_left": None if limit is None else round(max(0.0, limit - cost_of(task)), 2),
    }


def _decided(task: Task, unit: Unit, assignment: Assignment) -> dict[str, Any]:
    """Return what the pm decided that a guardian looks at."""
    pm = next((one for one in reversed(task.pipeline[: unit.step]) if one.agent == PM), None)
    key = pm.key if pm is not None else ""
    return {
        "inserted": _jobs(one for one in task.pipeline if one.job is not None and one.job.by == key),
        "decisions": [one.text for one in assignment.decisions if one.by == key],
        "completes": assignment.completion is not None,
        "summary": assignment.completion,
    }


def _jobs(units: Iterable[Unit]) -> list[dict[str, Any]]:
    return [
        {"id": one.key, "type": one.agent, "context": one.job.context if one.job else "", "harness": one.harness}
        for one in units
    ]
