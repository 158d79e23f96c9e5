"""Draws the state machines in docs/DESIGN.md from the tables; ``python -m tests.diagrams --write`` brings it up to date."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from baton.domain.agents import AGENT_TABLE
from baton.domain.campaigns import CAMPAIGN_TABLE
from baton.domain.project_table import PROJECT_TABLE
from baton.domain.tasks import TASK_TABLE
from baton.domain.units import UNIT_TABLE

BEGIN = "<!-- generated: state machines (python -m tests.diagrams --write) -->"
END = "<!-- end of generated part -->"
DESIGN = ROOT / "docs" / "DESIGN.md"


def matrix(title: str, table: dict) -> str:
    """A table of statuses and the commands each allows; statuses with the same row share a line."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for status, commands in table.items():
        names = tuple(sorted(command.__name__ for command in commands))
        rows.setdefault(names, []).append(status.value)
    lines = [f"### {title}", "", "| status | commands that are legal |", "| --- | --- |"]
    lines += [
        f"| {', '.join(statuses)} | {', '.join(f'`{name}`' for name in names) or 'none: terminal'} |"
        for names, statuses in rows.items()
    ]
    return "\n".join(lines)


def generated() -> str:
    """The generated part of the page."""
    parts = [
        "## State machines",
        "What is absent from a row is illegal. Handlers stand beside the tables.",
        matrix("A task", TASK_TABLE),
        matrix("A unit", UNIT_TABLE),
        matrix("A campaign", CAMPAIGN_TABLE),
        matrix("What is kept of an agent", AGENT_TABLE),
        matrix("A project", PROJECT_TABLE),
    ]
    return "\n\n".join(parts)


def with_generated(text: str) -> str:
    """The page with its generated part replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{generated()}\n\n{END}{after}"


if __name__ == "__main__":
    new = with_generated(DESIGN.read_text())
    if "--write" in sys.argv:
        DESIGN.write_text(new)
    else:
        sys.stdout.write(generated() + "\n")
