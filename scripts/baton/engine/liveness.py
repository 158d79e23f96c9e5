"""Who is dead, proven: by the slot's locks, then by the processes themselves. No age ever kills a run of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from baton.domain.records import Holder, Lease
from baton.domain.times import seconds_between
from baton.ports import Clock, Process, Processes, SlotState

GONE_SECONDS = 5.0
STARTING_SECONDS = 2.0
PAUSE_SECONDS = 0.02


class Life(StrEnum):
    """What is known about the supervisor of a run."""

    ALIVE = "alive"
    SILENT = "silent"
    DEAD = "dead"
    ELSEWHERE = "elsewhere"


class Beat(Struct, frozen=True):
    """A supervisor's beat as a sweep saw it, and when (monotonic, this boot) it saw it first."""

    instance: str
    beat: float
    seen: float
    boot: str


def life_of(
    lease: Lease,
    slots: Mapping[int, SlotState],
    me: Holder,
    beats: Mapping[int, Beat],
    now: str,
    monotonic: float,
    stale_after_seconds: float,
) -> Life:
    """Judge a run's supervisor from its slot. ``SILENT``: it holds its slot, but the same beat was seen for too long."""
    holder = lease.holder
    if holder.machine != me.machine:
        limit = (lease.deadline_seconds or 0.0) + stale_after_seconds
        return Life.DEAD if seconds_between(lease.granted_at, now) > limit else Life.ELSEWHERE
    slot = slots.get(holder.slot if holder.slot is not None else -1)
    if holder.boot != me.boot or slot is None:
        return Life.DEAD
    if not slot.supervised:
        return Life.DEAD
    if slot.facts.get("instance", holder.instance) != holder.instance:
        return Life.DEAD  # but where nothing can be read, whoever holds the lock may be the one
    beat = beats.get(slot.number)
    if beat is None or (beat.instance, beat.beat, beat.boot) != (holder.instance, slot.facts.get("beat"), me.boot):
        return Life.ALIVE
    return Life.SILENT if monotonic - beat.seen >= stale_after_seconds else Life.ALIVE


def seen_beats(
    slots: Mapping[int, SlotState], before: Mapping[int, Beat], boot: str, monotonic: float
) -> dict[int, Beat]:
    """Return the beats to remember for the next sweep: a beat that is the same keeps the time it was first seen."""
    seen = {}
    for slot in slots.values():
        if not slot.supervised or "beat" not in slot.facts:
            continue
        fresh = Beat(str(slot.facts.get("instance")), float(slot.facts["beat"]), monotonic, boot)
        old = before.get(slot.number)
        same = old is not None and (old.instance, old.beat, old.boot) == (fresh.instance, fresh.beat, boot)
        seen[slot.number] = old if same and old is not None else fresh
    return seen


class Undertaker:
    """Ends what a dead supervisor left behind, and tells when it is gone beyond doubt. ``look`` is a fresh look."""

    def __init__(self, processes: Processes, clock: Clock, pause: Callable[[float], None]) -> None:
        self._processes = processes
        self._clock = clock
        self._pause = pause

    def kill_supervisor(self, look: Callable[[], SlotState | None]) -> bool:
        """Kill a supervisor that holds its slot but has gone silent; tell whether the slot then has none.

        When its number is another process's by now, nobody is killed, and whoever holds the slot is not proven dead.
        """
        slot = look()
        if slot is None or not slot.supervised:
            return True
        pid, started = slot.facts.get("pid"), slot.facts.get("started")
        if not pid or not started or not self._processes.kill([Process(pid=int(pid), started=int(started))]):
            return False
        end = self._clock.monotonic() + GONE_SECONDS
        while (slot := look()) is not None and slot.supervised:
            if self._clock.monotonic() > end:
                return False
            self._pause(PAUSE_SECONDS)
        return True

    def end_tree(
        self, lease: Lease, session: Process | None, look: Callable[[], SlotState | None], slot_path: str
    ) -> bool:
        """Kill every process of the run; tell whether two looks in a row then found none.

        What holds the slot and is nowhere named as the run's may be a process that forgot its name, or a script that
        has just taken the slot for a supervisor it is about to start: only the first of them still holds it later.
        """
        run = lease.run or ""
        end = self._clock.monotonic() + GONE_SECONDS
        since: dict[Process, float] = {}
        empty_looks = 0
        while empty_looks < 2:
            found = self._processes.of_run(run, session)
            slot = look()
            is_left = slot is not None and slot.held and not slot.supervised
            nameless = self._processes.holding(slot_path) if is_left else []
            now = self._clock.monotonic()
            old = [one for one in nameless if now - since.setdefault(one, now) >= STARTING_SECONDS]
            self._processes.kill([*found, *old])
            if found or nameless:
                empty_looks = 0
                if now > end:
                    return False
                self._pause(PAUSE_SECONDS)
            else:
                empty_looks += 1
        return True


def session_of(run: Mapping[str, Any] | None, slot: SlotState | None, lease: Lease) -> Process | None:
    """Return the session an agent began, from its run's record or its slot; a number without a start names none."""
    for facts in (slot.facts if slot is not None and slot.facts.get("run") == lease.run else None, run):
        if facts is not None and facts.get("agent_pid") and facts.get("agent_started"):
            return Process(pid=int(facts["agent_pid"]), started=int(facts["agent_started"]))
    return None
