"""A fault within the recovery from a fault: a deed is killed, then the sweep that mends it is killed, or meets an error.

Which pairs are tried is drawn by lot; ``BATON_FAULT_SEED`` draws the same again, ``BATON_FAULT`` tries one alone.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.cli.homes import Home
from tests.faults.arrangements import Arrange
from tests.faults.deeds import DEEDS, SWEEP, Deed, killed
from tests.faults.lab import Bench
from tests.faults.tracing import why_not

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(600)]
SEED = int(os.environ.get("BATON_FAULT_SEED") or random.randrange(1_000_000))
FEW, MANY = (2, 6), (12, 12)  # first faults, and second ones for each


def stopped(arrange: Arrange) -> Arrange:
    """The same, with nothing started any more: what a sweep starts goes on by itself, and is no repair."""

    def arranged(home: Home) -> None:
        arrange(home)
        home.stop()

    return arranged


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        pytest.param("dependency-met", FEW),
        *(
            pytest.param(name, MANY, marks=pytest.mark.long)
            for name in ("dependency-met", "close-campaign", "activate", "run")
        ),
    ],
)
def test_a_fault_within_the_recovery_from_a_fault_loses_nothing(
    tmp_path: Path, name: str, counts: tuple[int, int]
) -> None:
    print(f"BATON_FAULT_SEED={SEED}")
    chance = random.Random(f"{SEED} {name}")
    deed = DEEDS[name]
    points = Bench(tmp_path / "first", deed).points
    wrong = []
    for number, first in enumerate(chance.sample(points, counts[0])):
        left = killed(deed, lambda call, first=first: (call.name, call.text) == (first.name, first.text))
        bench = Bench(tmp_path / str(number), Deed(stopped(left), SWEEP, commits=5))
        faults = [*bench.kills(), *bench.failures(lasting=False), *bench.failures(lasting=True)]

        said = bench.try_all(chance.sample(faults, counts[1]))

        wrong += [f"BATON_FAULT_SEED={SEED}, after {first.name}-{first.number}: {one}" for one in said]
    assert not wrong, "\n".join(wrong)
