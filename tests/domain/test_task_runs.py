"""Runs: the report that a run leaves, its end, and what follows from each way to end."""

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
from baton.domain.errors import IllegalTransition, InvalidInput, LeaseMismatch
from baton.domain.readiness import waiting
from baton.domain.records import Blocked, Failure, Report, Result, Task
from baton.domain.sessions import Session
from baton.domain.statuses import BlockKind, FailureKind, Outcome, ReportKind, TaskStatus, UnitStatus
from baton.domain.task_runs import preview
from baton.domain.tasks import decide
from baton.domain.usage import UNKNOWN, Usage, reported

LATER = at(60)
FREE = {"leases": (), "lease": None, "locked_by": None, "locked_at": None}


def running() -> Task:
    """A task whose first step a run works on."""
    return after(task(), grant)


def sends_back(found: Task) -> c.ReportRun:
    return report(found, ReportKind.SENT_BACK, to_step=0, notes="too dry")


def gives_back(found: Task) -> c.ReportRun:
    return report(found, ReportKind.RELEASED, notes="no access to the brief")


def ending(outcome: Outcome, **fields: Any) -> Any:
    return lambda found: end_run(found, outcome, **fields)


# -- the report ---------------------------------------------------------------------------------------------------


def test_a_report_is_kept_with_the_lease_and_the_step_goes_on() -> None:
    before = running()
    said: dict[str, Any] = {"outputs": ("research/a.md",), "summary": "ten words", "data": {"words": 10}}
    said |= {"quality_score": 80.0, "readability_score": 60.0}
    command = report(before, **said)
    kept = Report(kind=ReportKind.COMPLETED, at=LATER, agent="keyword-researcher", **said)
    lease = run_lease(1, report=kept)
    data = {"unit": "s1", "agent": "keyword-researcher", "kind": "completed"}
    assert decide(before, command, LATER) == following(
        before, ("run_reported", "r-1", data), now=LATER, leases=(lease,), lease=lease
    )


def test_the_same_report_again_changes_nothing() -> None:
    reported = after(running(), report)
    assert decide(reported, report(reported), LATER) == (reported, [])


def test_the_same_report_again_is_answered_even_when_a_person_has_revoked_the_run_since() -> None:
    reported = after(running(), report)
    revoked = after(reported, cancel())
    assert decide(revoked, report(reported), LATER) == (revoked, [])


def test_another_report_is_refused_and_the_first_stands() -> None:
    reported = after(running(), report)
    for other in (gives_back(reported), report(reported, summary="more")):
        with pytest.raises(IllegalTransition, match="already reported completed; the first report stands"):
            decide(reported, other, LATER)


def test_a_revoked_run_cannot_report() -> None:
    revoked = after(running(), revoke())
    with pytest.raises(LeaseMismatch, match="revoked by ann: looks stuck"):
        decide(revoked, report(revoked), LATER)


def test_a_late_report_of_a_replaced_run_is_refused() -> None:
    replaced = after(running(), ending(Outcome.KILLED), grant)
    with pytest.raises(LeaseMismatch, match="the run was replaced or has ended"):
        decide(replaced, report(replaced, token=1), LATER)


def test_a_report_under_another_agents_name_is_refused() -> None:
    with pytest.raises(LeaseMismatch, match="this run is keyword-researcher's, not content-writer's"):
        decide(running(), report(running(), agent="content-writer"), LATER)


@pytest.mark.parametrize("to_step", [-1, 1, 7])
def test_a_report_that_sends_the_task_to_a_step_ahead_or_to_none_is_refused(to_step: int) -> None:
    with pytest.raises(InvalidInput, match="is not between 0 and the current step, 0"):
        decide(running(), report(running(), ReportKind.SENT_BACK, to_step=to_step), LATER)


def test_a_report_that_sends_the_task_back_must_say_where_to() -> None:
    with pytest.raises(InvalidInput):
        decide(running(), report(running(), ReportKind.SENT_BACK, notes="too dry"), LATER)


def test_a_preview_shows_the_task_as_it_will_be_when_the_run_has_ended() -> None:
    reported = after(running(), report)
    shown = preview(reported, 1)
    ended = after(reported, end_run)
    assert (shown.status, shown.pipeline_step, shown.current.agent) == (TaskStatus.RESEARCHED, 1, "content-writer")
    assert (shown.status, shown.pipeline) == (ended.status, ended.pipeline)


def test_a_preview_of_the_last_step_shows_the_task_completed() -> None:
    last = after(task(unit()), grant, report)
    assert preview(last, 1).status is TaskStatus.COMPLETED


def test_a_preview_of_a_step_that_was_given_back_shows_it_free() -> None:
    shown = preview(after(running(), gives_back), 1)
    assert (shown.leases, shown.status, shown.pipeline_step) == ((), TaskStatus.BACKLOG, 0)


