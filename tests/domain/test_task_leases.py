"""Leases: granted to supervisors, taken by hand, renewed, given back, expired; tokens decide who may finish."""

from __future__ import annotations

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
    expire,
    following,
    grant,
    hand,
    hand_lease,
    report,
    revoke,
    run_lease,
    steps_with,
    supervisor,
    task,
    unit,
)

from baton.domain import commands as c
from baton.domain.errors import BatonError, IllegalTransition, LeaseHeld, LeaseMismatch, NotReady
from baton.domain.readiness import Why
from baton.domain.records import Holder, Task
from baton.domain.statuses import Outcome, TaskStatus, UnitStatus
from baton.domain.task_leases import hand_age_seconds
from baton.domain.tasks import decide

LATER = at(60)
OUTPUT = "research/spring-001.md"
FREE = {"leases": (), "lease": None, "locked_by": None, "locked_at": None}


def backing_off() -> Task:
    """A task whose first run has just failed."""
    return after(task(), grant, end_run)


# -- granted to a supervisor --------------------------------------------------------------------------------------


def test_a_grant_gives_the_next_token_and_counts_an_attempt() -> None:
    before = task()
    lease = run_lease(1, granted_at=LATER)
    data = {"unit": "s1", "step": 0, "agent": "keyword-researcher", "token": 1, "attempt": 1}
    assert decide(before, grant(before), LATER) == following(
        before,
        ("lease_granted", "r-1", data),
        now=LATER,
        token=1,
        pipeline=steps_with(before, 0, status=UnitStatus.IN_PROGRESS, attempts=1, started_at=LATER, output=OUTPUT),
        leases=(lease,),
        lease=lease,
        locked_by="keyword-researcher",
        locked_at=LATER,
    )


def test_a_second_grant_is_refused_and_says_who_holds_the_step() -> None:
    running = after(task(), grant)
    with pytest.raises(NotReady, match="held by run r-1 of keyword-researcher") as refused:
        decide(running, grant(running), LATER)
    assert refused.value.details == {"why": Why.HELD}


def test_a_step_held_by_hand_is_not_granted() -> None:
    held = after(task(), acquire("ann"))
    with pytest.raises(NotReady, match="held by ann by hand"):
        decide(held, grant(held), LATER)


@pytest.mark.parametrize("number", [1, 2])
def test_a_step_whose_turn_it_is_not_is_not_granted(number: int) -> None:
    made = task()
    with pytest.raises(NotReady) as refused:
        decide(made, grant(made, unit=made.pipeline[number].key), LATER)
    assert refused.value.details == {"why": Why.NOT_ITS_TURN}


def test_a_completed_step_is_not_granted_again() -> None:
    made = after(task(), acquire(), complete())
    with pytest.raises(NotReady):
        decide(made, grant(made, unit="s1"), LATER)


def test_a_unit_that_the_task_does_not_have_is_refused_and_not_a_crash() -> None:
    made = task()
    with pytest.raises(BatonError):
        decide(made, grant(made, unit="s9"), LATER)


def test_a_grant_during_a_back_off_is_refused_and_says_until_when() -> None:
    with pytest.raises(NotReady, match=f"backs off until {at(30)}") as refused:
        decide(backing_off(), grant(backing_off()), at(29))
    assert refused.value.details == {"why": Why.BACKOFF}


def test_a_grant_after_the_back_off_forgets_it() -> None:
    record = after(backing_off(), grant, now=at(30))
    assert (record.current.not_before, record.current.attempts, record.token) == (None, 2, 2)


def test_a_back_off_further_ahead_than_any_can_be_counts_as_over() -> None:
    jumped = after(task(), grant, end_run, now=at(1_000_000))
    assert after(jumped, grant, now=NOW).locked_by == "keyword-researcher"


def test_what_is_due_is_judged_by_the_real_time_and_not_by_the_stamp_of_the_record() -> None:
    ahead = after(task(not_before=at(100)), c.Comment(by="ann", text="hm"), now=at(1_000))
    with pytest.raises(NotReady) as refused:
        decide(ahead, grant(ahead), at(50))
    assert refused.value.details == {"why": Why.NOT_BEFORE}


def test_the_stamp_of_a_grant_never_goes_back_when_the_clock_does() -> None:
    record, events = decide(task(now=LATER), grant(task()), NOW)
    assert (record.locked_at, record.updated_at, events[0].at) == (LATER, LATER, LATER)


# -- taken by hand ------------------------------------------------------------------------------------------------


