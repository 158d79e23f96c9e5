"""Worktrees of a user's repositories: made for one assignment, on a branch of its own, and removed when nothing is lost.

The user's checkout, index and branches are not touched. What is ours in a repository is known by a ref that is written
first and removed last; a worktree that a crash left half made by git's own mark, with which nobody is ever let in.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from baton.adapters.repositories.git_admin import HALF_MADE, admin_of, busy_by, common_of, is_whole, lock_of
from baton.adapters.repositories.git_calls import GitRefused, ask_git
from baton.domain.errors import BatonError, Busy, InvalidInput, StorageError
from baton.domain.worktrees import WorktreeState, base_ref_of, branch_of, check_branch

MAKE_SECONDS = 600.0
LOOK_SECONDS = 60.0
POLL_SECONDS = 0.02
NOT_THERE = ""  # as the old value of a ref
UNKNOWN_NAME = 1
INSTEAD = "leave the worktree out, to work in the repository itself"


class Repository(NamedTuple):
    """A repository as git sees it: the root of the checkout, the folder that all its worktrees share."""

    root: str
    common: str


class Worktrees:
    """The worktrees of one home, ``projects/<project>/worktrees/<task>``. ``path`` is where git is looked for."""

    def __init__(self, root: str, path: str) -> None:
        self._projects = os.path.join(os.path.realpath(root), "projects")
        self._path = path

    def place(self, project: str, task: str) -> str:
        """Return the folder of a worktree, whether it is there or not."""
        return os.path.join(self._projects, project, "worktrees", task)

    def shared(self, project: str, task: str) -> str:
        """Return the folder in which git keeps what the worktree shares with its repository."""
        place = self.place(project, task)
        common = common_of(place)
        if common is None:
            raise StorageError(f"{place} is no worktree any more", cure="look at it, and move it away")
        return common

    def check(self, repo: str, task: str) -> None:
        """Refuse a repository of which no worktree can be made for this task, before anything is made."""
        check_branch(task)
        self._start_of(self._repository(repo), task)

    def make(self, repo: str, project: str, task: str) -> str:
        """Return the worktree, made if it is not there; whatever a crash has left half made is made anew."""
        place = self.place(project, task)
        if is_whole(place):  # the common case, and no process is started for it
            return place
        check_branch(task)
        with self._alone(project) as lock:
            if not is_whole(place):
                repository = self._repository(repo)
                self._clear(repository, place)
                self._add(repository, place, task, lock)
        return place

    def look(self, repo: str, project: str, task: str) -> WorktreeState:
        """Say what there is of a worktree, and what would be lost with it."""
        place = self.place(project, task)
        state = WorktreeState(path=place, branch=branch_of(task), repo=repo)
        if not os.path.isdir(repo) and not os.path.lexists(place):
            return _gone(state)
        repository = self._repository(repo)
        tips = [tip for tip in (self._commit(repository.root, f"refs/heads/{state.branch}"),) if tip]
        files, busy = 0, None
        if os.path.lexists(place):
            admin = admin_of(repository.common, place)
            busy = busy_by(admin) if admin else None
            if admin is None or not (is_whole(place) or lock_of(admin) == HALF_MADE):
                busy = f"{place} is there, but is no worktree of {repo} any more"
            elif is_whole(place):
                files = len(self._changed(place))
                head = self._commit(place, "HEAD")
                tips += [head] if head else []
        elif not tips and self._commit(repository.root, base_ref_of(task)) is None:
            return _gone(state)
        return WorktreeState(
            path=place,
            branch=state.branch,
            repo=repo,
            file_count=files,
            commit_count=self._count(repository, task, tips),
            busy=busy,
        )

    def remove(self, repo: str, project: str, task: str, *, discard: bool = False) -> WorktreeState:
        """Remove worktree and branch when nothing is lost by it, or when ``discard`` says so; else say why they are kept."""
        place = self.place(project, task)
        with self._alone(project) as lock:
            if discard and not os.path.isdir(repo):  # its commits have gone with it, and git can be asked nothing
                shutil.rmtree(place, ignore_errors=True)
            state = self.look(repo, project, task)
            if not state.is_there or (state.reasons and not discard):
                return state
            repository = self._repository(repo)
            admin = admin_of(repository.common, place)
            if admin is not None and lock_of(admin) not in (None, HALF_MADE):
                raise InvalidInput(
                    f"somebody has locked the worktree {place}: {lock_of(admin) or 'without a reason'}",
                    cure=f"git -C {repo} worktree unlock {place}",
                )
            force = ("--force",) if discard else ()
            try:
                if is_whole(place):
                    self._git(repository.root, "worktree", "remove", *force, place, seconds=MAKE_SECONDS, keeping=lock)
                else:
                    shutil.rmtree(place, ignore_errors=True)
                    self._clear(repository, place)
                if self._commit(repository.root, f"refs/heads/{state.branch}") is not None:
                    self._git(repository.root, "branch", "-D", state.branch)
                self._git(repository.root, "update-ref", "-d", base_ref_of(task))
            except GitRefused as error:
                raise _said(f"the worktree {place} cannot be removed whole", error) from None
            return _gone(state)

    # -- making -------------------------------------------------------------------------------------------------

    def _add(self, repository: Repository, place: str, task: str, lock: int) -> None:
        branch, base_ref = branch_of(task), base_ref_of(task)
        start = self._start_of(repository, task)
        try:
            if self._commit(repository.root, base_ref) is None:
                self._git(repository.root, "update-ref", base_ref, start, NOT_THERE)
            is_begun = self._commit(repository.root, f"refs/heads/{branch}") is not None
            words = (place, branch) if is_begun else ("-b", branch, place, start)
            self._git(repository.root, "worktree", "add", "--quiet", *words, seconds=MAKE_SECONDS, keeping=lock)
        except GitRefused as error:
            raise _said(f"no worktree of {repository.root} can be made for '{task}'", error) from None
        if not is_whole(place):
            raise StorageError(f"git has made no worktree in {place}", cure="look at it, and try again")

    def _clear(self, repository: Repository, place: str) -> None:
        """Remove a worktree left half made, into which nobody was let, and its registration: ours, by its path."""
        admin = admin_of(repository.common, place)
        if admin is not None and lock_of(admin) == HALF_MADE:
            shutil.rmtree(place, ignore_errors=True)
        if os.path.lexists(place):
            with suppress(OSError):  # an empty folder is no work of anybody's
                os.rmdir(place)
        if os.path.lexists(place):
            raise InvalidInput(
                f"{place} is no worktree of {repository.root}, and is not empty", cure="look at it, and move it away"
            )
        if admin is None:
            return
        try:
            force = ("--force", "--force") if lock_of(admin) == HALF_MADE else ("--force",)
            self._git(repository.root, "worktree", "remove", *force, place)
        except GitRefused as error:
            raise _said(f"git's note of the worktree {place}, which is gone, cannot be removed", error) from None

    def _start_of(self, repository: Repository, task: str) -> str:
        """Return the commit a new branch begins at; refuse what git can make no worktree of."""
        root, branch = repository.root, branch_of(task)
        start = self._commit(root, "HEAD")
        if start is None:
            raise InvalidInput(f"the repository {root} has no commit yet", cure="make one, or " + INSTEAD)
        try:
            if self._git(root, "ls-tree", "--name-only", start, "--", ".gitmodules"):
                raise InvalidInput(
                    f"the repository {root} has submodules, of which git makes no worktrees", cure=INSTEAD
                )
        except GitRefused as error:
            raise _said(f"the repository {root} cannot be looked at", error) from None
        if self._commit(root, f"refs/heads/{branch}") and not self._commit(root, base_ref_of(task)):
            raise InvalidInput(
                f"the repository {root} has a branch {branch} already, which is none of ours",
                cure=f"rename it: git -C {root} branch -m {branch} another-name",
            )
        return start

    # -- asking -------------------------------------------------------------------------------------------------

    def _repository(self, repo: str) -> Repository:
        """Return the repository whose checkout this is; refuse what is none, or only a part of one."""
        if not os.path.isdir(repo):
            raise InvalidInput(f"the repository {repo} is not a folder", cure="check the path, or create it")
        try:
            bare, common = self._git(repo, "rev-parse", "--is-bare-repository", "--git-common-dir").splitlines()
            if bare == "true":
                raise InvalidInput(
                    f"the repository {repo} is bare: nobody can work in it", cure="name a checkout of it"
                )
            root = self._git(repo, "rev-parse", "--show-toplevel").rstrip("\n")
        except GitRefused as error:
            if "not a git repository" in str(error):
                raise InvalidInput(f"{repo} is not a git repository", cure="git init there, or " + INSTEAD) from None
            raise _said(f"the repository {repo} cannot be looked at", error) from None
        if os.path.realpath(root) != os.path.realpath(repo):
            raise InvalidInput(f"{repo} is not the root of its repository", cure=f"name {root}")
        return Repository(root, os.path.realpath(os.path.join(repo, common)))

    def _commit(self, folder: str, name: str) -> str | None:
        try:
            return self._git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
        except GitRefused as error:
            if error.code == UNKNOWN_NAME:
                return None
            raise _said(f"{folder} cannot be looked at", error) from None

    def _changed(self, place: str) -> list[str]:
        words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none")
        try:
            return [line for line in self._git(place, *words, seconds=LOOK_SECONDS).split("\0") if line]
        except GitRefused as error:
            raise _said(f"the worktree {place} cannot be looked at", error) from None

    def _count(self, repository: Repository, task: str, tips: list[str]) -> int:
        """Count the commits that no other branch, tag or remote has, and the user's HEAD has not either."""
        if not tips:
            return 0
        others = ("--not", f"--exclude=refs/heads/{branch_of(task)}", "--all")
        try:
            words = ("rev-list", "--count", "--single-worktree", *tips, *others)
            return int(self._git(repository.root, *words, seconds=LOOK_SECONDS))
        except GitRefused as error:
            raise _said(f"the commits of {branch_of(task)} cannot be counted", error) from None

    def _git(self, folder: str, *words: str, seconds: float = LOOK_SECONDS, keeping: int | None = None) -> str:
        return ask_git(self._path, folder, *words, seconds=seconds, keeping=() if keeping is None else (keeping,))

    @contextmanager
    def _alone(self, project: str) -> Iterator[int]:
        """Let one process at a time change a project's worktrees; the git that it starts holds on after its death."""
        folder = os.path.join(self._projects, project, "worktrees")
        try:
            os.makedirs(folder, 0o700, exist_ok=True)
            fd = os.open(os.path.join(folder, ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"{folder} cannot be made: {error.strerror}") from None
        try:
            end = time.monotonic() + MAKE_SECONDS
            while not _has_locked(fd):
                if time.monotonic() > end:
                    raise Busy(f"another process has been at work in {folder} for long", cure="try again later")
                time.sleep(POLL_SECONDS)
            try:
                yield fd
            finally:
                fcntl.flock(fd, fcntl.LOCK_UN)
        finally:
            os.close(fd)


def _has_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _gone(state: WorktreeState) -> WorktreeState:
    return WorktreeState(path=state.path, branch=state.branch, repo=state.repo, is_there=False)


def _said(what: str, error: GitRefused) -> BatonError:
    said = str(error)
    if ".lock'" in said and "exists" in said.lower():
        return InvalidInput(
            f"{what}: {said}", cure="wait for the git that is at work there; was it killed, remove the file"
        )
    return InvalidInput(f"{what}: {said}")
