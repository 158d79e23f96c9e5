"""A scratch home a test; see ``homes``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.homes import ScratchHome, scratch_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    """A home for this test; a process that the test leaves behind fails it."""
    yield from scratch_home(tmp_path / "home")
