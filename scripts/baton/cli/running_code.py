"""Whether the program that runs is still the one that stands on disk: a supervisor outlives many an update."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from baton.cli.wiring import SCRIPTS

# Two hundred files are not looked at between any two runs that last no time.
LOOK_SECONDS = 1.0


class RunningCode:
    """The files of the toolkit as they are when this is made: before the rest of them is imported."""

    def __init__(self) -> None:
        folders = ((folder, names) for folder, _, names in os.walk(SCRIPTS) if not folder.endswith("__pycache__"))
        files = (os.path.join(folder, name) for folder, names in folders for name in names if name.endswith(".py"))
        self._signs = {file: _sign(file) for file in files}
        self._has_changed = False
        self._next_look = 0.0

    def keep_what_was_read(self) -> None:
        """Forget the files that no module was made from: a change of those is none to this process."""
        read = {getattr(module, "__file__", None) for module in tuple(sys.modules.values())}
        self._signs = {file: sign for file, sign in self._signs.items() if file in read}

    def has_changed(self) -> bool:
        """Tell whether one of the files was changed or removed, as far as that is known: they are looked at once a second."""
        now = time.monotonic()
        if not self._has_changed and now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._has_changed = any(_sign(file) != sign for file, sign in self._signs.items())
        return self._has_changed


def _sign(file: str) -> Any:
    try:
        stat = os.stat(file)
    except OSError:  # gone, or just being replaced: a change like any other, and no reason to die
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
