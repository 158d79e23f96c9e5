"""SIGKILL at every call that changes something, in every deed: old or new, no lock held, and a sweep mends the rest.

Replay one point: ``BATON_FAULT=rename-1 scripts/test tests/faults/test_kill_points.py -k "killed and complete"``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.homes import Home
from tests.faults.arrangements import SETTINGS, parts
from tests.faults.deeds import DEEDS
from tests.faults.lab import Bench
from tests.faults.tracing import why_not

from baton.cli.sweeping import scene_of
from baton.engine.repairs import REPAIRS

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
LONG = pytest.mark.long
NAMES = [pytest.param(name, marks=[] if deed.main else [LONG]) for name, deed in DEEDS.items()]


@pytest.mark.parametrize("name", NAMES)
def test_a_deed_killed_at_any_call_leaves_the_old_or_the_new_and_a_sweep_mends_the_rest(
    tmp_path: Path, name: str
) -> None:
    bench = Bench(tmp_path, DEEDS[name])

    wrong = bench.try_all(bench.kills())

    assert not wrong, "\n".join(wrong)
    assert len(bench.points) > 5
    print(f"{name}: killed at {len(bench.points)} calls")


def test_each_repair_of_the_sweep_has_a_deed_of_its_own(tmp_path: Path) -> None:
    found = set()
    for name, deed in DEEDS.items():
        if deed.is_sweep:
            home = Home(tmp_path / name / "home")
            home.settings(SETTINGS)
            deed.arrange(home)
            scene = scene_of(parts(home))
            found |= {repair.__name__ for repair in REPAIRS if any(True for _ in repair(scene))}
    assert found == {repair.__name__ for repair in REPAIRS}
