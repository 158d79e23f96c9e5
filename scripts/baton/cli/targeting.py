"""What a new campaign or task is for, checked against the records of projects; a new campaign's project gets a record."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from msgspec import structs

from baton.cli.caller import person
from baton.cli.project_records import all_projects
from baton.domain.campaign_changes import CampaignChanges
from baton.domain.errors import BatonError, IllegalTransition, InvalidInput
from baton.domain.project_commands import CreateProject
from baton.domain.targeting import checked_groups, checked_products
from baton.domain.targets import targets_of
from baton.domain.written import CampaignFile, TaskFile
from baton.ports import Damage
from baton.store.documents import load

if TYPE_CHECKING:
    from baton.cli.wiring import Wiring
    from baton.domain.campaigns import Campaign
    from baton.domain.projects import Project


def targeted_campaign(wiring: Wiring, written: CampaignFile) -> CampaignFile:
    """Return a campaign's file with its focus groups by their slugs; refuse what cannot be targeted."""
    project = open_project(wiring, written.project)
    others = list(all_projects(wiring)) if written.products or written.focus_groups else []
    checked_products(project, written.project, targets_of(written.products), others)
    groups = checked_groups(project, written.project, written.focus_groups, others)
    return structs.replace(written, focus_groups=groups)


def targeted_changes(wiring: Wiring, campaign: Campaign, file: str) -> dict[str, Any]:
    """Return what a file changes of a campaign; refuse what it cannot target. What it targets already may be archived."""
    changes = load(file, CampaignChanges, None, name="campaign")
    if changes is None:
        raise InvalidInput(f"there is no file {file}")
    fields = changes.fields()
    project, others = _project(wiring, campaign.project), list(all_projects(wiring))
    known = {one.product for one in campaign.products}
    fresh = tuple(one for one in fields.get("products", ()) if one.product not in known)
    checked_products(project, campaign.project, fresh, others)
    if "focus_groups" in fields:
        kept = set(campaign.focus_groups)
        fields["focus_groups"] = tuple(
            dict.fromkeys(
                slug
                for word in fields["focus_groups"]
                for slug in ((word,) if word in kept else checked_groups(project, campaign.project, (word,), others))
            )
        )
    return fields


def targeted_task(wiring: Wiring, written: TaskFile) -> TaskFile:
    """Return a task's file with its focus groups by their slugs; refuse what cannot be targeted."""
    if written.project is None:
        return written
    project = open_project(wiring, written.project) if written.campaign is None else _project(wiring, written.project)
    if not written.focus_groups:
        return written
    groups = checked_groups(project, written.project, written.focus_groups, list(all_projects(wiring)))
    return structs.replace(written, focus_groups=groups)


def open_project(wiring: Wiring, slug: str) -> Project | None:
    """Return a project, or ``None`` for one that is new; refuse one that is archived."""
    found = _project(wiring, slug)
    if found is not None and found.is_archived:
        raise IllegalTransition(f"project '{slug}' is archived", cure=f"project.py unarchive {slug}")
    return found


def ensure_project(wiring: Wiring, slug: str) -> None:
    """Make the record of a campaign's project if there is none. The campaign stands: what fails here is only said."""
    try:
        if _project(wiring, slug) is None:
            wiring.door.project(slug, CreateProject(by=person(wiring.environ), id=slug))
    except BatonError as error:
        if _is_missing(wiring, slug):
            wiring.warn(f"project '{slug}' has no record yet (project.py create makes one): {error}")


def _project(wiring: Wiring, slug: str) -> Project | None:
    if not os.path.isdir(wiring.home.in_state("projects")):
        return None  # and none is made: what is refused leaves nothing behind
    return wiring.store.projects.read(slug)


def _is_missing(wiring: Wiring, slug: str) -> bool:
    return not any(one.id == slug for one in wiring.store.projects.live() if not isinstance(one, Damage))
