"""The ready index: empty files whose names say what waits, and where in line. Written under the record's lock.

``<group>/<bucket>/<name>``, a pure function of the record (``domain.readiness.waiting``): a cache, never the truth.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator

from baton.domain.readiness import Entry, is_due
from baton.store.files import PRIVATE_FILE, make_folder, names_in, said


class ReadyIndex:
    """The index below ``folder`` (``state/ready``)."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def sync(self, before: Collection[Entry], after: Collection[Entry]) -> None:
        """Remove what is no longer waiting, add what is; in one order, so that a crash can be repeated."""
        for entry in _in_order(after):
            if entry not in before:
                self._add(entry)
        for entry in _in_order(before):
            if entry not in after:
                self._remove(entry)

    def ensure(self, after: Collection[Entry]) -> bool:
        """Add what is missing of these; tell whether anything was."""
        missing = [entry for entry in _in_order(after) if not os.path.exists(os.path.join(self.folder, entry.path))]
        for entry in missing:
            self._add(entry)
        return bool(missing)

    def groups(self) -> list[str]:
        """The groups that may hold entries."""
        return self._names()

    def first(self, groups: Iterable[str], now_seconds: float) -> Iterator[Entry]:
        """The due entries of these groups, most urgent first."""
        buckets: dict[str, list[str]] = {}
        for group in groups:
            for bucket in self._names(group):
                if is_due(bucket, now_seconds):
                    buckets.setdefault(bucket, []).append(group)
        for bucket in sorted(buckets):
            names = [(name, group) for group in buckets[bucket] for name in self._names(group, bucket)]
            for name, group in sorted(names):
                yield Entry(group=group, bucket=bucket, name=name)

    def all(self) -> Iterator[Entry]:
        """Every entry, in no order."""
        for group in self.groups():
            for bucket in self._names(group):
                for name in self._names(group, bucket):
                    yield Entry(group=group, bucket=bucket, name=name)

    def _names(self, *parts: str) -> list[str]:
        folder = os.path.join(self.folder, *parts)
        with said(folder):
            return names_in(folder)

    def _add(self, entry: Entry) -> None:
        path = os.path.join(self.folder, entry.path)
        while True:
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
                return
            except FileNotFoundError:
                # Missing, or removed as empty by somebody else since we made it: make it again.
                make_folder(os.path.dirname(path))

    def _remove(self, entry: Entry) -> None:
        path = os.path.join(self.folder, entry.path)
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        try:
            os.rmdir(os.path.dirname(path))
            os.rmdir(os.path.join(self.folder, entry.group))
        except OSError:
            return  # others still wait there


def _in_order(entries: Collection[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.path)
