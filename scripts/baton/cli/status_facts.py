"""One look at a home, as :mod:`baton.engine.glance_values` has it. Nothing is locked, nothing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from baton.cli.looking import SWEEP_LATE_SECONDS, last_sweep, quarantined, sweep_age
from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError
from baton.domain.settings import Settings
from baton.engine.belonging import Belonging
from baton.engine.glance import Glance
from baton.engine.glance_lines import parked_line
from baton.engine.glance_log import failures_of, outcomes_of, recent_events, usage_of
from baton.engine.glance_values import CampaignLine, Cost, Slots, Spoiled, Status, Sweep
from baton.engine.reasons import startable_count
from baton.ports import SlotState
from baton.store.files import said


def look(wiring: Wiring, project: str | None = None) -> Status:
    """Look at a home once, or at one project of it. What cannot be read is said among ``warnings``; the rest is shown."""
    warnings: list[str] = []

    @contextmanager
    def tried() -> Iterator[None]:
        try:
            with said(wiring.home.state):
                yield
        except BatonError as error:
            warnings.append(f"{error.message}; {error.cure}" if error.cure else error.message)

    now = wiring.clock.now()
    today = now[:10]
    settings, age = Settings(), sweep_age(wiring.home, now)
    slots: list[SlotState] | None = None
    campaigns: list[CampaignLine] = []
    events: list[dict[str, Any]] = []
    with tried():
        settings = wiring.config.settings()
    stop_file = wiring.home.stop_file if wiring.config.is_stopped() else None
    glance = Glance(wiring.store, wiring.clock, settings, wiring.parking, stop_file, project)
    with tried():
        glance.read_campaigns()
    with tried():
        glance.read_projects()
    with tried():
        glance.read_tasks()
    with tried():
        glance.read_agents()
    with tried():
        slots = wiring.store.slots.states()
    with tried():
        glance.join(slots)
        warnings += glance.lost
    with tried():
        campaigns = glance.campaign_lines()
    with tried():
        events = recent_events(wiring.store.log, today)
        events = events if project is None else list(filter(Belonging(wiring.store, project).has, events))
    with tried():
        glance.spoiled += _quarantined(wiring)
    limit = settings.concurrency.agents
    held = sum(slot.held or slot.supervised for slot in slots or ())
    ready, later = glance.line(startable_count(slots or (), limit))
    waits = bool(ready or later or glance.running)
    late = waits and (age is None or age > SWEEP_LATE_SECONDS)
    return Status(
        home=wiring.home.root,
        at=now,
        stopped=stop_file is not None,
        slots=Slots(limit=limit, used=held),
        campaigns=campaigns,
        tasks=dict(sorted(Counter(glance.statuses.values()).items())),
        running=sorted(glance.running, key=lambda one: one.since),
        ready=ready,
        waiting=later,
        blocked=sorted(glance.blocked, key=lambda one: (one.since, one.task)),
        failures=failures_of(events),
        runs_today=outcomes_of(events, today),
        cost=Cost(total=glance.usage, today=usage_of(events, today)),
        sweep=Sweep(last_at=last_sweep(wiring.home), age_seconds=age, is_late=late),
        damaged=glance.spoiled,
        parked=[parked_line(one) for one in wiring.parking.now().values()],
        warnings=warnings,
        project=project,
    )


def _quarantined(wiring: Wiring) -> list[Spoiled]:
    return [
        Spoiled(kind=one.kind, id=one.id, state="quarantined", reason=one.reason) for one in quarantined(wiring.home)
    ]
