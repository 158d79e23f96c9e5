"""Why something does not run: what stands in its record, put together with the world around it; the only place for it.

Nothing is locked or written. What the world says is looked at once, when it is first asked for; but nobody is called
dead by slots that were looked at before the record was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import structs

from baton.domain.campaigns import Campaign
from baton.domain.errors import BatonError
from baton.domain.readiness import Reason, Why, held_up_by, namespace_of, not_ready, unit_of_name
from baton.domain.records import Lease, Task, Unit
from baton.domain.settings import Settings
from baton.domain.statuses import LeaseKind
from baton.engine.cures import (
    LOOK,
    QUEUE,
    SWEEP,
    cure_in_record,
    cure_of_campaign,
    cure_of_place,
    cure_of_stop,
    without_branches,
)
from baton.engine.dispatch import startable
from baton.engine.liveness import Life, life_of
from baton.engine.parking import Parking
from baton.engine.turns import active_in
from baton.ports import Clock, SlotState, Store

# What one waits for may be looked at for its own reason; of many, so many.
FOLLOWED = 3


class Reasons:
    """Says for any unit why it does not run. ``stop_file``: the path of the stop file while it exists.

    ``campaigns``: all of them, where the caller has read them; otherwise each is read when it is asked about.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        parking: Parking,
        *,
        stop_file: str | None,
        campaigns: Mapping[str, Campaign] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._now = clock.now()
        self._settings = settings
        self._stop_file = stop_file
        self._all_campaigns = campaigns
        self._campaigns: dict[str, Campaign | None] = {}
        self._dependencies: dict[str, Reason] = {}
        self._slots: list[SlotState] | None = None
        self._has_looked = False
        self._parking = parking.look(settings)
        self._walk = startable(store, clock, parking)
        self._places: dict[tuple[str, str], int] = {}

    def of(self, task: Task, unit: Unit) -> Reason:
        """Return why the unit does not run now; one that could is in the line for a slot, or about to start."""
        reason = self.standing(task, unit)
        return reason or self.in_line(task.id, task.priority, self._place(task, unit), self._startable_count())

    def standing(self, task: Task, unit: Unit, *, follow: bool = True) -> Reason | None:
        """Return why the unit could not run if there were a slot, and no stop; ``None`` when nothing is in its way.

        ``follow``: what it waits for in other units or tasks is told with its own reason, one step far.
        """
        reason = not_ready(task, unit, self._now, self._settings.retry.backoff_max_seconds)
        if reason is None:
            return self._campaign(task.campaign) or self._parking.reason(unit)
        if reason.why is Why.TURN:
            return self._turn(task, unit, reason)
        lease = task.lease_of(unit.key) or (task.lease if unit.step is not None and unit.job is None else None)
        if lease is not None and reason.why in (Why.HELD, Why.ENDING) and self._is_lost(task, lease):
            return self.lost(lease)
        if follow and reason.why is Why.DEPENDENCY:
            return self._following_dependency(task, reason)
        if follow and reason.why is Why.BRANCHES:
            return self._following_branch(task, reason)
        return structs.replace(reason, cure=cure_in_record(task, unit, reason.why))

    def in_line(self, task: str, priority: str | int, place: int | None, startable_count: int) -> Reason:
        """Return the reason of a unit at this place of the line, of which so many could start now.

        ``place`` is ``None`` where the index lacks it: the next sweep puts it there.
        """
        where = "" if place is None else f"; place {place} in line"
        if self._stop_file is not None:
            text, cure = f"state/stop exists{where}", cure_of_stop(self._stop_file)
            return Reason(why=Why.STOPPED, text=text, place=place, cure=cure)
        if place is None or place <= startable_count:
            return Reason(why=Why.READY, text=f"ready: it is started next{where}", place=place, cure=SWEEP)
        place -= startable_count
        text = f"no free slot ({self._settings.concurrency.agents} in all); place {place} in line"
        return Reason(why=Why.NO_SLOT, text=text, place=place, cure=cure_of_place(task, priority))

    def lost(self, lease: Lease) -> Reason:
        """Return the reason of a unit whose run has nobody any more who supervises it."""
        text = f"run {lease.run} of {lease.agent} has lost its supervisor; the next sweep ends it"
        return Reason(why=Why.LOST, text=text, cure=SWEEP)

    # -- the world around ---------------------------------------------------------------------------------------

    def _campaign(self, slug: str | None) -> Reason | None:
        if slug is None:
            return None
        found = self._find_campaign(slug)
        if found is not None and found.is_dispatching:
            return None
        text = f"campaign {slug} cannot be read" if found is None else f"campaign {slug} is {found.status}"
        return Reason(why=Why.CAMPAIGN, text=text, cure=cure_of_campaign(slug, found))

    def _turn(self, task: Task, unit: Unit, reason: Reason) -> Reason | None:
        """Say whose turn it is; ``None`` when it is this one's next."""
        active = active_in(self._store, namespace_of(task))
        if active is not None:
            return structs.replace(reason, text=f"{reason.text}; {active} is active", cure=QUEUE)
        if (parked := self._parking.reason(unit)) is not None or self._place(task, unit) is not None:
            return parked
        return structs.replace(reason, text=f"{reason.text}; another assignment comes first", cure=QUEUE)

    def _find_campaign(self, slug: str) -> Campaign | None:
        if self._all_campaigns is not None:
            return self._all_campaigns.get(slug)
        if slug not in self._campaigns:
            try:
                self._campaigns[slug] = self._store.campaigns.read(slug)
            except BatonError:
                self._campaigns[slug] = None
        return self._campaigns[slug]

    def _startable_count(self) -> int:
        return startable_count(self._look_at_slots() or (), self._settings.concurrency.agents)

    def _place(self, task: Task, unit: Unit) -> int | None:
        key = (task.id, unit.key)
        while key not in self._places:
            entry = next(self._walk, None)
            if entry is None:
                return None
            self._places[unit_of_name(entry.name)] = len(self._places) + 1
        return self._places[key]

    # -- what others wait for -----------------------------------------------------------------------------------

    def _following_dependency(self, task: Task, reason: Reason) -> Reason:
        """Tell of the first dependency that is blocked, else of the first."""
        names = task.unmet[:FOLLOWED]
        found = [(name, self._dependency(name)) for name in names]
        name, its = next((pair for pair in found if pair[1].why is Why.BLOCKED), found[0])
        return structs.replace(reason, text=_followed(reason.text, name, task.unmet, its), cure=its.cure)

    def _dependency(self, name: str) -> Reason:
        if name not in self._dependencies:
            self._dependencies[name] = self._why_unmet(name)
        return self._dependencies[name]

    def _why_unmet(self, name: str) -> Reason:
        tasks = self._store.tasks
        try:
            found = tasks.read(name) if tasks.is_live(name) else None
        except BatonError:
            return Reason(why=Why.DEPENDENCY, text="its record cannot be read", cure=LOOK)
        if found is not None and not found.is_finished:
            ready = Reason(why=Why.READY, text="it could start", cure=SWEEP)
            return self.standing(found, found.current, follow=False) or ready
        if found is None and tasks.is_set_aside(name):
            return Reason(why=Why.DEPENDENCY, text="its record is in quarantine", cure=LOOK)
        return Reason(why=Why.DEPENDENCY, text="it has ended, the next sweep tells it", cure=SWEEP)

    def _following_branch(self, task: Task, reason: Reason) -> Reason:
        missing = held_up_by(task)
        its = self.standing(task, task.branches[missing[0]], follow=False)
        clear = without_branches(task, *missing)
        if its is None:
            return structs.replace(reason, text=f"{reason.text}; {missing[0]} could start", cure=clear)
        return structs.replace(reason, text=_followed(reason.text, missing[0], missing, its), cure=its.cure or clear)

    # -- who is dead --------------------------------------------------------------------------------------------

    def _is_lost(self, task: Task, lease: Lease) -> bool:
        """Tell whether nobody supervises this run any more, and its record still says that it goes on."""
        if lease.kind is not LeaseKind.RUN or not self._seems_dead(lease, self._look_at_slots()):
            return False
        self._has_looked = False  # the record may have been read after them
        return self._seems_dead(lease, self._look_at_slots()) and stands(self._store, task)

    def _seems_dead(self, lease: Lease, slots: Iterable[SlotState] | None) -> bool:
        if slots is None:
            return False
        by_number = {slot.number: slot for slot in slots}
        stale = self._settings.lease.stale_after_seconds
        me, monotonic = self._clock.holder(), self._clock.monotonic()
        return life_of(lease, by_number, me, {}, self._now, monotonic, stale) is Life.DEAD

    def _look_at_slots(self) -> list[SlotState] | None:
        """Return the slots; ``None`` when they cannot be looked at, which proves nothing."""
        if not self._has_looked:
            self._has_looked = True
            try:
                self._slots = self._store.slots.states()
            except (BatonError, OSError):
                self._slots = None
        return self._slots


def startable_count(slots: Iterable[SlotState], limit: int) -> int:
    """Return how many units could start now. A supervisor that is starting holds its slot already, and takes one."""
    slots = list(slots)
    held = sum(slot.held or slot.supervised for slot in slots)
    starting = sum(slot.held and not slot.supervised for slot in slots)
    return max(0, limit - held) + starting


def stands(store: Store, task: Task) -> bool:
    """Tell whether the record is still the one that was read: its run may have ended before we saw the slots."""
    if not store.tasks.is_live(task.id):
        return False
    again = store.tasks.read(task.id)
    return again is not None and again.version == task.version


def _followed(text: str, name: str, names: tuple[str, ...], its: Reason) -> str:
    return f"{text}: {its.text}" if len(names) == 1 else f"{text}; {name}: {its.text}"
