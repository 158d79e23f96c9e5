"""One heartbeat: a run of an agent without a task, decided, granted, supervised and ended like any other run.

What needs no model is decided before one is called: an agent of the level ``orchestrator`` is run only when there is
something to judge that it was not shown before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct, structs

from baton.domain.agent_commands import BeginHeartbeat, EndHeartbeat, SkipHeartbeat
from baton.domain.agent_records import UNIT, AgentRecord, Cause
from baton.domain.errors import BatonError, NotReady, Stopped
from baton.domain.ids import place_of
from baton.domain.records import Lease, Unit
from baton.domain.schedules import Schedule, parse_schedule
from baton.domain.skills import Skill
from baton.domain.statuses import FailureKind, Outcome
from baton.engine.accounting import Prices, estimated
from baton.engine.door import Door
from baton.engine.endings import cleared, commit_end, heeded
from baton.engine.granting import new_run_id
from baton.engine.hangs import limits_for
from baton.engine.judging import Watched, not_prepared
from baton.engine.matters import FIRST, Matter, told, unjudged
from baton.engine.parking import Parking
from baton.engine.preparation import Preparation
from baton.engine.run import Run, Tree
from baton.engine.run_policies import timeout_for
from baton.engine.run_records import heartbeat_record
from baton.engine.seat import Seat
from baton.ports import Agents, Clock

JUDGES = "orchestrator"


class Sight(Struct, frozen=True, kw_only=True):
    """What an agent is shown of the home: the sweep's report, what needs judgement, what a project lacks."""

    report: dict[str, Any] | None = None
    matters: tuple[Matter, ...] = ()
    backlog: dict[str, Any] | None = None

    def facts(self) -> dict[str, Any]:
        """What stands in the prompt, and in the file beside it."""
        matters = {"matters": told(self.matters[:FIRST]), "matter_count": len(self.matters)}
        return {"report": self.report, "backlog": self.backlog, **matters}


class Begun(Struct, frozen=True, kw_only=True):
    """A heartbeat that was granted."""

    agent: AgentRecord
    lease: Lease
    cause: Cause
    project: str | None
    skill: Skill
    sight: Sight


class Skipped(Struct, frozen=True, kw_only=True):
    """A heartbeat that had nothing to do."""

    reason: str


