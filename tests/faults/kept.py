"""What stood in some folders, to be put back as it was, thousands of times."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A file, a folder (without data), or a link (with what it leads to)."""

    mode: int
    changed_ns: int
    data: bytes


class Kept:
    """Everything below some folders as it is now.

    Compared by content, not by time: what is written twice within a tick of the clock has the same time.
    """

    def __init__(self, *roots: Path) -> None:
        self._roots = roots
        self._was = dict(self._entries())

    def restore(self) -> None:
        """Bring it back; what has not changed is not touched."""
        now = dict(self._entries())
        for path, entry in reversed(now.items()):  # what is in a folder goes before it
            was = self._was.get(path)
            if was is None or stat.S_IFMT(was.mode) != stat.S_IFMT(entry.mode):
                shutil.rmtree(path) if stat.S_ISDIR(entry.mode) else os.unlink(path)
        for path, was in self._was.items():
            if now.get(path) != was:
                _put(path, was)
        for path, was in reversed(self._was.items()):
            if stat.S_ISDIR(was.mode):
                os.utime(path, ns=(was.changed_ns, was.changed_ns))

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        for root in self._roots:
            if root.exists():
                yield str(root), _entry(str(root))
            for folder, folders, names in os.walk(root):
                for name in (*folders, *names):
                    path = os.path.join(folder, name)
                    yield path, _entry(path)


def _entry(path: str) -> Entry:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        data = os.fsencode(os.readlink(path))
    else:
        data = Path(path).read_bytes() if stat.S_ISREG(found.st_mode) else b""
    return Entry(found.st_mode, found.st_mtime_ns, data)


def _put(path: str, was: Entry) -> None:
    if stat.S_ISLNK(was.mode):
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(os.fsdecode(was.data), path)
        return
    if stat.S_ISDIR(was.mode):
        os.makedirs(path, exist_ok=True)
    else:
        Path(path).write_bytes(was.data)
    os.chmod(path, stat.S_IMODE(was.mode))
    os.utime(path, ns=(was.changed_ns, was.changed_ns))
