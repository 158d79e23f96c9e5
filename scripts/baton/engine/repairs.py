"""The repairs of the sweep: each looks and yields findings; a finding says what is wrong, and can be acted on alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from baton.domain import commands as c
from baton.domain.errors import IllegalTransition, LeaseMismatch
from baton.domain.readiness import Entry, is_backing_off, unit_of_name
from baton.domain.records import Lease, Task
from baton.domain.statuses import FailureKind, LeaseKind, Outcome
from baton.domain.task_leases import hand_age_seconds
from baton.domain.times import seconds_between
from baton.engine.accounting import usage_of_record
from baton.engine.campaign_repairs import open_campaigns, unfinished_plans, unlisted_tasks
from baton.engine.door import Door
from baton.engine.findings import Finding, Scene, apply, bind
from baton.engine.heartbeat_repairs import dead_heartbeats
from baton.engine.inspecting import is_done
from baton.engine.liveness import life_of
from baton.engine.proofs import DEADLY, proven_dead
from baton.engine.run_policies import known_skill, policy_for
from baton.engine.skill_repairs import left_skills


def damaged_files(scene: Scene) -> Iterator[Finding]:
    """Set aside what is damaged; what a newer Baton wrote, or the disk does not give, is only named."""
    store = scene.door.store
    stores: Mapping[str, Any] = {"task": store.tasks, "campaign": store.campaigns, "agent": store.agents}
    for damage in scene.damage:
        if damage.is_damaged:
            act = bind(stores[damage.kind].set_aside, damage.id, damage.reason)
            yield Finding(count="quarantined", text=f"{damage.kind} {damage.id}: {damage.reason}", act=act)


def dead_runs(scene: Scene) -> Iterator[Finding]:
    """End runs whose supervisor is dead or silent, once nothing of them is left."""
    me = scene.clock.holder()
    now, monotonic = scene.clock.now(), scene.clock.monotonic()
    for task in scene.tasks:
        for lease in task.leases:
            if lease.kind is not LeaseKind.RUN:
                continue
            stale = scene.settings.lease.stale_after_seconds
            life = life_of(lease, scene.slots, me, scene.beats, now, monotonic, stale)
            if life in DEADLY:
                text = f"task {task.id}: the supervisor of run {lease.run} ({lease.agent}) is {life}"
                act = bind(_end_dead_run, scene, task, lease)
                yield Finding(count="stale_released", text=text, act=act)


def _end_dead_run(scene: Scene, task: Task, lease: Lease) -> bool:
    store = scene.door.store
    fresh: list[Task] = []

    def held() -> Lease | None:
        found = store.tasks.read(task.id)
        fresh[:] = [found] if found is not None else []
        return found.lease_with(lease.token) if found is not None else None

    found = proven_dead(scene, lease, held, lambda: store.runs.read(task.id, lease.run or ""))
    if found is None:
        return False
    # What it reported counts only with what it must have left; without a report it is interrupted, and nobody looks.
    missing = scene.missing(fresh[0], found) if is_done(found, Outcome.INTERRUPTED) else None
    end = c.EndRun(
        token=lease.token,
        run=lease.run or "",
        outcome=Outcome.INTERRUPTED,
        kind=FailureKind.SUPERVISOR_LOST,
        policy=policy_for(task.unit(lease.unit), known_skill(scene.agents, lease.agent), scene.settings),
        jitter=random.random(),
        message="its supervisor was lost",
        usage=usage_of_record(store.runs.read(task.id, lease.run or "")),
        max_revisions=scene.settings.retry.max_revisions,
        missing=missing,
        resources=() if missing is None or missing else scene.resources(fresh[0], found),
    )
    try:
        after = scene.door.task(task.id, end)
    except (LeaseMismatch, IllegalTransition):
        return False  # its supervisor ended it after all, and perhaps the task with it, between our look and our lock
    ends = (event for event in reversed(after.history) if event.type == "run_ended" and event.run == lease.run)
    data = next(ends).data
    outcome = data["outcome"]
    record = store.runs.read(task.id, lease.run or "") or {"id": lease.run, "task": task.id}
    ended = {
        "status": "completed" if outcome in (Outcome.COMPLETED, Outcome.SENT_BACK) else "failed",
        "outcome": outcome,
        "finished_at": scene.clock.now(),
        "error": data.get("message"),
    }
    store.runs.write(task.id, lease.run or "", {**record, **ended})
    return True


def old_hand_leases(scene: Scene) -> Iterator[Finding]:
    """Take away hand leases that nobody has renewed for long."""
    me = scene.clock.holder()
    limit = scene.settings.lease.stale_after_seconds
    for task in scene.tasks:
        for lease in task.leases:
            if lease.kind is LeaseKind.HAND and hand_age_seconds(lease.holder, me) >= limit:
                command = c.ExpireLease(token=lease.token, seen_from=me, stale_after_seconds=limit)
                text = f"task {task.id}: nobody has renewed the lease of {lease.agent} for long"
                yield Finding(count="stale_released", text=text, act=bind(apply, scene.door, task, command))


def far_backoffs(scene: Scene) -> Iterator[Finding]:
    """Forget back-offs written under a clock that had jumped ahead."""
    limit = scene.settings.retry.backoff_max_seconds
    now = scene.clock.now()
    for task in scene.tasks:
        if task.blocked is not None:
            continue  # it waits for a person; when it is unblocked, the next sweep sees it
        for unit in task.units():
            if unit.not_before is None or unit.not_before <= now or is_backing_off(unit, now, limit):
                continue
            text = f"task {task.id}: its back-off until {unit.not_before} is further ahead than any can be"
            command = c.EndBackoff(backoff_max_seconds=limit)
            yield Finding(count="hastened", text=text, act=bind(apply, scene.door, task, command))


def unheard_ends(scene: Scene) -> Iterator[Finding]:
    """Tell dependents of tasks that have ended; note waits that a crash left out."""
    store = scene.door.store
    by_id = {task.id: task for task in scene.tasks}
    known: dict[str, list[str]] = {name: store.waits.dependents(name) for name in store.waits.dependencies()}
    for task in scene.tasks:
        for dependency in task.unmet:
            if task.id not in known.get(dependency, ()):
                known.setdefault(dependency, []).append(task.id)
                store.waits.add(dependency, task.id)
    for dependency, dependents in known.items():
        pending = [by_id[name] for name in dependents if name in by_id and dependency in by_id[name].unmet]
        ended = by_id.get(dependency) or (store.tasks.read(dependency) if dependents else None)
        if ended is None or not ended.is_finished:
            continue
        if any(task.blocked is None for task in pending):
            text = f"task {dependency} has ended; {', '.join(task.id for task in pending)} had not been told"
            yield Finding(count="told", text=text, act=bind(_tell, scene.door, ended))
        elif not pending:
            for name in dependents:
                if not store.tasks.is_live(name) or name in by_id:
                    store.waits.remove(dependency, name)


def index_differences(scene: Scene) -> Iterator[Finding]:
    """Compare the ready index with the records; each difference is settled under the record's lock."""
    tasks = scene.door.store.tasks
    wanted: dict[Entry, str] = {entry: task for task, entries in scene.entries.items() for entry in entries}
    wrong: dict[str, list[Entry]] = {}
    for entry in scene.door.store.ready.all():
        if wanted.pop(entry, None) is None:
            wrong.setdefault(_task_of(entry), []).append(entry)
    for task in wanted.values():
        wrong.setdefault(task, [])
    for task, entries in wrong.items():
        text = f"task {task}: its place in the ready index is wrong"
        yield Finding(count="reindexed", text=text, act=bind(tasks.resync, task, tuple(entries)))


