"""Assignments: what follows what, what a pm and a guardian decide, what stops a loop, whose turn it is."""

from __future__ import annotations

import pytest
from msgspec import structs
from tests.assigned import (
    BLOCK,
    COMPLETE,
    acts,
    align,
    assignment,
    done,
    end_job,
    failed,
    found,
    grant_job,
    insert,
    job,
    line,
    says,
    types,
)
from tests.builders import NOW, acquire, after, at, block, cancel, complete, policy, send_back, task

from baton.domain import commands as c
from baton.domain.assignments import Act, ActKind, Alignment, Decision, Rules
from baton.domain.errors import IllegalTransition, InvalidInput, LeaseHeld, LeaseMismatch, NotReady
from baton.domain.readiness import Why, not_ready, standing_reason, waiting
from baton.domain.statuses import BlockKind, FailureKind, Outcome, ReportKind, TaskStatus, UnitStatus
from baton.domain.tasks import decide
from baton.domain.usage import reported

GUARDED = Rules(guardian=True)
TWO_REVIEWS = insert(job("review", harness="codex"), job("review", harness="claude"))


def with_pm(**fields: object):  # type: ignore[no-untyped-def]
    """An assignment whose plan is done: its pm is next."""
    return done(assignment(**fields))


# -- what follows what --------------------------------------------------------------------------------------------


def test_an_assignment_begins_with_its_first_job() -> None:
    made = assignment(rules=Rules(timeouts={"plan": "5m"}, harnesses={"plan": "codex"}))
    assert (line(made), made.current.key, made.status) == ([("plan", "pending")], "j1", TaskStatus.BACKLOG)
    assert (made.current.timeout, made.current.harness) == ("5m", "codex")


def test_a_pm_comes_directly_behind_a_job() -> None:
    record = with_pm()
    assert line(record) == [("plan", "completed"), ("pm", "in_progress")]
    assert (record.current.key, record.current.ready_at is not None) == ("j2", True)
    assert standing_reason(record, record.current) is None


def test_the_pm_s_jobs_come_when_its_run_has_ended_and_not_before() -> None:
    granted = after(with_pm(), grant_job)
    kept = acts(granted, insert(job("implement", context="Cache the sessions")))
    assert types(kept) == "plan pm"
    ended = after(kept, says, end_job)
    assert line(ended)[2] == ("implement", "in_progress")
    assert (ended.current.job.context, ended.current.job.by) == ("Cache the sessions", "j2")  # type: ignore[union-attr]


def test_several_insertions_of_one_run_come_in_their_order() -> None:
    record = done(with_pm(), insert(job("implement")), insert(job("verify")))
    assert types(record) == "plan pm implement verify"


def test_a_pm_comes_between_two_jobs_that_were_inserted_at_once() -> None:
    record = done(done(with_pm(), insert(job("implement")), insert(job("verify"))))
    assert line(record)[2:] == [("implement", "completed"), ("pm", "in_progress"), ("verify", "pending")]


def test_a_job_can_go_behind_one_that_waits() -> None:
    record = done(with_pm(), insert(job("implement")), insert(job("document")))
    planned = done(done(record), insert(job("uat"), after="j4"))
    assert types(planned) == "plan pm implement pm document uat"


def test_a_promised_job_can_be_named_in_the_same_run() -> None:
    granted = after(with_pm(), grant_job)
    kept = acts(granted, insert(job("implement")), insert(job("document")), insert(job("verify"), after="j3"))
    assert types(after(kept, says, end_job)) == "plan pm implement verify document"


def test_no_job_goes_where_the_line_has_passed() -> None:
    granted = after(done(done(with_pm(), insert())), grant_job)
    with pytest.raises(IllegalTransition, match="the line has passed job 'j1' already"):
        acts(granted, insert(after="j1"))


def test_the_jobs_of_a_group_run_at_the_same_time() -> None:
    record = done(with_pm(), TWO_REVIEWS)
    both = after(record, grant_job, grant_job)
    assert [(lease.unit, lease.agent) for lease in both.leases] == [("j3", "review"), ("j4", "review")]
    assert {entry.group for entry in waiting(record)} == {"-~codex~review", "-~claude~review"}


def test_a_pm_comes_behind_a_group_only_when_all_of_it_has_ended() -> None:
    both = after(done(with_pm(), TWO_REVIEWS), grant_job, grant_job)
    half = after(both, lambda task: says(task, key="j4"), lambda task: end_job(task, key="j4"))
    assert types(half) == "plan pm review review"
    whole = after(half, lambda task: says(task, key="j3"), lambda task: end_job(task, key="j3"))
    assert line(whole)[2:] == [("review", "completed"), ("review", "completed"), ("pm", "in_progress")]


