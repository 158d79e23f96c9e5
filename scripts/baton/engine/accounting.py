"""What a run has used, with an estimate where its program told tokens and no money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from baton.domain.usage import NOTHING, UNKNOWN, Amounts, Usage, priced, to_price


class Prices(Protocol):
    """List prices of models; what comes of them is an estimate, and is called one wherever it is shown."""

    def estimate(self, models: Mapping[str, Amounts], at: str) -> dict[str, float]:
        """What each model's tokens cost at this instant, in US dollars; those not known are left out. Never raises."""


def estimated(usage: Usage, prices: Prices, at: str) -> Usage:
    """Return one run's usage; models whose money was not told are estimated by list prices, where there are any."""
    wanted = to_price(usage)
    return priced(usage, prices.estimate(wanted, at)) if wanted else usage


def usage_of_record(record: Mapping[str, Any] | None) -> Usage:
    """Return what a run's record says; of one that was begun and says nothing readable, nothing is known."""
    if record is None:
        return NOTHING
    return usage_in(record) or UNKNOWN


def usage_in(facts: Mapping[str, Any]) -> Usage | None:
    """Return the usage among facts that were stored, of an event or a run's record; ``None`` when it is none of ours."""
    try:
        return msgspec.convert(facts.get("usage", {}), Usage)
    except msgspec.ValidationError:
        return None
