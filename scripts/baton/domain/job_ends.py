"""How the run of an assignment's job ends: when it has done its job, and what a pm or guardian must have done."""

from __future__ import annotations

from msgspec import structs

from baton.domain import commands as c
from baton.domain.assignment_line import is_undecided, within_cost
from baton.domain.assignments import GUARDIAN, PM
from baton.domain.errors import IllegalTransition
from baton.domain.news import News
from baton.domain.records import Lease, Task
from baton.domain.statuses import FailureKind, Outcome
from baton.domain.task_line import put

UNDECIDED = {
    PM: "a pm has to decide what comes next, and this one has not",
    GUARDIAN: "a guardian has to say whether the assignment is aligned, and this one has not",
}


def judged(task: Task, lease: Lease, command: c.EndRun, outcome: Outcome) -> tuple[Outcome, c.EndRun]:
    """Return how the run of a job has ended, given how that of a step would have.

    A job's result is its last message: whoever comes to its end by itself has done it, though it reported nothing; but
    not one that was to decide something and has not.
    """
    if outcome is Outcome.NOT_COMPLETED and (command.kind is not FailureKind.NO_REPORT or command.missing):
        return outcome, command
    if outcome not in (Outcome.COMPLETED, Outcome.NOT_COMPLETED):
        return outcome, command
    if not has_left_undecided(task, lease):
        return Outcome.COMPLETED, command
    said = structs.replace(command, kind=FailureKind.NO_DECISION, message=UNDECIDED[lease.agent])
    return Outcome.NOT_COMPLETED, said


def has_left_undecided(task: Task, lease: Lease) -> bool:
    """Tell whether a pm or guardian has not done what it is for."""
    return is_undecided(task, task.unit(lease.unit), frozenset(act.kind.value for act in lease.acts))


def check_decided(task: Task, lease: Lease) -> None:
    """Refuse to complete a pm or guardian that has not done what it is for."""
    if has_left_undecided(task, lease):
        cure = "assignment.py align" if lease.agent == GUARDIAN else "assignment.py insert-job, complete or block"
        raise IllegalTransition(UNDECIDED[lease.agent], cure=f"do it first: {cure}")


def counted(task: Task, lease: Lease, command: c.EndRun, at: str) -> tuple[Task, list[News]]:
    """Count the tool calls of a job's run, and block an assignment that has cost enough."""
    unit = task.unit(lease.unit)
    if command.tool_calls is not None and unit.job is not None:
        calls = (unit.job.tool_calls or 0) + command.tool_calls
        task = put(task, structs.replace(unit, job=structs.replace(unit.job, tool_calls=calls)))
    return within_cost(task, at, lease.run)


def with_last_message(lease: Lease, command: c.EndRun) -> Lease:
    """Return the lease of a job's run with its last message in the place of a summary that it did not report."""
    if lease.report is None or lease.report.summary is not None:
        return lease
    return structs.replace(lease, report=structs.replace(lease.report, summary=command.summary))
