"""Locks: a fixed number of stripe files for records, one for the log. Short, never deleted, freed before closing.

They are filelock's, on a descriptor of ours (flock underneath), polled every few milliseconds. At most one stripe is
held at a time; the log's lock is the only one that may be taken while a stripe is held, and it is taken last.
"""

from __future__ import annotations

import os
import time
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager

from baton.domain.errors import Busy
from baton.store.files import PRIVATE_FILE, said

STRIPES = 256
TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.001


class Locks:
    """The locks of one state folder."""

    def __init__(self, folder: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.folder = folder
        self.timeout_seconds = timeout_seconds
        self._given_up_at: dict[str, float] = {}

    def stripe_of(self, kind: str, id: str) -> str:
        """The name of the stripe that guards this record, ``00`` to ``ff``."""
        return f"{crc32(f'{kind}/{id}'.encode()) % STRIPES:02x}"

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock of this name; ``Busy`` when it cannot be had in time."""
        from filelock import lock_descriptor, unlock_descriptor  # start-up: whoever only reads takes no lock

        path = os.path.join(self.folder, name)
        with said(path):
            fd = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            start = time.monotonic()
            is_contended = False
            # Who comes back at once to a lock that others wait for would have it again before any of them looks: with 8
            # writers on one record the unluckiest waited for seconds.
            if start < self._given_up_at.get(name, -1.0) + POLL_SECONDS:
                time.sleep(POLL_SECONDS)
            with said(path):
                while not lock_descriptor(fd, blocking=False):
                    is_contended = True
                    waited = time.monotonic() - start
                    if waited >= self.timeout_seconds:
                        raise Busy(
                            f"the lock {path} was held by somebody else for {self.timeout_seconds:g} s",
                            cure="try again; if it lasts, look with 'lslocks' for who holds it",
                        )
                    # The longer it waits, the more often it looks, so that the newest is not the next.
                    time.sleep(max(POLL_SECONDS / 5, POLL_SECONDS - waited / 50))
            try:
                yield
            finally:
                # A child that was forked meanwhile has a copy of the descriptor: closing ours would not be enough.
                unlock_descriptor(fd)
                if is_contended:
                    self._given_up_at[name] = time.monotonic()
        finally:
            os.close(fd)
