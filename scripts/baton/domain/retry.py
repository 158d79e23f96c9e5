"""What follows from a run that did not complete its unit: values, decided here, carried out by the transitions."""

from __future__ import annotations

from msgspec import Struct

from baton.domain.records import Unit
from baton.domain.statuses import BlockKind, Outcome
from baton.domain.times import later, seconds_between


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """The limits in force for one unit. Durations in seconds; ``outage_max``: how long failures need not count."""

    max_attempts: int
    max_interruptions: int
    backoff_seconds: float
    backoff_max_seconds: float
    outage_max_seconds: float


class Again(Struct, frozen=True, kw_only=True):
    """Run the unit again; not before this instant, or at once."""

    not_before: str | None


class Outlast(Struct, frozen=True, kw_only=True):
    """Run the unit again, and count no attempt: its provider is in trouble, ``since`` then."""

    not_before: str
    since: str


class GiveUp(Struct, frozen=True, kw_only=True):
    """Block the task: it needs a person."""

    kind: BlockKind
    reason: str


Decision = Again | GiveUp

# A provider in trouble is not asked more often, whatever the back-off: nothing else bounds how often it is.
LEAST_OUTAGE_SECONDS = 5.0

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


def after_outage(unit: Unit, policy: RetryPolicy, now: str, jitter: float) -> Outlast | None:
    """Decide after a failure that is its provider's; ``None``: it has lasted too long, and counts from now on.

    It waits as long again as the outage has lasted: about doubling, within the bounds of a back-off. ``since`` ahead of
    the clock was written under one that had jumped: the outage begins now.
    """
    since = unit.outage_since if unit.outage_since is not None and unit.outage_since <= now else now
    lasted = seconds_between(since, now)
    if lasted >= policy.outage_max_seconds:
        return None
    wait = min(max(policy.backoff_seconds, lasted) * _spread(jitter), policy.backoff_max_seconds)
    return Outlast(not_before=later(now, max(wait, LEAST_OUTAGE_SECONDS)), since=since)


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
    return min(doubled * _spread(jitter), policy.backoff_max_seconds)


def longest_wait(backoff_max_seconds: float) -> float:
    """Return the longest that a unit may wait for its next run."""
    return max(backoff_max_seconds, LEAST_OUTAGE_SECONDS)


def _spread(jitter: float) -> float:
    return 0.75 + 0.5 * jitter
