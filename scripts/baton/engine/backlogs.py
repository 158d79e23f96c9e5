"""How much there is to begin in each project, and which have less than they should. Numbers from records, nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from baton.domain.campaigns import Campaign, CampaignStatus
from baton.domain.records import Task
from baton.domain.settings import Settings
from baton.domain.statuses import TaskStatus


class Backlog(Struct, frozen=True, kw_only=True):
    """A project: so many tasks that nobody has begun, so many wanted."""

    project: str
    have: int
    want: int

    @property
    def is_low(self) -> bool:
        """Tell whether the project starves."""
        return self.have < self.want


def backlogs(tasks: Iterable[Task], campaigns: Iterable[Campaign], settings: Settings) -> list[Backlog]:
    """Return each project for which a number is set: by name, or for all that have a campaign which is active.

    A blocked task counts as it did before: more work must not be piled up behind what is blocked.
    """
    own, every = settings.heartbeats.min_backlog, settings.sweep.min_backlog
    if not settings.has_backlogs:
        return []
    have = Counter(task.project for task in tasks if _is_unbegun(task) and task.project is not None)
    active = {campaign.project for campaign in campaigns if campaign.status is CampaignStatus.ACTIVE}
    wanted = dict.fromkeys(active, every) | own
    return [Backlog(project=name, have=have[name], want=want) for name, want in sorted(wanted.items()) if want]


def backlog_facts(
    backlog: Backlog | None, tasks: Iterable[Task], campaigns: Iterable[Campaign]
) -> dict[str, Any] | None:
    """Return what an agent is told of a project that starves: its campaigns, and what they are about."""
    if backlog is None:
        return None
    titles: dict[str | None, list[str]] = {}
    for task in sorted(tasks, key=lambda one: one.id):
        titles.setdefault(task.campaign, []).append(task.title)
    told = [
        {
            "slug": campaign.id,
            "name": campaign.name,
            "status": campaign.status.value,
            "description": campaign.description,
            "seed_keywords": list(campaign.seed_keywords),
            "planned": len(campaign.tasks),
            "live": titles.get(campaign.id, [])[:50],
        }
        for campaign in sorted(campaigns, key=lambda one: one.id)
        if campaign.project == backlog.project and campaign.status is not CampaignStatus.PLANNING
    ]
    return {
        "have": backlog.have,
        "want": backlog.want,
        "missing": max(0, backlog.want - backlog.have),
        "campaigns": told,
    }


def _is_unbegun(task: Task) -> bool:
    if task.leases:
        return False
    status = task.blocked.was if task.blocked is not None else task.status
    return status is TaskStatus.BACKLOG
