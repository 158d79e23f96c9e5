"""What people do to a task: make it, describe it, block, cancel, retry, delete, send it back; and its dependencies."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from baton.domain import commands as c
from baton.domain.errors import IllegalTransition, InvalidInput, LeaseHeld
from baton.domain.news import Change, News, stamp_for
from baton.domain.priorities import canonical_priority
from baton.domain.readiness import is_backing_off
from baton.domain.records import SCHEMA, Asked, Task
from baton.domain.statuses import BlockKind, LeaseKind, TaskStatus, Wish
from baton.domain.task_line import addressed, advance, check_target, put
from baton.domain.task_line import block as block_task
from baton.domain.task_line import unblock as unblock_task
from baton.domain.task_wishes import ask, reopen_units

EDITABLE = frozenset(
    {
        "title", "description", "priority", "not_before", "labels", "assignees", "subscribers", "keywords", "brief",
        "content_type", "content_slug", "published_url",
    }
)  # fmt: skip


def create(command: c.CreateTask, now: str) -> Change:
    """Make a task at its first step that has an agent; one with nothing to do is refused."""
    if not any(unit.agent for unit in command.units):
        raise InvalidInput("none of the task's steps has an agent", cure="give it a pipeline with at least one agent")
    fields = dict(command.fields)
    letter = "s" if fields.get("assignment") is None else "j"
    steps = tuple(
        structs.replace(unit, step=number, key=f"{letter}{number + 1}") for number, unit in enumerate(command.units)
    )
    fields["priority"] = _priority(fields.get("priority", "medium"))
    if command.id in fields.get("depends_on", ()):
        raise InvalidInput("depends_on: a task cannot wait for itself")
    branches = {
        label: structs.replace(branch, step=None, key=f"b{number + 1}")
        for number, (label, branch) in enumerate(command.branches.items())
    }
    task = Task(
        schema=SCHEMA,
        id=command.id,
        version=0,
        token=0,
        next_key=len(steps) + 1,
        pipeline=steps,
        convergence_step=command.convergence_step,
        branches=branches,
        created_at=now,
        updated_at=now,
        unmet=tuple(fields.get("depends_on", ())),
        **fields,
    )
    task = advance(task, now)
    if task.pipeline_step == 0 or task.current.ready_at is None:
        for first in task.front:
            task = put(task, structs.replace(first, ready_at=now))
    return Change(task, (News("task_created", None, {"title": task.title, "steps": len(steps)}),))


def update(task: Task, command: c.UpdateTask, now: str) -> Change:
    """Change descriptive fields; what stays the same is not written."""
    fields: dict[str, Any] = dict(command.fields)
    unknown = sorted(set(fields) - EDITABLE)
    if unknown:
        raise InvalidInput(f"{', '.join(unknown)} cannot be changed", cure=f"choose from {', '.join(sorted(EDITABLE))}")
    if "priority" in fields:
        fields["priority"] = _priority(fields["priority"])
    changed = {key: value for key, value in fields.items() if getattr(task, key) != value}
    if not changed:
        return Change(task)
    told = {key: list(value) if isinstance(value, tuple) else value for key, value in changed.items()}
    return Change(structs.replace(task, **changed), (News("task_updated", None, {"by": command.by, **told}),))


def comment(task: Task, command: c.Comment, now: str) -> Change:
    """Leave words on the time line."""
    data = {"by": command.by, "text": command.text} | addressed(task, command.by)
    return Change(structs.replace(task), (News("task_commented", None, data),))


def publish(task: Task, command: c.PublishTask, now: str) -> Change:
    """Note where its piece was published; the last address counts."""
    if task.published_url == command.url:
        return Change(task)
    data = {"by": command.by, "url": command.url}
    return Change(structs.replace(task, published_url=command.url), (News("task_published", None, data),))


def cancel(task: Task, command: c.CancelTask, now: str) -> Change:
    """Cancel now, or as soon as the runs that are revoked here have ended."""
    return _ask_all(task, Wish.CANCEL, command.by, command.reason, now)


def block(task: Task, command: c.BlockTask, now: str) -> Change:
    """Block now, or as soon as the runs that are revoked here have ended."""
    return _ask_all(task, Wish.BLOCK, command.by, command.reason, now, kind=command.kind)


def revoke(task: Task, command: c.RevokeLease, now: str) -> Change:
    """Stop what holds the current step, and leave it ready again."""
    on_line = tuple(lease for lease in task.leases if task.unit(lease.unit).step is not None)
    if not on_line:
        return Change(task)
    asked = Asked(wish=Wish.STOP, by=command.by, at=stamp_for(task, now), reason=command.reason)
    return _changed(task, *ask(task, asked, on_line))


def revise_by_person(task: Task, command: c.ReviseByPerson, now: str) -> Change:
    """Send the task back; a run in the way is refused, or revoked when the person said so."""
    check_target(task, command.to_step)
    lease = task.lease
    if lease is not None and not command.stop_run:
        held = f"run {lease.run} of {lease.agent}" if lease.kind is LeaseKind.RUN else f"{lease.agent} by hand"
        raise LeaseHeld(f"the current step is held by {held}", cure="add --stop-run to end it", locked_by=lease.agent)
    asked = Asked(
        wish=Wish.REVISE,
        by=command.by,
        at=stamp_for(task, now),
        reason=command.notes,
        to_step=command.to_step,
    )
    return _changed(task, *ask(task, asked, (lease,) if lease is not None else ()))


def unblock(task: Task, command: c.UnblockTask, now: str) -> Change:
    """Restore the former status, with fresh attempts."""
    task = reopen_units(unblock_task(task), stamp_for(task, now), now=False)
    return Change(task, (News("task_unblocked", None, {"by": command.by}),))


def retry(task: Task, command: c.RetryTask, now: str) -> Change:
    """Unblock if blocked, with fresh attempts and no back-off. A block that waits for a run to end is withdrawn."""
    if task.asked is not None and task.asked.wish is Wish.BLOCK:
        task = structs.replace(task, asked=structs.replace(task.asked, wish=Wish.STOP))
    task = reopen_units(unblock_task(task), stamp_for(task, now), now=True)
    return Change(task, (News("task_retried", None, {"by": command.by}),))


def delete(task: Task, command: c.DeleteTask, now: str) -> Change:
    """Leave a tombstone. A task that somebody works on must be cancelled first."""
    if task.leases:
        raise LeaseHeld(f"{task.leases[0].agent} is working on it", cure="cancel it first, with task.py cancel")
    at = stamp_for(task, now)
    tombstone = structs.replace(task, status=TaskStatus.DELETED, blocked=None, asked=None, completed_at=at)
    return Change(tombstone, (News("task_deleted", None, {"by": command.by}),))


def delete_run(task: Task, command: c.DeleteTask, now: str) -> Change:
    """Leave a tombstone of a streaming run that has ended; any other finished task is kept, as its campaign counts it."""
    if task.stream is None:
        raise IllegalTransition(f"the task is {task.status}; it cannot be deleted")
    forgotten = structs.replace(task, stream=structs.replace(task.stream, variables={}))
    return delete(forgotten, command, now)


def meet_dependency(task: Task, command: c.MeetDependency, now: str) -> Change:
    """Strike a completed task off the list of those this one waits for."""
    if command.dependency not in task.unmet:
        return Change(task)
    left = tuple(other for other in task.unmet if other != command.dependency)
    return Change(
        structs.replace(task, unmet=left), (News("dependency_met", None, {"dependency": command.dependency}),)
    )


def fail_dependency(task: Task, command: c.FailDependency, now: str) -> Change:
    """Block a task that waits for one which will never complete; nothing when it does not, or is blocked already."""
    if command.dependency not in task.unmet or task.blocked is not None or task.asked is not None:
        return Change(task)
    changed, news = block_task(
        task, BlockKind.DEPENDENCY, command.reason, None, stamp_for(task, now), dependency=command.dependency
    )
    return Change(changed, tuple(news))


def end_backoff(task: Task, command: c.EndBackoff, now: str) -> Change:
    """Forget back-offs that no back-off can reach: they were written under a clock that had jumped ahead."""
    changed = task
    for unit in task.units():
        if (
            unit.not_before is not None
            and unit.not_before > now
            and not is_backing_off(unit, now, command.backoff_max_seconds)
        ):
            changed = put(changed, structs.replace(unit, not_before=None))
    return Change(task) if changed is task else Change(changed, (News("backoff_ended", None, {}),))


def _ask_all(task: Task, wish: Wish, by: str, reason: str, now: str, *, kind: BlockKind = BlockKind.PERSON) -> Change:
    asked = Asked(wish=wish, by=by, at=stamp_for(task, now), reason=reason, kind=kind)
    return _changed(task, *ask(task, asked, task.leases))


def _changed(before: Task, after: Task, news: list[News]) -> Change:
    return Change(after, tuple(news)) if news else Change(before)


def _priority(priority: str | int) -> str | int:
    try:
        return canonical_priority(priority)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
