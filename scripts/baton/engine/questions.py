"""What an agent without tools is told: all of it in one text, since it can open no file."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from baton.domain.errors import AgentNotFound, InvalidInput
from baton.domain.records import Task, Unit
from baton.domain.skills import Skill
from baton.domain.stream_runs import filled
from baton.engine.job_facts import has_template, made_up_skill
from baton.engine.run_policies import known_skill
from baton.engine.streaming import Telling
from baton.engine.workplaces import Workplaces
from baton.ports import Agents, Harness

# So many characters of files are told in all; what does not fit is named.
MATERIAL_LIMIT = 200_000


def skill_for(task: Task, unit: Unit, agent: str, agents: Agents, folder: str) -> Skill:
    """Return the agent's skill. In a streaming run it may be no more than a name: instructions stand in the step.

    Of a job's type one is made up where there is no folder of its name.
    """
    if task.stream is None:
        try:
            return agents.find(agent)
        except AgentNotFound:
            if unit.job is None or not has_template(agent):
                raise
            return made_up_skill(agent)
    found = known_skill(agents, agent)
    if found is None:
        return Skill(name=agent, description="a prompt", folder=folder, shipped=False)
    return structs.replace(found, completes=None)


def asked_of_run(task: Task, unit: Unit, telling: Telling) -> tuple[str, str]:
    """Return the instructions of a streaming run's step, and what it is given, word for word."""
    assert task.stream is not None
    return filled(unit.instructions, task.stream.variables), telling.input_of(task, unit)


def check_has_tools(harness: Harness, what: str) -> None:
    """Refuse a harness whose agents can do nothing but answer, for ``what`` is done with tools."""
    if harness.prompt != "step":
        raise InvalidInput(
            f"{what} is for looking and doing, and agents of the harness '{harness.name}' have no tools",
            cure="give the agent another harness",
        )


def material_for(task: Task, unit: Unit, workplaces: Workplaces, facts: dict[str, Any]) -> list[dict[str, str | None]]:
    """Return the files that a step works with, by path: what it left itself, what the step before left, the sources."""
    if task.pieces is not None:
        raise InvalidInput(
            "a batch is made of many files, and an agent without tools writes one", cure="generate: per_article"
        )
    previous = facts["previous"]
    paths = [*facts["made"][-1:], *(previous["outputs"] if previous else []), *facts["sources"]]
    left, found = MATERIAL_LIMIT, list[dict[str, str | None]]()
    for path in dict.fromkeys(paths):
        text = workplaces.text(task, path)
        if text is not None and len(text) > left:
            text = None
        left -= len(text or "")
        found.append({"path": path, "text": text})
    return found
