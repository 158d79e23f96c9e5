"""One run: spawn the agent, watch it, end it with its whole tree, and say how it ended. Grants and ends are not here.

The watch ends for one of five reasons: the agent ended, it hangs, its lease was revoked (or taken), it has reported and
its grace is over, or the supervisor itself was told to stop.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from msgspec import structs

from baton.domain.errors import BatonError
from baton.domain.records import Lease, Report
from baton.domain.statuses import Hang, Outcome
from baton.engine.agent_process import AgentProcess
from baton.engine.hangs import HangWatch, Limits
from baton.engine.judging import Judge, Watched
from baton.engine.prepared import Prepared
from baton.ports import Clock, Process

LOOK_SECONDS = 0.5
# A process that is just becoming its program answers late when it is looked at.
FIRST_BEAT_SECONDS = 0.01
PAUSE_SECONDS = 0.01


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


class Leased(Protocol):
    """The record that holds the run's lease: a task, or what is kept of an agent that is run without one."""

    def lease_with(self, token: int) -> Lease | None:
        """The lease with this token, if it is still there."""


class Run:
    """A run that is prepared. ``look`` returns the record if it changed since the last look; ``beat`` tells we live.

    ``begun`` is called when the agent is at work.
    """

    def __init__(
        self,
        prepared: Prepared,
        lease: Lease,
        clock: Clock,
        tree: Tree,
        *,
        limits: Limits,
        grace_seconds: float,
        heartbeat_seconds: float,
        look: Callable[[], Leased | None],
        beat: Callable[[dict[str, Any]], None],
        is_told_to_stop: Callable[[], bool],
        wake: int,
        slot_fileno: int,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        assert lease.run is not None
        self._prepared = prepared
        self._lease = lease
        self._run = lease.run
        self._clock = clock
        self._tree = tree
        self._limits = limits
        self._grace_seconds = grace_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._look = look
        self._beat = beat
        self._is_told_to_stop = is_told_to_stop
        self._wake = wake
        self._slot_fileno = slot_fileno
        self._begun = begun
        self._report: Report | None = None
        self._reported_at = 0.0
        self._next_beat = 0.0
        self._identity: Process | None = None
        self._listener = prepared.harness.listener()
        self._judge = Judge(prepared, self._listener, limits)

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
                self._hear,
            )
        except (OSError, ValueError) as error:
            self._put_away()
            return self._judge.not_spawned(error)
        self._begun()
        stopped_for = self._watch(agent)
        if stopped_for is not None:
            self._end(agent)
        self._clear_tree(agent)
        self._put_away()
        self._look_at_record(self._clock.monotonic())
        ending = structs.replace(agent.collect(), at=self._clock.now())
        self._tree.reap(None)
        return self._judge.judge(stopped_for, self._report, ending)

    def _hear(self, data: bytes) -> None:
        self._listener.feed(data)
        if self._prepared.tell is not None and (text := self._listener.take_text()):
            self._prepared.tell(text)

    # -- watching -----------------------------------------------------------------------------------------------

    def _watch(self, agent: AgentProcess) -> Outcome | Hang | None:
        """Wait for the agent's end; return why it has to be ended, or ``None`` when it ended by itself."""
        now = self._clock.monotonic()
        hangs = HangWatch(self._limits, self._listener, now)
        self._next_beat = now + FIRST_BEAT_SECONDS
        next_look = now + LOOK_SECONDS
        while True:
            if agent.wait(min(next_look, self._next_beat, hangs.deadline) - now, self._wake):
                return None
            now = self._clock.monotonic()
            if self._is_told_to_stop():
                return Outcome.INTERRUPTED
            hang = hangs.look(now, agent.byte_count)
            if hang is not None and hang is not Hang.WALL_CLOCK:
                # With its last word said it may be as silent as it likes, for as long as its grace lasts.
                reason = self._look_at_record(now)
                hang = None if self._report is not None else hang
                if reason is not None:
                    return reason
            if hang is not None:
                return hang
            self._beat_when_due(agent)
            if now >= next_look:
                next_look = now + LOOK_SECONDS
                self._tree.reap(agent.pid)
                reason = self._look_at_record(now)
                if reason is not None:
                    return reason

    def _look_at_record(self, now: float) -> Outcome | None:
        record = self._look()
        if record is not None:
            lease = record.lease_with(self._lease.token)
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
        if self._identity is None:
            self._identity = self._tree.identify(agent.pid)
        facts = {
            "agent_pid": agent.pid,
            "agent_started": self._identity.started if self._identity is not None else 0,
            "last_line": self._judge.clean(self._listener.last_line()),
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
        """Kill every process the run left behind, after success too, until two looks in a row find none.

        One proves nothing: a process that ends while we look may just have handed us a child that we did not list.
        """
        empty_looks = 0
        while empty_looks < 2:
            strays = [stray for stray in self._tree.strays(self._run) if stray.pid != agent.pid]
            empty_looks = 0 if strays else empty_looks + 1
            self._beat_when_due(agent)
            if strays:
                self._tree.kill(strays)
                self._tree.reap(agent.pid)
                select.select([], [], [], PAUSE_SECONDS / 10)

    def _put_away(self) -> None:
        """Take back what the run was shown. What that fails at the sweep finds, does, and says."""
        with suppress(BatonError, OSError):
            self._prepared.put_away()

    def _drain_wake(self) -> None:
        # A byte that stays in the pipe would turn the wait into a spin.
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            return
