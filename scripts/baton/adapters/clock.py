"""The machine's clocks and its identity."""

from __future__ import annotations

import os
import time

from baton.domain.records import Holder
from baton.domain.times import stamp


class SystemClock:
    """Wall clock, boot clock, monotonic clock; machine and boot are read once."""

    def __init__(self) -> None:
        self._identity: tuple[str, str] | None = None

    def now(self) -> str:
        """The wall clock, as an instant."""
        return stamp(time.time())

    def monotonic(self) -> float:
        """Seconds that only pass while the machine is awake."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)

    def holder(self) -> Holder:
        """This machine, this boot, and the seconds since it began, sleep included."""
        if self._identity is None:
            self._identity = (_machine(), _first_line("/proc/sys/kernel/random/boot_id") or "unknown")
        machine, boot = self._identity
        return Holder(machine=machine, boot=boot, boot_seconds=round(time.clock_gettime(time.CLOCK_BOOTTIME), 3))


def _machine() -> str:
    return _first_line("/etc/machine-id") or os.uname().nodename


def _first_line(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(fd, 256).split(b"\n")[0].strip().decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)
