"""When something is due again: durations, and cron's five fields in UTC."""

from __future__ import annotations

import pytest
from tests.builders import NOW, at

from baton.domain.errors import InvalidInput
from baton.domain.schedules import Cron, Every, parse_schedule


def last(text: str, now: str = NOW) -> str | None:
    found = parse_schedule(text)
    assert isinstance(found, Cron)
    return found.last(now)


def test_a_time_alone_is_due_at_once_and_then_after_that_time() -> None:
    every = parse_schedule("30m")
    assert every == Every(seconds=1800.0)
    assert [every.is_due(considered, at(0)) for considered in (None, at(-1799), at(-1800))] == [True, False, True]


def test_an_instant_ahead_of_a_clock_that_jumped_holds_nothing_up() -> None:
    assert parse_schedule("30m").is_due(at(86400), NOW)
    assert parse_schedule("30 8 * * *").is_due(at(86400), NOW)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        # NOW is Saturday, 2026-11-21, 08:30.
        ("* * * * *", "2026-11-21T08:30:00.000Z"),
        ("30 8 * * *", "2026-11-21T08:30:00.000Z"),
        ("31 8 * * *", "2026-11-20T08:31:00.000Z"),
        ("*/7 * * * *", "2026-11-21T08:28:00.000Z"),
        ("5/20 * * * *", "2026-11-21T08:25:00.000Z"),
        ("0 6 * * 1", "2026-11-16T06:00:00.000Z"),
        ("0 6 * * 0", "2026-11-15T06:00:00.000Z"),
        ("0 6 * * 7", "2026-11-15T06:00:00.000Z"),
        ("0 6 * * 1-5", "2026-11-20T06:00:00.000Z"),
        ("15,45 0-4 1 * *", "2026-11-01T04:45:00.000Z"),
        ("0 0 1 1 *", "2026-01-01T00:00:00.000Z"),
        ("0 0 31 * *", "2026-10-31T00:00:00.000Z"),
        ("0 0 29 2 *", "2024-02-29T00:00:00.000Z"),
        # Where both day fields are given, either will do: the 20th, and each Wednesday.
        ("0 0 20 * 3", "2026-11-20T00:00:00.000Z"),
        ("0 0 10 * 3", "2026-11-18T00:00:00.000Z"),
        ("59 23 31 12 *", "2025-12-31T23:59:00.000Z"),
    ],
)
def test_the_last_instant_that_has_passed_is_found(text: str, instant: str) -> None:
    assert last(text) == instant


def test_an_instant_that_was_missed_is_due_until_it_was_considered() -> None:
    daily = parse_schedule("0 6 * * *")
    assert daily.is_due("2026-11-20T06:00:10.000Z", NOW)
    assert not daily.is_due("2026-11-21T06:00:00.000Z", NOW)


def test_the_first_time_it_waits_for_its_own_instant() -> None:
    assert not parse_schedule("0 6 * * *").is_due(None, NOW)
    assert parse_schedule("25 8 * * *").is_due(None, NOW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no schedule"),
        ("daily", "'daily' is not a duration"),
        ("@daily", "'@daily' is not a duration"),
        ("30", "'30' is not a duration"),
        ("59s", "'59s' is not between 1m and 366d"),
        ("367d", "'367d' is not between 1m and 366d"),
        ("* * * *", "'* * * *' is no schedule"),
        ("* * * * * *", "'* * * * * *' is no schedule"),
        ("60 * * * *", "'60' is no minute (0 to 59)"),
        ("* 24 * * *", "'24' is no hour (0 to 23)"),
        ("* * 0 * *", "'0' is no day of the month (1 to 31)"),
        ("* * * 13 *", "'13' is no month (1 to 12)"),
        ("* * * * 8", "'8' is no day of the week (0 to 7)"),
        ("5-1 * * * *", "'5-1' is no minute (0 to 59)"),
        ("*/0 * * * *", "'*/0' is no minute (0 to 59)"),
        ("1,,2 * * * *", "'' is no minute"),
        ("MON * * * *", "'MON' is no minute"),
        ("-1 * * * *", "'-1' is no minute"),
        ("0 0 30 2 *", "'0 0 30 2 *' never comes"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_schedule(text)
    assert refused.value.message == message
    assert refused.value.cure
