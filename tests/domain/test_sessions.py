"""Sessions that are gone on with: what a run adds to what its program has counted before."""

from __future__ import annotations

import pytest

from baton.domain.sessions import Session, added_by, session_after
from baton.domain.usage import Usage, added, reported, total

COUNTS = ("input_tokens", "cost_usd")


def used(input_tokens: int, cost_usd: float | None = None, **more: float) -> Usage:
    """What one run, or a session, has used of one model."""
    money = {} if cost_usd is None else {"cost_usd": cost_usd}
    return reported({"input_tokens": input_tokens, **money, **more}, {}, "sonnet")


SESSION = Session(harness="claude", id="s-1", usage=used(2400, 0.00846))


def test_of_a_total_only_what_was_added_counts() -> None:
    assert added_by(used(3600, 0.0127, turns=1), COUNTS, SESSION) == used(1200, 0.00424, turns=1)


@pytest.mark.parametrize(
    ("counts", "resumed"),
    [
        (None, SESSION),  # a program that counts each run
        ((), SESSION),  # a run that came to no total
        (COUNTS, None),  # nothing was gone on with
    ],
)
def test_otherwise_what_was_told_counts(counts: tuple[str, ...] | None, resumed: Session | None) -> None:
    assert added_by(used(3600, 0.0127), counts, resumed) == used(3600, 0.0127)


def test_a_session_keeps_what_its_runs_have_used() -> None:
    own = added_by(used(3600, 0.0127), COUNTS, SESSION)
    assert session_after("claude", "s-1", own, COUNTS, SESSION) == Session(
        harness="claude", id="s-1", usage=added(used(2400, 0.00846), used(1200, 0.00424))
    )


def test_what_a_run_without_a_total_told_on_its_way_is_part_of_the_next_one() -> None:
    broken = session_after("claude", "s-1", used(500), (), SESSION)
    assert added_by(used(4100), ("input_tokens",), broken) == used(1200)


def test_three_runs_of_a_session_add_up_to_its_total() -> None:
    session, runs = None, []
    for count in (2400, 3600, 3600, 9000):
        runs.append(added_by(used(count), COUNTS, session))
        session = session_after("codex", "s-1", runs[-1], COUNTS, session)
    assert total(runs).input_tokens == 9000


def test_of_a_program_that_counts_each_run_nothing_is_kept() -> None:
    assert session_after("gemini", "s-2", used(7), None, None) == Session(harness="gemini", id="s-2")
