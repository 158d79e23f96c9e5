"""Fixtures for agents alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.skills.alone import Alone


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    return Alone(tmp_path)