def test_behind_a_failed_job_comes_a_retrospect_and_then_a_pm() -> None:
    record = failed(done(with_pm(), insert()))
    assert line(record)[2:] == [("implement", "failed"), ("retrospect", "in_progress")]
    assert (record.status, record.blocked) == (TaskStatus.IN_PROGRESS, None)
    assert line(done(record))[3:] == [("retrospect", "completed"), ("pm", "in_progress")]


def test_a_job_is_tried_again_before_it_has_failed() -> None:
    record = failed(done(with_pm(), insert()), policy=policy(max_attempts=2))
    assert (line(record)[2:], record.current.attempts) == ([("implement", "in_progress")], 1)


def test_a_failed_member_of_a_group_waits_for_the_others_and_needs_no_retrospect() -> None:
    both = after(done(with_pm(), TWO_REVIEWS), grant_job, grant_job)
    one_failed = after(both, lambda task: end_job(task, Outcome.TIMED_OUT, key="j3"))
    assert types(one_failed) == "plan pm review review"
    record = after(one_failed, lambda task: says(task, key="j4"), lambda task: end_job(task, key="j4"))
    assert line(record)[2:] == [("review", "failed"), ("review", "completed"), ("pm", "in_progress")]


def test_behind_a_failed_retrospect_comes_a_pm() -> None:
    assert line(failed(failed(assignment())))[1:] == [("retrospect", "failed"), ("pm", "in_progress")]


def test_a_failed_pm_blocks() -> None:
    record = failed(with_pm())
    assert record.blocked is not None
    assert (record.blocked.kind, record.blocked.unit, types(record)) == (BlockKind.ATTEMPTS, "j2", "plan pm")


def test_a_failed_pm_is_tried_again_when_it_is_unblocked() -> None:
    record = after(failed(with_pm()), c.UnblockTask(by="ann"))
    assert (line(record)[1], record.current.attempts) == (("pm", "in_progress"), 0)


def test_a_job_that_failed_long_ago_is_not_tried_again_when_something_else_is_unblocked() -> None:
    record = after(failed(assignment()), block(), c.UnblockTask(by="ann"))
    assert line(record) == [("plan", "failed"), ("retrospect", "in_progress")]


def test_an_agent_program_that_ends_well_has_done_its_job_and_its_last_message_is_the_result() -> None:
    record = after(assignment(), grant_job, lambda task: end_job(task, Outcome.NOT_COMPLETED, summary="Two steps"))
    assert (line(record), record.pipeline[0].result.summary) == (  # type: ignore[union-attr]
        [("plan", "completed"), ("pm", "in_progress")],
        "Two steps",
    )


def test_a_result_that_was_reported_without_words_has_the_last_message() -> None:
    granted = after(assignment(), grant_job)
    reported_without = structs.replace(says(granted), summary=None)
    record = after(granted, reported_without, lambda task: end_job(task, summary="Two steps"))
    assert record.pipeline[0].result.summary == "Two steps"  # type: ignore[union-attr]


# -- what a pm decides --------------------------------------------------------------------------------------------


def test_a_pm_completes_the_assignment() -> None:
    record = done(with_pm(), COMPLETE)
    assert (record.status, record.completed_at, record.assignment.turn) == (TaskStatus.COMPLETED, NOW, False)  # type: ignore[union-attr]
    assert record.history[-1].type == "task_completed"
    assert record.history[-1].data["summary"] == "Login takes 0.6 s"


def test_jobs_that_still_wait_are_skipped_when_it_is_complete() -> None:
    record = done(done(done(with_pm(), insert(), insert(job("verify")))), COMPLETE)
    assert line(record)[-1] == ("verify", "skipped")


def test_a_pm_blocks_the_assignment_for_a_person_and_looks_first_when_it_is_unblocked() -> None:
    record = done(with_pm(), BLOCK)
    assert record.blocked is not None
    assert (record.blocked.kind, record.blocked.reason) == (BlockKind.INPUT, "Which of the two APIs?")
    again = after(record, c.UnblockTask(by="ann"))
    assert (
        types(again),
        again.current.key,
        standing_reason(structs.replace(again, assignment=structs.replace(again.assignment, turn=True)), again.current),
    ) == (
        "plan pm pm",
        "j3",
        None,
    )


