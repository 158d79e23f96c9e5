"""A home's state, put together: task and campaign records, event log, ready index, waits, run records, slots."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from baton.domain.exchange import Damage
from baton.domain.readiness import waiting
from baton.domain.records import Task
from baton.store.codec import Codec
from baton.store.files import read_bytes, replace, said
from baton.store.layout import Home
from baton.store.locks import Locks
from baton.store.log import LOCK, EventLog
from baton.store.marks import Marks
from baton.store.ready import ReadyIndex
from baton.store.record_files import Index, RecordFiles

if TYPE_CHECKING:
    from baton.domain.agent_records import AgentRecord
    from baton.domain.campaigns import Campaign
    from baton.domain.projects import Project
    from baton.ports import Clock
    from baton.store.displays import DisplayFiles
    from baton.store.memory_files import MemoryFiles
    from baton.store.parking import ParkingFiles
    from baton.store.runs import RunFiles
    from baton.store.slots import SlotFiles
    from baton.store.streams import StreamFiles
    from baton.store.turns import TurnFiles
    from baton.store.waits import WaitFiles

R = TypeVar("R")


class HomeStore:
    """Everything below ``state/``. Making one touches nothing; the first change of a boot repairs the log first.

    What a call may not need is made when it is asked for, and imported then, for start-up.
    """

    def __init__(self, home: Home, clock: Clock, warn: Callable[[str], None]) -> None:
        self.home = home
        self._clock = clock
        self._warn = warn
        self._is_prepared = False
        self.locks = Locks(home.in_state("locks"))
        self.log = EventLog(home.in_state("events"), self.locks, clock)
        self.ready = ReadyIndex(home.in_state("ready"))
        self.tasks: RecordFiles[Task] = self._records("task", Task, Index(self.ready, waiting))

    @cached_property
    def campaigns(self) -> RecordFiles[Campaign]:
        """The campaign records."""
        from baton.domain.campaigns import Campaign  # start-up

        return self._records("campaign", Campaign, None)

    @cached_property
    def projects(self) -> RecordFiles[Project]:
        """The project records."""
        from baton.domain.projects import Project  # start-up

        return self._records("project", Project, None)

    @cached_property
    def agents(self) -> RecordFiles[AgentRecord]:
        """What is kept of agents."""
        from baton.domain.agent_records import AgentRecord  # start-up

        return self._records("agent", AgentRecord, None)

    @cached_property
    def waits(self) -> WaitFiles:
        """Who waits for whom."""
        from baton.store.waits import WaitFiles  # start-up

        return WaitFiles(self.home.in_state("waits"))

    @cached_property
    def runs(self) -> RunFiles:
        """The run records."""
        from baton.store.runs import RunFiles  # start-up

        return RunFiles(self.home.in_state("runs"), self.home.in_state("tmp"))

    @cached_property
    def slots(self) -> SlotFiles:
        """The slots."""
        from baton.store.slots import SlotFiles  # start-up

        return SlotFiles(self.home.in_state("slots"))

    @cached_property
    def parking(self) -> ParkingFiles:
        """The parked harnesses."""
        from baton.store.parking import ParkingFiles  # start-up

        return ParkingFiles(
            self.home.in_state("parked"), self.home.in_state("tmp"), self.locks, self._clock, self.prepare
        )

    @cached_property
    def memories(self) -> MemoryFiles:
        """What agents remember."""
        from baton.store.memory_files import MemoryFiles  # start-up

        return MemoryFiles(os.path.join(self.home.root, "memory"), self.locks, self.prepare)

    @cached_property
    def turns(self) -> TurnFiles:
        """Whose turn it is in each namespace of assignments."""
        from baton.store.turns import TurnFiles  # start-up

        return TurnFiles(self.home.in_state("turns"), self.home.in_state("tmp"), self.locks, self.prepare)

    @cached_property
    def displays(self) -> DisplayFiles:
        """What runs show in workspaces."""
        from baton.store.displays import DisplayFiles  # start-up

        return DisplayFiles(self.home.in_state("shown"), self.home.in_state("tmp"), self.locks)

    @cached_property
    def streams(self) -> StreamFiles:
        """The events of streaming runs."""
        from baton.store.streams import StreamFiles  # start-up

        return StreamFiles(self.home.in_state("streams"), self.home.in_state("tmp"))

    def _records(self, kind: str, type: type[R], index: Index | None) -> RecordFiles[R]:
        codec = Codec(kind, type, index.entries if index is not None else None)
        return RecordFiles(kind, codec, self.home, self.locks, self.log, self._clock, index, self.prepare, self._warn)

    def prepare(self) -> None:
        """Make the folders; in a new boot, give back to the log what power loss took from it. Once a process."""
        if self._is_prepared:
            return
        with said(self.home.state):
            path = self.home.in_state("locks", "boot")
            boot = self._clock.holder().boot.encode()
            is_new_boot = read_bytes(path) != boot
            self.home.make_state(is_new_boot=is_new_boot)
            if is_new_boot:
                # Whoever has not seen this boot's name waits here: nobody writes while it is decided what is missing.
                with self.locks.hold(LOCK):
                    if read_bytes(path) != boot:
                        self._repair()
                        replace(path, boot, self.home.in_state("tmp", f"boot-{os.getpid()}"))
        self._is_prepared = True

    def _repair(self) -> None:
        """Bring the log into line with the records after a boot; the caller holds the log's lock."""
        self.log.give_back(
            record.history
            for records in (self.tasks.live(), self.campaigns.live(), self.projects.live(), self.agents.live())
            for record in records
            if not isinstance(record, Damage)
        )
        # The removal of an archived file is not synced. A mark would have told of it; the marks go now.
        for kept in (self.tasks, self.campaigns):
            kept.drop_twins()
        # A mark from before the boot names a place in a log that may have been longer: what was given back could lie
        # before it, and be appended once more. All that a mark could mend in the log has just been mended.
        for kind in ("task", "campaign", "project", "agent"):
            Marks(self.locks.folder, kind).clear_all()

    def _of_kind(self, kind: str) -> RecordFiles[Any]:
        kinds: dict[str, Callable[[], RecordFiles[Any]]] = {
            "task": lambda: self.tasks,
            "campaign": lambda: self.campaigns,
            "project": lambda: self.projects,
            "agent": lambda: self.agents,
        }
        return kinds[kind]()

    def mend(self) -> int:
        """Finish every commit that a crash left half told; return how many stripes had something to finish."""
        self.prepare()
        mended = 0
        for kind in ("task", "campaign", "project", "agent"):
            for id in Marks(self.locks.folder, kind).left():
                self._of_kind(kind).heal(id)
                mended += 1
        return mended
