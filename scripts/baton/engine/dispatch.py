"""Dispatch: who may start now, and supervisors for free slots. Never a grant: whoever supervises grants itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from baton.domain.errors import BatonError
from baton.domain.parking import reason_of
from baton.domain.readiness import Entry, Reason, Why, is_branch, namespace_of_group, unit_of_name
from baton.domain.times import epoch
from baton.engine.parking import Parking
from baton.engine.turns import active_in, one_a_namespace
from baton.ports import Clock, Config, Launcher, Store


class Dispatched(Struct, frozen=True, kw_only=True):
    """How many supervisors were started, for how many branches among what is ready, and why not more."""

    started: int
    branches: int = 0
    reason: Reason | None = None


def startable(store: Store, clock: Clock, parking: Parking) -> Iterator[Entry]:
    """The due entries that may be started, most urgent first.

    Groups of paused campaigns, of parked harnesses and of namespaces in which an assignment is active are passed over
    unread.
    """
    active: dict[str, bool] = {"-": True}
    groups = []
    free: dict[str, bool] = {}
    for group in store.ready.groups():
        if (namespace := namespace_of_group(group)) is not None:
            if namespace not in free:
                free[namespace] = active_in(store, namespace) is None
            if free[namespace]:
                groups.append(group)
            continue
        campaign = group.split("~", 1)[0]
        if campaign not in active:
            active[campaign] = is_dispatching(store, campaign)
        if active[campaign]:
            groups.append(group)
    found = store.ready.first(parking.free_groups(groups), epoch(clock.now()))
    return one_a_namespace(found) if any(free.values()) else found


def is_dispatching(store: Store, campaign: str | None) -> bool:
    """Tell whether tasks of this campaign (``None``: of no campaign) may be started; not when it cannot be read."""
    if campaign is None:
        return True
    try:
        found = store.campaigns.read(campaign)
    except BatonError:
        return False
    return found is not None and found.is_dispatching


def dispatch(
    store: Store, config: Config, clock: Clock, launcher: Launcher, parking: Parking, *, inside_run: bool
) -> Dispatched:
    """Start a supervisor for each free slot that a ready unit could use.

    Inside a run nothing is started: a supervisor born there would live in that run's tree; the run's own supervisor
    looks at its next beat. Supervisors that are just starting count as serving one ready unit each.
    """
    if inside_run:
        return Dispatched(started=0, reason=Reason(why=Why.INSIDE_RUN, text="the run's own supervisor will start it"))
    if config.is_stopped():
        return Dispatched(started=0, reason=Reason(why=Why.STOPPED, text="state/stop exists"))
    limit = config.settings().concurrency.agents
    # A unit for each supervisor that is starting and for each free slot is all that matters.
    ready = list(islice(startable(store, clock, parking), 2 * limit))
    if not ready:
        return Dispatched(started=0, reason=_reason(parking))
    # Who holds a slot without supervising it is starting, unless a run is named there: then it is an orphan.
    starting = sum(slot.held and not slot.supervised and "run" not in slot.facts for slot in store.slots.states())
    reason = None
    started = 0
    while starting + started < len(ready):
        slot = store.slots.take(limit)
        if slot is None:
            reason = Reason(why=Why.NO_SLOT, text=f"all {limit} slots are in use")
            break
        try:
            launcher.start(slot)
        except BaseException:
            slot.free()
            raise
        slot.leave()
        started += 1
    served = ready[starting : starting + started]
    branches = sum(is_branch(unit_of_name(entry.name)[1]) for entry in served)
    return Dispatched(started=started, branches=branches, reason=reason)


def _reason(parking: Parking) -> Reason:
    parked = sorted(parking.now().values(), key=lambda one: one.harness)
    text = "; ".join(["nothing is ready", *(reason_of(one).text for one in parked)])
    return Reason(why=Why.NOTHING_READY, text=text)
