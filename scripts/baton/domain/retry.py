"""What follows from a run that did not complete its unit: values, decided here, carried out by the transitions."""

from __future__ import annotations

from msgspec import Struct

from baton.domain.records import Unit
from baton.domain.statuses import BlockKind, Outcome
from baton.domain.times import later


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """The limits in force for one unit. Durations in seconds."""

    max_attempts: int
    max_interruptions: int
    backoff_seconds: float
    backoff_max_seconds: float


class Again(Struct, frozen=True, kw_only=True):
    """Run the unit again; not before this instant, or at once."""

    not_before: str | None


class GiveUp(Struct, frozen=True, kw_only=True):
    """Block the task: it needs a person."""

    kind: BlockKind
    reason: str


Decision = Again | GiveUp

# What a person or the machine did to a run is no fault of the agent: its grant is given back.
INTERRUPTING = frozenset({Outcome.INTERRUPTED, Outcome.KILLED})


def after_failure(unit: Unit, policy: RetryPolicy, what: str, now: str, jitter: float) -> Decision:
    """Decide after an attempt that counts (failed, timed out, not completed, released).

    ``unit.attempts`` already holds this attempt; ``jitter`` is a number in [0, 1) that spreads the back-off over
    75-125 % of its value, so that tasks which failed together do not come back together.
    """
    if unit.attempts >= policy.max_attempts:
        return GiveUp(
            kind=BlockKind.ATTEMPTS,
            reason=f"{unit.agent} {what}; that was attempt {unit.attempts} of {policy.max_attempts}",
        )
    return Again(not_before=later(now, backoff(unit.attempts, policy, jitter)))


def after_interruption(unit: Unit, policy: RetryPolicy, what: str) -> Decision:
    """Decide after an interruption; ``unit.interruptions`` already holds this one. No back-off: nobody failed."""
    if unit.interruptions > policy.max_interruptions:
        return GiveUp(
            kind=BlockKind.INTERRUPTIONS,
            reason=f"{unit.agent} {what}; it was interrupted {unit.interruptions} times, "
            f"more than max_interruptions ({policy.max_interruptions})",
        )
    return Again(not_before=None)


def backoff(attempts: int, policy: RetryPolicy, jitter: float) -> float:
    """Return the seconds to wait after the given number of attempts: doubling, capped, spread by ``jitter``."""
    doubled = policy.backoff_seconds * 2.0 ** min(attempts - 1, 32)
    return min(doubled * (0.75 + 0.5 * jitter), policy.backoff_max_seconds)
