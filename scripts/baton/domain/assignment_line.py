"""How an assignment's line of jobs grows: what goes behind what by itself, where a job may be put, what stops a loop.

Behind every job (or group of jobs) that only did work comes a ``pm``; behind a failed job a ``retrospect`` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from baton.domain import units
from baton.domain.assignments import (
    GROUP_LIMIT,
    GUARDIAN,
    LOOKERS,
    PM,
    RETROSPECT,
    WRITERS,
    Assignment,
    JobFacts,
    NewJob,
    Rules,
)
from baton.domain.errors import IllegalTransition, InvalidInput
from baton.domain.news import News
from baton.domain.records import Task, Unit
from baton.domain.statuses import BlockKind, TaskStatus, UnitStatus
from baton.domain.task_line import addressed, block, put

ENDED = frozenset({UnitStatus.COMPLETED, UnitStatus.SKIPPED, UnitStatus.FAILED})
BATON = "baton"


def assignment_of(task: Task) -> Assignment:
    """Return what makes the task an assignment; refuse one that is none."""
    if task.assignment is None:
        raise IllegalTransition("it is a task, and no assignment", cure="task.py is for tasks")
    return task.assignment


def with_assignment(task: Task, **fields: Any) -> Task:
    """Return the task with these fields of its assignment changed."""
    return structs.replace(task, assignment=structs.replace(assignment_of(task), **fields))


def place_of(task: Task, key: str) -> int:
    """Return the place of this job in the line; ``InvalidInput`` when there is none of that key."""
    for place, unit in enumerate(task.pipeline):
        if unit.key == key:
            return place
    raise InvalidInput(f"the assignment has no job '{key}'", cure=f"assignment.py jobs {task.id} lists them")


def place_behind(task: Task, key: str) -> int:
    """Return the place behind this job, or behind the whole group that it belongs to."""
    place = place_of(task, key)
    group = _group_of(task.pipeline[place])
    while group is not None and place + 1 < len(task.pipeline) and _group_of(task.pipeline[place + 1]) == group:
        place += 1
    return place + 1


def open_place(task: Task, after: str | None) -> int:
    """Return the place for jobs behind ``after``, or at the end of the line; refuse one that the line has passed."""
    if after is None:
        return len(task.pipeline)
    place = place_behind(task, after)
    if place < place_behind(task, task.current.key):
        raise IllegalTransition(
            f"the line has passed job '{after}' already", cure=f"insert behind '{task.front[-1].key}', or a later one"
        )
    return place


def waiting_behind(task: Task, key: str) -> tuple[Unit, ...]:
    """Return the jobs behind this one that have not had their turn."""
    behind = task.pipeline[place_behind(task, key) :]
    return tuple(unit for unit in behind if unit.status is UnitStatus.PENDING)


def check_together(jobs: Sequence[NewJob]) -> None:
    """Refuse jobs that cannot run at the same time: in one folder, those that change files write over each other."""
    if not 0 < len(jobs) <= GROUP_LIMIT:
        raise InvalidInput(f"{len(jobs)} jobs at once; a group has 2 to {GROUP_LIMIT}")
    if len(jobs) > 1 and any(job.type in LOOKERS for job in jobs):
        raise InvalidInput("a pm or a guardian cannot be in a group", cure="insert it by itself")
    writers = [job.type for job in jobs if job.type in WRITERS]
    if len(writers) > 1:
        raise InvalidInput(
            f"{' and '.join(writers)} cannot be in one group: they would write over each other",
            cure="insert one behind the other, or make an assignment of each, with a worktree of its own",
        )


def inserted(
    task: Task, place: int, jobs: Sequence[NewJob], by: str, key: str | None = None
) -> tuple[Task, tuple[str, ...], News]:
    """Put jobs into the line; several are a group. Return the task, the keys that they got, and the news of it."""
    keys = tuple(job.unit or f"j{task.next_key + number}" for number, job in enumerate(jobs))
    next_key = task.next_key + sum(not job.unit for job in jobs)
    group = f"g{keys[0][1:]}" if len(jobs) > 1 else None
    rules = assignment_of(task).rules
    made = [
        new_job(unit, job, JobFacts(context=job.context, group=group, by=by, key=key), rules)
        for unit, job in zip(keys, jobs, strict=True)
    ]
    line = (*task.pipeline[:place], *made, *task.pipeline[place:])
    task = structs.replace(
        task,
        next_key=next_key,
        pipeline=tuple(structs.replace(unit, step=step) for step, unit in enumerate(line)),
    )
    told = [{"unit": unit.key, "type": unit.agent, "group": _group_of(unit)} for unit in made]
    data = {"by": by, "after": line[place - 1].key if place else None, "jobs": told}
    return task, keys, News("jobs_inserted", None, data)


def go_on(task: Task, at: str) -> Task:
    """Move the line past what has ended, and let the next job begin, or all members of the next group."""
    place = task.pipeline_step
    while place + 1 < len(task.pipeline) and task.pipeline[place].status in ENDED:
        place += 1
    task = structs.replace(task, pipeline_step=place)
    for unit in task.front:
        if unit.status is UnitStatus.PENDING and unit.ready_at is None:
            task = put(task, units.change(unit, units.Enter(at=at)))
    return task


def follow_work(task: Task, unit: Unit, at: str) -> tuple[Task, list[News]]:
    """Go on behind a job that did work, or failed at it: with its retrospect or a pm, once its whole group has ended."""
    if any(member.status not in ENDED for member in _members(task, unit)):
        return go_on(task, at), []
    needs_retrospect = unit.status is UnitStatus.FAILED and unit.agent != RETROSPECT and _group_of(unit) is None
    return follow_with(task, unit, RETROSPECT if needs_retrospect else PM, at)


def follow_with(task: Task, unit: Unit, type: str, at: str) -> tuple[Task, list[News]]:
    """Put a job of this type directly behind a unit (or its group), unless one waits there, and go on."""
    place = place_behind(task, unit.key)
    if place < len(task.pipeline) and task.pipeline[place].agent == type:
        return go_on(task, at), []
    task, _, news = inserted(task, place, (NewJob(type=type),), BATON)
    return go_on(task, at), [news]


def finished(task: Task, at: str, *, by: str, summary: str | None, run: str | None = None) -> tuple[Task, list[News]]:
    """Complete the assignment; jobs that still wait are skipped."""
    for unit in task.pipeline:
        if unit.status not in ENDED:
            task = put(task, units.change(unit, units.Skip(at=at)))
    task = structs.replace(
        with_assignment(task, completion=summary),
        status=TaskStatus.COMPLETED,
        blocked=None,
        asked=None,
        completed_at=at,
    )
    data: dict[str, Any] = {"title": task.title, "by": by} | addressed(task)
    return task, [News("task_completed", run, data | ({"summary": summary} if summary else {}))]


def bounded(task: Task, at: str, run: str | None) -> tuple[Task, list[News]]:
    """Block an assignment whose jobs have become too many, or too much alike."""
    rules = assignment_of(task).rules
    cure = "look at it, and unblock it to go on all the same"
    work = [unit for unit in task.pipeline if unit.agent not in LOOKERS]
    if len(work) > rules.jobs:
        reason = f"it has {len(work)} jobs, more than max_jobs ({rules.jobs}); {cure}"
        return block(task, BlockKind.POLICY, reason, None, at, run=run)
    type, count = alike_in_a_row(task)
    if count > rules.alike:
        reason = f"{count} {type} jobs in a row without a new artifact, more than max_alike ({rules.alike}); {cure}"
        return block(task, BlockKind.POLICY, reason, None, at, run=run)
    return task, []


def within_cost(task: Task, at: str, run: str | None) -> tuple[Task, list[News]]:
    """Block an assignment whose runs have cost as much as they may, as far as it is known."""
    limit = assignment_of(task).rules.cost_usd
    spent = cost_of(task)
    if limit is None or spent < limit or task.is_finished:
        return task, []
    reason = f"its runs have cost {spent:.2f} USD, and max_cost is {limit:.2f}; look at it, and unblock it to go on"
    return block(task, BlockKind.BUDGET, reason, None, at, run=run)


def cost_of(task: Task) -> float:
    """Return what is known of an assignment's cost in USD: reported, and estimated where nothing was reported."""
    return (task.usage.cost_usd or 0.0) + (task.usage.list_price_usd or 0.0)


