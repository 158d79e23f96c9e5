"""A supervisor's place: its slot, who it is, the beat by which it is known to live, the signal to stop, free slots."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from msgspec import structs

from baton.domain.errors import BatonError
from baton.domain.records import Holder
from baton.engine.last_settings import LastSettings
from baton.engine.run import Tree
from baton.engine.stop_signal import StopSignal
from baton.ports import Clock, Config, Slot, Store


class Seat:
    """Holds one slot for as long as a supervisor works; ``dispatch`` starts supervisors for what is ready."""

    def __init__(
        self,
        slot: Slot,
        clock: Clock,
        store: Store,
        config: Config,
        tree: Tree,
        *,
        dispatch: Callable[[], object],
        warn: Callable[[str], None],
    ) -> None:
        self.slot = slot
        self.stop = StopSignal()
        self.settings = LastSettings(config, warn)
        self._clock = clock
        self._store = store
        self._config = config
        self._dispatch = dispatch
        self._warn = warn
        me = tree.identify(os.getpid())
        self._facts: dict[str, Any] = {"pid": os.getpid(), "started": me.started if me else 0}
        self.instance = f"{os.getpid()}.{self._facts['started']}"

    def begin(self) -> None:
        """Take the supervisor's half of the slot and listen for signals. Before the first grant."""
        self.slot.supervise(self.instance)
        self.beat({})
        self.stop.listen()

    def holder(self) -> Holder:
        """Who grants itself a lease here."""
        return structs.replace(self._clock.holder(), slot=self.slot.number, instance=self.instance, boot_seconds=None)

    def may_start(self) -> bool:
        """Tell whether anything may be begun now, with settings that can be read."""
        return not (self.stop.is_set or self._config.is_stopped()) and self.settings.are_good()

    def beat(self, facts: dict[str, Any]) -> None:
        """Write what we do now: whoever reads it knows that we live. Of a home that is gone nobody will: we stop."""
        now = round(self._clock.monotonic(), 3)
        told = {"instance": self.instance, "beat": now, **self._facts, "at": self._clock.now(), **facts}
        if not self.slot.beat(told) and not self.stop.is_set:
            self._warn("the home is not where it was: what runs in it is ended")
            self.stop.set()

    def tell(self, facts: dict[str, Any]) -> None:
        """Beat, and see to free slots."""
        self.beat(facts)
        if not self.stop.is_set:
            self._fill_slots()

    def _fill_slots(self) -> None:
        try:
            held = sum(slot.held for slot in self._store.slots.states())
            if held < self.settings().concurrency.agents:  # else what is ready need not be read
                self._dispatch()
        except (BatonError, OSError) as error:
            self._warn(f"free slots could not be filled: {error}")
