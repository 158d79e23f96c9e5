"""The verbs of ``task.py`` that only look."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from baton.cli.amounts import amounts, money
from baton.cli.paint import plain
from baton.cli.scope import of_projects, project_of
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import StateDamaged, StateNewer
from baton.domain.ids import check_id
from baton.domain.lineage import deliverables_of, listed
from baton.domain.priorities import rank_of
from baton.domain.readiness import Why, open_units
from baton.domain.records import Event, Task
from baton.domain.statuses import TaskStatus
from baton.domain.usage import NOTHING
from baton.engine.batches import in_words, progress_of_pieces
from baton.engine.reasons import Reasons
from baton.ports import Damage

SHOWN_EVENTS = 8
TOLD = 100
STATUSES = [status.value for status in TaskStatus if status is not TaskStatus.DELETED]


@script("list", "tasks", example="task.py list --campaign spring-launch --status blocked")
@click.option("--campaign", metavar="C", help="Only those of this campaign.")
@of_projects
@click.option("--status", metavar="S", type=click.Choice(STATUSES), help="Only those of this status.")
@click.option("--all", "everything", is_flag=True, help="Finished ones too.")
def list_(
    wiring: Wiring,
    campaign: str | None,
    project: str | None,
    all_projects: bool,
    status: str | None,
    everything: bool,
) -> Answer:
    """List live tasks, most urgent first, with what each waits for."""
    # Who names a campaign asks for its tasks, wherever it belongs.
    project = project_of(wiring, project, all_projects or (campaign is not None and project is None))
    found = [
        task
        for task in tasks_of(wiring, archived=everything or status in ("completed", "cancelled"))
        if campaign in (None, task.campaign) and project in (None, task.project) and status in (None, task.status)
    ]
    found.sort(key=lambda task: (task.is_finished, rank_of(task.priority), task.id))
    reasons = wiring.reasons()
    data = [summary(task, reasons) for task in found]
    # Which project a task is of is told where there are several: with one, nothing is.
    is_mixed = len({task.project for task in found}) > 1
    rows = [
        (
            d["id"],
            *([d["project"] or "-"] if is_mixed else []),
            *(d["status"], d["priority"], d["step"], d["agent"], "" if d["why"] == Why.FINISHED else d["waits"]),
        )
        for d in data
    ]
    heads = ("task", *(["project"] if is_mixed else []), "status", "priority", "step", "agent", "waits")
    return Answer(data, table(heads, rows, empty="No tasks."))


@script("list", "ready tasks", name="ready", example="task.py ready --json --project acme")
@of_projects
def ready(wiring: Wiring, project: str | None, all_projects: bool) -> Answer:
    """List what could be started now, most urgent first."""
    project = project_of(wiring, project, all_projects)
    reasons = wiring.reasons()
    data = [
        {
            "id": task.id,
            "campaign": task.campaign,
            "project": task.project,
            "status": task.status,
            "priority": task.priority,
            "step": unit.step,
            "agent": unit.agent,
            "ready_at": unit.ready_at,
        }
        for task in sorted(tasks_of(wiring), key=lambda task: (rank_of(task.priority), task.id))
        if project in (None, task.project)
        for unit in open_units(task)
        if reasons.standing(task, unit) is None
    ]
    rows = [(d["id"], d["priority"], d["step"], d["agent"], d["ready_at"]) for d in data]
    return Answer(data, table(("task", "priority", "step", "agent", "ready since"), rows, empty="Nothing is ready."))


@script("show", "task", example="task.py show spring-001\ntask.py show spring-001 --json", id_option="task")
@click.argument("task")
def show(wiring: Wiring, task: str) -> Answer:
    """Show one task: its record as JSON, or the gist of it."""
    record = wiring.task(check_id(task))
    return Answer(_data(wiring, record), lambda: _words(wiring, record))


@script("show", "steps of task", name="steps", example="task.py steps spring-001", id_option="task")
@click.argument("task")
def steps(wiring: Wiring, task: str) -> Answer:
    """Show the steps of a task, and its branches."""
    record = wiring.task(check_id(task))
    return Answer(record.units(), lambda: _steps(record))


LOOKING = [list_, ready, show, steps]


def tasks_of(wiring: Wiring, *, archived: bool = False) -> Iterator[Task]:
    """All live tasks that can be read, and the archived ones if they are wanted; each once, as a live one counts."""
    if not os.path.isdir(wiring.home.in_state("tasks")):
        return
    seen = set()
    for task in wiring.store.tasks.live():
        seen.add(task.id)
        if not isinstance(task, Damage):
            yield task
    for id in wiring.store.tasks.ids(archived=True) if archived else ():
        try:
            found = wiring.store.tasks.read(id) if id not in seen else None
        except (StateDamaged, StateNewer):
            continue  # as of the live ones: the others are listed all the same
        if found is not None and found.status != "deleted":
            yield found


def pieces_of(wiring: Wiring, task: Task) -> list[dict[str, Any]]:
    """How many pieces each unit of a batch has made; nothing for another task."""
    root = wiring.workspaces.path(task)
    return progress_of_pieces(task, lambda folder: wiring.workspaces.files_below(root, folder))


def summary(task: Task, reasons: Reasons) -> dict[str, Any]:
    """Return the gist of a task: where it stands, what it waits for, and one command that would change it."""
    reason = reasons.of(task, task.current)
    return {
        "id": task.id,
        "campaign": task.campaign,
        "project": task.project,
        "title": task.title,
        "status": task.status,
        "priority": task.priority,
        "step": task.current.step,
        "agent": task.current.agent,
        "locked_by": task.locked_by,
        "run": task.lease.run if task.lease is not None else None,
        "why": reason.why,
        "waits": reason.text,
        "cure": reason.cure,
    }


def _data(wiring: Wiring, task: Task) -> dict[str, Any]:
    """The record, and what is derived from it for readers, as far as there is any."""
    resources = listed(task)
    derived: dict[str, Any] = {
        "resources": resources,
        "resource_counts": dict(sorted(Counter(one["kind"] for one in resources).items())),
        "deliverable_statuses": deliverables_of(task),
        "progress": pieces_of(wiring, task),
    }
    record: dict[str, Any] = msgspec.to_builtins(task)
    return record | {key: value for key, value in derived.items() if value}


def _words(wiring: Wiring, task: Task) -> str:
    lines = [
        f"{task.id}: {task.title} ({task.status}, priority {task.priority})",
        f"  campaign  {task.campaign or '-'}   project {task.project or '-'}",
    ]
    if not task.is_finished:
        reason = wiring.reasons().of(task, task.current)
        if task.blocked is not None:
            lines.append(f"  blocked   {task.blocked.kind}: {task.blocked.reason}")
        else:
            lines.append(f"  waits     {reason.text}")
        lines += [f"            to change it: {reason.cure}"] if reason.cure is not None else []
    if task.assignment is not None:
        lines.append(f"  assignment of namespace {task.assignment.namespace}; its jobs: assignment.py show {task.id}")
    if task.rejection_notes:
        lines.append(f"  sent back {task.revision_count}x; last: {task.rejection_notes}")
    if rows := pieces_of(wiring, task):
        lines.append(f"  pieces    {in_words(rows)}")
    if task.published_url is not None:
        lines.append(f"  published {task.published_url}")
    if task.usage != NOTHING:
        lines.append(f"  used      {amounts(task.usage)}")
    lines += ["", _steps(task)]
    if resources := listed(task):
        heads = ("file", "kind", "title", "version", "status", "sha256", "made from")
        lines += ["", table(heads, [_resource(one) for one in resources])]
    lines += ["", "Last events:"]
    lines += [f"  {event.at}  {_told(event)}" for event in task.history[-SHOWN_EVENTS:]]
    return "\n".join(lines)


def _steps(task: Task) -> str:
    rows = [
        (
            unit.step if unit.step is not None else task.label_of(unit.key),
            unit.agent or "-",
            unit.status,
            unit.attempts,
            money(unit.usage),
            ", ".join(unit.result.outputs) if unit.result is not None else "",
            (unit.result.summary if unit.result is not None else None)
            or (unit.failures[-1].outcome if unit.failures else ""),
        )
        for unit in task.units()
    ]
    return table(("step", "agent", "status", "attempts", "cost", "outputs", "said"), rows)


def _resource(one: dict[str, Any]) -> tuple[Any, ...]:
    return (
        one["path"],
        one["kind"],
        one["title"][:40],
        one["version"],
        one["status"],
        one["sha256"][:12],
        one["parent"] or "",
    )


def _told(event: Event) -> str:
    from baton.domain.sentences import sentence_of  # start-up: programs read the record

    return plain(sentence_of({"type": event.type, "data": event.data}, TOLD), TOLD)
