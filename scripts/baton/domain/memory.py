"""What agents remember: a glimpse of a file of any size and content, fit for a prompt; the pages of single days.

Nothing that stands in a memory file may break a run, look like a part of the prompt, or carry a secret to a model.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from baton.domain.redaction import masked, redact
from baton.domain.sentences import sentence_of, subject_of


class Layer(StrEnum):
    """The three layers, as folders below ``memory/``."""

    WORKING = "WORKING"
    DAILY = "daily"
    LONG_TERM = "long-term"


WORKING, DAILY, LONG_TERM = Layer.WORKING.value, Layer.DAILY.value, Layer.LONG_TERM.value
LESSONS = f"{LONG_TERM}/LESSONS_LEARNED.md"
# A secret that the cut goes through is still seen whole beyond it; no known one is longer.
MARGIN = 4096
# Beyond it no program of ours rewrites a file; its reader never holds more of one than the glimpse it asked for.
LARGEST_BYTES = 1 << 20
DAY_BYTES = 256 << 10
SENTENCE_LIMIT = 300
MORE = "- More happened on this day: the event log has it all."
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What only says that the machinery turns; what came of it is told by other events.
PASSED_OVER = frozenset(
    {
        "agent_heard",
        "backoff_ended",
        "command_refused",
        "dependency_met",
        "heartbeat_skipped",
        "lease_expired",
        "lease_granted",
        "lease_released",
        "lease_renewed",
        "lease_revoked",
        "run_ended",
        "run_reported",
        "run_started",
        "service_attempted",
        "wish_changed",
    }
)


class Glimpse(Struct, frozen=True, kw_only=True):
    """What was read of a file of ``size`` bytes: all of it in ``head``, or its two ends."""

    size: int
    head: bytes
    tail: bytes = b""


class Given(Struct, frozen=True, kw_only=True):
    """What a prompt is given of a file: its lines; how many secrets were masked; how many bytes were left out.

    ``problem``: why there is nothing, or less than there was.
    """

    lines: tuple[str, ...] = ()
    masked: int = 0
    left_out: int = 0
    problem: str = ""


def given(glimpse: Glimpse | None, secrets: Collection[str], limit: int, path: str) -> Given:
    """Return what a prompt is given of a file: at most about ``limit`` bytes, both ends, a pointer in between."""
    if glimpse is None:
        return Given()
    head, count = masked(_text(glimpse.head), secrets)
    size = len(head.encode())
    if not glimpse.tail and size <= limit:
        return Given(lines=_lines(head), masked=count)
    tail, tail_count = masked(_text(glimpse.tail), secrets) if glimpse.tail else (head, 0)
    first, last = _cut(head.encode()[: limit // 2]), _cut(tail.encode()[-(limit // 2) :])
    left_out = max(glimpse.size, size) - len(first.encode()) - len(last.encode())
    pointer = f"[... {left_out} bytes are left out here: {path} is too long. Keep in it only what you need again ...]"
    said = f"it is {glimpse.size} bytes long, and {limit} were given"
    lines = (*_lines(first), pointer, *_lines(last))
    return Given(lines=lines, masked=count + tail_count, left_out=left_out, problem=said)


def is_day(text: str) -> bool:
    """Tell whether this is how a day is written."""
    return _DAY.fullmatch(text) is not None


def day_lines(events: Iterable[Mapping[str, Any]], secrets: Collection[str]) -> dict[str, list[str]]:
    """Return what these events add to the pages of their days: a line each, which an event always makes alike."""
    found: dict[str, list[str]] = {}
    for event in events:
        at = str(event.get("at"))
        if event.get("type") in PASSED_OVER or not is_day(at[:10]):
            continue
        sentence = redact(sentence_of(event, SENTENCE_LIMIT, subject_of(event)), secrets)
        found.setdefault(at[:10], []).append(f"- {at[11:19]} {sentence}")
    return found


def with_day_lines(text: str, day: str, lines: Iterable[str]) -> str:
    """Return the page of a day with these lines; those that stand there are not added again, nor more than there is room."""
    text = text or f"# {day}\n\nWhat happened, in UTC. Baton adds to it at each sweep; what you write here stays.\n\n"
    there = set(text.splitlines())
    if MORE in there:
        return text
    text = text if text.endswith("\n") else f"{text}\n"
    room = DAY_BYTES - len(text.encode(errors="surrogateescape"))
    added = []
    for line in lines:
        if line in there:
            continue
        room -= len(line.encode()) + 1
        if room < 0:
            added.append(MORE)
            break
        there.add(line)
        added.append(line)
    return text + "".join(f"{line}\n" for line in added)


def without_lines(text: str, containing: str) -> tuple[str, int]:
    """Return a text without the lines that hold these words, in any case; and how many those were."""
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if containing.casefold() not in line.casefold()]
    return "".join(kept), len(lines) - len(kept)


def _text(data: bytes) -> str:
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\n" if c in "\r\x0b\x0c\x85\u2028\u2029" else "\ufffd" for c in text
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.rstrip() for line in text.strip().splitlines())


def _cut(data: bytes) -> str:
    return data.decode("utf-8", "ignore")
