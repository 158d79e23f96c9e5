"""TERM and INT to a supervisor: noted, and whoever waits is woken; ending the run in an orderly way comes after."""

from __future__ import annotations

import os
import select
import signal


class StopSignal:
    """Tells whether this process was told to stop. ``wake`` becomes readable when it is."""

    def __init__(self) -> None:
        self.is_set = False
        self.wake, self._end = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(self._end, False)

    def listen(self) -> None:
        """Note TERM and INT from now on; a terminal that closes (HUP) ends nobody's work."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(self._end, warn_on_full_buffer=False)

    def wait(self, seconds: float) -> None:
        """Wait, or until told to stop."""
        select.select([self.wake], [], [], seconds)

    def set(self) -> None:
        """Stop, as if told to."""
        self.is_set = True

    def _note(self, number: int, frame: object) -> None:
        self.set()
