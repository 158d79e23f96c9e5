"""Words in columns, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


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