def test_taking_a_step_by_hand_gives_a_token_and_counts_no_attempt() -> None:
    before = task()
    lease = hand_lease(1, granted_at=LATER)
    data = {"unit": "s1", "agent": "content-writer", "token": 1}
    assert decide(before, acquire(), LATER) == following(
        before,
        ("lease_granted", None, data),
        now=LATER,
        token=1,
        pipeline=steps_with(before, 0, status=UnitStatus.IN_PROGRESS, started_at=LATER, output=OUTPUT),
        leases=(lease,),
        lease=lease,
        locked_by="content-writer",
        locked_at=LATER,
    )


def test_the_holder_renews_and_keeps_the_token() -> None:
    before = after(task(), acquire())
    renewed = hand_lease(1, granted_at=LATER, holder=hand(1060.0))
    assert decide(before, acquire(holder=hand(1060.0)), LATER) == following(
        before,
        ("lease_renewed", None, {"unit": "s1", "agent": "content-writer"}),
        now=LATER,
        leases=(renewed,),
        lease=renewed,
        locked_at=LATER,
    )


def test_a_hand_lease_is_not_taken_from_its_holder_before_its_time() -> None:
    held = after(task(), acquire("ann"))
    with pytest.raises(LeaseHeld, match="ann holds the lease") as refused:
        decide(held, acquire("bob", holder=hand(1599.0)), LATER)
    assert refused.value.details == {"locked_by": "ann"}


def test_a_hand_lease_that_nobody_renewed_may_be_taken_over() -> None:
    before = after(task(), acquire("ann"))
    lease = hand_lease(2, agent="bob", granted_at=LATER, holder=hand(1600.0))
    assert decide(before, acquire("bob", holder=hand(1600.0)), LATER) == following(
        before,
        ("lease_expired", None, {"unit": "s1", "agent": "ann", "taken_by": "bob"}),
        ("lease_granted", None, {"unit": "s1", "agent": "bob", "token": 2}),
        now=LATER,
        token=2,
        leases=(lease,),
        lease=lease,
        locked_by="bob",
        locked_at=LATER,
    )


def test_a_clock_that_jumps_ahead_makes_no_hand_lease_older() -> None:
    held = after(task(), acquire("ann"))
    with pytest.raises(LeaseHeld):
        decide(held, acquire("bob", holder=hand(1001.0)), at(1_000_000))


def test_a_step_is_never_taken_by_hand_from_a_live_run() -> None:
    running = after(task(), grant)
    with pytest.raises(LeaseHeld, match=r"keyword-researcher \(run r-1\) holds the lease"):
        decide(running, acquire("keyword-researcher", holder=hand(1e9)), LATER)


def test_the_run_itself_renews_with_its_token_and_nothing_changes() -> None:
    running = after(task(), grant)
    record, events = decide(running, acquire("keyword-researcher", token=1), LATER)
    assert record is running
    assert events == []


def test_another_agent_with_the_runs_token_is_told_who_holds_the_step() -> None:
    running = after(task(), grant)
    with pytest.raises(LeaseHeld) as refused:
        decide(running, acquire("content-writer", token=1), LATER)
    assert refused.value.details == {"locked_by": "keyword-researcher"}


def test_a_run_that_was_replaced_does_not_renew() -> None:
    replaced = after(task(), grant, lambda found: end_run(found, Outcome.KILLED), grant)
    with pytest.raises(LeaseMismatch):
        decide(replaced, acquire("keyword-researcher", token=1), LATER)


@pytest.mark.parametrize("command", [revoke(), cancel(), block()])
def test_a_run_that_was_revoked_does_not_renew(command: object) -> None:
    revoked = after(task(), grant, command)
    with pytest.raises(LeaseMismatch):
        decide(revoked, acquire("keyword-researcher", token=1), LATER)


def test_a_step_may_be_taken_by_hand_while_it_backs_off_and_by_any_agent() -> None:
    record = after(backing_off(), acquire("image-director"))
    assert (record.locked_by, record.current.not_before, record.current.attempts) == ("image-director", None, 1)


def test_a_step_may_be_taken_by_hand_before_the_task_is_due() -> None:
    assert after(task(not_before=at(1000)), acquire()).locked_by == "content-writer"


def test_a_step_is_not_taken_by_hand_while_a_dependency_is_unmet() -> None:
    with pytest.raises(IllegalTransition, match="waits for winter-001"):
        decide(task(depends_on=("winter-001",)), acquire(), LATER)


def test_a_step_of_a_blocked_task_is_not_taken_by_hand() -> None:
    with pytest.raises(IllegalTransition, match="waits for a photo"):
        decide(after(task(), block()), acquire(), LATER)


# -- given back ---------------------------------------------------------------------------------------------------


def test_giving_back_a_hand_lease_leaves_the_step_waiting() -> None:
    before = after(task(), acquire())
    assert decide(before, c.ReleaseByHand(agent="content-writer"), LATER) == following(
        before, ("lease_released", None, {"unit": "s1", "agent": "content-writer"}), now=LATER, **FREE
    )


