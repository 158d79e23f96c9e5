"""The table of what is kept of an agent: one heartbeat at a time, due once, and money spent no faster than was said."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from tests.builders import NOW, at, supervisor

from baton.domain import agent_commands, agents
from baton.domain.agent_commands import (
    BeginHeartbeat,
    EndHeartbeat,
    FeedProject,
    HearFrom,
    RevokeHeartbeat,
    SkipHeartbeat,
)
from baton.domain.agent_records import AgentRecord, AgentState, Cause, Hunger
from baton.domain.agents import AGENT_TABLE, decide
from baton.domain.errors import IllegalTransition, LeaseMismatch, NotReady
from baton.domain.schedules import Every
from baton.domain.statuses import FailureKind, Outcome
from baton.domain.usage import reported

HOURLY = Every(seconds=3600.0)


def begin(run: str = "r-1", cause: Cause = Cause.HAND, **fields: Any) -> BeginHeartbeat:
    limits = {"backoff_seconds": 3600.0, "backoff_max_seconds": 86400.0}
    given = {"cause": cause, "run": run, "holder": supervisor(), "deadline_seconds": 60.0}
    return BeginHeartbeat(**given | limits | fields)


def end(run: str = "r-1", token: int = 1, outcome: Outcome = Outcome.COMPLETED, **fields: Any) -> EndHeartbeat:
    return EndHeartbeat(**{"run": run, "token": token, "outcome": outcome} | fields)


def after(*commands: Any, now: str = NOW, record: AgentRecord | None = None) -> AgentRecord:
    """The record after these commands, all at one instant."""
    for command in commands:
        record = decide(record, "helper", command, now)[0]
    assert record is not None
    return record


EXAMPLES: dict[type, Any] = {
    HearFrom: HearFrom(by="ann"),
    BeginHeartbeat: begin(),
    SkipHeartbeat: SkipHeartbeat(cause=Cause.SCHEDULE, reason="nothing to do"),
    RevokeHeartbeat: RevokeHeartbeat(by="ann", reason="too long"),
    EndHeartbeat: end(),
    FeedProject: FeedProject(project="acme"),
}
REFUSED = {
    (AgentState.RESTING, EndHeartbeat): LeaseMismatch,
    (AgentState.BEATING, BeginHeartbeat): NotReady,
    (AgentState.BEATING, SkipHeartbeat): NotReady,
}
HUNGRY = {"acme": Hunger(count=1, asked_at=NOW)}


def an_agent_that_is(state: AgentState) -> AgentRecord:
    record = after(HearFrom(by="ann")) if state is AgentState.RESTING else after(begin())
    return structs.replace(record, hungry=HUNGRY)


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: command.__name__)
@pytest.mark.parametrize("state", AgentState)
def test_an_agent_obeys_a_command_of_its_table_and_refuses_any_other(state: AgentState, command: type) -> None:
    before = an_agent_that_is(state)
    refusal = REFUSED.get((state, command), IllegalTransition if command not in AGENT_TABLE[state] else None)
    if refusal is not None:
        with pytest.raises(refusal):
            decide(before, "helper", EXAMPLES[command], at(60))
        return
    record, events = decide(before, "helper", EXAMPLES[command], at(60))
    assert (record.version, record.updated_at, record.id) == (before.version + 1, at(60), "helper")
    assert [(event.task, event.campaign, event.at) for event in events] == [(None, None, at(60))]
    assert events[0].id == f"agent/helper:{record.version}:0"
    assert record.history == (*before.history, *events)
    assert (record.lease is not None) == (record.status is AgentState.BEATING)


def test_every_state_has_a_row_and_every_command_a_row_and_an_example() -> None:
    assert set(AGENT_TABLE) == set(AgentState)
    known = {command for row in AGENT_TABLE.values() for command in row}
    assert set(agent_commands._Command.__subclasses__()) == known == set(EXAMPLES)


def test_a_heartbeat_is_granted_once_and_leaves_no_lease() -> None:
    begun = after(begin(project="acme"))
    assert begun.lease is not None and begun.beat is not None
    assert (begun.lease.run, begun.lease.token, begun.lease.unit) == ("r-1", 1, "heartbeat")
    with pytest.raises(NotReady, match="goes on since"):
        decide(begun, "helper", begin("r-2"), at(1))
    ended, events = decide(begun, "helper", end(summary="did it"), at(5))
    assert (ended.status, ended.lease, ended.failures) == (AgentState.RESTING, None, 0)
    assert ended.beat is not None
    assert (ended.beat.outcome, ended.beat.summary, ended.beat.ended_at) == (Outcome.COMPLETED, "did it", at(5))
    assert [(event.type, event.run) for event in events] == [("run_ended", "r-1")]
    assert after(begin("r-2"), now=at(6), record=ended).token == 2


def test_the_end_of_another_run_is_refused() -> None:
    begun = after(begin())
    for wrong in (end(token=2), end(run="r-2")):
        with pytest.raises(LeaseMismatch):
            decide(begun, "helper", wrong, at(1))


def test_what_it_used_is_told_in_the_event_that_cost_py_reads() -> None:
    used = reported({"input_tokens": 7, "cost_usd": 0.5}, {}, "m")
    _, events = decide(after(begin()), "helper", end(usage=used, harness="claude"), at(1))
    data = events[0].data
    assert (data["agent"], data["harness"], data["usage"]["cost_usd"]) == ("helper", "claude", 0.5)


def test_a_crash_is_told_to_the_operator_and_a_limit_is_not() -> None:
    crashed = end(outcome=Outcome.FAILED, kind=FailureKind.EXIT_CODE, message="boom", exit_code=3)
    limited = end(outcome=Outcome.FAILED, kind=FailureKind.RATE_LIMIT)
    types = [[event.type for event in decide(after(begin()), "helper", one, at(1))[1]] for one in (crashed, limited)]
    assert types == [["run_ended", "agent_crashed"], ["run_ended"]]


def test_a_heartbeat_that_was_told_to_end_was_revoked_unless_it_had_done_its_work() -> None:
    told = after(begin(), RevokeHeartbeat(by="ann", reason="too long"))
    assert told.lease is not None and told.lease.revoked is not None
    ended = [after(end(outcome=outcome), record=told).beat for outcome in (Outcome.INTERRUPTED, Outcome.COMPLETED)]
    assert [one.outcome for one in ended if one is not None] == [Outcome.REVOKED, Outcome.COMPLETED]


def test_to_be_told_twice_changes_nothing() -> None:
    told = after(begin(), RevokeHeartbeat(by="ann", reason="too long"))
    assert decide(told, "helper", RevokeHeartbeat(by="bob", reason="still"), at(1)) == (told, [])


def test_a_scheduled_heartbeat_is_due_once_whoever_asks() -> None:
    scheduled = begin(cause=Cause.SCHEDULE, schedule=HOURLY)
    done = after(scheduled, end())
    with pytest.raises(NotReady, match="none is due"):
        decide(done, "helper", begin("r-2", Cause.SCHEDULE, schedule=HOURLY), at(3599))
    assert after(begin("r-2", Cause.SCHEDULE, schedule=HOURLY), now=at(3600), record=done).lease is not None


def test_one_that_was_passed_over_is_due_again_after_its_time() -> None:
    skip = SkipHeartbeat(cause=Cause.SCHEDULE, reason="nothing needs judgement", schedule=HOURLY)
    skipped = after(skip)
    assert [event.type for event in skipped.history] == ["heartbeat_skipped"]
    assert decide(skipped, "helper", skip, at(10)) == (skipped, [])
    assert decide(skipped, "helper", skip, at(3600))[0].version == 2


def test_by_hand_it_may_be_run_at_any_time() -> None:
    done = after(begin(cause=Cause.SCHEDULE, schedule=HOURLY), end(outcome=Outcome.FAILED))
    assert after(begin("r-2"), now=at(1), record=done).lease is not None


@pytest.mark.parametrize(("count", "seconds"), [(1, 3600), (2, 7200), (3, 14400), (40, 86400)])
def test_failures_in_a_row_keep_it_from_running_by_itself_for_longer_each_time(count: int, seconds: int) -> None:
    done = structs.replace(after(begin(), end(outcome=Outcome.FAILED)), failures=count)
    every = Every(seconds=60.0)
    with pytest.raises(NotReady, match="failed; none by itself before"):
        decide(done, "helper", begin("r-2", Cause.SCHEDULE, schedule=every), at(seconds - 1))
    assert decide(done, "helper", begin("r-2", Cause.SCHEDULE, schedule=every), at(seconds))[0].lease is not None


def test_an_end_from_outside_is_no_failure_and_a_good_one_forgets_those_before() -> None:
    failed = after(begin(), end(outcome=Outcome.NOT_COMPLETED))
    lost = after(begin("r-2"), end("r-2", 2, Outcome.INTERRUPTED), record=failed)
    good = after(begin("r-3"), end("r-3", 3), record=lost)
    assert [one.failures for one in (failed, lost, good)] == [1, 1, 0]


def ask(run: str, **fields: Any) -> BeginHeartbeat:
    return begin(run, Cause.BACKLOG, **{"project": "acme"} | fields)


@pytest.mark.parametrize(("count", "hours"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 24), (9, 24)])
def test_an_agent_that_was_asked_in_vain_is_asked_more_and_more_seldom(count: int, hours: int) -> None:
    asked = structs.replace(after(HearFrom(by="ann")), hungry={"acme": Hunger(count=count, asked_at=NOW)})
    with pytest.raises(NotReady, match="not again before"):
        decide(asked, "helper", ask("r-2"), at(3600 * hours - 1))
    again = decide(asked, "helper", ask("r-2"), at(3600 * hours))[0]
    assert again.hungry == {"acme": Hunger(count=count + 1, asked_at=at(3600 * hours))}


def test_another_project_is_asked_for_by_its_own_time() -> None:
    asked = after(ask("r-1"), end())
    assert set(after(ask("r-2", project="bakery"), now=at(1), record=asked).hungry) == {"acme", "bakery"}


def test_a_project_that_has_enough_again_starts_from_the_beginning() -> None:
    fed = after(FeedProject(project="acme"), now=at(60), record=after(ask("r-1"), end()))
    assert fed.hungry == {}
    assert after(ask("r-2"), now=at(61), record=fed).hungry == {"acme": Hunger(count=1, asked_at=at(61))}
    assert decide(fed, "helper", FeedProject(project="acme"), at(62)) == (fed, [])


def test_an_agent_that_made_something_waits_as_after_the_first_time() -> None:
    asked = after(ask("r-1"), end())
    assert decide(asked, "helper", FeedProject(project="acme", enough=False), at(1)) == (asked, [])
    twice = after(ask("r-2"), end("r-2", 2), now=at(3600), record=asked)
    fed = after(FeedProject(project="acme", enough=False), now=at(3700), record=twice)
    assert fed.hungry == {"acme": Hunger(count=1, asked_at=at(3600))}
    with pytest.raises(NotReady, match="not again before"):
        decide(fed, "helper", ask("r-3"), at(7199))
    assert after(ask("r-3"), now=at(7200), record=fed).lease is not None


def test_a_clock_that_jumped_back_asks_once_and_not_each_minute() -> None:
    asked = after(ask("r-1"), end(), now=at(86400 * 365))
    again = after(ask("r-2"), end("r-2", 2), record=asked)
    assert again.hungry["acme"].asked_at == NOW
    with pytest.raises(NotReady, match="not again before"):
        decide(again, "helper", ask("r-3"), at(60))


def test_many_projects_do_not_make_the_record_grow_without_end() -> None:
    record = None
    for number in range(agents.PROJECTS_KEPT + 5):
        record = after(ask(f"r-{number}", project=f"p{number}"), end(f"r-{number}", number + 1), record=record)
    assert record is not None
    assert (len(record.hungry), "p0" in record.hungry, len(record.history) <= 64) == (agents.PROJECTS_KEPT, False, True)


def test_matters_count_as_judged_only_when_the_run_has_done_its_work() -> None:
    failed = after(begin(), end(outcome=Outcome.FAILED, judged=("a",)))
    good = after(begin("r-2"), end("r-2", 2, judged=("a", "b")), record=failed)
    assert (failed.judged, good.judged) == ((), ("a", "b"))


def test_an_agent_is_heard_of_at_its_begin_and_its_end_and_when_it_says_so() -> None:
    begun = after(begin())
    ended = after(end(), now=at(5), record=begun)
    said = after(HearFrom(by="helper", note="half way"), now=at(9), record=ended)
    assert [(one.heard_at, one.note) for one in (begun, ended, said)] == [
        (NOW, None),
        (at(5), None),
        (at(9), "half way"),
    ]
