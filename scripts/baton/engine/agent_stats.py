"""What an agent has done so far, read from the event log, and how it stands, derived from records. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, structs

from baton.domain.agent_records import AgentRecord
from baton.domain.readiness import Reason
from baton.domain.records import Task
from baton.domain.sentences import data_of
from baton.domain.statuses import Outcome
from baton.domain.times import later, seconds_between
from baton.domain.usage import NOTHING, Usage, added
from baton.engine.accounting import usage_in
from baton.ports import Log

GOOD = frozenset({Outcome.COMPLETED.value, Outcome.SENT_BACK.value})
# Ended from outside, or never begun: they say nothing of the agent.
NOT_ITS_OWN = frozenset({Outcome.INTERRUPTED.value, Outcome.REVOKED.value, Outcome.NEVER_STARTED.value})
BEGINS = ("lease_granted", "run_started")
COMPLETES = ("step_completed", "branch_completed")
# Not heard of for so long, and with nothing to do.
OFFLINE_SECONDS = 86400.0


class Stats(Struct, frozen=True, kw_only=True):
    """What the log tells of one agent, as far back as it is kept.

    ``success_rate``: of its runs that ended by themselves, those that did what they were started for, 0 to 1.
    ``average_quality``: of the tasks on which it completed a step, by the score that each was given last.
    """

    runs: int = 0
    heartbeats: int = 0
    succeeded: int = 0
    failed: int = 0
    success_rate: float | None = None
    steps_completed: int = 0
    tasks_completed: int = 0
    average_quality: float | None = None
    total_seconds: float = 0.0
    average_seconds: float | None = None
    usage: Usage = NOTHING
    heard_at: str | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """How an agent stands now: ``idle``, ``active``, ``blocked`` or ``offline``, why, and when it was last heard of."""

    status: str
    reason: str
    last_heartbeat: str | None


class _Sum:
    """What is gathered of one agent."""

    def __init__(self) -> None:
        self.stats = Stats()
        self.timed: list[float] = []
        self.tasks: set[str] = set()

    def add(self, **more: Any) -> None:
        """Put these fields in place of those before."""
        self.stats = structs.replace(self.stats, **more)

    def hear(self, at: str) -> None:
        """Note an instant at which it was heard of."""
        self.add(heard_at=max(self.stats.heard_at or "", at))


def stats_of(log: Log) -> dict[str, Stats]:
    """Read the log and return what it tells, by agent."""
    sums: dict[str, _Sum] = {}
    begun: dict[str, str] = {}
    quality: dict[str, float] = {}

    def of(event: Mapping[str, Any]) -> _Sum:
        return sums.setdefault(str(data_of(event).get("agent")), _Sum())

    for kind in BEGINS:
        for event in log.since("", kind):
            begun[str(event.get("run"))] = str(event.get("at"))
            of(event).hear(str(event.get("at")))
    for event in log.since("", "run_ended"):
        _count_run(of(event), event, begun.get(str(event.get("run"))))
    for kind in COMPLETES:
        for event in log.since("", kind):
            one, task = of(event), str(event.get("task"))
            one.add(steps_completed=one.stats.steps_completed + 1)
            one.tasks.add(task)
            score = data_of(event).get("quality_score")
            if isinstance(score, int | float):
                quality[task] = float(score)
    return {agent: _finished(one, quality) for agent, one in sums.items()}


def standing_of(
    agent: str,
    tasks: Iterable[Task],
    record: AgentRecord | None,
    stats: Stats | None,
    parked: Reason | None,
    now: str,
) -> Standing:
    """Return how an agent stands; ``parked`` says why its harness cannot be used, if that is so."""
    heard = [record.heard_at if record is not None else None, stats.heard_at if stats is not None else None]
    lines = list(tasks)
    for task in lines:
        lease = next((lease for lease in task.leases if lease.agent == agent), None)
        if lease is not None:
            heard.append(lease.granted_at)
            return _standing("active", f"works on task {task.id}", heard)
    if record is not None and record.lease is not None:
        return _standing("active", f"a heartbeat goes on since {record.lease.granted_at}", heard)
    if parked is not None:
        return _standing("blocked", parked.text, heard)
    for task in lines:
        blocked = task.blocked
        if blocked is not None and any(unit.key == blocked.unit and unit.agent == agent for unit in task.units()):
            return _standing("blocked", f"task {task.id}, in which it is its turn, is blocked: {blocked.reason}", heard)
    last = max((one for one in heard if one is not None), default=None)
    if last is None:
        return _standing("offline", "it was never heard of", heard)
    if last < later(now, -OFFLINE_SECONDS):
        return _standing("offline", "it was not heard of for a day, and has nothing to do", heard)
    return _standing("idle", "it has nothing to do", heard)


def _standing(status: str, reason: str, heard: Iterable[str | None]) -> Standing:
    last = max((one for one in heard if one is not None), default=None)
    return Standing(status=status, reason=reason, last_heartbeat=last)


def _count_run(one: _Sum, event: Mapping[str, Any], began: str | None) -> None:
    data, at, stats = data_of(event), str(event.get("at")), one.stats
    outcome = str(data.get("outcome"))
    one.hear(at)
    one.add(
        runs=stats.runs + 1,
        heartbeats=stats.heartbeats + (event.get("task") is None),
        succeeded=stats.succeeded + (outcome in GOOD),
        failed=stats.failed + (outcome not in GOOD and outcome not in NOT_ITS_OWN),
        usage=added(stats.usage, usage_in(data) or NOTHING),
    )
    if began is not None:
        one.timed.append(max(0.0, seconds_between(began, at)))


def _finished(one: _Sum, quality: Mapping[str, float]) -> Stats:
    stats, scores = one.stats, [quality[task] for task in one.tasks if task in quality]
    judged = stats.succeeded + stats.failed
    return structs.replace(
        stats,
        success_rate=round(stats.succeeded / judged, 4) if judged else None,
        tasks_completed=len(one.tasks),
        average_quality=round(sum(scores) / len(scores), 2) if scores else None,
        total_seconds=round(sum(one.timed), 3),
        average_seconds=round(sum(one.timed) / len(one.timed), 3) if one.timed else None,
    )
