"""The campaign record and its state machine. Generating tasks, completing, reopening: each is one command here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct, structs

from baton.domain.campaign_commands import (
    ActivateCampaign,
    AddTask,
    CompleteCampaign,
    CreateCampaign,
    ExtendCampaign,
    FinishPlan,
    PauseCampaign,
    ReopenCampaign,
    ResumeCampaign,
    ReviseCampaign,
    UpdateCampaign,
)
from baton.domain.errors import AlreadyExists, CampaignNotFound, IllegalTransition, InvalidInput
from baton.domain.news import Change, News, stamp_for, stamped
from baton.domain.pipelines import Template
from baton.domain.publishing import Publish
from baton.domain.records import SCHEMA, Event
from baton.domain.skill_lists import CampaignSkills
from baton.domain.targets import Target


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    PLANNING = "planning"
    ACTIVE = "active"
    PAUSED = "paused"
    IN_REVISION = "in_revision"
    COMPLETED = "completed"


DISPATCHING = frozenset({CampaignStatus.ACTIVE, CampaignStatus.IN_REVISION})


class Campaign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign: its wishes, its frozen pipeline, and the ids of the tasks that it plans.

    ``planned`` are the tasks it deals out: committed before the first exists; ``generated`` tells that all have been
    made. ``added`` are those that people made for it. ``in_revision_at``: since when it is in revision, paused or not.
    """

    schema: int
    id: str
    version: int
    project: str
    name: str
    description: str = ""
    status: CampaignStatus = CampaignStatus.PLANNING
    pipeline: str
    snapshot: Template
    target_article_count: int = 5
    generate: str = "per_article"
    seed_keywords: tuple[str, ...] = ()
    competitor_urls: tuple[str, ...] = ()
    deliverables: dict[str, bool] = {}
    products: tuple[Target, ...] = ()
    focus_groups: tuple[str, ...] = ()
    publish: Publish | None = None
    services: dict[str, tuple[str, ...]] = {}
    sources: tuple[str, ...] = ()
    harness: str | None = None
    model: str | None = None
    notes: str = ""
    skills: CampaignSkills = CampaignSkills()
    planned: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    generated: bool = True
    activated_at: str | None = None
    paused_at: str | None = None
    in_revision_at: str | None = None
    completed_at: str | None = None
    created_by: str | None = None
    created_at: str = ""
    updated_at: str = ""
    history: tuple[Event, ...] = ()

    @property
    def is_dispatching(self) -> bool:
        """Tell whether tasks of this campaign may be started."""
        return self.status in DISPATCHING

    @property
    def tasks(self) -> tuple[str, ...]:
        """The ids of all its tasks; it is done when each of them is finished."""
        return (*self.planned, *self.added)


EDITABLE = frozenset(
    {
        "name", "description", "notes", "services", "seed_keywords", "competitor_urls", "products", "focus_groups",
        "publish",
    }
)  # fmt: skip


def _create(command: CreateCampaign, now: str) -> Change:
    campaign = Campaign(schema=SCHEMA, id=command.id, version=0, created_at=now, updated_at=now, **command.fields)
    return Change(campaign, (News("campaign_created", None, {"name": campaign.name}),))


def _activate(campaign: Campaign, command: ActivateCampaign, now: str) -> Change:
    planned = _more(campaign, 1 if campaign.generate == "batch" else campaign.target_article_count)
    changed = structs.replace(
        campaign,
        status=CampaignStatus.ACTIVE,
        planned=planned,
        generated=False,
        activated_at=stamp_for(campaign, now),
    )
    data = {"name": campaign.name, "tasks": len(planned), "pipeline": campaign.pipeline}
    return Change(changed, (News("campaign_activated", None, data),))


def _stay(campaign: Campaign, command: Any, now: str) -> Change:
    return Change(campaign)


def _finish_plan(campaign: Campaign, command: FinishPlan, now: str) -> Change:
    if campaign.generated or command.count != len(campaign.planned):
        return Change(campaign)
    data = {"tasks": len(campaign.planned)}
    return Change(structs.replace(campaign, generated=True), (News("campaign_generated", None, data),))


def _extend(campaign: Campaign, command: ExtendCampaign, now: str) -> Change:
    if not 1 <= command.count <= 10_000:
        raise InvalidInput("the number of further tasks is not between 1 and 10000")
    planned = _more(campaign, command.count)
    status = CampaignStatus.ACTIVE if campaign.status is CampaignStatus.COMPLETED else campaign.status
    changed = structs.replace(campaign, status=status, planned=planned, generated=False, completed_at=None)
    return Change(changed, (News("campaign_extended", None, {"by": command.by, "tasks": command.count}),))


def _add_task(campaign: Campaign, command: AddTask, now: str) -> Change:
    if command.task in campaign.tasks:
        return Change(campaign)
    status = CampaignStatus.ACTIVE if campaign.status is CampaignStatus.COMPLETED else campaign.status
    changed = structs.replace(campaign, status=status, added=(*campaign.added, command.task), completed_at=None)
    return Change(changed, (News("campaign_extended", None, {"by": command.by, "task": command.task}),))


def _pause(campaign: Campaign, command: PauseCampaign, now: str) -> Change:
    changed = structs.replace(campaign, status=CampaignStatus.PAUSED, paused_at=stamp_for(campaign, now))
    return Change(changed, (News("campaign_paused", None, {"by": command.by}),))


