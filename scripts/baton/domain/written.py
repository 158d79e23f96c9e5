"""Campaign and task files as people write them: typed, strict, and turned into commands here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from baton.domain.campaign_commands import CreateCampaign
from baton.domain.campaigns import Campaign
from baton.domain.commands import CreateTask
from baton.domain.errors import InvalidInput
from baton.domain.harness_names import HARNESSES, is_harness
from baton.domain.ids import check_id, check_slug
from baton.domain.pipelines import Step, Template, branches_of, check_steps, checked, units_of
from baton.domain.priorities import rank_of
from baton.domain.publishing import Publish
from baton.domain.skill_lists import CampaignSkills, check_skills
from baton.domain.targets import Target, check_targets, targets_of
from baton.domain.times import parse_instant

TARGET_LIMIT = 10_000
# Seconds since 1970 in ten digits: names in the ready index sort as text.
FIRST_INSTANT, LAST_INSTANT = "1970", "2286"


class CampaignFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``campaign.py create FILE`` reads."""

    project: str
    slug: str
    name: str
    description: str = ""
    pipeline: str
    target_article_count: int = 5
    generate: str = "per_article"
    seed_keywords: tuple[str, ...] = ()
    competitor_urls: tuple[str, ...] = ()
    deliverables: dict[str, bool] = {}
    products: tuple[str | Target, ...] = ()
    focus_groups: tuple[str, ...] = ()
    publish: Publish | None = None
    services: dict[str, tuple[str, ...]] = {}
    sources: tuple[str, ...] = ()
    harness: str | None = None
    model: str | None = None
    notes: str = ""
    skills: tuple[str, ...] | CampaignSkills = CampaignSkills()

    def __post_init__(self) -> None:
        checked("slug", check_slug, self.slug)
        checked("project", check_slug, self.project, "project")
        checked("pipeline", check_slug, self.pipeline, "pipeline")
        if not self.name.strip():
            raise ValueError("name must not be empty")
        if not 1 <= self.target_article_count <= TARGET_LIMIT:
            raise ValueError(f"target_article_count must be between 1 and {TARGET_LIMIT}")
        if self.generate not in ("per_article", "batch"):
            raise ValueError("generate must be per_article or batch")
        if self.harness is not None and not is_harness(self.harness):
            raise ValueError(f"harness {self.harness!r} is not one of {', '.join(HARNESSES)}")
        check_targets(self.products)
        if not isinstance(self.skills, CampaignSkills):
            check_skills("skills", self.skills)


class TaskFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``task.py create FILE`` reads. ``pipeline`` is a template's slug or a list of steps."""

    title: str
    pipeline: str | tuple[Step, ...]
    id: str | None = None
    project: str | None = None
    campaign: str | None = None
    description: str = ""
    priority: str | int = "medium"
    depends_on: tuple[str, ...] = ()
    not_before: str | None = None
    repo: str | None = None
    keywords: tuple[str, ...] = ()
    brief: str = ""
    content_type: str | None = None
    content_slug: str | None = None
    pieces: int | None = None
    focus_groups: tuple[str, ...] = ()
    services: dict[str, tuple[str, ...]] = {}
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    subscribers: tuple[str, ...] = ()
    created_by: str | None = None

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("title must not be empty")
        if self.id is not None:
            checked("id", check_id, self.id)
        for task in self.depends_on:
            checked("depends_on", check_id, task)
        if self.project is not None:
            checked("project", check_slug, self.project, "project")
        if self.campaign is not None:
            checked("campaign", check_slug, self.campaign)
        rank_of(self.priority)
        if self.pieces is not None and not 1 <= self.pieces <= TARGET_LIMIT:
            raise ValueError(f"pieces must be between 1 and {TARGET_LIMIT}")
        if self.not_before is not None:
            checked("not_before", due_instant, self.not_before)
        if self.repo is not None and not self.repo.startswith("/"):
            raise ValueError("repo must be an absolute path")
        if len(set(self.depends_on)) != len(self.depends_on):
            raise ValueError("depends_on names a task twice")
        if isinstance(self.pipeline, str):
            checked("pipeline", check_slug, self.pipeline, "pipeline")
        else:
            check_steps(self.pipeline, "pipeline")


def due_instant(text: str) -> str:
    """Read the instant before which a task waits; refuse one outside the years that the ready index can order."""
    instant = parse_instant(text)
    if not FIRST_INSTANT <= instant < LAST_INSTANT:
        raise InvalidInput(f"{text!r} is not between {FIRST_INSTANT[:4]} and {LAST_INSTANT[:4]}")
    return instant