def test_a_pm_that_decided_nothing_cannot_complete_its_job() -> None:
    granted = after(with_pm(), grant_job)
    with pytest.raises(IllegalTransition, match="a pm has to decide what comes next") as refused:
        decide(granted, says(granted), NOW)
    assert refused.value.cure == "do it first: assignment.py insert-job, complete or block"


def test_a_pm_that_decided_nothing_is_run_once_more_at_once_with_that_said() -> None:
    record = after(
        with_pm(), grant_job, lambda task: end_job(task, Outcome.NOT_COMPLETED, policy=policy(max_attempts=9))
    )
    assert (record.blocked, record.current.key, record.current.not_before) == (None, "j2", None)
    assert [(one.kind, one.message) for one in record.current.failures] == [
        (FailureKind.NO_DECISION, "a pm has to decide what comes next, and this one has not")
    ]


def test_a_pm_that_decided_nothing_twice_blocks_and_the_operator_is_told() -> None:
    record = with_pm()
    for _ in range(2):
        record = after(
            record, grant_job, lambda task: end_job(task, Outcome.NOT_COMPLETED, policy=policy(max_attempts=9))
        )
    assert record.blocked is not None
    assert (record.blocked.kind, record.history[-1].type) == (BlockKind.ATTEMPTS, "task_blocked")
    assert record.blocked.reason.startswith("pm decided nothing, twice")


def test_a_pm_that_leaves_jobs_waiting_has_decided_that_they_come_next() -> None:
    record = done(done(done(with_pm(), insert(), insert(job("verify")))))
    assert record.current.agent == "verify"


def test_a_pm_that_ended_well_without_a_report_has_decided_what_it_did() -> None:
    granted = acts(after(with_pm(), grant_job), insert())
    record = after(granted, lambda task: end_job(task, Outcome.NOT_COMPLETED))
    assert types(record) == "plan pm implement"


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.KILLED, Outcome.INTERRUPTED, Outcome.TIMED_OUT])
def test_what_a_pm_did_that_did_not_end_well_never_happens(outcome: Outcome) -> None:
    kept = acts(after(with_pm(), grant_job), insert(), found("docs/plan.md: the plan"))
    record = after(kept, lambda task: end_job(task, outcome, policy=policy()))
    assert (types(record), record.assignment.artifacts, record.leases) == ("plan pm", (), ())  # type: ignore[union-attr]


def test_a_pm_that_was_killed_and_run_again_inserts_once() -> None:
    killed = after(acts(after(with_pm(), grant_job), insert()), lambda task: end_job(task, Outcome.KILLED))
    assert types(done(killed, insert())) == "plan pm implement"


def test_the_same_insertion_twice_in_one_run_counts_once() -> None:
    record = done(with_pm(), insert(), insert())
    assert types(record) == "plan pm implement"


def test_with_different_keys_it_counts_twice() -> None:
    record = done(with_pm(), insert(key="a"), insert(key="b"), insert(key="a"))
    assert types(record) == "plan pm implement implement"


def test_a_key_counts_over_all_of_the_assignment() -> None:
    record = done(done(done(with_pm(), insert(key="a"))), insert(job("verify")), insert(key="a"))
    assert types(record) == "plan pm implement pm verify"


def test_a_late_pm_is_refused_by_its_token() -> None:
    granted = after(with_pm(), grant_job)
    token = granted.leases[0].token
    taken_over = after(granted, lambda task: end_job(task, Outcome.KILLED), grant_job)
    late = c.ActOnAssignment(by="pm", act=insert(), token=token)
    with pytest.raises(LeaseMismatch, match=f"lease {token} is not the current one"):
        decide(taken_over, late, NOW)


def test_a_revoked_pm_is_refused() -> None:
    stopped = after(after(with_pm(), grant_job), cancel())
    with pytest.raises(LeaseMismatch, match="revoked"):
        acts(stopped, insert())


def test_what_comes_after_the_report_is_refused() -> None:
    reported_ = after(acts(after(with_pm(), grant_job), insert()), says)
    with pytest.raises(IllegalTransition, match="this run has already reported completed"):
        acts(reported_, insert(job("verify")))


def test_a_decision_that_was_reported_counts_though_the_assignment_is_cancelled_then() -> None:
    stopped = after(acts(after(with_pm(), grant_job), COMPLETE), says, cancel())
    assert after(stopped, end_job).status is TaskStatus.COMPLETED


