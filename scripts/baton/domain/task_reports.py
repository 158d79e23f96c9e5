"""What a run says as its last act: kept under its lease, so that it takes effect when the run has ended."""

from __future__ import annotations

from msgspec import structs

from baton.domain import commands as c
from baton.domain.errors import IllegalTransition, InvalidInput, LeaseMismatch
from baton.domain.news import Change, News, stamp_for
from baton.domain.records import Report, Task
from baton.domain.statuses import ReportKind
from baton.domain.task_leases import run_lease
from baton.domain.task_line import check_target


def report_run(task: Task, command: c.ReportRun, now: str) -> Change:
    """Record what a run says. The first report stands; the same one again is answered again and changes nothing."""
    lease = task.lease_with(command.token) or run_lease(task, command.token)
    if lease.agent != command.agent:
        raise LeaseMismatch(f"this run is {lease.agent}'s, not {command.agent}'s", locked_by=lease.agent)
    if command.kind is ReportKind.SENT_BACK:
        if command.to_step is None:
            raise InvalidInput("a revision must say to which step")
        if task.assignment is not None:
            raise IllegalTransition("a job cannot send back", cure="complete it; say in its summary what is to be done")
        if task.unit(lease.unit).step is None:
            raise IllegalTransition(
                "a branch cannot send the task back", cure="complete it, or give it back with release_lock.py"
            )
        check_target(task, command.to_step)
    report = Report(
        kind=command.kind,
        at=stamp_for(task, now),
        agent=command.agent,
        outputs=command.outputs,
        summary=command.summary,
        quality_score=command.quality_score,
        readability_score=command.readability_score,
        data=command.data,
        to_step=command.to_step,
        notes=command.notes,
    )
    if lease.report is not None:
        if structs.replace(report, at=lease.report.at) == lease.report:
            return Change(task)
        raise IllegalTransition(f"this run has already reported {lease.report.kind}; the first report stands")
    run_lease(task, command.token)  # a revoked lease cannot report
    if command.kind is ReportKind.COMPLETED and task.assignment is not None:
        from baton.domain.job_ends import check_decided  # start-up: most tasks are no assignments

        check_decided(task, lease)
    reported = structs.replace(lease, report=report)
    kept = tuple(reported if other.token == lease.token else other for other in task.leases)
    data = {"unit": lease.unit, "agent": lease.agent, "kind": command.kind}
    return Change(structs.replace(task, leases=kept), (News("run_reported", lease.run, data),))
