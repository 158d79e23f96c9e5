"""A look at a record that costs nothing while it stays the same: a supervisor takes one twice a second."""

from __future__ import annotations

from typing import Any

from baton.domain.errors import BatonError
from baton.domain.records import Task
from baton.ports import Kind


class RecordLook:
    """Looks at one task."""

    def __init__(self, tasks: Kind[Task], id: str) -> None:
        self._tasks = tasks
        self._id = id
        self._last_sign: Any = None

    def __call__(self) -> Task | None:
        """Return the record if it has changed since the last look."""
        sign = self._tasks.modified(self._id)
        if sign == self._last_sign:
            return None
        try:
            found = self._tasks.read(self._id)
        except BatonError:
            return None  # not seen: the next look reads it again
        self._last_sign = sign
        return found
