"""Whether agents have the outside services that they declare: what is missing of them, and what follows from it.

An agent's skill says which capabilities it ``requires``, and which it uses when they are there (``optional``). A category
of the registry that is ``required`` is one without which nobody may go who declares it at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from baton.domain.errors import BatonError, ServicesMissing
from baton.domain.services import FILE, Registry, check_order
from baton.domain.skills import Skill


class ServiceStatus(StrEnum):
    """How an agent stands with its services."""

    ENABLED = "enabled"
    DEGRADED = "degraded"
    DISABLED = "disabled"


class Readiness(StrEnum):
    """Whether a campaign can be activated, as far as services go."""

    READY = "ready"
    DEGRADED = "degraded"
    BLOCKED = "blocked"


class Lack(Struct, frozen=True, kw_only=True):
    """A capability that an agent declares and no active service offers."""

    agent: str
    capability: str
    required: bool
    reason: str
    cure: str

    @property
    def sentence(self) -> str:
        """What is missing, in one sentence."""
        if self.required:
            return f"{self.agent} requires the capability '{self.capability}', and {self.reason}"
        return f"{self.agent} works without the capability '{self.capability}': {self.reason}"


def lacks_of(skill: Skill, registry: Registry) -> tuple[Lack, ...]:
    """Return what is missing of the capabilities that an agent declares."""
    found = []
    for capability in dict.fromkeys((*skill.requires, *skill.optional)):
        category = registry.categories.get(capability)
        if category is not None and any(service.active for service in category.services):
            continue
        asleep = [service.name for service in category.services] if category is not None else []
        found.append(
            Lack(
                agent=skill.name,
                capability=capability,
                required=capability in skill.requires or (category is not None and category.required),
                reason="no active service offers it",
                cure=f"switch one on: service.py toggle {asleep[0]} --on" if asleep else f"add a service to {FILE}",
            )
        )
    return tuple(found)


def status_of(lacks: Iterable[Lack]) -> ServiceStatus:
    """Return how an agent stands that lacks these."""
    required = [lack.required for lack in lacks]
    if any(required):
        return ServiceStatus.DISABLED
    return ServiceStatus.DEGRADED if required else ServiceStatus.ENABLED


def refuse_required(lacks: Iterable[Lack]) -> tuple[str, ...]:
    """Refuse where a capability that somebody requires is missing; return the sentences about the others."""
    all_of_them = tuple(lacks)
    for lack in all_of_them:
        if lack.required:
            raise ServicesMissing(lack.sentence, cure=lack.cure, agent=lack.agent, capability=lack.capability)
    return tuple(lack.sentence for lack in all_of_them)


def faults_of_orders(registry: Registry, orders: Mapping[str, Sequence[str]]) -> tuple[BatonError, ...]:
    """Return what is wrong with the orders of services that a campaign or a task asks for."""
    found = []
    for capability, order in orders.items():
        try:
            check_order(registry, capability, order)
        except BatonError as error:
            found.append(error)
    return tuple(found)
