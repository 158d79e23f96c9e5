"""What may be asked of a task. Imperative; each is legal where the table in ``tasks`` has a handler for it.

Ids, run ids and jitter come in with the command: the domain knows neither chance nor clock.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from baton.domain.assignments import Act, Rules
from baton.domain.records import Holder, Unit
from baton.domain.resources import Resource
from baton.domain.retry import RetryPolicy
from baton.domain.sessions import Session
from baton.domain.statuses import BlockKind, FailureKind, Outcome, ReportKind
from baton.domain.usage import NOTHING, Usage


class _Command(Struct, frozen=True, kw_only=True):
    """A request that ``decide`` answers with a new record and its events, or refuses."""


class CreateTask(_Command, frozen=True, kw_only=True):
    """Make the record. ``fields`` are those of the record that a person or a campaign may set."""

    id: str
    units: tuple[Unit, ...]
    fields: dict[str, Any]
    branches: dict[str, Unit] = {}
    convergence_step: int | None = None


class GrantLease(_Command, frozen=True, kw_only=True):
    """Give a supervisor the lease of a unit that is ready. Refused with ``NotReady`` and the reason otherwise."""

    unit: str
    agent: str
    run: str
    holder: Holder
    deadline_seconds: float
    backoff_max_seconds: float


class AcquireByHand(_Command, frozen=True, kw_only=True):
    """Take or renew the lease of the current step by hand; a hand lease older than ``steal_after`` is taken over.

    ``token`` is that of the run which calls, if one does: it renews, and changes nothing.
    """

    agent: str
    holder: Holder
    steal_after_seconds: float
    token: int | None = None


class ReleaseByHand(_Command, frozen=True, kw_only=True):
    """Give a hand lease back."""

    agent: str


class ExpireLease(_Command, frozen=True, kw_only=True):
    """Take a hand lease away that nobody has renewed for ``stale_after``, as seen from ``holder``'s boot time."""

    token: int
    seen_from: Holder
    stale_after_seconds: float


class CompleteByHand(_Command, frozen=True, kw_only=True):
    """Complete the current step under a hand lease: at once. ``missing``: see :class:`EndRun`."""

    agent: str
    outputs: tuple[str, ...] = ()
    summary: str | None = None
    quality_score: float | None = None
    readability_score: float | None = None
    data: dict[str, Any] | None = None
    missing: tuple[str, ...] | None = None
    resources: tuple[Resource, ...] = ()


class ReportRun(_Command, frozen=True, kw_only=True):
    """Record what a run says as its last act; it takes effect with ``EndRun``."""

    token: int
    kind: ReportKind
    agent: str
    outputs: tuple[str, ...] = ()
    summary: str | None = None
    quality_score: float | None = None
    readability_score: float | None = None
    data: dict[str, Any] | None = None
    to_step: int | None = None
    notes: str | None = None


class EndRun(_Command, frozen=True, kw_only=True):
    """End a run: its tree is gone. The report decides what it did; without one, ``outcome`` does.

    ``is_parked``: its harness has been parked for what ``kind`` says, ``resets_at`` being the end that was named.
    ``missing`` is what the step expects and was not found, in words; ``None`` when nobody has looked. A unit that
    expects something is completed only by a command that was looked for, with nothing missing. ``resources`` are the files
    that it left.
    """

    token: int
    run: str
    outcome: Outcome
    kind: FailureKind | None
    policy: RetryPolicy
    jitter: float
    message: str = ""
    exit_code: int | None = None
    outputs: tuple[str, ...] = ()
    summary: str | None = None
    harness: str | None = None
    session: Session | None = None
    usage: Usage = NOTHING
    resets_at: str | None = None
    is_parked: bool = False
    max_revisions: int = 3
    missing: tuple[str, ...] | None = None
    resources: tuple[Resource, ...] = ()
    tool_calls: int | None = None


class CompleteBranch(_Command, frozen=True, kw_only=True):
    """Complete a branch that nobody runs, by hand: at once. The agent must be the branch's own.

    ``missing``: see :class:`EndRun`.
    """

    label: str
    agent: str
    outputs: tuple[str, ...] = ()
    summary: str | None = None
    missing: tuple[str, ...] | None = None
    resources: tuple[Resource, ...] = ()


