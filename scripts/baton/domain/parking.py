"""Parked harnesses: an account that is at its limit, has no credit or no login is of no use to any task.

A park with an end is over by itself; one without waits for a person. When it is over its record stays until a run has
shown that the harness works: a limit that is met again at once is the same news, and is not told twice.
"""

# No "from __future__ import annotations" where a decoder reads a type: see ``records``.
from msgspec import Struct, structs

from baton.domain.consequences import consequence_of
from baton.domain.readiness import Reason, Why
from baton.domain.statuses import FailureKind
from baton.domain.times import later

# However late a limit is said to end, it is looked at again after a day; so a clock that jumped strands nothing for
# longer, and a park further ahead than this was written under one.
LONGEST_SECONDS = 86_400.0
LEAST_SECONDS = 10.0
# A limit of which nobody said when it ends: five minutes, doubling up to an hour while it is met again.
UNSAID_SECONDS = 300.0
LONGEST_UNSAID_SECONDS = 3600.0
SAID = {FailureKind.RATE_LIMIT: "rate limit", FailureKind.CREDIT: "no credit", FailureKind.AUTH: "no login"}


class Parked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A harness that is parked, or was and has not worked since. ``until`` is ``None`` when a person has to free it.

    ``reason`` is a line of what the program said in ``run``; ``tries`` counts the parks in a row, ``is_told`` whether
    the event stands in the log.
    """

    harness: str
    kind: FailureKind
    since: str
    until: str | None = None
    reason: str = ""
    task: str | None = None
    run: str | None = None
    tries: int = 1
    is_told: bool = False

    @property
    def what(self) -> str:
        """Why, in a word or two."""
        return SAID.get(self.kind, self.kind.value.replace("_", " "))


def is_on(parked: Parked, now: str) -> bool:
    """Tell whether nothing may use the harness now. An end that no park can reach was written under a wrong clock."""
    return parked.until is None or now < parked.until <= later(now, LONGEST_SECONDS + 1)


def park(
    before: Parked | None,
    harness: str,
    kind: FailureKind,
    now: str,
    *,
    resets_at: str | None = None,
    reason: str = "",
    task: str | None = None,
    run: str | None = None,
) -> Parked:
    """Return the park that follows from a run of this kind; ``before`` is what is written of the harness, if anything.

    Runs that had begun before it was parked end in the same way: they only may make it longer, or graver.
    """
    fresh = Parked(harness=harness, kind=kind, since=now, reason=reason, task=task, run=run)
    if not consequence_of(kind).has_end:
        if before is None or before.kind is not kind:
            return fresh
        return (
            before if before.until is None else structs.replace(fresh, tries=before.tries + 1, is_told=before.is_told)
        )
    if before is not None and is_on(before, now):
        until = None if before.until is None else max(before.until, _end(resets_at, before.tries, now))
        return structs.replace(before, until=until)
    if before is not None and before.kind is kind:
        tries = before.tries + 1
        again = structs.replace(fresh, tries=tries, is_told=before.is_told)
        return structs.replace(again, until=_end(resets_at, tries, now))
    return structs.replace(fresh, until=_end(resets_at, 1, now))


def tried_again(parked: Parked, now: str) -> Parked:
    """Return a park without end as one that is over: the next run shows whether it is mended, and that is no news."""
    return structs.replace(parked, until=now) if parked.until is None else parked


def told(parked: Parked) -> Parked:
    """Return the park once its news stands in the log."""
    return structs.replace(parked, is_told=True)


def is_forgotten(parked: Parked, now: str) -> bool:
    """Tell whether a park has been over for so long that a limit which is met again would be news."""
    return parked.until is not None and not is_on(parked, now) and now > later(parked.until, LONGEST_SECONDS)


def reason_of(parked: Parked) -> Reason:
    """Return why nothing that needs this harness is started."""
    end = f" until {parked.until}" if parked.until is not None else ""
    return Reason(why=Why.PARKED, text=f"harness {parked.harness} is parked{end}: {parked.what}", until=parked.until)


def _end(resets_at: str | None, tries: int, now: str) -> str:
    if resets_at is None or resets_at <= now:
        seconds = min(UNSAID_SECONDS * 2.0 ** min(tries - 1, 10), LONGEST_UNSAID_SECONDS)
        return later(now, seconds)
    return min(max(resets_at, later(now, LEAST_SECONDS)), later(now, LONGEST_SECONDS))
