"""What a person asks for of a piece: fix, rethink, approve. The campaign is told first, and looked at once more after.

A crash in between leaves a campaign in revision with nothing to revise, or a completed one with a task that lives: the
sweep completes the one and puts the other in revision.
"""

from __future__ import annotations

from typing import Any

from baton.domain import tasks
from baton.domain.campaign_commands import ReviseCampaign
from baton.domain.commands import ApproveTask, FixTask, RethinkTask, ReviseByPerson
from baton.domain.errors import IllegalTransition, TaskNotFound
from baton.domain.records import Task
from baton.domain.statuses import TaskStatus
from baton.engine.door import Door
from baton.ports import Agents


def fix(door: Door, agents: Agents, task: str, command: FixTask) -> Task:
    """Let chosen agents do their part of a completed task again. An agent nobody knows is refused, and nothing written."""
    found = _read(door, task)
    if not found.is_finished:
        raise IllegalTransition(
            f"the task is {found.status}, not completed",
            cure=f"send it back instead: review.py {task} rethink --to-step N --notes '...'",
        )
    # Refused before anything is written: neither the campaign nor the log hears of a fix that cannot be.
    tasks.decide(found, command, found.updated_at)
    for agent in command.agents:
        agents.find(agent)
    return _revise(door, found, command)


def rethink(door: Door, task: str, by: str, to_step: int, notes: str, *, stop_run: bool) -> Task:
    """Rewind a task to a step: a completed one is opened again, a live one is sent back as a person does."""
    found = _read(door, task)
    if not found.is_finished:
        return door.task(task, ReviseByPerson(by=by, to_step=to_step, notes=notes, stop_run=stop_run))
    command = RethinkTask(by=by, to_step=to_step, notes=notes)
    tasks.decide(found, command, found.updated_at)
    return _revise(door, found, command)


def approve(door: Door, task: str, by: str, notes: str | None) -> Task:
    """Find a completed piece good, or take one as it is that was sent back too often."""
    return door.task(task, ApproveTask(by=by, notes=notes))


def _revise(door: Door, found: Task, command: Any) -> Task:
    if found.campaign is None:
        return door.task(found.id, command)
    told = ReviseCampaign(task=found.id, by=command.by)
    door.campaign(found.campaign, told)
    record = door.task(found.id, command)
    # Whoever saw every task finished, before this one was opened, may have completed it in between.
    door.campaign(found.campaign, told)
    return record


def _read(door: Door, task: str) -> Task:
    found = door.store.tasks.read(task)
    if found is None or found.status is TaskStatus.DELETED:
        raise TaskNotFound(f"there is no task '{task}'", cure="task.py list --all shows them")
    return found
