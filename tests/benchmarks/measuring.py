"""Measuring two sides in turn, so that whatever else the machine does weighs on both."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

Side = Callable[[], float]

_QUIET = [
    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
    (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
    (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
]


class Measured:
    """What each side took, round by round."""

    def __init__(self, taken: dict[str, list[float]]) -> None:
        self.taken = taken

    def median(self, side: str) -> float:
        """The median of one side."""
        return median(self.taken[side])

    def ratio(self, side: str, reference: str) -> float:
        """The median, over the rounds, of this side against the reference of the same round."""
        return median(one / other for one, other in zip(self.taken[side], self.taken[reference], strict=True))


def in_turn(sides: Mapping[str, Side], rounds: int) -> Measured:
    """Take every side once a round, each round in the other direction; the first round only warms up."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name in list(sides) if number % 2 else reversed(sides):
            figure = sides[name]()
            if number:
                taken[name].append(figure)
    return Measured(taken)


def cpu_of(argv: Sequence[str], environ: Mapping[str, str], *, code: int = 0) -> float:
    """Run a program to its end; return the CPU seconds that it took, user and system."""
    pid = os.posix_spawn(argv[0], argv, environ, file_actions=_QUIET)
    status, usage = os.wait4(pid, 0)[1:]
    assert os.waitstatus_to_exitcode(status) == code, (argv, os.waitstatus_to_exitcode(status))
    return usage.ru_utime + usage.ru_stime


def wall_of(act: Callable[[], object]) -> float:
    """Return the seconds that an act takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
