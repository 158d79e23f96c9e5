"""The question for a service: beside the acts on tasks, of which it needs nothing."""

from __future__ import annotations

from baton.cli.script import Answer
from baton.cli.wiring import Wiring
from baton.domain.ids import check_id, check_slug
from baton.domain.services import resolve


def resolve_service(
    wiring: Wiring, capability: str, use_case: str | None, campaign: str | None, *, chain: bool
) -> Answer:
    """Find the best active service for a capability, or the whole fallback chain."""
    check_id(capability, "capability")
    order = wiring.campaign(check_slug(campaign)).services.get(capability) if campaign is not None else None
    found = resolve(
        wiring.services(),
        capability,
        use_case,
        order,
        has_key=lambda name: bool(wiring.config.credential(name)),
    )
    return Answer(found if chain else found[0])
