"""Saying no to what people wrote: what a section refuses it raises as ``ValueError("<key>: <what>")``.

msgspec adds the section to it; the cause holds the cure, or the word that was written and those that are known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NoReturn

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.times import parse_duration

MAX_COUNT = 1_000
MAX_DAYS = 36_500
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_count(key: str, count: int, *, most: int = MAX_COUNT) -> None:
    """Refuse a count that is not between 1 and ``most``."""
    if not 1 <= count <= most:
        refuse_key(key, f"{count} is not between 1 and {most}", cure=f"write a whole number from 1 to {most}")


def check_durations(section: Struct, *keys: str, above_zero: bool = False) -> None:
    """Refuse these keys of ``section`` as :func:`check_duration` does."""
    for key in keys:
        check_duration(key, getattr(section, key), above_zero=above_zero)


def check_duration(key: str, text: str, *, above_zero: bool = False) -> float:
    """Return the seconds of ``text``; refuse what is no duration, longer than a century, or 0 where that is no use."""
    try:
        seconds = parse_duration(text)
    except InvalidInput as error:
        raise ValueError(f"{key}: {error.message}") from error
    if seconds > MAX_DAYS * 86_400:
        refuse_key(key, f"{text} is longer than {MAX_DAYS}d", cure="write a shorter time")
    if above_zero and not seconds:
        refuse_key(key, "must be longer than 0", cure="write a time like 30s")
    return seconds


def check_word(key: str, word: str, known: Collection[str], what: str) -> None:
    """Refuse a word that is not one of ``known``; ``what`` says what it was meant to be, with its article."""
    if word not in known:
        refuse_key(key, f"{word!r} is not {what}", word=word, known=known)


def check_variables(key: str, names: Collection[str]) -> None:
    """Refuse what cannot name an environment variable, or names one that Baton sets itself."""
    for name in names:
        if _VARIABLE.fullmatch(name) is None:
            # Not shown: what stands here by mistake may be a secret.
            refuse_key(key, "an entry is not the name of a variable", cure="list names only, like MY_KEY; no values")
        if name.startswith("BATON_"):
            refuse_key(key, f"{name} is set by Baton itself", cure="remove it")


def refuse_key(key: str, what: str, *, cure: str = "", **details: object) -> NoReturn:
    """Raise ``ValueError("<key>: <what>")`` from an ``InvalidInput`` with the cure, or ``word`` and those ``known``."""
    raise ValueError(f"{key}: {what}") from InvalidInput(what, cure=cure, **details)


def nearest_cure(word: str, known: Iterable[str]) -> str:
    """Return the cure for a word that is not one of ``known``: the nearest of them, and all if they are few."""
    from difflib import get_close_matches  # start-up: for an error's words alone

    names = sorted(known)
    near = [f"did you mean '{one}'?" for one in get_close_matches(word, names, 1)]
    return " ".join([*near, f"known: {', '.join(names)}"] if len(names) <= 16 or not near else near)
