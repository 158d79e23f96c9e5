"""What is carried from home to home: pipelines, services, projects and campaigns, in one document for people, too.

Of a campaign that is what a person wrote, its frozen pipeline, and its sources; not its tasks, which a backup has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from baton.domain.campaigns import Campaign
from baton.domain.errors import InvalidInput
from baton.domain.ids import check_slug
from baton.domain.pipelines import Template, checked
from baton.domain.products import FocusGroup, Product, Standing
from baton.domain.projects import Appearance, Project
from baton.domain.services import Category, Registry, Service
from baton.domain.targets import targets_of
from baton.domain.written import CampaignFile

FORMAT = 1


class CarriedCampaign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign: what was written, the pipeline that it froze, and the text of each of its sources by name."""

    written: CampaignFile
    snapshot: Template
    sources: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.snapshot.slug != self.written.pipeline:
            raise ValueError(f"snapshot is of pipeline '{self.snapshot.slug}', not of '{self.written.pipeline}'")
        if set(self.written.sources) != set(self.sources):
            raise ValueError("sources are not those that 'written' names")
        for name in self.sources:
            if "/" in name or "\0" in name or name in ("", ".", ".."):
                raise ValueError(f"sources: {name!r} is not the name of a file")


class CarriedProject(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project with all its products and focus groups, as its record holds them."""

    slug: str
    name: str
    description: str = ""
    status: Standing = Standing.ACTIVE
    appearance: Appearance = Appearance()
    products: tuple[Product, ...] = ()
    focus_groups: tuple[FocusGroup, ...] = ()

    def __post_init__(self) -> None:
        checked("slug", check_slug, self.slug, "project")
        for key, slugs in (
            ("products", [one.slug for one in self.products]),
            ("focus_groups", [one.slug for one in self.focus_groups]),
        ):
            for slug in slugs:
                checked(key, check_slug, slug, key)
            if len(set(slugs)) < len(slugs):
                raise ValueError(f"{key}: one slug is there twice")
        for group in self.focus_groups:
            if group.product not in [one.slug for one in self.products]:
                raise ValueError(f"focus_groups: '{group.slug}' is of product '{group.product}', which is not here")

    @property
    def fields(self) -> dict[str, Any]:
        """What its record is made of."""
        plain = {name: getattr(self, name) for name in ("name", "description", "status")}
        return plain | {
            "appearance": msgspec.structs.asdict(self.appearance),
            "products": {one.slug: one for one in self.products},
            "focus_groups": {one.slug: one for one in self.focus_groups},
        }


class Bundle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole document. ``baton_export`` is its format: a newer one is refused."""

    baton_export: int
    pipelines: tuple[Template, ...] = ()
    services: Registry = Registry()
    projects: tuple[CarriedProject, ...] = ()
    campaigns: tuple[CarriedCampaign, ...] = ()

    def __post_init__(self) -> None:
        if self.baton_export != FORMAT:
            raise ValueError(f"baton_export {self.baton_export} is not {FORMAT}: another Baton made it")
        for key, slugs in (
            ("pipelines", [one.slug for one in self.pipelines]),
            ("projects", [one.slug for one in self.projects]),
            ("campaigns", [one.written.slug for one in self.campaigns]),
        ):
            if twice := [slug for slug, count in Counter(slugs).items() if count > 1]:
                raise ValueError(f"{key}: '{twice[0]}' is there twice")


def carried(campaign: Campaign, sources: Mapping[str, str]) -> CarriedCampaign:
    """Return a campaign as it is carried; ``sources`` are the texts by their files' names."""
    left_out = ("slug", "sources")
    fields: dict[str, Any] = {
        name: getattr(campaign, name)
        for name in CampaignFile.__struct_fields__
        if name not in left_out and hasattr(campaign, name)
    }
    written = CampaignFile(slug=campaign.id, sources=tuple(sources), **fields)
    return CarriedCampaign(written=written, snapshot=campaign.snapshot, sources=dict(sources))


def carried_project(project: Project) -> CarriedProject:
    """Return a project as it is carried."""
    return CarriedProject(
        slug=project.id,
        name=project.name,
        description=project.description,
        status=project.status,
        appearance=project.appearance,
        products=tuple(project.products.values()),
        focus_groups=tuple(project.focus_groups.values()),
    )


def check_targeted(written: CampaignFile, products: Collection[str], focus_groups: Collection[str]) -> None:
    """Refuse a campaign that is for what its project has not."""
    wanted = [one.product for one in targets_of(written.products)]
    for what, names, known in (
        ("product", wanted, products),
        ("focus group", list(written.focus_groups), focus_groups),
    ):
        if strange := [name for name in names if name not in known]:
            raise InvalidInput(
                f"campaign '{written.slug}' is for the {what} '{strange[0]}', which project '{written.project}' has not",
                cure=f"export it with --project {written.project}, too",
            )


def services_in(registry: Registry) -> Iterator[tuple[str, Service]]:
    """Yield (capability, service) of a registry."""
    for key, category in registry.categories.items():
        for service in category.services:
            yield key, service


def only_services(registry: Registry, names: Iterable[str]) -> Registry:
    """Return a registry of the services of these names alone; categories without any are left out."""
    wanted = set(names)
    found = {
        key: msgspec.structs.replace(category, services=tuple(one for one in category.services if one.name in wanted))
        for key, category in registry.categories.items()
    }
    return Registry(categories={key: category for key, category in found.items() if category.services})


def joined(registry: Registry, more: Registry) -> Registry:
    """Return the registry with the services of another one; of a category that is in both, the first one's words stay."""
    categories: dict[str, Category] = dict(registry.categories)
    for key, category in more.categories.items():
        before = categories.get(key)
        categories[key] = (
            category
            if before is None
            else msgspec.structs.replace(before, services=(*before.services, *category.services))
        )
    try:
        return Registry(categories=categories)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
