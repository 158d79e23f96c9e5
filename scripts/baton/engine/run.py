"""One run: spawn the agent, watch it, end it with its whole tree, and say how it ended. Grants and ends are not here.

The watch ends for one of five reasons: the agent ended, its time is over, its lease was revoked (or taken), it has
reported and its grace is over, or the supervisor itself was told to stop.
"""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct, structs

from baton.domain.errors import HarnessMissing
from baton.domain.records import Lease, Report, Task
from baton.domain.redaction import redact
from baton.domain.statuses import FailureKind, Outcome, ReportKind
from baton.engine.agent_process import AgentProcess
from baton.engine.preparation import Prepared
from baton.ports import Clock, Ending, Process, Verdict

LOOK_SECONDS = 0.5
PAUSE_SECONDS = 0.01
MESSAGE_LINES = 20
MESSAGE_LIMIT = 4000
# What a machine is short of passes; another attempt may have it.
FOR_NOW = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.ETXTBSY})
FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class Tree(Protocol):
    """What a supervisor needs to know of processes to leave none of a run's behind."""

    def strays(self, run: str) -> list[Process]:
        """Our descendants that the run left behind."""

    def identify(self, pid: int) -> Process | None:
        """The process that has this pid now."""

    def kill(self, found: list[Process]) -> int:
        """Send KILL to each that is still the one that was found."""

    def reap(self, keep: int | None) -> None:
        """Collect our ended children, but for one."""


class Watched(Struct, frozen=True, kw_only=True):
    """How a run ended: the outcome if the agent reported nothing, and what there is to tell about it."""

    outcome: Outcome
    kind: FailureKind | None = None
    message: str = ""
    exit_code: int | None = None
    summary: str | None = None
    session: str | None = None
    usage: dict[str, Any] = {}


