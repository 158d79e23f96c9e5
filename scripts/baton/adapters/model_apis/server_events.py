"""Server-sent events, read from bytes that may be cut anywhere. Memory is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator

EVENT_LIMIT = 4 << 20
_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)


class EventTooLong(Exception):
    """An event is longer than anything an API sends."""


class ServerEvents:
    """Cuts a stream into events: their names and what they carry."""

    def __init__(self) -> None:
        self._rest = b""
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[tuple[str, str]]:
        """Take a piece of the stream and yield the events that end in it."""
        self._rest += data
        start = 0
        for found in _END.finditer(self._rest):
            line, start = self._rest[start : found.start()], found.end()
            yield from self._take(line)
        self._rest = self._rest[start:]
        if len(self._rest) > EVENT_LIMIT:
            raise EventTooLong

    def _take(self, line: bytes) -> Iterator[tuple[str, str]]:
        if not line:
            if self._data:
                yield self._event, "\n".join(self._data)
            self._event, self._data, self._size = "", [], 0
            return
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event = value
        elif name == "data":
            self._size += len(value)
            if self._size > EVENT_LIMIT:
                raise EventTooLong
            self._data.append(value)