def alike_in_a_row(task: Task) -> tuple[str, int]:
    """Return the type of the line's last work, and how often it stands there in a row since an artifact was new.

    A group counts once; what only looks at the others, and retrospects, do not break a row.
    """
    last = assignment_of(task).artifacts_at
    line = task.pipeline if last is None else task.pipeline[place_behind(task, last) :]
    rounds: dict[str, str] = {}
    for unit in line:
        if unit.agent is not None and unit.agent not in (*LOOKERS, RETROSPECT):
            rounds.setdefault(_group_of(unit) or unit.key, unit.agent)
    types = list(rounds.values())
    count = 0
    while count < len(types) and types[-1 - count] == types[-1]:
        count += 1
    return (types[-1] if types else ""), count


def is_undecided(task: Task, unit: Unit, kinds: frozenset[str]) -> bool:
    """Tell whether a pm or guardian has not done what it is for, given the kinds of what its run did.

    A pm that leaves jobs waiting behind it has decided that they come next.
    """
    if unit.job is None or unit.agent not in LOOKERS:
        return False
    if unit.agent == GUARDIAN:
        return "align" not in kinds
    return not kinds & {"insert", "complete", "block"} and not waiting_behind(task, unit.key)


def _members(task: Task, unit: Unit) -> tuple[Unit, ...]:
    group = _group_of(unit)
    same = (one for one in task.pipeline if _group_of(one) == group) if group is not None else ()
    return tuple(same) or (task.unit(unit.key),)


def _group_of(unit: Unit) -> str | None:
    return unit.job.group if unit.job is not None else None


def new_job(key: str, job: NewJob, facts: JobFacts, rules: Rules) -> Unit:
    """Return a unit that does a job: harness, model and time limit are its own, else the rules' for its type."""
    return Unit(
        step=None,
        key=key,
        agent=job.type,
        label=job.type,
        description=f"{job.type} job",
        harness=job.harness or rules.harnesses.get(job.type),
        model=job.model or rules.models.get(job.type),
        timeout=rules.timeouts.get(job.type, rules.timeout),
        job=facts,
    )
