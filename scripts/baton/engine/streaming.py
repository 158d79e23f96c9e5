"""Telling a streaming run: its tokens while a step runs, and whatever its record says that was not told yet.

Events follow the record and decide nothing. One process at a time tells; what it dies before saying, the next one says:
a supervisor of the same run, the sweep, or whoever follows.
"""

from __future__ import annotations

from collections.abc import Callable

from baton.domain.errors import BatonError
from baton.domain.records import Task, Unit
from baton.domain.statuses import UnitStatus
from baton.domain.stream_events import ENDS, ROOM, STEP_START, TEXT_DELTA, Replay, StreamEvent, untold
from baton.domain.stream_runs import INPUT_FILE
from baton.engine.workplaces import Workplaces
from baton.ports import Clock, Streams, StreamWriter


class Teller:
    """Tells one run of one step, as its words come."""

    def __init__(self, writer: StreamWriter, unit: Unit, clock: Clock) -> None:
        self._writer = writer
        self._unit = unit
        self._clock = clock
        self._boot = clock.holder().boot
        progress = writer.progress
        writer.mark_open()
        self._replay = Replay(progress.text if progress.open_step == unit.step else "")
        if progress.open_step != unit.step:
            self._begin("")

    def tell(self, text: str) -> None:
        """Take a piece of what the model says."""
        begins_anew, new = self._replay.take(text)
        if begins_anew:
            self._begin(new)
        elif new:
            self._writer.append([self._delta(new)], self._clock.now())

    def close(self) -> None:
        """Be quiet: the run is over, and what became of it stands in the record soon."""
        self._writer.close()

    def _begin(self, text: str) -> None:
        unit = self._unit
        start = {"type": STEP_START, "step": unit.step, "agent": unit.agent, "attempt": unit.attempts}
        drafts = [{**start, "boot": self._boot}, *([self._delta(text)] if text else [])]
        # Synced: in another boot it must be known that this step had begun, and that more may have been shown of it.
        self._writer.append(drafts, self._clock.now(), durable=True)

    def _delta(self, text: str) -> StreamEvent:
        return {"type": TEXT_DELTA, "step": self._unit.step, "text": text}


class Telling:
    """Tells the streaming runs of one home."""

    def __init__(
        self, streams: Streams, read: Callable[[str], Task | None], workplaces: Workplaces, clock: Clock
    ) -> None:
        self._streams = streams
        self._read = read
        self._workplaces = workplaces
        self._clock = clock

    def teller(self, task: Task, unit: Unit) -> Teller:
        """Return who tells the run that begins now. The lease says that nobody else has anything to tell."""
        writer = self._streams.writer(task.id)
        assert writer is not None
        try:
            self._catch_up(writer, task)
            return Teller(writer, unit, self._clock)
        except BaseException:
            writer.close()
            raise

    def settle(self, run: str) -> bool:
        """Tell what the record says and the events do not; tell whether there was anything.

        Nothing while a run of it goes on: its supervisor tells. Of a run that has ended the events are made small.
        """
        writer = self._streams.writer(run, waits=False)
        if writer is None:
            return False
        try:
            # Read under the writer's lock: what was told by others since is in the record, too.
            task = self._read(run)
            if task is None or task.stream is None or task.leases:
                return False
            told = self._catch_up(writer, task)
            last = writer.progress.last
            if last is not None and last["type"] in ENDS:
                writer.end()
            return told
        finally:
            writer.close()

    def settle_quietly(self, run: str, warn: Callable[[str], None]) -> None:
        """Do so after a change that stands: what fails here the sweep does."""
        try:
            self.settle(run)
        except (BatonError, OSError) as error:
            warn(f"what became of run {run} could not be told yet: {error}")

    def open_runs(self) -> list[str]:
        """The runs whose end has not been told."""
        return self._streams.open_runs()

    def input_of(self, task: Task, unit: Unit) -> str:
        """What a step is given: the run's input, or the output of the step before."""
        before = [one for one in task.pipeline[: unit.step or 0] if one.status is UnitStatus.COMPLETED]
        return (self.output_of(task, before[-1]) if before else self._workplaces.text(task, INPUT_FILE)) or ""

    def output_of(self, task: Task, unit: Unit) -> str | None:
        """What a step has made; ``None`` of one that is not done."""
        if unit.status is not UnitStatus.COMPLETED or unit.result is None or not unit.result.outputs:
            return None
        return self._workplaces.text(task, unit.result.outputs[0])

    def _catch_up(self, writer: StreamWriter, task: Task) -> bool:
        progress = writer.progress
        if progress.open_step is not None and progress.open_boot != self._clock.holder().boot:
            # Power may have taken what listeners have seen of this step: it begins anew, behind all of that.
            progress.last_id += ROOM
            progress.open_step, progress.text = None, ""
        outputs = {unit.step: self.output_of(task, unit) or "" for unit in task.pipeline if unit.step is not None}
        done = {unit.step for unit in task.pipeline if unit.status is UnitStatus.COMPLETED}
        drafts = untold(task, progress, {step: text for step, text in outputs.items() if step in done})
        return writer.append(drafts, self._clock.now(), durable=True) if drafts else False
