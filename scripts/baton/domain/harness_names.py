"""The names of harnesses: those that Baton has a file for, and what those look like that the settings describe."""

from __future__ import annotations

import re

HARNESSES = ("claude", "codex", "gemini", "opencode", "copilot", "cursor", "api", "script", "command")
_OWN = re.compile(r"x-[a-z0-9]+(?:-[a-z0-9]+)*")
NAME_LIMIT = 40


def is_own_name(name: str) -> bool:
    """Tell whether this can be the name of a harness that the settings describe: ``x-`` and words joined by ``-``."""
    return len(name) <= NAME_LIMIT and _OWN.fullmatch(name) is not None


def is_harness(name: str) -> bool:
    """Tell whether this is a harness, or may be one; whether the settings describe it, only they know."""
    return name in HARNESSES or is_own_name(name)
