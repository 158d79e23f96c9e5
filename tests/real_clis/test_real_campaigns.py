"""A campaign of two steps through each real agent program, with a model that is played.

``scripts/test --real-clis`` installs the programs, and takes the network away from them where that is allowed.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.homes import eventually, living
from tests.real_clis.acts import Act, Fail, Refuse, Request, Trouble, work
from tests.real_clis.homes import CliHome
from tests.real_clis.model_server import ModelServer
from tests.real_clis.programs import KEY, PROGRAMS, Program, bin_of
from tests.real_clis.wires import WRITTEN_TOKENS

pytestmark = [pytest.mark.real_clis, pytest.mark.timeout(300)]

TASK = "spring-001"
WRITTEN = {"writer": "drafts/spring-001.md", "checker": "checked/spring-001.md"}
FOR_EVER = 'touch "$BATON_HOME/at-work-$BATON_RUN"; while :; do sleep 0.1; done'
# What a run is to do last, as its prompt says it.
LAST_ACT = re.compile(r"Done: `complete_step\.py --output (\S+) ")
PATIENCE_SECONDS = 90.0


class Played:
    """Plays the model for one home. What a run meets depends on how many have ended before it."""

    def __init__(self) -> None:
        self.home: CliHome | None = None

    def __call__(self, request: Request) -> Act:
        assert self.home is not None
        ended = len(self.home.outcomes(TASK))
        if ended == 0:
            # Of a refusal Codex tells the number alone; when a limit ends it tells where it met it inside an answer.
            limit = Fail if request.wire == "responses" else Refuse
            return limit(trouble=Trouble.RATE_LIMIT)
        return work(request, FOR_EVER if ended in (2, 3) else _done(request), "I have done it.")


def _done(request: Request) -> str:
    """The command that does a step, as its prompt wants it done."""
    if request.shell is None:
        return ""
    found = LAST_ACT.search(request.text)
    assert found is not None, "the prompt did not reach the model"
    path = found[1]
    return (
        f"mkdir -p {os.path.dirname(path)} && echo played > {path} && complete_step.py --output {path} --summary Played"
    )


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Program:
    found = PROGRAMS[request.param]
    if bin_of(found) is None:
        pytest.skip(f"{found.name.upper()} IS NOT INSTALLED: scripts/test --real-clis={found.name}")
    return found


@pytest.fixture
def served(program: Program, tmp_path: Path) -> Iterator[tuple[CliHome, ModelServer]]:
    """A home of the program, whose model plays; when the test is over, no process may be left."""
    played = Played()
    with ModelServer(played) as server:
        home = played.home = CliHome(tmp_path, program, server.url)
        try:
            yield home, server
        finally:
            left = home.end()
    assert not left, f"the test left processes: {left}"


def test_a_campaign_outlives_a_rate_limit_and_two_kills(served: tuple[CliHome, ModelServer]) -> None:
    home, server = served
    home.make_campaign("spring", WRITTEN)

    _kill(home, "agent_pid", ended=2)
    _kill(home, "pid", ended=3)
    _sweep_until(home, lambda: home.read(TASK).status in ("completed", "blocked"), "the end of the task")
    home.becomes_quiet()

    ends = [event["data"] for event in home.events(TASK, "run_ended")]
    assert [(end["agent"], end["outcome"], end.get("kind")) for end in ends] == [
        ("writer", "failed", "rate_limit"),
        ("writer", "completed", None),
        ("checker", "killed", "signal"),
        ("checker", "interrupted", "supervisor_lost"),
        ("checker", "completed", None),
    ], home.story()
    # A run asks the model twice.
    told = [end.get("usage", {}).get("output_tokens") for end in ends if end["outcome"] == "completed"]
    assert told == [2 * WRITTEN_TOKENS] * 2
    assert [home.text(path) for path in WRITTEN.values()] == ["played\n", "played\n"]
    assert all(KEY in "".join(request.headers.values()) for request in server.requests)
    assert server.faults == []


def _kill(home: CliHome, whom: str, *, ended: int) -> None:
    """Kill the agent or its supervisor, once its tool runs in the run before which so many others have ended."""

    def facts() -> dict[str, Any]:
        slots = [home.facts(number) for number in range(2)]
        held = (one for one in slots if (home.root / f"at-work-{one.get('run')}").exists())
        return next(held, {}) if len(home.outcomes(TASK)) == ended else {}

    _sweep_until(home, facts, f"a tool at work after {ended} runs")
    process = living(facts()[whom])
    assert process is not None
    process.kill()


def _sweep_until(home: CliHome, look: Callable[[], Any], what: str) -> None:
    """Sweep about once a second, as cron does each minute, until what is waited for is there."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not look():
        assert time.monotonic() < end, f"within {PATIENCE_SECONDS:g} s, never seen: {what}; {home.story()}"
        home.sweep()
        try:
            eventually(look, what, seconds=1.0)
        except AssertionError:
            continue
