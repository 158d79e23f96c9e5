"""One table for all budgets, printed at the end."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.benchmarks.budgets import Budgets
from tests.engine.homes import ScratchHome, scratch_home

BUDGETS = pytest.StashKey[Budgets]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin a table for the run."""
    config.stash[BUDGETS] = Budgets()


@pytest.fixture
def budgets(request: pytest.FixtureRequest) -> Budgets:
    """What was measured in this run."""
    return request.config.stash[BUDGETS]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    """A home on the disk that tests use, removed at once: some hold a hundred thousand files."""
    yield from scratch_home(tmp_path / "home")
    shutil.rmtree(tmp_path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    found = config.stash[BUDGETS]
    if found.lines:
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        terminalreporter.section("budgets")
        terminalreporter.write_line(found.table())
        terminalreporter.write_line(
            f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}. P: one 'python -c pass' of a lean "
            "virtual environment. x: times the reference."
        )
