"""Parked harnesses, ``state/parked/<harness>.json``: small files that nothing is lost with. Not synced.

Whoever changes one holds one lock for all of them; whoever reads takes none.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from baton.domain.parking import Parked
from baton.ports import Clock
from baton.store.files import discard, make_folder, names_in, read_bytes, replace, said
from baton.store.locks import Locks

LOCK = "parked.lock"
SUFFIX = ".json"


class ParkingFiles:
    """The files below ``folder`` (``state/parked``)."""

    def __init__(self, folder: str, temporary: str, locks: Locks, clock: Clock, prepare: Callable[[], None]) -> None:
        self._folder = folder
        self._temporary = temporary
        self._locks = locks
        self._clock = clock
        self._prepare = prepare

    def all(self) -> list[Parked]:
        """What is written of any harness, by name; what cannot be read is none: whoever meets the limit parks again."""
        try:
            names = sorted(name for name in names_in(self._folder) if name.endswith(SUFFIX))
        except OSError:
            return []
        return [found for name in names if (found := self._read(name.removesuffix(SUFFIX))) is not None]

    def update(self, harness: str, change: Callable[[Parked | None, str], Parked | None]) -> Parked | None:
        """Replace what is written of one harness, under the lock; ``None`` removes it."""
        self._prepare()
        path = self._path(harness)
        with self._locks.hold(LOCK), said(path):
            before = self._read(harness)
            after = change(before, self._clock.now())
            if after is None:
                discard(path)
            elif after != before:
                make_folder(self._folder)
                data = msgspec.json.format(msgspec.json.encode(after), indent=2) + b"\n"
                replace(path, data, os.path.join(self._temporary, f"parked-{harness}-{os.getpid()}"), durable=False)
        return after

    def _read(self, harness: str) -> Parked | None:
        try:
            data = read_bytes(self._path(harness))
            found = msgspec.json.decode(data, type=Parked) if data else None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return found if found is not None and found.harness == harness else None

    def _path(self, harness: str) -> str:
        return os.path.join(self._folder, harness + SUFFIX)
