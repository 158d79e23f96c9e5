"""What people ask for while a run goes on: its lease is revoked, and what was asked happens when it has ended."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from tests.builders import (
    NOW,
    acquire,
    after,
    at,
    block,
    cancel,
    complete,
    end_run,
    following,
    grant,
    policy,
    report,
    revoke,
    run_lease,
    send_back,
    steps_with,
    task,
    unit,
)

from baton.domain import commands as c
from baton.domain.errors import LeaseHeld, NotReady
from baton.domain.readiness import Why, waiting
from baton.domain.records import Asked, Blocked, Revocation, Task
from baton.domain.statuses import BlockKind, Outcome, ReportKind, TaskStatus, UnitStatus, Wish
from baton.domain.tasks import decide

LATER = at(60)
FREE = {"leases": (), "lease": None, "locked_by": None, "locked_at": None}
WISHES = {
    Wish.CANCEL: cancel(),
    Wish.BLOCK: block(),
    Wish.REVISE: send_back(stop_run=True),
    Wish.STOP: revoke(),
}
every_wish = pytest.mark.parametrize(("wish", "command"), WISHES.items(), ids=WISHES.keys())


def running() -> Task:
    """A task whose second step a run works on."""
    return after(task(), acquire(), complete(), grant)


def last_step() -> Task:
    """A task whose last step a run works on."""
    return after(task(unit("content-writer"), unit("content-reviewer")), acquire(), complete(), grant)


def was_killed(found: Task) -> c.EndRun:
    return end_run(found, Outcome.KILLED)


# -- nothing is in the way ----------------------------------------------------------------------------------------


def test_an_idle_task_is_cancelled_at_once() -> None:
    before = task()
    assert decide(before, cancel(), LATER) == following(
        before,
        ("task_cancelled", None, {"by": "ann", "reason": "not needed"}),
        now=LATER,
        status=TaskStatus.CANCELLED,
        completed_at=LATER,
    )


def test_an_idle_task_is_blocked_at_once() -> None:
    before = task()
    data = {"kind": "person", "reason": "waits for a photo", "unit": None, "title": "Rye bread"}
    blocked = Blocked(kind=BlockKind.PERSON, reason="waits for a photo", unit=None, at=LATER, was=TaskStatus.BACKLOG)
    assert decide(before, block(), LATER) == following(
        before, ("task_blocked", None, data), now=LATER, status=TaskStatus.BLOCKED, blocked=blocked
    )


def test_a_hand_lease_is_in_nobodys_way() -> None:
    before = after(task(), acquire())
    assert decide(before, cancel(), LATER) == following(
        before,
        ("lease_released", None, {"unit": "s1", "agent": "content-writer", "by": "ann"}),
        ("task_cancelled", None, {"by": "ann", "reason": "not needed"}),
        now=LATER,
        status=TaskStatus.CANCELLED,
        completed_at=LATER,
        **FREE,
    )


def test_a_hand_lease_that_a_person_takes_away_leaves_the_step_waiting() -> None:
    before = after(task(), acquire())
    assert decide(before, revoke(), LATER) == following(
        before,
        ("lease_released", None, {"unit": "s1", "agent": "content-writer", "by": "ann"}),
        now=LATER,
        **FREE,
    )


def test_there_is_nothing_to_stop_when_nobody_holds_the_step() -> None:
    made = task()
    assert decide(made, revoke(), LATER) == (made, [])


def test_a_blocked_task_can_be_cancelled() -> None:
    record = after(task(), block(), cancel())
    assert (record.status, record.blocked) == (TaskStatus.CANCELLED, None)


# -- a run is in the way ------------------------------------------------------------------------------------------


@every_wish
def test_a_run_in_the_way_is_revoked_and_nothing_else_happens_yet(wish: Wish, command: Any) -> None:
    before = running()
    reason = getattr(command, "reason", None) or command.notes
    lease = run_lease(2, "s2", "content-writer", revoked=Revocation(at=LATER, by="ann", reason=reason))
    asked = Asked(wish=wish, by="ann", at=LATER, reason=reason, to_step=0 if wish is Wish.REVISE else None)
    assert decide(before, command, LATER) == following(
        before,
        ("lease_revoked", "r-2", {"unit": "s2", "by": "ann", "wish": wish, "reason": reason}),
        now=LATER,
        asked=asked,
        leases=(lease,),
        lease=lease,
    )


@every_wish
def test_nothing_is_granted_while_a_run_is_being_ended(wish: Wish, command: Any) -> None:
    revoked = after(running(), command)
    with pytest.raises(NotReady) as refused:
        decide(revoked, grant(revoked), LATER)
    assert refused.value.details == {"why": Why.ENDING}
    assert waiting(revoked) == frozenset()


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.KILLED, Outcome.COMPLETED, Outcome.TIMED_OUT])
def test_a_revoked_run_that_reported_nothing_gives_its_grant_back_however_it_ended(outcome: Outcome) -> None:
    record, events = decide(after(running(), revoke()), end_run(running(), outcome), LATER)
    assert record.current == structs.replace(running().current, attempts=0, ready_at=LATER)
    assert [(event.type, event.data["outcome"]) for event in events] == [("run_ended", "revoked")]


def test_a_stopped_step_waits_again_when_its_run_has_ended() -> None:
    record = after(running(), revoke(), was_killed)
    assert (record.status, record.asked, record.leases) == (TaskStatus.RESEARCHED, None, ())
    assert len(waiting(record)) == 1


def test_a_cancelled_task_is_cancelled_when_its_run_has_ended() -> None:
    revoked = after(running(), cancel())
    record, events = decide(revoked, was_killed(revoked), LATER)
    assert [event.type for event in events] == ["run_ended", "task_cancelled"]
    assert (record.status, record.completed_at, record.asked, record.leases) == (
        TaskStatus.CANCELLED,
        LATER,
        None,
        (),
    )


def test_a_blocked_task_is_blocked_when_its_run_has_ended() -> None:
    revoked = after(running(), block())
    record, events = decide(revoked, was_killed(revoked), LATER)
    assert [event.type for event in events] == ["run_ended", "task_blocked"]
    assert record.blocked == Blocked(
        kind=BlockKind.PERSON, reason="waits for a photo", unit=None, at=LATER, was=TaskStatus.RESEARCHED
    )


@pytest.mark.parametrize("kind", [BlockKind.PERSON, BlockKind.POLICY, BlockKind.BUDGET, BlockKind.INPUT])
def test_a_block_of_any_kind_revokes_what_runs_and_keeps_its_kind(kind: BlockKind) -> None:
    revoked = after(running(), block(kind=kind))
    assert revoked.leases[0].revoked is not None
    record = after(revoked, was_killed)
    assert record.blocked is not None
    assert (record.status, record.blocked.kind) == (TaskStatus.BLOCKED, kind)


def test_a_person_sends_back_a_task_whose_run_was_stopped_for_it() -> None:
    revoked = after(running(), send_back(stop_run=True))
    record, events = decide(revoked, was_killed(revoked), LATER)
    assert [event.type for event in events] == ["run_ended", "revision_requested"]
    assert (record.status, record.pipeline_step, record.asked) == (TaskStatus.REVISION_NEEDED, 0, None)
    assert [step.status for step in record.pipeline] == [UnitStatus.PENDING] * 3
    assert record.current.notes == "too dry"


@pytest.mark.parametrize(("lease", "who"), [(grant, "run r-1 of keyword-researcher"), (acquire("bob"), "bob by hand")])
def test_a_revision_by_a_person_is_refused_while_the_step_is_held(lease: Any, who: str) -> None:
    held = after(task(), lease)
    with pytest.raises(LeaseHeld, match=f"held by {who}") as refused:
        decide(held, send_back(), LATER)
    assert "--stop-run" in refused.value.cure


def test_a_revision_by_a_person_with_stop_run_ends_a_hand_lease_at_once() -> None:
    record = after(task(), acquire("bob"), send_back(stop_run=True))
    assert (record.status, record.leases, record.asked) == (TaskStatus.REVISION_NEEDED, (), None)


# -- a report that was durable before ------------------------------------------------------------------------------


def test_a_report_before_the_cancellation_counts_and_then_the_task_is_cancelled() -> None:
    said = after(running(), report, cancel())
    record, events = decide(said, was_killed(said), LATER)
    assert [event.type for event in events] == ["run_ended", "step_completed", "task_cancelled"]
    assert record.status is TaskStatus.CANCELLED
    assert record.pipeline[1].status is UnitStatus.COMPLETED


@pytest.mark.parametrize("command", [cancel(), block(), revoke()], ids=["cancel", "block", "stop"])
def test_a_task_whose_last_step_was_reported_before_is_completed_whatever_was_asked(command: Any) -> None:
    said = after(last_step(), report, command)
    record, events = decide(said, was_killed(said), LATER)
    assert [event.type for event in events] == ["run_ended", "step_completed", "task_completed"]
    assert (record.status, record.asked, record.blocked) == (TaskStatus.COMPLETED, None, None)


def test_a_task_whose_last_step_was_reported_before_is_sent_back_when_a_person_asked_so() -> None:
    said = after(last_step(), report, send_back(stop_run=True))
    record, events = decide(said, was_killed(said), LATER)
    assert [event.type for event in events] == ["run_ended", "step_completed", "revision_requested"]
    assert (record.status, record.pipeline_step, record.completed_at) == (TaskStatus.REVISION_NEEDED, 0, None)


def test_a_report_before_the_block_counts_and_unblocking_restores_the_status_it_led_to() -> None:
    blocked = after(running(), report, block(), was_killed)
    assert (blocked.status, blocked.pipeline_step) == (TaskStatus.BLOCKED, 2)
    assert after(blocked, c.UnblockTask(by="ann")).status is TaskStatus.DRAFTED


def test_a_task_that_its_run_sent_back_further_than_a_person_asked_stays_there() -> None:
    made = after(task(), acquire(), complete(), acquire(), complete(), grant)
    said = after(made, lambda found: report(found, ReportKind.SENT_BACK, to_step=0, notes="all of it"))
    record = after(said, send_back(1, stop_run=True), was_killed)
    assert (record.pipeline_step, record.current.notes) == (0, "too dry")
    assert len(waiting(record)) == 1
    done = after(record, *(acquire(), complete()) * 3)
    assert done.status is TaskStatus.COMPLETED


def test_a_run_that_had_given_its_last_attempt_back_leaves_the_task_cancelled_and_not_blocked() -> None:
    said = after(running(), lambda found: report(found, ReportKind.RELEASED), cancel())
    record = after(said, end_run(said, policy=policy(max_attempts=1)))
    assert (record.status, record.blocked) == (TaskStatus.CANCELLED, None)


# -- asked again --------------------------------------------------------------------------------------------------


@every_wish
def test_the_same_wish_again_changes_nothing(wish: Wish, command: Any) -> None:
    revoked = after(running(), command)
    assert decide(revoked, command, LATER) == (revoked, [])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Wish.STOP, Wish.CANCEL),
        (Wish.STOP, Wish.REVISE),
        (Wish.BLOCK, Wish.CANCEL),
        (Wish.CANCEL, Wish.BLOCK),
        (Wish.CANCEL, Wish.REVISE),
    ],
)
def test_the_last_of_two_wishes_holds_and_leaves_an_event(first: Wish, second: Wish) -> None:
    record, events = decide(after(running(), WISHES[first]), WISHES[second], LATER)
    assert record.asked is not None
    assert record.asked.wish is second
    assert events, "a change without an event is not written"
    assert record.leases[0].revoked == Revocation(at=NOW, by="ann", reason=getattr(WISHES[first], "reason", "too dry"))


@pytest.mark.parametrize("first", [Wish.CANCEL, Wish.BLOCK, Wish.REVISE])
def test_stopping_a_run_that_is_being_stopped_does_not_make_what_was_asked_undone(first: Wish) -> None:
    record = after(running(), WISHES[first], revoke(by="bob"))
    assert record.asked is not None
    assert record.asked.wish is first


def test_retrying_a_task_withdraws_a_block_that_waits_for_its_run_to_end() -> None:
    record = after(running(), block(), c.RetryTask(by="ann"), was_killed)
    assert (record.status, record.blocked) == (TaskStatus.RESEARCHED, None)
    assert len(waiting(record)) == 1


def test_retrying_a_task_does_not_withdraw_its_cancellation() -> None:
    record = after(running(), cancel(), c.RetryTask(by="ann"), was_killed)
    assert record.status is TaskStatus.CANCELLED


def test_a_wish_touches_no_step() -> None:
    before = running()
    assert after(before, cancel()).pipeline == steps_with(before, 0)
