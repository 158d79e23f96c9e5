"""What ``campaign.py update SLUG FILE`` reads: the keys of a campaign's file that may change while it goes on."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from baton.domain.publishing import Publish
from baton.domain.targets import Target, check_targets, targets_of


class CampaignChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not named stays as it is."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    notes: str | UnsetType = UNSET
    seed_keywords: tuple[str, ...] | UnsetType = UNSET
    competitor_urls: tuple[str, ...] | UnsetType = UNSET
    products: tuple[str | Target, ...] | UnsetType = UNSET
    focus_groups: tuple[str, ...] | UnsetType = UNSET
    publish: Publish | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if isinstance(self.name, str) and not self.name.strip():
            raise ValueError("name must not be empty")
        if isinstance(self.products, tuple):
            check_targets(self.products)

    def fields(self) -> dict[str, Any]:
        """What is named, as values of the record."""
        found = {key: value for key in self.__struct_fields__ if (value := getattr(self, key)) is not UNSET}
        return found | ({"products": targets_of(self.products)} if isinstance(self.products, tuple) else {})
