"""What runs have used: tokens, and money with where it is known from. What nobody said is ``None``, and never zero.

Money is in three places that are never mixed: ``cost_usd`` was reported by the agent's program, ``list_price_usd`` is an
estimate by list prices, ``unpriced_runs`` counts the runs whose money is not, or not wholly, known. A sum with such runs
is "at least".
"""

# No "from __future__ import annotations": see records.py.
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from msgspec import Struct, structs

Number = int | float

WHOLE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "turns")
COUNTS = (*WHOLE, "cost_usd", "premium_requests", "duration_seconds")
"""The one vocabulary: what a program may tell. Input tokens are those that came neither from nor to a cache."""
TOKENS = WHOLE[:4]
MODELS_LIMIT = 16
NAME_LIMIT = 100
OTHERS = "others"
WHOLE_LIMIT = 10**15
# Up to here a float holds millionths exactly enough that sums do not depend on their order.
LIMIT = 1e9
PLACES = 6


class Amounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Amounts of ``runs`` runs together."""

    runs: int = 0
    unpriced_runs: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    cost_usd: float | None = None
    list_price_usd: float | None = None
    turns: int | None = None
    premium_requests: float | None = None
    duration_seconds: float | None = None

    @property
    def has_tokens(self) -> bool:
        """Tell whether any token is known to have been used."""
        return any(getattr(self, name) for name in TOKENS)


A = TypeVar("A", bound=Amounts)


class Usage(Amounts, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What some runs used, in all and by model. Empty: nothing that could cost has run."""

    models: dict[str, Amounts] = {}


NOTHING = Usage()
UNKNOWN = Usage(runs=1, unpriced_runs=1)
"""A run of which nothing is known."""


def reported(counts: Mapping[str, Number], models: Mapping[str, Mapping[str, Number]], model: str | None) -> Usage:
    """Return what one run used, as its program told it. ``model``: the only one, where the program names none.

    A price of zero for tokens is what programs say that do not know the price: it is unknown.
    """
    named = dict(models) or ({model: counts} if model else {})
    amounts = _amounts(counts)
    parts = {name: _amounts(counts) for name, counts in named.items()}
    costs = [part.cost_usd for part in parts.values()]
    if amounts.cost_usd is None and costs and None not in costs:
        # An empty list of models was none; what all of them cost is what the run cost.
        amounts = structs.replace(amounts, cost_usd=_sum(costs), unpriced_runs=0)
    return Usage(**structs.asdict(amounts), models=_bounded(parts))


def added(one: Usage, other: Usage) -> Usage:
    """Return both together."""
    if other == NOTHING:
        return one
    if one == NOTHING:
        return other
    both = dict(one.models)
    for name, amounts in other.models.items():
        both[name] = _plus(both[name], amounts) if name in both else amounts
    return structs.replace(_plus(one, other), models=_bounded(both))


def total(many: Iterable[Usage]) -> Usage:
    """Return all together."""
    so_far = NOTHING
    for usage in many:
        so_far = added(so_far, usage)
    return so_far


def since(now: Usage, before: Usage, names: Collection[str]) -> Usage:
    """Return what one run used that went on with a session: ``names`` are the counts that its program gives for all of it.

    What the earlier runs did not tell is counted here, so that the sum over the session is right. A count below the
    last one has begun anew.
    """
    models = {name: _less(part, before.models.get(name, Amounts()), names) for name, part in now.models.items()}
    used = {name: part for name, part in models.items() if any(getattr(part, count) for count in COUNTS)}
    return structs.replace(_less(now, before, names), models=used)


def to_price(usage: Usage) -> dict[str, Amounts]:
    """Return the models of one run for which a list price is wanted: their money is not known, and their tokens are.

    Of a run that was cut off often only the input is known: a price for that would be too low, and look like one.
    """
    if not usage.unpriced_runs:
        return {}
    return {
        name: part
        for name, part in usage.models.items()
        if part.cost_usd is None
        and part.input_tokens is not None
        and part.output_tokens is not None
        and part.has_tokens
    }


def priced(usage: Usage, prices: Mapping[str, float]) -> Usage:
    """Return one run's usage with what its models cost by list prices; models without a price stay unknown."""
    if not prices:
        return usage
    models = {
        name: structs.replace(part, list_price_usd=_money(prices[name]), unpriced_runs=0) if name in prices else part
        for name, part in usage.models.items()
    }
    has_unknown = any(part.unpriced_runs and part.has_tokens for part in models.values())
    known = [part.cost_usd for part in models.values() if part.cost_usd is not None]
    return structs.replace(
        usage,
        cost_usd=_sum(known) if known else None,
        list_price_usd=_sum([part.list_price_usd for part in models.values()]),
        unpriced_runs=1 if has_unknown else 0,
        models=models,
    )


# -- parts --------------------------------------------------------------------------------------------------------


def _amounts(counts: Mapping[str, Number]) -> Amounts:
    """Return one run's counts, whole and bounded."""
    found: dict[str, Number] = {name: min(round(counts[name]), WHOLE_LIMIT) for name in WHOLE if name in counts}
    found |= {name: _money(counts[name]) for name in ("premium_requests", "duration_seconds") if name in counts}
    cost = counts.get("cost_usd")
    if cost or (cost is not None and not any(found.get(name) for name in TOKENS)):
        found["cost_usd"] = _money(cost)
    return Amounts(runs=1, unpriced_runs=0 if "cost_usd" in found else 1, **found)  # type: ignore[arg-type]


def _money(value: Number) -> float:
    """Round to millionths; what is more than nothing stays so."""
    return max(round(min(float(value), LIMIT), PLACES), 10.0**-PLACES) if value > 0 else 0.0


def _plus(one: A, other: Amounts) -> A:
    sums = {name: _sum((getattr(one, name), getattr(other, name))) for name in Amounts.__struct_fields__}
    return structs.replace(one, **sums)


def _less(now: A, before: Amounts, names: Collection[str]) -> A:
    return structs.replace(now, **{name: _left(getattr(now, name), getattr(before, name)) for name in names})


def _left(now: Number | None, before: Number | None) -> Number | None:
    return now if now is None or before is None or now < before else round(now - before, PLACES)


def _sum(values: Iterable[Number | None]) -> Number | None:
    """Add what is known; ``None`` when nothing is. Whole numbers stay whole."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if all(isinstance(value, int) for value in known):
        return min(sum(known), WHOLE_LIMIT)
    return round(min(sum(known), LIMIT), PLACES)


def _bounded(models: Mapping[str, Amounts]) -> dict[str, Amounts]:
    """Keep so many models, the first by name, and the rest as one: which are kept must not depend on the order."""
    named: dict[str, Amounts] = {}
    for name, part in models.items():
        short = name[:NAME_LIMIT]
        named[short] = _plus(named[short], part) if short in named else part
    rest = named.pop(OTHERS, None)
    kept = sorted(named)
    for name in kept[MODELS_LIMIT:]:
        rest = named[name] if rest is None else _plus(rest, named[name])
    return {name: named[name] for name in kept[:MODELS_LIMIT]} | ({OTHERS: rest} if rest is not None else {})
