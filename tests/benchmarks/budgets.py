"""The budgets, and what was measured against them: a must that is missed fails, a goal that is missed is only shown.

Every figure but bytes is a ratio to a reference that was measured in the same run, both sides in turn: milliseconds
differ from machine to machine and from minute to minute, ratios hardly.
"""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """A line of the table: ``most`` and ``goal`` are upper limits, or lower ones where ``at_least``."""

    budget: int
    what: str
    figure: float
    unit: str
    must: float
    goal: float | None
    at_least: bool
    detail: str

    def meets(self, limit: float) -> bool:
        """Tell whether the figure keeps a limit."""
        return self.figure >= limit if self.at_least else self.figure <= limit

    @property
    def verdict(self) -> str:
        """What the table says of it."""
        if not self.meets(self.must):
            return "MUST MISSED"
        return "ok" if self.goal is None or self.meets(self.goal) else "goal missed"


class Budgets:
    """What was measured in this run."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.notes: list[str] = []

    def judge(
        self,
        budget: int,
        what: str,
        figure: float,
        unit: str,
        *,
        must: float,
        goal: float | None = None,
        at_least: bool = False,
        detail: str = "",
    ) -> None:
        """Note a figure; fail when its must is missed."""
        line = Line(budget, what, figure, unit, must, goal, at_least, detail)
        self.lines.append(line)
        assert line.meets(must), f"budget {budget}, {what}: {figure:.3g} {unit}, the must is {must:g} {unit}; {detail}"

    def note(self, text: str) -> None:
        """Leave a sentence below the table."""
        self.notes.append(text)

    def table(self) -> str:
        """The table, in the order of the budgets."""
        head = ("#", "what", "must", "goal", "measured", "", "how")
        rows = [head, *(self._row(line) for line in sorted(self.lines, key=lambda line: line.budget))]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([text[0], "-" * max(map(len, text)), *text[1:], "", *self.notes])

    def _row(self, line: Line) -> tuple[str, ...]:
        sign = ">=" if line.at_least else "<="
        limits = [f"{sign} {limit:g} {line.unit}" if limit is not None else "" for limit in (line.must, line.goal)]
        return (
            str(line.budget),
            line.what,
            *limits,
            f"{line.figure:.3g} {line.unit}",
            line.verdict,
            line.detail,
        )
