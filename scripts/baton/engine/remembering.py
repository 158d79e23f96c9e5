"""The memory that Baton itself writes: lessons and the pages of days, from the news of the log, once a sweep.

Like a channel of messages it follows the log behind a cursor of its own, which moves when all is written. Whatever is
read once more after a crash makes the same lines, and a line that stands in its page is not added again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from msgspec import structs

from baton.domain.delivery import MEMORY, Delivery
from baton.domain.errors import InvalidInput
from baton.domain.lessons import lessons_of, with_lessons
from baton.domain.memory import DAILY, LESSONS, day_lines, with_day_lines
from baton.domain.redaction import redact
from baton.ports import Clock, Log, Memories

# Of a longer log the rest is for the next sweep: memory may be late, a sweep must not be.
MOST_BYTES = 4 << 20


class Cursors(Protocol):
    """Keeps how far the log was read."""

    def read(self, channel: str) -> Delivery:
        """The state of a channel; a new one's when there is none."""

    def write(self, channel: str, delivery: Delivery) -> None:
        """Keep the state of a channel, durably."""


def remember(
    log: Log,
    cursors: Cursors,
    memories: Memories,
    secrets: Callable[[], Collection[str]],
    clock: Clock,
    *,
    lessons: int,
    oldest_day: str,
) -> None:
    """Write down what is new: lessons, at most so many an agent, and what happened on days from ``oldest_day`` on."""
    state = cursors.read(MEMORY)
    events, cursor = log.read_from(state.cursor or ("", 0), MOST_BYTES)
    if events:
        _write(events, log, memories, secrets(), clock, lessons=lessons, oldest_day=oldest_day)
    if cursor != state.cursor:
        cursors.write(MEMORY, structs.replace(state, cursor=cursor))


def _write(
    events: list[dict[str, Any]],
    log: Log,
    memories: Memories,
    secrets: Collection[str],
    clock: Clock,
    *,
    lessons: int,
    oldest_day: str,
) -> None:
    learned = [(agent, redact(line, secrets)) for event in events for agent, line in lessons_of(event)]
    if learned:
        _change(memories, log, clock, LESSONS, lambda text: redact(with_lessons(text, learned, lessons), secrets))
    pages: Mapping[str, list[str]] = day_lines(events, secrets)
    for day, lines in pages.items():
        if day >= oldest_day:
            _change(memories, log, clock, f"{DAILY}/{day}.md", _adding(day, lines))


def _adding(day: str, lines: list[str]) -> Callable[[str], str]:
    return lambda text: with_day_lines(text, day, lines)


def _change(memories: Memories, log: Log, clock: Clock, name: str, change: Callable[[str], str]) -> None:
    """Change a page; one that is too large to be gone on with, or is no file, is set aside, and a new one begun."""
    try:
        memories.change(name, change)
    except InvalidInput as error:
        kept = f"{name.removesuffix('.md')}.set-aside-{clock.now()[:10]}.md"
        memories.set_aside(name, kept)
        log.note("memory_set_aside", {"file": f"memory/{name}", "kept": f"memory/{kept}", "reason": error.message})
        memories.change(name, change)
