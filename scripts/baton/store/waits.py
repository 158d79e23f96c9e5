"""Who waits for whom: ``state/waits/<dependency>/<dependent>``, empty files, written before the dependent exists."""

from __future__ import annotations

import os

from baton.store.files import PRIVATE_FILE, discard, make_folder, names_in, said, sync_folder


class WaitFiles:
    """The waits below ``folder`` (``state/waits``)."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def add(self, dependency: str, dependent: str) -> None:
        """Note one wait, durably: the dependent's record must never be there without it."""
        path = os.path.join(self.folder, dependency, dependent)
        with said(path):
            while True:
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
                    break
                except FileNotFoundError:
                    make_folder(os.path.dirname(path))
            sync_folder(os.path.dirname(path))
            sync_folder(self.folder)

    def dependents(self, dependency: str) -> list[str]:
        """Those that wait for this task, by id."""
        return sorted(names_in(os.path.join(self.folder, dependency)))

    def dependencies(self) -> list[str]:
        """Every task that somebody waits for."""
        return sorted(names_in(self.folder))

    def remove(self, dependency: str, dependent: str) -> None:
        """Forget one wait that is over."""
        discard(os.path.join(self.folder, dependency, dependent))
        try:
            os.rmdir(os.path.join(self.folder, dependency))
        except OSError:
            return  # others still wait
