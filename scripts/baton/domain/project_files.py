"""Projects, products and focus groups as people write them: every key optional here, so that one form makes and changes.

What may be a list is also taken as a text (one item) or, where it is a profile, as a mapping (an item for each key).
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from baton.domain.errors import InvalidInput
from baton.domain.ids import check_slug
from baton.domain.pipelines import checked
from baton.domain.products import LISTS, Source, Standing
from baton.domain.publishing import is_address
from baton.domain.refusals import refuse_key
from baton.domain.times import parse_instant

TEXT_LIMIT = 4_000
ITEM_LIMIT = 2_000
MOST_ITEMS = 60
NAME_LIMIT = 200
MOST_NUMBER = 100_000

Text = str | UnsetType
Items = str | tuple[str, ...] | UnsetType
Profile = str | tuple[str, ...] | dict[str, str | tuple[str, ...]] | UnsetType


class _Written(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a file; what is not named is ``UNSET``."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str):
                limit = NAME_LIMIT if name in ("name", "nickname", "category", "icon", "colour") else TEXT_LIMIT
                _check_text(name, value, limit)
            elif isinstance(value, tuple | dict):
                check_items(name, items_of(value))


class AppearanceFile(_Written, frozen=True, kw_only=True):
    """How a project is shown."""

    icon: Text = UNSET
    colour: Text = UNSET


class ContextFile(_Written, frozen=True, kw_only=True):
    """What a product is."""

    what_it_is: Text = UNSET
    features: Items = UNSET
    pricing: Text = UNSET
    usps: Items = UNSET
    target_market: Text = UNSET
    website: Text = UNSET
    competitors: Items = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.website, str) and self.website and not is_address(self.website):
            what = f"{self.website[:80]!r} is not an address"
            refuse_key("website", what, cure="write it like https://example.org")


class VoiceFile(_Written, frozen=True, kw_only=True):
    """How it is spoken of."""

    tone: Text = UNSET
    style: Text = UNSET
    preferred_words: Items = UNSET
    avoided_words: Items = UNSET
    examples: Items = UNSET
    notes: Text = UNSET


class ProjectFile(_Written, frozen=True, kw_only=True):
    """What ``project.py create FILE`` reads, and ``update``."""

    slug: Text = UNSET
    name: Text = UNSET
    description: Text = UNSET
    status: Standing | UnsetType = UNSET
    appearance: AppearanceFile | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_names(self, slug="project")


class ProductFile(_Written, frozen=True, kw_only=True):
    """What ``product.py create FILE`` reads, and ``update``."""

    project: Text = UNSET
    slug: Text = UNSET
    name: Text = UNSET
    description: Text = UNSET
    context: ContextFile | UnsetType = UNSET
    brand_voice: VoiceFile | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_names(self, project="project", slug="product")


class FocusGroupFile(_Written, frozen=True, kw_only=True):
    """What ``focus_group.py create FILE`` reads, and ``update``."""

    project: Text = UNSET
    product: Text = UNSET
    slug: Text = UNSET
    number: int | UnsetType = UNSET
    name: Text = UNSET
    nickname: Text = UNSET
    category: Text = UNSET
    overview: Text = UNSET
    demographics: Profile = UNSET
    psychographics: Profile = UNSET
    core_desires: Profile = UNSET
    pain_points: Profile = UNSET
    fears: Profile = UNSET
    beliefs: Profile = UNSET
    objections: Profile = UNSET
    emotional_triggers: Profile = UNSET
    language_patterns: Profile = UNSET
    hooks: Profile = UNSET
    source: Literal["uploaded", "researched", "manual"] | UnsetType = UNSET
    last_enriched: str | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_names(self, project="project", product="product", slug="focus group")
        if isinstance(self.number, int) and not 1 <= self.number <= MOST_NUMBER:
            refuse_key("number", f"{self.number} is not between 1 and {MOST_NUMBER}", cure="leave it out")
        if isinstance(self.last_enriched, str):
            checked("last_enriched", parse_instant, self.last_enriched)


_PLACES = ("project", "product", "slug")


def fields_of(written: ProjectFile | ProductFile | FocusGroupFile) -> dict[str, Any]:
    """Return what a file says, as values of the record; where it belongs and its slug are left out."""
    found = _said(written)
    for place in _PLACES:
        found.pop(place, None)
    if found.get("source") is not None:
        found["source"] = Source(found["source"])
    if found.get("last_enriched") is not None:
        found["last_enriched"] = parse_instant(found["last_enriched"])
    return found


def _said(written: _Written) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in written.__struct_fields__:
        value = getattr(written, name)
        if isinstance(value, _Written):
            found[name] = _said(value)
        elif value is not UNSET:
            found[name] = _value(name, value)
    return found


_LISTED = frozenset({*LISTS, "features", "usps", "competitors", "preferred_words", "avoided_words", "examples"})


def _value(name: str, value: Any) -> Any:
    if name in _LISTED:
        if name.endswith("_words") and isinstance(value, str):
            value = tuple(value.split(","))
        return items_of(value)
    return value.strip() if isinstance(value, str) and not isinstance(value, Standing) else value


def items_of(value: str | tuple[str, ...] | dict[str, str | tuple[str, ...]]) -> tuple[str, ...]:
    """Return what was written as items, without those that say nothing."""
    if isinstance(value, str):
        value = (value,)
    if isinstance(value, dict):
        joined = {key: one if isinstance(one, str) else ", ".join(one) for key, one in value.items()}
        value = tuple(f"{key.replace('_', ' ')}: {one}" for key, one in joined.items() if one.strip())
    return tuple(one for one in (" ".join(item.split()) for item in value) if one)


def check_items(key: str, items: tuple[str, ...]) -> None:
    """Refuse more, or longer, items than agents can be told."""
    if len(items) > MOST_ITEMS:
        refuse_key(key, f"has {len(items)} items, {MOST_ITEMS} are kept", cure="keep those that matter most")
    for item in items:
        _check_text(key, item, ITEM_LIMIT)


def _check_text(key: str, text: str, limit: int) -> None:
    if len(text) > limit:
        refuse_key(key, f"is {len(text)} characters long, {limit} are kept", cure="say it in fewer words")


def _check_names(written: Any, **kinds: str) -> None:
    for key, kind in kinds.items():
        value = getattr(written, key)
        if isinstance(value, str):
            checked(key, check_slug, value, kind)
    if isinstance(written.name, str) and (not written.name.strip() or "\n" in written.name.strip()):
        raise ValueError("name must be one line that is not empty") from InvalidInput(cure="write a name")
