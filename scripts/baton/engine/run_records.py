"""Run records: what is written about one run, while it goes on and when it has ended."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from baton.domain.agent_records import UNIT, AgentRecord
from baton.domain.records import Lease, Task
from baton.domain.statuses import Outcome
from baton.domain.times import seconds_between
from baton.engine.granting import Granted
from baton.engine.judging import Watched


def run_record(
    granted: Granted, started_at: str, watched: Watched | None, facts: dict[str, Any], after: Task | None, now: str
) -> dict[str, Any]:
    """Return what a run's record says; ``watched`` is ``None`` while it goes on."""
    task, lease, unit = granted.task, granted.lease, granted.unit
    record: dict[str, Any] = {
        "id": lease.run,
        "task": task.id,
        "campaign": task.campaign,
        "project": task.project,
        "unit": unit.key,
        "step": unit.step,
        "agent": lease.agent,
        "attempt": unit.attempts,
        "token": lease.token,
        "status": "running",
        "started_at": started_at,
        **facts,
    }
    if watched is None:
        return record
    outcome = ended_as(after, lease, watched)
    good = (Outcome.COMPLETED, Outcome.SENT_BACK)
    return record | {
        "status": "completed" if outcome in good else "failed",
        "outcome": outcome,
        "kind": watched.kind,
        "hang": watched.hang,
        "resets_at": watched.resets_at,
        "exit_code": watched.exit_code,
        "error": watched.message or None,
        "finished_at": now,
        "duration_seconds": round(max(0.0, seconds_between(started_at, now)), 3),
        "items": items_of(after, lease),
        "session": watched.session,
        "usage": to_builtins(watched.usage),
    }


def heartbeat_record(agent: AgentRecord, watched: Watched | None, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what the record of a heartbeat says; ``watched`` is ``None`` while it goes on."""
    beat = agent.beat
    assert beat is not None
    record: dict[str, Any] = {
        "id": beat.run,
        "task": None,
        "campaign": None,
        "project": beat.project,
        "unit": UNIT,
        "agent": agent.id,
        "cause": beat.cause,
        "token": agent.token,
        "status": "running",
        "started_at": beat.begun_at,
        **facts,
    }
    if watched is None:
        return record
    return (
        record
        | ended_heartbeat(agent)
        | {
            "hang": watched.hang,
            "resets_at": watched.resets_at,
            "exit_code": watched.exit_code,
            "session": watched.session,
            "usage": to_builtins(watched.usage),
        }
    )


def ended_heartbeat(agent: AgentRecord) -> dict[str, Any]:
    """Return what is added to the record of a heartbeat when it has ended."""
    beat = agent.beat
    assert beat is not None
    return {
        "status": "completed" if beat.outcome is Outcome.COMPLETED else "failed",
        "outcome": beat.outcome,
        "kind": beat.kind,
        "error": beat.message or None,
        "summary": beat.summary,
        "finished_at": beat.ended_at,
        "duration_seconds": round(max(0.0, seconds_between(beat.begun_at, beat.ended_at or beat.begun_at)), 3),
    }


def items_of(after: Task | None, lease: Lease) -> int:
    """Return how many files a run left that count: those registered when its unit was completed by it."""
    results = [unit.result for unit in after.units() if unit.key == lease.unit] if after is not None else []
    return sum(len(result.resources) for result in results if result is not None and result.run == lease.run)


def ended_as(after: Task | None, lease: Lease, watched: Watched) -> str:
    """Return the outcome as it was committed: a report may have decided otherwise than the exit."""
    for event in reversed(after.history if after is not None else ()):
        if event.type == "run_ended" and event.run == lease.run:
            return str(event.data["outcome"])
    return watched.outcome.value
