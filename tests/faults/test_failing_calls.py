"""ENOSPC, EIO, EROFS, EMFILE at every call that can meet them, once and from there on: said, nothing damaged, all mended.

Replay one: ``BATON_FAULT=fsync-1-EIO scripts/test tests/faults/test_failing_calls.py -k "once and complete"``
(lasting faults end in ``+``).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.deeds import DEEDS
from tests.faults.lab import Bench
from tests.faults.tracing import why_not

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(600)]
LONG = pytest.mark.long
QUICK = {"complete"}


def deeds(quick: set[str]) -> list[object]:
    """All deeds; those that are not tried at each run are marked."""
    return [pytest.param(name, marks=[] if name in quick else [LONG]) for name in DEEDS]


@pytest.mark.parametrize("name", deeds(QUICK))
def test_an_error_met_once_at_any_call_is_said_and_damages_nothing(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, DEEDS[name])
    faults = bench.failures(lasting=False)

    wrong = bench.try_all(faults)

    assert not wrong, "\n".join(wrong)
    print(f"{name}: {len(faults)} errors met once")


@pytest.mark.parametrize("name", deeds(set()))
def test_an_error_that_lasts_from_any_call_on_is_said_and_damages_nothing(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, DEEDS[name])
    faults = bench.failures(lasting=True)

    wrong = bench.try_all(faults)

    assert not wrong, "\n".join(wrong)
    print(f"{name}: {len(faults)} errors that lasted")
