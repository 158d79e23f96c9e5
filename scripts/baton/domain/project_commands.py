"""What may be asked of a project. Imperative; each is legal where the table in ``projects`` has a handler for it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class _Command(Struct, frozen=True, kw_only=True):
    """A request to a project. ``fields`` hold values of the record's own types; what is not named stays as it is."""

    by: str


class CreateProject(_Command, frozen=True, kw_only=True):
    """Make the record."""

    id: str
    fields: dict[str, Any] = {}


class UpdateProject(_Command, frozen=True, kw_only=True):
    """Change words that describe it."""

    fields: dict[str, Any]


class ArchiveProject(_Command, frozen=True, kw_only=True):
    """Let no new campaign be made in it."""


class UnarchiveProject(_Command, frozen=True, kw_only=True):
    """Let it be used again."""


class AddProduct(_Command, frozen=True, kw_only=True):
    """Add a product."""

    slug: str
    fields: dict[str, Any]


class UpdateProduct(_Command, frozen=True, kw_only=True):
    """Change a product; of its context and voice only what is named."""

    slug: str
    fields: dict[str, Any]


class ArchiveProduct(_Command, frozen=True, kw_only=True):
    """Let no new campaign target a product."""

    slug: str


class UnarchiveProduct(_Command, frozen=True, kw_only=True):
    """Let a product be targeted again."""

    slug: str


class AddFocusGroup(_Command, frozen=True, kw_only=True):
    """Add a focus group to a product; without a slug or a number it is given one."""

    product: str
    fields: dict[str, Any]


class UpdateFocusGroup(_Command, frozen=True, kw_only=True):
    """Change a focus group."""

    slug: str
    fields: dict[str, Any]


class ArchiveFocusGroup(_Command, frozen=True, kw_only=True):
    """Let no new campaign target a focus group."""

    slug: str


class UnarchiveFocusGroup(_Command, frozen=True, kw_only=True):
    """Let a focus group be targeted again."""

    slug: str


class ImportFocusGroups(_Command, frozen=True, kw_only=True):
    """Add the groups of a document to a product, or what the document says to those that are there: all or none.

    ``enriched``: what it says was found out just now, by research.
    """

    product: str
    groups: tuple[dict[str, Any], ...]
    enriched: bool = False
