"""Heartbeats that the sweep starts: what is due by its time, and who is asked when a project starves. No model is called.

The sweep only starts supervisors; each looks again under the lock of its agent's record, and begins or leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from baton.domain.agent_commands import FeedProject, SkipHeartbeat
from baton.domain.agent_records import UNIT, AgentRecord, Cause
from baton.domain.agents import asked_until, is_due, rests_until
from baton.domain.errors import BatonError
from baton.domain.readiness import Reason
from baton.domain.records import Unit
from baton.engine.backlogs import Backlog
from baton.engine.findings import Scene
from baton.engine.heartbeats import Sight, nothing_to_do, schedule_of
from baton.engine.matters import Matter
from baton.ports import Launcher, Slots

VAIN = 2


class Due(Struct, frozen=True, kw_only=True):
    """A heartbeat that may begin."""

    agent: str
    cause: Cause
    project: str | None = None

    def words(self) -> tuple[str, ...]:
        """What a supervisor is called with to begin it."""
        more = () if self.project is None else ("--project", self.project)
        return (self.agent, "--heartbeat", "--cause", self.cause.value, *more)


class Pulse(Struct, kw_only=True):
    """What was found due and begun; ``notes`` say what waits, and for what."""

    started: int = 0
    notes: list[str]
    errors: list[str]


def starving_in_vain(scene: Scene) -> dict[str, str]:
    """Return the projects whose agent was asked for more at least twice since they last had enough."""
    refill = {agent.id: agent for agent in scene.heard}.get(scene.settings.heartbeats.refill)
    hungry = refill.hungry if refill is not None else {}
    return {
        project: f"{refill.id if refill is not None else ''} was asked {hunger.count} times in vain"
        for project, hunger in hungry.items()
        if hunger.count >= VAIN
    }


def due_heartbeats(
    scene: Scene, lows: Sequence[Backlog], matters: Sequence[Matter], pulse: Pulse, *, dry_run: bool
) -> list[Due]:
    """Return the heartbeats to begin; those with nothing to do are passed over here, and recorded so."""
    records = {agent.id: agent for agent in scene.heard}
    found = []
    for agent, said in scene.settings.heartbeats.agents.items():
        try:
            one = _scheduled(scene, agent, said, records, matters, pulse, dry_run=dry_run)
        except BatonError as error:
            pulse.errors.append(f"heartbeat of {agent}: {error}")
            continue
        found += [one] if one is not None else []
    try:
        hungry = _hungry(scene, lows, records, pulse)
    except BatonError as error:
        pulse.errors.append(f"heartbeat of {scene.settings.heartbeats.refill}: {error}")
        return found
    # An agent has one heartbeat at a time: what is due besides is due the next time, too.
    return found if hungry is None else [*(one for one in found if one.agent != hungry.agent), hungry]


def not_parked(due: Sequence[Due], parked: Callable[[Unit], Reason | None], pulse: Pulse) -> list[Due]:
    """Return the heartbeats whose harness may be used; of the others it is said why they wait."""
    free = []
    for one in due:
        reason = parked(Unit(step=None, key=UNIT, agent=one.agent))
        if reason is None:
            free.append(one)
        else:
            pulse.notes.append(f"a heartbeat of {one.agent} is due; {reason.text}")
    return free


def feed(scene: Scene, lows: Sequence[Backlog]) -> None:
    """Note which projects have enough to do again, and for which something was made at least."""
    low = {backlog.project for backlog in lows}
    for agent in scene.heard:
        for project, hunger in agent.hungry.items():
            if project not in low:
                scene.door.agent(agent.id, FeedProject(project=project))
            elif any(task.project == project and task.created_at >= hunger.asked_at for task in scene.tasks):
                scene.door.agent(agent.id, FeedProject(project=project, enough=False))


def start(due: Sequence[Due], slots: Slots, launcher: Launcher, limit: int, pulse: Pulse) -> None:
    """Start a supervisor for each, as far as there are slots; the rest is due as long as there is none."""
    for one in due:
        slot = slots.take(limit)
        if slot is None:
            pulse.notes.append(f"a heartbeat of {one.agent} is due; all {limit} slots are in use")
            continue
        try:
            launcher.start(slot, one.words())
        except BaseException:
            slot.free()
            raise
        slot.leave()
        pulse.started += 1
        about = f" for project {one.project}" if one.project is not None else ""
        pulse.notes.append(f"a heartbeat of {one.agent} was started{about}")


def _scheduled(
    scene: Scene,
    agent: str,
    said: str | None,
    records: Mapping[str, AgentRecord],
    matters: Sequence[Matter],
    pulse: Pulse,
    *,
    dry_run: bool,
) -> Due | None:
    record, now = records.get(agent), scene.clock.now()
    if record is not None and record.lease is not None:
        return None
    skill = scene.agents.find(agent)
    schedule = schedule_of(said, skill)
    if schedule is None:
        pulse.errors.append(f"heartbeat of {agent}: neither heartbeats.agents nor its SKILL.md says when")
        return None
    if not is_due(record, schedule, now):
        return None
    if (until := _rests(scene, record, now)) is not None:
        pulse.notes.append(f"heartbeats of {agent} failed; the next one not before {until}")
        return None
    reason = nothing_to_do(skill, Cause.SCHEDULE, Sight(matters=tuple(matters)), record)
    if reason is None:
        return Due(agent=agent, cause=Cause.SCHEDULE)
    if not dry_run:
        scene.door.agent(agent, SkipHeartbeat(cause=Cause.SCHEDULE, reason=reason, schedule=schedule))
    return None


def _hungry(scene: Scene, lows: Sequence[Backlog], records: Mapping[str, AgentRecord], pulse: Pulse) -> Due | None:
    """The first project that starves and whose agent may be asked now."""
    limits = scene.settings.heartbeats
    agent, now = limits.refill, scene.clock.now()
    record = records.get(agent)
    found: Due | None = None
    for low in lows:
        text = f"project {low.project} has {low.have} of {low.want} tasks to begin"
        until = asked_until(record, low.project, now, limits.backoff_seconds, limits.backoff_max_seconds)
        until = until or _rests(scene, record, now)
        if record is not None and record.lease is not None:
            pulse.notes.append(f"{text}; a heartbeat of {agent} goes on")
        elif until is not None:
            pulse.notes.append(f"{text}; {agent} is not asked again before {until}")
        else:
            pulse.notes.append(text)
            if found is None:
                scene.agents.find(agent)
            found = found or Due(agent=agent, cause=Cause.BACKLOG, project=low.project)
    return found


def _rests(scene: Scene, record: AgentRecord | None, now: str) -> str | None:
    limits = scene.settings.heartbeats
    return rests_until(record, now, limits.backoff_seconds, limits.backoff_max_seconds)