def _resume(campaign: Campaign, command: ResumeCampaign, now: str) -> Change:
    status = CampaignStatus.ACTIVE if campaign.in_revision_at is None else CampaignStatus.IN_REVISION
    changed = structs.replace(campaign, status=status, paused_at=None)
    return Change(changed, (News("campaign_resumed", None, {"by": command.by}),))


def _complete(campaign: Campaign, command: CompleteCampaign, now: str) -> Change:
    # Somebody extended, edited or reopened it since it was looked at: what was seen proves nothing now.
    if campaign.version != command.seen_version or not campaign.generated:
        return Change(campaign)
    at = stamp_for(campaign, now)
    changed = structs.replace(
        campaign, status=CampaignStatus.COMPLETED, completed_at=at, paused_at=None, in_revision_at=None
    )
    wants_message = campaign.snapshot.on_complete.telegram
    data = {"by": command.by, "name": campaign.name, "counts": command.counts, "telegram": wants_message}
    return Change(changed, (News("campaign_completed", None, data),))


def _reopen(campaign: Campaign, command: ReopenCampaign, now: str) -> Change:
    changed = structs.replace(campaign, status=CampaignStatus.ACTIVE, completed_at=None)
    changed = _in_revision(campaign, now) if command.is_revised else changed
    return Change(changed, (News("campaign_reopened", None, {"task": command.task}),))


def _revise(campaign: Campaign, command: ReviseCampaign, now: str) -> Change:
    data = {"by": command.by, "task": command.task}
    return Change(_in_revision(campaign, now), (News("campaign_revised", None, data),))


def _in_revision(campaign: Campaign, now: str) -> Campaign:
    at = stamp_for(campaign, now)
    return structs.replace(campaign, status=CampaignStatus.IN_REVISION, completed_at=None, in_revision_at=at)


def _update(campaign: Campaign, command: UpdateCampaign, now: str) -> Change:
    unknown = sorted(set(command.fields) - EDITABLE)
    if unknown:
        raise InvalidInput(f"{', '.join(unknown)} cannot be changed", cure=f"choose from {', '.join(sorted(EDITABLE))}")
    changed = {key: value for key, value in command.fields.items() if getattr(campaign, key) != value}
    if not changed:
        return Change(campaign)
    news = News("campaign_updated", None, {"by": command.by, "fields": sorted(changed)})
    return Change(structs.replace(campaign, **changed), (news,))


def _more(campaign: Campaign, count: int) -> tuple[str, ...]:
    # A person may have taken one of the numbers for a task of their own.
    taken = frozenset(campaign.tasks)
    names = (f"{campaign.id}-{number:03d}" for number in itertools.count(1))
    free = (name for name in names if name not in taken)
    return (*campaign.planned, *itertools.islice(free, count))


Row = dict[type, Callable[[Campaign, Any, str], Change]]

_OPEN: Row = {
    FinishPlan: _finish_plan,
    ExtendCampaign: _extend,
    AddTask: _add_task,
    CompleteCampaign: _complete,
    UpdateCampaign: _update,
}

_PAUSE: Row = {PauseCampaign: _pause}
_STAYS: Row = {ReopenCampaign: _stay, ReviseCampaign: _stay}

CAMPAIGN_TABLE: dict[CampaignStatus, Row] = {
    CampaignStatus.PLANNING: {
        ActivateCampaign: _activate,
        AddTask: _add_task,
        UpdateCampaign: _update,
    },
    CampaignStatus.ACTIVE: _OPEN | _PAUSE | _STAYS | {ActivateCampaign: _stay},
    CampaignStatus.PAUSED: _OPEN | _STAYS | {ResumeCampaign: _resume, PauseCampaign: _stay},
    CampaignStatus.IN_REVISION: _OPEN | _PAUSE | _STAYS,
    CampaignStatus.COMPLETED: {
        ExtendCampaign: _extend,
        AddTask: _add_task,
        ReopenCampaign: _reopen,
        ReviseCampaign: _revise,
        CompleteCampaign: _stay,
    },
}


def decide(campaign: Campaign | None, command: Any, now: str) -> tuple[Campaign, list[Event]]:
    """Apply one command to a campaign: the new record and its events, or an exception and nothing."""
    if campaign is None:
        if not isinstance(command, CreateCampaign):
            raise CampaignNotFound()
        return stamped("campaign", None, _create(command, now), now)
    if isinstance(command, CreateCampaign):
        raise AlreadyExists(f"there is a campaign {campaign.id!r} already ({campaign.status})")
    handler = CAMPAIGN_TABLE[campaign.status].get(type(command))
    if handler is None:
        raise IllegalTransition(f"the campaign is {campaign.status}; it cannot be {VERBS[type(command)]}")
    change = handler(campaign, command, now)
    if change.record is campaign:
        return campaign, []
    return stamped("campaign", campaign, change, now)


VERBS: dict[type, str] = {
    ActivateCampaign: "activated",
    FinishPlan: "generated",
    ExtendCampaign: "extended",
    AddTask: "given another task",
    PauseCampaign: "paused",
    ResumeCampaign: "resumed",
    CompleteCampaign: "completed",
    ReopenCampaign: "reopened",
    ReviseCampaign: "revised",
    UpdateCampaign: "changed",
}
