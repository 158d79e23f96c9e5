"""Growth kept in bounds, and what crashes leave swept up: temporary files, old logs, runs, events, archived tasks."""

from __future__ import annotations

import contextlib
import os
import shutil
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


def old_folders(folder: str, seconds: float, depth: int, suffix: str) -> Iterator[str]:
    """Folders of such names, ``depth`` levels below ``folder``, in which nothing has changed for so long."""
    limit = time.time() - seconds
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            continue
        if depth > 0:
            yield from old_folders(entry.path, seconds, depth - 1, suffix)
        elif entry.name.endswith(suffix) and _changed_at(entry.path) < limit:
            yield entry.path


def remove_folder(path: str) -> bool:
    """Remove a folder with all that is in it; tell whether it is gone."""
    shutil.rmtree(path, ignore_errors=True)
    return not os.path.lexists(path)


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


def _changed_at(folder: str) -> float:
    """The newest time at which anything in a folder was changed, in seconds; what goes meanwhile is passed over."""
    newest = 0.0
    for path, _, files in os.walk(folder):
        for one in (path, *(os.path.join(path, name) for name in files)):
            with contextlib.suppress(OSError):
                newest = max(newest, os.lstat(one).st_mtime)
    return newest


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []
