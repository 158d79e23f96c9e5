"""One task for many pieces: where they lie, and how many of them each unit has made. Counted, never stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from baton.domain.records import Task, Unit
from baton.domain.versions import output_of


def pieces_in(files: Iterable[str]) -> list[str]:
    """Return those of a folder's files that are pieces: hidden ones are not, as for ``expects``."""
    return [path for path in files if not os.path.basename(path).startswith(".")]


def progress_of_pieces(task: Task, files_below: Callable[[str], list[str]]) -> list[dict[str, Any]]:
    """Return, for each unit of a batch that has an agent, how many pieces stand in its folder, and how many should."""
    if task.pieces is None:
        return []
    return [_row(task, unit, files_below) for unit in task.units() if unit.agent is not None]


def summed(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add up the rows of several batches on one pipeline."""
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        key = (row["step"], row["branch"])
        before = found.get(key)
        found[key] = row | {name: row[name] + before[name] for name in ("done", "total")} if before else row
    return [{name: value for name, value in row.items() if name != "status"} for row in found.values()]


def in_words(rows: Iterable[dict[str, Any]]) -> str:
    """Say it in a line."""
    return ", ".join(f"{row['branch'] or row['agent']} {row['done']} of {row['total']}" for row in rows)


def _row(task: Task, unit: Unit, files_below: Callable[[str], list[str]]) -> dict[str, Any]:
    folder = output_of(task, unit)
    return {
        "step": unit.step,
        "branch": task.label_of(unit.key),
        "agent": unit.agent,
        "status": unit.status,
        "folder": folder,
        "done": len(pieces_in(files_below(folder))),
        "total": task.pieces,
    }
