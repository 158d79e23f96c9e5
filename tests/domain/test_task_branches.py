"""Branches beside the main line: what begins them, what waits for them, what becomes of their runs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders import acquire, after, at, complete, end_run, grant, report, send_back, task, unit

from baton.domain import commands as c
from baton.domain.errors import IllegalTransition, InvalidInput, LeaseHeld, LeaseMismatch, NotReady
from baton.domain.readiness import Why, standing_reason, waiting
from baton.domain.records import Task
from baton.domain.statuses import BlockKind, Outcome, ReportKind, TaskStatus, UnitStatus
from baton.domain.task_runs import preview
from baton.domain.tasks import decide
from baton.domain.usage import UNKNOWN

LATER = at(60)
DONE = (acquire(), complete())


def made(**fields: Any) -> Task:
    """Research, write, review; two branches begin after the writing, and the review waits for them."""
    branches = {
        "Hero image": unit("image-director", "assets/images", trigger_after_step=1),
        "Social posts": unit("social-writer", "assets/social", trigger_after_step=1),
    }
    return task(**{"branches": branches, "convergence_step": 2} | fields)


def written(**fields: Any) -> Task:
    """The same, with the draft done and both branches begun."""
    return after(made(**fields), *DONE * 2)


def grant_branch(record: Task, label: str = "Hero image") -> c.GrantLease:
    branch = record.branches[label]
    return grant(record, unit=branch.key, agent=branch.agent)


def running(label: str = "Hero image", **fields: Any) -> Task:
    """A task whose branch runs."""
    return after(written(**fields), lambda record: grant_branch(record, label))


def done_by_hand(label: str) -> c.CompleteBranch:
    agent = "image-director" if label == "Hero image" else "social-writer"
    return c.CompleteBranch(label=label, agent=agent, outputs=("assets/a.md",))


def agents_waiting(record: Task) -> set[str]:
    return {entry.group.rsplit("~", 1)[1] for entry in waiting(record)}


# -- begin and join -----------------------------------------------------------------------------------------------


def test_branches_wait_for_their_step() -> None:
    record = after(made(), *DONE)
    assert (record.pending_branches, agents_waiting(record)) == ((), {"content-writer"})


def test_branches_begin_in_the_commit_that_completes_their_step() -> None:
    record = written()
    assert record.pending_branches == ("Hero image", "Social posts")
    assert agents_waiting(record) == {"image-director", "social-writer"}


def test_branches_run_beside_the_main_line() -> None:
    record = after(written(convergence_step=None), grant, grant_branch)
    assert [lease.unit for lease in record.leases] == ["s3", "b1"]
    assert (record.locked_by, agents_waiting(record)) == ("content-reviewer", {"social-writer"})


def test_the_convergence_step_says_for_which_branches_it_waits() -> None:
    record = written()
    reason = standing_reason(record, record.current)
    assert reason is not None
    assert (reason.why, reason.text) == (Why.BRANCHES, "waits for branches Hero image, Social posts")
    with pytest.raises(NotReady):
        decide(record, grant(record), LATER)
    with pytest.raises(IllegalTransition, match="waits for branches Hero image, Social posts"):
        decide(record, acquire(), LATER)


def test_the_last_branch_lets_the_convergence_step_begin() -> None:
    record = after(written(), done_by_hand("Hero image"))
    assert "content-reviewer" not in agents_waiting(record)
    record = after(record, done_by_hand("Social posts"))
    assert (record.pending_branches, agents_waiting(record)) == ((), {"content-reviewer"})


def test_a_task_without_convergence_is_completed_by_its_last_branch() -> None:
    record = after(written(convergence_step=None), *DONE, done_by_hand("Hero image"))
    assert (record.is_line_done, record.status) == (True, TaskStatus.REVIEWED)
    reason = standing_reason(record, record.current)
    assert reason is not None and reason.text == "waits for branch Social posts"
    record, events = decide(record, done_by_hand("Social posts"), LATER)
    assert (record.status, [event.type for event in events]) == (
        TaskStatus.COMPLETED,
        ["branch_completed", "task_completed"],
    )


def test_a_branch_after_a_step_without_an_agent_begins_at_once() -> None:
    record = task(unit(None), unit(), branches={"Image": unit("image-director", trigger_after_step=0)})
    assert record.pending_branches == ("Image",)


# -- runs ---------------------------------------------------------------------------------------------------------


def branch_token(record: Task) -> dict[str, Any]:
    return {"token": record.leases[-1].token, "agent": record.leases[-1].agent}


def reported(record: Task, **fields: Any) -> Task:
    return after(record, lambda found: report(found, **branch_token(found) | {"outputs": ("a.png",)} | fields))


def ended(record: Task, outcome: Outcome = Outcome.COMPLETED, **fields: Any) -> c.EndRun:
    lease = record.leases[-1]
    return end_run(record, outcome, token=lease.token, run=lease.run, **fields)


def test_a_run_completes_its_branch_with_its_end() -> None:
    record = reported(running())
    assert preview(record, record.leases[-1].token).pending_branches == ("Social posts",)
    assert record.pending_branches == ("Hero image", "Social posts")
    record, events = decide(record, ended(record), LATER)
    assert (record.pending_branches, record.leases, record.status) == (("Social posts",), (), TaskStatus.DRAFTED)
    assert record.branches["Hero image"].result.outputs == ("a.png",)  # type: ignore[union-attr]
    assert [(event.type, event.data.get("branch")) for event in events] == [
        ("run_ended", None),
        ("branch_completed", "Hero image"),
    ]


def test_a_branch_cannot_send_the_task_back() -> None:
    record = running()
    with pytest.raises(IllegalTransition, match="a branch cannot send the task back"):
        reported(record, kind=ReportKind.SENT_BACK, to_step=0, notes="no")


def test_a_failed_branch_backs_off_beside_the_line_and_blocks_the_task_at_its_last_attempt() -> None:
    record = running(convergence_step=None)
    record, _ = decide(record, ended(record, Outcome.FAILED), LATER)
    assert (record.branches["Hero image"].not_before, record.blocked) == (at(90), None)
    record = after(record, c.RetryTask(by="ann"))
    for _ in range(3):
        record = after(record, grant_branch)
        record, _ = decide(record, ended(record, Outcome.FAILED), at(0))
        record = record if record.blocked else after(record, c.EndBackoff(backoff_max_seconds=0.0), now=at(0))
    assert record.blocked is not None
    assert (record.blocked.kind, record.blocked.unit) == (BlockKind.ATTEMPTS, "b1")
    assert record.pending_branches == ("Hero image", "Social posts")


# -- revisions ----------------------------------------------------------------------------------------------------


def test_a_revision_sets_back_the_branches_of_its_step_and_later_ones() -> None:
    early = unit("serp-analyzer", trigger_after_step=0)
    late = unit("image-director", trigger_after_step=1)
    record = after(task(branches={"Early": early, "Late": late}), *DONE * 2)
    record = after(record, c.CompleteBranch(label="Early", agent="serp-analyzer"), send_back(to_step=1))
    assert (record.branches["Early"].status, record.branches["Late"].status) == (
        UnitStatus.COMPLETED,
        UnitStatus.PENDING,
    )
    assert (record.pending_branches, agents_waiting(record)) == ((), {"content-writer"})
    assert after(record, *DONE).pending_branches == ("Late",)


def test_the_run_of_a_branch_that_is_set_back_is_void_whatever_it_reported() -> None:
    record, events = decide(reported(running()), send_back(to_step=1), LATER)
    (lease,) = record.leases
    assert (lease.void, lease.revoked is not None) == (True, True)
    assert [event.type for event in events] == ["revision_requested", "lease_revoked"]
    record, events = decide(record, ended(record), LATER)
    assert [(event.type, event.data["outcome"]) for event in events] == [("run_ended", "revoked")]
    assert (record.leases, record.branches["Hero image"].status) == ((), UnitStatus.PENDING)


def test_a_branch_begun_anew_waits_until_its_void_run_has_ended() -> None:
    record = after(after(running(), send_back(to_step=1)), *DONE)
    assert record.branches["Hero image"].status is UnitStatus.IN_PROGRESS
    assert agents_waiting(record) == {"social-writer"}
    record, _ = decide(record, ended(record, Outcome.FAILED), LATER)
    assert agents_waiting(record) == {"social-writer", "image-director"}
    assert record.branches["Hero image"].attempts == 0


def test_a_void_run_cannot_report() -> None:
    record = after(running(), send_back(to_step=1))
    with pytest.raises(LeaseMismatch, match="revoked by ann"):
        reported(record)


def test_a_task_is_not_finished_before_its_void_run_has_ended() -> None:
    clear = c.ClearBranches(by="ann", labels=("Hero image", "Social posts"))
    record = after(running(convergence_step=None), *DONE, clear)
    assert (record.is_line_done, record.is_finished) == (True, False)
    record, events = decide(record, ended(record), LATER)
    assert (record.status, events[-1].type) == (TaskStatus.COMPLETED, "task_completed")


# -- by hand ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        (c.CompleteBranch(label="Video", agent="image-director"), InvalidInput, "no branch 'Video'"),
        (c.CompleteBranch(label="Hero image", agent="social-writer"), LeaseMismatch, "image-director's"),
    ],
)
def test_a_branch_that_is_not_there_or_not_the_agents_is_not_completed(
    command: c.CompleteBranch, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        decide(written(), command, LATER)


def test_a_branch_that_runs_is_not_completed_by_hand() -> None:
    with pytest.raises(LeaseHeld, match="run r-3 of image-director"):
        decide(running(), done_by_hand("Hero image"), LATER)


def test_a_branch_is_completed_by_hand_once_and_not_before_its_turn() -> None:
    with pytest.raises(IllegalTransition, match="it begins after step 1"):
        decide(made(), done_by_hand("Hero image"), LATER)
    with pytest.raises(IllegalTransition, match="the branch is completed"):
        decide(after(written(), done_by_hand("Hero image")), done_by_hand("Hero image"), LATER)


def exhausted() -> Task:
    """A task that is blocked by a branch without attempts left."""
    record = running()
    lease = record.leases[-1]
    attempt = end_run(record, Outcome.FAILED, token=lease.token, run=lease.run)
    return after(record, c.EndRun(**{f: getattr(attempt, f) for f in attempt.__struct_fields__} | {"policy": ONCE}))


ONCE = end_run(running()).policy.__class__(
    max_attempts=1, max_interruptions=1, backoff_seconds=1.0, backoff_max_seconds=1.0, outage_max_seconds=0.0
)


def test_a_branch_that_blocks_its_task_is_started_again_or_done_without() -> None:
    assert exhausted().blocked is not None
    again = after(exhausted(), c.RetriggerBranches(by="ann"))
    assert (again.blocked, again.branches["Hero image"].attempts) == (None, 0)
    assert agents_waiting(again) == {"image-director", "social-writer"}
    without = after(exhausted(), c.ClearBranches(by="ann", labels=("Hero image",)))
    assert (without.blocked, without.pending_branches) == (None, ("Social posts",))


def test_completed_branches_are_started_again_only_when_all_are_meant() -> None:
    record = after(written(), done_by_hand("Hero image"), done_by_hand("Social posts"))
    assert decide(record, c.RetriggerBranches(by="ann"), LATER) == (record, [])
    with pytest.raises(IllegalTransition, match="Hero image: not triggered yet, at work, or done"):
        decide(record, c.RetriggerBranches(by="ann", labels=("Hero image",)), LATER)
    record = after(record, c.RetriggerBranches(by="ann", labels=("Hero image",), also_done=True))
    assert (record.pending_branches, agents_waiting(record)) == (("Hero image",), {"image-director"})


def test_a_branch_that_runs_is_left_alone_when_all_are_started_again() -> None:
    record = running()
    assert after(record, c.RetriggerBranches(by="ann", also_done=True)).leases == record.leases


def test_a_cancelled_task_ends_when_its_branches_runs_have_ended() -> None:
    record = after(running(), c.CancelTask(by="ann", reason="not needed"))
    assert (record.status, record.leases[-1].revoked is not None) == (TaskStatus.DRAFTED, True)
    record, _ = decide(record, ended(record, Outcome.FAILED), LATER)
    assert record.status is TaskStatus.CANCELLED


def test_what_a_run_has_used_whose_branch_was_reset_under_it_counts() -> None:
    before = running()
    lease = before.lease_of(before.branches["Hero image"].key)
    assert lease is not None
    made = after(before, send_back(to_step=0), end_run(before, token=lease.token, run=lease.run, usage=UNKNOWN))
    assert (made.leases, made.usage, made.branches["Hero image"].usage) == ((), UNKNOWN, UNKNOWN)
