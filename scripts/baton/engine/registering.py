"""What a unit left, registered when it is completed: the files its agent named, and those found in its output folder.

By whoever completes it, after the agent's tree is gone (a supervisor, the sweep), or by hand. A file is what it is then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from baton.domain.errors import BatonError
from baton.domain.lineage import kind_of, parent_of, version_in
from baton.domain.records import Lease, Task, Unit
from baton.domain.resources import MOST_RESOURCES, Resource
from baton.domain.times import epoch
from baton.domain.versions import copies_of, original_of, results_of, version_of
from baton.engine.inspecting import is_done
from baton.ports import Store

if TYPE_CHECKING:
    from baton.engine.judging import Watched


class Shelves(Protocol):
    """Reads the files in the workspaces of tasks."""

    def path(self, task: Task) -> str:
        """The folder a task's agents work in."""

    def files_below(self, root: str, folder: str) -> list[str]:
        """The files in one folder of a workspace."""

    def files_named(self, root: str, folder: str, name: str) -> list[str]:
        """The files in one folder that bear a name: ``<name>.*``, and what lies below ``<name>/``; hidden ones apart."""

    def written_at(self, root: str, path: str) -> int | None:
        """When a file was written, in nanoseconds; ``None`` when it is gone."""

    def describe(self, root: str, path: str) -> dict[str, Any] | None:
        """Path, sha256, bytes and title of a file; ``None`` when it is gone."""


class Registrar:
    """Registers what the units of one home leave."""

    def __init__(self, shelves: Shelves, store: Store) -> None:
        self._shelves = shelves
        self._store = store

    def after_run(self, task: str, lease: Lease, watched: Watched, outputs: tuple[str, ...]) -> tuple[Resource, ...]:
        """Return what a run left that says that its unit is done. A record that cannot be read is the sweep's."""
        try:
            found = self._store.tasks.read(task)
        except BatonError:
            return ()
        held = found.lease_with(lease.token) if found is not None else None
        if found is None or held is None or not is_done(held, watched.outcome):
            return ()
        return self.of_run(found, held, outputs)

    def of_run(self, task: Task, lease: Lease, outputs: tuple[str, ...] = ()) -> tuple[Resource, ...]:
        """Return what a run left: what it reported (else ``outputs``), and what is newer than its grant."""
        named = lease.report.outputs if lease.report is not None else outputs
        unit = task.unit(lease.unit)
        return self.of_unit(task, unit, named, since_ns=int(epoch(unit.started_at or lease.granted_at) * 1e9))

    def of_unit(
        self, task: Task, unit: Unit, outputs: tuple[str, ...], since_ns: int | None = None
    ) -> tuple[Resource, ...]:
        """Return what a unit left, at most so many; ``since_ns`` is ``None`` by hand, where files may be old."""
        root = self._shelves.path(task)
        named = [path for output in outputs for path in self._shelves.files_below(root, output) or [output]]
        found = self._shelves.files_named(root, unit.output_dir, task.id) if unit.output_dir else []
        if since_ns is not None:
            # A whole second earlier: some file systems know no fractions.
            found = [path for path in found if (self._shelves.written_at(root, path) or 0) >= since_ns - 10**9]
        copies = {copy for _, copy in copies_of(task, unit)}  # ours, of what it may write over
        mine = dict.fromkeys((*named, *(path for path in found if path not in copies)))
        described = (self._shelves.describe(root, path) for path in list(mine)[:MOST_RESOURCES])
        version, before = version_of(task, unit), results_of(original_of(task, unit))
        left_before = {(one.path, one.sha256) for result in before for one in result.resources}
        return tuple(
            self._resource(task, unit, one, version if one["path"] in named else 1)
            for one in described
            if one is not None and (one["path"] in named or (one["path"], one["sha256"]) not in left_before)
        )

    def _resource(self, task: Task, unit: Unit, described: dict[str, Any], least: int) -> Resource:
        """``least``: what an agent names is of its round's version, also where it has not put that into the name."""
        path = described["path"]
        return Resource(
            path=path,
            kind=kind_of(path),
            title=described["title"],
            sha256=described["sha256"],
            bytes=described["bytes"],
            version=max(least, version_in(path)[0]),
            parent=parent_of(task, unit, path),
        )
