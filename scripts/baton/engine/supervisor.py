"""The supervisor: it holds a slot, grants itself a ready unit, runs it, ends it, and goes on with what is ready next.

Whoever will supervise grants. Between runs it looks again at the stop file, the campaign, the number of slots, and
whether its own code has changed. After freeing its slot it looks once more: a unit made ready in between would
otherwise be seen by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from msgspec import structs

from baton.domain.errors import BatonError
from baton.domain.readiness import Entry, Reason, Why
from baton.domain.records import Task
from baton.domain.statuses import FailureKind, Outcome, UnitStatus
from baton.domain.versions import output_of
from baton.engine.accounting import Prices, estimated
from baton.engine.dispatch import dispatch, is_dispatching, startable
from baton.engine.door import Door
from baton.engine.endings import cleared, commit_end, counted_once, end_of, heeded, with_answer
from baton.engine.granting import Granted, Granter
from baton.engine.hangs import limits_for
from baton.engine.inspecting import Inspector
from baton.engine.judging import Watched, not_prepared
from baton.engine.preparation import Preparation
from baton.engine.record_looks import RecordLook
from baton.engine.registering import Registrar
from baton.engine.run import Run, Tree
from baton.engine.run_policies import policy_for
from baton.engine.run_records import run_record
from baton.engine.seat import Seat
from baton.ports import Clock, Launcher, Slot


class Supervisor:
    """Serves one slot. When the code on disk ``has_changed``, ``restart`` replaces the process, keeping the slot."""

    def __init__(
        self,
        door: Door,
        clock: Clock,
        preparation: Preparation,
        launcher: Launcher,
        tree: Tree,
        slot: Slot,
        inspector: Inspector,
        registrar: Registrar,
        *,
        prices: Prices,
        output_exists: Callable[[Task, str], bool],
        has_changed: Callable[[], bool],
        restart: Callable[[Slot], None],
        warn: Callable[[str], None],
    ) -> None:
        self._door = door
        self._store = door.store
        self._config = door.config
        self._clock = clock
        self._preparation = preparation
        self._launcher = launcher
        self._tree = tree
        self._inspector = inspector
        self._registrar = registrar
        self._prices = prices
        self._output_exists = output_exists
        self._has_changed = has_changed
        self._restart = restart
        self._warn = warn
        self._next_beat = 0.0
        self._put_off: Callable[[], None] = lambda: None
        self.seat = Seat(slot, clock, door.store, door.config, tree, dispatch=self._dispatch, warn=warn)
        self._settings = self.seat.settings
        self.granter = Granter(door, clock, self._preparation.skill, self.seat.holder)
        self._parking = self.granter.parking

    # -- serving ------------------------------------------------------------------------------------------------

    def serve(self, granted: Granted | None = None) -> None:
        """Run what is ready, one unit after another, until nothing is; then free the slot, and look once more.

        ``granted`` is a unit to begin with, for a supervisor that has begun already.
        """
        if granted is None:
            self.begin()
        while True:
            granted = granted or self._pick()
            while granted is not None:
                granted = self.carry(granted, goes_on=True)[0]
            self.seat.slot.free()
            # What this round could not grant is left to the next sweep: looking at it again would never end.
            if not self.seat.may_start() or all(one in self.granter.refused for one in self._startable()):
                return
            slot = self._store.slots.take(self._settings().concurrency.agents)
            if slot is None:
                return
            self.seat.slot = slot
            self.begin()

    def serve_one(self, granted: Granted) -> tuple[Task, Watched]:
        """Run exactly this unit, free the slot, and start a supervisor for it if something is ready."""
        watched = self.carry(granted, goes_on=False)[1]
        self.leave()
        task = self._store.tasks.read(granted.task.id)
        assert task is not None
        return task, watched

    def leave(self) -> None:
        """Free the slot, and start a supervisor for it if something is ready."""
        self.seat.slot.free()
        if not self.seat.stop.is_set:
            self._dispatch()

    def begin(self) -> None:
        """Take the seat. Before the first grant."""
        self.seat.begin()

    # -- one run ------------------------------------------------------------------------------------------------

    def carry(self, granted: Granted, *, goes_on: bool) -> tuple[Granted | None, Watched]:
        """Run a granted unit to its end; return the next grant, if this supervisor goes on, and how the run ended."""
        started_at = self._clock.now()
        watched, facts = self._execute(granted)
        self._catch_up()
        watched, session = counted_once(granted, with_answer(granted, watched, facts, self._warn), facts)
        watched = structs.replace(watched, usage=estimated(watched.usage, self._prices, self._clock.now()))
        # Parked before the end is committed: from then on its task is ready, and others would take it.
        is_parked = heeded(self._parking, granted.task.id, granted.lease.run, watched, facts, self._warn)
        unit, lease = granted.unit, granted.lease
        inspected = self._inspector.after_run(granted, watched, lambda: self._is_told_to_stop(granted))
        if inspected is None:
            # What it reported stands, and is worth more than a quick end: the sweep looks for the evidence anew.
            return None, structs.replace(watched, outcome=Outcome.INTERRUPTED, kind=FailureKind.STOPPED)
        watched, missing = inspected
        try:
            best = self.granter.best_rank() if goes_on else None
        except BatonError as error:
            self._warn(f"what is ready cannot be read: {error.message}")
            best, goes_on = None, False  # what would come next must not keep the end back
        settings = self._settings()
        policy = policy_for(unit, self._preparation.skill(lease.agent), settings)
        outputs = self._outputs(granted, watched)
        end = end_of(
            lease,
            watched,
            policy,
            harness=facts.get("harness"),
            session=session,
            outputs=outputs,
            missing=missing,
            resources=() if missing else self._registrar.after_run(granted.task.id, lease, watched, outputs),
            max_revisions=settings.retry.max_revisions,
            is_parked=is_parked,
        )
        if not settings.retry.resume:
            facts = cleared(facts)  # before others may begin with the unit
        # With changed code the end is committed alone: the program that takes over picks for itself.
        may_go_on = goes_on and self._may_go_on() and not self._has_changed()
        may_go_on = may_go_on and is_dispatching(self._store, granted.task.campaign)
        steps: tuple[Any, ...] = (end, lambda task: self.granter.successor(task, best)) if may_go_on else (end,)
        commit = partial(self._door.task, granted.task.id)
        what = f"task '{granted.task.id}'"
        record = commit_end(commit, what, steps, self.seat.stop, lambda: self.seat.beat({}), self._warn)
        if record is not None and record.unit(unit.key).status is UnitStatus.COMPLETED:
            facts = cleared(facts)
        # For people, who are never as quick as the next agent: it need not wait for this.
        self._put_off = partial(self._write_run, granted, started_at, watched, facts, record)
        if record is not None and record.stream is not None:
            self._preparation.telling.settle_quietly(record.id, self._warn)
        mine = [lease for lease in record.leases if lease.holder.instance == self.seat.instance] if record else []
        following = Granted(task=record, lease=mine[-1]) if record is not None and mine else None
        if following is None and goes_on:
            following = self._pick()
        if following is None:
            self._catch_up()
        return following, watched

    def _execute(self, granted: Granted) -> tuple[Watched, dict[str, Any]]:
        """Prepare and run; what cannot be prepared needs a person, and says so at once."""
        task, lease = granted.task, granted.lease
        reason = self._reason_not_to_start(granted)
        if reason is not None:
            return Watched(outcome=Outcome.NEVER_STARTED, message=reason.text), {}
        try:
            campaign = self._store.campaigns.read(task.campaign) if task.campaign is not None else None
            prepared = self._preparation.prepare(task, granted.unit, lease, campaign)
        except (BatonError, OSError) as error:
            return not_prepared(error), {}
        self._write_run(granted, self._clock.now(), None, prepared.facts, None)
        settings = self._settings()
        run = Run(
            prepared,
            lease,
            self._clock,
            self._tree,
            limits=limits_for(
                settings.timeouts, lease.deadline_seconds or 0.0, is_talkative=prepared.harness.is_talkative
            ),
            grace_seconds=settings.timeouts.grace_seconds,
            heartbeat_seconds=settings.lease.heartbeat_seconds,
            look=RecordLook(self._store.tasks, task.id),
            beat=lambda facts: self._tell(granted, facts),
            is_told_to_stop=lambda: self.seat.stop.is_set,
            wake=self.seat.stop.wake,
            slot_fileno=self.seat.slot.fileno,
            begun=self._catch_up,
        )
        watched = run.execute()
        self.seat.beat({})
        return watched, prepared.facts

    def _catch_up(self) -> None:
        """Write what was put off until an agent is at work."""
        put_off, self._put_off = self._put_off, lambda: None
        put_off()

    def _reason_not_to_start(self, granted: Granted) -> Reason | None:
        """Look again, after the grant: a stop or a pause that came in between still counts."""
        if self.seat.stop.is_set:
            return Reason(why=Why.STOPPED, text="the supervisor was told to stop")
        if self._config.is_stopped():
            return Reason(why=Why.STOPPED, text="state/stop exists")
        if not is_dispatching(self._store, granted.task.campaign):
            return Reason(why=Why.CAMPAIGN, text=f"campaign {granted.task.campaign} is not active")
        return self._parking.reason(granted.unit)

    def _outputs(self, granted: Granted, watched: Watched) -> tuple[str, ...]:
        """What a step that completed without a word has left where it should."""
        if watched.outcome is not Outcome.COMPLETED:
            return ()
        output = output_of(granted.task, granted.unit)
        return (output,) if self._output_exists(granted.task, output) else ()

    # -- between runs -------------------------------------------------------------------------------------------

    def _pick(self) -> Granted | None:
        if not self._may_go_on():
            return None
        if self._has_changed():
            self._catch_up()
            self._restart(self.seat.slot)
        return self.granter.pick()

    def _may_go_on(self) -> bool:
        return self.seat.may_start() and self.seat.slot.number < self._settings().concurrency.agents

    def _startable(self) -> Iterator[Entry]:
        return startable(self._store, self._clock, self._parking)

    def _dispatch(self) -> None:
        dispatch(self._store, self._config, self._clock, self._launcher, self._parking, inside_run=False)

    def _tell(self, granted: Granted, facts: dict[str, Any]) -> None:
        """Tell that we live and what we do, and see to free slots."""
        lease = granted.lease
        self.seat.tell({"task": granted.task.id, "unit": lease.unit, "agent": lease.agent, "run": lease.run, **facts})

    def _is_told_to_stop(self, granted: Granted) -> bool:
        """Tell whether to give up looking for evidence; we live meanwhile, and say so."""
        if (now := self._clock.monotonic()) >= self._next_beat:
            self._next_beat = now + self._settings().lease.heartbeat_seconds
            self._tell(granted, {"last_line": "looking for evidence"})
        return self.seat.stop.is_set

    def _write_run(
        self, granted: Granted, started_at: str, watched: Watched | None, facts: dict[str, Any], after: Task | None
    ) -> None:
        task, lease = granted.task, granted.lease
        assert lease.run is not None
        self._store.runs.write(
            task.id, lease.run, run_record(granted, started_at, watched, facts, after, self._clock.now())
        )
