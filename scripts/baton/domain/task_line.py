"""How a task moves along its main line: a unit replaced, completed, sent back, blocked. Shared by the handlers."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from baton.domain import units
from baton.domain.errors import EvidenceMissing, InvalidInput
from baton.domain.news import News
from baton.domain.records import Blocked, Lease, Result, Revocation, Task, Unit
from baton.domain.statuses import STATUS_OF_OUTPUT_DIR, BlockKind, TaskStatus, UnitStatus
from baton.domain.usage import added
from baton.domain.versions import listed, round_of, version_of


def put(task: Task, unit: Unit) -> Task:
    """Return the task with this unit in the place of the one that has its key."""
    return structs.replace(
        task,
        pipeline=tuple(unit if other.key == unit.key else other for other in task.pipeline),
        branches={label: unit if other.key == unit.key else other for label, other in task.branches.items()},
    )


def without_lease(task: Task, lease: Lease) -> Task:
    """Return the task without this lease."""
    return structs.replace(task, leases=tuple(other for other in task.leases if other.token != lease.token))


def with_status(task: Task, status: TaskStatus) -> Task:
    """Return the task with this status; a blocked one stays blocked, and has it when it is unblocked."""
    if task.blocked is None:
        return structs.replace(task, status=status)
    return structs.replace(task, blocked=structs.replace(task.blocked, was=status))


def mapped_status(unit: Unit) -> TaskStatus | None:
    """Return the task status that completing this unit stands for, if it stands for one."""
    return unit.task_status or STATUS_OF_OUTPUT_DIR.get(unit.output_dir or "")


def starts_status(task: Task) -> TaskStatus:
    """Return the task's status once a step is being worked on: only a pipeline that maps nothing says in_progress."""
    maps_any = any(mapped_status(unit) for unit in task.pipeline)
    if not maps_any and task.status in (TaskStatus.BACKLOG, TaskStatus.REVISION_NEEDED):
        return TaskStatus.IN_PROGRESS
    return task.status


def complete_unit(task: Task, unit: Unit, result: Result, at: str) -> tuple[Task, list[News]]:
    """Complete a unit and, on the main line, move on to the next step that has an agent.

    The task itself is not finished here (see :func:`finish_if_done`): a wish may still send it back.
    """
    result = structs.replace(result, version=version_of(task, unit), round=round_of(task, unit))
    task = put(task, units.change(unit, units.Complete(at=at, result=result)))
    if task.was_blocked is not None and (unit.step is not None or task.was_blocked.unit == unit.key):
        task = structs.replace(task, was_blocked=None)
    data: dict[str, Any] = {"unit": unit.key, "step": unit.step, "agent": unit.agent, "outputs": list(result.outputs)}
    for name in ("summary", "quality_score", "readability_score"):
        if (value := getattr(result, name)) is not None:
            data[name] = value
    if unit.redoes is not None:
        task = put(task, units.change(task.unit(unit.redoes), units.Supersede(at=at, result=result)))
    if unit.step is None and unit.redoes is None:
        news = [News("branch_completed", result.run, data | {"branch": task.label_of(unit.key)})]
        return begin_after(task, unit, at), news
    task = structs.replace(
        task,
        quality_score=task.quality_score if result.quality_score is None else result.quality_score,
        readability_score=task.readability_score if result.readability_score is None else result.readability_score,
    )
    if unit.step is None:
        return task, [News("branch_completed", result.run, data | {"branch": task.label_of(unit.key)})]
    news = [News("step_completed", result.run, data)]
    if task.assignment is not None:
        return task, news  # what comes next is the assignment's to say
    status = mapped_status(unit)
    if status is not None:
        task = with_status(task, status)
    return advance(trigger(task, unit, at), at), news


