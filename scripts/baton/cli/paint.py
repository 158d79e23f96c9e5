"""Words on a terminal: colour where it is wanted, nothing that a terminal would obey, lengths of time for people."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping

# What agents print may hold commands to a terminal: taken out whole, so that no half of one is left as text.
_COMMAND = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")
_SECONDS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class Paint:
    """Colours, or none: a terminal gets them, unless NO_COLOR has a value or it knows none."""

    def __init__(self, environ: Mapping[str, str], *, is_terminal: bool) -> None:
        self._is_on = is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    def red(self, text: str) -> str:
        """What needs a person."""
        return self._in("31;1", text)

    def yellow(self, text: str) -> str:
        """What waits, or may need a person."""
        return self._in("33", text)

    def green(self, text: str) -> str:
        """What goes well."""
        return self._in("32", text)

    def bold(self, text: str) -> str:
        """A heading."""
        return self._in("1", text)

    def faint(self, text: str) -> str:
        """What stands beside."""
        return self._in("2", text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_on and text else text


def paint_of_stdout() -> Paint:
    """Return the colours of standard output."""
    return Paint(os.environ, is_terminal=sys.stdout.isatty())


def plain(text: str, limit: int = 200) -> str:
    """Return a text as one line that only shows: no commands to the terminal, no control characters, not too long."""
    shown = "".join(one if one.isprintable() else " " for one in _COMMAND.sub("", text[: limit * 8]))
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."


def width_of_stdout() -> int | None:
    """Return the columns of the terminal that standard output is; ``None`` when it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def cut(line: str, width: int) -> str:
    """Return a line that may hold our colours, cut so that it fits; colours are ended."""
    room, kept = width, []
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        if part.startswith("\x1b"):
            kept.append(part)
        elif len(part) <= room:
            kept.append(part)
            room -= len(part)
        else:
            kept.append(f"{part[: max(0, room - 3)]}...")
            return "".join(kept) + ("\x1b[0m" if len(kept) > 1 else "")
    return "".join(kept)


def wrapped(text: str, width: int, most: int) -> list[str]:
    """Fold a text into at most so many lines of this width; the last one ends in dots when there is more."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    if len(lines) <= most:
        return lines
    rest = " ".join(lines[most - 1 :])
    return [*lines[: most - 1], f"{rest[: width - 3].rstrip()}..."]


def lasting(seconds: float) -> str:
    """Write a length of time in at most two units: ``42s``, ``3m 20s``, ``2d 4h``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for size, unit in _SECONDS:
        if left >= size or (unit == "s" and not parts):
            parts.append(f"{left // size}{unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2])
