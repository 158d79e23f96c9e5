"""Homes for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.homes import Home
from tests.cli.patients import well_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home in which nothing is started."""
    return Home(tmp_path / "home")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Home]:
    """A home in which supervisors are started; when the test is over, none is left."""
    home = Home(tmp_path / "home")
    home.wake()
    yield home
    home.settle()


@pytest.fixture
def well(home: Home, tmp_path: Path) -> Iterator[Home]:
    """A home at which doctor finds nothing."""
    with well_home(home, tmp_path) as found:
        yield found