def test_a_preview_of_a_revision_counts_it() -> None:
    shown = preview(after(running(), sends_back), 1)
    assert (shown.status, shown.revision_count) == (TaskStatus.REVISION_NEEDED, 1)


# -- a run that reported ------------------------------------------------------------------------------------------


def test_the_end_of_a_run_that_reported_completes_its_step() -> None:
    said: dict[str, Any] = {"outputs": ("research/a.md",), "summary": "ten words", "data": {"words": 10}}
    said |= {"quality_score": 80.0, "readability_score": 60.0}
    before = after(running(), lambda found: report(found, **said))
    result = Result(at=LATER, agent="keyword-researcher", run="r-1", **said)
    first = structs.replace(before.pipeline[0], status=UnitStatus.COMPLETED, result=result, completed_at=LATER)
    second = structs.replace(before.pipeline[1], status=UnitStatus.IN_PROGRESS, ready_at=LATER)
    unit_data = {"unit": "s1", "step": 0, "agent": "keyword-researcher"}
    assert decide(before, end_run(before, Outcome.COMPLETED), LATER) == following(
        before,
        ("run_ended", "r-1", unit_data | {"outcome": "completed"}),
        (
            "step_completed",
            "r-1",
            unit_data
            | {
                "outputs": ["research/a.md"],
                "summary": "ten words",
                "quality_score": 80.0,
                "readability_score": 60.0,
            },
        ),
        now=LATER,
        status=TaskStatus.RESEARCHED,
        pipeline=(first, second, before.pipeline[2]),
        pipeline_step=1,
        quality_score=80.0,
        readability_score=60.0,
        **FREE,
    )


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.KILLED, Outcome.NOT_COMPLETED])
def test_what_a_run_reported_counts_whatever_became_of_its_process(outcome: Outcome) -> None:
    record, events = decide(after(running(), report), end_run(after(running(), report), outcome), LATER)
    assert record.pipeline[0].status is UnitStatus.COMPLETED
    assert [event.type for event in events] == ["run_ended", "step_completed"]
    assert events[0].data["outcome"] == "completed"


def test_the_end_of_the_last_step_completes_the_task() -> None:
    last = after(task(unit()), grant, report)
    record, events = decide(last, end_run(last), LATER)
    assert [event.type for event in events] == ["run_ended", "step_completed", "task_completed"]
    assert (record.status, record.completed_at, record.leases) == (TaskStatus.COMPLETED, LATER, ())


def test_the_end_of_a_run_that_sent_the_task_back_resets_the_line() -> None:
    said = after(task(), acquire(), complete(), grant, sends_back)
    record, events = decide(said, end_run(said, Outcome.COMPLETED), LATER)
    assert [(event.type, event.run) for event in events] == [("run_ended", "r-2"), ("revision_requested", "r-2")]
    assert events[1].data == {
        "unit": "s1",
        "to_step": 0,
        "to_agent": "keyword-researcher",
        "by": "content-writer",
        "notes": "too dry",
        "revision_count": 1,
    }
    assert (record.status, record.pipeline_step, record.leases) == (TaskStatus.REVISION_NEEDED, 0, ())
    assert [step.status for step in record.pipeline] == [UnitStatus.PENDING] * 3
    assert record.pipeline[1].attempts == 0


def test_a_run_that_sends_the_task_back_too_often_blocks_it() -> None:
    said = after(running(), sends_back)
    record, events = decide(said, end_run(said, max_revisions=0), LATER)
    assert [event.type for event in events] == ["run_ended", "revision_requested", "task_blocked"]
    assert record.blocked is not None
    assert (record.blocked.kind, record.blocked.unit) == (BlockKind.REVIEW, "s1")


def test_a_step_that_was_given_back_counts_as_an_attempt_and_backs_off() -> None:
    said = after(running(), gives_back)
    failure = Failure(
        run="r-1", at=LATER, outcome=Outcome.RELEASED, kind=FailureKind.RELEASE, message="no access to the brief"
    )
    record, events = decide(said, end_run(said, Outcome.COMPLETED), LATER)
    assert [event.type for event in events] == ["run_ended"]
    assert record.pipeline == steps_with(said, 0, failures=(failure,), not_before=at(90), ready_at=LATER)
    assert record.current.attempts == 1


def test_a_run_that_reported_nothing_cannot_be_ended_as_sent_back() -> None:
    going = running()
    with pytest.raises(InvalidInput):
        decide(going, end_run(going, Outcome.SENT_BACK), LATER)


# -- a run that did not -------------------------------------------------------------------------------------------


