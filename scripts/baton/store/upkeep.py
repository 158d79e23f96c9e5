"""Growth kept in bounds, and what crashes leave swept up: temporary files, old logs, runs, events, archived tasks."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from baton.store.files import discard
from baton.store.layout import Home


def abandoned_files(home: Home) -> Iterator[str]:
    """Temporary files whose writer is dead: their names end in its pid."""
    folder = home.in_state("tmp")
    for name in os.listdir(folder):
        pid = name.rpartition("-")[2]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            yield os.path.join(folder, name)


def old_files(folder: str, seconds: float, depth: int) -> Iterator[str]:
    """Files ``depth`` levels below ``folder`` that nobody has changed for so long."""
    limit = time.time() - seconds
    for entry in _entries(folder):
        if depth > 0 and entry.is_dir(follow_symlinks=False):
            yield from old_files(entry.path, seconds, depth - 1)
        elif depth == 0 and entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < limit:
            yield entry.path


def remove_file(path: str) -> bool:
    """Remove a file; tell whether it is gone."""
    discard(path)
    return not os.path.exists(path)


def remove(path: str) -> bool:
    """Remove a file, and its folder if that is empty then."""
    discard(path)
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(path))
    return not os.path.exists(path)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []
