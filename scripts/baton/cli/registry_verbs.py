"""The verbs of ``agent.py``: looking at the agents of a home, and at what their programs wait for."""

from __future__ import annotations

import click
import msgspec

from baton.cli.caller import person
from baton.cli.configuration import SHIPPED_SKILLS
from baton.cli.placing import agent_status
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.availability import ServiceStatus
from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.harness_names import HARNESSES, is_harness
from baton.domain.ids import check_agent
from baton.store.skills import list_skills


@script("list", "agents", name="list", example="agent.py list")
def list_agents(wiring: Wiring) -> Answer:
    """List the agents this home knows, and the skill folders that are not valid."""
    skills, broken = list_skills(wiring.home.skills, SHIPPED_SKILLS, wiring.home.cache)
    statuses = {skill.name: agent_status(wiring, skill)[0] for skill in skills}
    told: dict[ServiceStatus | None, str] = {
        ServiceStatus.ENABLED: "",
        ServiceStatus.DEGRADED: "degraded",
        ServiceStatus.DISABLED: "disabled",
    }
    data = {
        "agents": [{**msgspec.to_builtins(skill), "service_status": statuses[skill.name]} for skill in skills],
        "broken": [{"name": name, "problem": problem} for name, problem in broken],
    }
    rows = [
        (
            skill.name,
            "shipped" if skill.shipped else "own",
            skill.harness or "default",
            told.get(statuses[skill.name], "unknown services"),
            skill.description[:70],
        )
        for skill in skills
    ]
    rows += [(name, "broken", "", "", problem) for name, problem in broken]
    return Answer(data, table(("agent", "", "harness", "", "description"), rows, empty="No agents."))


@script("show", "agent", name="show", example="agent.py show content-writer", id_option="agent")
@click.argument("agent")
def show_agent(wiring: Wiring, agent: str) -> Answer:
    """Show one agent."""
    skill = wiring.agents.find(check_agent(agent))
    status, missing = agent_status(wiring, skill)
    data = msgspec.to_builtins(skill) | {"service_status": status, "missing_services": msgspec.to_builtins(missing)}
    words = [f"{key:16} {value}" for key, value in data.items() if value not in (None, [], (), "", False)]
    words = [line for line in words if not line.startswith("missing_services ")]
    words += [line for lack in missing for line in (lack.sentence, f"  {lack.cure}")]
    return Answer(data, "\n".join(words))


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
