"""The products of a campaign, each in its role, as its file and its record have them."""

# No "from __future__ import annotations": the record's decoder reads these types as it starts (see records).
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from baton.domain.refusals import refuse_key

MOST_TARGETS = 20


class Role(StrEnum):
    """What a product is in a campaign."""

    MAIN = "main"
    UPSELL = "upsell"
    ADDON = "addon"
    DOWNSELL = "downsell"


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product of a campaign, and its role there."""

    product: str
    role: Role = Role.MAIN


def targets_of(written: Iterable[str | Target]) -> tuple[Target, ...]:
    """Return what a campaign's file says of products; a slug alone is the main one."""
    return tuple(Target(product=one) if isinstance(one, str) else one for one in written)


def check_targets(written: tuple[str | Target, ...]) -> None:
    """Refuse a product that is named twice, and more than a prompt can hold."""
    names = [one.product for one in targets_of(written)]
    if len(names) > MOST_TARGETS:
        refuse_key("products", f"names {len(names)}, {MOST_TARGETS} are allowed", cure="each is told to every agent")
    for name in names:
        if names.count(name) > 1:
            refuse_key("products", f"{name[:80]!r} is named twice", cure="give it one role")
