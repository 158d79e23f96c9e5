"""The events of streaming runs, ``state/streams/<run>.ndjson``: one file a run, one writer at a time, any readers.

Beside each stands ``<run>.open`` as long as its end has not been told. A writer holds flock on the file itself. What is
appended is not synced piece by piece: what power may take of a step that goes on is told again, under higher ids.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from io import FileIO
from typing import Any

from baton.domain.errors import StorageError
from baton.domain.stream_events import Progress, StreamEvent, compacted, numbered, progress_of, since
from baton.store.files import PRIVATE_FILE, discard, make_folder, names_in, replace, said, sync_folder

ENDING = ".ndjson"
OPEN = ".open"
READ_LIMIT = 1 << 18
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.01


class StreamFiles:
    """The events of all runs of a home."""

    def __init__(self, folder: str, temporary: str) -> None:
        self._folder = folder
        self._temporary = temporary

    def make(self, run: str) -> None:
        """Make the file of a new run, durably; it is there before the record, so that the record is found by it."""
        with said(self._folder):
            make_folder(self._folder, durable=True)
            for path in (self._path(run, OPEN), self._path(run)):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
            sync_folder(self._folder)

    def runs(self) -> list[str]:
        """The ids of all runs that have events, or will have."""
        return sorted(name.removesuffix(ENDING) for name in names_in(self._folder) if name.endswith(ENDING))

    def open_runs(self) -> list[str]:
        """The ids of those whose end has not been told."""
        return sorted(name.removesuffix(OPEN) for name in names_in(self._folder) if name.endswith(OPEN))

    def is_open(self, run: str) -> bool:
        """Tell whether the run's end has not been told: more will come."""
        return os.path.exists(self._path(run, OPEN))

    def sign(self, run: str) -> tuple[int, ...] | None:
        """Something that differs after every change of a run's events; ``None`` where there are none of such a run."""
        try:
            found = os.stat(self._path(run))
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, self.is_open(run)

    def written_at(self, run: str) -> float | None:
        """When the run's file was last written, in epoch seconds; ``None`` when it is gone."""
        try:
            return os.stat(self._path(run)).st_mtime
        except FileNotFoundError:
            return None

    def writer(self, run: str, *, waits: bool = True) -> StreamWriter | None:
        """Take the run's file to write; ``None`` when somebody else has it and we do not wait for them."""
        path = self._path(run)
        end = time.monotonic() + (WAIT_SECONDS if waits else 0.0)
        with said(path):
            while (fd := _taken(path)) is None:
                if time.monotonic() >= end:
                    if waits:
                        raise StorageError(f"{path} is being written by somebody else", cure="try again")
                    return None
                time.sleep(POLL_SECONDS)
            try:
                return StreamWriter(fd, path, self._path(run, OPEN), os.path.join(self._temporary, f"stream-{run}"))
            except BaseException:
                os.close(fd)
                raise

    def reader(self, run: str, since: int = 0) -> StreamReader:
        """Read the run's events from behind this id on, as they come."""
        return StreamReader(self._path(run), since)

    def all(self, run: str) -> list[StreamEvent]:
        """Every event of the run."""
        reader, events = self.reader(run), list[StreamEvent]()
        try:
            while more := reader.read():
                events += more
        finally:
            reader.close()
        return events

    def remove(self, run: str) -> bool:
        """Remove what there is of a run; tell whether it is gone."""
        for path in (self._path(run, OPEN), self._path(run)):
            discard(path)
        return not os.path.lexists(self._path(run))

    def _path(self, run: str, ending: str = ENDING) -> str:
        return os.path.join(self._folder, f"{run}{ending}")


