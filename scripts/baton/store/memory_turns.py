"""Turns without files, for the store without files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from baton.ports import Turns


class MemoryTurns(Turns):
    """Whose turn it is in each namespace."""

    def __init__(self) -> None:
        # Not the records' lock: that one would hide who takes it inside.
        self._lock = threading.Lock()
        self._last: dict[str, str] = {}

    def last(self, namespace: str) -> str | None:
        """The assignment that had the turn last."""
        return self._last.get(namespace)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock."""
        with self._lock:
            yield

    def write(self, namespace: str, task: str) -> None:
        """Name the one that takes it."""
        self._last[namespace] = task
