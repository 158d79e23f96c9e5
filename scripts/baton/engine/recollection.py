"""What an agent remembers when its run begins: its working memory, the lessons that concern it, what else there is to read.

It goes into the prompt itself, so that an agent has it whose program cannot read files, and so that what does not fit, is
damaged or is secret never comes near a model. Memory is never a reason for a run to fail: what is wrong is said instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from msgspec import Struct

from baton.domain.errors import BatonError
from baton.domain.lessons import lessons_for
from baton.domain.memory import DAILY, LESSONS, LONG_TERM, WORKING, Given, Glimpse, given
from baton.domain.redaction import redact
from baton.ports import Log, Memories

PAGES = 20
# What is in them is given, or told where the prompt speaks of services.
TOLD_ELSEWHERE = frozenset({LESSONS, f"{LONG_TERM}/SERVICE_REGISTRY.md"})
DAYS = 2


class Remembered(Struct, frozen=True, kw_only=True):
    """What a prompt is told of memory; ``readable`` and ``writable`` are the folders it speaks of."""

    file: str
    working: Given
    lessons: Given
    pages: tuple[str, ...]
    readable: tuple[str, ...]
    writable: tuple[str, ...]

    def as_facts(self) -> dict[str, Any]:
        """What the record of a run says of it."""
        told = {"bytes_left_out": self.working.left_out + self.lessons.left_out, "problem": self.working.problem}
        return {key: value for key, value in told.items() if value}


class Recollection:
    """Remembers for the agents of one home. ``secrets`` are the values that no prompt may hold."""

    def __init__(self, memories: Memories, secrets: Callable[[], Collection[str]], log: Log) -> None:
        self._memories = memories
        self._secrets = secrets
        self._log = log

    def of(self, agent: str, limit: int, *, task: str | None, run: str) -> Remembered:
        """Return what this agent's next prompt is told; secrets in its working memory are masked there, too."""
        name = f"{WORKING}/{agent}.md"
        lessons = Given()
        try:
            secrets = self._secrets()  # not to be had: then nothing is told, since nobody knows what to mask
            lessons = self._lessons(agent, secrets, limit)
            working = self._working(name, secrets, limit)
            if working.masked:
                self._mask(name, working, secrets, task, run)
        except (BatonError, OSError) as error:
            working = Given(problem=_said(error))
        return Remembered(
            file=self._memories.path(name),
            working=working,
            lessons=lessons,
            pages=self._pages(),
            readable=tuple(self._memories.path(layer) for layer in (LONG_TERM, DAILY)),
            writable=self._writable(),
        )

    def _working(self, name: str, secrets: Collection[str], limit: int) -> Given:
        return given(self._memories.glimpse(name, limit), secrets, limit, self._memories.path(name))

    def _mask(self, name: str, found: Given, secrets: Collection[str], task: str | None, run: str) -> None:
        """Mask in the file what was masked in the prompt: an agent that changes its memory reads it by its path."""
        told = {"file": f"memory/{name}", "count": found.masked}
        try:
            self._memories.change(name, lambda text: redact(text, secrets))
        except (BatonError, OSError) as error:
            told["reason"] = f"only in the prompt: {_said(error)}"
        self._log.note("memory_redacted", told, task=task, run=run)

    def _lessons(self, agent: str, secrets: Collection[str], limit: int) -> Given:
        path = self._memories.path(LESSONS)
        try:
            text = lessons_for(self._memories.text(LESSONS), agent).encode("utf-8", "surrogateescape")
            return given(Glimpse(size=len(text), head=text), secrets, limit, path)
        except (BatonError, OSError) as error:
            return Given(problem=_said(error))

    def _pages(self) -> tuple[str, ...]:
        """What there is to read besides: long-term pages, and the pages of the last days."""
        try:
            pages = [name for name in self._memories.names(LONG_TERM) if name not in TOLD_ELSEWHERE][:PAGES]
            pages += self._memories.names(DAILY)[-DAYS:]
        except (BatonError, OSError):
            return ()
        return tuple(self._memories.path(name) for name in pages)

    def _writable(self) -> tuple[str, ...]:
        # Agent programs that are let into a folder refuse to start when it is not there.
        try:
            return (self._memories.make_layer(WORKING),)
        except (BatonError, OSError):
            return ()


def _said(error: BatonError | OSError) -> str:
    return error.message if isinstance(error, BatonError) else str(error)