def campaign_from(written: CampaignFile, snapshot: Template, sources: tuple[str, ...], by: str) -> CreateCampaign:
    """Return the command that makes the campaign; ``sources`` are the paths as copied into its folder."""
    check_deliverables(written.deliverables, snapshot)
    fields = {name: getattr(written, name) for name in written.__struct_fields__ if name != "slug"}
    fields |= {"snapshot": snapshot, "sources": sources, "created_by": by, "skills": _skills_of(written, snapshot)}
    fields["products"] = targets_of(written.products)
    return CreateCampaign(id=written.slug, fields=fields)


def _skills_of(written: CampaignFile, snapshot: Template) -> CampaignSkills:
    """Return what the campaign says of skills; refuse a word for an agent or a step that its pipeline has not."""
    if not isinstance(written.skills, CampaignSkills):
        return CampaignSkills(all=written.skills)
    units = (*snapshot.main_steps, *snapshot.parallel_branches)
    known = {
        "agents": {unit.agent for unit in units if unit.agent},
        "steps": {str(number) for number in range(len(snapshot.main_steps))} | {unit.label for unit in units},
    }
    for key, names in known.items():
        for name in getattr(written.skills, key):
            if name not in names:
                what = f"skills.{key}: the pipeline '{snapshot.slug}' has no {key.removesuffix('s')} {name!r}"
                raise InvalidInput(what, cure=f"choose from {', '.join(sorted(filter(None, names)))}")
    return written.skills


def check_deliverables(wanted: Mapping[str, bool], template: Template) -> None:
    """Refuse a wish for what no branch makes; where no branch has a deliverable it is only a word for the agents."""
    known = sorted({branch.deliverable for branch in template.parallel_branches if branch.deliverable})
    strange = [name for name, is_wanted in wanted.items() if is_wanted and name not in known]
    if known and strange:
        raise InvalidInput(
            f"deliverables: no branch of pipeline '{template.slug}' makes {', '.join(strange)}",
            cure=f"choose from {', '.join(known)}",
        )


def task_from(
    written: TaskFile, template: Template | None, task: str, campaign: Campaign | None, by: str
) -> CreateTask:
    """Return the command that makes a task a person wrote down; ``template`` is what it names, if it names one."""
    given: dict[str, Any] = {"harness": campaign.harness, "model": campaign.model} if campaign is not None else {}
    given["pieces"] = written.pieces
    steps = template.main_steps if template is not None else written.pipeline
    assert not isinstance(steps, str)
    left_out = ("id", "pipeline")
    fields: dict[str, Any] = {
        name: getattr(written, name) for name in written.__struct_fields__ if name not in left_out
    }
    fields["created_by"] = written.created_by or by
    if written.not_before is not None:
        fields["not_before"] = due_instant(written.not_before)
    return CreateTask(
        id=task,
        units=units_of(steps, **given),
        fields=fields,
        branches=branches_of(template, campaign.deliverables if campaign else {}, **given) if template else {},
        convergence_step=template.convergence_step if template else None,
    )


def planned_task(campaign: Campaign, task: str) -> CreateTask:
    """Return the command that makes one planned task of a campaign, with its share of the seed keywords."""
    total = len(campaign.planned)
    place = campaign.planned.index(task)
    keywords = campaign.seed_keywords
    topic = f" ({place + 1} of {total})" if total > 1 else ""
    if campaign.generate != "batch" and keywords:
        keywords = keywords[place::total] or keywords[place % len(keywords) :][:1]
        topic = f": {keywords[0]}"
    pieces = campaign.target_article_count if campaign.generate == "batch" else None
    given: dict[str, Any] = {"harness": campaign.harness, "model": campaign.model, "pieces": pieces}
    units = units_of(campaign.snapshot.main_steps, **given)
    branches = branches_of(campaign.snapshot, campaign.deliverables, **given)
    fields: dict[str, Any] = {
        "project": campaign.project,
        "campaign": campaign.id,
        "title": f"{campaign.name}{topic}",
        "description": campaign.description,
        "keywords": keywords,
        "brief": campaign.notes,
        "deliverables": campaign.deliverables,
        "focus_groups": campaign.focus_groups,
        "pieces": pieces,
        "created_by": f"campaign {campaign.id}",
    }
    join = campaign.snapshot.convergence_step
    return CreateTask(id=task, units=units, fields=fields, branches=branches, convergence_step=join)
