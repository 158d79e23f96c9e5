"""What follows from the kind of a failure: one table. The task's part is carried out by ``EndRun``, the harness's part by
its supervisor, the next attempt is told the advice.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from baton.domain.statuses import BlockKind, FailureKind


class Then(StrEnum):
    """What a failed run means for its task.

    ``count``: it was an attempt. ``outlast``: the provider is in trouble; it is tried again after a back-off, and no
    attempt is used up, for as long as ``retry.outage_max``. ``park``: no task can use this harness now; the attempt is
    given back, and the harness is parked. ``stop``: no further attempt would do better; a person is needed.
    """

    COUNT = "count"
    OUTLAST = "outlast"
    PARK = "park"
    STOP = "stop"


class Consequence(Struct, frozen=True, kw_only=True):
    """What follows from one kind. ``has_end``: what it is parked for passes by itself. ``block``: as what a stop counts.

    ``keeps_session``: a retry may go on with the session in which it happened. ``advice``: what the next attempt is told
    beside the message.
    """

    then: Then = Then.COUNT
    has_end: bool = True
    block: BlockKind | None = None
    keeps_session: bool = True
    advice: str = ""


_NEW_SESSION = Consequence(keeps_session=False)
_OUTLAST = Consequence(then=Then.OUTLAST)
_PARK_FOR_GOOD = Consequence(then=Then.PARK, has_end=False)

# What stopped or killed a run from outside is told from its outcome; by its kind alone it is a failure like any other.
CONSEQUENCES: dict[FailureKind, Consequence] = {
    FailureKind.EXIT_CODE: _NEW_SESSION,  # a session that cannot be gone on with ends like this, too
    FailureKind.NO_REPORT: Consequence(),
    FailureKind.EVIDENCE: Consequence(),
    FailureKind.NO_RESULT: _NEW_SESSION,
    FailureKind.TIMEOUT: Consequence(advice="There was not enough time: do the most important part first."),
    FailureKind.NO_OUTPUT: _NEW_SESSION,
    FailureKind.SILENCE: Consequence(),
    FailureKind.SIGNAL: Consequence(),
    FailureKind.RELEASE: Consequence(),
    FailureKind.SUPERVISOR_LOST: Consequence(),
    FailureKind.STOPPED: Consequence(),
    FailureKind.NO_DECISION: Consequence(advice="Decide this time, with assignment.py, before you end."),
    FailureKind.AGENT_MISSING: Consequence(then=Then.STOP, block=BlockKind.AGENT),
    FailureKind.HARNESS_MISSING: Consequence(then=Then.STOP, block=BlockKind.AGENT),
    FailureKind.AUTH: _PARK_FOR_GOOD,
    FailureKind.CREDIT: _PARK_FOR_GOOD,
    FailureKind.RATE_LIMIT: Consequence(then=Then.PARK),
    FailureKind.OVERLOADED: _OUTLAST,
    FailureKind.SERVER: _OUTLAST,
    FailureKind.TRANSPORT: _OUTLAST,
    FailureKind.CONTEXT_TOO_LONG: Consequence(
        keeps_session=False,
        advice="It did not all fit into your context: read files in parts, and print less.",
    ),
    FailureKind.MODEL_UNKNOWN: Consequence(then=Then.STOP, block=BlockKind.AGENT),
    FailureKind.TURN_LIMIT: Consequence(advice="There were too few turns: take fewer and larger steps."),
    FailureKind.BUDGET: Consequence(then=Then.STOP, block=BlockKind.BUDGET),
    FailureKind.TOOL_DENIED: Consequence(then=Then.STOP, block=BlockKind.POLICY),
}


def consequence_of(kind: FailureKind | None) -> Consequence:
    """Return what follows from this kind; a run of which none is known has ended with an exit code."""
    return CONSEQUENCES[kind or FailureKind.EXIT_CODE]
