"""What the demo prints: lines, and on a terminal a table below them that is redrawn in place.

Each change goes out in one write, and lines are overwritten before the rest of them is erased: nothing flickers. In a
pipe there is no table, no colour, and no control character.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import TextIO

STYLES = {"bold": "1", "dim": "2", "good": "32", "busy": "33", "bad": "1;31", "command": "36"}
WIDTH = 100
INDENT = "   "
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
ERASE_LINE, ERASE_BELOW = "\x1b[K", "\x1b[J"

Span = tuple[str, str]
"""A style's name (or nothing) and a text."""


class Screen:
    """Prints to ``out``; ``is_live`` tells whether there can be a table."""

    def __init__(self, out: TextIO, environ: Mapping[str, str]) -> None:
        self._out = out
        self.is_live = out.isatty() and environ.get("TERM", "dumb") != "dumb"
        self._has_colour = self.is_live and not environ.get("NO_COLOR")
        self._steps = 0
        self._table: list[str] = []
        self._is_cursor_hidden = False

    @property
    def width(self) -> int:
        """How wide a text may be."""
        return min(WIDTH, shutil.get_terminal_size().columns - 1) if self.is_live else WIDTH

    @property
    def height(self) -> int:
        """How many lines a terminal has."""
        return shutil.get_terminal_size().lines

    def step(self, text: str) -> None:
        """Begin a numbered step: what is done now, and why."""
        self._steps += 1
        self.say()
        for line in self._wrapped(f"{self._steps}. {text}", "", INDENT):
            self.say(("bold", line))

    def command(self, text: str) -> None:
        """Show a command as a person would type it."""
        self.say(("", INDENT), ("command", f"$ {text}"))

    def note(self, text: str, style: str = "", lead: str = "") -> None:
        """Print what came of it, indented, each line after ``lead``; a text of several lines keeps them."""
        start = INDENT + lead
        for line in text.splitlines():
            for part in self._wrapped(line, start, start) or [start]:
                self.say((style, part))

    def item(self, name: str, text: str, style: str = "") -> None:
        """Print a word and what there is to say about it, the lines of which stay right of the word."""
        room = max(13, len(name) + 2)
        for part in self._wrapped(f"{name:<{room}}{text}", INDENT, INDENT + " " * room):
            self.say((style, part))

    def plain(self, text: str) -> None:
        """Print lines as they are, within the width."""
        for line in text.splitlines():
            for part in self._wrapped(line, "", INDENT) or [""]:
                self.say(("", part))

    def ask(self, question: str) -> str:
        """Ask on the terminal; return what was typed."""
        typed = ""
        try:
            self._write(f"{INDENT}{question} ")
            typed = sys.stdin.readline()
        finally:
            if not typed:
                self._write("\n")
        return typed.strip()

    def say(self, *spans: Span) -> None:
        """Print one line, above the table if there is one."""
        line = self._painted(spans).rstrip() + "\n"
        if self._table:
            line = f"{self._up()}{ERASE_BELOW}{line}{self._whole_table()}"
        self._write(line)

    def draw(self, rows: Sequence[Sequence[Span]]) -> None:
        """Draw the table anew in its place; only on a terminal."""
        if not self.is_live:
            return
        up = self._up()
        shrinks = len(rows) < len(self._table)
        self._table = [self._painted(self._cropped(row)) for row in rows]
        start = "" if self._is_cursor_hidden else HIDE_CURSOR
        self._is_cursor_hidden = True
        self._write(f"{start}{up}{self._whole_table()}{ERASE_BELOW if shrinks else ''}")

    def leave_table(self) -> None:
        """Let the table stand as it is; what follows is printed below it. Gives the cursor back, always."""
        self._table = []
        if self._is_cursor_hidden:
            self._is_cursor_hidden = False
            self._write(f"\r{ERASE_LINE}{SHOW_CURSOR}")

    def _wrapped(self, text: str, start: str, rest: str) -> list[str]:
        return textwrap.wrap(
            text,
            max(20, self.width),
            initial_indent=start,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def _up(self) -> str:
        # From the start of the line below the table, where it leaves the cursor; \r for what a terminal echoes there.
        return f"\r\x1b[{len(self._table)}A" if self._table else ""

    def _whole_table(self) -> str:
        return "".join(f"{row}{ERASE_LINE}\n" for row in self._table)

    def _cropped(self, row: Sequence[Span]) -> list[Span]:
        """Cut a row to the terminal's width: a wrapped line would break the count of lines to go up."""
        room = shutil.get_terminal_size().columns - 1
        kept = []
        for style, text in row:
            kept.append((style, text[:room]))
            room -= len(kept[-1][1])
        return kept

    def _painted(self, spans: Sequence[Span]) -> str:
        return "".join(
            f"\x1b[{STYLES[style]}m{text}\x1b[0m" if style and text and self._has_colour else text
            for style, text in spans
        )

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def counted(count: int, what: str) -> str:
    """Return a number with its word: 1 article, 3 articles."""
    return f"{count:,} {what}{'s' * (count != 1)}"
