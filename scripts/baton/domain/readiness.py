"""Which units may be dispatched, under which names they wait, and why one may not: pure functions of the record."""

from __future__ import annotations

import math
from enum import StrEnum

from msgspec import Struct

from baton.domain.priorities import rank_of
from baton.domain.readers_row import pending_branches
from baton.domain.records import Task, Unit
from baton.domain.retry import longest_wait
from baton.domain.statuses import LeaseKind, UnitStatus
from baton.domain.times import epoch, later


class Why(StrEnum):
    """The closed list of reasons for which something does not run. The first group stands in the record, the second in
    the world around it, the third is what a dispatch as a whole says.
    """

    FINISHED = "finished"
    BLOCKED = "blocked"
    ENDING = "ending"
    HELD = "held"
    DEPENDENCY = "dependency"
    BRANCHES = "branches"
    NOT_BEFORE = "not_before"
    BACKOFF = "backoff"
    NOT_ITS_TURN = "not_its_turn"
    TURN = "turn"

    LOST = "lost"
    CAMPAIGN = "campaign"
    PARKED = "parked"
    STOPPED = "stopped"
    NO_SLOT = "no_slot"
    READY = "ready"

    INSIDE_RUN = "inside_run"
    NOTHING_READY = "nothing_ready"


class Reason(Struct, frozen=True, kw_only=True):
    """Why something does not run: a word for programs, a sentence for people, an instant where there is one.

    ``place`` in the line for a slot, and ``cure``, one command that would change it, are known only to whoever has
    looked at the world around the record.
    """

    why: Why
    text: str
    until: str | None = None
    place: int | None = None
    cure: str | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One name of the ready index: ``<group>/<bucket>/<name>``, in three parts."""

    group: str
    bucket: str
    name: str

    @property
    def path(self) -> str:
        """The three parts as a relative path."""
        return f"{self.group}/{self.bucket}/{self.name}"


OPEN = frozenset({UnitStatus.PENDING, UnitStatus.IN_PROGRESS})


def open_units(task: Task) -> list[Unit]:
    """Return the units whose turn it is: the current one of the main line (of a group of jobs all members), and the
    branches that were triggered.
    """
    if task.is_finished or not task.pipeline:
        return []
    units = task.front
    if task.branches:  # most tasks have none, and a sweep asks this of every task
        units += tuple(unit for unit in task.branches.values() if unit.ready_at is not None)
    return [unit for unit in units if unit.status in OPEN and unit.agent is not None]


def standing_reason(task: Task, unit: Unit) -> Reason | None:
    """Return what keeps the unit from being dispatched whatever time it is; ``None`` when nothing does."""
    if task.is_finished:
        return Reason(why=Why.FINISHED, text=f"the task is {task.status}")
    if task.blocked is not None:
        return Reason(why=Why.BLOCKED, text=f"the task is blocked ({task.blocked.kind}): {task.blocked.reason}")
    if task.asked is not None:
        return Reason(why=Why.ENDING, text=f"{task.asked.wish} was asked for; its run is being ended")
    lease = task.lease_of(unit.key) or (task.lease if unit.step is not None and unit.job is None else None)
    if lease is not None:
        held = f"run {lease.run} of {lease.agent}" if lease.kind is LeaseKind.RUN else f"{lease.agent} by hand"
        return Reason(why=Why.HELD, text=f"held by {held} since {lease.granted_at}")
    if task.unmet:
        return Reason(why=Why.DEPENDENCY, text=f"waits for {', '.join(task.unmet)}")
    if unit.key == task.current.key and (missing := held_up_by(task)):
        return Reason(
            why=Why.BRANCHES, text=f"waits for {'branches' if missing[1:] else 'branch'} {', '.join(missing)}"
        )
    if all(unit.key != other.key for other in open_units(task)):
        return Reason(why=Why.NOT_ITS_TURN, text=f"{named(task, unit)} is {unit.status}; it is not its turn")
    if needs_turn(task):
        return Reason(why=Why.TURN, text=f"waits for its turn in namespace {namespace_of(task)}")
    return None


def needs_turn(task: Task) -> bool:
    """Tell whether the task is an assignment that has to wait for its namespace: one is active at a time."""
    assignment = task.assignment
    return assignment is not None and not (assignment.independent or assignment.turn)


def namespace_of(task: Task) -> str:
    """Return the namespace of an assignment; of any other task nothing."""
    return task.assignment.namespace if task.assignment is not None else ""


def held_up_by(task: Task) -> tuple[str, ...]:
    """Return the branches that the main line has to wait for: at the convergence step and at its end, all not done."""
    joins = task.convergence_step is not None and task.pipeline_step >= task.convergence_step
    return pending_branches(task) if joins or task.is_line_done else ()


def named(task: Task, unit: Unit) -> str:
    """Return what people call a unit: ``step 2``, ``job j3``, or its branch's label."""
    if unit.job is not None:
        return f"job {unit.key}"
    return f"step {unit.step}" if unit.step is not None else f"branch '{task.label_of(unit.key)}'"


