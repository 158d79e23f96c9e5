"""Worktrees: what an assignment's own checkout of a repository is called, and when nothing is lost without it."""

from __future__ import annotations

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.records import Task


def branch_of(task: str) -> str:
    """Return the branch that an assignment works on in a worktree of its own."""
    return f"baton/{task}"


def base_ref_of(task: str) -> str:
    """Return the ref that says where the branch began, and that the branch is ours.

    Not below ``refs/baton/``: git would take ``baton/<task>``, as people type it, for that ref, and not for the branch.
    """
    return f"refs/baton-base/{task}"


def check_branch(task: str) -> None:
    """Refuse an id that git takes for no branch's name."""
    if ".." in task or task.endswith((".", ".lock")):
        raise InvalidInput(
            f"git has no branch '{branch_of(task)}': no name may hold '..', or end with '.' or '.lock'",
            cure="choose another id",
        )


def branch_worked_on(task: Task) -> str | None:
    """Return the branch of an assignment that has a worktree of its own; ``None`` for any other task."""
    return branch_of(task.id) if task.has_worktree else None


class WorktreeState(Struct, frozen=True, kw_only=True):
    """A worktree as it is now. Counts are of what would be lost with it: files not committed, commits found nowhere else.

    ``is_there``: the folder or the branch exists. ``busy`` says by what git is kept from judging it.
    """

    path: str
    branch: str
    repo: str
    is_there: bool = True
    file_count: int = 0
    commit_count: int = 0
    busy: str | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not removed unless somebody says so; empty when nothing would be lost."""
        found = []
        if self.busy is not None:
            found.append(self.busy)
        if self.file_count:
            found.append(f"{_counted(self.file_count, 'file')} not committed")
        if self.commit_count:
            found.append(f"{_counted(self.commit_count, 'commit')} on {self.branch} not merged")
        return tuple(found)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
