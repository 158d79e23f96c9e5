"""The sweep: one look at everything, each repair alone, then dispatch. It never calls a model; idle, it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from baton.domain.errors import BatonError
from baton.domain.readiness import is_due
from baton.domain.statuses import LeaseKind
from baton.domain.times import epoch, seconds_between
from baton.engine.dispatch import Dispatched
from baton.engine.findings import Finding, Scene
from baton.engine.reasons import Reasons
from baton.engine.repairs import REPAIRS
from baton.engine.waiting_units import all_that_waits, gist
from baton.ports import Clock, Damage

COUNTS = (
    "stale_released",
    "redispatched",
    "branches_redispatched",
    "campaigns_completed",
    "blocked",
    "quarantined",
    "archived",
    "starving",
)

# What waits is counted by reason; of all that waits so many are told, the most urgent ones.
FIRST_WAITING = 5


class Report(Struct, kw_only=True):
    """What one sweep found and did. ``errors`` are repairs that failed; they are tried again by the next sweep."""

    counts: dict[str, int]
    found: list[str]
    errors: list[str]
    health: dict[str, Any]
    notes: list[str]
    waits: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The report as the scripts print it: the contract's counts, then what was found."""
        return {
            **self.counts,
            "health": self.health,
            "waits": self.waits,
            "found": self.found,
            "errors": self.errors,
            "notes": self.notes,
        }


def sweep(
    look: Callable[[], Scene],
    mend: Callable[[], int],
    chores: Iterable[Callable[[Scene], Iterable[Finding]]],
    dispatch: Callable[[], Dispatched],
    reasons: Callable[[Scene], Reasons],
    clock: Clock,
    *,
    dry_run: bool,
    pulse: Callable[[Scene, Report], object] | None = None,
) -> Report:
    """Look, repair, dispatch, report, also of what waits and why.

    ``dry_run`` only looks: it says what would be done, and changes nothing. ``pulse`` begins what is due without a
    task, last of all: tasks come first.
    """
    report = Report(counts=dict.fromkeys(COUNTS, 0), found=[], errors=[], health={}, notes=[], waits={})
    if not dry_run:
        mend()
    scene = look()
    for damage in scene.damage:
        if not damage.is_damaged:
            report.errors.append(damage.reason)
    for repair in (*REPAIRS, *chores):
        try:
            for finding in repair(scene):
                _act(finding, report, dry_run=dry_run)
        except (BatonError, OSError) as error:
            report.errors.append(f"{repair.__name__}: {error}")
    if not dry_run:
        started = _dispatch(dispatch, report)
        if started or report.found:
            scene = look()  # an idle sweep has seen all there is
    if pulse is not None:
        try:
            pulse(scene, report)
        except (BatonError, OSError) as error:
            report.errors.append(f"heartbeats: {error}")
    report.health = health_of(scene, clock.now())
    report.waits = gist(all_that_waits(scene.tasks, reasons(scene)), FIRST_WAITING)
    return report


def _dispatch(dispatch: Callable[[], Dispatched], report: Report) -> int:
    try:
        dispatched = dispatch()
    except (BatonError, OSError) as error:
        report.errors.append(f"dispatch: {error}")
        return 0
    report.counts["redispatched"] = dispatched.started - dispatched.branches
    report.counts["branches_redispatched"] = dispatched.branches
    if dispatched.reason is not None:
        report.notes.append(dispatched.reason.text)
    return dispatched.started


def _act(finding: Finding, report: Report, *, dry_run: bool) -> None:
    try:
        done = True if dry_run else finding.act()
    except Exception as error:  # noqa: BLE001 - one bad item must not stop the sweep; the next one tries it again
        report.errors.append(f"{finding.text}: {error or type(error).__name__}")
        return
    if done:
        report.counts[finding.count] = report.counts.get(finding.count, 0) + 1
        report.found.append(finding.text)


def split_damage(records: Iterable[Any]) -> tuple[tuple[Any, ...], tuple[Damage, ...]]:
    """Part what could be read from what could not."""
    good: list[Any] = []
    damage: list[Damage] = []
    for record in records:
        (damage if isinstance(record, Damage) else good).append(record)
    return tuple(good), tuple(damage)


def health_of(scene: Scene, now: str) -> dict[str, Any]:
    """Return tasks by status, leases, running, ready, and the age of the oldest ready unit in seconds."""
    statuses: dict[str, int] = {}
    ready = 0
    oldest = 0.0
    for task in scene.tasks:
        statuses[task.status] = statuses.get(task.status, 0) + 1
        for entry in scene.entries[task.id]:
            if is_due(entry.bucket, epoch(now)):
                ready += 1
                unit = task.unit(entry.name.rsplit("~", 1)[1])
                oldest = max(oldest, seconds_between(unit.ready_at or task.created_at, now))
    leases = [lease for task in scene.tasks for lease in task.leases]
    return {
        "tasks": statuses,
        "leases": len(leases),
        "running": sum(lease.kind is LeaseKind.RUN for lease in leases),
        "ready": ready,
        "oldest_ready_seconds": round(oldest, 3),
    }
