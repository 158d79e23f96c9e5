"""What the verbs of ``assignment.py`` share: whom a word means, what is read from words, one job as programs see it."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from baton.cli.caller import person
from baton.cli.wiring import Wiring
from baton.domain.assignments import JOB_TYPES, NewJob, Rules
from baton.domain.errors import BatonError, InvalidInput, InvalidWord, TaskNotFound
from baton.domain.harness_names import HARNESSES, is_harness
from baton.domain.ids import check_agent, check_id
from baton.domain.records import Task, Unit
from baton.domain.statuses import TaskStatus, UnitStatus
from baton.domain.times import seconds_between
from baton.domain.usage import TOKENS
from baton.domain.worktrees import branch_of
from baton.engine.assigning import find_assignment
from baton.engine.job_facts import line_facts, message_file

TEXT_LIMIT = 256 * 1024
WORDS = {
    TaskStatus.BACKLOG: "pending",
    TaskStatus.BLOCKED: "blocked",
    TaskStatus.COMPLETED: "complete",
    TaskStatus.CANCELLED: "cancelled",
}
STATUSES = ("pending", "active", "blocked", "complete", "cancelled")
JOB_STATUSES = ("pending", "running", "complete", "failed")


class WrittenJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job as it is written in ``--jobs``."""

    type: str
    context: str = ""
    harness: str | None = None
    model: str | None = None


def assignment_named(wiring: Wiring, word: str | None) -> Task:
    """Return the assignment that is meant: by id, by a unique beginning of it, or ``BATON_TASK``."""
    word = word or wiring.environ.get("BATON_TASK")
    if not word:
        raise InvalidWord("no assignment is named", cure="name one, or set BATON_TASK")
    return find_assignment(wiring.store, check_id(word, "assignment"))


def job_named(wiring: Wiring, word: str) -> tuple[Task, Unit]:
    """Return the job that is meant: ``assignment/j3``, or ``j3`` of ``BATON_TASK``."""
    name, slash, key = word.rpartition("/")
    if not slash and not wiring.environ.get("BATON_TASK"):
        raise InvalidWord(f"'{word}' does not say of which assignment", cure="write it like fix-login/j3")
    task = assignment_named(wiring, name or None)
    for unit in task.pipeline:
        if unit.key == key:
            return task, unit
    raise TaskNotFound(f"assignment '{task.id}' has no job '{key}'", cure=f"assignment.py jobs {task.id} lists them")


def key_of(task: Task, word: str | None) -> str | None:
    """Return the key of a job of this very assignment."""
    if word is None:
        return None
    name, slash, key = word.rpartition("/")
    if slash and not task.id.startswith(name):
        raise InvalidWord(f"'{word}' is no job of '{task.id}'")
    return key


def who(wiring: Wiring) -> str:
    """Return the name under which a command stands in the history."""
    return person(wiring.environ)


def rules_for(wiring: Wiring, namespace: str) -> Rules:
    """Return what the settings say now for a namespace."""
    return wiring.config.settings().assignments.rules(namespace)


def jobs_from(wiring: Wiring, text: str) -> tuple[NewJob, ...]:
    """Return the jobs of ``--jobs``: a JSON list of objects with type, context, harness, model; or one object."""
    data = said(text, "--jobs").encode()
    try:
        written = msgspec.json.decode(data, type=WrittenJob | tuple[WrittenJob, ...])
    except msgspec.DecodeError as error:
        cure = 'write it like \'[{"type": "review", "harness": "codex", "context": "..."}]\''
        raise InvalidWord(f"--jobs: {error}", cure=cure) from None
    many = written if isinstance(written, tuple) else (written,)
    if not many:
        raise InvalidWord("--jobs is an empty list")
    return tuple(job_from(wiring, one.type, one.context, one.harness, one.model) for one in many)


def job_from(wiring: Wiring, type: str, context: str, harness: str | None, model: str | None) -> NewJob:
    """Return a job; refuse a type that nobody could do, and a harness that there is not."""
    check_agent(type)
    if type not in JOB_TYPES:
        try:
            wiring.agents.find(type)
        except BatonError as error:
            known = ", ".join(JOB_TYPES)
            raise InvalidInput(
                f"type '{type}': {error.message}", cure=f"use one of {known}, or an agent's name"
            ) from None
    if harness is not None and not is_harness(harness):
        raise InvalidWord(f"harness '{harness}' is not one of {', '.join(HARNESSES)}")
    return NewJob(type=type, context=said(context, "--context"), harness=harness, model=model)


