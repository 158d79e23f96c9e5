"""Words in columns, and what was used, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "none") -> str:
    """Return rows under their heads, each column as wide as it must be; ``empty`` when there are none."""
    cells = [[("" if cell is None else str(cell)).replace("\n", " ") for cell in row] for row in rows]
    if not cells:
        return empty
    widths = [max(len(line[column]) for line in [list(heads), *cells]) for column in range(len(heads))]
    lines = [heads, *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def amounts(usage: Mapping[str, float]) -> str:
    """Return what a run or a task has used: money as money, counts with their names."""
    return ", ".join(_amount(name, value) for name, value in usage.items())


def _amount(name: str, value: float) -> str:
    if "usd" in name or "cost" in name:
        return f"${value:,.2f}" if value >= 0.01 or not value else f"${value:.4f}"
    return f"{value:,.0f} {name.replace('_', ' ')}"
