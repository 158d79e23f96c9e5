"""The question for a service: beside the acts on tasks, of which it needs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from baton.cli.script import Answer
from baton.cli.wiring import Wiring
from baton.domain.ids import check_id, check_slug
from baton.domain.services import ResolvedService, resolve


def resolve_service(
    wiring: Wiring, capability: str, use_case: str | None, campaign: str | None, task: str | None, *, chain: bool
) -> Answer:
    """Find the best active service for a capability, or the whole fallback chain."""
    found = chain_for(wiring, capability, use_case, orders_for(wiring, campaign, task)[0])
    return Answer(found if chain else found[0])


def chain_for(
    wiring: Wiring, capability: str, use_case: str | None, orders: Mapping[str, Sequence[str]]
) -> list[ResolvedService]:
    """Return the services for a capability in the order in which they are tried."""
    return resolve(
        wiring.services(),
        check_id(capability, "capability"),
        use_case,
        orders.get(capability),
        has_key=lambda name: bool(wiring.config.credential(name)),
    )


def orders_for(
    wiring: Wiring, campaign: str | None, task: str | None
) -> tuple[dict[str, tuple[str, ...]], str | None, str | None]:
    """Return the orders of services that hold, and the campaign and the task that ask for them.

    A task's own come before its campaign's. Inside a run the task is the run's, unless another task or campaign is named.
    """
    if task is None and campaign is None:
        task = wiring.environ.get("BATON_TASK") or None
    orders: dict[str, tuple[str, ...]] = {}
    if task is not None:
        record = wiring.task(check_id(task))
        orders, campaign = record.services, campaign or record.campaign
    if campaign is not None:
        orders = wiring.campaign(check_slug(campaign)).services | orders
    return orders, campaign, task
