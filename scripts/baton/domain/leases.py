"""The lease on a unit, what is said under it, and how it ended: the values that a run leaves in a task's record."""

# No "from __future__ import annotations": see records.py.
from typing import Any

from msgspec import Struct

from baton.domain.assignments import Act
from baton.domain.resources import Resource
from baton.domain.statuses import FailureKind, LeaseKind, Outcome, ReportKind


class _Value(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value, strictly decoded."""


class Holder(_Value, frozen=True, kw_only=True):
    """Who holds a lease: machine and boot always; slot and instance of a supervisor; boot time of a hand lease."""

    machine: str
    boot: str
    slot: int | None = None
    instance: str | None = None
    boot_seconds: float | None = None


class Report(_Value, frozen=True, kw_only=True):
    """What a run reported: durable at once, effective when the run has ended."""

    kind: ReportKind
    at: str
    agent: str
    outputs: tuple[str, ...] = ()
    summary: str | None = None
    quality_score: float | None = None
    readability_score: float | None = None
    data: dict[str, Any] | None = None
    to_step: int | None = None
    notes: str | None = None


class Revocation(_Value, frozen=True, kw_only=True):
    """Since when a lease is revoked, by whom, and why."""

    at: str
    by: str
    reason: str


class Lease(_Value, frozen=True, kw_only=True):
    """The right to finish one unit. ``token`` decides; a run's lease is removed only by ``EndRun``.

    ``void``: its branch was reset or cleared under it; whatever the run does, its end only removes the lease.
    ``acts`` are what a job's run did to its assignment: they happen when it has ended as completed.
    """

    token: int
    unit: str
    agent: str
    kind: LeaseKind
    run: str | None
    holder: Holder
    granted_at: str
    deadline_seconds: float | None = None
    report: Report | None = None
    revoked: Revocation | None = None
    void: bool = False
    acts: tuple[Act, ...] = ()


class Failure(_Value, frozen=True, kw_only=True):
    """One attempt that did not end well, as the next one is told of it."""

    run: str
    at: str
    outcome: Outcome
    kind: FailureKind
    message: str = ""
    exit_code: int | None = None


class Result(_Value, frozen=True, kw_only=True):
    """What a completed unit left. ``round``: how often the task had been sent back by then; paths are the workspace's."""

    at: str
    agent: str
    run: str | None = None
    outputs: tuple[str, ...] = ()
    summary: str | None = None
    quality_score: float | None = None
    readability_score: float | None = None
    data: dict[str, Any] | None = None
    resources: tuple[Resource, ...] = ()
    version: int = 1
    round: int = 0
