"""What a project knows of what it sells and for whom: products with their context and voice, focus groups."""

# No "from __future__ import annotations": the record's decoder reads these types as it starts (see records).
import re
from enum import StrEnum

from msgspec import Struct

SLUG_LENGTH = 60


class Standing(StrEnum):
    """Whether something may be targeted by new campaigns."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class Source(StrEnum):
    """Where what is known of a focus group comes from."""

    UPLOADED = "uploaded"
    RESEARCHED = "researched"
    MANUAL = "manual"


class _Value(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value, strictly decoded."""


class ProductContext(_Value, frozen=True, kw_only=True):
    """What a product is, and among what it stands."""

    what_it_is: str = ""
    features: tuple[str, ...] = ()
    pricing: str = ""
    usps: tuple[str, ...] = ()
    target_market: str = ""
    website: str = ""
    competitors: tuple[str, ...] = ()


class BrandVoice(_Value, frozen=True, kw_only=True):
    """How a product is spoken of."""

    tone: str = ""
    style: str = ""
    preferred_words: tuple[str, ...] = ()
    avoided_words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    notes: str = ""


class Product(_Value, frozen=True, kw_only=True):
    """A product of a project; its slug is the project's own."""

    slug: str
    name: str
    description: str = ""
    context: ProductContext = ProductContext()
    brand_voice: BrandVoice = BrandVoice()
    status: Standing = Standing.ACTIVE
    created_at: str
    updated_at: str

    @property
    def is_archived(self) -> bool:
        """Tell whether no new campaign may target it."""
        return self.status is Standing.ARCHIVED


class FocusGroup(_Value, frozen=True, kw_only=True):
    """An audience of a product. ``number`` counts within the product; the slug is one of its kind in the project."""

    slug: str
    product: str
    number: int
    name: str
    nickname: str = ""
    category: str = ""
    overview: str = ""
    demographics: tuple[str, ...] = ()
    psychographics: tuple[str, ...] = ()
    core_desires: tuple[str, ...] = ()
    pain_points: tuple[str, ...] = ()
    fears: tuple[str, ...] = ()
    beliefs: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()
    emotional_triggers: tuple[str, ...] = ()
    language_patterns: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    source: Source = Source.MANUAL
    last_enriched: str | None = None
    status: Standing = Standing.ACTIVE
    created_at: str
    updated_at: str

    @property
    def is_archived(self) -> bool:
        """Tell whether no new campaign may target it."""
        return self.status is Standing.ARCHIVED

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields of its profile of which nothing is known."""
        return tuple(name for name in PROFILE if not getattr(self, name))

    def is_called(self, word: str) -> bool:
        """Tell whether a person may mean this group by ``word``: its slug, name or nickname, however it is spelt."""
        names = (self.slug, self.name, self.nickname)
        # Of a name without a letter that a slug can keep only the name itself is left to go by.
        return bool(word.strip()) and (_folded(word) in map(_folded, names) or _slug_is_one_of(word, names))


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _slug_is_one_of(word: str, names: tuple[str, ...]) -> bool:
    slug = slug_from(word)
    return bool(slug) and slug in map(slug_from, names)


# What a profile is made of: what an import looks for, and says is missing.
TEXTS = ("nickname", "category", "overview")
LISTS = (
    "demographics", "psychographics", "core_desires", "pain_points", "fears", "beliefs", "objections",
    "emotional_triggers", "language_patterns", "hooks",
)  # fmt: skip
PROFILE = (*TEXTS, *LISTS)


def slug_from(name: str) -> str:
    """Return a slug for a name: ``"Café owners"`` becomes ``cafe-owners``; empty where no letter can be kept."""
    import unicodedata  # start-up: only people name things

    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].rstrip("-")
