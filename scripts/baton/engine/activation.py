"""Activation: the plan is committed first, then each task is made unless it was ever made; the sweep goes on with it."""

from __future__ import annotations

from msgspec import Struct

from baton.domain.campaign_commands import ActivateCampaign, FinishPlan
from baton.domain.campaigns import Campaign
from baton.domain.written import planned_task
from baton.engine.door import Door


class Activated(Struct, frozen=True, kw_only=True):
    """The campaign as it stands now, and the ids of the tasks made by this call."""

    campaign: Campaign
    created: tuple[str, ...]


def activate(door: Door, campaign: str) -> Activated:
    """Activate a campaign and make its tasks; on an active one only what is missing is made."""
    return generate(door, door.campaign(campaign, ActivateCampaign()))


def generate(door: Door, campaign: Campaign) -> Activated:
    """Make the planned tasks that are missing. Killed anywhere, it can be done again: no task is made twice."""
    if campaign.generated:
        return Activated(campaign=campaign, created=())
    created = []
    tasks = door.store.tasks
    for task in campaign.planned:
        if tasks.is_live(task) or tasks.is_set_aside(task):
            continue
        if door.create_if_absent(planned_task(campaign, task))[1]:
            created.append(task)
    done = FinishPlan(count=len(campaign.planned))
    return Activated(campaign=door.campaign(campaign.id, done), created=tuple(created))
