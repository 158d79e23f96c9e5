"""Parked harnesses: until when, for how long at most, and what a second run that ends in the same way changes."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from tests.builders import NOW, at

from baton.domain.parking import Parked, is_forgotten, is_on, park, reason_of, told, tried_again
from baton.domain.readiness import Reason, Why
from baton.domain.statuses import FailureKind

DAY = 86_400
LIMIT = FailureKind.RATE_LIMIT


def parked(until: str | None = at(600), **fields: Any) -> Parked:
    return Parked(**{"harness": "claude", "kind": LIMIT, "since": NOW, "until": until} | fields)


def made(before: Parked | None = None, kind: FailureKind = LIMIT, now: str = NOW, **more: Any) -> Parked:
    return park(before, "claude", kind, now, **more)


def test_a_rate_limit_parks_until_the_reset_that_was_named() -> None:
    said = {"resets_at": at(600), "reason": "429", "task": "t", "run": "r-1"}
    assert made(**said) == parked(reason="429", task="t", run="r-1")


@pytest.mark.parametrize(
    ("resets_at", "until"),
    [(None, 300), (at(-5), 300), (NOW, 300), (at(1), 10), (at(11), 11), (at(DAY), DAY), (at(4 * DAY), DAY)],
)
def test_a_park_lasts_at_least_ten_seconds_and_at_most_a_day(resets_at: str | None, until: float) -> None:
    assert made(resets_at=resets_at).until == at(until)


@pytest.mark.parametrize("kind", [FailureKind.AUTH, FailureKind.CREDIT])
def test_what_does_not_pass_by_itself_has_no_end(kind: FailureKind) -> None:
    assert made(kind=kind, resets_at=at(60)) == parked(None, kind=kind)


def test_a_run_that_had_begun_before_may_only_make_it_longer() -> None:
    before = parked(at(600), is_told=True)
    assert made(before, now=at(5), resets_at=at(60)) == before
    assert made(before, now=at(5), resets_at=at(900)) == structs.replace(before, until=at(900))


def test_or_graver_which_is_told() -> None:
    graver = made(parked(is_told=True), FailureKind.AUTH, at(5))
    assert graver == parked(None, kind=FailureKind.AUTH, since=at(5))
    assert made(graver, LIMIT, at(6), resets_at=at(60)) == graver
    assert made(told(graver), FailureKind.AUTH, at(7)) == told(graver)


def test_a_limit_that_is_met_again_at_once_is_no_news_and_is_waited_for_longer() -> None:
    waits, before, now = [], told(made()), at(300)
    for _ in range(6):
        before = made(before, now=now)
        assert before.until is not None
        waits.append(before)
        now = before.until
    assert [one.until for one in waits] == [at(900), at(2100), at(4500), at(8100), at(11700), at(15300)]
    assert {one.is_told for one in waits} == {True}
    assert [one.tries for one in waits] == [2, 3, 4, 5, 6, 7]


def test_another_trouble_after_the_end_is_news() -> None:
    before = parked(None, kind=FailureKind.AUTH, is_told=True)
    over = parked(at(10), is_told=True)
    assert not made(over, FailureKind.CREDIT, at(20)).is_told
    assert made(before, FailureKind.CREDIT, at(20)) == parked(None, kind=FailureKind.CREDIT, since=at(20))


@pytest.mark.parametrize(
    ("until", "now", "on"),
    [
        (at(600), NOW, True),
        (at(600), at(599.9), True),
        (at(600), at(600), False),
        (None, at(400 * DAY), True),
        (None, at(-400 * DAY), True),
        (at(DAY), NOW, True),
    ],
)
def test_it_is_over_by_itself_at_its_end_and_without_one_never(until: str | None, now: str, on: bool) -> None:
    assert is_on(parked(until), now) is on


def test_a_park_written_under_a_clock_that_had_jumped_strands_nothing() -> None:
    ahead = made(now=at(400 * DAY), resets_at=at(400 * DAY + 600))
    assert is_on(ahead, at(400 * DAY)) is True
    assert is_on(ahead, NOW) is False


def test_a_clock_that_jumps_back_holds_it_for_no_longer_than_a_day() -> None:
    one = made(resets_at=at(600))
    assert is_on(one, at(600 - DAY)) is True
    assert is_on(one, at(600 - DAY - 2)) is False


def test_a_harness_that_waits_for_a_person_may_be_tried_once_and_what_fails_again_is_no_news() -> None:
    before = parked(None, kind=FailureKind.AUTH, is_told=True)
    tried = tried_again(before, at(5))
    assert (is_on(tried, at(5)), tried_again(parked(), at(5))) == (False, parked())
    again = made(tried, FailureKind.AUTH, at(20))
    assert again == parked(None, kind=FailureKind.AUTH, since=at(20), is_told=True, tries=2)
    assert made(again, FailureKind.AUTH, at(30)) == again


def test_a_park_is_forgotten_a_day_after_its_end() -> None:
    assert [is_forgotten(parked(), at(seconds)) for seconds in (0, 600, 600 + DAY, 601 + DAY)] == [
        False, False, False, True,
    ]  # fmt: skip
    assert is_forgotten(parked(None), at(400 * DAY)) is False


def test_the_reason_says_until_when_or_what_a_person_does() -> None:
    assert reason_of(parked()) == Reason(
        why=Why.PARKED, text=f"harness claude is parked until {at(600)}: rate limit", until=at(600)
    )
    assert reason_of(parked(None, kind=FailureKind.AUTH)) == Reason(
        why=Why.PARKED,
        text="harness claude is parked: no login",
    )
