"""Leases of a task: granted to a supervisor, taken by hand, given back, expired. Tokens rise with every grant."""

from __future__ import annotations

from msgspec import structs

from baton.domain import commands as c
from baton.domain import units
from baton.domain.errors import IllegalTransition, LeaseHeld, LeaseMismatch, NotReady
from baton.domain.news import Change, News, stamp_for
from baton.domain.readiness import not_ready, standing_reason
from baton.domain.records import Holder, Lease, Task, Unit
from baton.domain.statuses import LeaseKind
from baton.domain.task_line import put, starts_status, without_lease
from baton.domain.versions import output_of, version_of


def grant(task: Task, command: c.GrantLease, now: str) -> Change:
    """Grant a ready unit to a supervisor; ``NotReady`` with the reason when it is not ready, at the real time."""
    if all(unit.key != command.unit for unit in task.units()):
        raise NotReady(f"the task has no unit {command.unit}")
    unit = task.unit(command.unit)
    reason = not_ready(task, unit, now, command.backoff_max_seconds)
    if reason is not None:
        raise NotReady(reason.text, why=reason.why.value)
    at = stamp_for(task, now)
    lease = Lease(
        token=task.token + 1,
        unit=unit.key,
        agent=command.agent,
        kind=LeaseKind.RUN,
        run=command.run,
        holder=command.holder,
        granted_at=at,
        deadline_seconds=command.deadline_seconds,
    )
    granted = _with_lease(task, unit, lease, at, counts=True)
    attempt = granted.unit(unit.key).attempts
    data = {"unit": unit.key, "step": unit.step, "agent": command.agent, "token": lease.token, "attempt": attempt}
    if unit.step is None:
        data["ready_at"] = unit.ready_at  # of the main line the events tell by themselves since when it waits
    return Change(granted, (News("lease_granted", command.run, data),))


def acquire_by_hand(task: Task, command: c.AcquireByHand, now: str) -> Change:
    """Take the lease of the current step by hand, renew one's own, or take over one nobody renewed for long.

    Allowed while the task backs off or its campaign is paused: a person who asks knows better. Not while a
    dependency is unmet, and never from a live run.
    """
    at = stamp_for(task, now)
    lease = task.lease
    unit = task.current
    if command.token is not None:
        return Change(task) if _is_run_itself(task, command) else _refuse_token(command.token)
    if lease is not None and lease.kind is LeaseKind.RUN:
        raise _held(lease)
    if lease is not None and lease.agent == command.agent:
        renewed = structs.replace(lease, granted_at=at, holder=command.holder)
        kept = tuple(renewed if other.token == lease.token else other for other in task.leases)
        return Change(structs.replace(task, leases=kept), (_lease_news("lease_renewed", renewed),))
    news: list[News] = []
    if lease is not None:
        if hand_age_seconds(lease.holder, command.holder) < command.steal_after_seconds:
            raise _held(lease)
        task = without_lease(task, lease)
        news.append(_lease_news("lease_expired", lease, taken_by=command.agent))
    reason = standing_reason(structs.replace(task, lease=None), unit)
    if reason is not None:
        raise IllegalTransition(f"the current step cannot be acquired: {reason.text}", why=reason.why.value)
    taken = Lease(
        token=task.token + 1,
        unit=unit.key,
        agent=command.agent,
        kind=LeaseKind.HAND,
        run=None,
        holder=command.holder,
        granted_at=at,
    )
    news.append(_lease_news("lease_granted", taken, token=taken.token))
    return Change(_with_lease(task, unit, taken, at, counts=False), tuple(news))


def release_by_hand(task: Task, command: c.ReleaseByHand, now: str) -> Change:
    """Give a hand lease back; only its holder may."""
    lease = own_hand_lease(task, command.agent)
    return Change(without_lease(task, lease), (_lease_news("lease_released", lease),))


def expire(task: Task, command: c.ExpireLease, now: str) -> Change:
    """Take away a hand lease that is as old as ``stale_after``; nothing when it was renewed or ended since."""
    lease = task.lease_with(command.token)
    if lease is None or lease.kind is not LeaseKind.HAND:
        return Change(task)
    if hand_age_seconds(lease.holder, command.seen_from) < command.stale_after_seconds:
        return Change(task)
    return Change(without_lease(task, lease), (_lease_news("lease_expired", lease),))


def own_hand_lease(task: Task, agent: str) -> Lease:
    """Return the hand lease that this agent holds on the main line, or say who holds it."""
    lease = task.lease
    if lease is None:
        raise LeaseMismatch("nobody holds the lease of the current step", cure="acquire it first, with acquire_lock.py")
    if lease.kind is LeaseKind.RUN or lease.agent != agent:
        raise LeaseMismatch(f"{_holder_words(lease)} holds the lease, not {agent}", locked_by=lease.agent)
    return lease


def run_lease(task: Task, token: int) -> Lease:
    """Return the live lease with this token; a replaced or revoked one is refused."""
    lease = task.lease_with(token)
    if lease is None:
        _refuse_token(token)
    elif lease.revoked is not None:
        raise LeaseMismatch(f"the lease was revoked by {lease.revoked.by}: {lease.revoked.reason}", cure="stop working")
    assert lease is not None
    return lease


def hand_age_seconds(then: Holder, seen: Holder) -> float:
    """Return how long ago a hand lease was taken or renewed, in seconds that no clock change can alter.

    In another boot it is at least as old as this boot; a lease of another machine counts as new for ever, since
    nothing on this one can tell its age.
    """
    if then.machine != seen.machine:
        return 0.0
    boot_seconds = seen.boot_seconds or 0.0
    return boot_seconds - (then.boot_seconds or 0.0) if then.boot == seen.boot else boot_seconds


def _with_lease(task: Task, unit: Unit, lease: Lease, at: str, *, counts: bool) -> Task:
    output, version = output_of(task, unit), version_of(task, unit)
    began = units.Grant(at=at, counts=counts, output=output, version=version, round=task.revision_count)
    task = put(task, units.change(unit, began))
    task = structs.replace(task, token=lease.token, leases=(*task.leases, lease))
    return structs.replace(task, status=starts_status(task)) if unit.step is not None else task


def _is_run_itself(task: Task, command: c.AcquireByHand) -> bool:
    if command.token is None or task.lease_with(command.token) is None:
        return False
    lease = run_lease(task, command.token)
    if lease.agent != command.agent:
        raise _held(lease)
    return True


def _refuse_token(token: int) -> Change:
    raise LeaseMismatch(
        f"lease {token} is not the current one: the run was replaced or has ended", cure="stop working on this task"
    )


def _held(lease: Lease) -> LeaseHeld:
    return LeaseHeld(f"{_holder_words(lease)} holds the lease since {lease.granted_at}", locked_by=lease.agent)


def _holder_words(lease: Lease) -> str:
    return f"{lease.agent} (run {lease.run})" if lease.kind is LeaseKind.RUN else lease.agent


def _lease_news(event: str, lease: Lease, **more: object) -> News:
    return News(event, lease.run, {"unit": lease.unit, "agent": lease.agent, **more})
