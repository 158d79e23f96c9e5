"""What follows from a run that did not complete its unit: again, after how long, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import NOW, at, policy, unit

from baton.domain.retry import INTERRUPTING, Again, GiveUp, after_failure, after_interruption, backoff
from baton.domain.statuses import BlockKind, Outcome

jitters = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 30), (2, 60), (3, 120), (6, 960), (7, 1800), (1000, 1800)])
def test_a_back_off_doubles_up_to_its_limit(attempt: int, seconds: float) -> None:
    assert backoff(attempt, policy(), 0.5) == seconds


@settings(deadline=None)
@given(attempt=st.integers(1, 5), jitter=jitters)
def test_a_back_off_is_spread_over_75_to_125_percent(attempt: int, jitter: float) -> None:
    plain = 30.0 * 2 ** (attempt - 1)
    assert 0.75 * plain <= backoff(attempt, policy(), jitter) <= 1.25 * plain


@settings(deadline=None)
@given(attempt=st.integers(1, 10**6), jitter=jitters, limit=st.floats(0, 1e6))
def test_no_back_off_is_longer_than_its_limit(attempt: int, jitter: float, limit: float) -> None:
    assert 0 <= backoff(attempt, policy(backoff_max_seconds=limit), jitter) <= limit


def test_an_attempt_that_failed_is_followed_by_another_after_the_back_off() -> None:
    tried = unit("content-writer", attempts=2)
    assert after_failure(tried, policy(), "failed", NOW, 0.5) == Again(not_before=at(60))


@pytest.mark.parametrize("attempts", [3, 4])
def test_the_last_attempt_is_not_followed_by_another(attempts: int) -> None:
    tried = unit("content-writer", attempts=attempts)
    assert after_failure(tried, policy(), "timed out", NOW, 0.5) == GiveUp(
        kind=BlockKind.ATTEMPTS, reason=f"content-writer timed out; that was attempt {attempts} of 3"
    )


def test_an_interruption_is_followed_by_another_run_at_once() -> None:
    assert after_interruption(unit(interruptions=10), policy(), "was interrupted") == Again(not_before=None)


def test_too_many_interruptions_are_not() -> None:
    assert after_interruption(unit("content-writer", interruptions=11), policy(), "was killed") == GiveUp(
        kind=BlockKind.INTERRUPTIONS,
        reason="content-writer was killed; it was interrupted 11 times, more than max_interruptions (10)",
    )


def test_only_what_came_from_outside_is_an_interruption() -> None:
    assert {Outcome.INTERRUPTED, Outcome.KILLED} == INTERRUPTING