def test_a_run_that_completed_without_a_report_completes_its_step() -> None:
    before = running()
    record, events = decide(before, end_run(before, Outcome.COMPLETED, outputs=("a.md",), summary="done"), LATER)
    assert record.pipeline[0].result == Result(
        at=LATER, agent="keyword-researcher", run="r-1", outputs=("a.md",), summary="done"
    )
    assert [event.type for event in events] == ["run_ended", "step_completed"]


def test_a_failed_run_is_told_to_the_next_and_backs_off_from_the_real_time() -> None:
    before = running()
    command = end_run(before, message="boom\nno space left", exit_code=3)
    failure = Failure(
        run="r-1",
        at=LATER,
        outcome=Outcome.FAILED,
        kind=FailureKind.EXIT_CODE,
        message="boom\nno space left",
        exit_code=3,
    )
    data = {
        "unit": "s1",
        "step": 0,
        "agent": "keyword-researcher",
        "outcome": "failed",
        "kind": "exit_code",
        "exit_code": 3,
        "message": "no space left",
    }
    assert decide(before, command, LATER) == following(
        before,
        ("run_ended", "r-1", data),
        ("agent_crashed", "r-1", data | {"title": "Rye bread"}),
        now=LATER,
        pipeline=steps_with(before, 0, failures=(failure,), not_before=at(90), ready_at=LATER),
        **FREE,
    )


def test_a_back_off_is_not_lengthened_by_a_clock_that_jumped_back() -> None:
    record = after(after(running(), c.Comment(by="ann", text="hm"), now=at(1000)), end_run, now=LATER)
    assert (record.current.not_before, record.current.ready_at) == (at(90), at(1000))


def test_the_last_failures_are_kept_the_newest_last() -> None:
    made = task()
    for number in range(5):
        made = after(
            made, grant, ending(Outcome.FAILED, message=str(number), policy=policy(max_attempts=9)), now=at(9e3)
        )
        made = after(made, c.RetryTask(by="ann"))
    assert [failure.message for failure in made.current.failures] == ["2", "3", "4"]


def test_the_last_attempt_that_fails_blocks_the_task() -> None:
    before = running()
    record, events = decide(before, end_run(before, policy=policy(max_attempts=1), message="a\nboom"), LATER)
    reason = "keyword-researcher failed; that was attempt 1 of 1: boom"
    assert record.blocked == Blocked(
        kind=BlockKind.ATTEMPTS, reason=reason, unit="s1", at=LATER, was=TaskStatus.BACKLOG
    )
    assert (record.status, record.current.status) == (TaskStatus.BLOCKED, UnitStatus.FAILED)
    assert [event.type for event in events] == ["run_ended", "agent_crashed", "task_blocked"]
    assert events[2].data == {"kind": "attempts", "reason": reason, "unit": "s1", "title": "Rye bread"}


@pytest.mark.parametrize(
    ("outcome", "kind", "crashed"),
    [
        (Outcome.FAILED, FailureKind.EXIT_CODE, True),
        (Outcome.TIMED_OUT, FailureKind.TIMEOUT, True),
        (Outcome.NOT_COMPLETED, FailureKind.NO_REPORT, False),
    ],
)
def test_an_attempt_that_counts_is_deferred(outcome: Outcome, kind: FailureKind, crashed: bool) -> None:
    before = running()
    record, events = decide(before, end_run(before, outcome, kind=kind), LATER)
    assert (record.current.attempts, record.current.interruptions, record.current.not_before) == (1, 0, at(90))
    assert [(failure.outcome, failure.kind) for failure in record.current.failures] == [(outcome, kind)]
    assert ("agent_crashed" in [event.type for event in events]) == crashed


@pytest.mark.parametrize("outcome", [Outcome.INTERRUPTED, Outcome.KILLED])
def test_an_interrupted_run_gives_its_grant_back_and_is_counted_apart(outcome: Outcome) -> None:
    record = after(running(), ending(outcome), now=LATER)
    assert record.pipeline == steps_with(running(), 0, attempts=0, interruptions=1, ready_at=LATER)
    assert len(waiting(record)) == 1


def test_the_interruption_after_the_last_allowed_one_blocks_the_task() -> None:
    made = task()
    for _ in range(10):
        made = after(made, grant, ending(Outcome.INTERRUPTED))
        assert made.blocked is None
    blocked = after(made, grant, ending(Outcome.INTERRUPTED), now=LATER).blocked
    assert blocked is not None
    assert (blocked.kind, blocked.unit, blocked.was) == (BlockKind.INTERRUPTIONS, "s1", TaskStatus.BACKLOG)
    assert "interrupted 11 times, more than max_interruptions (10)" in blocked.reason


