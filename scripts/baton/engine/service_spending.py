"""What calls of services have cost, service by service: beside what runs used, and never a part of it.

A run's program knows nothing of what a service cost, so nothing is counted twice. As with runs, money is in three places:
reported by the service, by the registry's price, and the number of calls of which nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, structs

from baton.domain.service_calls import AttemptStatus

PLACES = 6


class ServiceRow(Struct, frozen=True, kw_only=True):
    """The calls of one service, by how they ended, and their money in US dollars."""

    service: str
    calls: int = 0
    statuses: dict[str, int] = {}
    duration_seconds: float = 0.0
    cost_usd: float | None = None
    list_price_usd: float | None = None
    unpriced_calls: int = 0


def service_costs(events: Iterable[Mapping[str, Any]], since: str) -> list[ServiceRow]:
    """Read the attempts in the log and return a row for each service, by name. ``since``: an instant."""
    rows: dict[str, ServiceRow] = {}
    for event in events:
        data = event.get("data")
        if not isinstance(data, Mapping) or str(event.get("at")) < since:
            continue
        name = str(data.get("service"))
        rows[name] = _with(rows.get(name, ServiceRow(service=name)), data)
    return [rows[name] for name in sorted(rows)]


def _with(row: ServiceRow, data: Mapping[str, Any]) -> ServiceRow:
    status = str(data.get("status"))
    counted = row.statuses | {status: row.statuses.get(status, 0) + 1}
    cost, price = _number(data.get("cost_usd")), _number(data.get("list_price_usd"))
    return structs.replace(
        row,
        calls=row.calls + 1,
        statuses={one.value: counted[one.value] for one in AttemptStatus if one.value in counted},
        duration_seconds=round(row.duration_seconds + (_number(data.get("duration_seconds")) or 0.0), 3),
        cost_usd=_sum(row.cost_usd, cost),
        list_price_usd=_sum(row.list_price_usd, price),
        unpriced_calls=row.unpriced_calls + (cost is None and price is None),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _sum(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return round(sum(known), PLACES) if known else None
