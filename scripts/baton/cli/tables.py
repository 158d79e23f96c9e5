"""Words in columns, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "none") -> str:
    """Return rows under their heads, each column as wide as it must be; ``empty`` when there are none."""
    cells = [[("" if cell is None else str(cell)).replace("\n", " ") for cell in row] for row in rows]
    return "\n".join(line.rstrip() for line in columns([list(heads), *cells])) if cells else empty


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, each column as wide as it must be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