def said(text: str, option: str) -> str:
    """Return the words of an option; ``-`` is what stands on standard input."""
    text = sys.stdin.read() if text == "-" else text
    if len(text.encode("utf-8", "surrogateescape")) > TEXT_LIMIT:
        raise InvalidWord(f"{option} is larger than 256 KB", cure="write it to a file, and name that")
    return text.strip()


# -- as programs see it -------------------------------------------------------------------------------------------


def status_word(task: Task) -> str:
    """Return the word for where an assignment stands."""
    return WORDS.get(task.status, "active")


def job_status(task: Task, unit: Unit) -> str:
    """Return the word for where a job stands."""
    if unit.status is UnitStatus.COMPLETED:
        return "complete"
    if unit.status in (UnitStatus.FAILED, UnitStatus.SKIPPED):
        return unit.status.value
    return "running" if task.lease_of(unit.key) is not None else "pending"


def job_data(task: Task, unit: Unit, logs: str) -> dict[str, Any]:
    """Return one job as programs see it."""
    job, result = unit.job, unit.result
    assert job is not None
    failure = unit.failures[-1] if unit.failures else None
    end = unit.completed_at or (failure.at if failure is not None and unit.status is UnitStatus.FAILED else None)
    tokens = [getattr(unit.usage, name) for name in TOKENS]
    known = [count for count in tokens if count is not None]
    return {
        "id": unit.key,
        "assignment": task.id,
        "type": unit.agent,
        "status": job_status(task, unit),
        "harness": unit.harness,
        "model": unit.model,
        "context": job.context,
        "group": job.group,
        "by": job.by,
        "result": result.summary if result is not None else None,
        "result_file": message_file(unit, logs),
        "outputs": list(result.outputs) if result is not None else [],
        "data": result.data if result is not None else None,
        "failure": f"{failure.outcome}: {failure.message}".strip(": ") if failure is not None else None,
        "attempts": unit.attempts,
        "started_at": unit.started_at,
        "completed_at": end,
        "metrics": {
            "tool_calls": job.tool_calls,
            "tokens": sum(known) if known else None,
            "seconds": round(seconds_between(unit.started_at, end), 3) if unit.started_at and end else None,
        },
    }


def assignment_data(wiring: Wiring, task: Task) -> dict[str, Any]:
    """Return an assignment as programs see it, with its jobs."""
    assignment, logs = task.assignment, wiring.home.logs
    assert assignment is not None
    return {
        "id": task.id,
        "title": task.title,
        "namespace": assignment.namespace,
        "status": status_word(task),
        "blocked_reason": task.blocked.reason if task.blocked is not None else None,
        "blocked_kind": task.blocked.kind if task.blocked is not None else None,
        "priority": task.priority,
        "independent": assignment.independent,
        "turn": assignment.turn,
        "north_star": assignment.north_star,
        "alignment": assignment.alignment,
        "alignment_notes": assignment.alignment_notes,
        "artifacts": list(assignment.artifacts),
        "decisions": [{"at": one.at, "by": one.by, "text": one.text} for one in assignment.decisions],
        "completion": assignment.completion if task.status is TaskStatus.COMPLETED else None,
        "repo": task.repo,
        "worktree": {"path": wiring.workspaces.path(task), "branch": branch_of(task.id)}
        if assignment.worktree
        else None,
        "head": task.current.key,
        "created_at": task.created_at,
        "completed_at": task.completed_at,
        "usage": msgspec.to_builtins(task.usage),
        "jobs": [job_data(task, unit, logs) for unit in task.pipeline],
    }


def gist(unit: Unit) -> str:
    """Return what a job said, in one line."""
    if unit.result is None and unit.failures:
        return f"{unit.failures[-1].outcome}: {unit.failures[-1].message}".replace("\n", " ")[:100]
    return str(line_facts(unit)["gist"])
