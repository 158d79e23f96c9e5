"""What is carried from home to home: pipelines, services and campaigns, in one document that people can read and change.

Of a campaign that is what a person wrote, its frozen pipeline, and its sources; not its tasks, which a backup has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from baton.domain.campaigns import Campaign
from baton.domain.errors import InvalidInput
from baton.domain.pipelines import Template
from baton.domain.services import Category, Registry, Service
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


class Bundle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole document. ``baton_export`` is its format: a newer one is refused."""

    baton_export: int
    pipelines: tuple[Template, ...] = ()
    services: Registry = Registry()
    campaigns: tuple[CarriedCampaign, ...] = ()

    def __post_init__(self) -> None:
        if self.baton_export != FORMAT:
            raise ValueError(f"baton_export {self.baton_export} is not {FORMAT}: another Baton made it")
        for key, slugs in (
            ("pipelines", [one.slug for one in self.pipelines]),
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