def due_at(task: Task, unit: Unit) -> str | None:
    """Return the instant before which the unit waits, or ``None`` when it waits for no time."""
    return max(filter(None, (task.not_before, unit.not_before)), default=None)


def not_ready(task: Task, unit: Unit, now: str, backoff_max_seconds: float) -> Reason | None:
    """Return why the unit may not be granted now; ``None`` when it may.

    A back-off further ahead than any back-off can be was written under a clock that has jumped: it counts as over.
    """
    standing = standing_reason(task, unit)
    if standing is not None:
        return standing
    if task.not_before is not None and task.not_before > now:
        return Reason(why=Why.NOT_BEFORE, text=f"not before {task.not_before}", until=task.not_before)
    if is_backing_off(unit, now, backoff_max_seconds):
        return Reason(why=Why.BACKOFF, text=f"backs off until {unit.not_before}", until=unit.not_before)
    return None


def is_backing_off(unit: Unit, now: str, backoff_max_seconds: float) -> bool:
    """Tell whether the unit's back-off is still on; one that no back-off can reach is not."""
    return unit.not_before is not None and now < unit.not_before <= later(now, longest_wait(backoff_max_seconds) + 1)


# -- the ready index ----------------------------------------------------------------------------------------------

TIMED = "t"
# No campaign begins like this.
TURN = "="


def waiting(task: Task) -> frozenset[Entry]:
    """Return the names under which this task's units stand in the ready index.

    The group is campaign, the record's own harness, agent; the bucket is priority and second, marked when it must not
    be opened before that second (a time to wait for, not only an order); the name is microsecond, task and unit.
    In the place of the campaign stands ``=<namespace>`` where the unit waits only for its assignment's turn.
    ``ValueError`` for a priority that is none, of a task that does not wait, too.
    """
    rank = rank_of(task.priority)
    return frozenset(_entry(task, unit, rank) for unit in open_units(task) if _is_waiting(task, unit))


def _is_waiting(task: Task, unit: Unit) -> bool:
    reason = standing_reason(task, unit)
    return reason is None or reason.why is Why.TURN


def _entry(task: Task, unit: Unit, rank: int) -> Entry:
    due = due_at(task, unit)
    waits_for_turn = needs_turn(task)
    # Turns go by priority, then by age: not by how long the job of an assignment has been ready.
    at = epoch(due or (None if waits_for_turn else unit.ready_at) or task.created_at)
    second = int(at)
    # A bucket is opened at its second: one that waits for a time in the middle of a second must not open before it.
    opens = math.ceil(at) if due else second
    queue = f"{TURN}{namespace_of(task)}" if waits_for_turn else task.campaign or "-"
    return Entry(
        group=f"{queue}~{unit.harness or '-'}~{unit.agent}",
        bucket=f"{rank:03d}-{opens:010d}{TIMED if due else ''}",
        name=f"{round((at - second) * 1_000_000):06d}~{task.id}~{unit.key}",
    )


def is_due(bucket: str, now_seconds: float) -> bool:
    """Tell whether a bucket may be opened: always when it only orders, from its second on when it is a time."""
    return not bucket.endswith(TIMED) or int(bucket[4:-1]) <= now_seconds


def is_branch(key: str) -> bool:
    """Tell whether a unit's key is that of a branch."""
    return key.startswith("b")


def namespace_of_group(group: str) -> str | None:
    """Return the namespace for whose turn the units of a group wait; ``None`` when they wait for none."""
    return group[1:].split("~", 1)[0] if group.startswith(TURN) else None


def rank_of_bucket(bucket: str) -> int:
    """Return the priority number of a bucket."""
    return int(bucket[:3])


def unit_of_name(name: str) -> tuple[str, str]:
    """Return task id and unit key of a name of the index."""
    _, task, unit = name.split("~")
    return task, unit
