"""What is kept of an agent beside its skill: when it was heard of, and its heartbeats (runs of it without a task)."""

# No "from __future__ import annotations": see records.py.
from enum import StrEnum

from msgspec import Struct

from baton.domain.records import Event, Lease
from baton.domain.statuses import FailureKind, Outcome

UNIT = "heartbeat"
"""What stands in a heartbeat's lease where a task's lease names its unit."""


class AgentState(StrEnum):
    """Whether a heartbeat of the agent goes on. What people are told of an agent (idle, active, ...) is derived."""

    RESTING = "resting"
    BEATING = "beating"


class Cause(StrEnum):
    """Why an agent was run without a task: a person asked, its time had come, a project has too little to do."""

    HAND = "hand"
    SCHEDULE = "schedule"
    BACKLOG = "backlog"


class _Value(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value, strictly decoded."""


class Heartbeat(_Value, frozen=True, kw_only=True):
    """A heartbeat that goes on, or has ended. ``project`` is the one it is about, ``None`` for all."""

    run: str
    cause: Cause
    project: str | None
    begun_at: str
    ended_at: str | None = None
    outcome: Outcome | None = None
    kind: FailureKind | None = None
    message: str = ""
    summary: str | None = None


class Hunger(_Value, frozen=True, kw_only=True):
    """A project that has too little to do: how often its agent was asked for more, in vain, and when it was last."""

    count: int
    asked_at: str


class AgentRecord(_Value, frozen=True, kw_only=True):
    """An agent that was heard of. ``considered_at``: when a scheduled heartbeat was last begun or passed over.

    ``judged`` are the matters that an orchestrator was last shown: it is not asked again about the same ones.
    """

    schema: int
    id: str
    version: int
    token: int = 0
    status: AgentState = AgentState.RESTING
    lease: Lease | None = None
    beat: Heartbeat | None = None
    heard_at: str | None = None
    note: str | None = None
    considered_at: str | None = None
    failures: int = 0
    hungry: dict[str, Hunger] = {}
    judged: tuple[str, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    history: tuple[Event, ...] = ()

    def lease_with(self, token: int) -> Lease | None:
        """The lease with this token, if it is still there."""
        return self.lease if self.lease is not None and self.lease.token == token else None
