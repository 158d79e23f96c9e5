"""Instants as text and durations as text. Instants are UTC, ISO 8601, milliseconds, ``Z``: they sort as strings."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from baton.domain.errors import InvalidInput

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
LONGEST_SECONDS = 1e9 * 86400.0
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def stamp(epoch_seconds: float) -> str:
    """Write seconds since 1970 as an instant, e.g. ``2026-11-21T08:30:00.250Z``."""
    return _text(datetime.fromtimestamp(epoch_seconds, UTC))


def epoch(instant: str) -> float:
    """Read an instant as seconds since 1970."""
    return datetime.fromisoformat(instant).timestamp()


def later(instant: str, seconds: float) -> str:
    """Return the instant ``seconds`` after this one."""
    return _text(datetime.fromisoformat(instant) + timedelta(seconds=seconds))


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from ``start`` to ``end``; negative when ``end`` is earlier."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def parse_instant(text: str) -> str:
    """Read an instant a person wrote (any ISO 8601 form with an offset) and return it in our form."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return _text(instant.astimezone(UTC))
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not an instant", cure="write it like 2026-11-21T08:30:00Z") from None
    raise InvalidInput(f"{text!r} has no time zone", cure="add Z or an offset like +01:00")


def parse_duration(text: str) -> float:
    """Read a duration like ``15s``, ``1.5h`` or ``250ms`` as seconds; a bare number is refused."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidInput(f"{text!r} is not a duration", cure="write a number and a unit: ms, s, m, h or d, like 30s")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if seconds > LONGEST_SECONDS:
        raise InvalidInput(f"{text[:40]!r} is too long a time")
    return seconds


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
