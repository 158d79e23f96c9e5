"""Keys of model APIs: what one may be called, and what it may look like.

Nothing here, and nobody who uses it, ever puts a value into a message: what was typed in the wrong place may be a key.
"""

from __future__ import annotations

import re

from baton.domain.errors import InvalidInput, InvalidWord

SHORTEST, LONGEST = 8, 8192
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
# What a header can carry. A library would quote anything else in its complaint, and with it the key.
_VALUE = re.compile(r"[!-~]+")


def check_key_name(name: str) -> str:
    """Return the name of a key when it is one: that of the variable in which it would stand otherwise."""
    if _NAME.fullmatch(name) is None or name.startswith("BATON_"):
        raise InvalidWord(
            "that is not a name for a key",
            cure="name it like the variable it would stand in: ANTHROPIC_API_KEY (A-Z, 0-9, '_')",
        )
    return name


def check_key_value(value: str) -> str:
    """Return the key when it can be one; the blanks and line breaks around it must be gone already."""
    if not value:
        raise InvalidInput("no key was given", cure="type it when asked, or: key.py set NAME < FILE")
    if not SHORTEST <= len(value) <= LONGEST:
        raise InvalidInput(f"a key has {SHORTEST} to {LONGEST} characters, and this has {len(value)}")
    if _VALUE.fullmatch(value) is None:
        raise InvalidInput(
            "there are blanks, line breaks or other signs in it that no key has",
            cure="give the key alone, on one line, without quotes",
        )
    return value
