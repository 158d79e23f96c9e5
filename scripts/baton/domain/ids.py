"""What a name may look like. Every id is checked here before a path is built from it (CONTRACT: "A home")."""

from __future__ import annotations

import re

from baton.domain.errors import InvalidWord

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_AGENT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SLUG_LIMIT = 100
AGENT_LIMIT = 64


def is_id(text: str) -> bool:
    """Tell whether ``text`` may name a record: lower case, digits, ``._-``, at most 128 characters, no path in it."""
    return _ID.fullmatch(text) is not None and text not in (".", "..")


def is_agent_name(text: str) -> bool:
    """Tell whether ``text`` is an agent's name, by the rule of the Agent Skills format."""
    return len(text) <= AGENT_LIMIT and _AGENT.fullmatch(text) is not None


def check_id(text: str, what: str = "task") -> str:
    """Return ``text`` when it is a valid id; raise :class:`InvalidWord` otherwise."""
    if not is_id(text):
        raise InvalidWord(
            f"{_shown(text)} is not a valid {what} id",
            cure="use a-z, 0-9, '.', '_' and '-', beginning with a letter or digit, at most 128 characters",
        )
    return text


def check_slug(text: str, what: str = "campaign") -> str:
    """Return ``text`` when it is a valid slug (an id of at most 100 characters)."""
    check_id(text, what)
    if len(text) > SLUG_LIMIT:
        raise InvalidWord(f"the {what} slug is {len(text)} characters long", cure=f"use at most {SLUG_LIMIT}")
    return text


def check_agent(text: str) -> str:
    """Return ``text`` when it is a valid agent name."""
    if not is_agent_name(text):
        raise InvalidWord(
            f"{_shown(text)} is not a valid agent name",
            cure="use a-z and 0-9 joined by single '-', at most 64 characters",
        )
    return text


def place_of(agent: str) -> str:
    """Return what stands where a task's id would, in the names of folders and notes: no task can be called so."""
    return f"~{agent}"


def agent_of_place(place: str) -> str | None:
    """Return the agent of such a name; ``None`` for the id of a task."""
    return place[1:] if place.startswith("~") else None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
