"""What runs show in workspaces, ``state/shown/<run>.json``: written before anything is shown, removed after it is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from baton.domain.exchange import Display
from baton.store.files import discard, make_folder, names_in, read_bytes, replace, said
from baton.store.locks import Locks

LOCK = "shown.lock"
SUFFIX = ".json"


class DisplayFiles:
    """The notes of one home. Whoever puts something into a workspace, or takes it out, holds :meth:`alone`."""

    def __init__(self, folder: str, temporary: str, locks: Locks) -> None:
        self.folder = folder
        self._temporary = temporary
        self._locks = locks

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process at a time change what is shown; ``Busy`` when that cannot be had in time."""
        with self._locks.hold(LOCK):
            yield

    def write(self, note: Display) -> None:
        """Keep a note, durably."""
        path = self._path(note.run)
        temporary = os.path.join(self._temporary, f"shown-{note.run}-{os.getpid()}")
        with said(path):
            make_folder(self.folder, durable=True)
            replace(path, msgspec.json.format(msgspec.json.encode(note), indent=2) + b"\n", temporary)

    def all(self) -> list[Display]:
        """Every note. One that cannot be read is passed over: nothing is known of what it was about."""
        found = []
        for name in sorted(names_in(self.folder)):
            path = os.path.join(self.folder, name)
            try:
                data = read_bytes(path)
                note = msgspec.json.decode(data, type=Display) if data else None
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                continue
            if note is not None and name == f"{note.run}{SUFFIX}":
                found.append(note)
        return found

    def remove(self, run: str) -> None:
        """Forget what a run has shown."""
        discard(self._path(run))

    def _path(self, run: str) -> str:
        return os.path.join(self.folder, f"{run}{SUFFIX}")
