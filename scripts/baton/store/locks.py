"""Locks: a fixed number of stripe files for records, one for the log. Short, never deleted, freed before closing.

They are filelock's (flock underneath), polled every few milliseconds. At most one stripe is held at a time; the log's
lock is the only one that may be taken while a stripe is held, and it is taken last.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import Timeout, UnixFileLock

from baton.domain.errors import Busy
from baton.store.files import said

STRIPES = 256
TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.002


class Locks:
    """The locks of one state folder. Objects are kept: making one costs more than taking it."""

    def __init__(self, folder: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.folder = folder
        self.timeout_seconds = timeout_seconds
        self._made: dict[str, UnixFileLock] = {}

    def stripe_of(self, kind: str, id: str) -> str:
        """The name of the stripe that guards this record, ``00`` to ``ff``."""
        return f"{crc32(f'{kind}/{id}'.encode()) % STRIPES:02x}"

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock of this name; ``Busy`` when it cannot be had in time."""
        path = os.path.join(self.folder, name)
        lock = self._made.get(name)
        if lock is None:
            lock = self._made[name] = UnixFileLock(
                path, self.timeout_seconds, 0o600, poll_interval=POLL_SECONDS, fallback_to_soft=False
            )
        with said(path):
            try:
                lock.acquire()
            except Timeout:
                raise Busy(
                    f"the lock {path} was held by somebody else for {self.timeout_seconds:g} s",
                    cure="try again; if it lasts, look with 'lslocks' for who holds it",
                ) from None
        try:
            yield
        finally:
            lock.release()
