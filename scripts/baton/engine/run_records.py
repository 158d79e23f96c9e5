"""Run records: what is written about one run, while it goes on and when it has ended."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

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
