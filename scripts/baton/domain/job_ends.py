"""How the run of an assignment's job ends: when it has done its job, and what a pm or guardian must have done."""

from __future__ import annotations

from msgspec import structs

from baton.domain import commands as c
from baton.domain.assignment_line import is_undecided, within_cost
from baton.domain.assignments import GUARDIAN, PM
from baton.domain.errors import IllegalTransition
from baton.domain.news import News
from baton.domain.records import Lease, Task, Unit
from baton.domain.statuses import FailureKind, Outcome, ReportKind
from baton.domain.task_line import put

UNDECIDED = {
    PM: "a pm has to decide what comes next, and this one has not",
    GUARDIAN: "a guardian has to say whether the assignment is aligned, and this one has not",
}


def ended_well(lease: Lease, command: c.EndRun) -> bool:
    """Tell whether a run has come to its end by itself: it said so, or an agent program came to its result."""
    if lease.report is not None:
        return lease.report.kind is ReportKind.COMPLETED
    is_silent = command.outcome is Outcome.NOT_COMPLETED and command.kind is FailureKind.NO_REPORT
    return is_silent or command.outcome is Outcome.COMPLETED


def has_left_undecided(task: Task, lease: Lease) -> bool:
    """Tell whether the run of a pm or guardian has not done what it is for."""
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


def with_last_message(unit: Unit, lease: Lease, command: c.EndRun) -> Lease:
    """Return the lease of a job's run with its last message in the place of a summary that it did not report."""
    if unit.job is None or lease.report is None or lease.report.summary is not None:
        return lease
    return structs.replace(lease, report=structs.replace(lease.report, summary=command.summary))
