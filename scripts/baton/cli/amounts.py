"""What a run, a task or a day has used, in words: money, with where it is known from, and tokens."""

from __future__ import annotations

from baton.domain.usage import NOTHING, Amounts

TOKENS = {
    "input_tokens": "in",
    "output_tokens": "out",
    "cache_read_tokens": "from cache",
    "cache_creation_tokens": "to cache",
}


def amounts(used: Amounts) -> str:
    """What was used: money first, tokens together; where nobody said, that is not nothing."""
    if used == NOTHING:
        return "no cost reported"
    tokens = [f"{short(value)} {word}" for name, word in TOKENS.items() if (value := getattr(used, name)) is not None]
    said = [money(used), f"tokens {', '.join(tokens)}" if tokens else ""]
    if used.premium_requests:
        said.append(f"{short(used.premium_requests)} premium requests")
    return "; ".join(filter(None, said))


def money(used: Amounts) -> str:
    """The money alone; empty where nothing that could cost has run. Estimates are called so, the unknown is counted."""
    known = [dollars(used.cost_usd)] if used.cost_usd is not None else []
    if used.list_price_usd is not None:
        known.append(f"about {dollars(used.list_price_usd)} by list prices")
    if not used.unpriced_runs:
        return " and ".join(known)
    runs = "1 run" if used.unpriced_runs == 1 else f"{used.unpriced_runs} runs"
    return f"{' and '.join(known)} at least, {runs} of unknown cost" if known else f"{runs} of unknown cost"


def dollars(value: float) -> str:
    """An amount; of less than a cent as much as can be seen."""
    if value >= 0.01 or not value:
        return f"${value:,.2f}"
    return f"${value:.4f}" if value >= 0.0001 else "less than $0.0001"


def short(value: float) -> str:
    """A number with three or so figures."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{unit}".replace(".0", "")
    return f"{value:.0f}"
