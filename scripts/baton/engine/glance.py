"""What a status gathers while the records go by: each is judged as a dispatcher would judge it, and let go of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import structs

from baton.domain.campaigns import Campaign, CampaignStatus
from baton.domain.errors import BatonError
from baton.domain.readiness import Why, not_ready, open_units, standing_reason, unit_of_name, waiting
from baton.domain.records import Lease, Task
from baton.domain.statuses import LeaseKind
from baton.engine.glance_lines import (
    blocked_line,
    campaign_line,
    final_counts,
    running_line,
    spoiled_line,
    waiting_line,
)
from baton.engine.glance_log import added
from baton.engine.glance_values import BlockedTask, CampaignLine, Running, Spoiled, Waiting
from baton.engine.liveness import Life, life_of
from baton.engine.parking import Look
from baton.ports import Clock, Damage, SlotState, Store

# How lines of what waits are ordered: first what moves by itself, and soonest.
ORDER = (
    Why.NO_SLOT, Why.STOPPED, Why.BACKOFF, Why.NOT_BEFORE, Why.HELD, Why.ENDING, Why.CAMPAIGN, Why.PARKED,
    Why.DEPENDENCY, Why.NOT_ITS_TURN,
)  # fmt: skip


class Glance:
    """What is gathered while the records go by, each looked at once and dropped: a home may hold very many."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        parking: Look,
        now: str,
        backoff_max_seconds: float,
        stale_after_seconds: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._parking = parking
        self._now = now
        self._backoff_max_seconds = backoff_max_seconds
        self._stale_after_seconds = stale_after_seconds
        self._campaigns: dict[str, Campaign] = {}
        self._in_line: list[tuple[str, Waiting]] = []
        self._later: list[Waiting] = []
        self._leased: list[tuple[Task, Lease]] = []
        self.statuses: dict[str, str] = {}
        self.running: list[Running] = []
        self.blocked: list[BlockedTask] = []
        self.spoiled: list[Spoiled] = []
        self.usage: dict[str, float] | None = None

    # -- records --------------------------------------------------------------------------------------------------

    def read_campaigns(self) -> None:
        """Read every campaign."""
        for campaign in self._store.campaigns.live():
            if isinstance(campaign, Damage):
                self.spoiled.append(spoiled_line(campaign))
            else:
                self._campaigns[campaign.id] = campaign

    def read_tasks(self) -> None:
        """Read every live task; keep of each only what will be shown."""
        for task in self._store.tasks.live():
            if isinstance(task, Damage):
                self.spoiled.append(spoiled_line(task))
                continue
            self.statuses[task.id] = task.status.value
            self.usage = added(self.usage, task.usage)
            runs = [lease for lease in task.leases if lease.kind is LeaseKind.RUN]
            self._leased += [(task, lease) for lease in runs]
            if task.blocked is not None:
                self.blocked.append(blocked_line(task, task.blocked))
            elif not task.is_finished and task.pipeline:
                self._place(task, {lease.unit for lease in runs})

    def _place(self, task: Task, running: set[str]) -> None:
        """Put the units that nobody runs into the line of those that could start, or among those that wait."""
        due = [unit for unit in open_units(task) if unit.key not in running]
        for unit in due:
            reason = not_ready(task, unit, self._now, self._backoff_max_seconds)
            if reason is not None:
                self._later.append(waiting_line(task, unit, reason.why, reason.text, reason.until))
            elif task.campaign is not None and not self._is_dispatching(task.campaign):
                self._later.append(waiting_line(task, unit, Why.CAMPAIGN, self._why_not(task.campaign)))
            elif (parked := self._parking.reason(unit)) is not None:
                self._later.append(waiting_line(task, unit, parked.why, parked.text, parked.until))
            else:
                entry = next(entry for entry in waiting(task) if unit_of_name(entry.name)[1] == unit.key)
                self._in_line.append((f"{entry.bucket}/{entry.name}", waiting_line(task, unit)))
        if not due and not running:
            reason = standing_reason(task, task.current)
            if reason is not None:
                self._later.append(waiting_line(task, task.current, reason.why, reason.text))

    def _is_dispatching(self, campaign: str) -> bool:
        found = self._campaigns.get(campaign)
        return found is not None and found.is_dispatching

    def _why_not(self, campaign: str) -> str:
        found = self._campaigns.get(campaign)
        if found is None:
            return f"campaign {campaign} cannot be read"
        cure = f" (campaign.py resume {campaign})" if found.status is CampaignStatus.PAUSED else ""
        return f"campaign {campaign} is {found.status}{cure}"

    # -- what runs ------------------------------------------------------------------------------------------------

    def join(self, slots: Iterable[SlotState] | None) -> None:
        """Join the runs' leases with their slots; a run whose supervisor is gone waits for the sweep.

        The slots are looked at after the records: whoever holds a lease that was read held a slot before. ``None``:
        they could not be looked at, and nobody is called dead.
        """
        by_number = {slot.number: slot for slot in slots or ()}
        me, monotonic = self._clock.holder(), self._clock.monotonic()
        for task, lease in self._leased:
            unit = task.unit(lease.unit)
            life = life_of(lease, by_number, me, {}, self._now, monotonic, self._stale_after_seconds)
            if life is not Life.DEAD or slots is None:
                slot = by_number.get(lease.holder.slot) if lease.holder.slot is not None else None
                self.running.append(running_line(task, unit, lease, slot if life is Life.ALIVE else None))
            elif self._stands(task):
                text = f"run {lease.run} of {lease.agent} has lost its supervisor; the next sweep ends it"
                self._later.append(waiting_line(task, unit, Why.HELD, text))

    def _stands(self, task: Task) -> bool:
        """Tell whether the record is still the one that was read: its run may have ended before we saw the slots."""
        if not self._store.tasks.is_live(task.id):
            return False
        again = self._store.tasks.read(task.id)
        return again is not None and again.version == task.version

    # -- what waits -----------------------------------------------------------------------------------------------

    def line(self, *, stopped: bool, places: int, limit: int) -> tuple[list[Waiting], list[Waiting]]:
        """Part what starts next from what waits. ``places``: how many could start now; ``limit``: all slots."""
        in_line = [
            structs.replace(one, place=place)
            for place, (_, one) in enumerate(sorted(self._in_line, key=lambda pair: pair[0]), 1)
        ]
        if stopped:
            places, why, text = 0, Why.STOPPED, "state/stop exists"
        else:
            why, text = Why.NO_SLOT, f"no free slot ({limit} in all)"
        waits = [
            structs.replace(one, place=place, why=why.value, text=f"{text}; place {place} in line")
            for place, one in enumerate(in_line[places:], 1)
        ]
        later = sorted(self._later, key=lambda one: (_order(one), one.until or "", one.task))
        return in_line[:places], sorted([*waits, *later], key=_order)

    # -- campaigns ------------------------------------------------------------------------------------------------

    def campaign_lines(self) -> list[CampaignLine]:
        """Return each campaign with its progress, those that are complete last."""
        archived: set[str] | None = None
        lines = []
        for campaign in self._campaigns.values():
            counts = final_counts(campaign)
            if counts is None:
                if archived is None:
                    archived = set(self._store.tasks.ids(archived=True))
                counts = Counter(self._status_of(id, archived) for id in campaign.tasks)
            lines.append(campaign_line(campaign, counts))
        return sorted(lines, key=lambda line: (line.status == CampaignStatus.COMPLETED, line.slug))

    def _status_of(self, id: str, archived: set[str]) -> str:
        tasks = self._store.tasks
        if id in self.statuses:
            return self.statuses[id]
        if id not in archived:
            return "damaged" if tasks.is_live(id) or tasks.is_set_aside(id) else "missing"
        try:
            task = tasks.read(id)
        except BatonError:
            return "damaged"
        self.usage = added(self.usage, task.usage if task is not None else None)
        return task.status.value if task is not None else "missing"


def _order(one: Waiting) -> int:
    return ORDER.index(Why(one.why or ""))
