"""Following a streaming run: its words as they come on a terminal, or its events as JSON, a line each."""

from __future__ import annotations

import os
import sys
import time
from typing import NoReturn

import msgspec

from baton.cli.stream_runs import find, streams
from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError
from baton.domain.readiness import Why
from baton.domain.records import Task
from baton.domain.run_statuses import RunStatus, is_waiting_to_start, status_of
from baton.domain.stream_events import StreamEvent

LOOK_SECONDS = 0.03
# So long nothing must have come before the record is looked at: who tells may have died.
IDLE_SECONDS = 1.0
SHOWN_CONTROLS = "\n\t"


def follow_to_its_end(wiring: Wiring, run: str, since: int, *, as_json: bool) -> NoReturn:
    """Print what the run tells, from behind ``since`` on, until it has ended: exit code 0 completed, 1 failed."""
    task = find(wiring, run)
    printer = _Printer(as_json=as_json, is_terminal=sys.stdout.isatty())
    reader = wiring.store.streams.reader(run, since)
    looked_at = 0.0
    try:
        while True:
            events = reader.read()
            for event in events:
                printer.show(event)
            now = time.monotonic()
            if events and not printer.has_ended:
                looked_at = now
            elif now >= looked_at + IDLE_SECONDS or printer.has_ended:
                looked_at, printer.has_ended = now, False
                streams(wiring).settle(run)
                task = find(wiring, run)
                status = status_of(task)
                if status in (RunStatus.COMPLETED, RunStatus.FAILED) and not task.leases and not reader.has_news():
                    raise SystemExit(0 if status is RunStatus.COMPLETED else 1)
                printer.note(_waits_for(wiring, task))
            else:
                time.sleep(LOOK_SECONDS)
    except BrokenPipeError:
        # Nobody is left to tell, not even Python's own last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _waits_for(wiring: Wiring, task: Task) -> str:
    """Say why nothing comes, where that is not the model's doing."""
    if task.is_finished:
        return ""
    if is_waiting_to_start(task):
        return f"waits to be started: stream_run.py start {task.id}"
    try:
        reason = wiring.reasons().of(task, task.current)
    except BatonError as error:
        return error.message
    return "" if reason.why is Why.HELD else f"waits: {reason.text}"


class _Printer:
    """Prints events."""

    def __init__(self, *, as_json: bool, is_terminal: bool) -> None:
        self.has_ended = False
        self._as_json = as_json
        self._is_terminal = is_terminal
        self._noted = ""
        self._step: int | None = None
        self._is_at_start = True

    def show(self, event: StreamEvent) -> None:
        """Print one event; what is no text of a model goes to stderr, where it is in nobody's way."""
        self._noted = ""
        self.has_ended = event["type"] in ("pipeline_complete", "error")
        if self._as_json:
            self._write(msgspec.json.encode(event).decode() + "\n")
            return
        match event["type"]:
            case "step_start":
                again = " begins again" if event["step"] == self._step else ""
                self._step = event["step"]
                self._say(f"[step {event['step']}, {event['agent']}{again}]")
            case "text_delta":
                self._write(_shown(event["text"]) if self._is_terminal else event["text"])
            case "step_complete":
                self._end_line()
            case "error":
                self._say(f"[failed: {event['message']}]")

    def note(self, text: str) -> None:
        """Say once why nothing comes."""
        if text and text != self._noted:
            self._say(f"[{text}]")
        self._noted = text

    def _say(self, text: str) -> None:
        self._end_line()
        sys.stderr.write(_shown(text) + "\n")
        sys.stderr.flush()

    def _end_line(self) -> None:
        if not self._is_at_start and not self._as_json:
            self._write("\n")

    def _write(self, text: str) -> None:
        if text:
            self._is_at_start = text.endswith("\n")
            sys.stdout.write(text)
            sys.stdout.flush()


def _shown(text: str) -> str:
    """Return a text without what would command the terminal."""
    return "".join(char if char in SHOWN_CONTROLS or char.isprintable() else "\ufffd" for char in text)