class Run:
    """A run that is prepared. ``look`` returns the record if it changed since the last look; ``beat`` tells we live."""

    def __init__(
        self,
        prepared: Prepared,
        lease: Lease,
        clock: Clock,
        tree: Tree,
        *,
        grace_seconds: float,
        heartbeat_seconds: float,
        look: Callable[[], Task | None],
        beat: Callable[[dict[str, Any]], None],
        is_told_to_stop: Callable[[], bool],
        wake: int,
        slot_fileno: int,
    ) -> None:
        assert lease.run is not None
        self._prepared = prepared
        self._lease = lease
        self._run = lease.run
        self._clock = clock
        self._tree = tree
        self._grace_seconds = grace_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._look = look
        self._beat = beat
        self._is_told_to_stop = is_told_to_stop
        self._wake = wake
        self._slot_fileno = slot_fileno
        self._report: Report | None = None
        self._reported_at = 0.0
        self._next_beat = 0.0
        self._agent_started: Process | None = None
        self._listener = prepared.harness.listener()

    def execute(self) -> Watched:
        """Run the agent to its end, whatever that is."""
        invocation = self._prepared.invocation
        job = self._prepared.job
        try:
            agent = AgentProcess(
                invocation.argv,
                job.environ,
                job.workspace,
                job.prompt_file,
                self._prepared.log,
                (self._slot_fileno,),
                self._listener.feed,
            )
        except OSError as error:
            return self._not_spawned(error)
        except ValueError as error:  # a NUL in the command line or the environment
            message = f"the program could not be started: {error}; look for it in the model, the settings and .env"
            return Watched(outcome=Outcome.AGENT_MISSING, kind=FailureKind.HARNESS_MISSING, message=message)
        stopped_for = self._watch(agent)
        if stopped_for is not None:
            self._end(agent)
        self._clear_tree(agent)
        self._look_at_record(self._clock.monotonic())
        ending = agent.collect()
        self._tree.reap(None)
        return self._judge(stopped_for, ending)

    # -- watching -----------------------------------------------------------------------------------------------

    def _watch(self, agent: AgentProcess) -> Outcome | None:
        """Wait for the agent's end; return why it has to be ended, or ``None`` when it ended by itself."""
        self._agent_started = self._tree.identify(agent.pid)
        now = self._clock.monotonic()
        deadline = now + (self._lease.deadline_seconds or 0.0)
        self._beat_when_due(agent)
        next_look = now + LOOK_SECONDS
        while True:
            if agent.wait(min(next_look, self._next_beat, deadline) - now, self._wake):
                return None
            now = self._clock.monotonic()
            if self._is_told_to_stop():
                return Outcome.INTERRUPTED
            if now >= deadline:
                return Outcome.TIMED_OUT
            self._beat_when_due(agent)
            if now >= next_look:
                next_look = now + LOOK_SECONDS
                self._tree.reap(agent.pid)
                reason = self._look_at_record(now)
                if reason is not None:
                    return reason

    def _look_at_record(self, now: float) -> Outcome | None:
        task = self._look()
        if task is not None:
            lease = task.lease_with(self._lease.token)
            if lease is None or lease.revoked is not None:
                return Outcome.REVOKED
            if lease.report is not None and self._report is None:
                self._report, self._reported_at = lease.report, now
        if self._report is not None and now >= self._reported_at + self._grace_seconds:
            return Outcome.COMPLETED  # it has said its last word; the report decides what it was
        return None

    def _beat_when_due(self, agent: AgentProcess) -> None:
        """Tell that we live. Also while a run is being ended: silence for a long grace would look like death."""
        now = self._clock.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + self._heartbeat_seconds
        started = self._agent_started
        facts = {
            "agent_pid": agent.pid,
            "agent_started": started.started if started is not None else 0,
            "last_line": self._clean(self._listener.last_line()),
        }
        self._beat(facts)

    # -- ending -------------------------------------------------------------------------------------------------

    def _end(self, agent: AgentProcess) -> None:
        """TERM to the group, grace, KILL. The grace is for all of the group: a shell ends sooner than what it called."""
        agent.signal_group(signal.SIGTERM)
        end = self._clock.monotonic() + self._grace_seconds
        while (left := end - self._clock.monotonic()) > 0:
            if not agent.has_ended:
                agent.wait(min(left, self._heartbeat_seconds), self._wake)
                self._drain_wake()
            elif agent.has_group(self._tree.strays(self._run)):
                select.select([], [], [], min(left, PAUSE_SECONDS))
            else:
                return
            self._beat_when_due(agent)
        agent.signal_group(signal.SIGKILL)
        while not agent.wait(LOOK_SECONDS, self._wake):
            self._drain_wake()
            self._beat_when_due(agent)

    def _clear_tree(self, agent: AgentProcess) -> None:
        """Kill every process the run left behind, after success too, until a look finds none."""
        while strays := [stray for stray in self._tree.strays(self._run) if stray.pid != agent.pid]:
            self._tree.kill(strays)
            self._tree.reap(agent.pid)
            self._beat_when_due(agent)
            select.select([], [], [], PAUSE_SECONDS / 10)

    def _drain_wake(self) -> None:
        # A byte that stays in the pipe would turn the wait into a spin.
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            return

    # -- judging ------------------------------------------------------------------------------------------------

    def _judge(self, stopped_for: Outcome | None, ending: Ending) -> Watched:
        message = self._words(ending)
        code = ending.exit_code
        verdict = self._prepared.harness.verdict(self._prepared.job, ending, self._listener)
        watched = self._outcome(stopped_for, ending, verdict, message, code)
        return structs.replace(watched, session=verdict.session, usage=verdict.usage)

    def _outcome(
        self, stopped_for: Outcome | None, ending: Ending, verdict: Verdict, message: str, code: int | None
    ) -> Watched:
        if stopped_for is Outcome.TIMED_OUT:
            limit = f"it did not end within {self._lease.deadline_seconds:g} s"
            return Watched(
                outcome=Outcome.TIMED_OUT,
                kind=FailureKind.TIMEOUT,
                message=f"{message}\n{limit}".strip(),
                exit_code=code,
            )
        if stopped_for is Outcome.INTERRUPTED:
            return Watched(outcome=Outcome.INTERRUPTED, kind=FailureKind.STOPPED, message="the supervisor was stopped")
        if stopped_for is not None:
            return Watched(outcome=stopped_for, exit_code=code)
        if ending.signal is not None:
            name = _signal_name(ending.signal)
            outcome = Outcome.KILLED if ending.signal in FROM_OUTSIDE else Outcome.FAILED
            said = f"{message}\nended by {name}".strip()
            return Watched(outcome=outcome, kind=FailureKind.SIGNAL, message=said)
        return self._from_verdict(verdict, ending, message)

    def _from_verdict(self, verdict: Verdict, ending: Ending, message: str) -> Watched:
        if self._report is not None and ending.exit_code == 0:
            # It has said itself what it did; that it reported nothing is only what the harness had to think.
            said = message if self._report.kind is ReportKind.RELEASED else ""
            return Watched(outcome=Outcome(self._report.kind.value), message=said, exit_code=0)
        outcome = Outcome.FAILED if ending.exit_code else Outcome.NOT_COMPLETED
        if verdict.kind is FailureKind.SIGNAL:
            outcome = Outcome.KILLED  # some programs catch a signal, and end with a code of their own
        return Watched(
            outcome=Outcome.COMPLETED if verdict.completed else outcome,
            kind=verdict.kind,
            message="\n".join(filter(None, (message, self._clean(verdict.message)))) if not verdict.completed else "",
            exit_code=ending.exit_code,
            summary=self._clean(verdict.summary) if verdict.summary else None,
        )

    def _not_spawned(self, error: OSError) -> Watched:
        if error.errno in FOR_NOW:
            return Watched(outcome=Outcome.FAILED, kind=FailureKind.EXIT_CODE, message=f"not started: {error.strerror}")
        missing = HarnessMissing(
            f"the program {self._prepared.invocation.argv[0]} could not be started: {error.strerror}",
            cure="check that it is there, executable, and has an interpreter that exists",
        )
        message = f"{missing.message}; {missing.cure}"
        return Watched(outcome=Outcome.AGENT_MISSING, kind=FailureKind.HARNESS_MISSING, message=message)

    def _words(self, ending: Ending) -> str:
        """The last lines of stdout and stderr, with nothing in them that we know to be secret."""
        parts = []
        said = self._listener.tail(ending.stdout_tail)
        for name, text in (("stdout", said), ("stderr", ending.stderr_tail)):
            lines = text.strip().splitlines()[-MESSAGE_LINES:]
            if lines:
                parts.append("\n".join((f"[{name}]", *lines))[-MESSAGE_LIMIT:])
        return self._clean("\n".join(parts))

    def _clean(self, text: str) -> str:
        names = self._prepared.harness.secrets
        secrets = [value for name, value in self._prepared.job.environ.items() if name in names or is_secret(name)]
        return redact(text, secrets)


def is_secret(name: str) -> bool:
    """Tell whether a variable's name says that its value is a secret."""
    return any(word in name.upper() for word in ("KEY", "TOKEN", "SECRET", "PASSWORD"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
