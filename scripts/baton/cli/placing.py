"""Whether agents can be placed: the order they work in, the services they need; of a template, and of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins

from baton.cli.wiring import Wiring
from baton.domain.availability import (
    Lack,
    Readiness,
    ServiceStatus,
    faults_of_orders,
    lacks_of,
    refuse_required,
    status_of,
)
from baton.domain.campaigns import Campaign
from baton.domain.errors import BatonError, InvalidWord
from baton.domain.ids import check_id
from baton.domain.lineups import agents_of, check_lineup
from baton.domain.pipelines import Template, branches_of, units_of
from baton.domain.services import check_order
from baton.domain.skills import Skill
from baton.engine.run_skills import further_skills
from baton.store.skills import script_path


def check_placed(wiring: Wiring, template: Template) -> tuple[str, ...]:
    """Refuse a template whose agents cannot work in its order, or without a service they require; return warnings.

    An agent that is missing or broken is said when a campaign is activated.
    """
    skills: dict[str, Skill] = {}
    for agent in agents_of(template):
        try:
            skills[agent] = wiring.agents.find(agent)
        except BatonError:
            continue
    warnings = check_lineup(template, {agent: skill.role for agent, skill in skills.items()})
    return (*warnings, *refuse_required(lack for skill in skills.values() for lack in lacks(wiring, skill)))


def lacks(wiring: Wiring, skill: Skill) -> tuple[Lack, ...]:
    """Return the services that an agent declares and this home has not."""
    return lacks_of(skill, wiring.services()) if skill.requires or skill.optional else ()


class Preflight(Struct, kw_only=True):
    """What stands in the way of a campaign (``faults``), and what its agents will do without (``missing``)."""

    faults: list[BatonError]
    missing: dict[str, tuple[Lack, ...]]

    @property
    def status(self) -> Readiness:
        """Whether it can be activated."""
        if self.faults:
            return Readiness.BLOCKED
        return Readiness.DEGRADED if any(self.missing.values()) else Readiness.READY

    def warnings(self) -> list[str]:
        """Return what agents will do without, in sentences."""
        return [lack.sentence for lacks in self.missing.values() for lack in lacks if not lack.required]

    def as_json(self) -> dict[str, Any]:
        """The answer of ``campaign.py preflight``, but for the campaign's slug."""
        agents = [
            {"agent": agent, "service_status": status_of(lacks), "missing": to_builtins(lacks)}
            for agent, lacks in self.missing.items()
        ]
        problems = [
            {"code": fault.code, "message": fault.message} | ({"cure": fault.cure} if fault.cure else {})
            for fault in self.faults
        ]
        return {"status": self.status, "agents": agents, "problems": problems, "warnings": self.warnings()}


def preflight(wiring: Wiring, campaign: Campaign) -> Preflight:
    """Look at every agent of a campaign's line and branches, and at the orders of services that it asks for.

    Settings that cannot be read are refused; everything else is gathered.
    """
    found = Preflight(faults=[], missing={})
    settings = wiring.config.settings()
    branches = branches_of(campaign.snapshot, campaign.deliverables).values()
    for unit in (*units_of(campaign.snapshot.main_steps), *branches):
        if unit.agent is None:
            continue
        try:
            skill = wiring.agents.find(unit.agent)
            if (unit.harness or skill.harness or settings.harness.default) == "script":
                script_path(skill)
            further_skills(wiring.agents, skill, unit, campaign, settings)
            if unit.agent not in found.missing:
                found.missing[unit.agent] = lacks(wiring, skill)
                refuse_required(found.missing[unit.agent])
        except BatonError as error:
            if error.message not in [fault.message for fault in found.faults]:
                found.faults.append(error)
    found.faults += faults_of_services(wiring, campaign.services)
    return found


def faults_of_services(wiring: Wiring, orders: Mapping[str, Sequence[str]]) -> tuple[BatonError, ...]:
    """Return what is wrong with the orders of services that somebody asks for; a registry that cannot be read, too."""
    try:
        return faults_of_orders(wiring.services(), orders) if orders else ()
    except BatonError as error:
        return (error,)


def with_orders(
    wiring: Wiring, orders: Mapping[str, Sequence[str]], words: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return orders of services with those on the command line put in; refuse what could not be followed."""
    found = {capability: tuple(order) for capability, order in orders.items()}
    for word in words:
        capability, equals, names = word.partition("=")
        if not equals:
            raise InvalidWord(f"--services {word!r} is not CAPABILITY=NAME,NAME", cure="see --help")
        order = tuple(name.strip() for name in names.split(",") if name.strip())
        found.pop(check_id(capability.strip(), "capability"), None)
        if order:
            check_order(wiring.services(), capability.strip(), order)
            found[capability.strip()] = order
    return found


def agent_status(wiring: Wiring, skill: Skill) -> tuple[ServiceStatus | None, tuple[Lack, ...]]:
    """Return how an agent stands with its services; ``None`` where the registry cannot be read."""
    try:
        missing = lacks(wiring, skill)
    except BatonError:
        return None, ()
    return status_of(missing), missing
