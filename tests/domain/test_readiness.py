"""Which units may be dispatched, why one may not, and the names under which they wait: functions of the record alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.builders import NOW, acquire, after, at, block, cancel, complete, end_run, grant, task, unit

from baton.domain.priorities import RANK_LIMIT
from baton.domain.readiness import (
    Entry,
    Reason,
    Why,
    due_at,
    is_backing_off,
    is_due,
    not_ready,
    open_units,
    rank_of_bucket,
    standing_reason,
    unit_of_name,
    waiting,
)
from baton.domain.records import Task
from baton.domain.times import epoch

SECOND = int(epoch(NOW))


def entry(found: Task) -> Entry:
    """The only name under which the task waits."""
    (only,) = waiting(found)
    return only


# -- why not ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "why", "text"),
    [
        (after(task(), cancel()), Why.FINISHED, "the task is cancelled"),
        (after(task(), block()), Why.BLOCKED, "the task is blocked (person): waits for a photo"),
        (after(task(), grant, cancel()), Why.ENDING, "cancel was asked for; its run is being ended"),
        (after(task(), grant), Why.HELD, f"held by run r-1 of keyword-researcher since {NOW}"),
        (after(task(), acquire("ann")), Why.HELD, f"held by ann by hand since {NOW}"),
        (
            task(depends_on=("winter-001", "winter-002")),
            Why.DEPENDENCY,
            "waits for winter-001, winter-002",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Why) else "",
)
def test_what_stands_in_the_way_is_told_in_a_word_and_a_sentence(made: Task, why: Why, text: str) -> None:
    assert standing_reason(made, made.current) == Reason(why=why, text=text)
    assert not_ready(made, made.current, at(1e6), 1800.0) == Reason(why=why, text=text)
    assert waiting(made) == frozenset()


def test_a_step_whose_turn_it_is_not_says_so() -> None:
    made = task()
    reason = Reason(why=Why.NOT_ITS_TURN, text="step 2 is pending; it is not its turn")
    assert standing_reason(made, made.pipeline[2]) == reason


def test_nothing_stands_in_the_way_of_the_current_step_of_a_new_task() -> None:
    assert standing_reason(task(), task().current) is None
    assert not_ready(task(), task().current, NOW, 1800.0) is None


def test_only_the_current_step_is_open() -> None:
    made = after(task(), acquire(), complete())
    assert open_units(made) == [made.pipeline[1]]


def test_no_step_of_a_finished_task_is_open() -> None:
    assert open_units(after(task(), cancel())) == []


# -- times to wait for --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (at(99.999), Reason(why=Why.NOT_BEFORE, text=f"not before {at(100)}", until=at(100))),
        (at(100), None),
    ],
)
def test_a_task_waits_until_the_instant_that_a_person_gave(now: str, reason: Reason | None) -> None:
    made = task(not_before=at(100))
    assert not_ready(made, made.current, now, 1800.0) == reason


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (at(29.999), Reason(why=Why.BACKOFF, text=f"backs off until {at(30)}", until=at(30))),
        (at(30), None),
    ],
)
def test_a_step_waits_until_its_back_off_is_over(now: str, reason: Reason | None) -> None:
    made = after(task(), grant, end_run)
    assert not_ready(made, made.current, now, 1800.0) == reason


@pytest.mark.parametrize(("ahead", "is_on"), [(0, False), (1, True), (1801, True), (1801.001, False), (9e7, False)])
def test_a_back_off_further_ahead_than_any_can_be_is_over(ahead: float, is_on: bool) -> None:
    assert is_backing_off(unit(not_before=at(ahead)), NOW, 1800.0) == is_on


def test_an_instant_that_a_person_gave_may_lie_as_far_ahead_as_they_like() -> None:
    made = task(not_before=at(9e7))
    assert not_ready(made, made.current, NOW, 1800.0) is not None


@pytest.mark.parametrize(
    ("task_time", "unit_time", "due"),
    [(None, None, None), (at(5), None, at(5)), (None, at(7), at(7)), (at(5), at(7), at(7)), (at(9), at(7), at(9))],
)
def test_a_step_is_due_at_the_later_of_the_tasks_time_and_its_own(
    task_time: str | None, unit_time: str | None, due: str | None
) -> None:
    made = task(not_before=task_time)
    assert due_at(made, structs.replace(made.current, not_before=unit_time)) == due


def test_ready_at_only_orders_and_strands_nothing_that_was_stamped_in_the_future() -> None:
    made = task(now=at(1e8))
    assert not_ready(made, made.current, NOW, 1800.0) is None
    assert is_due(entry(made).bucket, SECOND)


# -- names of the index -------------------------------------------------------------------------------------------


def test_a_new_task_waits_under_campaign_harness_agent_priority_and_time() -> None:
    made = task(unit("content-writer", harness="codex"), now=at(0.25))
    assert waiting(made) == {
        Entry(group="spring~codex~content-writer", bucket=f"010-{SECOND:010d}", name="250000~spring-001~s1")
    }
    assert entry(made).path == f"spring~codex~content-writer/010-{SECOND:010d}/250000~spring-001~s1"


def test_a_task_without_campaign_or_harness_waits_under_a_dash() -> None:
    assert entry(task(campaign=None)).group == "-~-~keyword-researcher"


@pytest.mark.parametrize(
    "made", [task(not_before=at(30)), after(task(), grant, end_run)], ids=["not before", "back-off"]
)
def test_what_waits_for_a_time_stands_in_a_marked_bucket_of_that_time(made: Task) -> None:
    assert entry(made).bucket == f"010-{SECOND + 30:010d}t"


def test_a_bucket_of_a_time_within_a_second_does_not_open_before_it() -> None:
    assert entry(task(not_before=at(30.25))).bucket == f"010-{SECOND + 31:010d}t"


def test_the_names_follow_the_line() -> None:
    made = after(task(), acquire(), complete(), now=at(1))
    assert entry(made).name == "000000~spring-001~s2"
    assert entry(made).group == "spring~-~content-writer"


def test_more_urgent_and_older_work_sorts_first() -> None:
    made = [
        task(priority="urgent", now=at(5)),
        task(priority="high", now=at(3)),
        task(priority="high", now=at(4)),
        task(priority=7, now=at(1)),
        task(priority="medium", now=at(0)),
        task(priority=RANK_LIMIT, now=at(0)),
    ]
    buckets = [entry(one).bucket for one in made]
    assert buckets == sorted(buckets)
    assert [rank_of_bucket(bucket) for bucket in buckets] == [0, 5, 5, 7, 10, 999]


@pytest.mark.parametrize(
    ("bucket", "now", "due"),
    [
        ("010-0000000100", 0.0, True),
        ("010-0000000100t", 99.9, False),
        ("010-0000000100t", 100.0, True),
        ("999-0000000100t", 1e10, True),
    ],
)
def test_a_bucket_is_due_always_or_from_its_second_on(bucket: str, now: float, due: bool) -> None:
    assert is_due(bucket, now) == due


@settings(deadline=None)
@given(milliseconds=st.integers(0, 4_000_000_000_000), priority=st.integers(0, RANK_LIMIT))
def test_a_name_leads_back_to_its_unit_and_its_bucket_to_its_rank(milliseconds: int, priority: int) -> None:
    made = task(priority=priority, now=at(milliseconds / 1000))
    found = entry(made)
    assert unit_of_name(found.name) == ("spring-001", "s1")
    assert rank_of_bucket(found.bucket) == priority
    assert len(found.name.split("~")[0]) == 6
    assert found == entry(made)


@pytest.mark.parametrize("field", [{"title": "x"}, {"labels": ("x",)}, {"description": "x"}])
def test_words_about_a_task_do_not_move_it_in_the_index(field: dict[str, Any]) -> None:
    assert waiting(structs.replace(task(), **field)) == waiting(task())
