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
            Codec("task", Task),
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
        self._is_prepared = True
        with said(self.home.state):
            self.home.make_state()
            path = self.home.in_state("locks", "boot")
            boot = self._clock.holder().boot.encode()
            if read_bytes(path) == boot:
                return
            # Whoever has not seen this boot's mark waits here, so nobody writes while it is decided what is missing.
            with self.locks.hold(LOCK):
                if read_bytes(path) == boot:
                    return
                self.log.give_back(
                    record.history
                    for records in (self.tasks.live(), self.campaigns.live())
                    for record in records
                    if not isinstance(record, Damage)
                )
                replace(path, boot, self.home.in_state("tmp", f"boot-{os.getpid()}"))
