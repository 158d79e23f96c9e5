"""The verbs of ``assignment.py`` that only look."""

from __future__ import annotations

from typing import Any

import click

from baton.cli.amounts import amounts
from baton.cli.assigned import (
    JOB_STATUSES,
    STATUSES,
    assignment_data,
    assignment_named,
    gist,
    job_data,
    job_named,
    job_status,
    status_word,
)
from baton.cli.assignment_worktrees import worktree_words
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.task_views import tasks_of
from baton.cli.wiring import Wiring
from baton.domain.priorities import rank_of
from baton.domain.readiness import Why, open_units
from baton.domain.records import Task, Unit
from baton.domain.usage import NOTHING
from baton.engine.job_facts import whole_message

QUEUES = ("running", "ready", "waiting", "blocked")


@script("show", "queue", name="queue", example="assignment.py queue")
@click.option("--namespace", metavar="N", help="Only this one.")
def queue(wiring: Wiring, namespace: str | None) -> Answer:
    """Show what runs, is ready, waits or is blocked. Most urgent first."""
    reasons = wiring.reasons()
    data: dict[str, list[dict[str, Any]]] = {name: [] for name in QUEUES}
    for task in _assignments(wiring, namespace):
        units = (task.current,) if task.blocked is not None else open_units(task) or [task.current]
        for unit in units:
            reason = reasons.of(task, unit)
            line = _line(task, unit) | {"why": reason.why, "text": reason.text, "cure": reason.cure}
            data[_queue_of(reason.why)].append(line)
    rows = [
        (name, one["assignment"], one["job"], one["type"], one["namespace"], one["priority"], one["text"])
        for name, lines in data.items()
        for one in lines
    ]
    heads = ("", "assignment", "job", "type", "namespace", "priority", "why")
    return Answer(data, table(heads, rows, empty="No assignments."))


@script("list", "assignments", name="list", example="assignment.py list --status blocked")
@click.option("--namespace", metavar="N", help="Only this one.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those of this status.")
@click.option("--all", "everything", is_flag=True, help="Finished ones too.")
def list_(wiring: Wiring, namespace: str | None, status: str | None, everything: bool) -> Answer:
    """List assignments, most urgent first, then oldest."""
    archived = everything or status in ("complete", "cancelled")
    found = [task for task in _assignments(wiring, namespace, archived) if status in (None, status_word(task))]
    data = [
        {key: value for key, value in assignment_data(wiring, task).items() if key not in ("jobs", "north_star")}
        | {"job_count": len(task.pipeline)}
        for task in found
    ]
    rows = [(d["id"], d["status"], d["namespace"], d["priority"], d["job_count"], d["head"], d["title"]) for d in data]
    heads = ("assignment", "status", "namespace", "priority", "jobs", "at", "title")
    return Answer(data, table(heads, rows, empty="No assignments."))


@script("show", "assignment", example="assignment.py show fix-login", id_option="assignment")
@click.argument("assignment", required=False)
def show(wiring: Wiring, assignment: str | None) -> Answer:
    """Show it with its jobs. North star, artifacts, decisions, results."""
    task = assignment_named(wiring, assignment)
    return Answer(assignment_data(wiring, task), lambda: _words(wiring, task))


@script(
    "list",
    "jobs of assignment",
    name="jobs",
    example="assignment.py jobs fix-login --status failed",
    id_option="assignment",
)
@click.argument("assignment", required=False)
@click.option("--status", type=click.Choice(JOB_STATUSES), help="Only those of this status.")
def jobs(wiring: Wiring, assignment: str | None, status: str | None) -> Answer:
    """List its jobs in their order. Without ASSIGNMENT those of all live ones."""
    named = assignment or wiring.environ.get("BATON_TASK")
    tasks = [assignment_named(wiring, named)] if named else _assignments(wiring, None)
    found = [(task, unit) for task in tasks for unit in task.pipeline if status in (None, job_status(task, unit))]
    data = [job_data(task, unit, wiring.home.logs) for task, unit in found]
    return Answer(data, lambda: _jobs(found, with_assignment=not named))


