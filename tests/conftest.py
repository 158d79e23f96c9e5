"""What holds of every test: when all have run, no process is left in a home of theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.processes import processes_below

PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look once, behind the last test of this process; what is just ending is waited for."""
    base = tmp_path_factory.getbasetemp()
    yield
    end = time.monotonic() + PATIENCE_SECONDS
    while (left := processes_below(base)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left, "tests have left these processes behind:\n" + "\n".join(left)
