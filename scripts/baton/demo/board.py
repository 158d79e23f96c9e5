"""Where the tasks of the demo stand, as ``task.py list --json`` told it last: a table, or what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baton.demo.screen import Span

STYLES = {"done": "good", "working": "busy", "killed": "bad", "waiting": "dim", "blocked": "bad"}
HELD = "held by run "


class Board:
    """The state of each task in each step. ``killed`` holds the runs whose processes the demo has killed."""

    def __init__(self, steps: Sequence[str], topics: dict[str, str]) -> None:
        self._steps = steps
        self._topics = topics
        self._cells: dict[str, list[str]] = {}
        self.killed: set[str] = set()

    @property
    def is_finished(self) -> bool:
        """Tell whether every task is done."""
        return bool(self._cells) and all(cells[-1] == "done" for cells in self._cells.values())

    def update(self, tasks: Sequence[dict[str, Any]]) -> list[str]:
        """Take in a new list; return each change in words."""
        changes = []
        for task in tasks:
            before = self._cells.get(task["id"], [""] * len(self._steps))
            after = [self._cell(task, number) for number in range(len(self._steps))]
            self._cells[task["id"]] = after
            for step, old, new in zip(self._steps, before, after, strict=True):
                if old != new:
                    changes.append(f"{task['id']}  {step}: {_said(old, new, task)}")
        return changes

    def rows(self, footer: str) -> list[list[Span]]:
        """Return the table, with a line of words below it."""
        width = max(map(len, self._topics.values()))
        heads = "".join(f"{step:<10}" for step in self._steps)
        table: list[list[Span]] = [[], [("dim", f"   {'task':<11}{'about':<{width}}  {heads}")]]
        for task, cells in sorted(self._cells.items()):
            row: list[Span] = [("", f"   {task:<11}{self._topics.get(task, ''):<{width}}  ")]
            row += [(STYLES.get(cell, ""), f"{cell:<10}") for cell in cells]
            table.append(row)
        return [*table, [("dim", f"   {footer}")]]

    def _cell(self, task: dict[str, Any], step: int) -> str:
        if task["status"] == "completed" or step < task["step"]:
            return "done"
        if step > task["step"]:
            return ""
        if task["status"] == "blocked":
            return "blocked"
        waits = task["waits"] or ""
        if not waits.startswith(HELD):
            return "waiting"
        return "killed" if waits.removeprefix(HELD).split()[0] in self.killed else "working"


def _said(old: str, new: str, task: dict[str, Any]) -> str:
    if new == "working":
        return f"{task['agent']} is at work" + (" again" if old == "killed" else "")
    words = {"waiting": f"waits for {task['agent']}", "killed": f"{task['agent']} was killed; the task stays held"}
    return words.get(new, new)
