"""The task record and what it is made of. Frozen values; the declaration order is the order of keys on disk.

A task is a list of units; each unit can hold one lease of its own; one token counter a task serves them all.
``SCHEMA`` rises when a released form of the record changes; every released form keeps a sample file in the tests.
"""

# No "from __future__ import annotations" where a decoder reads a type as it starts: to evaluate the text of these took
# msgspec 1 ms (a tenth of a bare interpreter).
from typing import Any

from msgspec import Struct

from baton.domain.assignments import Assignment, JobFacts
from baton.domain.evidence import Expectation
from baton.domain.leases import Failure as Failure
from baton.domain.leases import Holder as Holder
from baton.domain.leases import Lease as Lease
from baton.domain.leases import Report as Report
from baton.domain.leases import Result as Result
from baton.domain.leases import Revocation as Revocation
from baton.domain.reviews import Approval, Revision
from baton.domain.sessions import Session
from baton.domain.statuses import FINISHED, BlockKind, TaskStatus, UnitStatus, Wish
from baton.domain.stream_runs import StreamRun
from baton.domain.usage import NOTHING, Usage

SCHEMA = 1
HISTORY_LIMIT, HISTORY_KEPT = 64, 32
FAILURES_KEPT = 3
VERSIONS_KEPT = 20


