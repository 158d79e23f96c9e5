"""Faults put between a process and the kernel with strace: an act is carried out in a fork, traced from its first call on.

The fork is warm (everything is imported), so that a point costs milliseconds and its calls are those of the act alone.
``when=N`` counts for each name of a call; a signal is sent at the entry of the call, which is then not carried out.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from baton.store import documents

SEEN = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "rmdir", "mkdir", "ftruncate", "flock",
    "fcntl", "vfork", "clone", "clone3", "fork", "kill", "pidfd_send_signal", "link", "symlink", "chmod", "fchmod",
    "renameat", "renameat2", "unlinkat", "mkdirat", "truncate", "writev", "pwritev", "utimensat", "fallocate",
)  # fmt: skip
HERE = "~"  # in a call's text: the folder in which the home lies
PATIENCE_SECONDS = 30.0
WAITS = b"waits:"  # what a supervisor says that will not give up the end of a run
_PR_SET_PTRACER = 0x59616D61


class Call(NamedTuple):
    """One call of the kernel: ``number`` counts those of its name, from 1; ``text`` is the same in every run.

    ``path`` is that of what is opened, and ``opening`` counts the openings of it: how many files of others are opened
    before (those of ``/proc``) is not our doing.
    """

    name: str
    number: int
    text: str
    path: str = ""
    opening: int = 0


class Ended(NamedTuple):
    """How a traced act ended. ``code`` is negative for a signal; ``hits`` are the calls that a fault really met."""

    code: int
    out: str
    err: str
    calls: list[Call]
    hits: list[Call]


@cache
def why_not() -> str:
    """Why no process can be traced here; empty when one can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return f"tracing is not allowed: {tried.stderr.strip()}" if tried.returncode else ""


def trace(
    act: Callable[[], int],
    environ: Mapping[str, str],
    folder: Path,
    inject: Sequence[str] = (),
    *,
    path: str = "",
    gives_up: bool = False,
) -> Ended:
    """Carry out ``act`` in a traced fork, with these faults (``rename:signal=KILL:when=2``).

    ``folder`` takes what it prints and the trace. ``path``: only calls about this file count. ``gives_up``: a supervisor
    that waits for room is told to stop.
    """
    log, out, err = folder / "trace", folder / "out", folder / "err"
    for file in (log, out, err):
        file.write_bytes(b"")
    gate, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(act, environ, out, err, gate)
    os.close(gate)
    words = ["strace", "-o", str(log), "-y", "-s", "0", "-e", f"trace={','.join(SEEN)}"]
    words += [word for fault in inject for word in ("-e", f"inject={fault}")]
    words += ["-P", path.replace(HERE, str(folder), 1).replace("PID", str(pid))] if path else []
    with subprocess.Popen([*words, "-p", str(pid)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as strace:
        try:
            assert strace.stderr is not None
            while b"attached" not in (said := strace.stderr.readline()):
                assert said, "strace ended"
            os.write(go, b"x")
            code = _wait(pid, err if gives_up else None)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        finally:
            os.close(go)
    text = log.read_text(errors="replace").replace(str(folder), HERE)
    calls, hits = _calls(text, pid)
    return Ended(code, out.read_text(), err.read_text(), calls, hits)


def is_changing(call: Call) -> bool:
    """Tell whether a call changes something: a file of the home, a lock, a process, or what the caller is told."""
    if call.name == "openat":
        return HERE in call.text and ("O_CREAT" in call.text or "O_TRUNC" in call.text)
    if call.name == "fcntl":
        return "SETLK" in call.text
    return HERE in call.text or call.name in ("vfork", "clone", "clone3", "fork", "kill", "pidfd_send_signal")


def _become(act: Callable[[], int], environ: Mapping[str, str], out: Path, err: Path, gate: int) -> None:
    code = 70
    try:
        # Where only a parent may trace, strace, which is a sibling, must be let in.
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        for number, path in ((0, os.devnull), (1, out), (2, err)):
            fd = os.open(path, os.O_RDWR)
            os.dup2(fd, number)
            os.close(fd)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False, buffering=1)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(environ)
        documents._KNOWN.clear()  # a process that has just begun has read nothing yet
        os.read(gate, 1)
        os.close(gate)
        code = act()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - a fork of the tests must not go on as one of them
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
        finally:
            os._exit(code)


def _wait(pid: int, err: Path | None) -> int:
    end = time.monotonic() + PATIENCE_SECONDS
    pause = 0.0005
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if err is not None and WAITS in err.read_bytes():
            os.kill(pid, signal.SIGTERM)
            err = None
        assert time.monotonic() < end, "it did not end"
        time.sleep(pause)
        pause = min(2 * pause, 0.01)


def _calls(text: str, pid: int) -> tuple[list[Call], list[Call]]:
    """The calls of a trace, and those of them that a fault met."""
    counts: Counter[str] = Counter()
    calls, hits = [], []
    for line in text.splitlines():
        found = re.match(r"(\w+)\((.*)", line)
        if found is not None:
            name, rest = found.groups()
            rest = re.sub(r"\)\s+= .*", "", rest).replace(str(pid), "PID").removeprefix("AT_FDCWD")
            rest = re.sub(r"^<[^>]*>, ", "", rest)
            path = rest.split('"')[1] if name == "openat" else ""
            counts.update((name, path))
            # Descriptors, lengths and what is drawn by lot or taken from the clock differ from run to run.
            shown = re.sub(r"^\d+|(?<=, )\d+|\d{6,}t?", "#", re.sub(r"r-\d{8}t[\d.]+-[0-9a-f]+", "RUN", rest))
            calls.append(Call(name, counts[name], shown, path, counts[path]))
            if "(INJECTED)" in line or line.endswith("= ?"):
                hits.append(calls[-1])
    return calls, hits
