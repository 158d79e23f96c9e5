"""When a run has ended, nothing of it is left five seconds later: eight ways to escape, five ways to end.

Every escape is seen to have happened before the run is let end. What cannot be proved is asserted, too: a process that
closed its descriptors, emptied its environment and left the session outlives a supervisor that was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.homes import Living, ScratchHome, are_gone, eventually, scratch_home
from tests.faults.escapes import ALL_AT_ONCE, ESCAPES, WAYS

from baton.domain.pipelines import Step

SECONDS_AFTER_THE_END = 5.0
TIMEOUT = "3s"
# The first try escapes and then waits; another one (after a takeover) has nothing to do.
FIRST_TRY = '[ "$BATON_LEASE" = 1 ] || exit 0\nnote agent $$\n'


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    """A home for this test; a process that the test leaves behind fails it."""
    yield from scratch_home(tmp_path / "home", timeouts={"grace": "1s"})


def supervised(home: ScratchHome, way: str, code: int = 0, timeout: str | None = None) -> tuple[Any, list[Living]]:
    """Run an agent of which something escapes this way; return its supervisor, and all that is alive of the run."""
    escape = WAYS[way]
    home.agent("writer", f"{FIRST_TRY}{escape.shell}\nwait_for go; exit {code}")
    home.task("t", Step(agent="writer", timeout=timeout))
    supervisor = home.start("invoke_agent.py", "writer", "t")
    (agent,) = home.processes_in("agent")
    escaped = home.processes_in("escaped", escape.count)
    assert len({one.pid for one in escaped}) == escape.count
    eventually(lambda: all(escape.has_escaped(one, agent) for one in escaped), f"{way}: the escape itself")
    return supervisor, [agent, *escaped]


def ended_well(home: ScratchHome, way: str) -> list[str]:
    supervisor, run = supervised(home, way)
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    are_gone(run, SECONDS_AFTER_THE_END)
    return home.outcomes("t")


def failed(home: ScratchHome, way: str) -> list[str]:
    supervisor, run = supervised(home, way, code=1)
    home.touch("go")
    assert home.end_of(supervisor).code == 1
    are_gone(run, SECONDS_AFTER_THE_END)
    return home.outcomes("t")


def timed_out(home: ScratchHome, way: str) -> list[str]:
    supervisor, run = supervised(home, way, timeout=TIMEOUT)
    assert home.end_of(supervisor).code == 1
    are_gone(run, SECONDS_AFTER_THE_END)
    return home.outcomes("t")


def cancelled(home: ScratchHome, way: str) -> list[str]:
    supervisor, run = supervised(home, way)
    told = home.run("task.py", "cancel", "t", "--json").json
    are_gone(run, SECONDS_AFTER_THE_END)
    home.end_of(supervisor)
    assert told["status"] == home.read("t").status == "cancelled"
    return home.outcomes("t")


def taken_over(home: ScratchHome, way: str) -> list[str]:
    supervisor, run = supervised(home, way)
    supervisor.kill()
    home.end_of(supervisor)
    assert all(one.is_alive for one in run)
    report = home.sweep()
    assert (report["stale_released"], report["redispatched"], report["errors"]) == (1, 1, [])
    # The sweep ends the tree before it ends the run: its report comes after both.
    assert [one for one in run if one.is_alive] == []
    home.becomes_quiet()
    return home.outcomes("t")


ENDINGS: dict[Callable[[ScratchHome, str], list[str]], list[str]] = {
    ended_well: ["completed"],
    failed: ["failed"],
    timed_out: ["timed_out"],
    cancelled: ["revoked"],
    taken_over: ["interrupted", "completed"],
}
# In every run of the tests: each way with a good end, each end with each way at once.
SHORT = {(ended_well, way) for way in WAYS} | {(ending, ALL_AT_ONCE) for ending in ENDINGS}


# The one pair that cannot be proved has a test of its own.
CELLS = [
    pytest.param(
        ending, way, marks=() if (ending, way) in SHORT else (pytest.mark.long,), id=f"{way}-{ending.__name__}"
    )
    for ending in ENDINGS
    for way in WAYS
    if (ending, way) != (taken_over, ALL_AT_ONCE)
]


@pytest.mark.parametrize(("ending", "way"), CELLS)
def test_nothing_of_a_run_is_left_after_its_end(
    home: ScratchHome, ending: Callable[[ScratchHome, str], list[str]], way: str
) -> None:
    assert ending(home, way) == ENDINGS[ending]


def test_eight_ways_are_tried() -> None:
    assert len(ESCAPES) == 8


def test_a_process_that_shed_all_that_named_its_run_outlives_a_killed_supervisor(home: ScratchHome) -> None:
    supervisor, (agent, escaped) = supervised(home, ALL_AT_ONCE)
    supervisor.kill()
    home.end_of(supervisor)
    report = home.sweep()
    assert (report["stale_released"], report["redispatched"], report["errors"]) == (1, 1, [])
    eventually(lambda: home.outcomes("t") == ["interrupted", "completed"], "the end of the second try")
    assert not agent.is_alive
    assert escaped.is_alive  # not promised: nothing of it names the run, and its supervisor, who knew it, is dead
    escaped.kill()
    are_gone([escaped])
