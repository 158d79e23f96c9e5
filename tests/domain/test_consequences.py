"""What follows from each kind of failure: the whole table, and what the end of a run makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from tests.builders import NOW, after, at, end_run, grant, policy, report, task, unit

from baton.domain.consequences import CONSEQUENCES, Then, consequence_of
from baton.domain.records import Task
from baton.domain.retry import LEAST_OUTAGE_SECONDS, Outlast, after_outage
from baton.domain.sessions import Session
from baton.domain.statuses import BlockKind, FailureKind, Outcome, UnitStatus
from baton.domain.tasks import decide
from baton.domain.times import later

K = FailureKind
LATER_SECONDS = 60
LATER = at(LATER_SECONDS)
SESSION = Session(harness="claude", id="s-1")
# kind: what follows, whether it passes by itself, as what it blocks, whether its session is of use to a retry
TABLE: dict[FailureKind, tuple[str, bool, BlockKind | None, bool]] = {
    K.EXIT_CODE: ("count", True, None, False),
    K.NO_REPORT: ("count", True, None, True),
    K.EVIDENCE: ("count", True, None, True),
    K.NO_RESULT: ("count", True, None, False),
    K.TIMEOUT: ("count", True, None, True),
    K.NO_OUTPUT: ("count", True, None, False),
    K.SILENCE: ("count", True, None, True),
    K.SIGNAL: ("count", True, None, True),
    K.RELEASE: ("count", True, None, True),
    K.SUPERVISOR_LOST: ("count", True, None, True),
    K.STOPPED: ("count", True, None, True),
    K.NO_DECISION: ("count", True, None, True),
    K.AGENT_MISSING: ("stop", True, BlockKind.AGENT, True),
    K.HARNESS_MISSING: ("stop", True, BlockKind.AGENT, True),
    K.AUTH: ("park", False, None, True),
    K.CREDIT: ("park", False, None, True),
    K.RATE_LIMIT: ("park", True, None, True),
    K.OVERLOADED: ("outlast", True, None, True),
    K.SERVER: ("outlast", True, None, True),
    K.TRANSPORT: ("outlast", True, None, True),
    K.CONTEXT_TOO_LONG: ("count", True, None, False),
    K.MODEL_UNKNOWN: ("stop", True, BlockKind.AGENT, True),
    K.TURN_LIMIT: ("count", True, None, True),
    K.BUDGET: ("stop", True, BlockKind.BUDGET, True),
    K.TOOL_DENIED: ("stop", True, BlockKind.POLICY, True),
}
ADVISED = {K.NO_DECISION, K.TIMEOUT, K.CONTEXT_TOO_LONG, K.TURN_LIMIT}
every_kind = pytest.mark.parametrize("kind", list(FailureKind))


def of(then: str) -> Any:
    return pytest.mark.parametrize("kind", [kind for kind, row in TABLE.items() if row[0] == then])


def running(**fields: Any) -> Task:
    """A task whose first step runs."""
    return after(task(unit("writer", **fields), unit("reviewer")), grant)


def ended(before: Task, kind: FailureKind, now: str = LATER, **fields: Any) -> tuple[Task, list[str]]:
    """The task after a failed run of this kind, and what happened."""
    record, events = decide(before, end_run(before, kind=kind, message="why\nit said so", **fields), now)
    return record, [event.type for event in events]


# -- the table ----------------------------------------------------------------------------------------------------


@every_kind
def test_each_kind_has_its_consequence(kind: FailureKind) -> None:
    found = CONSEQUENCES[kind]
    assert (found.then.value, found.has_end, found.block, found.keeps_session) == TABLE[kind]
    assert bool(found.advice) == (kind in ADVISED)


@every_kind
def test_what_stops_a_task_says_as_what_it_is_blocked(kind: FailureKind) -> None:
    assert (CONSEQUENCES[kind].then is Then.STOP) == (CONSEQUENCES[kind].block is not None)


def test_without_a_kind_it_was_an_exit_code() -> None:
    assert consequence_of(None) == CONSEQUENCES[FailureKind.EXIT_CODE]


# -- the task's part ----------------------------------------------------------------------------------------------


@of("count")
def test_what_counts_uses_up_an_attempt_and_is_told_to_the_next(kind: FailureKind) -> None:
    record, happened = ended(running(), kind)
    assert happened == ["run_ended", "agent_crashed"]
    assert (record.current.attempts, record.current.not_before) == (1, at(LATER_SECONDS + 30))
    assert [(failure.kind, failure.message) for failure in record.current.failures] == [(kind, "why\nit said so")]


@of("outlast")
def test_trouble_of_the_provider_uses_up_no_attempt_and_crashes_nobody(kind: FailureKind) -> None:
    record, happened = ended(running(), kind)
    assert happened == ["run_ended"]
    assert (record.current.attempts, record.current.not_before) == (0, at(LATER_SECONDS + 30))
    assert (record.current.outage_since, record.current.failures) == (LATER, ())


@of("park")
def test_a_parked_harness_gives_the_attempt_back_and_the_task_waits_for_nothing_of_its_own(kind: FailureKind) -> None:
    record, happened = ended(running(), kind, is_parked=True)
    assert happened == ["run_ended"]
    assert (record.current.attempts, record.current.not_before, record.current.outage_since) == (0, None, None)
    assert (record.current.status, record.blocked, record.leases) == (UnitStatus.IN_PROGRESS, None, ())


@of("park")
def test_where_the_park_could_not_be_written_the_task_backs_off_by_itself(kind: FailureKind) -> None:
    record, _ = ended(running(), kind)
    assert (record.current.attempts, record.current.not_before) == (0, at(LATER_SECONDS + 30))


@of("stop")
def test_what_no_attempt_can_mend_stops_the_task_at_the_first_one(kind: FailureKind) -> None:
    record, happened = ended(running(), kind)
    assert happened == ["run_ended", "agent_crashed", "task_blocked"]
    assert record.blocked is not None
    assert (record.blocked.kind, record.blocked.reason) == (TABLE[kind][2], "writer failed: it said so")
    assert record.current.status is UnitStatus.FAILED


@every_kind
def test_a_report_of_completion_stands_whatever_the_kind(kind: FailureKind) -> None:

    before = after(running(), report)
    record, happened = ended(before, kind)
    assert happened == ["run_ended", "step_completed"]
    assert (record.pipeline[0].status, record.pipeline_step) == (UnitStatus.COMPLETED, 1)


# -- outages ------------------------------------------------------------------------------------------------------


def test_the_waits_of_an_outage_grow_with_it_up_to_the_longest_back_off() -> None:
    waits = []
    now, since = NOW, None
    for _ in range(8):
        decision = after_outage(unit(outage_since=since), policy(), now, 0.5)
        assert decision is not None
        since = decision.since
        waits.append(decision.not_before)
        now = decision.not_before
    assert since == NOW
    assert waits == [at(30), at(60), at(120), at(240), at(480), at(960), at(1920), at(1920 + 1800)]


def test_an_outage_that_lasts_too_long_counts() -> None:
    limits = policy(outage_max_seconds=600.0)
    assert after_outage(unit(outage_since=NOW), limits, at(599.9), 0.5) is not None
    assert after_outage(unit(outage_since=NOW), limits, at(600), 0.5) is None


def test_an_outage_is_not_asked_about_without_any_wait() -> None:
    at_once = policy(backoff_seconds=0.0, backoff_max_seconds=0.0)
    assert after_outage(unit(), at_once, NOW, 0.5) == Outlast(not_before=at(LEAST_OUTAGE_SECONDS), since=NOW)


def test_an_outage_that_began_under_a_clock_ahead_of_ours_begins_now() -> None:
    assert after_outage(unit(outage_since=at(9999)), policy(), NOW, 0.5) == Outlast(not_before=at(30), since=NOW)


def test_from_its_bound_on_each_failure_of_an_outage_is_an_attempt_until_the_task_is_blocked() -> None:
    limits = policy(max_attempts=2, outage_max_seconds=60.0)
    record, now = running(), LATER
    told: list[tuple[int, bool]] = []
    for _ in range(6):
        record, _ = ended(record, FailureKind.OVERLOADED, now, policy=limits)
        told.append((record.current.attempts, record.blocked is not None))
        if record.blocked is not None:
            break
        assert record.current.not_before is not None
        now = record.current.not_before
        record = after(record, grant, now=now)
    assert told == [(0, False), (0, False), (1, False), (2, True)]
    assert record.blocked is not None
    assert record.blocked.kind is BlockKind.ATTEMPTS


def test_another_failure_in_between_ends_the_outage() -> None:
    troubled, _ = ended(running(), FailureKind.SERVER)
    assert troubled.current.outage_since == LATER
    again = after(troubled, grant, now=later(LATER, 30))
    failed, _ = ended(again, FailureKind.NO_REPORT, later(LATER, 31))
    assert failed.current.outage_since is None


def test_an_interruption_neither_ends_an_outage_nor_begins_one() -> None:
    troubled, _ = ended(running(), FailureKind.SERVER)
    again = after(troubled, grant, now=later(LATER, 30))
    record = after(again, end_run(again, Outcome.INTERRUPTED), now=later(LATER, 40))
    assert record.current.outage_since == LATER


# -- sessions -----------------------------------------------------------------------------------------------------


@every_kind
def test_the_session_is_kept_where_a_retry_may_go_on_with_it(kind: FailureKind) -> None:
    record, _ = ended(running(), kind, session=SESSION, is_parked=True)
    assert record.current.session == (SESSION if TABLE[kind][3] else None)


def test_a_run_that_told_of_no_session_leaves_the_last_one() -> None:
    before = running(session=SESSION)
    record, _ = ended(before, FailureKind.TRANSPORT)
    assert record.current.session == SESSION


@pytest.mark.parametrize("outcome", [Outcome.INTERRUPTED, Outcome.KILLED])
def test_an_interrupted_run_leaves_its_session(outcome: Outcome) -> None:
    before = running()
    record = after(before, end_run(before, outcome, session=SESSION))
    assert record.current.session == SESSION


def test_a_completed_step_needs_its_session_no_more() -> None:
    before = running(session=SESSION)
    record = after(before, end_run(before, Outcome.COMPLETED, session=SESSION))
    assert record.pipeline[0].session is None


def test_the_end_of_a_run_says_when_the_limit_ends() -> None:
    before = running()
    command = end_run(before, kind=FailureKind.RATE_LIMIT, harness="claude", resets_at=at(600), is_parked=True)
    _, events = decide(before, command, LATER)
    told = {key: events[0].data.get(key) for key in ("kind", "harness", "resets_at")}
    assert told == {"kind": "rate_limit", "harness": "claude", "resets_at": at(600)}


def test_a_void_run_changes_nothing_whatever_its_kind() -> None:
    before = running()
    void = structs.replace(before, leases=(structs.replace(before.leases[0], void=True),))
    record, happened = ended(void, FailureKind.RATE_LIMIT, is_parked=True)
    assert (record.leases, happened) == ((), ["run_ended"])
