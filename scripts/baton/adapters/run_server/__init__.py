"""A server of server-sent events: streaming runs, to any number of listeners on this machine. It only reads.

What it needs of a home stands here. May touch sockets; never state, but through these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class EventReader(Protocol):
    """Reads one run's events in order, from a cursor of its own."""

    def read(self) -> list[dict[str, Any]]:
        """What is new, at most a few hundred kilobytes of it; nothing where nothing is."""

    def close(self) -> None:
        """Nothing more will be read."""


class RunSource(Protocol):
    """The streaming runs of one home. What is asked here is quick, but for ``all`` and ``one``."""

    def all(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """The runs, without what their steps said; ``filters``: ``owner``, ``pipeline``."""

    def one(self, run: str) -> dict[str, Any] | None:
        """One run with its steps, or ``None``; ``run`` is whatever stood in an address."""

    def is_run(self, run: str) -> bool:
        """Tell whether events of such a run are kept; ``run`` as above."""

    def reader(self, run: str, since: int) -> EventReader:
        """A reader of the events behind this id."""

    def sign(self, run: str) -> object:
        """Something that differs whenever there is more to read, or the end of the run has been told, or it is gone."""

    def is_over(self, run: str) -> bool:
        """Tell whether the run's end has been told, or the run is gone: what can be read now is all."""
