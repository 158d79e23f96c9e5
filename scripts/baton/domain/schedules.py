"""When something is due again: after a time (``30m``), or by five fields as cron has them, in UTC.

Of cron's language: numbers, ``*``, lists, ranges, steps; 0 and 7 are Sunday; where both day fields are given, either
will do. No names of days or months, no ``@daily``. Whoever asks late is told of the last instant that has passed.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.times import epoch, parse_duration, seconds_between, stamp

SHORTEST_SECONDS = 60.0
LONGEST_SECONDS = 366 * 86400.0
# The 29th of February comes at least once in so many days (1896 to 1904, 2096 to 2104).
LOOK_BACK_DAYS = 8 * 366
# A sweep each minute sees each instant; the first time nobody can say since when a later one was missed.
FRESH_SECONDS = 600.0
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_PART = re.compile(r"(\*|\d{1,2}(?:-\d{1,2})?)(?:/(\d{1,2}))?")
CURE = "write a time like 30m, or five fields as cron has them, like '0 6 * * 1' (in UTC)"


class Every(Struct, frozen=True, kw_only=True):
    """Again after so many seconds; the first time at once."""

    seconds: float

    def is_due(self, considered_at: str | None, now: str) -> bool:
        """Tell whether it is time. An instant ahead of the clock, which has jumped, is none."""
        if considered_at is None or considered_at > now:
            return True
        return seconds_between(considered_at, now) >= self.seconds


class Cron(Struct, frozen=True, kw_only=True):
    """At these minutes of these days, in UTC."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def is_due(self, considered_at: str | None, now: str) -> bool:
        """Tell whether an instant has passed since it was last considered; the first time, not long ago."""
        last = self.last(now)
        if last is None:
            return False
        if considered_at is None or considered_at > now:
            return seconds_between(last, now) < FRESH_SECONDS
        return last > considered_at

    def last(self, now: str) -> str | None:
        """Return the last instant that is not after ``now``; ``None`` for none in eight years."""
        moment = datetime.fromtimestamp(epoch(now), UTC)
        day = moment.date()
        for back in range(LOOK_BACK_DAYS):
            one = day - timedelta(days=back)
            if self._is_on(one):
                limit = (moment.hour, moment.minute) if not back else (23, 59)
                times = [(hour, minute) for hour in self.hours for minute in self.minutes if (hour, minute) <= limit]
                if times:
                    hour, minute = max(times)
                    return stamp(datetime(one.year, one.month, one.day, hour, minute, tzinfo=UTC).timestamp())
        return None

    def _is_on(self, one: date) -> bool:
        if one.month not in self.months:
            return False
        by_month, by_week = one.day in self.days, one.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either_day else by_month and by_week


Schedule = Every | Cron


def parse_schedule(text: str) -> Schedule:
    """Read a schedule as a person wrote it; ``InvalidInput`` says what is wrong with it."""
    fields = text.split()
    if len(fields) == 1:
        seconds = parse_duration(fields[0])
        if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
            raise InvalidInput(f"{text!r} is not between 1m and 366d", cure="write a time like 30m")
        return Every(seconds=seconds)
    if len(fields) != len(FIELDS):
        raise InvalidInput(f"{text[:60]!r} is no schedule", cure=CURE)
    minutes, hours, days, months, weekdays = (_field(word, *field) for word, field in zip(fields, FIELDS, strict=True))
    found = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    if found.last("2026-01-01T00:00:00.000Z") is None:
        raise InvalidInput(f"{text!r} never comes", cure="no month has such a day")
    return found


def _field(word: str, name: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise InvalidInput(f"{part[:20]!r} is no {name}", cure=CURE)
        first, _, last = (f"{least}-{most}" if match[1] == "*" else match[1]).partition("-")
        step = int(match[2]) if match[2] is not None else 1
        # As cron has it: a number with a step goes on to the end.
        end = int(last) if last else most if match[2] is not None else int(first)
        if not least <= int(first) <= end <= most or not step:
            raise InvalidInput(f"{part!r} is no {name} ({least} to {most})", cure=CURE)
        found.update(range(int(first), end + 1, step))
    return frozenset(found)
