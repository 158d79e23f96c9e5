"""How a task reads that is a streaming run: where the run is, where each step, and why it failed."""

from __future__ import annotations

from enum import StrEnum

from baton.domain.records import Task, Unit
from baton.domain.statuses import TaskStatus, UnitStatus
from baton.domain.stream_runs import NOT_STARTED


class RunStatus(StrEnum):
    """Where a run is, or one of its steps."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


def has_begun(task: Task) -> bool:
    """Tell whether any step of the run was ever worked on."""
    return any(unit.started_at is not None for unit in task.pipeline)


def is_waiting_to_start(task: Task) -> bool:
    """Tell whether the run was made and nobody has said yet that it may begin."""
    return task.blocked is not None and task.blocked.reason == NOT_STARTED and not has_begun(task)


def status_of(task: Task) -> RunStatus:
    """Return where the run is. A run that waits between two attempts, or for a parked harness, is running."""
    if task.status is TaskStatus.COMPLETED:
        return RunStatus.COMPLETED
    if is_waiting_to_start(task):
        return RunStatus.PENDING
    if task.is_finished or task.blocked is not None:
        return RunStatus.FAILED
    return RunStatus.RUNNING if has_begun(task) else RunStatus.PENDING


def step_status_of(task: Task, unit: Unit) -> RunStatus:
    """Return where one step of the run is: of a failed run the step at which it stands has failed."""
    if unit.status in (UnitStatus.COMPLETED, UnitStatus.SKIPPED):
        return RunStatus.COMPLETED
    if unit.key != task.current.key or unit.started_at is None:
        return RunStatus.PENDING
    return RunStatus.FAILED if status_of(task) is RunStatus.FAILED else RunStatus.RUNNING


def error_of(task: Task) -> str | None:
    """Return why the run has failed; ``None`` of one that has not."""
    if status_of(task) is not RunStatus.FAILED:
        return None
    if task.blocked is None:
        return f"the run was {task.status}"
    failures = task.current.failures
    said = failures[-1].message.strip().splitlines() if failures else []
    return f"{task.blocked.reason}: {said[-1]}" if said and said[-1] not in task.blocked.reason else task.blocked.reason


def failed_at(task: Task) -> str | None:
    """Return the instant at which the run failed, which tells one failure from the next."""
    return task.blocked.at if task.blocked is not None else task.completed_at
