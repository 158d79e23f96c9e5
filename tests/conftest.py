"""What holds of every test: when all have run, no process is left in a home of theirs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look once, behind the last test of this process; what is just ending is waited for."""
    base = tmp_path_factory.getbasetemp()
    yield
    end = time.monotonic() + PATIENCE_SECONDS
    while (left := _processes_in(base)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left, "tests have left these processes behind:\n" + "\n".join(left)


def _processes_in(base: Path) -> list[str]:
    """The command lines of the processes whose home lies below this folder."""
    home = f"BATON_HOME={base}/".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()) and any(
                one.startswith(home) for one in (process / "environ").read_bytes().split(b"\0")
            ):
                found.append(f"{process.name}: {(process / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
        except OSError:
            continue
    return found