WHO = {
    "pm": {ActKind.INSERT, ActKind.UPDATE, ActKind.COMPLETE, ActKind.BLOCK},
    "guardian": {ActKind.UPDATE, ActKind.ALIGN},
    "plan": {ActKind.UPDATE},
}
EXAMPLES = {
    ActKind.INSERT: insert(),
    ActKind.UPDATE: found("docs/plan.md: the plan"),
    ActKind.COMPLETE: COMPLETE,
    ActKind.BLOCK: BLOCK,
    ActKind.ALIGN: align(Alignment.ALIGNED),
}


@pytest.mark.parametrize("kind", list(ActKind))
@pytest.mark.parametrize("who", WHO)
def test_each_act_is_one_run_s_to_do_or_refused(who: str, kind: ActKind) -> None:
    granted = after(assignment(job(who)), grant_job)
    command = c.ActOnAssignment(by=who, act=EXAMPLES[kind], token=granted.leases[0].token)
    if kind not in WHO[who]:
        with pytest.raises(IllegalTransition, match=f"this run is a {who} job's"):
            decide(granted, command, NOW)
        return
    record, events = decide(granted, command, NOW)
    assert ([act.kind for act in record.leases[0].acts], [event.type for event in events]) == ([kind], ["act_kept"])


@pytest.mark.parametrize("first", [COMPLETE, BLOCK])
@pytest.mark.parametrize("second", [COMPLETE, BLOCK, insert()])
def test_a_pm_decides_once(first: Act, second: Act) -> None:
    decided = acts(after(with_pm(), grant_job), first)
    if first == second:
        assert acts(decided, second) == decided
        return
    with pytest.raises(IllegalTransition, match=r"this run has (completed|blocked)"):
        acts(decided, second)


def test_what_is_inserted_cannot_be_complete() -> None:
    with pytest.raises(IllegalTransition, match="this run has inserted jobs already"):
        acts(after(with_pm(), grant_job), insert(), COMPLETE)


