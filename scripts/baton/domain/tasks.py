"""The task's state machine: ``decide(record, command, now)`` over one table. What is absent from it is illegal.

A handler gets the record, the command and the stamp of this commit; it returns the new record and what happened.
``decide`` itself numbers, dates and keeps the events. Nothing else in Baton changes a task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from baton.domain import commands as c
from baton.domain import task_branches as branches
from baton.domain import task_edits as edits
from baton.domain import task_leases as leases
from baton.domain import task_reports as reports
from baton.domain import task_revisions as revisions
from baton.domain import task_runs as runs
from baton.domain.errors import AlreadyExists, IllegalTransition, TaskNotFound
from baton.domain.news import Change, stamped
from baton.domain.readers_row import with_readers_row
from baton.domain.records import Event, Task
from baton.domain.statuses import TaskStatus

Handler = Callable[[Task, Any, str], Change]


def _act(task: Task, command: c.ActOnAssignment, now: str) -> Change:
    from baton.domain.assignment_acts import act  # start-up: most tasks are no assignments

    return act(task, command, now)


def _take_turn(task: Task, command: c.TakeTurn, now: str) -> Change:
    from baton.domain.assignment_acts import take_turn  # start-up: the same

    return take_turn(task, command, now)


# A person may always say something about a live task, and what runs must always be able to end.
_ALWAYS: dict[type, Handler] = {
    c.EndRun: runs.end_run,
    c.ReportRun: reports.report_run,
    c.ReleaseByHand: leases.release_by_hand,
    c.ExpireLease: leases.expire,
    c.RevokeLease: edits.revoke,
    c.ReviseByPerson: edits.revise_by_person,
    c.CancelTask: edits.cancel,
    c.RetryTask: edits.retry,
    c.DeleteTask: edits.delete,
    c.UpdateTask: edits.update,
    c.Comment: edits.comment,
    c.PublishTask: edits.publish,
    c.MeetDependency: edits.meet_dependency,
    c.FailDependency: edits.fail_dependency,
    c.CompleteBranch: branches.complete_by_hand,
    c.RetriggerBranches: branches.retrigger,
    c.ClearBranches: branches.clear,
    c.ActOnAssignment: _act,
}

_LIVE: dict[type, Handler] = _ALWAYS | {
    c.GrantLease: leases.grant,
    c.AcquireByHand: leases.acquire_by_hand,
    c.CompleteByHand: runs.complete_by_hand,
    c.ReviseByHand: runs.revise_by_hand,
    c.BlockTask: edits.block,
    c.EndBackoff: edits.end_backoff,
    c.TakeTurn: _take_turn,
}

TASK_TABLE: dict[TaskStatus, dict[type, Handler]] = {
    TaskStatus.BACKLOG: _LIVE,
    TaskStatus.IN_PROGRESS: _LIVE,
    TaskStatus.RESEARCHED: _LIVE,
    TaskStatus.BRIEFED: _LIVE,
    TaskStatus.DRAFTED: _LIVE,
    TaskStatus.REVIEWED: _LIVE,
    TaskStatus.HUMANIZED: _LIVE,
    TaskStatus.REVISION_NEEDED: _LIVE,
    TaskStatus.BLOCKED: _ALWAYS | {c.UnblockTask: edits.unblock, c.ApproveTask: revisions.approve},
    # What is complete stays so, but for a person who looks at it again.
    TaskStatus.COMPLETED: {
        c.FixTask: revisions.fix,
        c.RethinkTask: revisions.rethink,
        c.ApproveTask: revisions.approve,
        c.DeleteTask: edits.delete_run,
        c.PublishTask: edits.publish,
    },
    TaskStatus.CANCELLED: {c.DeleteTask: edits.delete_run},
    TaskStatus.DELETED: {},
}


def decide(task: Task | None, command: Any, now: str) -> tuple[Task, list[Event]]:
    """Apply one command: the new record and its events, or an exception and nothing.

    ``now`` is the real time; stamps written are never earlier than the record's last one, so that a clock that jumped
    back leaves the record in order. A command that changes nothing returns the same record and no events.
    """
    if task is None:
        if not isinstance(command, c.CreateTask):
            raise TaskNotFound()
        made = edits.create(command, now)
        return stamped("task", None, structs.replace(made, record=with_readers_row(made.record)), now)
    if isinstance(command, c.CreateTask):
        raise AlreadyExists(f"there is a task {task.id!r} already ({task.status})", cure="choose another id")
    handler = TASK_TABLE[task.status].get(type(command))
    if handler is None:
        raise IllegalTransition(refusal(task, command))
    if task.assignment is not None and type(command) in NOT_FOR_ASSIGNMENTS:
        raise IllegalTransition(
            f"an assignment cannot be {VERBS[type(command)]}",
            cure="insert a job that does it: assignment.py insert-job",
        )
    change = handler(task, command, now)
    if change.record is task:
        return task, []
    settled = structs.replace(change, record=with_readers_row(_without_turn(change.record)))
    return stamped("task", task, settled, now)


def _without_turn(task: Task) -> Task:
    """Return the task without its turn when it has no use for it: blocked or finished, and nothing of it runs."""
    assignment = task.assignment
    if assignment is None or not assignment.turn or task.leases:
        return task
    if not task.is_finished and task.blocked is None:
        return task
    return structs.replace(task, assignment=structs.replace(assignment, turn=False))


def refusal(task: Task, command: Any) -> str:
    """Say why the command is not possible in the task's present state."""
    verb = VERBS.get(type(command), type(command).__name__)
    why = f": {task.blocked.reason}" if task.blocked is not None else ""
    return f"the task is {task.status}{why}; it cannot be {verb}"


VERBS: dict[type, str] = {
    c.GrantLease: "started",
    c.AcquireByHand: "acquired",
    c.ReleaseByHand: "released",
    c.ExpireLease: "released",
    c.CompleteByHand: "completed",
    c.ReportRun: "reported on",
    c.EndRun: "ended",
    c.ReviseByHand: "sent back",
    c.ReviseByPerson: "sent back",
    c.FixTask: "fixed",
    c.RethinkTask: "rethought",
    c.ApproveTask: "approved",
    c.RevokeLease: "stopped",
    c.CancelTask: "cancelled",
    c.BlockTask: "blocked",
    c.UnblockTask: "unblocked",
    c.RetryTask: "retried",
    c.DeleteTask: "deleted",
    c.UpdateTask: "changed",
    c.Comment: "commented on",
    c.PublishTask: "published",
    c.MeetDependency: "told of a dependency",
    c.FailDependency: "told of a dependency",
    c.EndBackoff: "hastened",
    c.CompleteBranch: "completed",
    c.RetriggerBranches: "started again",
    c.ClearBranches: "cleared",
    c.ActOnAssignment: "acted on",
    c.TakeTurn: "given its turn",
}

# Its line only grows: what is to be done again is another job.
NOT_FOR_ASSIGNMENTS = frozenset({c.ReviseByHand, c.ReviseByPerson, c.FixTask, c.RethinkTask})
