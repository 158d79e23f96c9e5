"""The processes and slots of the demo's home: seen from outside, in /proc and by their locks; ended through pidfds.

A pid proves nothing, since it is used again: it counts only with its start time, and with the home in its environment.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

MARK = "BATON_DEMO"
"""A variable that scripts and supervisors of one demo carry: it tells them from what a person starts in its home."""
GONE_SECONDS = 5.0
_FLOCK = "hhqqi"  # struct flock: type, whence, start, length, pid


class Process(NamedTuple):
    """A process that can be told from any later one with its number."""

    pid: int
    started: int


class Worker(NamedTuple):
    """A supervisor at work: what it says about itself in ``state/slots/NN.sup``."""

    supervisor: Process
    agent: Process
    name: str
    task: str
    run: str


def workers(home: Path) -> Iterator[Worker]:
    """Find the supervisors that have an agent at work now, each with its agent, and see that both are this home's."""
    for path in sorted(home.glob("state/slots/*.sup")):
        facts = _facts(path)
        if not facts.get("run") or not facts.get("agent_pid") or not is_held(path):
            continue  # what the last run of a slot left written there is no proof of life
        worker = Worker(
            Process(facts["pid"], facts["started"]),
            Process(facts["agent_pid"], facts["agent_started"]),
            facts["agent"],
            facts["task"],
            facts["run"],
        )
        if _carries(worker.supervisor, home, "BATON_SUPERVISOR=1") and _carries(
            worker.agent, home, f"BATON_RUN={worker.run}"
        ):
            yield worker


def of_home(home: Path, mark: str) -> list[Process]:
    """Find every process of this demo: scripts and supervisors by its mark, agents by their run."""
    place, marked = f"BATON_HOME={home}".encode(), f"{MARK}={mark}".encode()
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()):
        process, environ = identify(pid), _environ(pid)
        if process and place in environ and any(one == marked or one.startswith(b"BATON_RUN=") for one in environ):
            found.append(process)
    return found


def is_completing(run: str) -> bool:
    """Tell whether a process of this run is saying that the step is done, in this moment."""
    mark = f"BATON_RUN={run}".encode()
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    return any(b"complete_step" in _read(f"/proc/{pid}/cmdline") and mark in _environ(pid) for pid in pids)


@contextlib.contextmanager
def paused(process: Process) -> Iterator[bool]:
    """Stop a process for a moment, if it is still there: one that is looked at must not go on. What is killed stays so."""
    with contextlib.ExitStack() as stack:
        try:
            fd = os.pidfd_open(process.pid)
        except ProcessLookupError:
            yield False
            return
        stack.callback(os.close, fd)
        if identify(process.pid) != process:
            yield False
            return
        signal.pidfd_send_signal(fd, signal.SIGSTOP)
        try:
            yield True
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, signal.SIGCONT)


def kill(found: Iterable[Process]) -> int:
    """KILL each, in this order, if it still is the one that was found; wait for their ends; return how many they were."""
    with contextlib.ExitStack() as stack:
        poller = select.poll()
        waiting = set()
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                fd = os.pidfd_open(process.pid)
                stack.callback(os.close, fd)
                if identify(process.pid) == process:  # looked at after the pidfd was opened: it is this one's
                    signal.pidfd_send_signal(fd, signal.SIGKILL)
                    poller.register(fd, select.POLLIN)
                    waiting.add(fd)
        count = len(waiting)
        while waiting and (ended := poller.poll(GONE_SECONDS * 1000)):
            for fd, _ in ended:
                poller.unregister(fd)
                waiting.discard(fd)
        return count


def identify(pid: int) -> Process | None:
    """Return the process that has this pid now; nothing for none, or for one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else Process(pid, int(fields[19]))


def age(process: Process) -> float:
    """Return for how many seconds a process has been there."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - process.started / os.sysconf("SC_CLK_TCK")


def is_held(path: Path) -> bool:
    """Tell whether somebody has the lock on a slot's file, without taking it."""
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    with path.open("rb") as file:
        kind: int = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_OFD_GETLK, asked))[0]
    return kind != fcntl.F_UNLCK


def _carries(process: Process, home: Path, word: str) -> bool:
    environ = _environ(process.pid)
    is_ours = f"BATON_HOME={home}".encode() in environ and word.encode() in environ
    return is_ours and identify(process.pid) == process


def _environ(pid: int | str) -> list[bytes]:
    return _read(f"/proc/{pid}/environ").split(b"\0")


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _facts(path: Path) -> dict[str, Any]:
    # A sum stands before the object; a look that falls into the middle of a beat finds nothing, and the next one does.
    with contextlib.suppress(OSError, ValueError):
        text = path.read_text(encoding="utf-8")
        facts: dict[str, Any] = json.loads(text[text.index("{") :])
        return facts
    return {}
