"""Streaming runs: what a task holds that is a run over a pipeline of prompts, and how variables get into them."""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
import re

from msgspec import Struct

from baton.domain.errors import InvalidInput

# The harness of every step: no other tells the model's words one by one.
HARNESS = "api"
# Why a run waits that was made and not begun; until somebody starts it, its task is blocked with these words.
NOT_STARTED = "not started yet"
INPUT_FILE = "input.md"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PLACE = re.compile(r"\{\{([^{}]*)\}\}")


class StreamRun(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a task a streaming run. Its input lies in the workspace, in ``INPUT_FILE``: it may be large."""

    pipeline: str
    owner: str | None = None
    variables: dict[str, str] = {}


def check_variable(name: str) -> str:
    """Return the name of a variable; refuse one that could not stand between ``{{`` and ``}}``."""
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(f"{name[:80]!r} is not a name for a variable", cure="use letters, digits, _ and -")
    return name


def unknown_names(instructions: str, variables: dict[str, str]) -> list[str]:
    """Return the names between ``{{`` and ``}}`` that no variable has, each once, in order."""
    named = (found[1].strip() for found in _PLACE.finditer(instructions))
    return list(dict.fromkeys(name for name in named if name not in variables))


def filled(instructions: str, variables: dict[str, str]) -> str:
    """Put each variable's text in its places. What is put in is text, whatever it looks like: it is not looked at again."""
    return _PLACE.sub(lambda found: variables.get(found[1].strip(), found[0]), instructions)


def output_folder(step: int) -> str:
    """Return the folder of the workspace in which a step's output lies."""
    return f"step-{step}"