def check_evidence(unit: Unit, missing: tuple[str, ...] | None) -> None:
    """Refuse a completion by hand without what the unit expects; ``None``: nobody has looked."""
    if not unit.expects or missing == ():
        return
    if missing is None:
        raise EvidenceMissing("nobody has looked for what the step must leave")
    raise EvidenceMissing(
        "; ".join(("what it must leave is missing", *missing)), cure="add it, and complete again", missing=list(missing)
    )


def trigger(task: Task, step: Unit, at: str) -> Task:
    """Let the branches begin that wait for this step."""
    for branch in task.branches.values():
        waits = branch.status is UnitStatus.PENDING and branch.ready_at is None
        if branch.trigger_after_step == step.step and waits and branch.after is None:
            task = put(task, units.change(branch, units.Enter(at=at)))
    return begin_after(task, step, at)


def begin_after(task: Task, unit: Unit, at: str) -> Task:
    """Let the branches begin that come after this unit in a fix."""
    for branch in task.branches.values():
        if branch.after == unit.key and branch.status is UnitStatus.PENDING and branch.ready_at is None:
            task = put(task, units.change(branch, units.Enter(at=at)))
    return task


def advance(task: Task, at: str) -> Task:
    """Move the index past completed steps; a step without an agent is completed by itself."""
    index = task.pipeline_step
    while task.pipeline[index].status in (UnitStatus.COMPLETED, UnitStatus.SKIPPED) or not task.pipeline[index].agent:
        unit = task.pipeline[index]
        if unit.status in (UnitStatus.PENDING, UnitStatus.IN_PROGRESS):
            task = trigger(put(task, units.change(unit, units.Complete(at=at, result=None))), unit, at)
            mapped = mapped_status(unit)
            task = task if mapped is None else with_status(task, mapped)
        if index + 1 == len(task.pipeline):
            return structs.replace(task, pipeline_step=index)
        index += 1
    unit = task.pipeline[index]
    if index != task.pipeline_step and unit.status is UnitStatus.PENDING:
        task = put(task, units.change(unit, units.Enter(at=at)))
    return structs.replace(task, pipeline_step=index)


def finish_if_done(task: Task, at: str) -> tuple[Task, list[News]]:
    """Complete the task when every unit is done and no lease is left."""
    done = (UnitStatus.COMPLETED, UnitStatus.SKIPPED)
    if task.assignment is not None:
        return task, []  # its PM says when it is done
    if task.is_finished or task.leases or any(unit.status not in done for unit in task.units()):
        return task, []
    revision = task.revision
    for branch in task.branches.values():
        if branch.redoes is not None:  # what it used was used for that step
            step = task.unit(branch.redoes)
            task = put(task, structs.replace(step, usage=added(step.usage, branch.usage)))
    task = structs.replace(
        task,
        status=TaskStatus.COMPLETED,
        blocked=None,
        asked=None,
        revision=None,
        branches={label: branch for label, branch in task.branches.items() if branch.redoes is None},
        completed_at=at,
    )
    data: dict[str, Any] = {"title": task.title} | addressed(task)
    if revision is not None:
        data |= {"revision": revision.kind, "asked_by": revision.by}
    if task.quality_score is not None:
        data["quality_score"] = task.quality_score
    return task, [News("task_completed", None, data)]


def check_target(task: Task, to_step: int) -> None:
    """Refuse a revision to a step that does not exist or lies ahead."""
    if not 0 <= to_step <= task.pipeline_step:
        raise InvalidInput(
            f"step {to_step} is not between 0 and the current step, {task.pipeline_step}",
            cure="choose a step that has been worked on",
        )
    if task.pipeline[to_step].agent is None:
        raise InvalidInput(f"step {to_step} has no agent", cure="choose a step that an agent works on")


