"""What a run, a task or a day has used, in words: money and tokens."""

from __future__ import annotations

from collections.abc import Mapping

TOKENS = {
    "input_tokens": "in",
    "output_tokens": "out",
    "cache_read_tokens": "from cache",
    "cache_creation_tokens": "to cache",
}
# Told in JSON, and no cost.
NOT_SHOWN = ("turns", "duration_seconds")


def amounts(usage: Mapping[str, float] | None) -> str:
    """What was used: money first, tokens together; where nobody said, that is not nothing."""
    if usage is None:
        return "no cost reported"
    money = [_money(value) for name, value in usage.items() if "usd" in name or "cost" in name]
    tokens = [f"{_short(usage[name])} {word}" for name, word in TOKENS.items() if name in usage]
    known = {*TOKENS, *NOT_SHOWN}
    others = [
        f"{_short(value)} {name.replace('_', ' ')}"
        for name, value in usage.items()
        if name not in known and "usd" not in name and "cost" not in name
    ]
    said = [*money, *([f"tokens {', '.join(tokens)}"] if tokens else []), *others]
    return "; ".join(said) or "no cost reported"


def _money(value: float) -> str:
    return f"${value:,.2f}" if value >= 0.01 or not value else f"${value:.4f}"


def _short(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{unit}".replace(".0", "")
    return f"{value:.0f}"
