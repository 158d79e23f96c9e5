"""Records, units, holders and commands with defaults, for arranging tests. Nothing here asserts or touches a file."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from baton.domain import campaigns, project_table, tasks
from baton.domain import commands as c
from baton.domain.campaign_commands import CreateCampaign
from baton.domain.campaigns import Campaign
from baton.domain.pipelines import Step, Template
from baton.domain.project_commands import AddFocusGroup, AddProduct, CreateProject
from baton.domain.projects import Project
from baton.domain.records import Event, Holder, Lease, Task, Unit
from baton.domain.retry import RetryPolicy
from baton.domain.statuses import FailureKind, LeaseKind, Outcome, ReportKind
from baton.domain.times import later

NOW = "2026-11-21T08:30:00.000Z"
LINE = (("keyword-researcher", "research"), ("content-writer", "drafts"), ("content-reviewer", "reviewed"))


def at(seconds: float) -> str:
    """The instant this many seconds after ``NOW``."""
    return later(NOW, seconds)


def supervisor(**fields: Any) -> Holder:
    """The holder of a run's lease."""
    return Holder(**{"machine": "m1", "boot": "b1", "slot": 0, "instance": "i1"} | fields)


def hand(boot_seconds: float = 1000.0, **fields: Any) -> Holder:
    """The holder of a hand lease, this long after boot."""
    return Holder(**{"machine": "m1", "boot": "b1", "boot_seconds": boot_seconds} | fields)


def policy(**fields: Any) -> RetryPolicy:
    """The limits that the settings have by default."""
    defaults = {
        "max_attempts": 3,
        "max_interruptions": 10,
        "backoff_seconds": 30.0,
        "backoff_max_seconds": 1800.0,
        "outage_max_seconds": 21600.0,
    }
    return RetryPolicy(**defaults | fields)


def unit(agent: str | None = "content-writer", output_dir: str | None = None, **fields: Any) -> Unit:
    """A unit as it comes from a template: number and key are given when the task is made."""
    return Unit(**{"step": None, "key": "", "agent": agent, "output_dir": output_dir} | fields)


def create_task(*units: Unit, id: str = "spring-001", **fields: Any) -> c.CreateTask:
    """The command that makes a task; without units: research, write, review."""
    line = units or tuple(unit(agent, folder) for agent, folder in LINE)
    defaults = {"title": "Rye bread", "project": "acme", "campaign": "spring"}
    branches = fields.pop("branches", {})
    join = fields.pop("convergence_step", None)
    return c.CreateTask(id=id, units=line, fields=defaults | fields, branches=branches, convergence_step=join)


def task(*units: Unit, now: str = NOW, **fields: Any) -> Task:
    """A task that has just been made."""
    return tasks.decide(None, create_task(*units, **fields), now)[0]


def template(*steps: Step, **fields: Any) -> Template:
    """A pipeline; without steps: research, write, review."""
    line = steps or tuple(Step(agent=agent, output_dir=folder) for agent, folder in LINE)
    return Template(**{"slug": "content-draft", "name": "Content draft", "main_steps": line} | fields)


def campaign(*, id: str = "spring", now: str = NOW, **fields: Any) -> Campaign:
    """A campaign that has just been made; it plans three tasks."""
    defaults = {"project": "acme", "name": "Spring launch", "pipeline": "content-draft", "target_article_count": 3}
    command = CreateCampaign(id=id, fields=defaults | {"snapshot": template()} | fields)
    return campaigns.decide(None, command, now)[0]


def project(*commands: Any, id: str = "acme", now: str = NOW) -> Project:
    """A project of one product with one focus group, after these commands."""
    made = project_table.decide(None, CreateProject(by="ann", id=id, fields={"name": "Acme"}), now)[0]
    return after(made, *STOCKED, *commands, now=now)  # type: ignore[no-any-return]


STOCKED = (
    AddProduct(by="ann", slug="loaf", fields={"name": "Sourdough loaf"}),
    AddFocusGroup(by="ann", product="loaf", fields={"name": "Home bakers", "fears": ("flat loaves",)}),
)


def after(record: Any, *commands: Any, now: str = NOW) -> Any:
    """The task, campaign or project after these commands, each a value or a function of the record so far."""
    decide: Any = {Task: tasks.decide, Campaign: campaigns.decide, Project: project_table.decide}[type(record)]
    for command in commands:
        record = decide(record, command(record) if callable(command) else command, now)[0]
    return record


def steps_with(task: Task, number: int, **fields: Any) -> tuple[Unit, ...]:
    """The task's steps, with one of them changed."""
    return tuple(structs.replace(step, **fields) if step.step == number else step for step in task.pipeline)


