"""Staying with a status: a terminal gets its own screen and gets it back, a pipe gets a line for each change.

Waits for a signal, the reader's end, or the time, whichever is first; nothing is polled in between.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import msgspec
from msgspec import structs

from baton.cli.paint import paint_of_stdout
from baton.cli.status_view import gist, words
from baton.domain.errors import BatonError
from baton.engine.glance_values import Status

REFRESH_SECONDS = 2.0
# A look at a very large home takes long: it may take a fifth of the time, not more.
SHARE = 4.0
# Alternate screen, no cursor, no wrapping of long lines; and all of it back.
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"


def watch_until_interrupted(look: Callable[[], Status], *, as_json: bool) -> NoReturn:
    """Show the status again and again, until Ctrl-C (exit code 0) or the reader has gone (1)."""
    with _signals() as wake:
        try:
            if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not as_json:
                _show(look, wake)
            else:
                _tell(look, wake, as_json=as_json)
        except KeyboardInterrupt:
            raise SystemExit(0) from None
        except BrokenPipeError:
            # Nobody is left to tell, not even Python's own last flush.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None


def _show(look: Callable[[], Status], wake: int) -> NoReturn:
    """Draw the status on a screen of its own."""
    paint = paint_of_stdout()
    try:
        _write(ENTER)
        while True:
            began = time.monotonic()
            try:
                text = words(look(), paint, shutil.get_terminal_size().columns)
            except BatonError as error:
                text = f"{error.message}\n{error.cure}"
            rows = shutil.get_terminal_size().lines
            lines = text.rstrip("\n").split("\n")
            if len(lines) > rows:
                lines = [*lines[: rows - 1], f"... {len(lines) - rows + 1} more lines"]
            _write("\x1b[H" + "".join(f"{line}\x1b[K\r\n" for line in lines)[:-2] + "\x1b[J")
            _wait(began, wake)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave the terminal half restored
        _write(LEAVE)


def _tell(look: Callable[[], Status], wake: int, *, as_json: bool) -> NoReturn:
    """Print a line (or a JSON document) whenever something changed."""
    before: object = None
    while True:
        began = time.monotonic()
        try:
            status = look()
            said: object = _lasting_part(status) if as_json else gist(status)
            line = msgspec.json.encode(status).decode() if as_json else f"{status.at}  {said}"
        except BatonError as error:
            said = line = msgspec.json.encode({"error": error.message}).decode() if as_json else error.message
        if said != before:
            before = said
            _write(f"{line}\n")
        _wait(began, wake)


def _lasting_part(status: Status) -> Status:
    """Return the status without what changes by itself as time goes by."""
    return structs.replace(status, at="", sweep=structs.replace(status.sweep, last_at=None, age_seconds=None))


def _wait(began: float, wake: int) -> None:
    """Wait for the next turn, a signal, or the reader's end (``BrokenPipeError``)."""
    now = time.monotonic()
    poller = select.poll()
    poller.register(wake, select.POLLIN)
    poller.register(sys.stdout.fileno(), 0)  # asks for nothing: errors and hang-ups are told unasked
    for fileno, _ in poller.poll(1000 * max(REFRESH_SECONDS - (now - began), SHARE * (now - began))):
        if fileno != wake:
            raise BrokenPipeError
        os.read(wake, 4096)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@contextmanager
def _signals() -> Iterator[int]:
    """Let signals end a wait; yield what becomes readable then."""
    wake, wake_end = os.pipe()
    for fileno in (wake, wake_end):
        os.set_blocking(fileno, False)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGWINCH, lambda number, frame: None)
    signal.signal(signal.SIGTERM, _end)
    if sys.stdout.isatty():
        signal.signal(signal.SIGTSTP, _suspend)
    try:
        yield wake
    finally:
        signal.set_wakeup_fd(-1)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _suspend(number: int, frame: FrameType | None) -> None:
    """Give the terminal back while we are stopped (Ctrl-Z), and take it again."""
    os.write(sys.stdout.fileno(), LEAVE.encode())
    os.kill(os.getpid(), signal.SIGSTOP)
    os.write(sys.stdout.fileno(), ENTER.encode())
