"""A home that is removed or moved while agents work in it: nobody hears of it, so they and their supervisors end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.homes import ScratchHome, are_gone, eventually, scratch_home

from baton.store.slots import SlotFiles

SAID = "warning: the home is not where it was: what runs in it is ended"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    yield from scratch_home(tmp_path / "home")


def remove(root: Path) -> None:
    """Remove it all, also what is written while that goes on."""

    def is_gone() -> bool:
        shutil.rmtree(root, ignore_errors=True)
        return not root.exists()

    eventually(is_gone, "the end of the home")


def test_an_agent_at_work_is_ended_with_its_supervisor(home: ScratchHome) -> None:
    home.agent("writer", "note pids $$; wait_for go")
    home.task("t", "writer")
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    remove(home.root)
    ended = home.end_of(supervisor)
    are_gone([agent])
    assert ended.code == 1
    assert ended.err.count(SAID) == 1
    assert "Traceback" not in ended.err
    assert not home.root.exists()


def test_in_a_home_that_was_moved_the_next_sweep_finds_the_death(home: ScratchHome, tmp_path: Path) -> None:
    home.agent("writer", "note pids $$; wait_for go")
    home.task("t", "writer")
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    home.root.rename(tmp_path / "moved")
    ended = home.end_of(supervisor)
    are_gone([agent])
    assert (ended.code, ended.err.count(SAID), "Traceback" in ended.err) == (1, 1, False)
    (tmp_path / "moved").rename(home.root)
    home.touch("state/stop")
    assert home.sweep()["stale_released"] == 1
    assert home.outcomes("t") == ["interrupted"]
    assert home.read("t").leases == ()


def test_the_end_of_a_run_waits_for_no_home_that_is_gone(home: ScratchHome) -> None:
    home.agent("writer", 'cd /; until rm -rf "$BATON_HOME"; do sleep 0.02; done')
    home.settings(lease={"heartbeat": "60s"})
    home.task("t", "writer")
    ended = home.end_of(home.supervise())
    assert (ended.code, SAID in ended.err) == (1, True)
    assert "Traceback" not in ended.err


def test_a_beat_tells_that_its_file_is_not_at_its_place(tmp_path: Path) -> None:
    slot = SlotFiles(str(tmp_path / "slots")).take(1)
    assert slot is not None
    slot.supervise("i-1")
    assert slot.beat({"instance": "i-1"}) is True
    shutil.rmtree(tmp_path / "slots")
    assert slot.beat({"instance": "i-1"}) is False
    (tmp_path / "slots").mkdir()
    (tmp_path / "slots/00.sup").touch()
    assert slot.beat({"instance": "i-1"}) is False
    slot.free()