@pytest.mark.parametrize("type", ["pm", "guardian"])
def test_a_run_inserts_no_pm_and_no_guardian(type: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be inserted by a run"):
        acts(after(with_pm(), grant_job), insert(job(type)))


# -- artifacts, decisions, people ---------------------------------------------------------------------------------


def test_an_artifact_that_is_said_again_replaces_its_line() -> None:
    record = done(done(assignment(), found("a.md: first", "b.md: other")), found("a.md: second"), COMPLETE)
    assert record.assignment.artifacts == ("a.md: second", "b.md: other")  # type: ignore[union-attr]


def test_decisions_are_appended_with_who_made_them() -> None:
    record = done(with_pm(), found(decisions=("Cache first",)), insert())
    assert record.assignment.decisions == (Decision(at=NOW, by="j2", text="Cache first"),)  # type: ignore[union-attr]


@pytest.mark.parametrize("line", ["plan.md", ": a plan", "plan.md:", "plan.md: a\nplan"])
def test_an_artifact_is_one_line_of_a_path_and_what_it_is(line: str) -> None:
    with pytest.raises(InvalidInput, match="is not one line like"):
        decide(assignment(), c.ActOnAssignment(by="ann", act=found(line)), NOW)


def test_a_person_inserts_a_job_at_once_at_the_end() -> None:
    record = after(with_pm(), c.ActOnAssignment(by="ann", act=insert()))
    assert line(record) == [("plan", "completed"), ("pm", "in_progress"), ("implement", "pending")]


def test_a_person_s_job_takes_the_place_of_a_pm_that_failed() -> None:
    record = after(failed(with_pm()), c.ActOnAssignment(by="ann", act=insert()), c.UnblockTask(by="ann"))
    assert line(record) == [("plan", "completed"), ("pm", "failed"), ("implement", "in_progress")]


def test_a_person_completes_an_assignment_that_nobody_works_on() -> None:
    record = after(with_pm(), c.ActOnAssignment(by="ann", act=COMPLETE))
    assert (record.status, line(record)[1]) == (TaskStatus.COMPLETED, ("pm", "skipped"))


def test_a_person_does_not_complete_under_a_run() -> None:
    with pytest.raises(LeaseHeld, match="pm is working on it"):
        decide(after(with_pm(), grant_job), c.ActOnAssignment(by="ann", act=COMPLETE), NOW)


def test_a_job_is_done_by_hand_as_a_step_is() -> None:
    record = after(assignment(), acquire(agent="plan"), complete(agent="plan"))
    assert line(record) == [("plan", "completed"), ("pm", "in_progress")]


def test_a_pm_is_not_completed_by_hand_before_somebody_has_decided() -> None:
    held = after(with_pm(), acquire(agent="pm"))
    with pytest.raises(IllegalTransition, match="a pm has to decide"):
        decide(held, complete(agent="pm"), NOW)
    assert after(held, c.ActOnAssignment(by="ann", act=insert()), complete(agent="pm")).current.agent == "implement"


@pytest.mark.parametrize("command", [send_back(to_step=0), c.FixTask(by="ann", agents=("plan",), notes="x")])
def test_a_line_of_jobs_is_not_sent_back(command: object) -> None:
    record = with_pm() if isinstance(command, c.ReviseByPerson) else done(with_pm(), COMPLETE)
    with pytest.raises(IllegalTransition, match="an assignment cannot be"):
        decide(record, command, NOW)


def test_a_job_s_run_cannot_send_back() -> None:
    granted = after(with_pm(), grant_job)
    command = c.ReportRun(token=granted.token, kind=ReportKind.SENT_BACK, agent="pm", to_step=0, notes="again")
    with pytest.raises(IllegalTransition, match="a job cannot send back"):
        decide(granted, command, NOW)


def test_a_task_is_no_assignment() -> None:
    with pytest.raises(IllegalTransition, match="it is a task, and no assignment"):
        decide(task(), c.ActOnAssignment(by="ann", act=insert()), NOW)


def test_new_rules_count_for_the_jobs_that_have_not_begun() -> None:
    record = done(with_pm(), insert(), insert(job("verify", harness="codex")))
    rules = Rules(timeout="20m", harnesses={"implement": "gemini", "verify": "gemini"})
    told = after(record, c.ActOnAssignment(by="ann", act=found(), rules=rules))
    assert [(one.timeout, one.harness) for one in told.pipeline] == [
        ("10m", None),
        ("10m", None),
        ("20m", "gemini"),
        ("20m", "codex"),
    ]


# -- limits -------------------------------------------------------------------------------------------------------


def test_too_many_jobs_block_with_the_reason() -> None:
    record = done(with_pm(rules=Rules(jobs=1)), insert())
    assert record.blocked is not None
    assert (record.blocked.kind, record.blocked.reason) == (
        BlockKind.POLICY,
        "it has 2 jobs, more than max_jobs (1); look at it, and unblock it to go on all the same",
    )
    assert after(record, c.UnblockTask(by="ann")).current.agent == "implement"


def test_the_same_type_in_a_row_without_a_new_artifact_blocks() -> None:
    record = with_pm(rules=Rules(alike=2))
    for _ in range(2):
        record = done(done(record, insert()))
    assert record.blocked is None
    third = done(record, insert())
    assert third.blocked is not None
    assert third.blocked.reason.startswith("3 implement jobs in a row without a new artifact, more than max_alike (2)")


def test_a_new_artifact_begins_the_row_anew() -> None:
    record = with_pm(rules=Rules(alike=2))
    for number in range(5):
        record = done(done(record, insert()), found(f"part-{number}.md: a part"))
    assert (record.blocked, types(record).count("implement")) == (None, 5)


def test_a_group_counts_once_and_a_retrospect_breaks_no_row() -> None:
    record = done(with_pm(rules=Rules(alike=1)), TWO_REVIEWS)
    assert record.blocked is None
    again = done(failed(done(with_pm(rules=Rules(alike=1)), insert())))
    assert done(again, insert()).blocked is not None


def test_cost_blocks_when_it_is_reached() -> None:
    usage = reported({"cost_usd": 0.6}, {}, "sonnet")
    record = done(assignment(rules=Rules(cost_usd=1.0)), usage=usage)
    assert record.blocked is None
    spent = done(record, insert(), usage=usage)
    assert spent.blocked is not None
    assert (spent.blocked.kind, types(spent)) == (BlockKind.BUDGET, "plan pm implement")
    assert spent.blocked.reason.startswith("its runs have cost 1.20 USD, and max_cost is 1.00")


# -- the guardian -------------------------------------------------------------------------------------------------


def test_a_guardian_looks_behind_each_pm_before_its_jobs() -> None:
    record = done(with_pm(rules=GUARDED), insert())
    assert line(record)[2:] == [("guardian", "in_progress"), ("implement", "pending")]


@pytest.mark.parametrize("alignment", [Alignment.ALIGNED, Alignment.UNCERTAIN])
def test_the_line_goes_on_behind_a_guardian_that_does_not_object(alignment: Alignment) -> None:
    record = done(done(with_pm(rules=GUARDED), insert()), align(alignment))
    assert (record.current.agent, record.assignment.alignment) == ("implement", alignment)  # type: ignore[union-attr]


def test_a_misaligned_assignment_is_blocked_with_a_pm_next() -> None:
    record = done(done(with_pm(rules=GUARDED), insert()), align(Alignment.MISALIGNED, "It builds a shop"))
    assert record.blocked is not None
    assert (record.blocked.kind, record.blocked.reason) == (
        BlockKind.REVIEW,
        "the guardian finds it misaligned: It builds a shop",
    )
    assert types(record) == "plan pm guardian pm implement"
    assert after(record, c.UnblockTask(by="ann")).current.key == "j5"


def test_an_assignment_is_complete_only_when_the_guardian_has_looked() -> None:
    said = done(with_pm(rules=GUARDED), COMPLETE)
    assert (said.status, said.current.agent) == (TaskStatus.IN_PROGRESS, "guardian")
    assert done(said, align(Alignment.ALIGNED)).status is TaskStatus.COMPLETED


def test_a_guardian_that_objects_keeps_it_from_being_complete() -> None:
    record = done(done(with_pm(rules=GUARDED), COMPLETE), align(Alignment.MISALIGNED))
    assert (record.status, record.assignment.completion) == (TaskStatus.BLOCKED, None)  # type: ignore[union-attr]


def test_a_guardian_that_does_not_judge_is_run_once_more() -> None:
    record = done(with_pm(rules=GUARDED), insert())
    again = after(record, grant_job, lambda task: end_job(task, Outcome.NOT_COMPLETED))
    assert [one.kind for one in again.current.failures] == [FailureKind.NO_DECISION]


# -- turns --------------------------------------------------------------------------------------------------------


def test_an_assignment_without_its_turn_waits_in_its_namespace() -> None:
    waits = assignment(turn=False, now=at(5))
    reason = not_ready(waits, waits.current, NOW, 1800.0)
    assert reason is not None
    assert (reason.why, reason.text) == (Why.TURN, "waits for its turn in namespace shop")
    assert {entry.group for entry in waiting(waits)} == {"=shop~-~plan"}


def test_it_cannot_be_granted_without_its_turn() -> None:
    waits = assignment(turn=False)
    with pytest.raises(NotReady):
        decide(waits, grant_job(waits), NOW)
    assert after(waits, c.TakeTurn(), grant_job).leases


def test_an_independent_one_needs_no_turn() -> None:
    free = assignment(turn=False, independent=True)
    assert after(free, grant_job).leases
    assert decide(free, c.TakeTurn(), NOW) == (free, [])


def test_those_that_wait_are_in_line_by_priority_and_then_by_age() -> None:
    old = assignment(turn=False, id="old")
    new = assignment(turn=False, id="new", now=at(60))
    urgent = assignment(turn=False, id="urgent", now=at(90), priority="urgent")
    # An assignment that was blocked for a while is not younger for it.
    blocked = after(old, block(), c.UnblockTask(by="ann"), now=at(3600))
    entries = [entry for one in (new, blocked, urgent) for entry in waiting(one)]
    first = sorted(entries, key=lambda entry: (entry.bucket, entry.name))
    assert [entry.name.split("~")[1] for entry in first] == ["urgent", "old", "new"]


def test_a_block_gives_the_turn_back_once_nothing_of_it_runs() -> None:
    both = after(done(with_pm(), TWO_REVIEWS), grant_job, grant_job)
    asked = after(both, block())
    assert asked.assignment.turn  # type: ignore[union-attr]
    half = after(asked, lambda task: end_job(task, Outcome.REVOKED, key="j3"))
    assert half.assignment.turn  # type: ignore[union-attr]
    gone = after(half, lambda task: end_job(task, Outcome.REVOKED, key="j4"))
    assert (gone.status, gone.assignment.turn) == (TaskStatus.BLOCKED, False)  # type: ignore[union-attr]


def test_every_job_of_a_group_is_stopped_at_once() -> None:
    both = after(done(with_pm(), TWO_REVIEWS), grant_job, grant_job)
    stopped = after(both, c.RevokeLease(by="ann", reason="stuck"))
    assert [lease.revoked is not None for lease in stopped.leases] == [True, True]
    assert all(unit.status is UnitStatus.IN_PROGRESS for unit in stopped.front)
