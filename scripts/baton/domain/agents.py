"""The table of an agent's record: heartbeats begin, end, are passed over; an agent is heard of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs, to_builtins

from baton.domain.agent_commands import (
    BeginHeartbeat,
    EndHeartbeat,
    FeedProject,
    HearFrom,
    RevokeHeartbeat,
    SkipHeartbeat,
)
from baton.domain.agent_records import UNIT, AgentRecord, AgentState, Cause, Heartbeat, Hunger
from baton.domain.consequences import Then, consequence_of
from baton.domain.errors import IllegalTransition, LeaseMismatch, NotReady
from baton.domain.news import Change, News, last_line, stamp_for, stamped
from baton.domain.records import SCHEMA, Event, Lease, Revocation
from baton.domain.schedules import Schedule
from baton.domain.statuses import LeaseKind, Outcome
from baton.domain.times import later, seconds_between

CRASHES = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.KILLED, Outcome.AGENT_MISSING})
PASSED = frozenset({Outcome.COMPLETED, Outcome.INTERRUPTED, Outcome.REVOKED, Outcome.NEVER_STARTED})
PROJECTS_KEPT = 200


def is_due(record: AgentRecord | None, schedule: Schedule, now: str) -> bool:
    """Tell whether a scheduled heartbeat of the agent is due."""
    return schedule.is_due(record.considered_at if record is not None else None, now)


def asked_until(
    record: AgentRecord | None, project: str, now: str, backoff_seconds: float, backoff_max_seconds: float
) -> str | None:
    """Return the instant before which the agent is not asked again for more to do in a project; ``None``: it may be.

    The wait doubles with each time that it was asked in vain since the project last had enough.
    """
    hunger = record.hungry.get(project) if record is not None else None
    if hunger is None:
        return None
    return _until(hunger.asked_at, hunger.count, now, backoff_seconds, backoff_max_seconds)


def rests_until(record: AgentRecord | None, now: str, backoff_seconds: float, backoff_max_seconds: float) -> str | None:
    """Return the instant before which no heartbeat begins by itself, since the last ones failed; ``None`` for none."""
    if record is None or not record.failures or record.beat is None or record.beat.ended_at is None:
        return None
    return _until(record.beat.ended_at, record.failures, now, backoff_seconds, backoff_max_seconds)


def _until(at: str, count: int, now: str, backoff_seconds: float, backoff_max_seconds: float) -> str | None:
    # An instant ahead of the clock was written before it jumped back: nothing must wait for it.
    wait = min(backoff_seconds * 2 ** min(count - 1, 30), backoff_max_seconds)
    return later(at, wait) if 0 <= seconds_between(at, now) < wait else None


def _hear(record: AgentRecord, command: HearFrom, now: str) -> Change:
    data = {"agent": record.id, "by": command.by, "note": command.note}
    return Change(structs.replace(record, heard_at=now, note=command.note), (News("agent_heard", None, data),))


def _begin(record: AgentRecord, command: BeginHeartbeat, now: str) -> Change:
    limits = (command.backoff_seconds, command.backoff_max_seconds)
    if command.cause is not Cause.HAND and (until := rests_until(record, now, *limits)) is not None:
        raise NotReady(f"the last {record.failures} heartbeats of {record.id} failed; none by itself before {until}")
    if command.schedule is not None and not is_due(record, command.schedule, now):
        raise NotReady(f"a heartbeat of {record.id} was begun or passed over at {record.considered_at}; none is due")
    hungry = dict(record.hungry)
    if command.cause is Cause.BACKLOG and command.project is not None:
        until = asked_until(record, command.project, now, *limits)
        if until is not None:
            raise NotReady(
                f"{record.id} was asked for more to do in project {command.project}; not again before {until}"
            )
        before = hungry.pop(command.project, None)
        hungry[command.project] = Hunger(count=before.count + 1 if before is not None else 1, asked_at=now)
        while len(hungry) > PROJECTS_KEPT:
            del hungry[next(iter(hungry))]
    at = stamp_for(record, now)
    token = record.token + 1
    lease = Lease(
        token=token,
        unit=UNIT,
        agent=record.id,
        kind=LeaseKind.RUN,
        run=command.run,
        holder=command.holder,
        granted_at=at,
        deadline_seconds=command.deadline_seconds,
    )
    begun = structs.replace(
        record,
        status=AgentState.BEATING,
        token=token,
        lease=lease,
        beat=Heartbeat(run=command.run, cause=command.cause, project=command.project, begun_at=at),
        heard_at=now,
        considered_at=now if command.cause is Cause.SCHEDULE else record.considered_at,
        hungry=hungry,
    )
    data = {"agent": record.id, "cause": command.cause, "project": command.project}
    return Change(begun, (News("run_started", command.run, data),))


def _refuse_second(record: AgentRecord, command: BeginHeartbeat | SkipHeartbeat, now: str) -> Change:
    assert record.lease is not None
    raise NotReady(
        f"a heartbeat of {record.id} goes on since {record.lease.granted_at} (run {record.lease.run})",
        cure=f"agent.py stop {record.id} ends it; one that has lost its supervisor the next sweep ends",
    )


def _skip(record: AgentRecord, command: SkipHeartbeat, now: str) -> Change:
    if command.schedule is not None and not is_due(record, command.schedule, now):
        return Change(record)  # somebody has passed it over already
    considered_at = now if command.cause is Cause.SCHEDULE else record.considered_at
    data = {"agent": record.id, "cause": command.cause, "reason": command.reason}
    return Change(structs.replace(record, considered_at=considered_at), (News("heartbeat_skipped", None, data),))


def _revoke(record: AgentRecord, command: RevokeHeartbeat, now: str) -> Change:
    assert record.lease is not None
    if record.lease.revoked is not None:
        return Change(record)
    revoked = Revocation(at=stamp_for(record, now), by=command.by, reason=command.reason)
    lease = structs.replace(record.lease, revoked=revoked)
    data = {"agent": record.id, "by": command.by, "reason": command.reason}
    return Change(structs.replace(record, lease=lease), (News("lease_revoked", lease.run, data),))


def _end(record: AgentRecord, command: EndHeartbeat, now: str) -> Change:
    lease = record.lease_with(command.token)
    if lease is None or lease.run != command.run or record.beat is None:
        return _refuse_end(record, command, now)
    at = stamp_for(record, now)
    outcome = command.outcome
    if lease.revoked is not None and outcome is not Outcome.COMPLETED:
        outcome = Outcome.REVOKED
    beat = structs.replace(
        record.beat,
        ended_at=at,
        outcome=outcome,
        kind=command.kind,
        message=command.message,
        summary=command.summary,
    )
    ended = structs.replace(
        record,
        status=AgentState.RESTING,
        lease=None,
        beat=beat,
        heard_at=now,
        judged=command.judged if outcome is Outcome.COMPLETED and command.judged is not None else record.judged,
        failures=0 if outcome is Outcome.COMPLETED else record.failures + (outcome not in PASSED),
    )
    data = {
        "agent": record.id,
        "unit": UNIT,
        "outcome": outcome,
        "kind": command.kind,
        "message": last_line(command.message),
        "exit_code": command.exit_code,
        "summary": command.summary,
        "harness": command.harness,
        "project": beat.project,
        "cause": beat.cause,
        "usage": to_builtins(command.usage),
        "resets_at": command.resets_at,
    }
    told = {key: value for key, value in data.items() if value not in (None, {}, "")}
    news = [News("run_ended", command.run, told)]
    if outcome in CRASHES and consequence_of(command.kind).then in (Then.COUNT, Then.STOP):
        news.append(News("agent_crashed", command.run, told))
    return Change(ended, tuple(news))


def _refuse_end(record: AgentRecord, command: EndHeartbeat, now: str) -> Change:
    raise LeaseMismatch(f"run {command.run} does not hold lease {command.token} of {record.id} any more")


def _feed(record: AgentRecord, command: FeedProject, now: str) -> Change:
    hunger = record.hungry.get(command.project)
    if hunger is None or (not command.enough and hunger.count == 1):
        return Change(record)
    if not command.enough:
        # It did what it could: the wait begins anew, and is not left out.
        kept = record.hungry | {command.project: structs.replace(hunger, count=1)}
        news = News("project_fed", None, {"agent": record.id, "project": command.project, "enough": False})
        return Change(structs.replace(record, hungry=kept), (news,))
    hungry = {project: hunger for project, hunger in record.hungry.items() if project != command.project}
    news = News("project_fed", None, {"agent": record.id, "project": command.project})
    return Change(structs.replace(record, hungry=hungry), (news,))


AGENT_TABLE: dict[AgentState, dict[type, Callable[[AgentRecord, Any, str], Change]]] = {
    AgentState.RESTING: {
        HearFrom: _hear,
        BeginHeartbeat: _begin,
        SkipHeartbeat: _skip,
        EndHeartbeat: _refuse_end,
        FeedProject: _feed,
    },
    AgentState.BEATING: {
        HearFrom: _hear,
        BeginHeartbeat: _refuse_second,
        SkipHeartbeat: _refuse_second,
        RevokeHeartbeat: _revoke,
        EndHeartbeat: _end,
        FeedProject: _feed,
    },
}


def decide(record: AgentRecord | None, agent: str, command: Any, now: str) -> tuple[AgentRecord, list[Event]]:
    """Apply one command to an agent's record, a new one if there is none yet; or an exception and nothing."""
    found = record or AgentRecord(schema=SCHEMA, id=agent, version=0, created_at=now, updated_at=now)
    handler = AGENT_TABLE[found.status].get(type(command))
    if handler is None:
        raise IllegalTransition(f"agent {agent} is {found.status}; {type(command).__name__} is not possible now")
    change = handler(found, command, now)
    return stamped("agent", record, change, now) if change.news else (found, [])
