"""The mark a writer leaves beside its stripe before it commits, and empties when all is done: what a crash left, told.

It is written in place and never synced: it has to survive the death of a process, not of the machine (after a boot the
log is repaired from the records' histories instead).
"""

from __future__ import annotations

import errno
import os

import msgspec

from baton.store.files import PRIVATE_FILE, names_in, write_all

_ROOM = 1024


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A commit under way: from version ``since`` to ``version``; the log's end and the index entries before it."""

    id: str
    version: int
    since: int
    position: tuple[str, int]
    was: tuple[str, ...]


class Marks:
    """The mark files of one kind of record, ``<folder>/<stripe>.<kind>``."""

    def __init__(self, folder: str, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._decoder: msgspec.json.Decoder[Mark] | None = None

    def read(self, stripe: str) -> Mark | None:
        """The mark, or ``None`` when it is empty or was torn by power loss."""
        try:
            fd = os.open(self._path(stripe), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            if os.pread(fd, 1, 0) != b"{":
                return None
            data = os.pread(fd, os.fstat(fd).st_size, 0)
        finally:
            os.close(fd)
        if self._decoder is None:
            self._decoder = msgspec.json.Decoder(Mark)
        try:
            return self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, stripe: str, mark: Mark) -> None:
        """Leave a mark. It keeps its room on disk for good, so that a full disk stops a commit at its first step."""
        data = msgspec.json.encode(mark).ljust(_ROOM)
        fd = os.open(self._path(stripe), os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
        try:
            try:
                if os.fstat(fd).st_size > len(data):
                    data = data.ljust(os.fstat(fd).st_size)
                write_all(fd, data)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    os.ftruncate(fd, 0)
                raise
        finally:
            os.close(fd)

    def clear(self, stripe: str) -> None:
        """Empty the mark, if there is one."""
        try:
            fd = os.open(self._path(stripe), os.O_WRONLY)
        except FileNotFoundError:
            return
        try:
            os.pwrite(fd, b" ", 0)
        finally:
            os.close(fd)

    def clear_all(self) -> None:
        """Empty the marks of all stripes."""
        for name in names_in(self._folder):
            if name.endswith(f".{self._kind}"):
                self.clear(name.removesuffix(f".{self._kind}"))

    def left(self) -> list[str]:
        """The ids of the records whose commit was not finished, a stripe at most one."""
        stripes = [
            name.removesuffix(f".{self._kind}") for name in os.listdir(self._folder) if name.endswith(self._kind)
        ]
        return [mark.id for stripe in stripes if (mark := self.read(stripe)) is not None]

    def _path(self, stripe: str) -> str:
        return os.path.join(self._folder, f"{stripe}.{self._kind}")
