"""Calls of services: what a service's program did, and what an attempt amounts to.

A program is given words on its command line, and answers on standard output. It ends with 0 when it has answered, with
75 when its provider wants it to come back later, with anything else when it has failed. What it has cost it may write
to the file that ``BATON_SERVICE_REPORT`` names, as JSON: ``{"cost_usd": 0.01}``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from baton.domain.services import MOST_USD, Service

ATTEMPTED = "service_attempted"  # the event of an attempt
RATE_LIMITED_CODE = 75
REPORT_VARIABLE = "BATON_SERVICE_REPORT"
HEALTH_WORD = "--health"
MESSAGE_LIMIT = 300


class AttemptStatus(StrEnum):
    """How one call of one service ended."""

    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"


class ServiceCall(Struct, frozen=True, kw_only=True):
    """A program to run: its command line, whole environment and folder, for how long."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    cwd: str
    seconds: float


class ServiceEnd(Struct, frozen=True, kw_only=True):
    """How a program ended. ``problem``: why it could not be started or was ended; ``said``: the end of its stderr.

    ``reported`` is what its report holds, read as JSON; ``None`` where it left none, or nothing of the kind.
    """

    exit_code: int | None = None
    is_late: bool = False
    problem: str | None = None
    output: bytes = b""
    said: str = ""
    reported: object = None
    duration_seconds: float = 0.0


class Attempt(Struct, frozen=True, kw_only=True):
    """One call of one service, as it is logged. Money nobody told is ``None``; ``list_price_usd`` is the registry's."""

    service: str
    status: AttemptStatus
    duration_seconds: float
    exit_code: int | None = None
    cost_usd: float | None = None
    list_price_usd: float | None = None
    message: str = ""


def attempt_of(service: Service, end: ServiceEnd) -> Attempt:
    """Return what a call amounts to."""
    status = _status(end)
    cost = _cost(end.reported)
    return Attempt(
        service=service.name,
        status=status,
        duration_seconds=round(end.duration_seconds, 3),
        exit_code=end.exit_code,
        cost_usd=cost,
        list_price_usd=_list_price(service, status) if cost is None else None,
        message=_message(service, status, end),
    )


def not_called(service: Service, problem: str) -> Attempt:
    """Return the attempt at a service whose program was never started: it cost nothing."""
    return Attempt(
        service=service.name, status=AttemptStatus.FAILED, duration_seconds=0.0, cost_usd=0.0, message=problem
    )


def _status(end: ServiceEnd) -> AttemptStatus:
    if end.is_late:
        return AttemptStatus.TIMEOUT
    if end.problem is not None:
        return AttemptStatus.FAILED
    return {0: AttemptStatus.SUCCESS, RATE_LIMITED_CODE: AttemptStatus.RATE_LIMITED}.get(
        end.exit_code if end.exit_code is not None else -1, AttemptStatus.FAILED
    )


def _cost(reported: object) -> float | None:
    cost = reported.get("cost_usd") if isinstance(reported, dict) else None
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return round(float(cost), 6) if math.isfinite(cost) and 0 <= cost < MOST_USD else None


def _list_price(service: Service, status: AttemptStatus) -> float | None:
    """What the registry says an answer costs; whether one that was not given costs it too, nobody knows."""
    if isinstance(service.cost, str) or service.cost is None:
        return None
    return float(service.cost) if status is AttemptStatus.SUCCESS or not service.cost else None


def _message(service: Service, status: AttemptStatus, end: ServiceEnd) -> str:
    if status is AttemptStatus.SUCCESS:
        return ""
    if status is AttemptStatus.TIMEOUT:
        words = f"it had not answered within {service.timeout_seconds:g} s"
    else:
        words = end.problem or (f"exit code {end.exit_code}" if status is AttemptStatus.FAILED else "come back later")
    last = end.said.strip().splitlines()[-1:]
    line = " ".join(": ".join([words, *last]).split())
    return line if len(line) <= MESSAGE_LIMIT else f"{line[: MESSAGE_LIMIT - 3]}..."
