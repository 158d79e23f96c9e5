"""The process of one agent: spawned in a session of its own, its output streamed to files, ended with all it left.

Memory is bounded whatever it prints: each stream keeps only its tail, and its log stops growing at ``LOG_LIMIT``.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence

from baton.ports import Ending, Process

CHUNK = 1 << 16
# More than a pipe holds, so that a last look takes all there is.
CHUNKS_A_LOOK = 32
TAIL = 8 << 10
LOG_LIMIT = 64 << 20
CUT_NOTE = b"\n[baton: the log is full; only the end of what follows is kept]\n"


class Stream:
    """One output of the agent, on its way to a file."""

    def __init__(self, fileno: int, path: str, hear: Callable[[bytes], None] | None = None) -> None:
        self.fileno = fileno
        self._hear = hear
        self.path = path
        self.is_open = True
        self.tail = b""
        self.byte_count = 0
        self._log: int | None = None
        self._written = 0
        os.set_blocking(fileno, False)

    def pump(self) -> None:
        """Take what is there, without waiting; of an output that never ends, only so much: time must be looked at too."""
        for _ in range(CHUNKS_A_LOOK):
            if not self.is_open:
                return
            try:
                data = os.read(self.fileno, CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            self.byte_count += len(data)
            self.tail = (self.tail + data)[-TAIL:] if len(data) < TAIL else data[-TAIL:]
            self._keep(data)
            if self._hear is not None:
                self._hear(data)

    def close(self) -> None:
        """Close the pipe and the log; a full log gets its end."""
        if not self.is_open:
            return
        self.is_open = False
        os.close(self.fileno)
        if self._log is not None:
            if self._written > LOG_LIMIT:
                self._write(self.tail)
            os.close(self._log)

    def _keep(self, data: bytes) -> None:
        if self._log is None:
            try:
                self._log = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            except OSError:
                return
        if self._written <= LOG_LIMIT:
            self._written += len(data)
            self._write(data if self._written <= LOG_LIMIT else CUT_NOTE)

    def _write(self, data: bytes) -> None:
        # A full disk must not stop the agent: what it prints is lost, its work is not.
        assert self._log is not None
        with contextlib.suppress(OSError):
            os.write(self._log, data)


class AgentProcess:
    """A running agent."""

    def __init__(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        workspace: str,
        prompt_file: str,
        log: str,
        pass_fds: Sequence[int],
        hear: Callable[[bytes], None],
    ) -> None:
        stdin = os.open(prompt_file, os.O_RDONLY)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environ),
                cwd=workspace,
                pass_fds=pass_fds,
                start_new_session=True,
                bufsize=0,
            )
        finally:
            os.close(stdin)
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)
        assert self._process.stdout is not None and self._process.stderr is not None
        # The descriptors are ours from here on: Popen's own objects would close them behind us.
        self.streams = (
            Stream(os.dup(self._process.stdout.fileno()), f"{log}.out", hear),
            Stream(os.dup(self._process.stderr.fileno()), f"{log}.err"),
        )
        self._process.stdout.close()
        self._process.stderr.close()
        self.has_ended = False

    def wait(self, seconds: float, wake: int) -> bool:
        """Stream output until the agent ends, ``wake`` becomes readable, or the time is over; tell whether it ended."""
        poller = select.poll()
        poller.register(self._pidfd, select.POLLIN)
        poller.register(wake, select.POLLIN)
        for stream in self.streams:
            if stream.is_open:
                poller.register(stream.fileno, select.POLLIN)
        ready = {fileno for fileno, _ in poller.poll(max(0.0, seconds) * 1000)}
        for stream in self.streams:
            if stream.fileno in ready:
                stream.pump()
        self.has_ended = self.has_ended or self._pidfd in ready
        return self.has_ended

    @property
    def byte_count(self) -> int:
        """How much it has printed, on both outputs."""
        return sum(stream.byte_count for stream in self.streams)

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the agent's process group. It is not collected yet, so its number cannot be another's."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def has_group(self, others: Iterable[Process]) -> bool:
        """Tell whether any of these processes is in the agent's process group."""
        for other in others:
            with contextlib.suppress(ProcessLookupError):
                if other.pid != self.pid and os.getpgid(other.pid) == self.pid:
                    return True
        return False

    def collect(self) -> Ending:
        """Take the rest of the output and the exit status of an agent that has ended, and whose tree is gone."""
        for stream in self.streams:
            stream.pump()
            stream.close()
        code = self._process.wait()
        os.close(self._pidfd)
        return Ending(
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            stdout_tail=self.streams[0].tail.decode("utf-8", "replace"),
            stderr_tail=self.streams[1].tail.decode("utf-8", "replace"),
        )

    def identity(self, started: int) -> Process:
        """The agent as a process that can be found again; it leads a session of its own number."""
        return Process(pid=self.pid, started=started)
