"""Records of one kind as files: one commit is one rename, its events reach the log once, the index follows.

Under the record's stripe lock: heal what the last holder left; write the mark; temporary file, fsync, rename, fsync of
the folder; append the events; bring the index up to date; empty the mark. A crash anywhere leaves the old record or
the new one, and a mark by which the next holder of the lock finishes the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from baton.domain.errors import BatonError, StateDamaged, StateNewer
from baton.domain.exchange import Commit, Damage
from baton.domain.readiness import Entry
from baton.store.codec import Codec
from baton.store.files import names_in, read_bytes, replace, said, sync_folder, translated
from baton.store.layout import Home
from baton.store.locks import Locks
from baton.store.log import EventLog
from baton.store.marks import Mark, Marks
from baton.store.quarantine import SUFFIX, Quarantine
from baton.store.ready import ReadyIndex

if TYPE_CHECKING:
    from baton.ports import Clock

R = TypeVar("R", bound=Any)


class Index(Struct, frozen=True):
    """What one kind keeps in the ready index: nothing, or the names that a pure function gives."""

    files: ReadyIndex
    entries: Callable[[Any], frozenset[Entry]]


class RecordFiles(Generic[R]):
    """Records of one kind (``task``, ``campaign``, ...) below ``state/<kind>s`` and ``state/archive/<kind>s``."""

    def __init__(
        self,
        kind: str,
        codec: Codec[R],
        home: Home,
        locks: Locks,
        log: EventLog,
        clock: Clock,
        index: Index | None,
        prepare: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self.kind = kind
        self._codec = codec
        self._locks = locks
        self._marks = Marks(locks.folder, kind)
        self._log = log
        self._clock = clock
        self._index = index
        self._prepare = prepare
        self._warn = warn
        self._live = home.in_state(f"{kind}s")
        self._archive = home.in_state("archive", f"{kind}s")
        self._quarantine = Quarantine(home, kind)
        self._temporary = home.in_state("tmp")

    # -- changing -----------------------------------------------------------------------------------------------

    def update(self, id: str, change: Callable[[R | None, str], Commit]) -> R:
        """Change one record, whole or not at all; see :class:`baton.ports.Kind`."""
        with self._held(id) as stripe:
            before, archived = self._find(id)
            commit = change(before, self._clock.now())
            if not commit.events:
                return commit.record  # type: ignore[no-any-return]
            if before is not None and before.history and before.history[0].id != commit.record.history[0].id:
                with said(self._path(id)):
                    self._log.sync()  # what leaves the record's history must be safe in the log
            self._commit(id, stripe, before, commit, was_archived=archived)
            return commit.record  # type: ignore[no-any-return]

    def archive(self, id: str, when: Callable[[R], bool]) -> bool:
        """Move a live record to the archive if ``when`` holds under the lock."""
        with self._held(id):
            record, archived = self._find(id)
            if record is None or archived or not when(record):
                return False
            with said(self._path(id)):
                self._move_to_archive(id)
            return True

    def set_aside(self, id: str, reason: str) -> bool:
        """Move a record that still cannot be read to quarantine, with the reason beside it."""
        with self._held(id):
            try:
                self._find(id)
                return False
            except StateNewer:
                return False
            except StateDamaged as error:
                reason = reason or error.message
            path = self._path(id)
            if not os.path.exists(path):
                path = self._path(id, archived=True)
            with said(path):
                if path == self._path(id):
                    self._set_aside_archived(id)
                self._quarantine.take(id, path, self._clock.now(), reason)
            return True

    def resync(self, id: str, entries: Collection[Entry] = ()) -> bool:
        """Bring the index into line with the record; of ``entries``, only what it waits under stays."""
        if self._index is None:
            return False
        with self._held(id), said(self._path(id)):
            try:
                record, archived = self._find(id)
            except (StateDamaged, StateNewer):
                record, archived = None, False
            wanted = self._entries(None if archived else record)
            stale = [entry for entry in entries if entry not in wanted]
            self._index.files.sync(stale, ())
            return self._index.files.ensure(wanted) or bool(stale)

    def heal(self, id: str) -> None:
        """Finish what the last holder of this record's stripe left undone."""
        with self._held(id):
            return

    def drop_twins(self) -> None:
        """Remove archived files that power loss gave back: of a live record, of its version or an earlier one.

        Only while nobody changes anything: at boot. What cannot be read decides nothing, and stays.
        """
        for id in self.ids():
            if os.path.exists(self._path(id, archived=True)):
                try:
                    live, archived = (
                        self._codec.decode(read_bytes(self._path(id, archived=one)) or b"", id) for one in (False, True)
                    )
                except (StateDamaged, StateNewer, OSError):
                    continue
                if archived.version <= live.version:
                    self._drop_archived(id)

    # -- looking ------------------------------------------------------------------------------------------------

    def read(self, id: str) -> R | None:
        """The record as last committed, live or archived."""
        for archived in (False, True):
            with said(self._path(id, archived=archived)):
                data = read_bytes(self._path(id, archived=archived))
            if data is not None:
                return self._codec.decode(data, id)
        # Between the two looks it may have moved; only the lock makes "not found" true.
        with self._held(id):
            return self._find(id)[0]

    def live(self) -> Iterator[R | Damage]:
        """All live records; what cannot be read comes as :class:`Damage`."""
        for id in self.ids():
            try:
                data = read_bytes(self._path(id))
                if data is not None:
                    yield self._codec.decode(data, id)
            except StateNewer as error:
                yield Damage(kind=self.kind, id=id, reason=error.message, state="newer")
            except StateDamaged as error:
                yield Damage(kind=self.kind, id=id, reason=error.message)
            except OSError as error:
                reason = translated(error, self._path(id)).message
                yield Damage(kind=self.kind, id=id, reason=reason, state="unreadable")

    def ids(self, *, archived: bool = False) -> Iterator[str]:
        """The ids of all live (or archived) records."""
        folder = self._archive if archived else self._live
        with said(folder):
            names = names_in(folder)
        return (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))

    def is_live(self, id: str) -> bool:
        """Tell whether the record stands among the live ones."""
        return os.path.exists(self._path(id))

    def is_set_aside(self, id: str) -> bool:
        """Tell whether a damaged record of this id lies in quarantine."""
        return self._quarantine.holds(id)

    def modified(self, id: str) -> tuple[int, ...] | None:
        """A cheap sign of change of a live record: it differs after every commit."""
        try:
            found = os.stat(self._path(id))
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    # -- the parts of a commit ----------------------------------------------------------------------------------

    @contextmanager
    def _held(self, id: str) -> Iterator[str]:
        """Hold the record's stripe, with what the last holder left undone mended first."""
        self._prepare()
        stripe = self._locks.stripe_of(self.kind, id)
        with self._locks.hold(stripe):
            with said(self._path(id)):
                self._mend(stripe)
            yield stripe

    def _commit(self, id: str, stripe: str, before: R | None, commit: Commit, *, was_archived: bool) -> None:
        path = self._path(id)
        was, waits = self._entries(before), self._entries(commit.record)
        with said(path):
            self._marks.write(
                stripe,
                Mark(
                    id=id,
                    version=commit.record.version,
                    since=before.version if before is not None else 0,
                    position=self._log.position(),
                    was=tuple(entry.path for entry in was),
                ),
            )
            temporary = os.path.join(self._temporary, f"{self.kind}-{id}-{os.getpid()}")
            replace(path, self._codec.encode(commit.record), temporary)
        # From here on the change is done: what fails now is said, and mended by whoever holds the lock next.
        try:
            self._log.append(commit.events)
            if self._index is not None:
                self._index.files.sync(was, waits)
            if was_archived:
                self._drop_archived(id)
            self._marks.clear(stripe)
            if commit.archive:
                self._move_to_archive(id)
        except (OSError, BatonError) as error:
            self._warn(f"{self.kind} '{id}' is changed, but its event waits for the next change: {error}")

    def _mend(self, stripe: str) -> None:
        """Finish the commit that the stripe's mark tells of, if it happened."""
        mark = self._marks.read(stripe)
        if mark is None:
            return
        try:
            record, archived = self._find(mark.id)
        except (StateDamaged, StateNewer):
            record, archived = None, False
        if record is not None and record.version == mark.version:
            events = [event for event in record.history if event.version > mark.since]
            self._log.append_missing(events, mark.position)
            if self._index is not None:
                was = {_entry(path) for path in mark.was}
                self._index.files.sync(was, () if archived else self._entries(record))
            if not archived:
                self._drop_archived(mark.id)  # of one that came back from the archive
        self._marks.clear(stripe)

    def _find(self, id: str) -> tuple[R | None, bool]:
        """The record and whether it is archived, under the lock."""
        for archived in (False, True):
            with said(self._path(id, archived=archived)):
                data = read_bytes(self._path(id, archived=archived))
            if data is not None:
                return self._codec.decode(data, id), archived
        return None, False

    def _move_to_archive(self, id: str) -> None:
        # Once it is archived, nobody repairs the log from its history: its events must be safe before. The move itself is
        # not synced: after power loss the record stands here or there, whole, and a sweep moves it again.
        self._log.sync()
        os.rename(self._path(id), self._path(id, archived=True))

    def _drop_archived(self, id: str) -> None:
        """Remove the archived file of a record that is live again: its live one is durable, and counts."""
        with suppress(FileNotFoundError):
            os.unlink(self._path(id, archived=True))

    def _set_aside_archived(self, id: str) -> None:
        """Let no archived file count in the place of a live one that goes to quarantine."""
        path = self._path(id, archived=True)
        if os.path.exists(path):
            reason = f"an archived version of {self.kind} '{id}', whose live record is damaged"
            self._quarantine.take(f"{id}~", path, self._clock.now(), reason)
        sync_folder(self._archive)  # that it is gone, from now or from before, must outlive the live one

    def _entries(self, record: R | None) -> frozenset[Entry]:
        return self._index.entries(record) if self._index is not None and record is not None else frozenset()

    def _path(self, id: str, *, archived: bool = False) -> str:
        return f"{self._archive if archived else self._live}/{id}{SUFFIX}"


def _entry(path: str) -> Entry:
    group, bucket, name = path.split("/")
    return Entry(group=group, bucket=bucket, name=name)
