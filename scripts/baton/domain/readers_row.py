"""The keys of a task's record that are written for readers: derived from its leases and branches after every change."""

from __future__ import annotations

from msgspec import structs

from baton.domain.records import Task
from baton.domain.statuses import UnitStatus


def with_readers_row(task: Task) -> Task:
    """Bring the keys written for readers up to date with the leases and branches."""
    keys = {unit.key for unit in task.pipeline}
    main = next((lease for lease in task.leases if lease.unit in keys), None)
    return structs.replace(
        task,
        locked_by=main.agent if main else None,
        locked_at=main.granted_at if main else None,
        lease=main,
        pending_branches=pending_branches(task),
    )


def pending_branches(task: Task) -> tuple[str, ...]:
    """Return the labels of the branches that were triggered and are not done."""
    done = (UnitStatus.COMPLETED, UnitStatus.SKIPPED)
    return tuple(
        label for label, unit in task.branches.items() if unit.ready_at is not None and unit.status not in done
    )