class RetriggerBranches(_Command, frozen=True, kw_only=True):
    """Start triggered branches again, with fresh attempts; with ``also_done`` those that were completed, too.

    Without labels all of them; those that run are left alone.
    """

    by: str
    labels: tuple[str, ...] = ()
    also_done: bool = False


class ClearBranches(_Command, frozen=True, kw_only=True):
    """Do without these branches; what runs of them is revoked."""

    by: str
    labels: tuple[str, ...]


class ReviseByHand(_Command, frozen=True, kw_only=True):
    """Send the task back to an earlier step (or the same) under a hand lease."""

    agent: str
    to_step: int
    notes: str
    max_revisions: int


class ReviseByPerson(_Command, frozen=True, kw_only=True):
    """Send the task back as a person; with ``stop_run`` a run that is going on is revoked first."""

    by: str
    to_step: int
    notes: str
    stop_run: bool = False


class FixTask(_Command, frozen=True, kw_only=True):
    """Have chosen agents do their part of a completed task again, as a person: in turn, or all at once."""

    by: str
    agents: tuple[str, ...]
    notes: str
    parallel: bool = False


class RethinkTask(_Command, frozen=True, kw_only=True):
    """Rewind a completed task to a step, as a person."""

    by: str
    to_step: int
    notes: str


class ApproveTask(_Command, frozen=True, kw_only=True):
    """Find a completed task good, as a person; or go on with one that was sent back too often, as it is."""

    by: str
    notes: str | None = None


class PublishTask(_Command, frozen=True, kw_only=True):
    """Note where its piece was published; of a completed task, too."""

    by: str
    url: str


class RevokeLease(_Command, frozen=True, kw_only=True):
    """Stop whatever holds the current step, as a person."""

    by: str
    reason: str


class CancelTask(_Command, frozen=True, kw_only=True):
    """End the task for good; what runs is revoked, and the task is cancelled when it has ended."""

    by: str
    reason: str


class BlockTask(_Command, frozen=True, kw_only=True):
    """Keep the task from being dispatched until somebody unblocks it; what runs is revoked."""

    by: str
    reason: str
    kind: BlockKind = BlockKind.PERSON


class UnblockTask(_Command, frozen=True, kw_only=True):
    """Restore the status from before the block, with fresh attempts."""

    by: str


class RetryTask(_Command, frozen=True, kw_only=True):
    """Try again now: unblock if blocked, fresh attempts, no back-off."""

    by: str


class DeleteTask(_Command, frozen=True, kw_only=True):
    """Leave only a tombstone, so that the id is never used again."""

    by: str


class UpdateTask(_Command, frozen=True, kw_only=True):
    """Change fields that only describe the task or order it (labels, priority, assignees, title, ...)."""

    by: str
    fields: dict[str, Any]


class Comment(_Command, frozen=True, kw_only=True):
    """Leave words on the task's time line."""

    by: str
    text: str


class MeetDependency(_Command, frozen=True, kw_only=True):
    """Tell a dependent that a task it waits for has completed."""

    dependency: str


class FailDependency(_Command, frozen=True, kw_only=True):
    """Tell a dependent that a task it waits for will never complete."""

    dependency: str
    reason: str


class EndBackoff(_Command, frozen=True, kw_only=True):
    """Forget a back-off that lies further ahead than any back-off can: the clock had jumped."""

    backoff_max_seconds: float


class ActOnAssignment(_Command, frozen=True, kw_only=True):
    """Do something to an assignment. ``token``: by the run of one of its jobs, kept until that has ended well.

    Without one it is a person's, and happens at once; ``rules`` are then the settings' as they are now.
    """

    by: str
    act: Act
    token: int | None = None
    rules: Rules | None = None


class TakeTurn(_Command, frozen=True, kw_only=True):
    """Become the active assignment of its namespace, in the commit that grants one of its jobs."""
