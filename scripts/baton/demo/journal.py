"""What has happened in the demo's home, read from its event log as it grows."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Journal:
    """The log's events so far, in its order. Refused commands belong to no record's history, and are left out."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._read: dict[Path, int] = {}
        self.events: list[Event] = []

    def news(self) -> list[Event]:
        """Read on; return what is new. A line that is still being written waits for the next look."""
        fresh: list[Event] = []
        for path in sorted(self._home.glob("state/events/*.ndjson")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            fresh += [
                event for line in whole.splitlines() if not (event := json.loads(line))["id"].startswith("refused/")
            ]
        self.events += fresh
        return fresh

    def of(self, kind: str, task: str | None = None) -> list[Event]:
        """Return the events of a type, of one task or of all."""
        return [event for event in self.events if event["type"] == kind and task in (None, event["task"])]

    @property
    def began(self) -> float:
        """When the campaign was activated, in seconds: the zero of every time that the demo shows."""
        return next((seconds(event["at"]) for event in self.of("campaign_activated")), 0.0)


def seconds(at: str) -> float:
    """Return a stamp of the log as seconds since the epoch."""
    return datetime.fromisoformat(at).timestamp()
