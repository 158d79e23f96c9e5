"""Asking services: one after the other along the fallback chain, until one answers; each attempt is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct, to_builtins

from baton.domain.errors import RateLimited, ServiceFailed
from baton.domain.service_calls import Attempt, AttemptStatus, ServiceCall, ServiceEnd, attempt_of, not_called
from baton.domain.services import Service


class Programs(Protocol):
    """Runs programs of services."""

    def run(self, call: ServiceCall) -> ServiceEnd:
        """Run one to its end or its limit; when this returns or raises, nothing that it started is left."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A service of the chain, and how it is called; or the ``problem`` for which it cannot be."""

    service: Service
    call: ServiceCall | None = None
    problem: str = ""


class Answered(Struct, frozen=True, kw_only=True):
    """The answer, who gave it, and all attempts until then."""

    service: str
    output: bytes
    attempts: tuple[Attempt, ...]


def ask(chain: Sequence[Candidate], programs: Programs, tell: Callable[[Attempt], None]) -> Answered:
    """Call the services in turn until one succeeds.

    Raises ``ServiceFailed`` when none does, ``RateLimited`` when all of them want us to come back later; both have the
    ``attempts`` among their details. ``tell`` hears of each attempt as soon as it has ended, one that was cut off too.
    """
    attempts: list[Attempt] = []
    for candidate in chain:
        attempt, output = _attempt(candidate, programs, tell)
        attempts.append(attempt)
        if attempt.status is AttemptStatus.SUCCESS:
            return Answered(service=attempt.service, output=output, attempts=tuple(attempts))
    told = "; ".join(f"{one.service}: {one.message}" for one in attempts)
    facts = {"attempts": to_builtins(attempts)}
    if attempts and all(one.status is AttemptStatus.RATE_LIMITED for one in attempts):
        raise RateLimited(f"every service has met its rate limit: {told}", cure="try again later", **facts)
    raise ServiceFailed(f"no service has answered: {told}", cure="look at them: service.py health", **facts)


def _attempt(candidate: Candidate, programs: Programs, tell: Callable[[Attempt], None]) -> tuple[Attempt, bytes]:
    service = candidate.service
    if candidate.call is None:
        attempt, output = not_called(service, candidate.problem), b""
    else:
        try:
            end = programs.run(candidate.call)
        except BaseException as error:  # a signal, mostly: what was asked for may have cost something all the same
            tell(attempt_of(service, ServiceEnd(problem=f"it was cut off ({type(error).__name__})")))
            raise
        attempt, output = attempt_of(service, end), end.output
    tell(attempt)
    return attempt, output
