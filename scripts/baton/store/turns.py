"""Whose turn it is in each namespace of assignments: ``state/turns/<namespace>``, the id of the one that had it last.

The record says whether it still has it. The file is durable before the record says so, so that whoever looks for the
one that may have a turn needs to look at one record only.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from baton.store.files import make_folder, read_bytes, replace, said
from baton.store.locks import Locks

LOCK = "turns.lock"


class TurnFiles:
    """The files below ``folder`` (``state/turns``)."""

    def __init__(self, folder: str, temporary: str, locks: Locks, prepare: Callable[[], None]) -> None:
        self._folder = folder
        self._temporary = temporary
        self._locks = locks
        self._prepare = prepare

    def last(self, namespace: str) -> str | None:
        """The assignment that had the turn last; ``None`` when none ever had."""
        path = os.path.join(self._folder, namespace)
        with said(path):
            found = read_bytes(path)
        return found.decode().strip() or None if found else None

    def hold(self) -> AbstractContextManager[None]:
        """Hold the lock under which turns are taken. It is taken before any record's, and never inside one."""
        self._prepare()
        return self._locks.hold(LOCK)

    def write(self, namespace: str, task: str) -> None:
        """Name the assignment that takes the turn, durably; the caller holds the lock."""
        path = os.path.join(self._folder, namespace)
        if self.last(namespace) == task:
            return
        with said(path):
            make_folder(self._folder)
            replace(path, f"{task}\n".encode(), os.path.join(self._temporary, f"turn-{namespace}-{os.getpid()}"))