@pytest.mark.parametrize("outcome", [Outcome.NEVER_STARTED, Outcome.REVOKED])
def test_a_run_that_never_started_or_was_revoked_gives_its_grant_back(outcome: Outcome) -> None:
    record = after(running(), ending(outcome), now=LATER)
    assert record.pipeline == steps_with(running(), 0, attempts=0, ready_at=LATER)
    assert record.blocked is None


def test_a_missing_agent_gives_the_grant_back_and_blocks_the_task() -> None:
    record = after(running(), ending(Outcome.AGENT_MISSING, message="there is no agent of this name"), now=LATER)
    assert record.pipeline == steps_with(running(), 0, attempts=0, ready_at=LATER)
    assert record.blocked == Blocked(
        kind=BlockKind.AGENT,
        reason="there is no agent of this name",
        unit="s1",
        at=LATER,
        was=TaskStatus.BACKLOG,
    )


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SENT_BACK])
def test_every_outcome_ends_the_run(outcome: Outcome) -> None:
    assert after(running(), ending(outcome)).leases == ()


def test_the_usage_of_runs_is_added_up() -> None:
    usage = reported({"input_tokens": 100, "cost_usd": 0.25}, {}, None)
    broken = ending(Outcome.INTERRUPTED, usage=usage)
    made = after(
        running(), broken, grant, ending(Outcome.COMPLETED, usage=usage), grant, ending(Outcome.FAILED, usage=UNKNOWN)
    )
    assert made.pipeline[0].usage == Usage(runs=2, input_tokens=200, cost_usd=0.5)
    assert made.pipeline[1].usage == UNKNOWN
    assert made.usage == Usage(runs=3, unpriced_runs=1, input_tokens=200, cost_usd=0.5)


def test_what_a_step_has_used_outlives_its_revision() -> None:
    used = after(running(), ending(Outcome.COMPLETED, usage=UNKNOWN))
    assert after(used, send_back(to_step=0)).pipeline[0].usage == UNKNOWN


def test_the_run_ended_event_carries_what_rebuilds_the_run() -> None:
    before = running()
    usage = reported({"input_tokens": 100}, {}, "sonnet")
    command = end_run(
        before, Outcome.COMPLETED, harness="claude", session=Session(harness="claude", id="abc"), usage=usage
    )
    _, events = decide(before, command, LATER)
    assert events[0].data == {
        "unit": "s1",
        "step": 0,
        "agent": "keyword-researcher",
        "outcome": "completed",
        "harness": "claude",
        "session": "abc",
        "usage": {
            "runs": 1,
            "unpriced_runs": 1,
            "input_tokens": 100,
            "models": {"sonnet": {"runs": 1, "unpriced_runs": 1, "input_tokens": 100}},
        },
    }


def test_an_event_carries_no_more_than_a_line_of_what_a_run_printed() -> None:
    before = running()
    _, events = decide(before, end_run(before, message="first\n" + "x" * 5000 + "\n\n"), LATER)
    assert events[0].data["message"] == "x" * 300


def test_a_run_ends_once() -> None:
    ended = after(running(), report, end_run)
    with pytest.raises(LeaseMismatch, match="run r-1 does not hold lease 1 any more"):
        decide(ended, end_run(ended, token=1, run="r-1"), LATER)


@pytest.mark.parametrize("fields", [{"token": 2}, {"run": "r-9"}])
def test_a_run_is_not_ended_under_another_name(fields: dict[str, Any]) -> None:
    before = running()
    with pytest.raises(LeaseMismatch):
        decide(before, end_run(before, **fields), LATER)


def test_a_hand_lease_is_not_ended_as_a_run() -> None:
    held = after(task(), acquire())
    with pytest.raises(LeaseMismatch):
        decide(held, end_run(held, token=1), LATER)


# -- by hand ------------------------------------------------------------------------------------------------------


def test_a_completion_by_hand_is_at_once_the_end() -> None:
    made = after(task(), acquire("ann"), complete("ann", data={"words": 10}), now=LATER)
    assert made.pipeline[0].result == Result(at=LATER, agent="ann", data={"words": 10})
    assert (made.pipeline_step, made.leases) == (1, ())


def test_nobody_completes_without_a_lease() -> None:
    with pytest.raises(LeaseMismatch, match="nobody holds the lease"):
        decide(task(), complete(), LATER)


def test_another_agent_does_not_complete() -> None:
    with pytest.raises(LeaseMismatch, match="ann holds the lease, not content-writer"):
        decide(after(task(), acquire("ann")), complete(), LATER)


def test_a_report_does_not_work_with_a_blocked_tasks_lost_lease() -> None:
    blocked = after(running(), block(), ending(Outcome.FAILED))
    assert (blocked.status, blocked.updated_at) == (TaskStatus.BLOCKED, NOW)
    with pytest.raises(LeaseMismatch):
        decide(blocked, report(blocked, token=1), LATER)
