"""A run that is ready to be spawned, and what writing its files takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from baton.ports import Harness, Invocation, Job


class Prompts(Protocol):
    """Writes what an agent is told."""

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """Fill the template of this name, the home's own if it has one."""


class Prepared(Struct, frozen=True, kw_only=True):
    """A run that is ready to be spawned; ``put_away`` takes back what it was shown in its workspace.

    ``tell`` takes what its model says, word for word, where somebody may follow.
    """

    job: Job
    harness: Harness
    invocation: Invocation
    log: str
    facts: dict[str, Any]
    put_away: Callable[[], object]
    tell: Callable[[str], None] | None = None


def write_private(path: str, text: str) -> None:
    """Write a file for a run, which nobody else may read: whole or not at all, another run may be reading it."""
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    fd = os.open(f"{path}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(text.encode())
    os.replace(f"{path}.{os.getpid()}", path)
