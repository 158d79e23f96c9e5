"""Where the tasks of the demo stand, as the event log tells it: a table, or what has changed in words."""

from __future__ import annotations

from collections.abc import Sequence

from baton.demo.journal import Event
from baton.demo.screen import Span

STYLES = {"done": "good", "working": "busy", "killed": "bad", "waiting": "dim", "blocked": "bad"}
ENDS = {"task_completed": "done", "task_blocked": "blocked", "task_cancelled": "blocked", "task_deleted": "blocked"}


class Board:
    """The state of each task in each step. ``agents`` and ``folders``: who works at a step, and where it writes."""

    def __init__(self, agents: Sequence[str], folders: Sequence[str], topics: dict[str, str]) -> None:
        self._agents = agents
        self._folders = folders
        self._topics = topics
        self._cells = {task: ["waiting", *[""] * (len(agents) - 1)] for task in topics}
        self._interrupted: set[str] = set()
        self.blocked: dict[str, str] = {}
        """Tasks that cannot go on by themselves, with the reason."""

    @property
    def is_finished(self) -> bool:
        """Tell whether every task is completed, or cannot go on."""
        return all(task in self.blocked or cells[-1] == "done" for task, cells in self._cells.items())

    def kill(self, task: str, step: int) -> None:
        """Mark a task's step: its agent and supervisor were killed."""
        self._cells[task][step] = "killed"

    def take(self, event: Event) -> str | None:
        """Take in an event; return in words what a person wants to know of it."""
        task, data = event["task"], event["data"]
        cells = self._cells.get(task)
        if cells is None:
            return None
        is_beside = data.get("step", 0) is None
        words = _beside(event["type"], data) if is_beside else self._happened(event["type"], task, data, cells)
        return f"{task}  {words}" if words else None

    def _happened(self, kind: str, task: str, data: Event, cells: list[str]) -> str | None:
        step: int = data.get("step", 0)
        if kind == "lease_granted":
            cells[step] = "working"
            again = " again" if task in self._interrupted else ""
            self._interrupted.discard(task)
            return f"{data['agent']} is at work{again}"
        if kind == "run_ended" and data["outcome"] not in ("completed", "sent_back"):
            cells[step] = "waiting"
            self._interrupted.add(task)
            return f"the run of {data['agent']} has ended: {data['outcome']}"
        if kind == "step_completed":
            cells[step] = "done"
            if step + 1 < len(cells):
                cells[step + 1] = "waiting"
        if kind == "revision_requested":
            back = data["to_step"]
            cells[back:] = ["waiting", *[""] * (len(cells) - back - 1)]
            return f"{data['by']} sends it back to {self._agents[back]}"
        if kind in ENDS:
            if ENDS[kind] == "blocked":
                self.blocked[task] = str(data.get("reason") or f"it was {kind.removeprefix('task_')}")
                cells[:] = [cell if cell in ("", "done") else "blocked" for cell in cells]
                return f"is blocked: {self.blocked[task]}"
            return "is completed"
        return None

    def rows(self, footer: str, room: int) -> list[list[Span]]:
        """Return the table, with a line of words below it; ``room``: how many lines there may be."""
        wide = max(map(len, ("about", *self._topics.values()))) + 2
        long = max(map(len, ("task", *self._cells))) + 2
        heads = "".join(f"{folder:<10}" for folder in self._folders)
        table: list[list[Span]] = [[], [("dim", f"   {'task':<{long}}{'about':<{wide}}{heads}")]]
        shown = max(1, room - 4)
        for task, cells in list(self._cells.items())[:shown]:
            row: list[Span] = [("", f"   {task:<{long}}{self._topics[task]:<{wide}}")]
            row += [(STYLES.get(cell, ""), f"{cell:<10}") for cell in cells]
            table.append(row)
        more = f"and {len(self._cells) - shown} more; " if len(self._cells) > shown else ""
        return [*table, [("dim", f"   {more}{footer}")]]


def _beside(kind: str, data: Event) -> str | None:
    """Say what has happened to a branch: it has no place in the table, which is that of the line."""
    if kind == "lease_granted":
        return f"{data['agent']} is at work beside it"
    if kind == "run_ended" and data["outcome"] != "completed":
        return f"the run of {data['agent']} beside it has ended: {data['outcome']}"
    return f"its branch '{data['branch']}' is completed" if kind == "branch_completed" else None
