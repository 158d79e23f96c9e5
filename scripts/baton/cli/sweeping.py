"""The sweep put together for one home: one at a time, its chores, its notifications."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import msgspec

from baton.adapters.processes import LinuxProcesses
from baton.cli.service_page import write_page
from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError
from baton.domain.exchange import SCRATCH
from baton.domain.parking import is_forgotten
from baton.domain.records import Lease, Task
from baton.domain.times import stamp
from baton.engine.findings import Finding, Scene
from baton.engine.liveness import Beat, Undertaker, seen_beats
from baton.engine.reasons import Reasons
from baton.engine.registering import Registrar
from baton.engine.sweep import Report, split_damage, sweep
from baton.store import upkeep
from baton.store.files import names_in, read_bytes, replace, said
from baton.store.service_page import ServicePage


def sweep_home(wiring: Wiring, *, dry_run: bool) -> dict[str, Any]:
    """Sweep the home, unless another sweep is at it; return the report."""
    wiring.store.prepare()
    with _alone(wiring) as since:
        if since is not None:
            return {"skipped": f"another sweep is running since {since}"}
        beats_file = wiring.home.in_state("cache", "beats.json")
        beats = _read_beats(beats_file)

        def look() -> Scene:
            return _scene(wiring, beats)

        chores = _chores(wiring, dry_run=dry_run)
        reasons = partial(_reasons, wiring)
        pulse = partial(_pulse, wiring, dry_run=dry_run) if _has_heartbeats(wiring) else None
        report = sweep(
            look, wiring.store.mend, chores, wiring.dispatch, reasons, wiring.clock, dry_run=dry_run, pulse=pulse
        )
        if not dry_run:
            _remember_beats(wiring, beats_file, beats)
            report.errors.extend(_remember(wiring))
            report.errors.extend(_notify(wiring))
        return report.as_json()


def report_of(wiring: Wiring) -> dict[str, Any]:
    """Return what a sweep would find now; nothing is changed, and no other sweep is kept waiting."""
    beats = _read_beats(wiring.home.in_state("cache", "beats.json"))
    look, reasons = partial(_scene, wiring, beats), partial(_reasons, wiring)
    chores = _chores(wiring, dry_run=True)
    return sweep(look, wiring.store.mend, chores, wiring.dispatch, reasons, wiring.clock, dry_run=True).as_json()


def scene_of(wiring: Wiring) -> Scene:
    """Return what a sweep would look at now."""
    return _scene(wiring, {})


def _has_heartbeats(wiring: Wiring) -> bool:
    settings = wiring.config.settings()
    return bool(settings.heartbeats.agents) or settings.has_backlogs


def _pulse(wiring: Wiring, scene: Scene, report: Report, *, dry_run: bool) -> None:
    from baton.cli.pulsing import pulse  # start-up: most homes have none

    pulse(wiring, scene, report, dry_run=dry_run)


@contextmanager
def _alone(wiring: Wiring) -> Iterator[str | None]:
    """Hold the sweep's lock; yield ``None``, or since when another sweep has it."""
    path = wiring.home.in_state("locks", "sweep.lock")
    with said(path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield os.pread(fd, 64, 0).decode("ascii", "replace").strip() or "just now"
            return
        # Emptied first: whoever finds the lock taken must not read the time of an earlier sweep.
        os.ftruncate(fd, 0)
        with suppress(OSError):  # a full disk takes nothing from the lock itself
            os.pwrite(fd, wiring.clock.now().encode(), 0)
        yield None
    finally:
        os.close(fd)


def _scene(wiring: Wiring, beats: dict[int, Beat]) -> Scene:
    tasks, damaged_tasks = split_damage(wiring.store.tasks.live())
    campaigns, damaged_campaigns = split_damage(wiring.store.campaigns.live())
    # Most homes have never heard of an agent: nothing is loaded for none.
    has_agents = bool(names_in(wiring.home.in_state("agents")))
    heard, damaged_agents = split_damage(wiring.store.agents.live()) if has_agents else ((), ())
    return Scene(
        door=wiring.door,
        clock=wiring.clock,
        settings=wiring.config.settings(),
        agents=wiring.agents,
        tasks=tasks,
        campaigns=campaigns,
        damage=damaged_tasks + damaged_campaigns + damaged_agents,
        heard=heard,
        slots={slot.number: slot for slot in wiring.store.slots.states()},
        beats=beats,
        undertaker=Undertaker(LinuxProcesses(), wiring.clock, time.sleep),
        slot_path=wiring.store.slots.path,
        close=wiring.is_completed,
        shown=tuple(wiring.store.displays.all()),
        put_away=lambda run: wiring.skill_folders.put_away(run),  # made where there is something to take back
        resources=Registrar(wiring.workspaces, wiring.store).of_run,
        missing=partial(_missing, wiring),
    )


def _missing(wiring: Wiring, task: Task, lease: Lease) -> tuple[str, ...] | None:
    from baton.cli.preparing import inspector  # start-up: few sweeps find a dead run that had reported

    return inspector(wiring).of_run(task, lease, lambda: False)


def _reasons(wiring: Wiring, scene: Scene) -> Reasons:
    stop_file = wiring.home.stop_file if wiring.config.is_stopped() else None
    campaigns = {campaign.id: campaign for campaign in scene.campaigns}
    return Reasons(wiring.store, wiring.clock, scene.settings, wiring.parking, stop_file=stop_file, campaigns=campaigns)


def _chores(wiring: Wiring, *, dry_run: bool) -> list[Any]:
    """What is kept in bounds besides the repairs: temporary files always, what has grown old once a day."""

    def abandoned(scene: Scene) -> Iterable[Finding]:
        for path in upkeep.abandoned_files(wiring.home):
            yield Finding(count="removed", text=f"{path}: left by a crash", act=partial(upkeep.remove_file, path))

    def outgrown(scene: Scene) -> Iterable[Finding]:
        marker = wiring.home.in_state("cache", "retention")
        today = wiring.clock.now()[:10].encode()
        if read_bytes(marker) == today:
            return
        keep = scene.settings.retention
        for folder, seconds, depth in (
            (wiring.home.in_state("runs"), keep.runs_seconds, 1),
            (wiring.home.logs, keep.logs_seconds, 1),
        ):
            for path in upkeep.old_files(folder, seconds, depth):
                yield Finding(count="expired", text=f"{path}: older than retention", act=partial(upkeep.remove, path))
        for path in upkeep.old_folders(wiring.home.logs, keep.logs_seconds, 1, SCRATCH):
            text = f"{path}: older than retention"
            yield Finding(count="expired", text=text, act=partial(upkeep.remove_folder, path))
        yield from _old_archive(wiring, scene)
        if os.path.isdir(wiring.home.in_state("streams")):
            from baton.cli.stream_chores import left_over  # start-up

            yield from left_over(wiring)
        for path in wiring.store.memories.days_before(stamp(time.time() - keep.memory_seconds)[:10]):
            yield Finding(count="expired", text=f"{path}: older than retention", act=partial(upkeep.remove_file, path))
        day = stamp(time.time() - keep.events_seconds)[:10]
        if wiring.store.log.has_before(day):
            act = partial(wiring.store.log.drop_before, day)
            yield Finding(count="expired", text=f"events before {day}", act=lambda: bool(act()))
        if dry_run:
            return  # nothing has been removed: the next sweep of this day has to
        with suppress(OSError):
            replace(marker, today, wiring.home.in_state("tmp", f"retention-{os.getpid()}"), durable=False)

    def parked(scene: Scene) -> Iterable[Finding]:
        now = wiring.clock.now()
        for one in wiring.store.parking.all():
            if not one.is_told:
                text = f"harness {one.harness}: that it is parked was not told yet"
                yield Finding(count="told", text=text, act=partial(wiring.parking.tell, one.harness))
            elif is_forgotten(one, now):
                text = f"harness {one.harness}: it was parked until {one.until}, and nothing has needed it since"
                yield Finding(count="resumed", text=text, act=partial(wiring.parking.forget, one.harness))

    def told(scene: Scene) -> Iterable[Finding]:
        if os.path.isdir(wiring.home.in_state("streams")):
            from baton.cli.stream_chores import untold  # start-up: few homes have runs

            yield from untold(wiring, scene)

    def registry_page(scene: Scene) -> Iterable[Finding]:
        if ServicePage(wiring.home).is_stale():
            text = "memory/long-term/SERVICE_REGISTRY.md is not of the services as they are now"
            yield Finding(count="pages_made", text=text, act=partial(write_page, wiring))

    return [abandoned, outgrown, parked, registry_page, told]


def _old_archive(wiring: Wiring, scene: Scene) -> Iterable[Finding]:
    """Archived tasks that are older than retention, belong to no open campaign, and that nobody waits for."""
    kept = {task for campaign in scene.campaigns if campaign.status != "completed" for task in campaign.tasks}
    kept |= set(wiring.store.waits.dependencies())
    folder = wiring.home.in_state("archive", "tasks")
    for path in upkeep.old_files(folder, scene.settings.retention.archive_seconds, 0):
        if os.path.basename(path).removesuffix(".json") not in kept:
            yield Finding(count="expired", text=f"{path}: older than retention", act=partial(upkeep.remove_file, path))


def _notify(wiring: Wiring) -> list[str]:
    """Send what is new. A failing channel is said, and tried again by a later sweep."""
    from baton.engine.notifying import notify  # start-up
    from baton.store.deliveries import DeliveryFiles  # start-up

    settings = wiring.config.settings().notify
    deliveries = DeliveryFiles(wiring.home.in_state("channels"), wiring.home.in_state("tmp"))
    channels = [partial(wiring.notifier, name) for name in settings.channels]
    try:
        return notify(wiring.store.log, deliveries, wiring.clock, channels, settings.events)
    except (BatonError, OSError) as error:
        return [f"notifications: {error}"]


def _remember(wiring: Wiring) -> list[str]:
    """Write down what is new: lessons, and the pages of days. What fails is said, and done by a later sweep."""
    from baton.domain.delivery import MEMORY  # start-up
    from baton.store.deliveries import DeliveryFiles  # start-up

    cursors = DeliveryFiles(wiring.home.in_state("channels"), wiring.home.in_state("tmp"))
    settings = wiring.config.settings()
    store = wiring.store
    try:
        if cursors.read(MEMORY).cursor == store.log.position():
            return []
        from baton.engine.remembering import remember  # start-up: of no use to a sweep without news

        remember(
            store.log,
            cursors,
            store.memories,
            wiring.config.secrets,
            wiring.clock,
            lessons=settings.memory.lessons,
            oldest_day=stamp(time.time() - settings.retention.memory_seconds)[:10],
        )
    except (BatonError, OSError) as error:
        return [f"memory: {error}"]
    return []


def _read_beats(path: str) -> dict[int, Beat]:
    try:
        data = read_bytes(path)
        return msgspec.json.decode(data, type=dict[int, Beat]) if data else {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _remember_beats(wiring: Wiring, path: str, beats: dict[int, Beat]) -> None:
    slots = {slot.number: slot for slot in wiring.store.slots.states()}
    seen = seen_beats(slots, beats, wiring.clock.holder().boot, wiring.clock.monotonic())
    if seen == beats:
        return
    with suppress(OSError):
        replace(path, msgspec.json.encode(seen), wiring.home.in_state("tmp", f"beats-{os.getpid()}"), durable=False)
