"""Processes of this machine, through /proc and pidfds: found beyond doubt, and never another one signalled.

A pid alone proves nothing, since it is used again; a pid with its start time does, within one boot. A signal goes
through a pidfd opened before the start time is compared, so that it reaches that very process or none.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator

from baton.domain.environment import SUPERVISOR_MARK
from baton.domain.exchange import Process

PR_SET_CHILD_SUBREAPER = 36


class LinuxProcesses:
    """Finds and ends processes by run id, session, open file, or descent."""

    def of_run(self, run: str, session: Process | None) -> list[Process]:
        """Those which carry this run's id in their environment, or live in the session that its agent began."""
        wanted = f"BATON_RUN={run}".encode()
        sid = session.pid if session is not None else None
        leader = _stat(sid) if sid is not None else None
        if session is not None and leader is not None and leader.started != session.started:
            session = None  # the number is another process's by now, and so is the session
        found = []
        for pid in _pids():
            stat = _stat(pid)
            if stat is None or stat.is_zombie:
                continue
            # A session's number is used again only when nobody is left in it; one older than the agent is another.
            in_session = session is not None and stat.session == sid and stat.started >= session.started
            if (in_session or wanted in _environ(pid)) and _is_ours(pid):
                found.append(Process(pid=pid, started=stat.started))
        return found

    def holding(self, path: str) -> list[Process]:
        """Those, not being supervisors, which hold the lock on this file, and not only the file open; never the caller."""
        found = []
        for pid in _pids():
            if pid == os.getpid() or not _has_locked(pid, path) or _is_supervisor(pid):
                continue
            process = self.identify(pid)
            if process is not None:
                found.append(process)
        return found

    def identify(self, pid: int) -> Process | None:
        """The process that has this pid now; ``None`` for none, or one that has ended."""
        stat = _stat(pid)
        return None if stat is None or stat.is_zombie else Process(pid=pid, started=stat.started)

    def kill(self, found: Iterable[Process]) -> int:
        """Send KILL to each that is still the one that was found; return to how many."""
        return sum(self._signal(process, signal.SIGKILL) for process in found)

    def strays(self, run: str) -> list[Process]:
        """Our descendants that a run left behind: all but supervisors we started, and what lives below those."""
        found: list[Process] = []
        queue = list(_children(os.getpid()))
        while queue:
            pid = queue.pop()
            stat = _stat(pid)
            if stat is None or (stat.is_zombie and stat.parent == os.getpid()):
                continue
            if _is_supervisor(pid) or _is_of_other_run(pid, run):
                continue
            queue += _children(pid)
            if not stat.is_zombie and _is_ours(pid):
                found.append(Process(pid=pid, started=stat.started))
        return found

    def reap(self, keep: int | None) -> None:
        """Collect our ended children, but for ``keep``, whose end somebody waits for."""
        for pid in list(_children(os.getpid())):
            stat = _stat(pid)
            if pid == keep or stat is None or not stat.is_zombie:
                continue
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue

    def _signal(self, process: Process, number: int) -> bool:
        try:
            fd = os.pidfd_open(process.pid)
        except (ProcessLookupError, OSError):
            return False
        try:
            if self.identify(process.pid) != process:
                return False
            signal.pidfd_send_signal(fd, number)
            return True
        except (ProcessLookupError, PermissionError):
            return False
        finally:
            os.close(fd)


class _Stat:
    """What ``/proc/PID/stat`` tells: fields counted after the last ``)``, since the name may hold anything."""

    __slots__ = ("is_zombie", "parent", "session", "started")

    def __init__(self, line: bytes) -> None:
        fields = line[line.rindex(b")") + 2 :].split()
        self.is_zombie = fields[0] in (b"Z", b"X")
        self.parent = int(fields[1])
        self.session = int(fields[3])
        self.started = int(fields[19])


def _stat(pid: int) -> _Stat | None:
    data = _read(f"/proc/{pid}/stat")
    return _Stat(data) if data else None


def _environ(pid: int) -> list[bytes]:
    return _read(f"/proc/{pid}/environ").split(b"\0")


def _is_supervisor(pid: int) -> bool:
    return f"{SUPERVISOR_MARK}=1".encode() in _environ(pid)


def _is_of_other_run(pid: int, run: str) -> bool:
    runs = [entry for entry in _environ(pid) if entry.startswith(b"BATON_RUN=")]
    return bool(runs) and f"BATON_RUN={run}".encode() not in runs


def _is_ours(pid: int) -> bool:
    """Tell whether we may signal it at all: what became another user's (by sudo, say) nobody here can end."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    except ProcessLookupError:
        return True
    return True


def _has_locked(pid: int, path: str) -> bool:
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for name in names:
        try:
            is_path = os.readlink(f"/proc/{pid}/fd/{name}") == path
        except OSError:
            continue
        # The kernel names the lock of an open file under each descriptor that leads to it.
        if is_path and b"\nlock:" in _read(f"/proc/{pid}/fdinfo/{name}"):
            return True
    return False


def _children(pid: int) -> Iterator[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        for child in _read(f"/proc/{pid}/task/{thread}/children").split():
            yield int(child)


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(fd, 1 << 16):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(fd)


def become_subreaper() -> None:
    """Make this process the parent of every descendant whose own parent ends, however it tried to leave."""
    import ctypes  # start-up: only supervisors need it

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
