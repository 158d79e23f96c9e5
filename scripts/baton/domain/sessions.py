"""Sessions of agent programs: what a retry goes on with, and what of their counts a run has really added."""

# No "from __future__ import annotations" where a decoder reads a type: see ``records``.
from collections.abc import Collection

from msgspec import Struct

from baton.domain.usage import NOTHING, Usage, added, since


class Session(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agent program's own memory of a run, by its own id, with which a retry by the same harness may go on.

    ``usage`` is what its runs have used, where the program counts for a whole session: what it tells next includes that.
    """

    harness: str
    id: str
    usage: Usage = NOTHING


def added_by(usage: Usage, counts: Collection[str] | None, resumed: Session | None) -> Usage:
    """Return what a run has used by itself; ``counts`` are those that its program told of the whole session.

    ``None`` is a program that counts each run by itself.
    """
    return since(usage, resumed.usage, counts) if resumed is not None and counts else usage


def session_after(
    harness: str, id: str, own: Usage, counts: Collection[str] | None, resumed: Session | None
) -> Session:
    """Return the session as a run has left it, which has used ``own`` by itself."""
    if counts is None:
        return Session(harness=harness, id=id)
    return Session(harness=harness, id=id, usage=added(resumed.usage if resumed is not None else NOTHING, own))
