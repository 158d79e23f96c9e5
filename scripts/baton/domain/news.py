"""From "this happened" to dated, numbered events at the tail of a record: the same for every kind of record."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from msgspec import Struct, structs

from baton.domain.records import HISTORY_KEPT, HISTORY_LIMIT, Event


class Record(Protocol):
    """What every record has: an id, a version, stamps, the tail of its history."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def updated_at(self) -> str: ...
    @property
    def history(self) -> tuple[Event, ...]: ...


R = TypeVar("R", bound=Any)


class News(Struct, frozen=True):
    """One thing that happened, before it is dated: an event type in past tense, the run, free data."""

    type: str
    run: str | None = None
    data: dict[str, Any] = {}


class Change(Struct, frozen=True):
    """What a handler returns: the new record and what happened to it, in order."""

    record: Any
    news: tuple[News, ...] = ()


def last_line(text: str) -> str:
    """Return the last line of what was said, as an event tells it."""
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""


def stamp_for(record: Record, now: str) -> str:
    """Return the instant to write: now, but never before the record's last change."""
    return max(now, record.updated_at)


def stamped(kind: str, before: R | None, change: Change, now: str) -> tuple[R, list[Event]]:
    """Return the changed record with version, date and history brought up to date, and its new events."""
    record = change.record
    at = stamp_for(before, now) if before is not None else now
    version = record.version + 1
    task = record.id if kind == "task" else None
    campaign = record.campaign if kind == "task" else record.id if kind == "campaign" else None
    events = [
        Event(
            id=f"{kind}/{record.id}:{version}:{number}",
            at=at,
            type=news.type,
            task=task,
            campaign=campaign,
            run=news.run,
            version=version,
            data=news.data,
        )
        for number, news in enumerate(change.news)
    ]
    history = (*record.history, *events)
    if len(history) > HISTORY_LIMIT:
        # Cut well below the limit: each cut costs a sync of the log, since what leaves the record must be safe there.
        history = history[-max(HISTORY_KEPT, len(events)) :]
    return structs.replace(record, version=version, updated_at=at, history=history), events