def finished_tasks(scene: Scene) -> Iterator[Finding]:
    """Archive what has finished long enough ago."""
    now = scene.clock.now()
    after = scene.settings.sweep.archive_after_seconds
    for task in scene.tasks:
        if is_archivable(task, now, after):
            act = bind(scene.door.store.tasks.archive, task.id, lambda found: is_archivable(found, now, after))
            yield Finding(count="archived", text=f"task {task.id}: {task.status}", act=act)


def is_archivable(task: Task, now: str, after_seconds: float) -> bool:
    """Tell whether a task has finished long enough ago, with no lease left. A stamp ahead of the clock is no reason."""
    if not task.is_finished or task.leases:
        return False
    age = seconds_between(task.completed_at or task.updated_at, now)
    return after_seconds == 0 or age >= after_seconds or age < 0


REPAIRS: tuple[Callable[[Scene], Iterable[Finding]], ...] = (
    damaged_files,
    dead_runs,
    dead_heartbeats,
    left_skills,
    old_hand_leases,
    far_backoffs,
    unfinished_plans,
    unlisted_tasks,
    unheard_ends,
    finished_tasks,
    open_campaigns,
    index_differences,
)


def _tell(door: Door, task: Task) -> bool:
    door.tell_dependents(task)
    return True


def _task_of(entry: Entry) -> str:
    return unit_of_name(entry.name)[0]
