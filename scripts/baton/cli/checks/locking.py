"""Whether locks do what Baton needs of them: tried between two processes, on a scratch file that is removed again."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys

from baton.store.files import PRIVATE_FILE, discard, replace
from baton.store.locks import Locks

# struct flock: type, whence, start, length, pid (0 for this kind of lock).
_FLOCK = "hhqqi"
ANSWER_SECONDS = 20.0
# Another process: it tries the lock we hold, says so, and lives on with the slot it has inherited until we say so.
RIVAL = """
import fcntl, sys
with open(sys.argv[1], "rb+") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        answer = "taken"
    except OSError:
        answer = "refused"
    print(answer, flush=True)
    sys.stdin.read()
"""


def try_locks(folder: str, rival: str = RIVAL) -> list[str]:
    """Return what does not work in this folder; raise what the system says instead of an answer.

    ``rival`` is the program of the other process.
    """
    # The end of the name is our pid: were we killed, the sweep would know the file for abandoned.
    name = f"doctor-{os.getpid()}"
    path = os.path.join(folder, name)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
        replace(path, b"scratch\n", os.path.join(folder, f"doctor-new-{os.getpid()}"))
        return _between_processes(folder, name, rival)
    finally:
        discard(path)


def _between_processes(folder: str, name: str, rival: str) -> list[str]:
    path = os.path.join(folder, name)
    problems = []
    slot = os.open(path, os.O_RDWR)
    try:
        _ofd(slot, fcntl.F_OFD_SETLK)
        with Locks(folder, 1.0).hold(name):
            other = subprocess.Popen(
                [sys.executable, "-I", "-c", rival, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(slot,),
            )
            answer = _answer(other)
    finally:
        os.close(slot)
    try:
        if answer != b"refused\n":
            problems.append("a lock held by one process was given to another (flock)")
        if not _is_held(path):
            problems.append("a lock that a process has inherited is not seen (F_OFD_GETLK)")
    finally:
        other.kill()
        other.communicate()
    if _is_held(path):
        problems.append("a lock outlives the process that held it")
    return problems


def _answer(other: subprocess.Popen[bytes]) -> bytes:
    assert other.stdout is not None
    poller = select.poll()
    poller.register(other.stdout, select.POLLIN)
    return other.stdout.readline() if poller.poll(ANSWER_SECONDS * 1000) else b""


def _is_held(path: str) -> bool:
    fd = os.open(path, os.O_RDWR)
    try:
        return _ofd(fd, fcntl.F_OFD_GETLK) != fcntl.F_UNLCK
    finally:
        os.close(fd)


def _ofd(fd: int, command: int) -> int:
    """Take a lock of the open file, or look who has it; return its type."""
    told = fcntl.fcntl(fd, command, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    kind: int = struct.unpack(_FLOCK, told)[0]
    return kind
