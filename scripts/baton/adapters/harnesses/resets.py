"""When a limit ends, read from what a program says about it: a number, an instant, a wait, or a time with its zone.

A time without a zone says nothing: the program may mean its provider's, its user's or the machine's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from baton.domain.errors import InvalidInput
from baton.domain.times import epoch, later, parse_instant, stamp

INSTANTS = range(1_000_000_000, 100_000_000_000)
LONGEST_SECONDS = 400 * 86_400
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = re.compile(r"(?:\||resets?_?at\W{1,4})([0-9]{10})(?:[0-9]{3})?\b", re.IGNORECASE)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_PART = (
    r"[0-9]{1,9}(?:\.[0-9]{1,6})?\s?(?:ms|milliseconds?|[smhdw]\b|[smhdw](?=[0-9])|(?:sec|min|hour|hr|day|week)[a-z]*)"
)
_WAIT = re.compile(
    r"(?:again|retry|retrying|resets?|wait|available|after)\s(?:in\s|after\s|for\s)?(?:about\s)?"
    rf"({_PART}(?:(?:,|\s|\sand\s)?\s?{_PART})*)",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?:resets?|again|until|available)\s(?:at\s|on\s)?"
    r"(?:(?P<month>[A-Z][a-z]{2})[a-z]*\.?\s(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?,?\s(?:(?P<year>20[0-9]{2}),?\s)?(?:at\s)?)?"
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2}))?\s?(?P<half>[ap]\.?m\.?)?\s?"
    r"\(?(?P<zone>[A-Z][A-Za-z]+(?:/[A-Za-z_+-]+[0-9]{0,2}){1,2}|UTC|GMT|Z)\b\)?",
)


def reset_in(text: str, now: str | None) -> str | None:
    """Return the instant at which a limit ends, if the text says so; a wait is counted from ``now``."""
    if found := _EPOCH.search(text):
        return instant_of(int(found[1]))
    if found := _ISO.search(text):
        try:
            return parse_instant(found[0])
        except InvalidInput:
            return None
    if now is None:
        return None
    if found := _CLOCK.search(text):
        return _next(found, now)
    if found := _WAIT.search(text):
        return after(sum(float(number) * _seconds(unit) for number, unit in _parts(found[1])), now)
    return None


def instant_of(number: float | None) -> str | None:
    """Return the instant of an epoch second, if the number can be one."""
    return stamp(number) if number is not None and int(number) in INSTANTS else None


def after(seconds: float | None, now: str | None) -> str | None:
    """Return the instant so many seconds after ``now``, if that is a wait that somebody may mean."""
    if seconds is None or now is None or not 0 <= seconds <= LONGEST_SECONDS:
        return None
    return later(now, seconds)


def _parts(text: str) -> list[tuple[str, str]]:
    return re.findall(r"([0-9]+(?:\.[0-9]+)?)\s?([a-zA-Z]+)", text)


def _seconds(unit: str) -> float:
    word = unit.lower()
    return _UNITS["ms" if word.startswith(("ms", "milli")) else word[0]]


def _next(found: re.Match[str], now: str) -> str | None:
    """Return the next time that a clock in that zone shows this, or the time of that day."""
    zone = _zone(found["zone"])
    hour, half = int(found["hour"]), (found["half"] or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0) if 1 <= hour <= 12 else 24
    if zone is None:
        return None
    here = datetime.fromtimestamp(epoch(now), zone)
    try:
        then = here.replace(hour=hour, minute=int(found["minute"] or 0), second=0, microsecond=0, fold=0)
        if found["month"]:
            month = _MONTHS.index(found["month"].lower()) + 1
            then = then.replace(year=int(found["year"] or here.year), month=month, day=int(found["day"]))
            if then < here and not found["year"]:
                then = then.replace(year=here.year + 1)
        elif then <= here:
            then += timedelta(days=1)
        return stamp(then.timestamp())
    except (ValueError, OverflowError):
        return None


def _zone(name: str) -> tzinfo | None:
    if name in ("UTC", "GMT", "Z"):
        return UTC
    from zoneinfo import ZoneInfo  # start-up: only for a limit that names a zone

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # a machine without zones, or no such one
        return None
