"""Evidence: what a step must leave so that its completion counts. As people write it, as a unit keeps it, in words.

Whether it is there is looked at by an adapter; what follows when it is not is decided in ``task_runs``.
"""

# No "from __future__ import annotations": the record's decoder reads these types as it starts (see records).
import re
from typing import Any, Literal

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.times import parse_duration

PIECES = "pieces"
TASK = "{task}"
DEFAULT_TIMEOUT = "5m"
LONGEST_SECONDS = 86_400.0
MOST_WORDS = 10_000_000
MOST_FILES = 10_000
LONGEST_WORD = 4_000
MOST_EXPECTED = 50
# A schema travels in each task's record.
LARGEST_SCHEMA = 32 * 1024
DEEPEST_SCHEMA = 60


class Expectation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing a step must leave, as a unit keeps it: a file, so many files in a folder, or a command that succeeds.

    ``min_words``, ``matches`` and ``schema`` are asked of the file, or of each file in the folder. ``{task}`` in a path
    stands for the task's id. It is not checked here: what was once accepted must load for ever.
    """

    file: str | None = None
    folder: str | None = None
    count: int | Literal["pieces"] | None = None
    min_words: int | None = None
    matches: str | None = None
    schema: dict[str, Any] | str | None = None
    command: str | None = None
    timeout: str | None = None


class WrittenExpectation(Expectation, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An entry of ``expects:`` in a step: refused where it is written when it could never be looked at."""

    def __post_init__(self) -> None:
        if [self.file, self.folder, self.command].count(None) != 2:
            raise ValueError("exactly one of file, folder and command must be there")
        for key in ("file", "folder"):
            check_place(key, getattr(self, key))
        self._check_command()
        self._check_count()
        if self.min_words is not None and not 1 <= self.min_words <= MOST_WORDS:
            raise ValueError(f"min_words must be between 1 and {MOST_WORDS}")
        if self.matches is not None:
            check_pattern(self.matches)
        if isinstance(self.schema, str):
            check_place("schema", self.schema)
        elif self.schema is not None and _is_deeper(self.schema, DEEPEST_SCHEMA):
            raise ValueError(f"schema is nested deeper than {DEEPEST_SCHEMA} levels")

    def _check_command(self) -> None:
        if self.command is None:
            if self.timeout is not None:
                raise ValueError("timeout is only for a command")
            return
        for key in ("count", "min_words", "matches", "schema"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is not for a command: what it prints is not looked at")
        if not self.command.strip() or "\0" in self.command or len(self.command) > LONGEST_WORD:
            raise ValueError(f"command must be 1 to {LONGEST_WORD} characters for a shell")
        if self.timeout is not None:
            try:
                seconds = parse_duration(self.timeout)
            except InvalidInput as error:
                raise ValueError(f"timeout: {error.message}") from error
            if not 0 < seconds <= LONGEST_SECONDS:
                raise ValueError(f"timeout {self.timeout} is not between 0s and {LONGEST_SECONDS / 3600:g}h")

    def _check_count(self) -> None:
        if self.folder is None and self.count is not None:
            raise ValueError("count is only for a folder")
        if self.folder is not None and self.count is None:
            raise ValueError("count must say how many files the folder must hold")
        if isinstance(self.count, int) and not 1 <= self.count <= MOST_FILES:
            raise ValueError(f"count must be between 1 and {MOST_FILES}, or {PIECES}")


def kept(written: tuple[WrittenExpectation, ...], pieces: int | None = None) -> tuple[Expectation, ...]:
    """Return what a unit keeps; ``count: pieces`` becomes the number of pieces of its task (1 when it is no batch)."""
    found = []
    for one in written:
        fields = {name: getattr(one, name) for name in one.__struct_fields__}
        if one.count == PIECES:
            fields["count"] = pieces or 1
        found.append(Expectation(**fields))
    return tuple(found)


def place_of(path: str, task: str) -> str:
    """Return a path of an expectation for one task."""
    return path.replace(TASK, task)


def timeout_of(expectation: Expectation) -> float:
    """Return the seconds its command may take."""
    return parse_duration(expectation.timeout or DEFAULT_TIMEOUT)


def words_for(expectation: Expectation, task: str) -> str:
    """Say in words what is expected, for the agent that has to leave it."""
    if expectation.command is not None:
        return f"`{expectation.command}` succeeds within {expectation.timeout or DEFAULT_TIMEOUT}"
    asked = []
    if expectation.min_words is not None:
        asked.append(f"at least {expectation.min_words} words")
    if expectation.matches is not None:
        asked.append(f"something that matches /{expectation.matches}/")
    if expectation.schema is not None:
        asked.append("JSON that follows its schema")
    each = ", ".join(asked)
    if expectation.folder is not None:
        folder = place_of(expectation.folder, task)
        return f"`{folder}/`: {expectation.count} files, newer than the run" + (f", each with {each}" if each else "")
    return f"`{place_of(expectation.file or '', task)}`, newer than the run" + (f", with {each}" if each else "")


def not_done(missing: tuple[str, ...]) -> str:
    """Say what is missing, for the next attempt; a record's reason is the last line."""
    return "\n".join(("it is not done: what this step must leave is missing", *missing))


def check_place(key: str, path: str | None) -> None:
    """Refuse a path that is absolute, leads out of where it belongs, or has a placeholder other than ``{task}``."""
    if path is None:
        return
    parts = path.split("/")
    if not path.strip() or path.startswith("/") or ".." in parts or not path.isprintable() or len(path) > LONGEST_WORD:
        raise ValueError(f"{key}: {path!r} must be a relative path that does not lead out of its folder")
    if "{" in (rest := path.replace(TASK, "")) or "}" in rest:
        raise ValueError(f"{key}: {path!r} may have the placeholder {TASK} and no other")


def check_pattern(pattern: str) -> None:
    """Refuse what is no regular expression."""
    if not pattern or len(pattern) > LONGEST_WORD:
        raise ValueError(f"matches must be 1 to {LONGEST_WORD} characters")
    try:
        re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"matches: {pattern!r} is not a regular expression: {error}") from None


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inside)
