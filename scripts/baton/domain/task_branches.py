"""Branches beside the main line: completed by hand, started again, done without. What triggers them is in task_line."""

from __future__ import annotations

from baton.domain import commands as c
from baton.domain import units
from baton.domain.errors import IllegalTransition, InvalidInput, LeaseHeld, LeaseMismatch
from baton.domain.news import Change, News, stamp_for
from baton.domain.readiness import OPEN
from baton.domain.records import Result, Task, Unit
from baton.domain.statuses import UnitStatus
from baton.domain.task_line import begin_after, check_evidence, complete_unit, finish_if_done, put, unblock, void_run


def complete_by_hand(task: Task, command: c.CompleteBranch, now: str) -> Change:
    """Complete a branch whose turn it is and that no run holds."""
    branch = _named(task, command.label)
    lease = task.lease_of(branch.key)
    if lease is not None:
        raise LeaseHeld(f"run {lease.run} of {lease.agent} is at work on it", locked_by=lease.agent)
    if command.agent != branch.agent:
        raise LeaseMismatch(f"the branch is {branch.agent}'s, not {command.agent}'s", locked_by=branch.agent)
    if branch.ready_at is None or branch.status not in OPEN:
        waits = f"; it begins after step {branch.trigger_after_step}" if branch.status is UnitStatus.PENDING else ""
        raise IllegalTransition(f"the branch is {branch.status}{waits}")
    check_evidence(branch, command.missing)
    at = stamp_for(task, now)
    result = Result(
        at=at,
        agent=command.agent,
        outputs=command.outputs,
        summary=command.summary,
        resources=command.resources,
    )
    task, news = complete_unit(task, branch, result, at)
    task, finished = finish_if_done(task, at)
    return Change(task, (*news, *finished))


def retrigger(task: Task, command: c.RetriggerBranches, now: str) -> Change:
    """Start again what was triggered: what failed or waits, and with ``also_done`` what was completed or cleared."""
    labels = command.labels or tuple(task.branches)
    chosen = [_named(task, label) for label in labels]
    at = stamp_for(task, now)
    started = []
    for branch in chosen:
        if task.lease_of(branch.key) is not None or not _is_due(task, branch):
            continue
        if branch.status in OPEN or branch.status is UnitStatus.FAILED:
            task = put(task, units.change(branch, units.Reopen(at=at, now=True)))
        elif command.also_done:
            fresh = units.change(branch, units.Reset(at=at))
            task = put(task, units.change(fresh, units.Enter(at=at)))
        else:
            continue
        started.append(branch)
    if command.labels and len(started) < len(chosen):
        idle = ", ".join(label for label in labels if task.branches[label].key not in {one.key for one in started})
        raise IllegalTransition(
            f"{idle}: not triggered yet, at work, or done", cure="add --all for those that are done"
        )
    if not started:
        return Change(task)
    return Change(_unblocked(task, started), (_told(task, "branches_retriggered", command.by, started),))


def clear(task: Task, command: c.ClearBranches, now: str) -> Change:
    """Skip these branches; the convergence step waits for them no longer."""
    at = stamp_for(task, now)
    cleared = []
    news: list[News] = []
    for label in command.labels:
        branch = _named(task, label)
        if units.Skip not in units.UNIT_TABLE[branch.status]:
            continue
        task, voided = void_run(task, branch, command.by, "the branch was cleared", at)
        task = begin_after(put(task, units.change(branch, units.Skip(at=at))), branch, at)
        news += voided
        cleared.append(branch)
    if not cleared:
        return Change(task)
    news.append(_told(task, "branches_cleared", command.by, cleared))
    task, finished = finish_if_done(_unblocked(task, cleared), at)
    return Change(task, (*news, *finished))


def _named(task: Task, label: str) -> Unit:
    if label not in task.branches:
        known = ", ".join(task.branches)
        raise InvalidInput(
            f"the task has no branch '{label}'", cure=f"choose from {known}" if known else "it has no branches"
        )
    return task.branches[label]


def _is_due(task: Task, branch: Unit) -> bool:
    """Tell whether the step that triggers the branch is done."""
    assert branch.trigger_after_step is not None
    step = task.pipeline[branch.trigger_after_step]
    return step.status in (UnitStatus.COMPLETED, UnitStatus.SKIPPED)


def _unblocked(task: Task, branches: list[Unit]) -> Task:
    """A person who starts or clears the branch that blocks the task unblocks it."""
    keys = {branch.key for branch in branches}
    return unblock(task) if task.blocked is not None and task.blocked.unit in keys else task


def _told(task: Task, event: str, by: str, branches: list[Unit]) -> News:
    return News(event, None, {"by": by, "branches": [task.label_of(branch.key) for branch in branches]})
