"""Assignments and what their jobs do, for arranging tests. Nothing here asserts or touches a file."""

from __future__ import annotations

from typing import Any

from tests.builders import NOW, after, policy, supervisor

from baton.domain import commands as c
from baton.domain import tasks
from baton.domain.assignment_line import new_job
from baton.domain.assignments import Act, ActKind, Alignment, Assignment, JobFacts, NewJob, Rules
from baton.domain.records import Task
from baton.domain.statuses import FailureKind, Outcome, ReportKind

PLAN = NewJob(type="plan")


def job(type: str = "implement", **fields: Any) -> NewJob:
    """A job that is to be inserted."""
    return NewJob(type=type, **fields)


def create_assignment(*jobs: NewJob, id: str = "fix-login", **fields: Any) -> c.CreateTask:
    """The command that makes an assignment; without jobs it begins with a plan."""
    rules = fields.pop("rules", Rules())
    line = jobs or (PLAN,)
    group = "g1" if len(line) > 1 else None
    ours = {name: fields.pop(name) for name in ("independent", "turn", "namespace", "artifacts") if name in fields}
    made = Assignment(**{"namespace": "shop", "north_star": "Login takes less than a second", "rules": rules} | ours)
    return c.CreateTask(
        id=id,
        units=tuple(new_job("", one, JobFacts(context=one.context, group=group, by="ann"), rules) for one in line),
        fields={"project": None, "campaign": None, "title": "Fix login", "assignment": made} | fields,
    )


def assignment(*jobs: NewJob, now: str = NOW, **fields: Any) -> Task:
    """An assignment that has just been made, and has its turn."""
    return tasks.decide(None, create_assignment(*jobs, **{"turn": True} | fields), now)[0]


def grant_job(task: Task, key: str | None = None, **fields: Any) -> c.GrantLease:
    """Grant a job: the first of the front that nobody holds, or the one with this key."""
    free = [
        unit.key for unit in task.front if task.lease_of(unit.key) is None and unit.status in ("pending", "in_progress")
    ]
    unit = task.unit(key or free[0])
    defaults = {
        "unit": unit.key,
        "agent": unit.agent,
        "run": f"r-{task.token + 1}",
        "holder": supervisor(),
        "deadline_seconds": 600.0,
        "backoff_max_seconds": 1800.0,
    }
    return c.GrantLease(**defaults | fields)


def insert(*jobs: NewJob, **fields: Any) -> Act:
    """Insert these jobs (an implement job without any)."""
    return Act(kind=ActKind.INSERT, jobs=jobs or (job(),), **fields)


COMPLETE = Act(kind=ActKind.COMPLETE, text="Login takes 0.6 s")
BLOCK = Act(kind=ActKind.BLOCK, text="Which of the two APIs?")


def align(alignment: Alignment, notes: str | None = None) -> Act:
    """Judge the alignment."""
    return Act(kind=ActKind.ALIGN, alignment=alignment, text=notes)


def found(*artifacts: str, decisions: tuple[str, ...] = ()) -> Act:
    """Record artifacts and decisions."""
    return Act(kind=ActKind.UPDATE, artifacts=artifacts, decisions=decisions)


def acts(task: Task, *many: Act, key: str | None = None, by: str = "pm") -> Task:
    """The assignment with these kept for the run that holds a job (the last one granted)."""
    token = (task.lease_of(key) if key else task.leases[-1]).token  # type: ignore[union-attr]
    return after(task, *(c.ActOnAssignment(by=by, act=act, token=token) for act in many))


def says(task: Task, summary: str = "done", key: str | None = None) -> c.ReportRun:
    """Report a job as completed (the last one granted)."""
    lease = task.lease_of(key) if key else task.leases[-1]
    assert lease is not None
    return c.ReportRun(token=lease.token, kind=ReportKind.COMPLETED, agent=lease.agent, summary=summary)


def end_job(task: Task, outcome: Outcome = Outcome.COMPLETED, key: str | None = None, **fields: Any) -> c.EndRun:
    """End the run of a job (the last one granted)."""
    lease = task.lease_of(key) if key else task.leases[-1]
    assert lease is not None
    defaults: dict[str, Any] = {"policy": policy(max_attempts=1), "jitter": 0.5}
    kinds = {Outcome.NOT_COMPLETED: FailureKind.NO_REPORT, Outcome.TIMED_OUT: FailureKind.TIMEOUT}
    return c.EndRun(
        **{"token": lease.token, "run": lease.run, "outcome": outcome, "kind": kinds.get(outcome)} | defaults | fields
    )


def done(task: Task, *many: Act, summary: str = "done", **fields: Any) -> Task:
    """The assignment after the next job was granted, did this, reported and ended."""
    task = acts(after(task, grant_job), *many)
    return after(task, lambda task: says(task, summary), lambda task: end_job(task, **fields))


def failed(task: Task, outcome: Outcome = Outcome.TIMED_OUT, **fields: Any) -> Task:
    """The assignment after the next job was granted and failed for good."""
    return after(task, grant_job, lambda task: end_job(task, outcome, **fields))


def line(task: Task) -> list[tuple[str, str]]:
    """The jobs of an assignment, each with its status."""
    return [(unit.agent or "", unit.status.value) for unit in task.pipeline]


def types(task: Task) -> str:
    """The types of an assignment's jobs, in order."""
    return " ".join(unit.agent or "" for unit in task.pipeline)
