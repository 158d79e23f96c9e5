"""What a task is for: the project whose products and focus groups its agents are told of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from baton.domain.campaigns import Campaign
from baton.domain.errors import InvalidInput
from baton.domain.records import Task

if TYPE_CHECKING:
    from baton.domain.projects import Project


def targeted(read: Callable[[str], Project | None], task: Task, campaign: Campaign | None) -> Project | None:
    """Read the project, where the task is for something of it: as it is now, a corrected voice counts at once."""
    wanted = campaign.products if campaign is not None else ()
    if task.project is None or not (wanted or task.focus_groups):
        return None
    project = read(task.project)
    if project is None and wanted:
        raise InvalidInput(
            f"project '{task.project}' has no record, and its campaign is for {wanted[0].product}",
            cure="restore the record from a backup",
        )
    return project