def send_back(
    task: Task, to_step: int, notes: str, by: str, at: str, *, max_revisions: int | None, run: str | None = None
) -> tuple[Task, list[News]]:
    """Set every step from the target on back to pending. Past ``max_revisions`` of the target, block instead.

    Branches that the target or a later step triggers are set back too, and what runs of them is void.
    ``max_revisions`` is ``None`` for a person: people may send back as often as they like.
    """
    target = task.pipeline[to_step]
    data = {"unit": target.key, "to_step": to_step, "to_agent": target.agent, "by": by, "notes": notes}
    count = task.revision_count + 1
    task = structs.replace(task, revision_count=count, rejection_notes=notes, approved=None)
    news = [News("revision_requested", run, data | {"revision_count": count} | addressed(task, by))]
    if max_revisions is not None and target.revisions >= max_revisions:
        reason = f"step {to_step} ({target.agent}) has been sent back {target.revisions} times already; last: {notes}"
        if versions := listed(task, target):
            reason += f"; versions: {', '.join(versions)}"
        task, blocked = block(task, BlockKind.REVIEW, reason, target.key, at, run=run)
        return task, news + blocked
    for unit in task.pipeline[to_step:]:
        is_target = unit.step == to_step
        reset = units.Reset(
            at=at,
            notes=notes if is_target else None,
            is_target=is_target,
            counts=is_target and max_revisions is not None,
        )
        task = put(task, units.change(unit, reset))
    for branch in task.branches.values():
        if branch.redoes is not None:
            # It stood for the round that ends here.
            if units.Skip in units.UNIT_TABLE[branch.status]:
                task, voided = void_run(put(task, units.change(branch, units.Skip(at=at))), branch, by, notes, at)
                news += voided
        elif branch.trigger_after_step is not None and branch.trigger_after_step >= to_step:
            task, voided = void_run(put(task, units.change(branch, units.Reset(at=at))), branch, by, notes, at)
            news += voided
    # A person who sends a blocked task back unblocks it; an agent's run does not.
    task = unblock(task) if max_revisions is None else task
    return structs.replace(with_status(task, TaskStatus.REVISION_NEEDED), pipeline_step=to_step), news


def void_run(task: Task, branch: Unit, by: str, reason: str, at: str) -> tuple[Task, list[News]]:
    """Revoke the run on a branch that was reset or cleared under it: nothing that it does counts any more."""
    lease = task.lease_of(branch.key)
    if lease is None:
        return task, []
    data = {"unit": branch.key, "by": by, "reason": reason}
    news = [] if lease.revoked is not None else [News("lease_revoked", lease.run, data)]
    void = structs.replace(lease, void=True, revoked=lease.revoked or Revocation(at=at, by=by, reason=reason))
    kept = tuple(void if other.token == lease.token else other for other in task.leases)
    return structs.replace(task, leases=kept), news


def block(
    task: Task,
    kind: BlockKind,
    reason: str,
    unit: str | None,
    at: str,
    *,
    run: str | None = None,
    dependency: str | None = None,
    by: str | None = None,
) -> tuple[Task, list[News]]:
    """Block the task; the first block stands when there is one already. ``by``: the person who wanted it."""
    if task.blocked is not None:
        return task, []
    blocked = Blocked(kind=kind, reason=reason, unit=unit, at=at, was=task.status, dependency=dependency)
    data = {"kind": kind, "reason": reason, "unit": unit, "title": task.title} | addressed(task, by)
    return structs.replace(task, status=TaskStatus.BLOCKED, blocked=blocked), [News("task_blocked", run, data)]


def addressed(task: Task, by: str | None = None) -> dict[str, Any]:
    """Return what the data of an event has for those who subscribed to the task: whom to tell, but for whoever did it."""
    names = [name for name in task.subscribers if name != by]
    return {"for": names} if names else {}


def unblock(task: Task) -> Task:
    """Restore the status from before the block; a person who unblocks goes on without the dependency that failed."""
    if task.blocked is None:
        return task
    unmet = tuple(other for other in task.unmet if other != task.blocked.dependency)
    return structs.replace(task, status=task.blocked.was, blocked=None, was_blocked=task.blocked, unmet=unmet)
