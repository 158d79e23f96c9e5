"""A resource: one file that a unit left, as it was when the unit was completed. Part of its result, in the record."""

# No "from __future__ import annotations": the record's decoder reads this type as it starts (see records).
from msgspec import Struct

MOST_RESOURCES = 200


class Resource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. ``path`` and ``parent`` (what it was made from) are relative to the workspace.

    ``version`` counts what was made anew beside the old: ``name.v2.md`` is the second of ``name.md``.
    """

    path: str
    kind: str
    title: str
    sha256: str
    bytes: int
    version: int = 1
    parent: str | None = None
