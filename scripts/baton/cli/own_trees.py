"""The worktrees of a home by the assignments they are for. Git is loaded when it is really asked: most tasks have none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from baton.domain.errors import BatonError

if TYPE_CHECKING:
    from baton.adapters.repositories.worktrees import Worktrees
    from baton.domain.records import Task
    from baton.domain.worktrees import WorktreeState


class OwnTrees:
    """The worktrees of one home. ``path`` is where git is looked for."""

    def __init__(self, root: str, path: str, warn: Callable[[str], None]) -> None:
        self._root = root
        self._path = path
        self._warn = warn

    def check(self, repo: str, id: str) -> None:
        """Refuse a repository of which no worktree can be made for an assignment of this id."""
        self._trees.check(repo, id)

    def place(self, task: Task) -> str:
        """Where the worktree is, or will be."""
        return self._trees.place(_namespace(task), task.id)

    def make(self, task: Task) -> str:
        """The worktree, made if it is not there."""
        return self._trees.make(task.repo or "", _namespace(task), task.id)

    def shared(self, task: Task) -> str:
        """The folder in which git keeps what all worktrees of the repository have in common."""
        return self._trees.shared(_namespace(task), task.id)

    def look(self, task: Task) -> WorktreeState:
        """What there is of it, and what would be lost with it."""
        return self._trees.look(task.repo or "", _namespace(task), task.id)

    def remove(self, task: Task, *, discard: bool = False) -> WorktreeState:
        """Remove it where nothing is lost by it, or when told to; say what there is now."""
        return self._trees.remove(task.repo or "", _namespace(task), task.id, discard=discard)

    def put_away(self, task: Task) -> None:
        """Remove that of an assignment that has just finished, where nothing is lost; else leave it, and say so."""
        try:
            state = self.remove(task)
            said = f"{state.path} is kept: {'; '.join(state.reasons)}" if state.is_there else ""
        except (BatonError, OSError) as error:
            said = str(error)
        if said:
            self._warn(f"assignment '{task.id}': {said}; assignment.py clean {task.id} removes it when it is merged")

    @cached_property
    def _trees(self) -> Worktrees:
        from baton.adapters.repositories.worktrees import Worktrees  # start-up

        return Worktrees(self._root, self._path)


def _namespace(task: Task) -> str:
    assert task.assignment is not None
    return task.assignment.namespace
