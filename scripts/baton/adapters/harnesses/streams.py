"""Reading what agent programs print, one JSON object a line, while they print it: any bytes, cut anywhere.

Memory is bounded whatever comes, and nothing that comes raises.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

OBJECT_LIMIT = 1 << 20
NUMBER_LIMIT = 10**15
NAME_LIMIT = 60
NAMES_LIMIT = 32

Counts = dict[str, int | float]


class Fields:
    """An object of which nothing is known beforehand: asked for a type, it returns something of that type."""

    def __init__(self, data: object = None) -> None:
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}

    def text(self, key: str, limit: int = OBJECT_LIMIT) -> str:
        """A text, at most ``limit`` characters of it."""
        return _text(self.data.get(key), limit)

    def word(self, key: str) -> str:
        """A text that should be short."""
        return self.text(key, NAME_LIMIT)

    def number(self, key: str) -> int | float | None:
        """A number that can be counted with and stored: finite, not negative."""
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if 0 <= value <= NUMBER_LIMIT else None

    def fields(self, key: str) -> Fields:
        """An object."""
        return Fields(self.data.get(key))

    def all(self, key: str) -> list[Fields]:
        """The objects of a list."""
        value = self.data.get(key)
        return [Fields(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []

    def texts(self, key: str, limit: int) -> list[str]:
        """The first texts of a list."""
        value = self.data.get(key)
        return [_text(one, limit) for one in value[:NAMES_LIMIT]] if isinstance(value, list) else []

    def named(self, key: str) -> dict[str, Fields]:
        """The first objects of an object, by their names."""
        items = list(self.fields(key).data.items())[:NAMES_LIMIT]
        return {_text(name, NAME_LIMIT): Fields(value) for name, value in items}

    def counts(self, names: Mapping[str, str]) -> Counts:
        """Numbers; ``names`` says what each of ours is called here."""
        found = {ours: self.number(theirs) for ours, theirs in names.items()}
        return {ours: number for ours, number in found.items() if number is not None}


class ObjectReader:
    """Cuts a stream into lines, and decodes those that hold an object.

    Of a line longer than ``OBJECT_LIMIT`` nothing is kept but that there was one (``skipped``). Whatever else is no
    JSON object is passed over: programs warn, and tools print, where only events should stand.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._line = bytearray()
        self._is_too_long = False

    def feed(self, data: bytes) -> Iterator[Fields]:
        """Take a piece of the stream and yield the objects that end in it; it is taken when all were asked for."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._keep(data, start, end)
            yield from self.end()
            start = end + 1
        self._keep(data, start, len(data))

    def end(self) -> Iterator[Fields]:
        """End the line: yield its object, if it holds one. The last line of a stream may lack its newline."""
        self.skipped += self._is_too_long
        line, self._line, self._is_too_long = bytes(self._line), bytearray(), False
        found = _decoded(line) if line else None
        if isinstance(found, dict):
            yield Fields(found)

    def _keep(self, data: bytes, start: int, end: int) -> None:
        if len(self._line) + end - start > OBJECT_LIMIT:
            self._is_too_long, self._line = True, bytearray()
        elif not self._is_too_long:
            self._line += memoryview(data)[start:end]


def _decoded(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (ValueError, RecursionError):
        pass
    # Half a character, as programs write that cut a text at some length: only the lenient decoder takes it.
    try:
        return json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _text(value: object, limit: int) -> str:
    # Half a character cannot be written as UTF-8.
    return value[:limit].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def summed(many: Iterable[Counts]) -> Counts:
    """Return the sums of sets of counts."""
    total: Counts = {}
    for counts in many:
        total |= {name: total.get(name, 0) + number for name, number in counts.items()}
    return total


def count_up(counts: dict[str, int], name: str) -> str:
    """Count a name once more, as long as there are not too many names; return it, made fit to be shown."""
    known = one_line(name, NAME_LIMIT) or "a tool"
    if known in counts or len(counts) < NAMES_LIMIT:
        counts[known] = counts.get(known, 0) + 1
    return known


def one_line(text: str, limit: int) -> str:
    """Return a text as one printable line, cut at ``limit`` characters."""
    # What is cut off is not looked at, but for a little that may turn out to be blanks.
    words = "".join(char if char.isprintable() else " " for char in text[: 4 * limit]).split()
    line = " ".join(words)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def last_line(text: str, limit: int) -> str:
    """Return the last line of a text that is not blank, printable, cut at ``limit`` characters."""
    lines = text[-4 * limit :].strip().splitlines()
    return one_line(lines[-1], limit) if lines else ""
