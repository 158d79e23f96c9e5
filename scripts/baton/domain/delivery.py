"""Messages to people: which events become one, the state of one channel, and what follows when sending fails.

A channel reads the event log behind its cursor. The sweep *takes* the events behind it: one message for all of them,
and the cursor beyond them, saved together before the first attempt; so a message is sent at least once, however often
the sweep is killed, and the log is never read again for it. While a message is pending nothing more is taken, and
what happens meanwhile becomes the next message. A failing channel blocks nothing: this state is all that knows of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, structs

from baton.domain.errors import NotificationFailed
from baton.domain.news import News
from baton.domain.sentences import data_of, sentence_of, subject_of
from baton.domain.times import later, seconds_between

# The channel that carries news to no person, but to the pages of memory: only its cursor counts.
MEMORY = "memory"
MAX_TRIES = 3
# The first wait is less than a minute, so that the next sweep of a cron line that runs every minute tries again.
FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 3600.0
# A service may name any wait; beyond a day it is a mistake, or a clock that jumped and came back.
LONGEST_NAMED_WAIT_SECONDS = 86400.0
LINE_LIMIT = 500


# -- how sending fails --------------------------------------------------------------------------------------------


class DeliveryFailed(NotificationFailed):
    """The message could not be delivered."""

    def __init__(self, message: str = "", *, sent_parts: int = 0, cure: str = "", **details: Any) -> None:
        """``sent_parts``: how many parts of the message, from its beginning, have gone out by now."""
        super().__init__(message, cure=cure, sent_parts=sent_parts, **details)
        self.sent_parts = sent_parts


class RetryLater(DeliveryFailed):
    """The service asks to wait before the next message."""

    def __init__(self, message: str = "", *, seconds: float, sent_parts: int = 0, cure: str = "") -> None:
        super().__init__(message, sent_parts=sent_parts, cure=cure, retry_after_seconds=seconds)
        self.seconds = seconds


class Refusal(StrEnum):
    """What a service objects to: this message, or who sends it to whom."""

    MESSAGE = "message"
    CREDENTIALS = "credentials"


class Rejected(DeliveryFailed):
    """The service refused the message."""

    def __init__(
        self, message: str = "", *, kind: Refusal = Refusal.MESSAGE, sent_parts: int = 0, cure: str = ""
    ) -> None:
        super().__init__(message, sent_parts=sent_parts, cure=cure, kind=kind.value)
        self.kind = kind


class Unreachable(DeliveryFailed):
    """The service could not be reached."""


# -- the state of one channel -------------------------------------------------------------------------------------


class Delivery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one channel stands: ``cursor`` in the event log, and the ``pending`` message with what befell it.

    ``sent_parts`` of the message have gone out; it was refused ``tries`` times; the service could not be reached
    ``outages`` times in a row; nothing is sent before ``not_before``. Without a cursor the channel is new: it begins
    at the end of the log.
    """

    cursor: tuple[str, int] | None = None
    tries: int = 0
    outages: int = 0
    not_before: str | None = None
    sent_parts: int = 0
    pending: str | None = None


def is_due(delivery: Delivery, now: str) -> bool:
    """Tell whether the channel may send now; a wait longer than any it can have been given is over (clock jumps)."""
    if delivery.not_before is None:
        return True
    # In an outage the wait is our own; otherwise a service may have named it.
    longest = LONGEST_WAIT_SECONDS if delivery.outages else LONGEST_NAMED_WAIT_SECONDS
    return not 0 < seconds_between(now, delivery.not_before) <= longest


def take(delivery: Delivery, text: str, cursor: tuple[str, int]) -> Delivery:
    """Return the channel with ``text`` as its message and the cursor behind the events it tells of.

    Save it before sending. An empty text only moves the cursor. Only for a channel with nothing pending.
    """
    if delivery.pending is not None:
        raise ValueError("a message is pending: taking another would lose it")
    return structs.replace(delivery, cursor=cursor, pending=text or None)


def skip(delivery: Delivery, cursor: tuple[str, int]) -> Delivery:
    """Return the channel with nothing pending, at ``cursor``: without credentials nothing is piled up for later."""
    return Delivery(cursor=cursor)


def after_success(delivery: Delivery) -> Delivery:
    """Return the channel once its message has gone out."""
    return Delivery(cursor=delivery.cursor)


def after_failure(delivery: Delivery, failure: DeliveryFailed, now: str) -> tuple[Delivery, list[News]]:
    """Return the channel after a failed attempt, and the news of it: a message that was given up is told of.

    Asked to wait: wait that long, and count nothing. Unreachable: wait 30 s, doubling up to an hour, for ever. Refused
    for its credentials: keep the message and look again each hour, since a person can mend that. Refused for itself:
    try again in the next sweep, and drop it the third time; the cursor stands behind it already.
    """
    kept = structs.replace(delivery, sent_parts=max(delivery.sent_parts, failure.sent_parts), not_before=None)
    match failure:
        case RetryLater():
            return _waiting(kept, min(max(failure.seconds, 0.0), LONGEST_NAMED_WAIT_SECONDS), now), []
        case Rejected(kind=Refusal.CREDENTIALS):
            return _waiting(kept, LONGEST_WAIT_SECONDS, now), []
        case Rejected():
            tries = kept.tries + 1
            if tries < MAX_TRIES:
                return structs.replace(kept, tries=tries, outages=0), []
            facts = {"reason": failure.message, "tries": tries, "sent_parts": kept.sent_parts}
            return Delivery(cursor=kept.cursor), [News("notification_dropped", None, facts)]
        case _:
            seconds = min(FIRST_WAIT_SECONDS * 2.0 ** min(kept.outages, 32), LONGEST_WAIT_SECONDS)
            return structs.replace(_waiting(kept, seconds, now), outages=kept.outages + 1), []


def _waiting(delivery: Delivery, seconds: float, now: str) -> Delivery:
    return structs.replace(delivery, outages=0, not_before=later(now, seconds))


# -- the words ----------------------------------------------------------------------------------------------------


def render(events: Iterable[Mapping[str, Any]]) -> str:
    """Return one message for these events of the log, in their order, a line each; none: an empty text."""
    return "\n".join(_line(event) for event in events)


def is_wanted(event: Mapping[str, Any], events: Collection[str]) -> bool:
    """Tell whether an event becomes a message: ``events`` are the types that the settings name.

    What subscribers asked for is told whatever the settings name. A campaign may say no by itself.
    """
    if data_of(event).get("telegram") is False:
        return False
    return event.get("type") in events or bool(_names(event))


def _line(event: Mapping[str, Any]) -> str:
    names = ", ".join(_names(event))
    return sentence_of(event, LINE_LIMIT, f"For {names}: {subject_of(event)}" if names else subject_of(event))


def _names(event: Mapping[str, Any]) -> list[str]:
    """Return whom the event is for."""
    names = data_of(event).get("for")
    return [str(name) for name in names] if isinstance(names, list) else []
