"""What may be asked of an agent's record. Imperative; each is legal where the table in ``agents`` has a handler for it."""

from __future__ import annotations

from msgspec import Struct

from baton.domain.agent_records import Cause
from baton.domain.records import Holder
from baton.domain.schedules import Schedule
from baton.domain.statuses import FailureKind, Outcome
from baton.domain.usage import NOTHING, Usage


class _Command(Struct, frozen=True, kw_only=True):
    """A request to an agent's record, which is made with the first of them."""


class HearFrom(_Command, frozen=True, kw_only=True):
    """Note that the agent is there; ``note`` is what it said."""

    by: str
    note: str | None = None


class BeginHeartbeat(_Command, frozen=True, kw_only=True):
    """Grant a run without a task, unless one goes on or it is not due any more.

    ``schedule`` is that of the agent, for the cause ``schedule``.
    """

    cause: Cause
    run: str
    holder: Holder
    deadline_seconds: float
    project: str | None = None
    schedule: Schedule | None = None
    backoff_seconds: float = 0.0
    backoff_max_seconds: float = 0.0


class SkipHeartbeat(_Command, frozen=True, kw_only=True):
    """Pass a heartbeat over that has nothing to do: no model is called."""

    cause: Cause
    reason: str
    schedule: Schedule | None = None


class RevokeHeartbeat(_Command, frozen=True, kw_only=True):
    """Tell the heartbeat that goes on to end."""

    by: str
    reason: str


class EndHeartbeat(_Command, frozen=True, kw_only=True):
    """End the heartbeat: only its supervisor, or the sweep with proof of its death.

    ``judged`` are the matters that an orchestrator was shown: they count as judged when it has completed.
    """

    token: int
    run: str
    outcome: Outcome
    kind: FailureKind | None = None
    message: str = ""
    exit_code: int | None = None
    summary: str | None = None
    harness: str | None = None
    usage: Usage = NOTHING
    resets_at: str | None = None
    judged: tuple[str, ...] | None = None


class FeedProject(_Command, frozen=True, kw_only=True):
    """Note that a project has enough to do again; or, where it has not, that its agent made something at least."""

    project: str
    enough: bool = True
