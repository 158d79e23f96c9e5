"""Making an assignment, and what is said to one: each is one command on its record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from baton.domain import commands as c
from baton.domain.assignment_acts import check_act, is_same
from baton.domain.assignment_line import new_job
from baton.domain.assignments import FIRST_JOB, Act, ActKind, Assignment, JobFacts, NewJob, Rules
from baton.domain.errors import InvalidInput, TaskNotFound
from baton.domain.records import Task
from baton.engine.creation import create_task, free_id
from baton.engine.door import Door

if TYPE_CHECKING:
    from baton.ports import Store

TITLE_LIMIT = 80
NAMED = 20


class Wanted(Struct, frozen=True, kw_only=True):
    """An assignment that is wanted. Without ``jobs`` it begins with a plan; several are a group."""

    north_star: str
    by: str
    rules: Rules
    namespace: str
    title: str | None = None
    id: str | None = None
    repo: str | None = None
    independent: bool = False
    priority: str | int = "medium"
    jobs: tuple[NewJob, ...] = ()


def create_assignment(door: Door, wanted: Wanted, **more: Any) -> Task:
    """Make an assignment; ``more`` are further fields of it."""
    title = wanted.title or title_of(wanted.north_star)
    jobs = wanted.jobs or (NewJob(type=FIRST_JOB),)
    check_act(Act(kind=ActKind.INSERT, jobs=jobs))
    group = "g1" if len(jobs) > 1 else None
    assignment = Assignment(
        namespace=wanted.namespace,
        north_star=wanted.north_star,
        independent=wanted.independent,
        rules=wanted.rules,
        **more,
    )
    command = c.CreateTask(
        id=wanted.id or free_id(door.store, title, "assignment"),
        units=tuple(
            new_job("", job, JobFacts(context=job.context, group=group, by=wanted.by), wanted.rules) for job in jobs
        ),
        fields={
            "project": None,
            "campaign": None,
            "title": title,
            "priority": wanted.priority,
            "repo": wanted.repo,
            "created_by": wanted.by,
            "assignment": assignment,
        },
    )
    return create_task(door, command, wanted.by)


def act_on(
    door: Door, assignment: str, act: Act, by: str, *, token: int | None, rules: Rules | None, steps: Sequence[Any] = ()
) -> Task:
    """Do something to an assignment: by a run it is kept with its lease, by a person it happens at once."""
    kept_rules = rules if token is None else None
    return door.task(assignment, c.ActOnAssignment(by=by, act=act, token=token, rules=kept_rules), *steps)


def inserted_by(task: Task, act: Act, token: int | None) -> list[str]:
    """Return the keys of the jobs that an insertion made, or had made before."""
    if token is not None:
        lease = task.lease_with(token)
        kept = [one for one in lease.acts if is_same(one, act)] if lease is not None else []
        if kept:
            return [job.unit for job in kept[-1].jobs]
    if act.key is not None and (known := [u.key for u in task.pipeline if u.job is not None and u.job.key == act.key]):
        return known
    news = [event for event in task.history if event.version == task.version and event.type == "jobs_inserted"]
    return [job["unit"] for event in news for job in event.data["jobs"]]


def find_assignment(store: Store, word: str) -> Task:
    """Return the assignment with this id, or the only one whose id begins so; an ambiguous word names the candidates."""
    found = store.tasks.read(word)
    if found is not None and found.status != "deleted":
        if found.assignment is None:
            raise InvalidInput(f"'{word}' is a task, and no assignment", cure="task.py is for tasks")
        return found
    ids = sorted({*_beginning(store.tasks.ids(), word), *_beginning(store.tasks.ids(archived=True), word)})
    records = [record for id in ids if (record := store.tasks.read(id)) is not None and record.status != "deleted"]
    assignments = [record for record in records if record.assignment is not None]
    if len(assignments) == 1:
        return assignments[0]
    if not assignments:
        raise TaskNotFound(f"there is no assignment '{word}'", cure="assignment.py list --all shows them")
    names = [record.id for record in assignments]
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if names[NAMED:] else "")
    raise InvalidInput(
        f"'{word}' is the beginning of {len(names)} assignments: {shown}", cure="write more of it", candidates=names
    )


def title_of(north_star: str) -> str:
    """Return the first line of a north star, as a title."""
    line = next((line.strip("# \t") for line in north_star.splitlines() if line.strip("# \t")), "")
    return line if len(line) <= TITLE_LIMIT else line[: TITLE_LIMIT - 3].rstrip() + "..."


def namespace_for(repo: str | None) -> str:
    """Return the namespace of an assignment that names none: its repository's name, else ``default``."""
    name = re.sub(r"[^a-z0-9._-]+", "-", repo.rstrip("/").rsplit("/", 1)[-1].lower()).strip("-._") if repo else ""
    return name[:60] or "default"


def _beginning(ids: Iterable[str], word: str) -> list[str]:
    return [id for id in ids if id.startswith(word)]
