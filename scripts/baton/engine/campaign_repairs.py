"""The sweep's repairs of campaigns: plans cut short, tasks not told of, campaigns done or wrongly closed."""

from __future__ import annotations

from collections.abc import Iterator

from baton.domain.campaign_commands import AddTask, ReopenCampaign
from baton.domain.campaigns import Campaign, CampaignStatus
from baton.domain.records import Task
from baton.engine.activation import generate
from baton.engine.completion import CLOSABLE
from baton.engine.door import Door
from baton.engine.findings import Finding, Scene, bind


def unfinished_plans(scene: Scene) -> Iterator[Finding]:
    """Go on with activations that were cut short."""
    for campaign in scene.campaigns:
        if not campaign.generated:
            act = bind(_generate, scene.door, campaign)
            yield Finding(count="generated", text=f"campaign {campaign.id}: not all of its tasks are made", act=act)


def unlisted_tasks(scene: Scene) -> Iterator[Finding]:
    """Tell campaigns of tasks that people made for them, where a crash came between."""
    live: dict[str | None, list[Task]] = {}
    for task in scene.tasks:
        live.setdefault(task.campaign, []).append(task)
    for campaign in scene.campaigns:
        known = frozenset(campaign.tasks) if campaign.id in live else frozenset()
        for task in live.get(campaign.id, ()):
            if task.id not in known:
                text = f"campaign {campaign.id} did not know of task {task.id}"
                yield Finding(count="listed", text=text, act=bind(_list, scene.door, campaign, task))


def open_campaigns(scene: Scene) -> Iterator[Finding]:
    """Close campaigns that are done; open again those closed wrongly."""
    unfinished = {task.campaign: task for task in scene.tasks if not task.is_finished}
    for campaign in scene.campaigns:
        alive = unfinished.get(campaign.id)
        if campaign.status is CampaignStatus.COMPLETED and alive is not None:
            act = bind(_reopen, scene.door, campaign, alive)
            text = f"campaign {campaign.id} is completed, but task {alive.id} is alive"
            yield Finding(count="campaigns_reopened", text=text, act=act)
        elif campaign.status in CLOSABLE and campaign.tasks and campaign.generated and alive is None:
            act = bind(scene.close, campaign.id)
            yield Finding(count="campaigns_completed", text=f"campaign {campaign.id}: every task is finished", act=act)


def _generate(door: Door, campaign: Campaign) -> bool:
    generate(door, campaign)
    return True


def _list(door: Door, campaign: Campaign, task: Task) -> bool:
    return door.campaign(campaign.id, AddTask(task=task.id, by="baton")).version != campaign.version


def _reopen(door: Door, campaign: Campaign, task: Task) -> bool:
    found = door.store.tasks.read(task.id)
    if found is None or found.is_finished:
        return False  # it was alive when the tasks were read, and the campaign was read after its end
    command = ReopenCampaign(task=task.id, is_revised=found.revision is not None)
    return door.campaign(campaign.id, command).version != campaign.version
