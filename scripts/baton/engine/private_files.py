"""Files for a run that nobody else may read: prompts, what an agent is shown, what it said."""

from __future__ import annotations

import os


def write_private(path: str, text: str) -> None:
    """Write a file for a run, which nobody else may read: whole or not at all, another run may be reading it."""
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    fd = os.open(f"{path}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(text.encode())
    os.replace(f"{path}.{os.getpid()}", path)
