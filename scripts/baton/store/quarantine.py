"""The quarantine of one kind of record: what cannot be used is kept whole, with the reason beside it."""

from __future__ import annotations

import os

from baton.store.files import replace, sync_folder
from baton.store.layout import Home

SUFFIX = ".json"


class Quarantine:
    """The folder ``state/quarantine/<kind>s``; whoever puts a record there holds its stripe."""

    def __init__(self, home: Home, kind: str) -> None:
        self._folder = home.in_state("quarantine", f"{kind}s")
        self._temporary = home.in_state("tmp")

    def holds(self, id: str) -> bool:
        """Tell whether a record of this id lies here."""
        return os.path.exists(os.path.join(self._folder, id + SUFFIX))

    def take(self, id: str, path: str, at: str, reason: str) -> None:
        """Move a record's file here, durably."""
        target = os.path.join(self._folder, id)
        while os.path.exists(target + SUFFIX):
            target += "~"  # one that was mended by hand and broke again: the older one is evidence, too
        temporary = os.path.join(self._temporary, f"reason-{id}-{os.getpid()}")
        replace(target + ".reason.txt", f"{at} {reason}\n".encode(), temporary)
        os.rename(path, target + SUFFIX)
        sync_folder(self._folder)
