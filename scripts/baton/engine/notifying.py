"""News to people: each channel follows the event log behind its own cursor, at least once; a failing one blocks nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from baton.domain import delivery as d
from baton.domain.delivery import Delivery, DeliveryFailed
from baton.domain.errors import MissingCredentials
from baton.ports import Clock, Log


class Notifier(Protocol):
    """Carries messages to people."""

    name: str

    def missing(self) -> list[str]:
        """The names of variables that are needed and have no value."""

    def send(self, text: str, start_part: int = 0) -> None:
        """Send a text, beginning with one of its parts; ``DeliveryFailed`` tells how far it came."""


class Deliveries(Protocol):
    """Keeps the state of each channel."""

    def read(self, channel: str) -> Delivery:
        """The state of a channel; a new one's when there is none."""

    def write(self, channel: str, delivery: Delivery) -> None:
        """Keep the state of a channel, durably."""


def notify(
    log: Log,
    deliveries: Deliveries,
    clock: Clock,
    channels: Sequence[Callable[[], Notifier]],
    events: Sequence[str],
) -> list[str]:
    """Send what is new to each channel; return what could not be sent, in words without secrets."""
    return [said for channel in channels if (said := _serve(log, deliveries, clock, channel(), events))]


def _serve(log: Log, deliveries: Deliveries, clock: Clock, notifier: Notifier, events: Sequence[str]) -> str | None:
    before = deliveries.read(notifier.name)
    state = before
    if not notifier.missing() and state.pending is None:
        found, cursor = log.read_from(state.cursor)
        wanted = [event for event in found if d.is_wanted(event, events)]
        state = d.take(state, d.render(wanted), cursor)
    elif notifier.missing():
        # Without credentials nothing is piled up for later: the channel stays at the end of the log.
        state = d.skip(state, log.read_from(None)[1])
    if state != before:
        deliveries.write(notifier.name, state)
    if state.pending is None or not d.is_due(state, clock.now()):
        return None
    return _send(log, deliveries, clock, notifier, state)


def _send(log: Log, deliveries: Deliveries, clock: Clock, notifier: Notifier, state: Delivery) -> str | None:
    assert state.pending is not None
    try:
        notifier.send(state.pending, state.sent_parts)
    except MissingCredentials:
        return None
    except DeliveryFailed as failure:
        after, news = d.after_failure(state, failure, clock.now())
        deliveries.write(notifier.name, after)
        for item in news:
            log.note(item.type, {"channel": notifier.name, **item.data})
        return f"{notifier.name}: {failure.message}"
    deliveries.write(notifier.name, d.after_success(state))
    return None
