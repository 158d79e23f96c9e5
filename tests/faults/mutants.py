"""The table of mutants, ``mutants.yaml``: what must not be left out, and which test must fail when it is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

TABLE = Path(__file__).with_name("mutants.yaml")


class Mutant(NamedTuple):
    """``text``, found once in ``file`` (below ``scripts/baton``), becomes ``instead``; one of ``tests`` must fail then."""

    file: str
    text: str
    instead: str
    tests: tuple[str, ...]


def mutants() -> dict[str, Mutant]:
    """The table, by kind and name."""
    return {
        f"{kind}: {row['without']}": Mutant(row["file"], row["text"], row.get("instead", ""), tuple(row["fails"]))
        for kind, rows in yaml.safe_load(TABLE.read_text()).items()
        for row in rows
    }


MUTANTS = mutants()
