"""What a person does with a piece that is complete: have chosen agents fix it, rewind it to a step, or approve it.

The same task goes on: its steps and branches keep what they left, and what is made now is another version beside it.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from baton.domain import commands as c
from baton.domain import units
from baton.domain.errors import AgentNotFound, IllegalTransition, InvalidInput, LeaseHeld
from baton.domain.news import Change, News, stamp_for
from baton.domain.records import Task, Unit
from baton.domain.reviews import Approval, Revision
from baton.domain.statuses import BlockKind, RevisionKind, TaskStatus, UnitStatus
from baton.domain.task_line import (
    addressed,
    advance,
    check_target,
    finish_if_done,
    mapped_status,
    put,
    send_back,
    trigger,
    with_status,
)
from baton.domain.task_line import unblock as unblock_task
from baton.domain.usage import NOTHING
from baton.domain.versions import base_output


def fix(task: Task, command: c.FixTask, now: str) -> Change:
    """Let chosen agents do their part once more, with notes; what the others made stands."""
    chosen = _chosen(task, command.agents)
    at = stamp_for(task, now)
    revision = Revision(by=command.by, at=at, kind=RevisionKind.FIX, notes=command.notes)
    task = structs.replace(
        _reopened(task, revision),
        status=TaskStatus.REVISION_NEEDED,
        revision_count=task.revision_count + 1,
        rejection_notes=command.notes,
    )
    redo = _side_by_side if command.parallel else _one_after_another
    data: dict[str, Any] = {
        "by": command.by,
        "agents": [unit.agent for unit in chosen],
        "parallel": command.parallel,
        "notes": command.notes,
        "revision_count": task.revision_count,
    }
    if not command.parallel and (steps := [unit.step for unit in chosen if unit.step is not None]):
        data |= {"to_step": steps[0], "steps": steps}
    return Change(
        redo(task, chosen, command.notes, at), (News("revision_requested", None, data | addressed(task, command.by)),)
    )


def rethink(task: Task, command: c.RethinkTask, now: str) -> Change:
    """Rewind a completed task to a step: everything from there on is done again, branches included."""
    check_target(task, command.to_step)
    at = stamp_for(task, now)
    revision = Revision(by=command.by, at=at, kind=RevisionKind.RETHINK, notes=command.notes)
    task, news = send_back(
        _reopened(task, revision), command.to_step, command.notes, command.by, at, max_revisions=None
    )
    return Change(task, tuple(news))


def approve(task: Task, command: c.ApproveTask, now: str) -> Change:
    """Find a completed piece good; or take one as it is that its reviewer has sent back too often, and go on."""
    at = stamp_for(task, now)
    approved = Approval(by=command.by, at=at, notes=command.notes)
    told = {"by": command.by, "notes": command.notes, "title": task.title} | addressed(task, command.by)
    news = News("task_approved", None, told)
    if task.status is TaskStatus.COMPLETED:
        before = task.approved
        if before is not None and structs.replace(approved, at=before.at) == before:
            return Change(task)
        return Change(structs.replace(task, approved=approved), (news,))
    if task.blocked is None or task.blocked.kind is not BlockKind.REVIEW:
        why = f"it is blocked ({task.blocked.kind})" if task.blocked is not None else "it is not complete"
        raise IllegalTransition(f"there is nothing to approve: {why}", cure=f"why.py {task.id} says what it waits for")
    if task.lease is not None or task.asked is not None:
        raise LeaseHeld("a run of it is being ended", cure="try again when it has ended")
    unit = task.current
    task = structs.replace(unblock_task(task), approved=approved, was_blocked=None)
    if units.Skip in units.UNIT_TABLE[unit.status]:
        task = put(task, units.change(unit, units.Skip(at=at)))
        status = mapped_status(unit)
        task = advance(trigger(task if status is None else with_status(task, status), unit, at), at)
    task, finished = finish_if_done(task, at)
    return Change(task, (news, *finished))


# -- the parts of a fix -------------------------------------------------------------------------------------------


def _reopened(task: Task, revision: Revision) -> Task:
    return structs.replace(task, revision=revision, approved=None, completed_at=None)


def _chosen(task: Task, agents: tuple[str, ...]) -> list[Unit]:
    """Return what these agents have to do again: each one's last step, or its branches; in the task's own order."""
    if not agents:
        raise InvalidInput("no agent is chosen", cure=f"choose from {_known(task)}")
    keys: set[str] = set()
    for agent in agents:
        steps = [unit.key for unit in task.pipeline if unit.agent == agent]
        mine = steps[-1:] or [unit.key for unit in task.branches.values() if unit.agent == agent]
        if not mine:
            raise AgentNotFound(f"no step or branch of the task is {agent}'s", cure=f"choose from {_known(task)}")
        keys.update(mine)
    return [unit for unit in task.units() if unit.key in keys]


def _known(task: Task) -> str:
    return ", ".join(dict.fromkeys(unit.agent for unit in task.units() if unit.agent is not None))


def _one_after_another(task: Task, chosen: list[Unit], notes: str, at: str) -> Task:
    """Steps in the line's order, then the branches, each when the one before it is done."""
    before: str | None = None
    for unit in chosen:
        is_first = before is None
        if unit.step is not None:
            task = put(task, units.change(unit, units.Reset(at=at, notes=notes, is_target=is_first)))
            task = structs.replace(task, pipeline_step=unit.step) if is_first else task
        else:
            fresh = units.change(unit, units.Reset(at=at, notes=notes, after=before))
            task = put(task, units.change(fresh, units.Enter(at=at)) if is_first else fresh)
        before = unit.key
    return task


def _side_by_side(task: Task, chosen: list[Unit], notes: str, at: str) -> Task:
    """All at once, as branches beside a line that is done; a step's work is done again by a branch of this round."""
    places: dict[str, str] = {}
    for unit in chosen:
        place = base_output(task, unit)
        if place in places:
            raise InvalidInput(
                f"{places[place]} and {unit.agent} both write {place}", cure="let them do it one after the other"
            )
        places[place] = unit.agent or ""
    for unit in chosen:
        if unit.step is None:
            fresh = units.change(unit, units.Reset(at=at, notes=notes))
            task = put(task, units.change(fresh, units.Enter(at=at)))
        else:
            task = _with_branch_for(task, unit, notes, at)
    return task


def _with_branch_for(task: Task, unit: Unit, notes: str, at: str) -> Task:
    taken = {one.key for one in task.units()}
    number = next(
        number for number in range(task.next_key, task.next_key + len(taken) + 1) if f"b{number}" not in taken
    )
    fresh = structs.replace(
        units.change(unit, units.Reset(at=at, notes=notes)),
        step=None,
        key=f"b{number}",
        task_status=None,
        trigger_after_step=len(task.pipeline) - 1,
        status=UnitStatus.PENDING,
        revisions=0,
        result=None,
        earlier=(),
        outage_since=None,
        session=None,
        usage=NOTHING,
        redoes=unit.key,
    )
    label = f"{unit.agent}, revision {task.revision_count}"
    branches = {**task.branches, label: units.change(fresh, units.Enter(at=at))}
    return structs.replace(task, branches=branches, next_key=number + 1)
