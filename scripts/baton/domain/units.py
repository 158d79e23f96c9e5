"""The state machine of one unit: what a step or a branch goes through, whatever task it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, structs

from baton.domain.errors import IllegalTransition
from baton.domain.records import FAILURES_KEPT, Failure, Result, Unit
from baton.domain.statuses import UnitStatus


class _UnitCommand(Struct, frozen=True, kw_only=True):
    """A request to one unit; ``at`` is the stamp of the commit it belongs to."""

    at: str


class Enter(_UnitCommand, frozen=True, kw_only=True):
    """It is this unit's turn."""


class Grant(_UnitCommand, frozen=True, kw_only=True):
    """Somebody works on it; ``counts`` for a run, not for a hand."""

    counts: bool


class Complete(_UnitCommand, frozen=True, kw_only=True):
    """Its work is done."""

    result: Result | None


class Defer(_UnitCommand, frozen=True, kw_only=True):
    """The attempt failed; try again, not before the given instant. ``in_outage``: its provider's trouble lasts on."""

    failure: Failure
    not_before: str | None
    in_outage: bool = False


class Exhaust(_UnitCommand, frozen=True, kw_only=True):
    """The attempt failed, and it was the last one."""

    failure: Failure


class GiveBack(_UnitCommand, frozen=True, kw_only=True):
    """The run was no attempt: its grant is given back; ``interrupted`` ones are counted apart."""

    interrupted: bool


class Outlast(_UnitCommand, frozen=True, kw_only=True):
    """Its provider is in trouble ``since`` then: its grant is given back; try again, not before the given instant."""

    not_before: str
    since: str


class Reset(_UnitCommand, frozen=True, kw_only=True):
    """A revision: everything from here on is to be done again; ``notes`` go to the target only."""

    notes: str | None = None
    is_target: bool = False
    counts: bool = False


class Reopen(_UnitCommand, frozen=True, kw_only=True):
    """A person says: try again, with fresh attempts; ``now`` also forgets the back-off."""

    now: bool


class Skip(_UnitCommand, frozen=True, kw_only=True):
    """A person says: this is not needed."""


def _enter(unit: Unit, command: Enter) -> Unit:
    return structs.replace(unit, status=UnitStatus.IN_PROGRESS, ready_at=command.at)


def _grant(unit: Unit, command: Grant) -> Unit:
    return structs.replace(
        unit,
        status=UnitStatus.IN_PROGRESS,
        attempts=unit.attempts + (1 if command.counts else 0),
        started_at=unit.started_at or command.at,
        not_before=None,
    )


def _complete(unit: Unit, command: Complete) -> Unit:
    return structs.replace(
        unit,
        status=UnitStatus.COMPLETED,
        result=command.result,
        completed_at=command.at,
        not_before=None,
        outage_since=None,
        session=None,
        notes=None,
    )


def _defer(unit: Unit, command: Defer) -> Unit:
    failures = (*unit.failures, command.failure)[-FAILURES_KEPT:]
    since = unit.outage_since if command.in_outage else None
    return structs.replace(
        unit, failures=failures, not_before=command.not_before, ready_at=command.at, outage_since=since
    )


def _exhaust(unit: Unit, command: Exhaust) -> Unit:
    failures = (*unit.failures, command.failure)[-FAILURES_KEPT:]
    return structs.replace(unit, status=UnitStatus.FAILED, failures=failures, not_before=None)


def _give_back(unit: Unit, command: GiveBack) -> Unit:
    return structs.replace(
        unit,
        attempts=max(0, unit.attempts - 1),
        interruptions=unit.interruptions + (1 if command.interrupted else 0),
        ready_at=command.at,
    )


def _outlast(unit: Unit, command: Outlast) -> Unit:
    return structs.replace(
        unit,
        attempts=max(0, unit.attempts - 1),
        not_before=command.not_before,
        outage_since=command.since,
        ready_at=command.at,
    )


def _reset(unit: Unit, command: Reset) -> Unit:
    # The last result stays: the next attempt is told what it made before.
    return structs.replace(
        unit,
        status=UnitStatus.PENDING,
        attempts=0,
        interruptions=0,
        failures=(),
        session=None,
        outage_since=None,
        not_before=None,
        ready_at=command.at if command.is_target else None,
        revisions=unit.revisions + (1 if command.counts else 0),
        notes=command.notes,
        started_at=None,
        completed_at=None,
    )


def _reopen(unit: Unit, command: Reopen) -> Unit:
    return structs.replace(
        unit,
        status=UnitStatus.IN_PROGRESS if unit.status is UnitStatus.FAILED else unit.status,
        attempts=0,
        interruptions=0,
        outage_since=None,
        session=None,
        not_before=None if command.now else unit.not_before,
        ready_at=command.at,
    )


def _skip(unit: Unit, command: Skip) -> Unit:
    return structs.replace(unit, status=UnitStatus.SKIPPED, completed_at=command.at, not_before=None, notes=None)


UNIT_TABLE: dict[UnitStatus, dict[type[_UnitCommand], Callable[[Unit, Any], Unit]]] = {
    UnitStatus.PENDING: {
        Enter: _enter,
        Grant: _grant,
        Complete: _complete,
        Reset: _reset,
        Reopen: _reopen,
        Skip: _skip,
    },
    UnitStatus.IN_PROGRESS: {
        Grant: _grant,
        Complete: _complete,
        Defer: _defer,
        Exhaust: _exhaust,
        GiveBack: _give_back,
        Outlast: _outlast,
        Reset: _reset,
        Reopen: _reopen,
        Skip: _skip,
    },
    UnitStatus.FAILED: {Reset: _reset, Reopen: _reopen, Skip: _skip},
    UnitStatus.COMPLETED: {Reset: _reset},
    UnitStatus.SKIPPED: {Reset: _reset},
}


def change(unit: Unit, command: _UnitCommand) -> Unit:
    """Apply one command to a unit; ``IllegalTransition`` where the table has no handler for it."""
    handler = UNIT_TABLE[unit.status].get(type(command))
    if handler is None:
        raise IllegalTransition(f"unit {unit.key} is {unit.status}; {type(command).__name__} is not possible now")
    return handler(unit, command)
