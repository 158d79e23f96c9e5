"""The programs of services: each run for so long, with all that it starts, and nothing of it left when it has ended."""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import IO, Protocol

from baton.domain.exchange import Process
from baton.domain.service_calls import REPORT_VARIABLE, ServiceCall, ServiceEnd

OUTPUT_LIMIT = 8 << 20
REPORT_LIMIT = 1 << 16
TAIL = 4 << 10
LOOK_SECONDS = 0.1
PAUSE_SECONDS = 0.005
GONE_SECONDS = 5.0
PR_SET_PDEATHSIG = 1


class Descendants(Protocol):
    """What has to be known of processes to leave none behind; the caller is a subreaper."""

    def strays(self, run: str) -> list[Process]:
        """Our descendants, but supervisors that we started."""

    def kill(self, found: Iterable[Process]) -> int:
        """Send KILL to each that is still the one that was found."""

    def reap(self, keep: int | None) -> None:
        """Collect our ended children, but for ``keep``."""


class ServicePrograms:
    """Runs programs of services for one caller; ``run`` is the agent's run that it lives in, if it does."""

    def __init__(self, processes: Descendants, run: str) -> None:
        self._processes = processes
        self._run = run

    def run(self, call: ServiceCall) -> ServiceEnd:
        """Run one program to its end or its limit."""
        handle, report = tempfile.mkstemp(prefix="baton-service-")
        os.close(handle)
        try:
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                begun = time.monotonic()
                code, is_late, problem = self._carried_out(call, report, out, err)
                return ServiceEnd(
                    exit_code=code,
                    is_late=is_late,
                    problem=problem,
                    output=_read(out, OUTPUT_LIMIT),
                    said=_end_of(err),
                    reported=_reported(report),
                    duration_seconds=time.monotonic() - begun,
                )
        finally:
            with suppress(OSError):
                os.unlink(report)

    def _carried_out(
        self, call: ServiceCall, report: str, out: IO[bytes], err: IO[bytes]
    ) -> tuple[int | None, bool, str | None]:
        """Return the exit code, whether it was late, and what went wrong besides."""
        there_before = self._processes.strays(self._run)
        try:
            process = subprocess.Popen(
                call.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(call.environ) | {REPORT_VARIABLE: report},
                cwd=call.cwd,
                start_new_session=True,
                preexec_fn=_ends_with_its_parent(),
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return None, False, f"{call.argv[0]} cannot be started: {reason}"
        try:
            is_late, problem = _waited(process, call.seconds, out, err)
        finally:
            self._end(process, there_before)
        if is_late or problem is not None:
            return None, is_late, problem
        if process.returncode < 0:
            return None, False, f"it was ended by {_signal_name(-process.returncode)}"
        return process.returncode, False, None

    def _end(self, process: subprocess.Popen[bytes], there_before: list[Process]) -> None:
        """Kill the program with all that it left, until two looks in a row find nothing. Its number is still its own."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        end, empty_looks = time.monotonic() + GONE_SECONDS, 0
        while empty_looks < 2 and time.monotonic() < end:
            found = [one for one in self._processes.strays(self._run) if one not in there_before]
            found = [one for one in found if one.pid != process.pid]
            self._processes.kill(found)
            empty_looks = 0 if found else empty_looks + 1
            if found:
                time.sleep(PAUSE_SECONDS)
        process.wait()
        self._processes.reap(None)


def _waited(process: subprocess.Popen[bytes], seconds: float, *outputs: IO[bytes]) -> tuple[bool, str | None]:
    """Wait until a program ends, its time is over, or it has printed too much; tell whether it was late."""
    end = time.monotonic() + seconds
    pidfd = os.pidfd_open(process.pid)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    try:
        while True:
            left = end - time.monotonic()
            has_ended = bool(poller.poll(max(0.0, min(left, LOOK_SECONDS)) * 1000))
            if any(os.fstat(output.fileno()).st_size > OUTPUT_LIMIT for output in outputs):
                return False, f"it printed more than {OUTPUT_LIMIT >> 20} MB"
            if has_ended:
                return False, None
            if left <= 0:
                return True, None
    finally:
        os.close(pidfd)


def _ends_with_its_parent() -> Callable[[], None]:
    """Return what makes a new child be killed when we are: nobody else would hold it to its time."""
    prctl, parent = ctypes.CDLL(None, use_errno=True).prctl, os.getpid()

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended in between, and no signal will come
            os._exit(1)

    return before_exec


def _read(file: IO[bytes], limit: int) -> bytes:
    file.seek(0)
    return file.read(limit)


def _end_of(file: IO[bytes]) -> str:
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - TAIL))
    return file.read(TAIL).decode("utf-8", "replace")


def _reported(path: str) -> object:
    try:
        with open(path, "rb") as file:
            found: object = json.loads(file.read(REPORT_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    return found


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
