"""What the tail of the event log tells at a glance: today's runs, what they used, the last failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from baton.domain.usage import NOTHING, Usage, total
from baton.engine.accounting import usage_in
from baton.engine.glance_values import Failed
from baton.ports import Log

Event = Mapping[str, Any]

FAILURES = frozenset({"agent_crashed", "task_blocked", "command_refused"})
FAILURES_SHOWN = 10
FIRST_LOOK = 2_000


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
    ended = Counter(str(_data(event).get("outcome")) for event in events if _ended_on(event, day))
    return dict(sorted(ended.items(), key=lambda pair: (-pair[1], pair[0])))


def usage_of(events: Iterable[Event], day: str) -> Usage:
    """Sum what the runs of this day used."""
    return total(usage_in(_data(event)) or NOTHING for event in events if _ended_on(event, day))


def failures_of(events: Iterable[Event]) -> list[Failed]:
    """Return the last failures, newest first."""
    found = [event for event in events if event.get("type") in FAILURES]
    return [_failed(event) for event in reversed(found[-FAILURES_SHOWN:])]


def _failed(event: Event) -> Failed:
    data = _data(event)
    if event["type"] == "agent_crashed":
        text = f"{data.get('agent')} {str(data.get('outcome')).replace('_', ' ')}"
        if data.get("exit_code") is not None:
            text += f" with exit code {data['exit_code']}"
        text += f": {data['message']}" if data.get("message") else ""
    elif event["type"] == "task_blocked":
        text = f"blocked ({data.get('kind')}): {data.get('reason')}"
    else:
        text = f"{data.get('command')} refused: {data.get('reason')}"
    return Failed(
        at=str(event.get("at")), type=str(event["type"]), task=event.get("task"), run=event.get("run"), text=text
    )


def _ended_on(event: Event, day: str) -> bool:
    return event.get("type") == "run_ended" and str(event.get("at"))[:10] == day


def _data(event: Event) -> Mapping[str, Any]:
    data = event.get("data")
    return data if isinstance(data, Mapping) else {}
