"""What a person says of a piece that is complete: do it again, or it is good. Parts of the task's record."""

# No "from __future__ import annotations": the record's decoder reads these types as it starts (see records).
from msgspec import Struct

from baton.domain.statuses import RevisionKind


class Revision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person asked for of a piece that was complete: who, when, what to change."""

    by: str
    at: str
    kind: RevisionKind
    notes: str


class Approval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a person found it good: who, and when."""

    by: str
    at: str
    notes: str | None = None
