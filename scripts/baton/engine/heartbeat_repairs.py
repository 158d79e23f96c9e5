"""The repairs of heartbeats: those whose supervisor is dead are ended; projects that have enough again are told so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from baton.domain.statuses import FailureKind, Outcome
from baton.engine.accounting import usage_of_record
from baton.engine.findings import Finding, Scene, bind
from baton.engine.liveness import life_of
from baton.engine.proofs import DEADLY, proven_dead

if TYPE_CHECKING:
    from baton.domain.agent_records import AgentRecord
    from baton.domain.records import Lease


def dead_heartbeats(scene: Scene) -> Iterator[Finding]:
    """End heartbeats whose supervisor is dead or silent, once nothing of them is left."""
    me, now, monotonic = scene.clock.holder(), scene.clock.now(), scene.clock.monotonic()
    for agent in scene.heard:
        if (lease := agent.lease) is None:
            continue
        life = life_of(lease, scene.slots, me, scene.beats, now, monotonic, scene.settings.lease.stale_after_seconds)
        if life in DEADLY:
            text = f"agent {agent.id}: the supervisor of heartbeat {lease.run} is {life}"
            yield Finding(count="stale_released", text=text, act=bind(_end_dead, scene, agent, lease))


def _end_dead(scene: Scene, agent: AgentRecord, lease: Lease) -> bool:
    from baton.domain.agent_commands import EndHeartbeat  # start-up: few sweeps find a dead one
    from baton.domain.errors import IllegalTransition, LeaseMismatch
    from baton.domain.ids import place_of
    from baton.engine.run_records import ended_heartbeat

    store, place, run = scene.door.store, place_of(agent.id), lease.run or ""

    def held() -> Lease | None:
        found = store.agents.read(agent.id)
        return found.lease_with(lease.token) if found is not None else None

    if proven_dead(scene, lease, held, lambda: store.runs.read(place, run)) is None:
        return False
    record = store.runs.read(place, run)
    end = EndHeartbeat(
        token=lease.token,
        run=run,
        outcome=Outcome.INTERRUPTED,
        kind=FailureKind.SUPERVISOR_LOST,
        message="its supervisor was lost",
        usage=usage_of_record(record),
    )
    try:
        after = scene.door.agent(agent.id, end)
    except (LeaseMismatch, IllegalTransition):
        return False  # its supervisor ended it after all, between our look and our lock
    store.runs.write(place, run, {**(record or {"id": run, "agent": agent.id}), **ended_heartbeat(after)})
    return True