class StreamWriter:
    """The one who writes a run's events now. ``progress`` is what they say so far."""

    def __init__(self, fd: int, path: str, marker: str, temporary: str) -> None:
        self._fd = fd
        self._path = path
        self._marker = marker
        self._temporary = f"{temporary}-{os.getpid()}"
        data = _all_of(fd)
        self._size = data.rfind(b"\n") + 1
        self._drafts: list[StreamEvent] = []
        self.progress: Progress = progress_of(_decoded(data[: self._size]))
        if self._size < len(data):  # torn by a crash
            os.ftruncate(fd, self._size)

    def append(self, drafts: Iterable[StreamEvent], now: str, *, durable: bool = False) -> bool:
        """Append events, numbered here; tell whether they are written.

        What the disk does not take is kept, and written first the next time: ids and order stay.
        """
        events = numbered(list(drafts), self.progress.last_id, now)
        for event in events:
            self.progress.take(event)
        self._drafts += events
        data = b"".join(_encoded(event) for event in self._drafts)
        try:
            written = os.pwrite(self._fd, data, self._size)
            if written != len(data):
                os.ftruncate(self._fd, self._size)
                return False
            self._size += written
            self._drafts = []
            if durable:
                os.fsync(self._fd)
        except OSError:
            return False
        return True

    def mark_open(self) -> None:
        """Note that an end is to be told, once more of a run that goes on after its end."""
        with said(self._marker):
            os.close(os.open(self._marker, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))

    def end(self) -> None:
        """Join the pieces of an ended run, and note that its end has been told. Readers go on by their ids."""
        with said(self._path):
            os.fsync(self._fd)
            events = compacted(_decoded(_all_of(self._fd)))
            data = b"".join(_encoded(event) for event in events)
            if len(data) < self._size:
                replace(self._path, data, self._temporary)
        discard(self._marker)

    def close(self) -> None:
        """Let others write."""
        os.close(self._fd)


class StreamReader:
    """Reads one run's events from behind a cursor on, as they come, also over the moments when its pieces are joined.

    It keeps the file open: as long as it does, no other file can have its number, so that one is known from the other.
    """

    def __init__(self, path: str, since: int = 0) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._offset = 0
        self.last_id = since

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def has_news(self) -> bool:
        """Tell whether there may be more: one look at the file, which is not read."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return False
        return not self._has_open(found) or found.st_size > self._offset

    def read(self) -> list[StreamEvent]:
        """Return what has come since, at most about ``READ_LIMIT`` bytes of it; nothing of a run that has no file yet."""
        while self.has_news():
            file = self._current()
            data = self._whole_lines(file.fileno()) if file is not None else b""
            if not data:
                return []
            self._offset += len(data)
            events = [event for one in _decoded(data) if (event := since(one, self.last_id)) is not None]
            if events:
                self.last_id = events[-1]["id"]
                return events
        return []

    def _has_open(self, found: os.stat_result) -> bool:
        return self._file is not None and os.path.samestat(os.fstat(self._file.fileno()), found)

    def _current(self) -> FileIO | None:
        """Open the file that bears the name now, from its beginning on, unless we have it."""
        try:
            if not self._has_open(os.stat(self._path)):
                file = open(self._path, "rb", buffering=0)  # noqa: SIM115 - until it is replaced, or we are closed
                self.close()
                self._file, self._offset = file, 0
        except FileNotFoundError:
            return None
        return self._file

    def _whole_lines(self, fd: int) -> bytes:
        """Return the whole lines from where we stand; one that is longer than a piece is read to its end."""
        size = READ_LIMIT
        while True:
            data = os.pread(fd, size, self._offset)
            end = data.rfind(b"\n") + 1
            if end or len(data) < size:
                return data[:end]
            size *= 4


def _taken(path: str) -> int | None:
    """Lock the file that bears this name now; ``None`` when somebody else has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its pieces may have been joined between our open and our lock: then this is the old file.
        if os.fstat(fd).st_ino == os.stat(path).st_ino:
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return None


def _all_of(fd: int) -> bytes:
    parts, offset = [], 0
    while part := os.pread(fd, 1 << 20, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _encoded(event: StreamEvent) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _decoded(data: bytes) -> Iterator[StreamEvent]:
    for line in data.split(b"\n"):
        if line:
            event = _event_in(line)
            if event is not None:
                yield event


def _event_in(line: bytes) -> StreamEvent | None:
    # A hole that power loss left is no event: the ids behind it say what is missing.
    try:
        found: Any = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("id"), int) else None
