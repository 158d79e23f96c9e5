"""The event log: one JSON object a line, a file a day. Appended under its own lock, always taken last.

A file's name is chosen under the lock and never goes back, so a cursor (file, offset) stays exact across clock jumps.
A whole line is never removed; an unterminated tail, left by a kill or a full disk, is cut before the next append. (But
after a power loss that left a hole, what lies behind it is written again, in its order.)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from baton.domain.records import Event
from baton.store.files import PRIVATE_FILE, discard, names_in, sync_folder, write_all
from baton.store.locks import Locks

if TYPE_CHECKING:
    from baton.ports import Clock

LOCK = "log.lock"
SUFFIX = ".ndjson"
REFUSED = "refused/"  # what the ids of lines that belong to no record begin with
_CHUNK = 1 << 16
_encode = msgspec.json.Encoder().encode


class EventLog:
    """The log below ``folder`` (``state/events``)."""

    def __init__(self, folder: str, locks: Locks, clock: Clock) -> None:
        self.folder = folder
        self._locks = locks
        self._clock = clock

    # -- writing ------------------------------------------------------------------------------------------------

    def position(self) -> tuple[str, int]:
        """The newest file and the end of its last whole line: what is appended from now on lies behind this place.

        Its size would not do: what stands behind the last newline may be cut, and the next line begin before it.
        """
        newest = self._newest()
        if not newest:
            return "", 0
        fd = os.open(self._path(newest), os.O_RDONLY)
        try:
            return newest, _whole(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)

    def append(self, events: Sequence[Event]) -> None:
        """Append events, all in one write."""
        with self._locks.hold(LOCK):
            self._append(events)

    def append_missing(self, events: Sequence[Event], since: tuple[str, int]) -> None:
        """Append those of the events that are not in the log from ``since`` on."""
        with self._locks.hold(LOCK):
            wanted = {event.id for event in events}
            for name in self._names_from(since[0]):
                start = since[1] if name == since[0] else 0
                wanted -= wanted.intersection(_ids(self._lines(name, start)))
            self._append([event for event in events if event.id in wanted])

    def note(
        self,
        event: str,
        data: Mapping[str, Any],
        *,
        task: str | None = None,
        campaign: str | None = None,
        run: str | None = None,
    ) -> None:
        """Leave one line that belongs to no record; a failure is swallowed, since nothing depends on it."""
        line = Event(
            id=f"{REFUSED}{os.urandom(8).hex()}",
            at=self._clock.now(),
            type=event,
            task=task,
            campaign=campaign,
            run=run,
            data=dict(data),
        )
        try:
            self.append([line])
        except Exception:  # noqa: BLE001 - the refusal itself is what the caller must hear of
            return

    def sync(self) -> None:
        """Make everything appended so far survive power loss."""
        newest = self._newest()
        if newest:
            self._sync(newest)

    def _append(self, events: Sequence[Event]) -> None:
        if not events:
            return
        newest = self._newest()
        name = max(self._clock.now()[:10] + SUFFIX, newest)
        if newest and name != newest:
            self._sync(newest)
        fd = os.open(self._path(name), os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        try:
            size = self._cut_tail(fd)
            if size == 0:
                sync_folder(self.folder)
            try:
                write_all(fd, b"".join(_encode(event) + b"\n" for event in events))
            except OSError:
                self._cut_tail(fd)  # only what is not whole: a reader may stand behind a line that was
                raise
        finally:
            os.close(fd)

    def _cut_tail(self, fd: int) -> int:
        """Cut what stands behind the last newline; return the size then."""
        size = os.fstat(fd).st_size
        end = _whole(fd, size)
        if end != size:
            os.ftruncate(fd, end)
        return end

    # -- reading ------------------------------------------------------------------------------------------------

    def tail(self, count: int) -> list[dict[str, Any]]:
        """The newest ``count`` events, oldest first."""
        found: list[dict[str, Any]] = []
        for name in reversed(self._names()):
            if len(found) >= count:
                break
            events = _decoded(self._lines(name, 0))
            found = events[-(count - len(found)) :] + found
        return found

    def since(self, day: str, type: str) -> Iterator[dict[str, Any]]:
        """The events of one type of this day and later, oldest first: a file of a day holds none of a later one."""
        return self._matching(day, f'"{type}"', "type", type)

    def first_day(self) -> str | None:
        """The day of the oldest file."""
        return min(self._names(), default="").removesuffix(SUFFIX) or None

    def read_from(
        self, cursor: tuple[str, int] | None, most_bytes: int | None = None
    ) -> tuple[list[dict[str, Any]], tuple[str, int]]:
        """Events behind the cursor, and the cursor behind them; for ``None`` only the cursor at the end."""
        events: list[dict[str, Any]] = []
        if cursor is None:
            cursor = self.position()
            self.sync()
            return events, cursor
        for name in self._names_from(cursor[0]):
            start = cursor[1] if name == cursor[0] else 0
            lines = self._lines(name, start, most_bytes)
            events += _decoded(lines)
            read = sum(len(line) for line in lines)
            cursor = (name, start + read)
            if most_bytes is not None:
                most_bytes -= read
                if most_bytes <= 0 or (read and start + read < self._size(name)):
                    break  # the rest is for the next call
        # Only now: what was appended while we read has to be safe too. Files before the newest are, since their day.
        self.sync()
        return events, cursor

    def about(self, kind: str, id: str, since_day: str) -> Iterator[dict[str, Any]]:
        """The events about one task or campaign, oldest first; ``since_day``: of the record's first (``YYYY-MM-DD``).

        A file's name is never before the day of what stands in it.
        """
        return self._matching(since_day, f'"{kind}":"{id}"', kind, id)

    def give_back(self, histories: Iterable[Sequence[Event]]) -> int:
        """Append what power loss took from the log but not from the records; return how many events that were.

        The caller holds the log's lock, since no event may be written while it is decided which are missing. An event
        older than the oldest file was dropped by retention, not lost.
        """
        names = self._names()
        wanted = {event.id: event for history in histories for event in history}
        if names:
            self._cut_hole(names[-1], set(wanted))
        for name in reversed(names):
            if not wanted:
                break
            for id in _ids(self._lines(name, 0)):
                wanted.pop(id, None)
        oldest = names[0] if names else ""
        lost = [event for event in wanted.values() if event.at[:10] + SUFFIX >= oldest]
        self._append(lost)  # not synced: if the power goes once more, the next boot gives it back once more
        return len(lost)

    def _cut_hole(self, name: str, known: set[str]) -> None:
        """Cut a file where a write is missing though a later one is there: given back behind it, events would be late.

        A disk leaves zeros in its place. Nobody has synced what lies behind, so no reader's cursor stands there; and
        only what can be given back is cut.
        """
        lines = self._lines(name, 0)
        whole = next((number for number, line in enumerate(lines) if b"\0" in line), len(lines))
        behind = {id for id in _ids(lines[whole:]) if not id.startswith(REFUSED)}
        if behind <= known and whole < len(lines):
            os.truncate(self._path(name), sum(len(line) for line in lines[:whole]))

    def has_before(self, day: str) -> bool:
        """Tell whether there is a file of a day before ``day``, besides the newest."""
        return any(name < day for name in self._names()[:-1])

    def drop_before(self, day: str) -> int:
        """Remove the files of days before ``day`` (``YYYY-MM-DD``), never the newest; return how many."""
        with self._locks.hold(LOCK):
            old = [name for name in self._names()[:-1] if name < day]
            for name in old:
                discard(self._path(name))
            return len(old)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _names(self) -> list[str]:
        return sorted(name for name in names_in(self.folder) if name.endswith(SUFFIX))

    def _names_from(self, name: str) -> list[str]:
        return [other for other in self._names() if other >= name]

    def _newest(self) -> str:
        return max((name for name in names_in(self.folder) if name.endswith(SUFFIX)), default="")

    def _sync(self, name: str) -> None:
        fd = os.open(self._path(name), os.O_RDONLY)
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def _matching(self, day: str, sign: str, field: str, value: str) -> Iterator[dict[str, Any]]:
        """The events of ``day`` and later whose field has this value. Lines without the sign are not decoded."""
        searched = sign.encode()
        for name in self._names_from(day):
            for event in _decoded(line for line in self._lines(name, 0) if searched in line):
                if event.get(field) == value:
                    yield event

    def _size(self, name: str) -> int:
        try:
            return os.stat(self._path(name)).st_size
        except FileNotFoundError:
            return 0

    def _lines(self, name: str, start: int, most_bytes: int | None = None) -> list[bytes]:
        """The whole lines of a file from ``start`` on; an unterminated tail is still being written, or lost.

        Of more than ``most_bytes`` only the first ones, but one at least.
        """
        try:
            with open(self._path(name), "rb") as file:
                file.seek(start)
                data = file.read(-1 if most_bytes is None else most_bytes)
                if most_bytes is not None and b"\n" not in data:
                    data += file.readline()
        except FileNotFoundError:
            return []
        return data[: data.rfind(b"\n") + 1].splitlines(keepends=True)


def _whole(fd: int, size: int) -> int:
    """Return the offset behind the last newline before ``size``."""
    if size == 0 or os.pread(fd, 1, size - 1) == b"\n":
        return size
    end = size
    while end > 0:
        start = max(0, end - _CHUNK)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _decoded(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    events = []
    for line in lines:
        try:
            event = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # damaged on disk: the other lines still count, and doctor names the file
        if isinstance(event, dict):
            events.append(event)
    return events


def _ids(lines: Iterable[bytes]) -> set[str]:
    return {str(event.get("id")) for event in _decoded(lines)}
