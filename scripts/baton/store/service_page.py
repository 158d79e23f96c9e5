"""``memory/long-term/SERVICE_REGISTRY.md``: whether it is of the registry as it stands now, told by three looks at files."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from baton.store.files import make_folder, read_bytes, replace
from baton.store.layout import Home

FORMAT = "service-page-1"  # to be raised whenever the same registry comes to make another page


class ServicePage:
    """The page of one home. What it was made from is noted in ``state/cache``; lost, it is made again."""

    def __init__(self, home: Home) -> None:
        self._source = home.services_file
        self.path = os.path.join(home.root, "memory", "long-term", "SERVICE_REGISTRY.md")
        self._note = os.path.join(home.cache, "service-page")

    def is_stale(self) -> bool:
        """Tell whether the page is missing, or was made from another registry."""
        try:
            return read_bytes(self._note) != self._mark() or not os.path.exists(self.path)
        except OSError:
            return True

    def write(self, page: Callable[[], str]) -> bool:
        """Put what ``page`` returns in its place; tell that it was. The registry is looked at before it is read."""
        mark = self._mark()
        data = page().encode()
        for folder in (os.path.dirname(self.path), os.path.dirname(self._note)):
            make_folder(folder)
        folder, name = os.path.split(self.path)
        replace(self.path, data, os.path.join(folder, f".{name}.{os.getpid()}"))
        with suppress(OSError):
            replace(self._note, mark, f"{self._note}.{os.getpid()}.tmp", durable=False)
        return True

    def _mark(self) -> bytes:
        try:
            found = os.stat(self._source)
        except FileNotFoundError:
            return f"{FORMAT} none".encode()
        return f"{FORMAT} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino}".encode()
