"""Who waits for news of a run. One look at its file every few milliseconds serves all listeners of that run.

Nothing is queued for anybody: whoever is woken reads the file from where they stand. So a slow listener costs the others
and the run nothing, and memory does not grow with what one has not fetched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from baton.adapters.run_server import RunSource

TICK_SECONDS = 0.03


class Watch:
    """One run that is listened to."""

    def __init__(self) -> None:
        self.listener_count = 0
        self.news = asyncio.Event()

    def wake(self) -> None:
        """Wake everybody who took ``news`` before this; who takes it now waits for what comes next."""
        news, self.news = self.news, asyncio.Event()
        news.set()


class Watches:
    """The runs that are listened to, each watched as long as somebody listens.

    Whoever ends the server sets ``closing``, and everybody is woken to say goodbye.
    """

    def __init__(self, source: RunSource, tick_seconds: float = TICK_SECONDS) -> None:
        self._source = source
        self._tick_seconds = tick_seconds
        self.closing = anyio.Event()
        self._watches: dict[str, Watch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def listener_counts(self) -> dict[str, int]:
        """How many listen to each run now."""
        return {run: watch.listener_count for run, watch in self._watches.items()}

    @asynccontextmanager
    async def on(self, run: str) -> AsyncIterator[Watch]:
        """Watch a run; the last who leaves ends it."""
        watch = self._watches.get(run)
        if watch is None:
            watch = self._watches[run] = Watch()
            self._tasks[run] = asyncio.get_running_loop().create_task(self._look(run, watch))
        watch.listener_count += 1
        try:
            yield watch
        finally:
            watch.listener_count -= 1
            if not watch.listener_count:
                del self._watches[run]
                self._tasks.pop(run).cancel()

    async def _look(self, run: str, watch: Watch) -> None:
        before: object = None
        while True:
            try:
                found = self._source.sign(run)
            except OSError as error:  # no descriptor left, say: whoever reads will meet it too, and may come back
                found = error.errno
            if (found, self.closing.is_set()) != before:
                before = (found, self.closing.is_set())
                watch.wake()
            await asyncio.sleep(self._tick_seconds)
