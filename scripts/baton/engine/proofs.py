"""Whether a supervisor that seems dead is so beyond doubt; what is left of its run is ended on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from baton.domain.records import Lease
from baton.engine.findings import Scene
from baton.engine.liveness import Life, life_of, session_of
from baton.ports import SlotState

DEADLY = frozenset({Life.DEAD, Life.SILENT})


def proven_dead(
    scene: Scene, lease: Lease, held: Callable[[], Lease | None], run: Callable[[], Mapping[str, Any] | None]
) -> Lease | None:
    """Return the lease as it stands now, if its run is over and nothing of it is left; ``None``: let it be for now.

    ``held`` reads the lease anew, ``run`` the record of its run.
    """
    store, me = scene.door.store, scene.clock.holder()
    number = lease.holder.slot if lease.holder.slot is not None else -1

    def look() -> SlotState | None:
        return next((slot for slot in store.slots.states() if slot.number == number), None)

    # Look again: since the scene was read it may have ended by itself, or beaten, and its slot be another's.
    found, slot = held(), look()
    if found is None or found.run != lease.run:
        return None
    slots = {slot.number: slot} if slot is not None else {}
    stale = scene.settings.lease.stale_after_seconds
    life = life_of(lease, slots, me, scene.beats, scene.clock.now(), scene.clock.monotonic(), stale)
    if life not in DEADLY:
        return None
    if lease.holder.machine == me.machine and lease.holder.boot == me.boot:
        if life is Life.SILENT and not scene.undertaker.kill_supervisor(look):
            return None
        path = scene.slot_path(number) if slot is not None else ""
        if not scene.undertaker.end_tree(lease, session_of(run(), slot, lease), look, path):
            return None  # something of it would not end: the next sweep tries again
    return found
