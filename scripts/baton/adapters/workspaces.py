"""Workspaces: the folders agents work in. Made when needed; outputs are checked against them after links."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from baton.domain.errors import DiskFull, InvalidInput, InvalidWord, PermissionRefused, StorageError
from baton.domain.lineage import is_text, title_in
from baton.domain.records import Task
from baton.domain.versions import copy_name

if TYPE_CHECKING:
    from baton.ports import TaskWorktrees

SOURCE_LIMIT = 20 * 1024 * 1024
TITLE_LOOK = 4096
TEXT_LIMIT = 2 * 1024 * 1024
SUBFOLDERS = ("sources", "reports")


class Workspaces:
    """The workspaces of one home. ``worktrees`` are those of assignments that want one."""

    def __init__(self, root: str, worktrees: Callable[[], TaskWorktrees]) -> None:
        self._worktrees = worktrees
        self._projects = os.path.join(root, "projects")

    def campaign(self, project: str, campaign: str) -> str:
        """The folder of a campaign, which a person can open."""
        return os.path.join(self._projects, project, "campaigns", campaign)

    def path(self, task: Task) -> str:
        """The folder a task's agents work in: its repository or worktree, its campaign's folder, or one of its own."""
        if task.has_worktree:
            return self._worktrees().place(task)
        if task.repo is not None:
            return task.repo
        if task.campaign is not None:
            return self.campaign(task.project or "default", task.campaign)
        return os.path.join(self._projects, task.project or "default", "tasks", task.id)

    def make(self, task: Task) -> str:
        """Return the workspace, made if it is ours to make; a repository must be there already."""
        path = self.path(task)
        if task.has_worktree:
            return self._worktrees().make(task)
        if task.repo is not None:
            if not os.path.isdir(path):
                raise InvalidInput(f"the repo {path} of task '{task.id}' is not a folder", cure="create it, or cancel")
            return path
        try:
            os.makedirs(path, 0o700, exist_ok=True)
        except OSError as error:
            raise _said(error, f"the workspace {path}") from None
        return path

    def beside(self, task: Task) -> tuple[str, ...]:
        """Return folders outside of the workspace that work in it writes to: what a worktree shares with its repository."""
        return (self._worktrees().shared(task),) if task.has_worktree else ()

    def resolve(self, task: Task, output: str) -> str:
        """Return an output as a path relative to the workspace; refuse what is not there, or lies outside."""
        root = os.path.realpath(self.path(task))
        if not output or "\0" in output or "\n" in output:
            raise InvalidWord(f"--output {output!r} is not a path")
        found = os.path.realpath(os.path.join(root, output))
        if found == root or os.path.commonpath((root, found)) != root:
            raise InvalidInput(f"--output {output} lies outside the workspace {root}", cure="write it inside")
        if not os.path.exists(found):
            raise InvalidInput(f"--output {output} does not exist in {root}", cure="write the file first")
        return os.path.relpath(found, root)

    def exists(self, task: Task, output: str) -> bool:
        """Tell whether a step left this file, or a folder with files in it."""
        root = self.path(task)
        return os.path.isfile(os.path.join(root, output)) or bool(self.files_below(root, output))

    def secure(self, task: Task, output: str) -> None:
        """Write an output of a step through to the disk: a step that is completed for good must not lose what it left."""
        root = self.path(task)
        path = os.path.join(root, output)
        try:
            if os.path.isdir(path):
                for base, _, names in os.walk(path):
                    _sync(*(os.path.join(base, name) for name in names), base)
            else:
                _sync(path)
            _sync_up(os.path.dirname(path), root)
        except OSError as error:
            raise _said(error, f"the output {output}", "written to the disk") from None

    def keep(self, task: Task, copies: Iterable[tuple[str, str]]) -> None:
        """Copy files of a workspace to other names, unless these are there: whole, and through to the disk."""
        root = self.path(task)
        for path, copy in copies:
            source, target = os.path.join(root, path), os.path.join(root, copy)
            if not os.path.isfile(source) or os.path.exists(target):
                continue
            try:
                with open(source, "rb") as file:
                    _write(f"{target}.new-{os.getpid()}", file.read())
                os.rename(f"{target}.new-{os.getpid()}", target)
                _sync(os.path.dirname(target))
            except OSError as error:
                raise _said(error, f"the copy {copy}") from None

    def drop_same(self, task: Task, copies: Iterable[tuple[str, str]]) -> None:
        """Remove the copies that say the same as what they were made of. One that cannot be removed does no harm."""
        import filecmp  # start-up: 2 ms, and an agent's last act looks at its outputs alone

        root = self.path(task)
        for path, copy in copies:
            with suppress(OSError):
                if filecmp.cmp(os.path.join(root, path), os.path.join(root, copy), shallow=False):
                    os.unlink(os.path.join(root, copy))

    def text(self, task: Task, path: str) -> str | None:
        """Return what a file says; ``None`` when it is gone, no text, or too large to be read by a person."""
        try:
            with open(os.path.join(self.path(task), path), "rb") as file:
                data = file.read(TEXT_LIMIT + 1)
        except OSError:
            return None
        return data.decode() if len(data) <= TEXT_LIMIT and is_text(data) else None

    def kept(self, task: Task, path: str, version: int) -> str:
        """Return where a version of a file is now: in its copy, where an agent has written over it."""
        return copy if self.exists(task, copy := copy_name(path, version)) else path

    def check_sources(self, base: str, sources: Iterable[str]) -> list[tuple[str, str]]:
        """Return (file, name in the campaign's ``sources/``) of each source; refuse what no agent could read."""
        found: list[tuple[str, str]] = []
        for source in sources:
            path = os.path.join(base, source)
            try:
                if not os.path.isfile(path):
                    raise InvalidInput(f"the source {source} is not a file", cure=f"it is looked for at {path}")
                with open(path, "rb") as file:
                    data = file.read(SOURCE_LIMIT + 1)
            except PermissionError:
                raise PermissionRefused(f"the source {source} cannot be read") from None
            if not data.strip():
                raise InvalidInput(f"the source {source} is empty", cure="fill it, or leave it out")
            if len(data) > SOURCE_LIMIT:
                raise InvalidInput(
                    f"the source {source} is larger than {SOURCE_LIMIT >> 20} MB", cure="keep only what agents need"
                )
            if not is_text(data):
                raise InvalidInput(f"the source {source} is not text", cure="save it as UTF-8 text")
            name = os.path.basename(path)
            if any(name == other for _, other in found):
                raise InvalidInput(f"two sources are named {name}", cure="rename one of them")
            found.append((path, name))
        return found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process at a time make campaigns: of two that want one slug, the second must not touch its folder."""
        try:
            os.makedirs(self._projects, 0o700, exist_ok=True)
            fd = os.open(self._projects, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _said(error, f"the folder {self._projects}") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def make_campaign(self, project: str, campaign: str, sources: Iterable[tuple[str, str]], snapshot: bytes) -> bool:
        """Make a campaign's folder whole, sources copied, the pipeline's snapshot beside them; tell whether it is new.

        A folder that a crash left without its campaign is filled again.
        """
        import shutil  # start-up: 2 ms, and an agent's last act looks at its outputs alone

        target = self.campaign(project, campaign)
        is_new = not os.path.isdir(target)
        folder = f"{target}.new-{os.getpid()}" if is_new else target
        try:
            for name in SUBFOLDERS:
                os.makedirs(os.path.join(folder, name), 0o700, exist_ok=True)
            for path, name in sources:
                shutil.copyfile(path, os.path.join(folder, "sources", name))
                _sync(os.path.join(folder, "sources", name))
            _write(os.path.join(folder, "pipeline.json"), snapshot)
            _sync(*(os.path.join(folder, name) for name in SUBFOLDERS), folder)
            if is_new:
                os.rename(folder, target)
            _sync_up(os.path.dirname(target), os.path.dirname(self._projects))
        except OSError as error:
            if is_new:
                shutil.rmtree(folder, ignore_errors=True)
            raise _said(error, f"the folder {target}") from None
        return is_new

    def remove_campaign(self, project: str, campaign: str) -> None:
        """Remove a folder that was made for a campaign which then could not be created."""
        import shutil  # start-up

        shutil.rmtree(self.campaign(project, campaign), ignore_errors=True)

    def describe(self, root: str, path: str) -> dict[str, Any] | None:
        """Return path, sha256, size and title of a file that a task left; ``None`` when it is gone or is no file."""
        import hashlib  # start-up: 3 ms, that OpenSSL takes

        digest = hashlib.sha256()
        size = 0
        title = ""
        place = os.path.join(root, path)
        try:
            if not os.path.isfile(place):
                return None
            with open(place, "rb") as file:
                while part := file.read(1 << 20):
                    title = title if size else title_in(part[:TITLE_LOOK].decode("utf-8", "replace"))
                    digest.update(part)
                    size += len(part)
        except OSError:
            return None
        title = title or os.path.splitext(os.path.basename(path))[0]
        return {"path": path, "sha256": digest.hexdigest(), "bytes": size, "title": title}

    def files_below(self, root: str, folder: str) -> list[str]:
        """The files in one folder of a workspace, relative to it; links are not followed."""
        found = []
        for base, _, names in os.walk(os.path.join(root, folder)):
            found += [os.path.relpath(os.path.join(base, name), root) for name in names]
        return sorted(found)

    def files_named(self, root: str, folder: str, name: str) -> list[str]:
        """The files in one folder that bear a name: ``<name>.*``, and what lies below ``<name>/``; hidden ones apart."""
        found: list[str] = []
        try:
            names = sorted(os.listdir(os.path.join(root, folder)))
        except OSError:
            return []
        for one in names:
            if one != name and not one.startswith(f"{name}."):
                continue
            path = os.path.join(folder, one)
            found += self.files_below(root, path) or ([path] if one != name else [])
        return [path for path in found if not any(part.startswith(".") for part in path.split("/"))]

    def written_at(self, root: str, path: str) -> int | None:
        """When a file was written, in nanoseconds; ``None`` when it is gone."""
        try:
            return os.stat(os.path.join(root, path)).st_mtime_ns
        except OSError:
            return None

    def write(self, root: str, path: str, data: bytes) -> None:
        """Write one of our own files into a workspace, whole or not at all, durably."""
        target = os.path.join(root, path)
        os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
        temporary = f"{target}.new-{os.getpid()}"
        _write(temporary, data)
        os.rename(temporary, target)
        _sync_up(os.path.dirname(target), root)


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(*paths: str) -> None:
    """Write files and folders through to the disk; what is neither (a pipe, a device) has nothing to keep."""
    for path in paths:
        if not (os.path.isfile(path) or os.path.isdir(path)):
            continue
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _sync_up(folder: str, top: str) -> None:
    """Make the names in a folder durable, and those of the folders above it, up to those in ``top``."""
    _sync(folder)
    while folder != top and len(folder) > len(top):
        folder = os.path.dirname(folder)
        _sync(folder)


def _said(error: OSError, what: str, how: str = "made") -> StorageError:
    message = f"{what} cannot be {how}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(message, cure="free some room and run it again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PermissionRefused(message, cure="check the owner and the mode of the home")
    return StorageError(message)
