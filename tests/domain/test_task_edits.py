"""What people do to a task, and what other tasks do to it: describe, block, retry, delete; dependencies; back-offs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders import (
    NOW,
    acquire,
    after,
    at,
    block,
    complete,
    end_run,
    following,
    grant,
    policy,
    report,
    steps_with,
    task,
)

from baton.domain import commands as c
from baton.domain.errors import AlreadyExists, IllegalTransition, InvalidInput, LeaseHeld
from baton.domain.priorities import PRIORITIES, canonical_priority, rank_of
from baton.domain.readiness import waiting
from baton.domain.records import Blocked, Task
from baton.domain.statuses import BlockKind, Outcome, TaskStatus, UnitStatus
from baton.domain.task_edits import EDITABLE
from baton.domain.tasks import decide

LATER = at(60)


def exhausted(*commands: Any) -> Task:
    """A task that its only attempt has blocked."""
    return after(task(), *commands, grant, lambda found: end_run(found, policy=policy(max_attempts=1)))


def update(**fields: Any) -> c.UpdateTask:
    return c.UpdateTask(by="ann", fields=fields)


# -- describing ---------------------------------------------------------------------------------------------------


def test_an_update_changes_what_differs_and_says_what() -> None:
    before = task(description="A loaf")
    command = update(title="Sourdough", description="A loaf", labels=("bread", "spring"))
    data = {"by": "ann", "title": "Sourdough", "labels": ["bread", "spring"]}
    assert decide(before, command, LATER) == following(
        before, ("task_updated", None, data), now=LATER, title="Sourdough", labels=("bread", "spring")
    )


def test_an_update_that_changes_nothing_writes_nothing() -> None:
    before = task(labels=("bread",))
    assert decide(before, update(title="Rye bread", labels=("bread",), priority=10), LATER) == (before, [])


@pytest.mark.parametrize("name", ["status", "token", "pipeline", "id", "campaign", "no_such_field"])
def test_what_is_not_only_descriptive_is_not_updated(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} cannot be changed"):
        decide(task(), update(**{name: "x"}), LATER)


def test_only_fields_of_the_record_are_editable() -> None:
    assert set(Task.__struct_fields__) >= EDITABLE


def test_an_update_is_possible_while_a_run_goes_on_and_leaves_its_lease_alone() -> None:
    before = after(task(), grant)
    record = after(before, update(priority="urgent"))
    assert (record.priority, record.leases) == ("urgent", before.leases)


def test_a_comment_is_left_on_the_time_line() -> None:
    before = task()
    assert decide(before, c.Comment(by="ann", text="nice"), LATER) == following(
        before, ("task_commented", None, {"by": "ann", "text": "nice"}), now=LATER
    )


# -- priorities ---------------------------------------------------------------------------------------------------


def test_words_stand_for_numbers() -> None:
    assert {word: rank_of(word) for word in PRIORITIES} == {"urgent": 0, "high": 5, "medium": 10, "low": 15}


@pytest.mark.parametrize("number", range(20))
def test_a_number_is_written_as_the_word_that_stands_for_it_and_means_the_same(number: int) -> None:
    assert rank_of(canonical_priority(number)) == number
    assert isinstance(canonical_priority(number), str) == (number in PRIORITIES.values())


@pytest.mark.parametrize("priority", ["soon", "URGENT", "5", "", -1, 1000, True])
def test_what_is_no_priority_is_refused(priority: Any) -> None:
    with pytest.raises(ValueError, match="priority"):
        rank_of(priority)


@pytest.mark.parametrize("priority", ["soon", -1, 1000])
def test_what_is_no_priority_is_refused_in_a_command_as_bad_input(priority: Any) -> None:
    with pytest.raises(InvalidInput, match="priority"):
        decide(task(), update(priority=priority), LATER)
    with pytest.raises(InvalidInput, match="priority"):
        task(priority=priority)


# -- blocking and trying again ------------------------------------------------------------------------------------


def test_unblocking_restores_the_former_status_with_fresh_attempts() -> None:
    before = exhausted(acquire(), complete())
    record, events = decide(before, c.UnblockTask(by="ann"), LATER)
    assert (before.status, record.status, record.blocked) == (TaskStatus.BLOCKED, TaskStatus.RESEARCHED, None)
    assert (record.current.status, record.current.attempts, record.current.ready_at) == (
        UnitStatus.IN_PROGRESS,
        0,
        LATER,
    )
    assert [(event.type, event.data) for event in events] == [("task_unblocked", {"by": "ann"})]
    assert len(waiting(record)) == 1


def test_unblocking_keeps_what_the_next_attempt_is_told_of_the_failures() -> None:
    assert [failure.run for failure in after(exhausted(), c.UnblockTask(by="ann")).current.failures] == ["r-1"]


def test_unblocking_gives_fresh_interruptions_too() -> None:
    made = after(task(), grant, lambda found: end_run(found, Outcome.KILLED, policy=policy(max_interruptions=0)))
    assert made.blocked is not None
    assert after(made, c.UnblockTask(by="ann")).current.interruptions == 0


def test_unblocking_keeps_a_back_off_and_retrying_clears_it() -> None:
    backing_off = after(task(), grant, end_run, block())
    assert after(backing_off, c.UnblockTask(by="ann")).current.not_before == at(30)
    assert after(backing_off, c.RetryTask(by="ann")).current.not_before is None


def test_what_is_not_blocked_is_not_unblocked() -> None:
    with pytest.raises(IllegalTransition, match="the task is backlog; it cannot be unblocked"):
        decide(task(), c.UnblockTask(by="ann"), LATER)


def test_retrying_unblocks_with_fresh_attempts_and_no_back_off() -> None:
    record, events = decide(exhausted(), c.RetryTask(by="ann"), LATER)
    assert (record.status, record.blocked, record.current.status) == (
        TaskStatus.BACKLOG,
        None,
        UnitStatus.IN_PROGRESS,
    )
    assert (record.current.attempts, record.current.not_before) == (0, None)
    assert [(event.type, event.data) for event in events] == [("task_retried", {"by": "ann"})]


def test_retrying_a_step_that_backs_off_makes_it_ready_now() -> None:
    backing_off = after(task(), grant, end_run)
    record = after(backing_off, c.RetryTask(by="ann"))
    assert after(record, grant).locked_by == "keyword-researcher"


def test_retrying_a_step_that_runs_changes_nothing() -> None:
    running = after(task(), grant)
    assert decide(running, c.RetryTask(by="ann"), LATER) == (running, [])


def test_retrying_touches_only_the_step_whose_turn_it_is() -> None:
    before = after(task(), acquire(), complete())
    record = after(before, c.RetryTask(by="ann"))
    assert record.pipeline == steps_with(before, 1, ready_at=NOW)


# -- deleting -----------------------------------------------------------------------------------------------------


def test_deleting_leaves_a_tombstone_whose_id_is_never_used_again() -> None:
    before = task()
    record, events = decide(before, c.DeleteTask(by="ann"), LATER)
    assert (record, events) == following(
        before,
        ("task_deleted", None, {"by": "ann"}),
        now=LATER,
        status=TaskStatus.DELETED,
        completed_at=LATER,
    )
    with pytest.raises(AlreadyExists):
        decide(record, c.CreateTask(id="spring-001", units=before.pipeline, fields={"title": "x"}), LATER)


def test_a_blocked_task_can_be_deleted() -> None:
    record = after(exhausted(), c.DeleteTask(by="ann"))
    assert (record.status, record.blocked) == (TaskStatus.DELETED, None)


@pytest.mark.parametrize("lease", [grant, acquire("bob")])
def test_a_task_that_somebody_works_on_is_not_deleted(lease: Any) -> None:
    with pytest.raises(LeaseHeld, match="is working on it"):
        decide(after(task(), lease), c.DeleteTask(by="ann"), LATER)


# -- dependencies -------------------------------------------------------------------------------------------------


def meet(dependency: str) -> c.MeetDependency:
    return c.MeetDependency(dependency=dependency)


def fail(dependency: str) -> c.FailDependency:
    return c.FailDependency(dependency=dependency, reason=f"it waits for {dependency}, which was cancelled")


def test_a_dependency_that_is_met_is_struck_off() -> None:
    before = task(depends_on=("winter-001", "winter-002"))
    assert decide(before, meet("winter-001"), LATER) == following(
        before, ("dependency_met", None, {"dependency": "winter-001"}), now=LATER, unmet=("winter-002",)
    )


def test_a_task_is_ready_when_its_last_dependency_is_met() -> None:
    made = after(task(depends_on=("winter-001", "winter-002")), meet("winter-002"))
    assert waiting(made) == frozenset()
    assert len(waiting(after(made, meet("winter-001")))) == 1


@pytest.mark.parametrize("command", [meet("winter-009"), fail("winter-009")])
def test_news_of_a_task_that_nobody_waits_for_changes_nothing(command: Any) -> None:
    made = task(depends_on=("winter-001",))
    assert decide(made, command, LATER) == (made, [])


def test_a_dependency_met_twice_is_met_once() -> None:
    made = after(task(depends_on=("winter-001",)), meet("winter-001"))
    assert decide(made, meet("winter-001"), LATER) == (made, [])


def test_a_dependency_that_will_never_complete_blocks_with_the_reason() -> None:
    record, events = decide(task(depends_on=("winter-001",)), fail("winter-001"), LATER)
    assert record.blocked == Blocked(
        kind=BlockKind.DEPENDENCY,
        reason="it waits for winter-001, which was cancelled",
        unit=None,
        at=LATER,
        was=TaskStatus.BACKLOG,
        dependency="winter-001",
    )
    assert [event.type for event in events] == ["task_blocked"]


def test_unblocking_goes_on_without_the_dependency_that_failed() -> None:
    waiting_for = task(depends_on=("winter-001", "winter-002"))
    blocked = after(waiting_for, c.FailDependency(dependency="winter-001", reason="it was cancelled"))
    record = after(blocked, c.UnblockTask(by="ann"))
    assert (record.status, record.unmet) == (TaskStatus.BACKLOG, ("winter-002",))


def test_the_first_block_stands_when_a_dependency_fails() -> None:
    made = after(task(depends_on=("winter-001",)), block())
    assert decide(made, fail("winter-001"), LATER) == (made, [])


def test_a_dependency_is_met_while_the_task_is_blocked() -> None:
    made = after(task(depends_on=("winter-001",)), block(), meet("winter-001"))
    assert (made.status, made.unmet) == (TaskStatus.BLOCKED, ())


# -- back-offs ----------------------------------------------------------------------------------------------------


def test_a_back_off_that_no_back_off_can_reach_is_forgotten() -> None:
    before = after(task(), grant, end_run, now=at(1_000_000))
    assert decide(before, c.EndBackoff(backoff_max_seconds=1800.0), NOW) == following(
        before, ("backoff_ended", None, {}), now=at(1_000_000), pipeline=steps_with(before, 0, not_before=None)
    )


@pytest.mark.parametrize("now", [NOW, at(29), at(31), at(9e9)])
def test_an_ordinary_back_off_is_not_forgotten(now: str) -> None:
    made = after(task(), grant, end_run)
    assert decide(made, c.EndBackoff(backoff_max_seconds=1800.0), now) == (made, [])


def test_a_time_that_a_person_gave_is_not_a_back_off() -> None:
    made = task(not_before=at(1_000_000))
    assert decide(made, c.EndBackoff(backoff_max_seconds=1800.0), LATER) == (made, [])


# -- the end ------------------------------------------------------------------------------------------------------


def test_a_finished_task_stays_as_it_is() -> None:
    done = after(task(), *(acquire(), complete()) * 3)
    assert done.status is TaskStatus.COMPLETED
    for command in (grant(done), report(done), end_run(done), c.Comment(by="ann", text="x"), c.RetryTask(by="ann")):
        with pytest.raises(IllegalTransition, match="the task is completed; it cannot be"):
            decide(done, command, LATER)
