"""What follows from each kind, with programs that replay what real ones printed: parks, outages, stops, sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.captured import SAMPLES, TABLE
from tests.engine.homes import AT_ONCE, PATH, ScratchHome, scratch_home

CLAUDE = TABLE["claude"]
DONE = "complete_step.py --summary done >answer"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    """A home with one slot, whose agents run on Claude Code."""
    yield from scratch_home(tmp_path / "home", harness={"default": "claude"}, concurrency={"agents": 1})


class Program:
    """Something called claude in PATH that replays captured runs, in this order; the last one for ever."""

    def __init__(self, home: ScratchHome, *cases: str, name: str = "claude", acts: str = "") -> None:
        self._home = home
        self._name = name
        self.path = f"{home.root}/bin:{PATH}"
        self.replays(*cases, acts=acts)

    def replays(self, *cases: str, acts: str = "") -> None:
        """Replay these runs from now on."""
        program = self._home.root / "bin" / self._name
        program.parent.mkdir(exist_ok=True)
        (self._home.root / "count").write_text("")
        arms = "".join(
            f"{number if number < len(cases) else '*'}) cat '{self._sample(case)}'; exit {self._code(case)};;\n"
            for number, case in enumerate(cases, 1)
        )
        new = program.with_suffix(".new")
        new.write_text(
            "#!/bin/sh\n"
            "cat >/dev/null\n"
            'echo "$BATON_TASK" >>"$BATON_HOME/count"; echo "$BATON_TASK" >>"$BATON_HOME/started"\n'
            'echo "$*" >>"$BATON_HOME/argv"\n'
            f"{acts}\n"
            f'case "$(wc -l <"$BATON_HOME/count")" in\n{arms}esac\n'
        )
        new.chmod(0o755)
        new.rename(program)

    def _sample(self, case: str) -> Path:
        return next((SAMPLES / self._name).glob(f"{case}.*json"))

    def _code(self, case: str) -> int:
        return int(TABLE[self._name][case]["exit"])


def served(home: ScratchHome, program: Program) -> None:
    ended = home.end_of(home.supervise(PATH=program.path))
    assert (ended.code, ended.err) == (0, ""), ended


def swept(home: ScratchHome, program: Program) -> dict[str, Any]:
    ended = home.run("check_pipeline.py", PATH=program.path)
    assert ended.code == 0, ended
    home.becomes_quiet()
    report: dict[str, Any] = ended.json
    return report


def news(home: ScratchHome) -> list[str]:
    files = sorted((home.root / "state/events").glob("*.ndjson"))
    events = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
    return [one["type"] for one in events if one["type"] in ("harness_parked", "harness_resumed", "agent_crashed")]


def parked(home: ScratchHome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home.root / "state/parked/claude.json").read_text())
    return found


def lets_it_end(home: ScratchHome) -> None:
    """Let the time pass until the park is over: as if it had begun so much earlier."""
    path = home.root / "state/parked/claude.json"
    path.write_text(json.dumps(parked(home) | {"until": "2026-01-01T00:00:00.000Z"}))


# -- parks --------------------------------------------------------------------------------------------------------


def test_two_tasks_on_one_parked_harness_one_alert_neither_started_and_both_after_the_reset(home: ScratchHome) -> None:
    program = Program(home, "rate_limit_429")
    home.agent("writer")
    for task in ("t-1", "t-2"):
        home.task(task, "writer")

    served(home, program)
    reports = [swept(home, program) for _ in range(2)]

    assert home.lines("started") == ["t-1"]
    assert news(home) == ["harness_parked"]
    until = parked(home)["until"]
    assert [(report["redispatched"], report["waits"]["counts"]) for report in reports] == [(0, {"parked": 2})] * 2
    assert reports[0]["notes"] == [f"nothing is ready; harness claude is parked until {until}: rate limit"]
    first = home.read("t-1").current
    assert (first.attempts, first.not_before, first.failures) == (0, None, ())

    program.replays("success", acts=DONE)
    lets_it_end(home)
    swept(home, program)

    assert [home.read(task).status for task in ("t-1", "t-2")] == ["completed"] * 2
    assert sorted(home.lines("started")) == ["t-1", "t-1", "t-2"]
    assert news(home) == ["harness_parked", "harness_resumed"]
    assert not (home.root / "state/parked/claude.json").exists()


def test_a_step_on_another_harness_goes_on(home: ScratchHome) -> None:
    program = Program(home, "rate_limit_429")
    home.agent("writer")
    home.agent("scribe", harness="script")
    home.task("t-1", "writer", priority="urgent")
    home.task("t-2", "scribe")
    served(home, program)
    assert (home.read("t-1").status, home.read("t-2").status) == ("in_progress", "completed")


@pytest.mark.parametrize(("case", "kind"), [("auth_401", "auth"), ("billing", "credit")])
def test_no_login_and_no_credit_wait_for_a_person_and_are_told_once(home: ScratchHome, case: str, kind: str) -> None:
    program = Program(home, case)
    home.agent("writer")
    home.task("t", "writer")

    served(home, program)
    swept(home, program)
    refused = home.run("invoke_agent.py", "writer", "t", "--json", PATH=program.path)

    assert (parked(home)["kind"], parked(home)["until"], parked(home)["task"]) == (kind, None, "t")
    assert (refused.code, "agent.py unpark claude" in refused.out + refused.err) == (75, True)
    assert (home.lines("started"), news(home)) == (["t"], ["harness_parked"])

    program.replays("success", acts=DONE)
    freed = home.run("agent.py", "unpark", "claude", "--json", PATH=program.path)
    home.becomes_quiet()

    assert freed.json == {"unparked": "claude", "dispatched": 1}
    assert (home.read("t").status, news(home)) == ("completed", ["harness_parked", "harness_resumed"])


def test_what_is_not_mended_is_parked_and_told_anew(home: ScratchHome) -> None:
    program = Program(home, "auth_401")
    home.agent("writer")
    home.task("t", "writer")
    served(home, program)
    home.run("agent.py", "unpark", "claude", PATH=program.path)
    home.becomes_quiet()
    assert news(home) == ["harness_parked", "harness_resumed", "harness_parked"]
    assert (home.lines("started"), home.read("t").current.attempts) == (["t", "t"], 0)


def test_a_park_that_cannot_be_written_makes_the_task_back_off(home: ScratchHome) -> None:
    program = Program(home, "rate_limit_429")
    home.agent("writer")
    home.task("t", "writer")
    (home.root / "state").mkdir(exist_ok=True)
    (home.root / "state/parked").write_text("in the way")

    ended = home.end_of(home.supervise(PATH=program.path))

    assert "a harness could not be parked" in ended.err
    current = home.read("t").current
    assert (home.lines("started"), current.attempts, current.not_before is not None) == (["t"], 0, True)


# -- outages and stops --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["overloaded_529", "server_500", "conn_refused"])
def test_trouble_of_the_provider_uses_up_no_attempt(home: ScratchHome, case: str) -> None:
    program = Program(home, case)
    home.agent("writer")
    home.task("t", "writer")
    served(home, program)
    current, (run,) = home.read("t").current, home.runs("t")
    assert (current.attempts, current.failures, run["kind"]) == (0, (), CLAUDE[case]["kind"])
    assert current.not_before is not None
    assert current.outage_since is not None
    assert news(home) == []


def test_an_outage_that_has_lasted_too_long_counts(home: ScratchHome) -> None:
    home.settings(
        harness={"default": "claude"},
        concurrency={"agents": 1},
        retry={"outage_max": "0s", "max_attempts": 2, **AT_ONCE},
    )
    program = Program(home, "overloaded_529")
    home.agent("writer")
    home.task("t", "writer")
    served(home, program)
    task = home.read("t")
    assert task.blocked is not None
    assert (task.blocked.kind, home.lines("started")) == ("attempts", ["t", "t"])


@pytest.mark.parametrize(("case", "block"), [("denied", "policy"), ("model_404", "agent"), ("budget", "budget")])
def test_what_no_attempt_can_mend_stops_the_task(home: ScratchHome, case: str, block: str) -> None:
    program = Program(home, case)
    home.agent("writer")
    home.task("t", "writer")
    served(home, program)
    task = home.read("t")
    assert task.blocked is not None
    assert (task.blocked.kind, home.lines("started")) == (block, ["t"])
    assert home.run("task.py", "retry", "t", PATH=program.path).code == 0
    home.becomes_quiet()
    assert home.lines("started") == ["t", "t"]


def test_too_long_a_context_is_told_to_the_next_attempt(home: ScratchHome) -> None:
    home.settings(
        harness={"default": "claude"}, concurrency={"agents": 1}, retry={"resume": True, "max_attempts": 2, **AT_ONCE}
    )
    program = Program(home, "context_too_long")
    home.agent("writer")
    home.task("t", "writer")
    served(home, program)
    first, second = home.prompts("t")
    assert "read files in parts" not in first
    assert "the prompt is too long" in second
    assert "It did not all fit into your context: read files in parts, and print less." in second
    assert [run.get("resumed") for run in home.runs("t")] == [None, None]


# -- sessions -----------------------------------------------------------------------------------------------------


def test_a_retry_goes_on_with_the_session_and_nothing_is_counted_twice(home: ScratchHome) -> None:
    home.settings(
        harness={"default": "codex"}, concurrency={"agents": 1}, retry={"resume": True, "max_attempts": 2, **AT_ONCE}
    )
    program = Program(home, "success", "sess_resume", name="codex")
    home.agent("writer")
    home.task("t", "writer")

    served(home, program)

    session = TABLE["codex"]["success"]["session"]
    task, runs = home.read("t"), home.runs("t")
    assert [("resume" in line.split(), session in line) for line in home.lines("argv")] == [
        (False, False),
        (True, True),
    ]
    assert [(run["session"] is not None, run["resumed"]) for run in runs] == [(True, None), (True, session)]
    total = TABLE["codex"]["sess_resume"]["usage"]
    assert {key: getattr(task.usage, key) for key in total} == total
    ended = home.events("t", "run_ended")
    assert [event["data"]["harness"] for event in ended] == ["codex", "codex"]
    assert ended[0]["data"]["session"] == session


def test_without_the_setting_each_attempt_has_a_session_of_its_own(home: ScratchHome) -> None:
    home.settings(harness={"default": "claude"}, concurrency={"agents": 1}, retry={"max_attempts": 2, **AT_ONCE})
    program = Program(home, "success")
    home.agent("writer")
    home.task("t", "writer")
    served(home, program)
    assert ["--resume" in line for line in home.lines("argv")] == [False, False]
    assert home.read("t").usage.input_tokens == 2 * CLAUDE["success"]["usage"]["input_tokens"]


def test_a_session_that_cannot_be_gone_on_with_is_given_up(home: ScratchHome) -> None:
    home.settings(
        harness={"default": "claude"}, concurrency={"agents": 1}, retry={"resume": True, "max_attempts": 3, **AT_ONCE}
    )
    program = Program(home, "success", "sess_bad", "success")
    home.agent("writer")
    home.task("t", "writer")
    served(home, program)
    assert ["--resume" in line for line in home.lines("argv")] == [False, True, False]


def test_a_session_belongs_to_its_harness(home: ScratchHome) -> None:
    home.settings(harness={"default": "claude"}, concurrency={"agents": 1}, retry={"resume": True, "backoff": "1h"})
    program = Program(home, "success")
    Program(home, "success", name="codex")
    home.agent("writer")
    home.task("t", "writer")
    home.run("invoke_agent.py", "writer", "t", PATH=program.path)
    home.settings(
        harness={"default": "codex"}, concurrency={"agents": 1}, retry={"resume": True, "max_attempts": 2, **AT_ONCE}
    )
    home.run("invoke_agent.py", "writer", "t", PATH=program.path)
    assert ["resume" in line for line in home.lines("argv")] == [False, False]
    assert {run["harness"] for run in home.runs("t")} == {"claude", "codex"}


# -- what programs leave ------------------------------------------------------------------------------------------

LEAVES = 'echo "$CLAUDE_CONFIG_DIR" >>"$BATON_HOME/folders"; mkdir -p "$CLAUDE_CONFIG_DIR/projects/x"; '
LEAVES += '[ -e "$CLAUDE_CONFIG_DIR/was" ] && echo "$BATON_RUN" >>"$BATON_HOME/found"; touch "$CLAUDE_CONFIG_DIR/was"'


def keyed(home: ScratchHome, **retry: Any) -> Path:
    """Let the agents have a key; the folder in which their program keeps what it leaves."""
    (home.root / ".env").write_text("ANTHROPIC_API_KEY=a-dummy-key\n")
    home.settings(
        harness={"default": "claude"}, concurrency={"agents": 1}, retry={"max_attempts": 2, **AT_ONCE, **retry}
    )
    home.agent("writer")
    home.task("t", "writer")
    return home.root / "logs/writer/t.s1.claude.scratch"


def test_what_a_program_leaves_is_removed_at_the_end_of_each_run(home: ScratchHome) -> None:
    folder = keyed(home)
    served(home, Program(home, "success", acts=LEAVES))
    assert home.lines("folders") == [str(folder)] * 2
    assert (home.lines("found"), folder.exists()) == ([], False)
    assert [run["scratch"] for run in home.runs("t")] == [None, None]


def test_a_session_that_may_be_resumed_is_kept_until_the_unit_is_done(home: ScratchHome) -> None:
    folder = keyed(home, resume=True, backoff="1h", backoff_max="1h")
    program = Program(home, "success", acts=LEAVES)
    served(home, program)
    assert (folder / "was").exists()
    assert [run["scratch"] for run in home.runs("t")] == [str(folder)]
    home.settings(harness={"default": "claude"}, concurrency={"agents": 1}, retry={"resume": True, **AT_ONCE})
    program.replays("success", acts=f"{LEAVES}\n{DONE}")
    home.run("invoke_agent.py", "writer", "t", PATH=program.path)
    assert (home.read("t").status, len(home.lines("found")), folder.exists()) == ("completed", 1, False)


def test_with_a_login_a_program_keeps_its_files_where_it_always_does(home: ScratchHome) -> None:
    home.agent("writer")
    home.task("t", "writer")
    served(home, Program(home, "success", acts='echo "${CLAUDE_CONFIG_DIR-none}" >>"$BATON_HOME/folders"'))
    assert home.lines("folders")[0] == "none"
    assert home.runs("t")[0]["scratch"] is None
