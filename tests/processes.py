"""The processes that work in homes of tests."""

from __future__ import annotations

import os
from pathlib import Path


def processes_below(folder: Path) -> list[str]:
    """The number and command line of each process, but for this one, whose home lies below a folder."""
    home = f"BATON_HOME={folder}/".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()) and any(
                entry.startswith(home) for entry in (process / "environ").read_bytes().split(b"\0")
            ):
                found.append(f"{process.name}: {(process / 'cmdline').read_text()}".replace("\0", " "))
        except OSError:
            continue
    return found
