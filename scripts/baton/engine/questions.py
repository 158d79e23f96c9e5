"""What an agent without tools is told: all of it in one text, since it can open no file."""

from __future__ import annotations

from typing import Any

from baton.domain.records import Task, Unit
from baton.domain.stream_runs import filled
from baton.engine.streaming import Telling
from baton.engine.workplaces import Workplaces

# So many characters of files are told in all; what does not fit is named.
MATERIAL_LIMIT = 200_000


def asked_of_run(task: Task, unit: Unit, telling: Telling) -> tuple[str, str]:
    """Return the instructions of a streaming run's step, and what it is given, word for word."""
    assert task.stream is not None
    return filled(unit.instructions, task.stream.variables), telling.input_of(task, unit)


def material_for(task: Task, unit: Unit, workplaces: Workplaces, facts: dict[str, Any]) -> list[dict[str, str | None]]:
    """Return the files that a step works with, by path: what it left itself, what the step before left, the sources."""
    previous = facts["previous"]
    paths = [*facts["made"][-1:], *(previous["outputs"] if previous else []), *facts["sources"]]
    left, found = MATERIAL_LIMIT, list[dict[str, str | None]]()
    for path in dict.fromkeys(paths):
        text = workplaces.text(task, path)
        if text is not None and len(text) > left:
            text = None
        left -= len(text or "")
        found.append({"path": path, "text": text})
    return found
