"""Making a task by hand: waits are noted before it exists, its campaign and dependencies are looked at after."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from baton.domain.campaign_commands import AddTask
from baton.domain.commands import CreateTask
from baton.domain.errors import AlreadyExists, CampaignNotFound, InvalidInput
from baton.domain.records import Task
from baton.domain.statuses import TaskStatus
from baton.engine.door import Door

if TYPE_CHECKING:
    from baton.ports import Store


def create_task(door: Door, command: CreateTask, by: str) -> Task:
    """Make the task. A dependency that has ended meanwhile is heard of here; what a crash leaves out, by the sweep.

    The campaign is told after the task exists: it would wait for ever for one that a crash kept from being made.
    """
    store = door.store
    campaign = command.fields.get("campaign")
    if campaign is not None and store.campaigns.read(campaign) is None:
        raise CampaignNotFound()
    if store.tasks.read(command.id) is not None or store.tasks.is_set_aside(command.id):
        raise AlreadyExists(f"the id '{command.id}' is taken", cure="choose another id")
    dependencies = tuple(command.fields.get("depends_on", ()))
    for dependency in dependencies:
        found = store.tasks.read(dependency)
        if found is None or found.status is TaskStatus.DELETED:
            raise InvalidInput(f"depends_on: there is no task '{dependency}'", cure="make that one first")
    for dependency in dependencies:
        store.waits.add(dependency, command.id)
    task = door.task(command.id, command)
    if campaign is not None:
        door.campaign(campaign, AddTask(task=command.id, by=by))
    for dependency in dependencies:
        found = store.tasks.read(dependency)
        if found is not None and found.is_finished:
            door.tell_dependents(found)
    return store.tasks.read(command.id) or task if dependencies else task


def free_id(store: Store, title: str, otherwise: str = "task") -> str:
    """Return an id made of a title that no task has."""
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].rstrip("-") or otherwise
    for number in range(1, 10_000):
        id = base if number == 1 else f"{base}-{number}"
        if store.tasks.read(id) is None:
            return id
    raise InvalidInput("no free id was found", cure="give it an id")
