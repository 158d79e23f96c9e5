"""What people and agents said about a task, for whoever works on it next."""

from __future__ import annotations

from msgspec import Struct

from baton.domain.records import Task

# What the tail of a record's history holds is enough to go on; a prompt is no archive.
MOST = 5
TEXT_LIMIT = 2_000


class Comment(Struct, frozen=True, kw_only=True):
    """One comment: when, by whom, the words."""

    at: str
    by: str
    text: str


def last_comments(task: Task) -> list[Comment]:
    """Return the last few comments on a task, oldest first; a long one is cut."""
    said = [event for event in task.history if event.type == "task_commented"][-MOST:]
    return [
        Comment(at=event.at, by=str(event.data.get("by")), text=_cut(str(event.data.get("text")))) for event in said
    ]


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 3]}..."
