"""What is to be said of a file of memory, for whoever lists them and for ``doctor``."""

from __future__ import annotations

from typing import Any

from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError
from baton.domain.memory import WORKING, given
from baton.domain.memory_settings import MemorySettings


def described(wiring: Wiring, name: str) -> dict[str, Any]:
    """Return the name, place and size of a file, and what is wrong with it."""
    limit = prompt_limit(wiring)
    path = wiring.store.memories.path(name)
    try:
        found = wiring.store.memories.glimpse(name, limit)
        told = given(found, wiring.config.secrets(), limit, path)
    except BatonError as error:
        return {"name": name, "file": path, "bytes": None, "problem": error.message}
    problem = "holds secrets" if told.masked else None
    if name.startswith(f"{WORKING}/") and told.left_out:
        problem = ", ".join(filter(None, (problem, f"too long: a prompt takes {limit} bytes")))
    return {"name": name, "file": path, "bytes": found.size if found is not None else None, "problem": problem}


def prompt_limit(wiring: Wiring) -> int:
    """Return how much of a working memory a prompt takes."""
    try:
        return wiring.config.settings().memory.prompt_bytes
    except BatonError:
        return MemorySettings().prompt_bytes  # an agent's note is not lost over a file of the operator
