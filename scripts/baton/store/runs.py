"""Run records, ``state/runs/<task>/<run>.json``: for people and statistics. Not synced; the log can rebuild them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from baton.store.files import make_folder, names_in, read_bytes, replace


class RunFiles:
    """The run records below ``folder`` (``state/runs``)."""

    def __init__(self, folder: str, temporary: str) -> None:
        self.folder = folder
        self._temporary = temporary

    def write(self, task: str, run: str, facts: Mapping[str, Any]) -> None:
        """Write or replace a record; a failure is swallowed: the run itself must not fail by it."""
        folder = os.path.join(self.folder, task)
        path = os.path.join(folder, f"{run}.json")
        temporary = os.path.join(self._temporary, f"run-{run}-{os.getpid()}")
        try:
            data = msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n"
            try:
                replace(path, data, temporary, durable=False)
            except FileNotFoundError:
                make_folder(folder)
                replace(path, data, temporary, durable=False)
        except (OSError, TypeError):
            return

    def read(self, task: str, run: str) -> dict[str, Any] | None:
        """The record, or ``None`` when there is no readable one."""
        try:
            data = read_bytes(os.path.join(self.folder, task, f"{run}.json"))
            record = msgspec.json.decode(data) if data else None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return record if isinstance(record, dict) else None

    def of_task(self, task: str) -> list[dict[str, Any]]:
        """The records of a task's runs, oldest first."""
        names = sorted(name for name in names_in(os.path.join(self.folder, task)) if name.endswith(".json"))
        return [record for name in names if (record := self.read(task, name.removesuffix(".json"))) is not None]

    def tasks(self) -> list[str]:
        """The tasks that have run records."""
        return sorted(names_in(self.folder))
