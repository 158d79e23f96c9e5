"""The four ways in which a run does not end by itself, each with its own limit. Numbers in, a word out.

Nothing printed at all, no sign that the agent gets on, a result after which the process stays, the wall clock. Only the
last holds for programs that need not print while they work (``script``, ``command``).
"""

from __future__ import annotations

from msgspec import Struct

from baton.domain.settings import Timeouts
from baton.domain.statuses import FailureKind, Hang
from baton.ports import Listener

KINDS = {
    Hang.NO_OUTPUT: FailureKind.NO_OUTPUT,
    Hang.SILENCE: FailureKind.SILENCE,
    Hang.WALL_CLOCK: FailureKind.TIMEOUT,
}


class Limits(Struct, frozen=True, kw_only=True):
    """Seconds for each; ``None`` for none."""

    wall_clock: float
    no_output: float | None = None
    silence: float | None = None
    after_result: float | None = None


def limits_for(timeouts: Timeouts, deadline_seconds: float, *, is_talkative: bool) -> Limits:
    """Return the limits of one run."""
    if not is_talkative:
        return Limits(wall_clock=deadline_seconds)
    return Limits(
        wall_clock=deadline_seconds,
        no_output=timeouts.first_output_seconds,
        silence=timeouts.silence_seconds,
        after_result=timeouts.after_result_seconds,
    )


class HangWatch:
    """Watches one run, by what was heard of it and by a clock that never jumps."""

    def __init__(self, limits: Limits, listener: Listener, now: float) -> None:
        self.deadline = now + limits.wall_clock
        self._limits = limits
        self._listener = listener
        self._started = now
        self._progress = 0
        self._progress_at = now
        self._done_at: float | None = None

    def look(self, now: float, byte_count: int) -> Hang | None:
        """Return the limit that the run has reached; ``byte_count`` is all that it printed, on both outputs."""
        if self._listener.progress != self._progress:
            self._progress, self._progress_at = self._listener.progress, now
        if not self._listener.is_done:
            self._done_at = None
        elif self._done_at is None:
            self._done_at = now
        limits = self._limits
        if limits.after_result is not None and self._done_at is not None:
            if now >= self._done_at + limits.after_result:
                return Hang.AFTER_RESULT
        elif limits.no_output is not None and not byte_count and now >= self._started + limits.no_output:
            return Hang.NO_OUTPUT
        elif limits.silence is not None and byte_count and now >= self._progress_at + limits.silence:
            return Hang.SILENCE
        return Hang.WALL_CLOCK if now >= self.deadline else None
