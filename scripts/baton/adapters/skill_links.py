"""Skills shown to agent programs: links in the folder of a workspace in which the program looks, gone after the run.

What a run shows is noted before it is there, so that after a crash at any point the note tells what to look for. Only
what a note names is ever removed: a link that leads where ours did, a folder of ours that is empty, our lines of git's
exclude file. Runs that work side by side in one workspace share what both have noted; the last one removes it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import structs

from baton.domain.errors import BatonError, StorageError
from baton.domain.exchange import Display

if TYPE_CHECKING:
    from baton.domain.skills import Skill

GIT_SECONDS = 10
NO_REPOSITORY = "not a git repository"
NOTE = "# Baton: skills of the run {}, which goes on; these lines go with it"
_SPECIAL = re.compile(r"([\\*?\[])")


class Notes(Protocol):
    """Keeps what runs have shown."""

    def alone(self) -> AbstractContextManager[None]:
        """Let one process at a time change what is shown."""

    def write(self, note: Display) -> None:
        """Keep a note, durably."""

    def all(self) -> list[Display]:
        """Every note."""

    def remove(self, run: str) -> None:
        """Forget what a run has shown."""


class Repository(NamedTuple):
    """The git repository that a folder lies in: its root, its exclude file, which of our paths it tracks."""

    root: str
    exclude_file: str
    tracked: frozenset[str]


class SkillLinks:
    """Shows the skills of runs of one home. ``path`` is where git is looked for."""

    def __init__(self, notes: Notes, path: str) -> None:
        self._notes = notes
        self._path = path

    def show(self, run: str, task: str, workspace: str, folder: str, skills: Sequence[Skill]) -> tuple[str, ...]:
        """Show these for the time of a run; return the names of those that are: not of what the user has by that name."""
        root = os.path.realpath(workspace)
        base = os.path.realpath(os.path.join(root, folder))
        wanted = {os.path.join(base, skill.name): skill for skill in skills}
        if not base.startswith(root + "/"):  # a link of the user's: what is there is none of this workspace
            raise StorageError(f"no skill can be shown in {base}: it lies outside the workspace {root}")
        try:
            # Before the lock: no process is started under one.
            repository = self._repository(base, wanted)
            with self._notes.alone():
                note = self._planned(Display(run=run, task=task), root, base, wanted, repository)
                if not note.links:
                    return ()
                self._notes.write(note)
                _put(note, base)
            if repository is not None:
                self._check_hidden(base, note)
        except (OSError, ValueError, BatonError) as error:
            with suppress(BatonError):
                self.put_away(run)
            raise StorageError(f"no skill can be shown in {base}: {error}") from None
        return tuple(skill.name for path, skill in wanted.items() if path in note.links)

    def put_away(self, run: str) -> bool:
        """Remove what was shown for this run alone; tell whether there was anything."""
        with self._notes.alone():
            notes = {note.run: note for note in self._notes.all()}
            note = notes.pop(run, None)
            if note is None:
                return False
            try:
                _take(note, list(notes.values()))
            except OSError as error:
                what = f"the skills shown for run {run} cannot be removed: {error.filename}: {error.strerror}"
                raise StorageError(what, cure="check its owner and mode; the next sweep tries again") from None
            self._notes.remove(run)
            return True

    def _planned(
        self, note: Display, root: str, base: str, wanted: dict[str, Skill], repository: Repository | None
    ) -> Display:
        """Return what is to be done, given what is there: a name that is taken, in the folder or by git, stays as it is."""
        others = self._notes.all()
        ours = {path: target for other in others for path, target in other.links.items()}
        links = {}
        for path, skill in wanted.items():
            is_free = not os.path.lexists(path) and (repository is None or path not in repository.tracked)
            if is_free or (ours.get(path) == skill.folder and _leads_to(path, skill.folder)):
                links[path] = skill.folder
        made = {folder for other in others for folder in other.folders}
        folders = _missing_or_ours(base, root, made)
        if repository is None or not links:
            return structs.replace(note, links=links, folders=folders)
        patterns = [_pattern(os.path.relpath(path, repository.root)) for path in links]
        data = _read(repository.exclude_file) or b""
        lines = [NOTE.format(note.run), *patterns, ""]
        inherited = any(other.made and other.exclude_file == repository.exclude_file for other in others)
        info = os.path.dirname(repository.exclude_file)
        return structs.replace(
            note,
            links=links,
            folders=folders + ((info,) if info in made or not os.path.isdir(info) else ()),
            exclude_file=repository.exclude_file,
            excluded=("" if data.endswith(b"\n") or not data else "\n") + "\n".join(lines),
            made=inherited or not os.path.lexists(repository.exclude_file),
        )

    def _repository(self, base: str, paths: dict[str, Skill]) -> Repository | None:
        """Return the repository around a folder, ``None`` where git knows of none; one that it refuses to look at raises."""
        here = next(folder for folder in _upward(base) if os.path.isdir(folder))
        if not any(os.path.lexists(os.path.join(folder, ".git")) for folder in _upward(here)):
            return None
        try:
            root, exclude = self._git(here, "rev-parse", "--show-toplevel", "--git-path", "info/exclude").splitlines()
        except OSError as error:
            if NO_REPOSITORY in str(error):
                return None
            raise
        tracked = self._git(here, "ls-files", "-z", "--full-name", "--", *(f":(literal){path}" for path in paths))
        exclude = os.path.realpath(os.path.join(here, exclude))
        # A path below one of ours is tracked, too: then the name is taken by a folder.
        found = {os.path.join(root, name) for name in tracked.split("\0") if name}
        taken = frozenset(path for path in paths if any(f"{name}/".startswith(f"{path}/") for name in found))
        return Repository(root, exclude, taken)

    def _check_hidden(self, base: str, note: Display) -> None:
        """Raise when git sees one of the links all the same: a .gitignore of the user's may take our lines back."""
        ignored = self._git(base, "check-ignore", "--no-index", "--", *note.links)
        if len(ignored.splitlines()) < len(note.links):
            raise OSError("git does not ignore what was shown")

    def _git(self, folder: str, *words: str) -> str:
        import subprocess  # start-up: an idle sweep loads this file too

        environ = {"PATH": self._path, "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
        argv = ("git", "-C", folder, "-c", "core.fsmonitor=false", *words)
        try:
            done = subprocess.run(
                argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=GIT_SECONDS, check=True
            )
        except subprocess.CalledProcessError as error:
            raise OSError(f"git says: {os.fsdecode(error.stderr).strip() or error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise OSError(f"git says nothing for {GIT_SECONDS} s") from None
        return os.fsdecode(done.stdout)


def _put(note: Display, base: str) -> None:
    """Make what a note says; git is told first, so that it never sees a link."""
    if note.exclude_file is not None:
        os.makedirs(os.path.dirname(note.exclude_file), exist_ok=True)
        fd = os.open(note.exclude_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        with os.fdopen(fd, "wb") as file:
            file.write(note.excluded.encode())
    os.makedirs(base, exist_ok=True)
    for path, target in note.links.items():
        if not _leads_to(path, target):
            os.symlink(target, path)


def _take(note: Display, others: list[Display]) -> None:
    """Undo what a note says, but for what others have noted as well. Done half, it can be done again."""
    kept_links = {path for other in others for path in other.links}
    kept_folders = {folder for other in others for folder in other.folders}
    for path, target in note.links.items():
        if path not in kept_links and _leads_to(path, target):
            os.unlink(path)
    if note.exclude_file is not None:
        _cut(note.exclude_file, note.excluded.encode(), is_ours=note.made)
    for folder in reversed(note.folders):
        if folder not in kept_folders:
            with suppress(OSError):  # somebody has put something there, or has removed it
                os.rmdir(folder)
    for folder in {os.path.dirname(path) for path in note.links}:
        _sync(next(one for one in _upward(folder) if os.path.isdir(one)))


def _cut(path: str, text: bytes, *, is_ours: bool) -> None:
    """Cut our lines out of a file that people write, too; all else stays, byte for byte."""
    data = _read(path)
    if data is None:
        return
    before, found, after = data.partition(text)
    if not found:  # changed by hand: our lines are still known by what they say
        ours = set(text.splitlines())
        kept = b"".join(line for line in data.splitlines(keepends=True) if line.rstrip(b"\n") not in ours - {b""})
    else:
        kept = before + (b"\n" if after and before and not before.endswith(b"\n") else b"") + after
    if not kept and is_ours:
        os.unlink(path)
    elif kept != data:
        temporary = f"{path}.baton-{os.getpid()}"
        try:
            with open(temporary, "wb") as file:
                file.write(kept)
                os.fchmod(file.fileno(), os.stat(path).st_mode & 0o7777)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise


def _missing_or_ours(base: str, root: str, ours: set[str]) -> tuple[str, ...]:
    """Return the folders, outer ones first, that are to be made for our links, or were made for those of other runs."""
    above = [folder for folder in _upward(base) if len(folder) > len(root)]
    return tuple(folder for folder in reversed(above) if folder in ours or not os.path.lexists(folder))


def _upward(folder: str) -> Iterator[str]:
    """The folder, and those above it, up to the root of the file system."""
    while True:
        yield folder
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def _pattern(path: str) -> str:
    """Return what stands for exactly this path in git's file; a line break cannot be written there."""
    if "\n" in path or "\r" in path:
        raise OSError(f"{path!r} cannot be excluded")
    return "/" + _SPECIAL.sub(r"\\\1", path)


def _leads_to(path: str, target: str) -> bool:
    try:
        return os.readlink(path) == target
    except OSError:
        return False


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _sync(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