def test_only_the_holder_gives_a_hand_lease_back() -> None:
    with pytest.raises(LeaseMismatch, match="ann holds the lease, not bob") as refused:
        decide(after(task(), acquire("ann")), c.ReleaseByHand(agent="bob"), LATER)
    assert refused.value.details == {"locked_by": "ann"}


def test_nobody_gives_back_what_nobody_holds() -> None:
    with pytest.raises(LeaseMismatch, match="nobody holds the lease"):
        decide(task(), c.ReleaseByHand(agent="content-writer"), LATER)


def test_an_agents_name_alone_does_not_give_back_the_lease_of_a_run() -> None:
    with pytest.raises(LeaseMismatch, match="run r-1"):
        decide(after(task(), grant), c.ReleaseByHand(agent="keyword-researcher"), LATER)


@pytest.mark.parametrize("command", [complete("keyword-researcher"), c.ReleaseByHand(agent="keyword-researcher")])
def test_an_agents_name_alone_does_not_finish_a_run(command: object) -> None:
    with pytest.raises(LeaseMismatch):
        decide(after(task(), grant), command, LATER)


# -- expired ------------------------------------------------------------------------------------------------------


def test_a_hand_lease_as_old_as_stale_after_expires() -> None:
    before = after(task(), acquire())
    assert decide(before, expire(before, seen_from=hand(2800.0)), LATER) == following(
        before, ("lease_expired", None, {"unit": "s1", "agent": "content-writer"}), now=LATER, **FREE
    )


def test_a_younger_hand_lease_does_not_expire() -> None:
    held = after(task(), acquire())
    assert decide(held, expire(held, seen_from=hand(2799.0)), LATER) == (held, [])


def test_a_renewed_hand_lease_does_not_expire() -> None:
    held = after(task(), acquire(), acquire(holder=hand(2000.0)))
    assert decide(held, expire(held, seen_from=hand(2800.0)), LATER) == (held, [])


@pytest.mark.parametrize("token", [1, 3])
def test_a_lease_that_is_gone_does_not_expire_again(token: int) -> None:
    taken_over = after(task(), acquire("ann"), acquire("bob", holder=hand(5000.0)))
    assert decide(taken_over, expire(taken_over, token=token, seen_from=hand(9e9)), LATER) == (taken_over, [])


def test_the_lease_of_a_run_never_expires() -> None:
    running = after(task(), grant)
    assert decide(running, expire(running, seen_from=hand(9e9)), LATER) == (running, [])


@pytest.mark.parametrize(
    ("seen", "age"),
    [
        (hand(1250.5), 250.5),
        (hand(40.0, boot="b2"), 40.0),
        (hand(99_999.0, machine="m2"), 0.0),
    ],
    ids=["the same boot", "another boot: at least as old as this one", "another machine: nobody can tell"],
)
def test_the_age_of_a_hand_lease_is_told_by_boot_time(seen: Holder, age: float) -> None:
    assert hand_age_seconds(hand(1000.0), seen) == age


# -- the row for readers ------------------------------------------------------------------------------------------


def test_the_row_for_readers_follows_the_lease_of_the_main_line() -> None:
    made = task(unit("content-writer"), unit("content-reviewer"))
    seen = []
    for command in (grant, report, end_run, acquire("ann"), c.ReleaseByHand(agent="ann")):
        made = after(made, command)
        assert made.lease == (made.leases[0] if made.leases else None)
        seen.append((made.locked_by, made.locked_at))
    assert seen == [("content-writer", NOW), ("content-writer", NOW), (None, None), ("ann", NOW), (None, None)]


def test_a_branch_waits_in_the_row_for_readers_from_its_trigger_to_its_end() -> None:
    branch = unit("image-director", key="b1", ready_at=NOW)
    labels = {
        "Hero image": branch,
        "Map": structs.replace(branch, key="b2", ready_at=None),
        "Chart": structs.replace(branch, key="b3", status=UnitStatus.COMPLETED),
    }
    made = structs.replace(task(), branches=labels)
    assert after(made, c.Comment(by="ann", text="hm")).pending_branches == ("Hero image",)


def test_tokens_rise_with_every_grant_of_any_kind() -> None:
    made = after(task(), acquire("ann"), c.ReleaseByHand(agent="ann"), grant, report, end_run, grant)
    assert (made.token, [lease.token for lease in made.leases]) == (3, [3])
    assert made.status is TaskStatus.RESEARCHED


def test_a_grant_names_its_holder_for_good() -> None:
    made = task()
    running = after(made, grant(made, holder=supervisor(slot=3, instance="i9")), report)
    assert running.leases[0].holder == supervisor(slot=3, instance="i9")
