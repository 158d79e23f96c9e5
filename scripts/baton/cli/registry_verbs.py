"""Looking at registries: services, agents."""

from __future__ import annotations

import click
import msgspec

from baton.cli.caller import person
from baton.cli.configuration import SHIPPED_SKILLS
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.harness_names import HARNESSES, is_harness
from baton.domain.ids import check_agent
from baton.store.skills import list_skills


@script("list", "services", name="list", example="service.py list --json")
def list_services(wiring: Wiring) -> Answer:
    """List the services of each category in the order in which they are tried."""
    data = []
    for key, category in sorted(wiring.services().categories.items(), key=lambda item: (item[1].sort_order, item[0])):
        for service in sorted(category.services, key=lambda one: (not one.active, one.priority, one.name)):
            is_set = bool(wiring.config.credential(service.api_key_env)) if service.api_key_env else None
            data.append({"capability": key, **msgspec.to_builtins(service), "key_set": is_set})
    rows = [
        (
            one["capability"],
            one["name"],
            "active" if one["active"] else "off",
            one["priority"],
            {None: "-", True: "set", False: "missing"}[one["key_set"]],
        )
        for one in data
    ]
    heads = ("capability", "service", "", "priority", "key")
    return Answer(data, table(heads, rows, empty=f"No services. Write them to {wiring.home.services_file}."))


@script("list", "agents", name="list", example="agent.py list")
def list_agents(wiring: Wiring) -> Answer:
    """List the agents this home knows, and the skill folders that are not valid."""
    skills, broken = list_skills(wiring.home.skills, SHIPPED_SKILLS, wiring.home.cache)
    data = {
        "agents": [msgspec.to_builtins(skill) for skill in skills],
        "broken": [{"name": name, "problem": problem} for name, problem in broken],
    }
    rows = [
        (skill.name, "shipped" if skill.shipped else "own", skill.harness or "default", skill.description[:70])
        for skill in skills
    ]
    rows += [(name, "broken", "", problem) for name, problem in broken]
    return Answer(data, table(("agent", "", "harness", "description"), rows, empty="No agents."))


@script("show", "agent", name="show", example="agent.py show content-writer", id_option="agent")
@click.argument("agent")
def show_agent(wiring: Wiring, agent: str) -> Answer:
    """Show one agent."""
    skill = wiring.agents.find(check_agent(agent))
    data = msgspec.to_builtins(skill)
    words = [f"{key:16} {value}" for key, value in data.items() if value not in (None, [], (), "", False)]
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