class Heartbeats:
    """Runs heartbeats for one supervisor; ``look`` shows the home to an agent, for a project or as a whole."""

    def __init__(
        self,
        door: Door,
        clock: Clock,
        agents: Agents,
        preparation: Preparation,
        tree: Tree,
        seat: Seat,
        parking: Parking,
        *,
        prices: Prices,
        look: Callable[[Skill, Cause, str | None], Sight],
        warn: Callable[[str], None],
    ) -> None:
        self._door = door
        self._config = door.config
        self._clock = clock
        self._agents = agents
        self._preparation = preparation
        self._tree = tree
        self._seat = seat
        self._parking = parking
        self._prices = prices
        self._look = look
        self._warn = warn

    def begin(self, agent: str, cause: Cause, project: str | None) -> Begun | Skipped:
        """Grant a heartbeat, unless it is not due, another one goes on, or there is nothing to do.

        Raises ``NotReady`` or ``Stopped`` with the reason, ``AgentNotFound`` for no such agent.
        """
        if self._config.is_stopped():
            raise Stopped()
        skill = self._agents.find(agent)
        unit = Unit(step=None, key=UNIT, agent=agent)
        parked = self._parking.reason(unit)
        if parked is not None:
            raise NotReady(parked.text, cure=parked.cure or "")
        settings = self._seat.settings()
        followed, schedule = settings.heartbeats.agents, None
        if cause is Cause.SCHEDULE:
            schedule = schedule_of(followed[agent], skill) if agent in followed else None
            if schedule is None:
                raise NotReady(f"no heartbeat of {agent} is asked for any more")
        sight = self._look(skill, cause, project)
        before = self._door.store.agents.read(agent)
        reason = nothing_to_do(skill, cause, sight, before)
        if reason is not None:
            self._door.agent(agent, SkipHeartbeat(cause=cause, reason=reason, schedule=schedule))
            return Skipped(reason=reason)
        begin = BeginHeartbeat(
            cause=cause,
            run=new_run_id(self._clock.now()),
            holder=self._seat.holder(),
            deadline_seconds=timeout_for(unit, skill, settings),
            project=project,
            schedule=schedule,
            backoff_seconds=settings.heartbeats.backoff_seconds,
            backoff_max_seconds=settings.heartbeats.backoff_max_seconds,
        )
        record = self._door.agent(agent, begin)
        assert record.lease is not None
        return Begun(agent=record, lease=record.lease, cause=cause, project=project, skill=skill, sight=sight)

    def carry(self, begun: Begun) -> tuple[AgentRecord | None, Watched]:
        """Run a heartbeat to its end; return what is then kept of the agent, and how the run ended."""
        watched, facts = self._execute(begun)
        watched = structs.replace(watched, usage=estimated(watched.usage, self._prices, self._clock.now()))
        heeded(self._parking, None, begun.lease.run, watched, facts, self._warn)
        end = EndHeartbeat(
            token=begun.lease.token,
            run=begun.lease.run or "",
            outcome=watched.outcome,
            kind=watched.kind,
            message=watched.message,
            exit_code=watched.exit_code,
            summary=watched.summary,
            harness=facts.get("harness"),
            usage=watched.usage,
            resets_at=watched.resets_at,
            judged=tuple(matter.key for matter in begun.sight.matters) if begun.skill.level == JUDGES else None,
        )
        facts = cleared(facts)
        commit = partial(self._door.agent, begun.agent.id)
        what = f"agent '{begun.agent.id}'"
        after = commit_end(commit, what, (end,), self._seat.stop, lambda: self._seat.beat({}), self._warn)
        if after is not None:
            self._write_run(after, watched, facts)
        return after, watched

    # -- the run ------------------------------------------------------------------------------------------------

    def _execute(self, begun: Begun) -> tuple[Watched, dict[str, Any]]:
        lease = begun.lease
        if not self._seat.may_start():  # a stop that came between look and grant still counts
            return Watched(outcome=Outcome.NEVER_STARTED, message="stopped before it began"), {}
        try:
            prepared = self._preparation.prepare_heartbeat(lease, begun.project, begun.cause, begun.sight.facts())
        except (BatonError, OSError) as error:
            return not_prepared(error), {}
        self._write_run(begun.agent, None, prepared.facts)
        settings = self._seat.settings()
        mine = {"agent": lease.agent, "run": lease.run}
        watched = Run(
            prepared,
            lease,
            self._clock,
            self._tree,
            limits=limits_for(
                settings.timeouts, lease.deadline_seconds or 0.0, is_talkative=prepared.harness.is_talkative
            ),
            grace_seconds=settings.timeouts.grace_seconds,
            heartbeat_seconds=settings.lease.heartbeat_seconds,
            look=partial(self._changed, lease.agent, [None]),
            beat=lambda facts: self._seat.tell({**mine, **facts}),
            is_told_to_stop=lambda: self._seat.stop.is_set,
            wake=self._seat.stop.wake,
            slot_fileno=self._seat.slot.fileno,
        ).execute()
        self._seat.beat({})
        return well_ended(watched), prepared.facts

    def _changed(self, agent: str, seen: list[Any]) -> AgentRecord | None:
        """The agent's record if it has changed since the last look: the run may have been told to end."""
        sign = self._door.store.agents.modified(agent)
        if sign == seen[0]:
            return None
        try:
            found = self._door.store.agents.read(agent)
        except BatonError:
            return None  # not seen: the next look reads it again
        seen[0] = sign
        return found

    def _write_run(self, agent: AgentRecord, watched: Watched | None, facts: dict[str, Any]) -> None:
        assert agent.beat is not None
        self._door.store.runs.write(place_of(agent.id), agent.beat.run, heartbeat_record(agent, watched, facts))


def schedule_of(said: str | None, skill: Skill) -> Schedule | None:
    """Return when an agent is run: as the settings say, else as its skill does; ``None`` where neither does."""
    text = said or skill.heartbeat
    return parse_schedule(text) if text is not None else None


def nothing_to_do(skill: Skill, cause: Cause, sight: Sight, record: AgentRecord | None) -> str | None:
    """Return why a heartbeat would be for nothing, where that can be told without a model."""
    if cause is Cause.BACKLOG and sight.backlog is not None and not sight.backlog["missing"]:
        return "there is enough to do by now"
    if skill.level != JUDGES:
        return None
    if not sight.matters:
        return "nothing needs judgement"
    if cause is Cause.HAND:
        return None  # who asks by hand wants to hear of the old ones, too
    if not unjudged(sight.matters, record.judged if record is not None else ()):
        return f"nothing new needs judgement; {len(sight.matters)} were shown before"
    return None


def well_ended(watched: Watched) -> Watched:
    """Return the end of a run which has no step to complete: an agent that ended well has done what it could."""
    if watched.outcome is not Outcome.NOT_COMPLETED or watched.kind is not FailureKind.NO_REPORT:
        return watched
    return structs.replace(watched, outcome=Outcome.COMPLETED, kind=None, message="")
