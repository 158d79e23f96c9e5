"""Evidence: looks whether a step left what it must. Commands and the reader of files run as processes with a time limit.

Each runs in a session of its own, bears the run's name in its environment, and goes with all that it started: what a
killed supervisor leaves of a check, the sweep finds and ends like the rest of its run.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, Protocol

import msgspec

from baton.domain.evidence import Expectation, place_of, timeout_of
from baton.domain.exchange import Inspection, Process

READER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evidence_reader.py")
READER_SECONDS = 60.0
LOOK_SECONDS = 0.2
PAUSE_SECONDS = 0.005
GONE_SECONDS = 5.0
CHUNK = 1 << 16
TAIL = 4 << 10
# More than a pipe holds: a last look takes all that an ended process has printed.
CHUNKS_LEFT = 32
SAID_LINES = 10


class Living(Protocol):
    """What has to be known of processes to leave none behind."""

    def of_run(self, run: str, session: Process | None) -> list[Process]:
        """Those which carry this run's id, or live in this session."""

    def identify(self, pid: int) -> Process | None:
        """The process that has this pid now."""

    def kill(self, found: Iterable[Process]) -> int:
        """Send KILL to each that is still the one that was found."""


class GivenUpError(Exception):
    """Whoever asked wants no answer any more."""


class EvidenceChecks:
    """Looks into workspaces."""

    def __init__(self, processes: Living, reader_seconds: float = READER_SECONDS) -> None:
        self._processes = processes
        self._reader_seconds = reader_seconds

    def missing(self, inspection: Inspection, is_given_up: Callable[[], bool]) -> tuple[str, ...] | None:
        """Say in words what is expected and is not there; ``None`` when it was given up. Files first: they are quick."""
        try:
            said = self._files(inspection, is_given_up)
            for one in inspection.expects:
                if one.command is not None:
                    said += self._command(one, one.command, inspection, is_given_up)
        except GivenUpError:
            return None
        return tuple(said)

    def _files(self, inspection: Inspection, is_given_up: Callable[[], bool]) -> list[str]:
        expects = [_question(one, inspection) for one in inspection.expects if one.command is None]
        if not expects:
            return []
        asked = json.dumps({"root": inspection.workspace, "expects": expects}).encode()
        # -I: the environment is the agent's, and must not choose what this interpreter imports.
        argv = [sys.executable, "-I", READER]
        seconds = self._reader_seconds
        code, out, is_late = self._run(argv, inspection, seconds, is_given_up, asked, limit=1 << 20)
        if is_late:
            return [f"the files could not be looked at within {seconds:g} s; look for a pattern without an end"]
        try:
            if code == 0:
                return msgspec.json.decode(out, type=list[str])
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        last = out.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit code {code}"]
        return [f"the files could not be looked at: {last[0]}"]

    def _command(
        self, one: Expectation, command: str, inspection: Inspection, is_given_up: Callable[[], bool]
    ) -> list[str]:
        seconds = timeout_of(one)
        code, out, is_late = self._run(["/bin/sh", "-c", command], inspection, seconds, is_given_up, b"")
        if code == 0 and not is_late:
            return []
        how = f"did not end within {seconds:g} s" if is_late else _ended(code)
        lines = out.decode("utf-8", "replace").strip().splitlines()[-SAID_LINES:]
        return ["\n".join((*(f"  {line}" for line in lines), f"`{command}` {how}"))]

    def _run(
        self,
        argv: Sequence[str],
        inspection: Inspection,
        seconds: float,
        is_given_up: Callable[[], bool],
        given: bytes,
        limit: int = TAIL,
    ) -> tuple[int, bytes, bool]:
        """Run one process to its end or its limit; return exit code, the end of what it printed, whether it was late."""
        try:
            with _stdin(given) as stdin:
                process = subprocess.Popen(
                    argv,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=inspection.environ,
                    cwd=inspection.workspace,
                    start_new_session=True,
                    bufsize=0,
                )
        except (OSError, ValueError) as error:
            return -1, f"it could not be started: {error}".encode(), False
        leader = self._processes.identify(process.pid)
        tail, is_late = b"", False
        try:
            tail, is_late = _heard(process, seconds, limit, is_given_up)
        finally:
            self._end(process, inspection.run, leader)
        return process.returncode, tail, is_late

    def _end(self, process: subprocess.Popen[bytes], run: str, leader: Process | None) -> None:
        """Kill the process with all that it left, until two looks in a row find nothing. Its number is still its own."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        end = time.monotonic() + GONE_SECONDS
        empty_looks = 0
        while empty_looks < 2 and time.monotonic() < end:
            found = [one for one in self._processes.of_run(run, leader) if one.pid != process.pid]
            self._processes.kill(found)
            empty_looks = 0 if found else empty_looks + 1
            if found:
                time.sleep(PAUSE_SECONDS)
        assert process.stdout is not None
        process.stdout.close()
        process.wait()


def _heard(
    process: subprocess.Popen[bytes], seconds: float, limit: int, is_given_up: Callable[[], bool]
) -> tuple[bytes, bool]:
    """Hear a process until it ends or its time is over; what it started may go on printing, and is not waited for."""
    assert process.stdout is not None
    fileno, tail = process.stdout.fileno(), b""
    os.set_blocking(fileno, False)
    end = time.monotonic() + seconds
    pidfd = os.pidfd_open(process.pid)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(fileno, select.POLLIN)
    try:
        while True:
            left = end - time.monotonic()
            ready = {found for found, _ in poller.poll(max(0.0, min(left, LOOK_SECONDS)) * 1000)}
            if fileno in ready:
                data = _read(fileno)
                if not data:
                    poller.unregister(fileno)
                tail = (tail + data)[-limit:]
            if pidfd in ready:
                for _ in range(CHUNKS_LEFT):
                    tail = (tail + _read(fileno))[-limit:]
                return tail, False
            if left <= 0:
                return tail, True
            if is_given_up():
                raise GivenUpError
    finally:
        os.close(pidfd)


def _read(fileno: int) -> bytes:
    try:
        return os.read(fileno, CHUNK)
    except (BlockingIOError, OSError):
        return b""


@contextmanager
def _stdin(given: bytes) -> Iterator[IO[bytes]]:
    """What a process reads: a file of its own that has no name; a pipe would have to be fed."""
    with tempfile.TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        yield file


def _question(one: Expectation, inspection: Inspection) -> dict[str, Any]:
    # Of a folder, what earlier attempts of this round left counts, too: a batch goes on where the last one stopped.
    since = inspection.since_ns if one.folder is None else inspection.begun_ns
    return {
        "file": place_of(one.file, inspection.task) if one.file else None,
        "folder": place_of(one.folder, inspection.task).rstrip("/") if one.folder else None,
        "count": one.count,
        "min_words": one.min_words,
        "matches": one.matches,
        "schema": one.schema,
        "since_ns": since,
    }


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
