"""What a person asks for while runs are going on: their leases are revoked at once, the wish happens when they ended.

A report that was durable before the revocation counts: the step completes, then what was asked happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from baton.domain import units
from baton.domain.news import News
from baton.domain.records import Asked, Lease, Revocation, Task, Unit
from baton.domain.statuses import LeaseKind, TaskStatus, UnitStatus, Wish
from baton.domain.task_line import addressed, block, finish_if_done, put, send_back, without_lease


def ask(task: Task, asked: Asked, leases: Iterable[Lease]) -> tuple[Task, list[News]]:
    """Keep the wish, revoke the runs among the leases, and drop the hand leases; fulfil it if no run is in the way."""
    before = task.asked
    # A run that is stopped for a reason stays stopped for it: a bare stop on top undoes nothing.
    if before is not None and (asked.wish is Wish.STOP or structs.replace(asked, at=before.at) == before):
        return task, []
    news: list[News] = []
    for lease in leases:
        data: dict[str, Any] = {"unit": lease.unit, "by": asked.by, "wish": asked.wish, "reason": asked.reason}
        if lease.kind is LeaseKind.HAND:
            task = without_lease(task, lease)
            news.append(News("lease_released", None, {"unit": lease.unit, "agent": lease.agent, "by": asked.by}))
        elif lease.revoked is None:
            revoked = structs.replace(lease, revoked=Revocation(at=asked.at, by=asked.by, reason=asked.reason))
            kept = tuple(revoked if other.token == lease.token else other for other in task.leases)
            task = structs.replace(task, leases=kept)
            news.append(News("lease_revoked", lease.run, data))
        else:
            news.append(News("wish_changed", lease.run, data))
    task = structs.replace(task, asked=asked)
    task, settled = settle(task, asked.at)
    return task, news + settled


def settle(task: Task, at: str) -> tuple[Task, list[News]]:
    """Let the wish happen once no revoked run is left; finish a task that is done."""
    asked = task.asked
    if asked is None or any(lease.revoked is not None for lease in task.leases):
        return finish_if_done(task, at)
    task = structs.replace(task, asked=None)
    if task.is_finished:
        return task, []
    if asked.wish is Wish.REVISE:
        assert asked.to_step is not None
        # The run may have sent the task back further than the person asked.
        to_step = min(asked.to_step, task.pipeline_step)
        return send_back(task, to_step, asked.reason, asked.by, at, max_revisions=None)
    task, finished = finish_if_done(task, at)
    if finished or asked.wish is Wish.STOP:
        return task, finished
    if asked.wish is Wish.BLOCK:
        return block(task, asked.kind, asked.reason, None, at, by=asked.by)
    task = structs.replace(task, status=TaskStatus.CANCELLED, blocked=None, completed_at=at)
    return task, [News("task_cancelled", None, {"by": asked.by, "reason": asked.reason} | addressed(task, asked.by))]


def reopen_units(task: Task, at: str, *, now: bool) -> Task:
    """Give the units whose turn it is fresh attempts; ``now`` also forgets their back-off."""
    for unit in task.units() if task.assignment is None else _to_reopen(task):
        has_turn = unit.ready_at is not None and units.Reopen in units.UNIT_TABLE[unit.status]
        if has_turn and task.lease_of(unit.key) is None:
            task = put(task, units.change(unit, units.Reopen(at=at, now=now)))
    return task


def _to_reopen(task: Task) -> tuple[Unit, ...]:
    """Return the jobs that may be tried again: one that failed was followed by others, unless it blocked the assignment."""
    blocked = task.was_blocked.unit if task.was_blocked is not None else None
    return tuple(unit for unit in task.front if unit.status is not UnitStatus.FAILED or unit.key == blocked)
