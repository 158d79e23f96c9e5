"""Sessions of agent programs: what a retry goes on with, and what of their counts a run has really added."""

# No "from __future__ import annotations" where a decoder reads a type: see ``records``.
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

DIGITS = 9


class Session(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agent program's own memory of a run, by its own id, with which a retry by the same harness may go on.

    ``usage`` is what the program said of the whole session, where it counts so: what it says next includes that.
    """

    harness: str
    id: str
    usage: dict[str, Any] = {}


def added_by(usage: Mapping[str, Any], totals: Mapping[str, Any] | None, resumed: Session | None) -> dict[str, Any]:
    """Return what a run has used by itself. ``totals``: those of its counts that its program gives for the session.

    ``None`` is a program that counts each run by itself. A total below the last one has begun anew.
    """
    if resumed is None or not totals:
        return dict(usage)
    before = resumed.usage
    grown = {key: total for key, total in totals.items() if key in before and total >= before[key]}
    return {**usage, **{key: round(total - before[key], DIGITS) for key, total in grown.items()}}


def session_after(
    harness: str, id: str, added: Mapping[str, Any], totals: Mapping[str, Any] | None, resumed: Session | None
) -> Session:
    """Return the session as a run has left it. A run that came to no totals has added what it told on its way."""
    if totals is None:
        return Session(harness=harness, id=id)
    before = resumed.usage if resumed is not None else {}
    keys = totals or [key for key, value in added.items() if isinstance(value, int | float)]
    grown = {key: round(before.get(key, 0) + added.get(key, 0), DIGITS) for key in keys}
    return Session(harness=harness, id=id, usage={**before, **grown})
