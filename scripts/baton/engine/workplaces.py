"""What preparing a run asks of the folders agents work in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from baton.domain.records import Task


class Workplaces(Protocol):
    """Makes the folders agents work in."""

    def make(self, task: Task) -> str:
        """The workspace of this task, made if need be."""

    def text(self, task: Task, path: str) -> str | None:
        """What a file in the task's workspace says; ``None`` when it is gone, no text, or very large."""

    def beside(self, task: Task) -> tuple[str, ...]:
        """Folders outside of the workspace that work in it writes to."""

    def files_below(self, root: str, folder: str) -> list[str]:
        """The files in one folder of a workspace."""

    def keep(self, task: Task, copies: Iterable[tuple[str, str]]) -> None:
        """Copy files of a workspace to other names, unless these are there."""

    def drop_same(self, task: Task, copies: Iterable[tuple[str, str]]) -> None:
        """Remove the copies that say the same as what they were made of."""
