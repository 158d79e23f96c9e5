"""Memory on disk, ``memory/``: Markdown in three layers, which people and agents change with tools of their own.

So nothing is trusted here: a file may be of any size, no text, a link out of the folder, a pipe, or gone. What Baton
itself changes it changes under one lock, whole, by a rename; who writes at the same moment without the lock may lose.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress

from baton.domain.errors import InvalidInput, PermissionRefused
from baton.domain.memory import DAILY, LARGEST_BYTES, LONG_TERM, MARGIN, WORKING, Glimpse, is_day
from baton.store.files import make_folder, names_in, replace, said
from baton.store.locks import Locks

LOCK = "memory.lock"
SUFFIX = ".md"
LAYERS = (WORKING, DAILY, LONG_TERM)


class MemoryFiles:
    """The files below ``folder``. A name is a path in it, like ``WORKING/content-writer.md``."""

    def __init__(self, folder: str, locks: Locks, prepare: Callable[[], None]) -> None:
        self._folder = folder
        self._locks = locks
        self._prepare = prepare

    def path(self, name: str) -> str:
        """Where a file stands, or would stand."""
        return os.path.join(self._folder, name)

    def names(self, layer: str) -> list[str]:
        """The files of a layer, by name."""
        found = names_in(self.path(layer))
        return sorted(f"{layer}/{name}" for name in found if name.endswith(SUFFIX) and not name.startswith("."))

    def make_layer(self, layer: str) -> str:
        """Make the folder of a layer if it is missing; return it. One that leads out of the memory is refused."""
        folder = self.path(layer)
        with said(folder):
            make_folder(folder)
            self._inside(folder)
        return folder

    def glimpse(self, name: str, limit: int) -> Glimpse | None:
        """Read a file, or as much of its ends as a prompt with this limit needs; ``None`` when there is none."""
        path = self.path(name)
        with said(path):
            fd = self._open(path)
            if fd is None:
                return None
            try:
                size = os.fstat(fd).st_size
                if size <= limit + 2 * MARGIN:
                    return Glimpse(size=size, head=_read(fd, 0, limit + 2 * MARGIN))
                window = limit // 2 + MARGIN
                return Glimpse(size=size, head=_read(fd, 0, window), tail=_read(fd, size - window, window))
            finally:
                os.close(fd)

    def text(self, name: str) -> str:
        """Return a whole file, empty when there is none; bytes that are no UTF-8 come as surrogates, and so go back."""
        path = self.path(name)
        with said(path):
            fd = self._open(path)
            if fd is None:
                return ""
            try:
                if os.fstat(fd).st_size > LARGEST_BYTES:
                    raise InvalidInput(f"{path} is larger than {LARGEST_BYTES >> 20} MB", cure="shorten it by hand")
                return _read(fd, 0, LARGEST_BYTES).decode("utf-8", "surrogateescape")
            finally:
                os.close(fd)

    def change(self, name: str, change: Callable[[str], str]) -> bool:
        """Put what ``change`` makes of a file's text in its place, durably; tell whether that is something else."""
        path = self.path(name)
        self._prepare()
        with self.alone():
            self.make_layer(os.path.dirname(name))
            before = self.text(name)
            after = change(before)
            if after == before:
                return False
            with said(path):
                target = os.path.realpath(path)
                folder, file = os.path.split(target)
                # Beside it, since the memory may be on another disk. One name: whoever was killed leaves one at most.
                temporary = os.path.join(folder, f".{file}.new")
                with suppress(FileNotFoundError):
                    os.unlink(temporary)
                replace(target, after.encode("utf-8", "surrogateescape"), temporary)
            return True

    def remove(self, name: str) -> bool:
        """Remove a file; tell whether there was one."""
        self._prepare()
        with self.alone(), said(self.path(name)):
            self._inside(os.path.dirname(self.path(name)))
            try:
                os.unlink(self.path(name))
            except FileNotFoundError:
                return False
            return True

    def set_aside(self, name: str, as_name: str) -> None:
        """Give a file that nobody can go on with another name in its folder."""
        with self.alone(), said(self.path(name)):
            os.rename(self.path(name), self.path(as_name))

    def days_before(self, day: str) -> Iterator[str]:
        """The paths of the pages of days before ``day``."""
        for name in self.names(DAILY):
            written = os.path.basename(name).removesuffix(SUFFIX)
            if is_day(written) and written < day:
                yield self.path(name)

    def alone(self) -> AbstractContextManager[None]:
        """Let one program of ours at a time change memory."""
        return self._locks.hold(LOCK)

    def _open(self, path: str) -> int | None:
        """Open a regular file that is inside; without waiting for whoever writes into a pipe."""
        try:
            self._inside(path)
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            return None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise InvalidInput(f"{path} is no file", cure="put a file in its place, or remove it")
        return fd

    def _inside(self, path: str) -> None:
        if not self._has_link(path):
            return
        root = os.path.realpath(self._folder)
        if os.path.commonpath((root, os.path.realpath(path))) != root:
            raise PermissionRefused(f"{path}: the link leads out of {self._folder}", cure="put a copy in its place")

    def _has_link(self, path: str) -> bool:
        """Tell whether anything on the way from the memory's folder to ``path`` may lead elsewhere."""
        here = self._folder
        if path != here and not path.startswith(f"{here}/"):
            return True
        for part in filter(None, path.removeprefix(here).split("/")):
            here = f"{here}/{part}"
            if part == ".." or os.path.islink(here):
                return True
        return False


def _read(fd: int, start: int, count: int) -> bytes:
    parts = []
    while count > 0 and (part := os.pread(fd, count, start)):
        parts.append(part)
        start += len(part)
        count -= len(part)
    return b"".join(parts)
