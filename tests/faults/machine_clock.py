"""A machine whose wall clock a test sets while programs run: faketime, for every process of one home, by one file.

Only the wall clock is set. Monotonic time and the time since boot go on as they do when somebody sets a real clock, and
so do the stamps of files: they say what the disk says.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.engine.homes import ScratchHome

from baton.adapters.clock import SystemClock
from baton.cli.wiring import Wiring
from baton.domain.times import epoch, stamp

# What agents must be allowed for the scripts that they call to see the same clock.
NAMES = (
    "LD_PRELOAD", "FAKETIME_SHARED", "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE",
    "NO_FAKE_STAT", "PYTHONPATH",
)  # fmt: skip


class MachineClock(SystemClock):
    """The wall clock of one home's machine; ``environ`` makes a process see it."""

    def __init__(self, file: Path, environ: dict[str, str]) -> None:
        super().__init__()
        self._file = file
        self._offset = 0.0
        self.environ = environ | {
            "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1",
            "PYTHONPATH": str(Path(__file__).with_name("set_clock")),
        }  # fmt: skip
        self.set(time.time())

    def set(self, to: float | str) -> None:
        """Set the clock: an instant, or seconds since 1970. From there it goes on."""
        wanted = epoch(to) if isinstance(to, str) else to
        self._offset = wanted - time.time()
        new = self._file.with_suffix(".new")
        new.write_text(f"{self._offset:+.3f}\n")
        new.rename(self._file)

    def put(self, seconds: float) -> None:
        """Put the clock forward (or back) by so many seconds."""
        self.set(time.time() + self._offset + seconds)

    def now(self) -> str:
        """The wall clock, as an instant: what a process of the home would read."""
        return stamp(time.time() + self._offset)


@contextmanager
def machine_clock(folder: Path) -> Iterator[MachineClock]:
    """A clock for one test. Skips where faketime is missing."""
    if shutil.which("faketime") is None:
        pytest.skip("FAKETIME IS MISSING (apt install faketime): NO CLOCK WAS SET")
    # This process owns what all preloaded libraries share; it lives as long as the test.
    owner = subprocess.Popen(
        ["faketime", "--exclude-monotonic", "-f", "+0", "sh", "-c", "env; echo; read wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert owner.stdout is not None
        told = dict(line.rstrip("\n").partition("=")[::2] for line in iter(owner.stdout.readline, "\n"))
        clock = MachineClock(folder / "clock", {name: told[name] for name in NAMES if name in told})
        seen = subprocess.run(["date", "-u", "+%s"], env=clock.environ | {"PATH": "/usr/bin:/bin"}, capture_output=True)
        assert abs(int(seen.stdout) - time.time()) < 5, seen
        clock.put(-7200)
        seen = subprocess.run(["date", "-u", "+%s"], env=clock.environ | {"PATH": "/usr/bin:/bin"}, capture_output=True)
        assert abs(int(seen.stdout) + 7200 - time.time()) < 5, f"the clock could not be set: {seen}"
        yield clock
    finally:
        owner.communicate("")


class ClockedHome(ScratchHome):
    """A scratch home on a machine whose clock a test sets."""

    def __init__(self, root: Path, clock: MachineClock, **settings: dict[str, Any]) -> None:
        self.clock = clock
        super().__init__(root, **settings)

    @property
    def wiring(self) -> Wiring:
        """The parts of this home, under its machine's clock."""
        made = super().wiring
        made.clock = self.clock
        return made

    def environ(self, **more: str) -> dict[str, str]:
        """The environment of whoever calls a script of this home."""
        return super().environ(**(self.clock.environ | more))


@contextmanager
def clocked_home(folder: Path, at: str, **settings: dict[str, Any]) -> Iterator[ClockedHome]:
    """A home whose machine's clock stands at this instant; when the test is over, no process of it may be left."""
    with machine_clock(folder) as clock:
        clock.set(at)
        home = ClockedHome(folder / "home", clock, **settings)
        try:
            yield home
        finally:
            left = home.end()
        assert not left, f"the test left processes: {left}"
