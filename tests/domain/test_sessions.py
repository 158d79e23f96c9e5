"""Sessions that are gone on with: what a run adds to what its program has counted before."""

from __future__ import annotations

from typing import Any

import pytest

from baton.domain.sessions import Session, added_by, session_after

FIRST = {"input_tokens": 2400, "cost_usd": 0.00846}
SESSION = Session(harness="claude", id="s-1", usage=FIRST)


def test_of_a_total_only_what_was_added_counts() -> None:
    totals = {"input_tokens": 3600, "cost_usd": 0.0127}
    assert added_by(totals | {"turns": 1}, totals, SESSION) == {"input_tokens": 1200, "cost_usd": 0.00424, "turns": 1}


@pytest.mark.parametrize(
    ("totals", "resumed"),
    [
        (None, SESSION),  # a program that counts each run
        ({}, SESSION),  # a run that came to no total
        ({"input_tokens": 3600}, None),  # nothing was gone on with
        ({"input_tokens": 1200}, SESSION),  # a total that has begun anew
        ({"output_tokens": 7}, SESSION),  # a count that was not told before
    ],
)
def test_otherwise_what_was_told_counts(totals: dict[str, Any] | None, resumed: Session | None) -> None:
    told = {"input_tokens": 3600, "output_tokens": 7} | (totals or {})
    assert added_by(told, totals, resumed) == told


def test_a_session_keeps_the_total_so_far() -> None:
    totals = {"input_tokens": 3600, "cost_usd": 0.0127}
    added = added_by(totals, totals, SESSION)
    assert session_after("claude", "s-1", added, totals, SESSION) == Session(
        harness="claude", id="s-1", usage={"input_tokens": 3600, "cost_usd": 0.0127}
    )


def test_what_a_run_without_a_total_told_on_its_way_is_part_of_the_next_one() -> None:
    broken = session_after("claude", "s-1", {"input_tokens": 500}, {}, SESSION)
    assert broken.usage == {"input_tokens": 2900, "cost_usd": 0.00846}
    assert added_by({"input_tokens": 4100}, {"input_tokens": 4100}, broken) == {"input_tokens": 1200}


def test_three_runs_of_a_session_add_up_to_its_total() -> None:
    session, used = None, 0
    for total in (2400, 3600, 3600, 9000):
        counts = {"input_tokens": total}
        added = added_by(counts, counts, session)
        used += added["input_tokens"]
        session = session_after("codex", "s-1", added, counts, session)
    assert used == 9000


def test_of_a_program_that_counts_each_run_nothing_is_kept() -> None:
    assert session_after("gemini", "s-2", FIRST, None, None) == Session(harness="gemini", id="s-2")