@script("show", "job", name="job", example="assignment.py job fix-login/j3", id_option="job")
@click.argument("job")
def job(wiring: Wiring, job: str) -> Answer:
    """Show one job with its whole result. JOB is like fix-login/j3, or j3 inside a run."""
    task, unit = job_named(wiring, job)
    message = whole_message(unit, wiring.home.logs)
    data = job_data(task, unit, wiring.home.logs) | {"message": message}
    return Answer(data, lambda: _job(data))


LOOKING = [queue, list_, show, jobs, job]


def _assignments(wiring: Wiring, namespace: str | None, archived: bool = False) -> list[Task]:
    found = [
        task
        for task in tasks_of(wiring, archived=archived)
        if task.assignment is not None and namespace in (None, task.assignment.namespace)
    ]
    return sorted(found, key=lambda task: (task.is_finished, rank_of(task.priority), task.created_at, task.id))


def _queue_of(why: str) -> str:
    if why in (Why.HELD, Why.ENDING, Why.LOST):
        return "running"
    if why == Why.BLOCKED:
        return "blocked"
    return "ready" if why in (Why.READY, Why.NO_SLOT) else "waiting"


def _line(task: Task, unit: Unit) -> dict[str, Any]:
    assert task.assignment is not None
    return {
        "assignment": task.id,
        "job": unit.key,
        "type": unit.agent,
        "namespace": task.assignment.namespace,
        "priority": task.priority,
    }


def _words(wiring: Wiring, task: Task) -> str:
    assignment = task.assignment
    assert assignment is not None
    kind = "independent" if assignment.independent else "has its namespace's turn" if assignment.turn else "takes turns"
    lines = [
        f"{task.id}: {task.title} ({status_word(task)}, priority {task.priority})",
        f"  namespace {assignment.namespace}, {kind}" + (f"; repo {task.repo}" if task.repo else ""),
    ]
    if (words := worktree_words(wiring, task)) is not None:
        lines.append(f"  worktree  {words}")
    if task.blocked is not None:
        lines.append(f"  blocked   {task.blocked.kind}: {task.blocked.reason}")
    elif not task.is_finished:
        lines.append(f"  waits     {wiring.reasons().of(task, task.current).text}")
    if assignment.alignment is not None:
        lines.append(f"  alignment {assignment.alignment}: {assignment.alignment_notes or ''}")
    if task.usage != NOTHING:
        lines.append(f"  used      {amounts(task.usage)}")
    lines += ["", "North star:", *(f"  {line}" for line in assignment.north_star.splitlines())]
    if assignment.artifacts:
        lines += ["", "Artifacts:", *(f"  {line}" for line in assignment.artifacts)]
    if assignment.decisions:
        lines += ["", "Decisions:", *(f"  {one.by}: {one.text}" for one in assignment.decisions)]
    lines += ["", _jobs([(task, unit) for unit in task.pipeline], with_assignment=False)]
    if task.is_finished and assignment.completion:
        lines += ["", f"Reached: {assignment.completion}"]
    return "\n".join(lines)


def _jobs(found: list[tuple[Task, Unit]], *, with_assignment: bool) -> str:
    rows = [
        (
            f"{task.id}/{unit.key}" if with_assignment else unit.key,
            unit.agent,
            job_status(task, unit),
            unit.job.group if unit.job is not None else None,
            unit.harness,
            gist(unit),
        )
        for task, unit in found
    ]
    return table(("job", "type", "status", "group", "harness", "result"), rows, empty="No jobs.")


def _job(data: dict[str, Any]) -> str:
    metrics = data["metrics"]
    lines = [
        f"{data['assignment']}/{data['id']}: {data['type']} ({data['status']}), inserted by {data['by'] or 'baton'}",
        f"  took {metrics['seconds'] if metrics['seconds'] is not None else '?'} s, "
        f"{metrics['tool_calls'] if metrics['tool_calls'] is not None else '?'} tool calls, "
        f"{metrics['tokens'] if metrics['tokens'] is not None else '?'} tokens",
    ]
    for name in ("harness", "model", "failure", "context"):
        if data[name]:
            lines.append(f"  {name}: {data[name]}")
    if data["outputs"]:
        lines.append(f"  outputs: {', '.join(data['outputs'])}")
    return "\n".join([*lines, "", data["message"] or "(no result)"])
