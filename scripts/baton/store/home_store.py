"""A home's state, put together: task and campaign records, event log, ready index, waits, run records, slots."""

from __future__ import annotations

import os
from collections.abc import Callable

from baton.domain.campaigns import Campaign
from baton.domain.readiness import waiting
from baton.domain.records import Task
from baton.ports import Clock, Damage
from baton.store.codec import Codec
from baton.store.files import read_bytes, replace, said
from baton.store.layout import Home
from baton.store.locks import Locks
from baton.store.log import LOCK, EventLog
from baton.store.marks import Marks
from baton.store.ready import ReadyIndex
from baton.store.record_files import Index, RecordFiles
from baton.store.runs import RunFiles
from baton.store.slots import SlotFiles
from baton.store.waits import WaitFiles


class HomeStore:
    """Everything below ``state/``. Making one touches nothing; the first change of a boot repairs the log first."""

    def __init__(self, home: Home, clock: Clock, warn: Callable[[str], None]) -> None:
        self.home = home
        self._clock = clock
        self._is_prepared = False
        locks = Locks(home.in_state("locks"))
        self.locks = locks
        self.log = EventLog(home.in_state("events"), locks, clock)
        self.ready = ReadyIndex(home.in_state("ready"))
        self.waits = WaitFiles(home.in_state("waits"))
        self.runs = RunFiles(home.in_state("runs"), home.in_state("tmp"))
        self.slots = SlotFiles(home.in_state("slots"))
        self.tasks: RecordFiles[Task] = RecordFiles(
            "task",
            Codec("task", Task, waiting),
            home,
            locks,
            self.log,
            clock,
            Index(self.ready, waiting),
            self.prepare,
            warn,
        )
        self.campaigns: RecordFiles[Campaign] = RecordFiles(
            "campaign", Codec("campaign", Campaign), home, locks, self.log, clock, None, self.prepare, warn
        )

    def prepare(self) -> None:
        """Make the folders; in a new boot, give back to the log what power loss took from it. Once a process."""
        if self._is_prepared:
            return
        with said(self.home.state):
            self.home.make_state()
            path = self.home.in_state("locks", "boot")
            boot = self._clock.holder().boot.encode()
            if read_bytes(path) != boot:
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
            for records in (self.tasks.live(), self.campaigns.live())
            for record in records
            if not isinstance(record, Damage)
        )
        # A mark from before the boot names a place in a log that may have been longer: what was given back could lie
        # before it, and be appended once more. All that a mark could mend in the log has just been mended.
        for kind in ("task", "campaign"):
            Marks(self.locks.folder, kind).clear_all()

    def mend(self) -> int:
        """Finish every commit that a crash left half told; return how many stripes had something to finish."""
        self.prepare()
        mended = 0
        for records, kind in ((self.tasks, "task"), (self.campaigns, "campaign")):
            for id in Marks(self.locks.folder, kind).left():
                records.heal(id)
                mended += 1
        return mended
