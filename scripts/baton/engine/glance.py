"""What a status gathers while the records go by: each is judged as a dispatcher would judge it, and let go of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import structs

from baton.domain.campaigns import Campaign, CampaignStatus
from baton.domain.errors import BatonError
from baton.domain.readiness import Why, open_units, unit_of_name, waiting
from baton.domain.records import Lease, Task
from baton.domain.settings import Settings
from baton.domain.statuses import LeaseKind
from baton.domain.usage import NOTHING, added
from baton.engine.glance_lines import (
    blocked_line,
    campaign_line,
    final_counts,
    heartbeat_line,
    running_line,
    spoiled_line,
    waiting_line,
)
from baton.engine.glance_values import BlockedTask, CampaignLine, Running, Spoiled, Waiting
from baton.engine.liveness import Life, life_of
from baton.engine.parking import Parking
from baton.engine.reasons import Reasons, stands
from baton.engine.waiting_units import order_of
from baton.ports import Clock, Damage, SlotState, Store


class Glance:
    """What is gathered while the records go by, each looked at once and dropped: a home may hold very many."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        parking: Parking,
        stop_file: str | None,
        project: str | None = None,
    ) -> None:
        """``project``: only its tasks and campaigns are shown; places in line are the home's all the same."""
        self._store = store
        self._project = project
        self._strange: set[str] = set()
        self._clock = clock
        self._now = clock.now()
        self._settings = settings
        self._campaigns: dict[str, Campaign] = {}
        self._reasons = Reasons(store, clock, settings, parking, stop_file=stop_file, campaigns=self._campaigns)
        self._in_line: list[tuple[str, Waiting]] = []
        self._later: list[Waiting] = []
        self._leased: list[tuple[Task, Lease]] = []
        self._beating: list[Lease] = []
        self.statuses: dict[str, str] = {}
        self.running: list[Running] = []
        self.lost: list[str] = []
        self.blocked: list[BlockedTask] = []
        self.spoiled: list[Spoiled] = []
        self.usage = NOTHING

    # -- records --------------------------------------------------------------------------------------------------

    def read_campaigns(self) -> None:
        """Read every campaign."""
        for campaign in self._store.campaigns.live():
            if isinstance(campaign, Damage):
                self.spoiled.append(spoiled_line(campaign))
            else:
                self._campaigns[campaign.id] = campaign

    def read_projects(self) -> None:
        """Look whether every project can be read."""
        for one in self._store.projects.live():
            if isinstance(one, Damage):
                self.spoiled.append(spoiled_line(one))

    def read_tasks(self) -> None:
        """Read every live task; keep of each only what will be shown."""
        for task in self._store.tasks.live():
            if isinstance(task, Damage):
                self.spoiled.append(spoiled_line(task))
                continue
            if self._project in (None, task.project):
                self.statuses[task.id] = task.status.value
                self.usage = added(self.usage, task.usage)
            else:
                self._strange.add(task.id)
            runs = [lease for lease in task.leases if lease.kind is LeaseKind.RUN]
            self._leased += [(task, lease) for lease in runs]
            if task.blocked is not None and task.id in self._strange:
                continue
            if task.blocked is not None:
                self.blocked.append(blocked_line(task, task.blocked))
            elif not task.is_finished and task.pipeline:
                self._place(task, {lease.unit for lease in runs})

    def read_agents(self) -> None:
        """Read what is kept of agents: a heartbeat that goes on is a run, too."""
        for agent in self._store.agents.live():
            if isinstance(agent, Damage):
                self.spoiled.append(spoiled_line(agent))
            elif agent.lease is not None:
                self._beating.append(agent.lease)

    def _place(self, task: Task, running: set[str]) -> None:
        """Put the units that nobody runs into the line of those that could start, or among those that wait."""
        due = [unit for unit in open_units(task) if unit.key not in running]
        for unit in due:
            reason = self._reasons.standing(task, unit)
            if reason is not None:
                self._later.append(waiting_line(task, unit, reason))
            else:
                entry = next(entry for entry in waiting(task) if unit_of_name(entry.name)[1] == unit.key)
                self._in_line.append((f"{entry.bucket}/{entry.name}", waiting_line(task, unit)))
        if not due and not running:
            reason = self._reasons.standing(task, task.current)
            if reason is not None:
                self._later.append(waiting_line(task, task.current, reason))

    # -- what runs ------------------------------------------------------------------------------------------------

    def join(self, slots: Iterable[SlotState] | None) -> None:
        """Join the runs' leases with their slots; a run whose supervisor is gone waits for the sweep.

        The slots are looked at after the records: whoever holds a lease that was read held a slot before. ``None``:
        they could not be looked at, and nobody is called dead.
        """
        by_number = {slot.number: slot for slot in slots or ()}
        me, monotonic = self._clock.holder(), self._clock.monotonic()
        stale = self._settings.lease.stale_after_seconds
        for lease in self._beating:
            life = life_of(lease, by_number, me, {}, self._now, monotonic, stale)
            if life is not Life.DEAD or slots is None:
                slot = by_number.get(lease.holder.slot) if lease.holder.slot is not None else None
                self.running.append(heartbeat_line(lease, slot if life is Life.ALIVE else None))
            else:
                self.lost.append(f"the heartbeat of {lease.agent} has lost its supervisor; the next sweep ends it")
        for task, lease in self._leased:
            unit = task.unit(lease.unit)
            life = life_of(lease, by_number, me, {}, self._now, monotonic, stale)
            if life is not Life.DEAD or slots is None:
                if task.id in self._strange:
                    continue
                slot = by_number.get(lease.holder.slot) if lease.holder.slot is not None else None
                self.running.append(running_line(task, unit, lease, slot if life is Life.ALIVE else None))
            elif stands(self._store, task):
                self._later.append(waiting_line(task, unit, self._reasons.lost(lease)))

    # -- what waits -----------------------------------------------------------------------------------------------

    def line(self, startable_count: int) -> tuple[list[Waiting], list[Waiting]]:
        """Part what starts next from what waits; ``startable_count``: how many could start now."""
        ready, waits = [], []
        for place, (_, one) in enumerate(sorted(self._in_line, key=lambda pair: pair[0]), 1):
            if one.task in self._strange:
                continue
            reason = self._reasons.in_line(one.task, one.priority, place, startable_count)
            if reason.why is Why.READY:
                ready.append(structs.replace(one, place=reason.place))
            else:
                told = {"why": reason.why.value, "text": reason.text, "place": reason.place, "cure": reason.cure}
                waits.append(structs.replace(one, **told))
        mine = [one for one in self._later if one.task not in self._strange]
        later = sorted(mine, key=lambda one: (_order(one), one.until or "", one.task))
        return ready, sorted([*waits, *later], key=_order)

    # -- campaigns ------------------------------------------------------------------------------------------------

    def campaign_lines(self) -> list[CampaignLine]:
        """Return each campaign with its progress, those that are complete last."""
        archived: set[str] | None = None
        lines = []
        for campaign in self._campaigns.values():
            if self._project not in (None, campaign.project):
                continue
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
        self.usage = added(self.usage, task.usage if task is not None else NOTHING)
        return task.status.value if task is not None else "missing"


def _order(one: Waiting) -> int:
    return order_of(one.why or "")
