"""What anybody may see of a task, and what each request makes of it: the law in small, written apart from the domain.

Only what the histories ask for: a line of three steps, runs that complete or are interrupted, hands, and people's wishes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from baton.domain.records import Task

LINE = (("alpha", "research"), ("beta", "drafts"), ("gamma", "reviewed"))
AFTER = ("researched", "drafted", "reviewed")
LAST = len(LINE) - 1
OVER = ("completed", "cancelled")
NOT_WHILE_BLOCKED = ("grant", "acquire", "renew", "complete", "revise", "block")


class Held(NamedTuple):
    """Who holds the current step: a run or a hand; whether it was revoked, and what it has reported."""

    token: int
    kind: str
    agent: str
    revoked: bool = False
    report: tuple[Any, ...] | None = None


class Seen(NamedTuple):
    """What can be seen of a task. ``was`` is the status behind a block; ``wish`` waits for a run to end."""

    version: int
    status: str
    step: int
    token: int
    held: Held | None = None
    wish: tuple[Any, ...] | None = None
    was: str | None = None


class Refused(Exception):
    """The request is against the law; the name of the error that says so."""


def look(task: Task | None) -> Seen | None:
    """What is to be seen of this record."""
    if task is None:
        return None
    (lease,) = task.leases or (None,)
    held = None
    if lease is not None:
        said = lease.report
        report = None if said is None else (said.kind.value, *(() if said.to_step is None else (said.to_step,)))
        held = Held(lease.token, lease.kind.value, lease.agent, lease.revoked is not None, report)
    asked = task.asked
    wish = None if asked is None else (asked.wish.value, *(() if asked.to_step is None else (asked.to_step,)))
    was = None if task.blocked is None else task.blocked.was.value
    return Seen(task.version, task.status.value, task.pipeline_step, task.token, held, wish, was)


def law(seen: Seen | None, words: tuple[Any, ...]) -> tuple[Any, Seen | None]:
    """Answer one request: ``("done", what is seen then)`` or ``("refused", why)``, and what is seen then."""
    verb, *rest = words
    if verb == "read":
        return ("done", seen), seen
    try:
        after = _create(seen) if verb == "create" else _changed(seen, verb, rest)
    except Refused as refused:
        return ("refused", str(refused)), seen
    return ("done", after), after


def _create(seen: Seen | None) -> Seen:
    _check(seen is None, "AlreadyExists")
    return Seen(version=1, status="backlog", step=0, token=0)


def _changed(seen: Seen | None, verb: str, rest: list[Any]) -> Seen:
    if seen is None:
        raise Refused("TaskNotFound")
    _check(seen.status not in OVER, "IllegalTransition")
    _check(seen.status != "blocked" or verb not in NOT_WHILE_BLOCKED, "IllegalTransition")
    after = VERBS[verb](seen, *rest)
    return seen if after is seen else after._replace(version=after.version + 1)


# -- runs ---------------------------------------------------------------------------------------------------------


def _grant(seen: Seen) -> Seen:
    _check(seen.held is None and seen.wish is None, "NotReady")
    return _lent(seen, "run", LINE[seen.step][0])


def _renew(seen: Seen, agent: str, token: int) -> Seen:
    held = _run(seen, token)
    _check(not held.revoked, "LeaseMismatch")
    _check(held.agent == agent, "LeaseHeld")
    return seen


def _report(seen: Seen, token: int, agent: str, *report: Any) -> Seen:
    held = _run(seen, token)
    _check(held.agent == agent, "LeaseMismatch")
    _check(report[0] != "sent_back" or report[1] <= seen.step, "InvalidInput")
    if held.report is not None:
        _check(held.report == report, "IllegalTransition")
        return seen
    _check(not held.revoked, "LeaseMismatch")
    return seen._replace(held=held._replace(report=report))


def _end(seen: Seen, token: int, outcome: str, goes_on: bool) -> Seen:
    held = _run(seen, token)
    said = held.report or (None if held.revoked else (outcome,))
    seen, is_done = seen._replace(held=None), False
    if said is not None and said[0] == "completed":
        seen, is_done = _completed(seen)
    elif said is not None and said[0] == "sent_back":
        seen = _sent_back(seen, said[1])
    seen = _settled(seen, is_done=is_done)
    if goes_on and seen.status not in (*OVER, "blocked"):
        # The run's end and the grant of what comes next: two commands, one commit.
        seen = _grant(seen)._replace(version=seen.version + 1)
    return seen


# -- hands --------------------------------------------------------------------------------------------------------


def _acquire(seen: Seen, agent: str) -> Seen:
    if seen.held is None:
        return _lent(seen, "hand", agent)
    _check((seen.held.kind, seen.held.agent) == ("hand", agent), "LeaseHeld")
    return seen._replace()  # renewed: nothing to be seen but a new version


def _release(seen: Seen, agent: str) -> Seen:
    _own(seen, agent)
    return seen._replace(held=None)


def _complete(seen: Seen, agent: str) -> Seen:
    _own(seen, agent)
    seen, is_done = _completed(seen._replace(held=None))
    return _settled(seen, is_done=is_done)


def _revise(seen: Seen, agent: str, to_step: int) -> Seen:
    _own(seen, agent)
    _check(to_step <= seen.step, "InvalidInput")
    return _sent_back(seen._replace(held=None), to_step)


# -- people -------------------------------------------------------------------------------------------------------


def _send_back(seen: Seen, to_step: int, stop_run: bool) -> Seen:
    _check(to_step <= seen.step, "InvalidInput")
    _check(seen.held is None or stop_run, "LeaseHeld")
    return _asked(seen, ("revise", to_step))


def _stop(seen: Seen) -> Seen:
    _check(seen.held is not None, "LeaseMismatch")
    return _asked(seen, ("stop",))


def _unblock(seen: Seen) -> Seen:
    _check(seen.status == "blocked", "IllegalTransition")
    return seen._replace(status=seen.was or "", was=None)


def _asked(seen: Seen, wish: tuple[Any, ...]) -> Seen:
    if seen.wish is not None and (wish == ("stop",) or wish == seen.wish):
        return seen
    held = seen.held if seen.held is not None and seen.held.kind == "run" else None
    held = held._replace(revoked=True) if held is not None else None
    return _settled(seen._replace(held=held, wish=wish), is_done=False)


# -- the parts ----------------------------------------------------------------------------------------------------


def _lent(seen: Seen, kind: str, agent: str) -> Seen:
    return seen._replace(token=seen.token + 1, held=Held(seen.token + 1, kind, agent))


def _run(seen: Seen, token: int) -> Held:
    if seen.held is None or (seen.held.token, seen.held.kind) != (token, "run"):
        raise Refused("LeaseMismatch")
    return seen.held


def _own(seen: Seen, agent: str) -> None:
    _check(seen.held is not None and seen.held[1:3] == ("hand", agent), "LeaseMismatch")


def _completed(seen: Seen) -> tuple[Seen, bool]:
    return seen._replace(status=AFTER[seen.step], step=min(seen.step + 1, LAST)), seen.step == LAST


def _sent_back(seen: Seen, to_step: int) -> Seen:
    return seen._replace(status="revision_needed", step=to_step, was=None)


def _settled(seen: Seen, *, is_done: bool) -> Seen:
    """A wish happens when no run is in its way; a task is completed when its last step is, and nothing was wished."""
    if seen.held is not None and seen.held.revoked:
        return seen
    wish, seen = seen.wish, seen._replace(wish=None)
    if wish is not None and wish[0] == "revise":
        return _sent_back(seen, min(wish[1], seen.step))
    if is_done:
        return seen._replace(status="completed", was=None)
    if wish is not None and wish[0] == "block":
        return seen._replace(status="blocked", was=seen.status)
    if wish is not None and wish[0] == "cancel":
        return seen._replace(status="cancelled", was=None)
    return seen


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


VERBS: dict[str, Callable[..., Seen]] = {
    "grant": _grant,
    "renew": _renew,
    "report": _report,
    "end": _end,
    "acquire": _acquire,
    "release": _release,
    "complete": _complete,
    "revise": _revise,
    "send_back": _send_back,
    "stop": _stop,
    "cancel": lambda seen: _asked(seen, ("cancel",)),
    "block": lambda seen: _asked(seen, ("block",)),
    "unblock": _unblock,
}
