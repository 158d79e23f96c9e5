"""The demo's timeline: what a journal tells, drawn in characters."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from baton.demo.journal import Journal
from baton.demo.timeline import letters_of, timeline

BEGAN = 1_800_000_000.0
LABELS = ("Write", "Review")
BRANCHES = {"b1": "Image", "b2": "Posts"}


def event(at: float, kind: str, run: str | None = None, task: str = "t-1", **data: object) -> dict[str, Any]:
    """An event of a task, so many seconds after the campaign was activated."""
    stamp = datetime.fromtimestamp(BEGAN + at, UTC).isoformat().replace("+00:00", "Z")
    return {"id": f"task/{task}:{at}", "at": stamp, "type": kind, "task": task, "run": run, "data": data}


def drawn(events: list[dict[str, Any]], kills: dict[str, float] | None = None, width: int = 60) -> list[str]:
    journal = Journal(Path("/nowhere"))
    journal.events = [event(0, "campaign_activated", task=""), *events]
    tasks = list(dict.fromkeys(one["task"] for one in events))
    return timeline(journal, tasks, LABELS, BRANCHES, {run: BEGAN + at for run, at in (kills or {}).items()}, width)


def test_a_task_that_waits_works_is_sent_back_and_works_again() -> None:
    events = [
        event(10, "lease_granted", "r1", step=0),
        event(20, "run_ended", "r1", outcome="completed"),
        event(20, "lease_granted", "r2", step=1),
        event(25, "run_ended", "r2", outcome="sent_back"),
        event(25, "lease_granted", "r3", step=0),
        event(30, "run_ended", "r3", outcome="completed"),
        event(30, "lease_granted", "r4", step=1),
        event(40, "run_ended", "r4", outcome="completed"),
        event(40, "task_completed"),
    ]
    axis, row, steps, marks = drawn(events)
    assert axis.split() == ["0", "s", "10", "s", "20", "s", "30", "s", "40", "s"]
    assert row == "t-1  " + "." * 10 + "w" * 10 + "r" * 5 + "<" + "w" * 4 + "r" * 10 + "|"
    assert steps.strip() == "w Write   r Review"
    assert marks.strip() == ". waits   < sent back   | completed"


def test_a_killed_run_holds_its_task_until_it_is_ended_and_a_failed_one_is_marked() -> None:
    events = [
        event(0, "lease_granted", "r1", step=0),
        event(20, "run_ended", "r1", outcome="interrupted"),
        event(20, "lease_granted", "r2", step=0),
        event(30, "run_ended", "r2", outcome="failed"),
        event(35, "lease_granted", "r3", step=0),
        event(40, "run_ended", "r3", outcome="completed"),
    ]
    row, marks = (drawn(events, {"r1": 10})[number] for number in (1, 3))
    assert row == "t-1  " + "w" * 10 + "X" + "-" * 9 + "w" * 10 + "!" + "." * 4 + "w" * 5
    assert marks.strip() == ". waits   X killed   - held by the dead run   ! failed, tried again"


def test_every_run_is_seen_however_short_it_was_and_an_hour_fits_into_the_width() -> None:
    events = []
    for number, at in enumerate(range(0, 3600, 400)):
        events += [
            event(at, "lease_granted", f"r{number}", step=number % 2),
            event(at + 1, "run_ended", f"r{number}", outcome="completed"),
        ]
    axis, row, *_ = drawn(events)
    assert [letter for letter in row.removeprefix("t-1") if letter in "wr"] == list("wrwrwrwrw")
    assert max(map(len, (axis, row))) <= 60


def test_a_branch_has_a_row_of_its_own_below_its_task_from_its_first_run_on() -> None:
    events = [
        event(0, "lease_granted", "r1", step=0, unit="s1"),
        event(10, "run_ended", "r1", outcome="completed"),
        event(10, "lease_granted", "r2", step=1, unit="s2"),
        event(12, "lease_granted", "r3", step=None, unit="b1"),
        event(20, "run_ended", "r2", outcome="sent_back"),
        event(20, "lease_granted", "r4", step=0, unit="s1"),
        event(22, "run_ended", "r3", outcome="revoked"),
        event(30, "run_ended", "r4", outcome="completed"),
        event(30, "lease_granted", "r5", step=None, unit="b1"),
        event(40, "run_ended", "r5", outcome="completed"),
        event(40, "lease_granted", "r6", step=1, unit="s2"),
        event(50, "run_ended", "r6", outcome="completed"),
        event(50, "task_completed"),
    ]
    _, line, beside, _, marks = drawn(events, width=80)
    assert line == "t-1      " + "w" * 10 + "r" * 10 + "<" + "w" * 9 + "." * 10 + "r" * 10 + "|"
    assert beside == "  Image  " + " " * 12 + "=" * 10 + "<" + " " * 7 + "=" * 10
    assert marks.strip() == ". waits   < sent back   | completed   = works beside"


def test_each_step_has_a_letter_of_its_own() -> None:
    assert letters_of(["Write", "Rewrite", "Wire", "W"]) == ["w", "r", "i", "a"]
    assert letters_of([str(number) for number in range(27)])[-1] == "?"
