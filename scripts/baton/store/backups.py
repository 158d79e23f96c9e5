"""A copy of a whole home while work goes on in it. No lock is taken: the order of copying makes it one moment.

Each record is one file and changes by one rename, so it is copied whole, at some version. What refers to tasks (campaigns
and the like) is copied before the tasks, so that no task is named which is not there; a task is looked for live, then in
the archive, then live again, since it may move meanwhile; both are done once more until nothing new is found. Files that
records speak of come after the records. The log is last, without the lines of what came after a record was copied: what a
copied record did and the copied log lacks is given back by the repair at the first change in the restored home.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable

import msgspec

from baton.store.archives import ArchiveWriter
from baton.store.displays import DisplayFiles
from baton.store.files import names_in, read_bytes
from baton.store.home_store import HomeStore
from baton.store.log import SUFFIX as DAY_SUFFIX
from baton.store.quarantine import SUFFIX

# Made again, or of this machine's living processes.
NEVER = frozenset({"cache", "locks", "ready", "shown", "slots", "stop", "tmp"})
# Secrets below state/: they go where .env goes.
SECRET_FILES = frozenset({"serve.token"})
FIRST, TASKS, LAST = ("channels",), "tasks", "events"
WRITTEN = ("config", "skills", "memory", "projects")
LOGS, SECRETS, STATE = "logs", ".env", "state"
MOST_ROUNDS = 20
_EVENT = re.compile(rb'\{"id":"([a-z_]+/[^":]+):([0-9]+):[0-9]+"')


class _Version(msgspec.Struct):
    id: str
    version: int
    schema: int


class Told(msgspec.Struct, kw_only=True):
    """What is in a backup: how many files; what was left out, and why; what changed while it was read."""

    files: int = 0
    tasks: int = 0
    left_out: list[str] = []
    changed: list[str] = []


class Backup:
    """Copies one home into an archive. ``seen`` hears of each file, for whoever watches."""

    def __init__(
        self, root: str, store: HomeStore, archive: ArchiveWriter, own: frozenset[str], seen: Callable[[int], None]
    ) -> None:
        self._root = root
        self._store = store
        self._archive = archive
        self._own = own
        self._seen = seen
        self._versions: dict[bytes, int] = {}
        self._displays = DisplayFiles(os.path.join(root, STATE, "shown"), "", store.locks)
        self._files = 0
        self.told = Told()

    def make(self, *, with_secrets: bool, with_logs: bool) -> Told:
        """Copy everything, in the order that keeps it consistent."""
        state = os.path.join(self._root, STATE)
        never = NEVER if with_secrets else NEVER | SECRET_FILES
        folders = [name for name in sorted(names_in(state)) if name not in never]
        for name in FIRST:
            self._below(f"{STATE}/{name}")
        begun = self._store.log.position()
        self._records(folders)
        done = {*FIRST, *self._record_folders(folders), TASKS, "archive", LAST}
        for name in folders:
            if name not in done:
                path = f"{STATE}/{name}"
                self._below(path) if os.path.isdir(os.path.join(state, name)) else self._file(path)
        for name in WRITTEN:
            self._below(name)
        if with_logs:
            self._below(LOGS)
        if with_secrets:
            self._file(SECRETS)
        self._log(begun)
        known = {*WRITTEN, LOGS, STATE, SECRETS, "crontab.example"}
        self.told.left_out += [name for name in sorted(names_in(self._root)) if name not in known]
        self.told.files = self._files
        return self.told

    # -- records ------------------------------------------------------------------------------------------------

    def _record_folders(self, folders: list[str]) -> list[str]:
        """The folders of records other than tasks: those that have files of records, not folders of them."""
        found = []
        for name in folders:
            path = os.path.join(self._root, STATE, name)
            is_kind = any(one.endswith(SUFFIX) for one in names_in(path)) or os.path.isdir(
                os.path.join(self._root, STATE, "archive", name)
            )
            if is_kind and name not in (*FIRST, TASKS, LAST, "archive"):
                found.append(name)
        return found

    def _records(self, folders: list[str]) -> None:
        copied: set[tuple[str, str]] = set()
        for _ in range(MOST_ROUNDS):
            before = len(copied)
            for kind in (*self._record_folders(folders), TASKS):
                for name in self._names_of(kind):
                    if (kind, name) not in copied and self._record(kind, name):
                        copied.add((kind, name))
            if len(copied) == before:
                break
        self.told.tasks = sum(kind == TASKS for kind, _ in copied)

    def _names_of(self, kind: str) -> list[str]:
        found = [
            name
            for folder in (f"{STATE}/{kind}", f"{STATE}/archive/{kind}", f"{STATE}/{kind}")
            for name in names_in(os.path.join(self._root, folder))
            if name.endswith(SUFFIX)
        ]
        return sorted(set(found))

    def _record(self, kind: str, name: str) -> bool:
        """Copy a record from where it is now; one that is nowhere was removed, and is not missed."""
        for place in (kind, f"archive/{kind}", kind, f"archive/{kind}"):
            path = f"{STATE}/{place}/{name}"
            data = read_bytes(os.path.join(self._root, path))
            if data is None:
                continue
            try:
                found = msgspec.json.decode(data, type=_Version)
                self._versions[f"{kind.removesuffix('s')}/{found.id}".encode()] = found.version
            except (msgspec.DecodeError, UnicodeDecodeError):
                pass  # damaged, and copied as it is: the restored home sets it aside as this one would
            self._add(path, data)
            return True
        return False

    def _log(self, begun: tuple[str, int]) -> None:
        folder = f"{STATE}/{LAST}"
        for name in sorted(names_in(os.path.join(self._root, folder))):
            path = f"{folder}/{name}"
            if name < begun[0] or not name.endswith(DAY_SUFFIX):
                self._file(path)
            elif (data := read_bytes(os.path.join(self._root, path))) is not None:
                start = begun[1] if name == begun[0] else 0
                lines = data[start : data.rfind(b"\n") + 1].splitlines(keepends=True)
                self._add(path, data[:start] + b"".join(line for line in lines if self._happened(line)))

    def _happened(self, line: bytes) -> bool:
        """Tell whether an event belongs to what was copied; what belongs to no record does."""
        found = _EVENT.match(line)
        if found is None or found[1].startswith(b"refused/"):
            return True
        return int(found[2]) <= self._versions.get(found[1], 0)

    # -- files --------------------------------------------------------------------------------------------------

    def _below(self, folder: str) -> None:
        """Copy a folder with all that is in it. It may itself be a link, to where a user keeps it."""
        top = os.path.join(self._root, folder)
        if not os.path.isdir(top):
            return
        for base, folders, names in os.walk(top, onerror=self._not_read):
            inside = os.path.normpath(os.path.join(folder, os.path.relpath(base, top)))
            self._archive.add_folder(inside, _mode(base))
            for name in sorted(folders):
                if os.path.islink(os.path.join(base, name)):
                    self._link(f"{inside}/{name}", os.path.join(base, name))
            folders[:] = sorted(name for name in folders if not os.path.islink(os.path.join(base, name)))
            for name in sorted(names):
                self._file(f"{inside}/{name}", os.path.join(base, name))

    def _file(self, name: str, path: str | None = None) -> None:
        path = path or os.path.join(self._root, name)
        if os.path.realpath(path) in self._own:
            return
        if os.path.islink(path):
            self._link(name, path)
            return
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            self.told.left_out.append(f"{name}: {error.strerror}")
            return
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                self.told.left_out.append(f"{name}: a pipe, a socket or a device")
                return
            if not self._archive.add_open_file(name, fd):
                self.told.changed.append(name)
            self._count()
        finally:
            os.close(fd)

    def _not_read(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            self.told.left_out.append(f"{os.path.relpath(error.filename, self._root)}: {error.strerror}")

    def _link(self, name: str, path: str) -> None:
        """Copy a link that leads to something inside, as one that leads there wherever the home is."""
        root = os.path.realpath(self._root)
        target = os.path.realpath(path)
        if any(path in note.links for note in self._displays.all()):
            return  # a skill that a run is shown, until it ends
        if os.path.commonpath((root, target)) != root or target == root:
            self.told.left_out.append(f"{name}: a link that leads out of the home")
            return
        self._archive.add_link(name, os.path.relpath(target, os.path.dirname(os.path.join(root, name))))
        self._count()

    def _count(self) -> None:
        self._files += 1
        self._seen(self._files)

    def _add(self, name: str, data: bytes) -> None:
        try:
            modified_at = int(os.stat(os.path.join(self._root, name)).st_mtime)
        except OSError:
            modified_at = int(time.time())  # it has moved meanwhile
        self._archive.add_bytes(name, data, modified_at=modified_at)
        self._count()


def _mode(path: str) -> int:
    try:
        return stat.S_IMODE(os.stat(path).st_mode) & 0o777
    except OSError:
        return 0o700
