"""The four hangs: when each limit is reached, by numbers alone; and what follows, with real programs that hang."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.homes import AT_ONCE, ScratchHome, scratch_home

from baton.domain.settings import Timeouts
from baton.domain.statuses import Hang
from baton.engine.hangs import HangWatch, Limits, limits_for

LIMITS = Limits(wall_clock=100, no_output=10, silence=20, after_result=5)


class Heard:
    """What a listener tells a watch."""

    def __init__(self) -> None:
        self.progress = 0
        self.is_done = False


def watched(limits: Limits = LIMITS) -> tuple[HangWatch, Any]:
    """A watch that begins at second 1000, and what it listens to."""
    heard = Heard()
    return HangWatch(limits, heard, 1000.0), heard  # type: ignore[arg-type]


def test_a_run_that_prints_nothing_hangs_at_the_limit_on_the_first_output() -> None:
    watch, _ = watched()
    assert [watch.look(at, 0) for at in (1000.0, 1009.9, 1010.0)] == [None, None, Hang.NO_OUTPUT]


def test_one_byte_anywhere_is_a_sign_of_life_and_from_then_on_silence_counts() -> None:
    watch, _ = watched()
    assert [watch.look(at, 1) for at in (1010.0, 1019.9, 1020.0)] == [None, None, Hang.SILENCE]


def test_silence_is_counted_from_the_last_progress_and_not_from_the_last_byte() -> None:
    watch, heard = watched()
    heard.progress = 1
    assert watch.look(1015.0, 10) is None
    assert watch.look(1034.0, 9_000) is None
    assert watch.look(1035.0, 10_000) is Hang.SILENCE


def test_a_result_gives_some_time_to_end_however_silent_it_is() -> None:
    watch, heard = watched(Limits(wall_clock=100, no_output=10, silence=1, after_result=5))
    heard.progress, heard.is_done = 1, True
    assert [watch.look(at, 10) for at in (1003.0, 1007.9, 1008.0)] == [None, None, Hang.AFTER_RESULT]


def test_a_result_that_was_not_the_last_one_counts_no_longer() -> None:
    watch, heard = watched()
    heard.is_done = True
    assert watch.look(1003.0, 10) is None
    heard.is_done = False
    assert watch.look(1006.0, 10) is None
    heard.is_done = True
    assert watch.look(1010.0, 10) is None
    assert watch.look(1014.9, 10) is None
    assert watch.look(1015.0, 10) is Hang.AFTER_RESULT


def test_the_wall_clock_ends_a_run_that_gets_on_for_ever() -> None:
    watch, heard = watched()
    for second in range(100):
        heard.progress += 1
        assert watch.look(1000.0 + second, second + 1) is None
    assert watch.deadline == 1100.0
    assert watch.look(1100.0, 200) is Hang.WALL_CLOCK


def test_only_the_wall_clock_holds_for_programs_that_need_not_print() -> None:
    assert limits_for(Timeouts(), 60, is_talkative=False) == Limits(wall_clock=60)
    assert limits_for(Timeouts(), 60, is_talkative=True) == Limits(
        wall_clock=60, no_output=600, silence=1200, after_result=60
    )


# -- real programs ------------------------------------------------------------------------------------------------

SHORT = {"first_output": "30s", "silence": "30s", "after_result": "30s", "step": "30s", "grace": "2s"}
STARTED = '{"type":"thread.started","thread_id":"s-1"}'
TURN = '{"type":"turn.started"}'
SAID = '{"type":"item.completed","item":{"type":"agent_message","text":"Done."}}'
DONE = '{"type":"turn.completed","usage":{"input_tokens":5,"output_tokens":6}}'
WAITS = '{"type":"error","message":"Reconnecting... waiting for network (Connection failed)"}'


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    """A home whose agents run on Codex."""
    yield from scratch_home(tmp_path / "home", harness={"default": "codex"})


def run_of(home: ScratchHome, acts: str, **timeouts: str) -> dict[str, Any]:
    """The record of one run of a program called codex that does this, under short limits."""
    program = home.root / "bin/codex"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec </dev/null\n{acts}\n")
    program.chmod(0o755)
    home.settings(timeouts=SHORT | timeouts, retry={"max_attempts": 1, **AT_ONCE}, harness={"default": "codex"})
    home.agent("writer")
    home.task("t", "writer")
    home.run("invoke_agent.py", "writer", "t", "--json", PATH=f"{program.parent}:/usr/bin:/bin")
    (run,) = home.runs("t")
    return run


def kept(run: dict[str, Any]) -> tuple[Any, ...]:
    return run["outcome"], run["kind"], run["hang"], run["session"]


def test_a_program_that_never_prints_is_ended(home: ScratchHome) -> None:
    run = run_of(home, "exec sleep 1000", first_output="300ms")
    assert kept(run) == ("timed_out", "no_output", "no_output", None)
    assert run["error"].endswith("it printed nothing within 0.3 s")


def test_a_program_that_falls_silent_is_ended_and_what_it_did_last_is_told(home: ScratchHome) -> None:
    run = run_of(home, f"echo '{STARTED}'; echo '{SAID}'; exec sleep 1000", silence="300ms")
    assert kept(run) == ("timed_out", "silence", "silence", "s-1")
    assert run["error"].endswith("it did not get on for 0.3 s; the last of it: Done.")


def test_a_program_that_only_waits_for_its_provider_is_ended_as_silent_and_the_fault_is_not_its_own(
    home: ScratchHome,
) -> None:
    run = run_of(home, f"echo '{STARTED}'; while :; do echo '{WAITS}'; sleep 0.05; done", silence="500ms")
    assert kept(run) == ("timed_out", "transport", "silence", "s-1")
    assert home.read("t").current.attempts == 0
    assert "waits to ask the provider again: Reconnecting" in run["error"]


def test_a_program_that_stays_after_its_result_is_ended_and_judged_by_the_result(home: ScratchHome) -> None:
    acts = f"echo '{STARTED}'; echo '{TURN}'; echo '{SAID}'; echo '{DONE}'; exec sleep 1000"
    run = run_of(home, acts, after_result="300ms")
    assert kept(run) == ("not_completed", "no_report", "after_result", "s-1")
    assert run["usage"] == {"runs": 1, "unpriced_runs": 1, "input_tokens": 5, "output_tokens": 6}


def test_a_program_that_gets_on_for_ever_is_ended_by_the_wall_clock(home: ScratchHome) -> None:
    run = run_of(home, f"while :; do echo '{SAID}'; sleep 0.05; done", step="1s")
    assert kept(run) == ("timed_out", "timeout", "wall_clock", None)
    assert run["error"].endswith("it did not end within 1 s")


def test_a_program_that_has_reported_may_be_silent_for_its_grace(home: ScratchHome) -> None:
    acts = "echo text >out.md; complete_step.py --output out.md >/dev/null; echo x; sleep 0.6; exit 0"
    run = run_of(home, acts, silence="300ms", grace="20s", first_output="20s")
    assert (run["outcome"], run["hang"]) == ("completed", None)


def test_a_described_program_that_stays_after_its_result_has_completed_its_step(home: ScratchHome) -> None:
    program = home.root / "bin/mine"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nexec </dev/null\necho \'{"done": "All is well."}\'\nexec sleep 1000\n')
    program.chmod(0o755)
    described = {
        "argv": ["mine"],
        "parser": "ndjson",
        "stream": {"result": {"text": "done"}},
        "success": {"result": True, "completes_step": True},
    }
    home.settings(
        timeouts=SHORT | {"after_result": "300ms"}, harness={"default": "x-mine", "own": {"x-mine": described}}
    )
    home.agent("writer")
    home.task("t", "writer")
    answer = home.run("invoke_agent.py", "writer", "t", "--json", PATH=f"{program.parent}:/usr/bin:/bin")
    (run,) = home.runs("t")
    assert (answer.code, run["outcome"], run["hang"]) == (0, "completed", "after_result")
    result = home.read("t").current.result
    assert result is not None
    assert result.summary == "All is well."


def test_a_script_may_be_silent_as_long_as_its_step_may_take(home: ScratchHome) -> None:
    home.settings(timeouts=SHORT | {"first_output": "100ms", "silence": "100ms"})
    home.agent("writer", "sleep 1; echo done")
    home.task("t", "writer")
    assert home.invoke("writer", "t").code == 0
    (run,) = home.runs("t")
    assert (run["outcome"], run["hang"]) == ("completed", None)