class _Value(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value, strictly decoded."""


class Event(_Value, frozen=True, kw_only=True):
    """One thing that happened. ``id`` is ``<kind>/<id>:<version>:<n>``, unique and in order within its record."""

    id: str
    at: str
    type: str
    task: str | None = None
    campaign: str | None = None
    run: str | None = None
    version: int = 0
    data: dict[str, Any] = {}


class Unit(_Value, frozen=True, kw_only=True):
    """What one agent is asked to do: a step of the main line (``step`` is its number), or a branch beside it.

    A branch becomes ready when the step ``trigger_after_step`` completes; ``deliverable`` is what it makes.
    ``key`` never changes, while steps get inserted and numbers shift. ``not_before`` is a back-off of this unit;
    ``ready_at`` only orders. ``attempts`` counts grants of runs since the last revision, unblock or retry;
    ``usage`` sums all runs there ever were. ``session``: that of the last run. ``outage_since``: the first of the
    failures in a row that were its provider's.
    ``earlier`` are the results before ``result``, oldest first, without their data. ``output`` is where it writes by
    default, ``version`` which version that is, ``round`` the round it began in: settled when it is first granted.
    A branch that ``redoes`` a unit stands for one round beside the line; one ``after`` a unit waits for it besides.
    ``job``: what a unit of an assignment is besides; its type is the agent's name.
    """

    step: int | None
    key: str
    agent: str | None
    label: str = ""
    model: str | None = None
    harness: str | None = None
    description: str = ""
    instructions: str = ""
    output_dir: str | None = None
    task_status: TaskStatus | None = None
    timeout: str | None = None
    max_attempts: int | None = None
    expects: tuple[Expectation, ...] = ()
    skills: tuple[str, ...] = ()
    trigger_after_step: int | None = None
    deliverable: str | None = None
    status: UnitStatus = UnitStatus.PENDING
    ready_at: str | None = None
    not_before: str | None = None
    attempts: int = 0
    interruptions: int = 0
    outage_since: str | None = None
    revisions: int = 0
    failures: tuple[Failure, ...] = ()
    session: Session | None = None
    notes: str | None = None
    result: Result | None = None
    earlier: tuple[Result, ...] = ()
    output: str | None = None
    version: int = 1
    round: int = 0
    redoes: str | None = None
    after: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    usage: Usage = NOTHING
    job: JobFacts | None = None


class Blocked(_Value, frozen=True, kw_only=True):
    """Why a task is blocked; ``was`` is the status that unblocking restores."""

    kind: BlockKind
    reason: str
    unit: str | None
    at: str
    was: TaskStatus
    dependency: str | None = None


class Asked(_Value, frozen=True, kw_only=True):
    """What a person asked for while runs were going on."""

    wish: Wish
    by: str
    at: str
    reason: str
    kind: BlockKind = BlockKind.PERSON
    to_step: int | None = None


class Task(_Value, frozen=True, kw_only=True):
    """One live or finished task: the whole truth about it, in one file. ``pieces``: so many, of a batch.

    ``revision``: a person's, of a complete task, until it is again. ``was_blocked``: lifted last, until a unit completes.
    ``assignment``: its units are jobs, which are added while it runs.
    """

    schema: int
    id: str
    version: int
    token: int
    next_key: int
    project: str | None
    campaign: str | None
    title: str
    description: str = ""
    status: TaskStatus = TaskStatus.BACKLOG
    priority: str | int = "medium"
    blocked: Blocked | None = None
    asked: Asked | None = None
    pipeline_step: int = 0
    pipeline: tuple[Unit, ...] = ()
    convergence_step: int | None = None
    branches: dict[str, Unit] = {}
    leases: tuple[Lease, ...] = ()
    # The next four are written for readers: the main line's lease, derived after every change.
    locked_by: str | None = None
    locked_at: str | None = None
    lease: Lease | None = None
    pending_branches: tuple[str, ...] = ()
    revision_count: int = 0
    rejection_notes: str | None = None
    revision: Revision | None = None
    approved: Approval | None = None
    was_blocked: Blocked | None = None
    quality_score: float | None = None
    readability_score: float | None = None
    depends_on: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()
    not_before: str | None = None
    repo: str | None = None
    stream: StreamRun | None = None
    keywords: tuple[str, ...] = ()
    brief: str = ""
    content_type: str | None = None
    content_slug: str | None = None
    pieces: int | None = None
    deliverables: dict[str, bool] = {}
    services: dict[str, tuple[str, ...]] = {}
    focus_groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    subscribers: tuple[str, ...] = ()
    published_url: str | None = None
    usage: Usage = NOTHING
    created_by: str | None = None
    created_at: str = ""
    updated_at: str = ""
    completed_at: str | None = None
    assignment: Assignment | None = None
    history: tuple[Event, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing can happen to this task any more."""
        return self.status in FINISHED

    @property
    def has_worktree(self) -> bool:
        """Whether it is an assignment whose jobs work in a worktree of their own."""
        return self.assignment is not None and self.assignment.worktree

    @property
    def current(self) -> Unit:
        """The current unit of the main line (the last one of a finished task)."""
        return self.pipeline[self.pipeline_step]

    @property
    def front(self) -> tuple[Unit, ...]:
        """Where the main line stands: the current unit, or all members of the group of jobs that it belongs to."""
        current = self.current
        group = current.job.group if current.job is not None else None
        if group is None:
            return (current,)
        return tuple(unit for unit in self.pipeline if unit.job is not None and unit.job.group == group)

    def units(self) -> tuple[Unit, ...]:
        """All units: the main line, then the branches."""
        return (*self.pipeline, *self.branches.values())

    def unit(self, key: str) -> Unit:
        """The unit with this key; ``KeyError`` when there is none."""
        return {unit.key: unit for unit in self.units()}[key]

    @property
    def is_line_done(self) -> bool:
        """Tell whether the main line has come to its end; branches may still be at work."""
        return self.current.status in (UnitStatus.COMPLETED, UnitStatus.SKIPPED)

    def label_of(self, key: str) -> str | None:
        """The label of the branch with this key; ``None`` for a step."""
        return next((label for label, unit in self.branches.items() if unit.key == key), None)

    def lease_of(self, key: str) -> Lease | None:
        """The lease on this unit, if there is one."""
        return next((lease for lease in self.leases if lease.unit == key), None)

    def lease_with(self, token: int) -> Lease | None:
        """The lease with this token, if it is still there."""
        return next((lease for lease in self.leases if lease.token == token), None)