def following(
    before: Any, *happened: tuple[str, str | None, dict[str, Any]], now: str = NOW, **fields: Any
) -> tuple[Any, list[Event]]:
    """What ``decide`` answers when exactly this happened (type, run, data) and exactly these fields changed."""
    kind = "task" if isinstance(before, Task) else "campaign"
    version = before.version + 1
    events = [
        Event(
            id=f"{kind}/{before.id}:{version}:{number}",
            at=now,
            type=type,
            task=before.id if kind == "task" else None,
            campaign=before.campaign if kind == "task" else before.id,
            run=run,
            version=version,
            data=data,
        )
        for number, (type, run, data) in enumerate(happened)
    ]
    kept = {"version": version, "updated_at": now, "history": (*before.history, *events)}
    return structs.replace(before, **kept | fields), events


def run_lease(token: int = 1, unit: str = "s1", agent: str = "keyword-researcher", **fields: Any) -> Lease:
    """The lease of a run, as :func:`grant` makes it."""
    defaults = {"run": f"r-{token}", "holder": supervisor(), "granted_at": NOW, "deadline_seconds": 3600.0}
    return Lease(**{"token": token, "unit": unit, "agent": agent, "kind": LeaseKind.RUN} | defaults | fields)


def hand_lease(token: int = 1, unit: str = "s1", agent: str = "content-writer", **fields: Any) -> Lease:
    """A hand lease, as :func:`acquire` makes it."""
    defaults = {"run": None, "holder": hand(), "granted_at": NOW}
    return Lease(**{"token": token, "unit": unit, "agent": agent, "kind": LeaseKind.HAND} | defaults | fields)


def grant(task: Task, **fields: Any) -> c.GrantLease:
    """Grant the current unit to a supervisor."""
    defaults = {
        "unit": task.current.key,
        "agent": task.current.agent,
        "run": f"r-{task.token + 1}",
        "holder": supervisor(),
        "deadline_seconds": 3600.0,
        "backoff_max_seconds": 1800.0,
    }
    return c.GrantLease(**defaults | fields)


def report(task: Task, kind: ReportKind = ReportKind.COMPLETED, **fields: Any) -> c.ReportRun:
    """Report as the run that holds the main line (or held it last)."""
    agent = task.lease.agent if task.lease else task.current.agent
    return c.ReportRun(
        **{"token": task.lease.token if task.lease else task.token, "kind": kind, "agent": agent} | fields
    )


def end_run(task: Task, outcome: Outcome = Outcome.FAILED, **fields: Any) -> c.EndRun:
    """End the run that holds the main line (or held it last)."""
    token = task.lease.token if task.lease else task.token
    run = task.lease.run if task.lease and task.lease.run else f"r-{token}"
    defaults = {
        "token": token,
        "run": run,
        "outcome": outcome,
        "kind": FailureKind.EXIT_CODE if outcome is Outcome.FAILED else None,
        "policy": policy(),
        "jitter": 0.5,
    }
    return c.EndRun(**defaults | fields)


def acquire(agent: str = "content-writer", **fields: Any) -> c.AcquireByHand:
    """Take the current step by hand."""
    return c.AcquireByHand(**{"agent": agent, "holder": hand(), "steal_after_seconds": 600.0} | fields)


def complete(agent: str = "content-writer", **fields: Any) -> c.CompleteByHand:
    """Complete the current step under a hand lease."""
    return c.CompleteByHand(agent=agent, **fields)


def expire(task: Task, **fields: Any) -> c.ExpireLease:
    """Take the hand lease away, as a sweep that sees it half an hour later."""
    token = task.lease.token if task.lease else task.token
    return c.ExpireLease(**{"token": token, "seen_from": hand(2800.0), "stale_after_seconds": 1800.0} | fields)


def revise(agent: str = "content-writer", to_step: int = 0, **fields: Any) -> c.ReviseByHand:
    """Send the task back under a hand lease."""
    return c.ReviseByHand(**{"agent": agent, "to_step": to_step, "notes": "too dry", "max_revisions": 3} | fields)


def send_back(to_step: int = 0, **fields: Any) -> c.ReviseByPerson:
    """Send the task back as a person."""
    return c.ReviseByPerson(**{"by": "ann", "to_step": to_step, "notes": "too dry"} | fields)


def revoke(**fields: Any) -> c.RevokeLease:
    """Stop what runs, as a person."""
    return c.RevokeLease(**{"by": "ann", "reason": "looks stuck"} | fields)


def cancel(**fields: Any) -> c.CancelTask:
    """Cancel the task, as a person."""
    return c.CancelTask(**{"by": "ann", "reason": "not needed"} | fields)


def block(**fields: Any) -> c.BlockTask:
    """Block the task, as a person."""
    return c.BlockTask(**{"by": "ann", "reason": "waits for a photo"} | fields)
