"""What the tail of the event log tells at a glance: today's runs, what they used, the last failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from baton.domain.sentences import Event, data_of, sentence_of
from baton.domain.usage import NOTHING, Usage, total
from baton.engine.accounting import usage_in
from baton.engine.glance_values import Failed
from baton.ports import Log

FAILURES = frozenset({"agent_crashed", "task_blocked", "command_refused"})
FAILURES_SHOWN = 10
FIRST_LOOK = 2_000
TEXT_LIMIT = 500


def recent_events(log: Log, day: str) -> list[dict[str, Any]]:
    """Return the newest events: all of this day (``YYYY-MM-DD``), and some from before."""
    count = FIRST_LOOK
    while True:
        events = log.tail(count)
        if len(events) < count or str(events[0].get("at"))[:10] < day:
            return events
        count *= 8


def outcomes_of(events: Iterable[Event], day: str) -> dict[str, int]:
    """Count the runs that ended on this day by their outcome."""
    ended = Counter(str(data_of(event).get("outcome")) for event in events if _ended_on(event, day))
    return dict(sorted(ended.items(), key=lambda pair: (-pair[1], pair[0])))


def usage_of(events: Iterable[Event], day: str) -> Usage:
    """Sum what the runs of this day used."""
    return total(usage_in(data_of(event)) or NOTHING for event in events if _ended_on(event, day))


def failures_of(events: Iterable[Event]) -> list[Failed]:
    """Return the last failures, newest first."""
    found = [event for event in events if event.get("type") in FAILURES]
    return [_failed(event) for event in reversed(found[-FAILURES_SHOWN:])]


def _failed(event: Event) -> Failed:
    text = sentence_of(event, TEXT_LIMIT)
    return Failed(
        at=str(event.get("at")), type=str(event["type"]), task=event.get("task"), run=event.get("run"), text=text
    )


def _ended_on(event: Event, day: str) -> bool:
    return event.get("type") == "run_ended" and str(event.get("at"))[:10] == day
