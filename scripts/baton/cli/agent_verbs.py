"""Looking at agents: what their skills say, how they stand, what they have done; their heartbeats, begun and ended."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from baton.cli.amounts import money
from baton.cli.caller import check_said, person
from baton.cli.configuration import SHIPPED_SKILLS
from baton.cli.placing import agent_status
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.agent_commands import HearFrom, RevokeHeartbeat
from baton.domain.agent_records import UNIT, AgentRecord
from baton.domain.availability import ServiceStatus
from baton.domain.errors import BatonError, InvalidInput, InvalidWord
from baton.domain.harness_names import HARNESSES, is_harness
from baton.domain.ids import check_agent
from baton.domain.news import last_line
from baton.domain.records import Task, Unit
from baton.domain.settings import Settings
from baton.domain.skills import Skill
from baton.domain.usage import Usage
from baton.engine.agent_stats import Standing, Stats, standing_of, stats_of
from baton.ports import Damage
from baton.store.skills import list_skills

NOTE_LIMIT = 500


@script("list", "agents", name="list", example="agent.py list\nagent.py list --json")
def list_agents(wiring: Wiring) -> Answer:
    """List the agents this home knows: how they stand, what they have done; and the skill folders that are not valid."""
    skills, broken = list_skills(wiring.home.skills, SHIPPED_SKILLS, wiring.home.cache)
    gathered = _Gathered(wiring)
    data = {
        "agents": [gathered.of(skill) for skill in skills],
        "broken": [{"name": name, "problem": problem} for name, problem in broken],
    }
    rows = [_row(one) for one in data["agents"]]
    rows += [(name, "broken", "", "", "", "", "", problem) for name, problem in broken]
    heads = ("agent", "", "level", "status", "harness", "steps", "success", "description")
    return Answer(data, table(heads, rows, empty="No agents."))


@script("show", "agent", name="show", example="agent.py show content-writer", id_option="agent")
@click.argument("agent")
def show_agent(wiring: Wiring, agent: str) -> Answer:
    """Show one agent: its skill, how it stands, what it has done, its last heartbeat."""
    skill = wiring.agents.find(check_agent(agent))
    data = _Gathered(wiring).of(skill)
    parts = ("stats", "last_run", "missing_services")
    words = [f"{key:16} {value}" for key, value in data.items() if key not in parts and not _is_empty(value)]
    words += [f"{key:16} {value}" for key, value in _told(data["stats"]).items()]
    if data["last_run"] is not None:
        last = data["last_run"]
        said = last["summary"] or last_line(last["message"])
        end = f"{last['outcome']} at {last['ended_at']}" if last["outcome"] else "goes on"
        words.append(
            f"{'last heartbeat':16} begun {last['begun_at']} ({last['cause']}); {end}" + (f": {said}" if said else "")
        )
    for lack in data["missing_services"]:
        need = "required" if lack["required"] else "optional"
        words += [f"{'missing':16} {lack['capability']} ({need}): {lack['reason']}", f"{'':16} {lack['cure']}"]
    return Answer(data, "\n".join(words))


@script(
    "record", "heartbeat of agent", name="heartbeat", example="agent.py heartbeat content-writer", id_option="agent"
)
@click.argument("agent", required=False)
@click.option("--note", metavar="TEXT", help="What it is doing, in a sentence.")
def heartbeat(wiring: Wiring, agent: str | None, note: str | None) -> Answer:
    """Note that AGENT is there (by default the one that calls), and say when it was last heard of before.

    Nothing is run: invoke_agent.py AGENT --heartbeat does that.
    """
    name = agent or wiring.environ.get("BATON_AGENT")
    if not name:
        raise InvalidWord("no agent is named", cure="name one, or set BATON_AGENT")
    skill = wiring.agents.find(check_agent(name))
    if note is not None and len(check_said("--note", note)) > NOTE_LIMIT:
        raise InvalidWord(f"--note has {len(note)} characters, {NOTE_LIMIT} are allowed", cure="say it in a sentence")
    before = _Gathered(wiring).standing(skill)
    record = wiring.door.agent(name, HearFrom(by=person(wiring.environ), note=note))
    data = {
        "agent": name,
        "status": "idle" if before.status == "offline" else before.status,
        "last_heartbeat": record.heard_at,
        "before": before.last_heartbeat,
    }
    return Answer(data, f"{name} is there; last heard of before: {before.last_heartbeat or 'never'}.")


@script("end", "heartbeat of agent", name="stop", example="agent.py stop orchestrator --reason 'looks too long'")
@click.argument("agent")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the log.")
def stop(wiring: Wiring, agent: str, reason: str) -> Answer:
    """End the heartbeat of AGENT that goes on. Runs for tasks are ended by release_lock.py TASK --force."""
    record = wiring.store.agents.read(check_agent(agent))
    if record is None or record.lease is None:
        raise InvalidInput("no heartbeat of it goes on", cure="status.py shows what runs")
    by = person(wiring.environ)
    wiring.door.agent(agent, RevokeHeartbeat(by=by, reason=reason))
    return Answer(
        {"agent": agent, "run": record.lease.run, "revoked": True}, f"The heartbeat of {agent} is being ended."
    )


@script("unpark", "harness", name="unpark", example="agent.py unpark claude", id_option="harness")
@click.argument("harness")
def unpark(wiring: Wiring, harness: str) -> Answer:
    """Let a parked harness be used again: its login, its credit or whatever else was wrong is mended."""
    if not is_harness(harness):
        raise InvalidWord(f"there is no harness '{harness}'", cure=f"choose from {', '.join(HARNESSES)}")
    if not wiring.parking.free(harness, person(wiring.environ)):
        raise InvalidInput("it is not parked", cure="status.py says which are")
    started = wiring.dispatch_quietly()
    return Answer({"unparked": harness, "dispatched": started}, f"Harness {harness} is used again.")


class _Gathered:
    """What is known of all agents, read once."""

    def __init__(self, wiring: Wiring) -> None:
        store = wiring.store
        self._wiring = wiring
        self._now = wiring.clock.now()
        self._settings = _settings_of(wiring)
        self._parked = wiring.parking.look(self._settings)
        self._stats = stats_of(store.log)
        self._tasks = [task for task in store.tasks.live() if isinstance(task, Task)]
        self._records = {one.id: one for one in store.agents.live() if not isinstance(one, Damage)}

    def standing(self, skill: Skill) -> Standing:
        """How an agent stands."""
        parked = self._parked.reason(Unit(step=None, key=UNIT, agent=skill.name))
        stats, record = self._stats.get(skill.name), self._records.get(skill.name)
        return standing_of(skill.name, self._tasks, record, stats, parked, self._now)

    def of(self, skill: Skill) -> dict[str, Any]:
        """An agent, as ``--json`` tells it."""
        standing, record = self.standing(skill), self._records.get(skill.name)
        stats = msgspec.to_builtins(self._stats.get(skill.name, Stats()))
        del stats["heard_at"]
        followed = self._settings.heartbeats.agents
        return {
            **msgspec.to_builtins(skill),
            "heartbeat": followed.get(skill.name) or skill.heartbeat,
            "is_run_by_itself": skill.name in followed,
            "status": standing.status,
            "status_reason": standing.reason,
            "last_heartbeat": standing.last_heartbeat,
            "note": record.note if record is not None else None,
            "stats": stats,
            "last_run": _last_run(record),
            **_services(self._wiring, skill),
        }


def _settings_of(wiring: Wiring) -> Settings:
    """The settings; the defaults where the file is broken: who looks at agents may be looking for the reason."""
    try:
        return wiring.config.settings()
    except BatonError:
        return Settings()


def _last_run(record: AgentRecord | None) -> dict[str, Any] | None:
    return msgspec.to_builtins(record.beat) if record is not None and record.beat is not None else None


def _services(wiring: Wiring, skill: Skill) -> dict[str, Any]:
    """How an agent stands with the services that it declares; null where the registry cannot be read."""
    status, missing = agent_status(wiring, skill)
    return {"service_status": status, "missing_services": msgspec.to_builtins(missing)}


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    rate = one["stats"]["success_rate"]
    return (
        one["name"],
        "shipped" if one["shipped"] else "own",
        one["level"] or "-",
        _standing(one),
        one["harness"] or "default",
        one["stats"]["steps_completed"],
        "-" if rate is None else f"{100 * rate:.0f} %",
        one["description"][:70],
    )


def _standing(one: dict[str, Any]) -> str:
    known = {None: ", services unknown", ServiceStatus.ENABLED: ""}
    status: str = one["status"]
    return status + known.get(one["service_status"], f", {one['service_status']}")


def _told(stats: dict[str, Any]) -> dict[str, str]:
    """The figures of one agent, for people; those that nobody knows are left out."""
    rate, quality, seconds = stats["success_rate"], stats["average_quality"], stats["average_seconds"]
    used = money(msgspec.convert(stats["usage"], Usage))
    ended = f"{stats['succeeded']} did their work, {stats['failed']} failed"
    found = {
        "runs": f"{stats['runs']} ({ended}), {stats['heartbeats']} of them heartbeats" if stats["runs"] else "",
        "success rate": "" if rate is None else f"{100 * rate:.0f} %",
        "completed": f"{stats['steps_completed']} steps of {stats['tasks_completed']} tasks"
        if stats["tasks_completed"]
        else "",
        "average quality": "" if quality is None else f"{quality:g}",
        "average time": "" if seconds is None else f"{seconds:.1f} s",
        "cost": used,
    }
    return {key: value for key, value in found.items() if value}


def _is_empty(value: Any) -> bool:
    return value in (None, [], (), "", False)
