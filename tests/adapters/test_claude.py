"""The claude harness: streams nobody captured, how it is started, and the real road. What was captured: test_captured.

No agent program is run here: in scratch homes a shell script stands in for it, and replays what was captured.
"""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs, to_builtins
from tests.adapters.captured import TABLE
from tests.engine.homes import AT_ONCE, PATH, ScratchHome, scratch_home

from baton.adapters.harnesses import LINE_LIMIT, SUMMARY_LIMIT
from baton.adapters.harnesses.claude import Harness
from baton.adapters.harnesses.endings import UNREPORTED
from baton.adapters.harnesses.events import TEXT_LIMIT, EventListener
from baton.adapters.harnesses.streams import NAMES_LIMIT, OBJECT_LIMIT
from baton.domain.errors import BatonError, HarnessMissing, InvalidInput
from baton.domain.exchange import Ending, Invocation, Job, Verdict
from baton.domain.harness_settings import ClaudeSettings, HarnessSettings
from baton.domain.records import Unit
from baton.domain.skills import Skill
from baton.domain.statuses import FailureKind
from baton.domain.usage import NOTHING, reported

HERE = Path(__file__).parent
SAMPLES = HERE / "samples/claude"
CASES = TABLE["claude"]
USED = "$0.0085; tokens 2.4k in, 84 out, 0 from cache, 0 to cache"
SESSION = "11111111-2222-4333-8444-555555555555"


def stream(case: str) -> bytes:
    """The standard output of a captured run."""
    return next(SAMPLES.glob(f"{case}.*json")).read_bytes()


def an_end(exit_code: int | None = 0, stderr: str = "", *, signal: int | None = None) -> Ending:
    return Ending(exit_code=exit_code, signal=signal, stdout_tail="not looked at", stderr_tail=stderr)


def a_job(path: str = "/nowhere", model: str | None = None, **environ: str) -> Job:
    skill = Skill(name="writer", description="Writes.", folder="/skills/writer", shipped=False)
    unit = Unit(step=0, key="s1", agent="writer")
    return Job(
        run="r-1",
        skill=skill,
        unit=unit,
        model=model,
        workspace="/workspace",
        prompt_file="/prompt.md",
        environ={"PATH": path, **environ},
    )


def a_harness(**settings: Any) -> Harness:
    return Harness(HarnessSettings(claude=ClaudeSettings(**settings)))


def judged(*pieces: bytes, by: Ending | None = None) -> Verdict:
    """The verdict on a run that printed this, in these pieces."""
    harness = a_harness()
    heard = harness.listener()
    for piece in pieces:
        heard.feed(piece)
    return harness.verdict(a_job(), by or an_end(), heard)


def heard_of(*events: dict[str, Any]) -> EventListener:
    """A listener that heard these events."""
    listener = a_harness().listener()
    listener.feed(lines(*events))
    return listener


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def says(text: str, **more: Any) -> dict[str, Any]:
    """A message of the agent."""
    message = {"id": "m1", "model": "model-7", "content": [{"type": "text", "text": text}]}
    return {"type": "assistant", "session_id": SESSION, "message": message, **more}


def result(text: str = "Done.", **more: Any) -> dict[str, Any]:
    """A terminal event, of a success unless it says otherwise."""
    return {"type": "result", "subtype": "success", "is_error": False, "result": text, "session_id": SESSION, **more}


# -- what was captured --------------------------------------------------------------------------------------------


def test_what_was_said_and_used_is_kept_while_it_runs() -> None:
    listener = a_harness().listener()
    doing = []
    for line in stream("success").splitlines(keepends=True):
        listener.feed(line)
        doing.append(listener.last_line())

    asked = ["", "I'll write the file.", "Bash: write a file", "Bash: write a file"]
    assert doing == [*asked, "Done: hello.txt contains hello.", "Done: hello.txt contains hello."]
    assert (listener.session, listener.model) == (CASES["success"]["session"], "claude-sonnet-4-5")
    assert (listener.tools, listener.denied, listener.retries) == ({"Bash": 1}, {}, 0)
    assert listener.text == "Done: hello.txt contains hello."
    assert listener.models["claude-sonnet-4-5"]["output_tokens"] == 84


def test_a_denial_and_a_retry_are_shown_while_it_runs() -> None:
    listener = a_harness().listener()
    listener.feed(b"\n".join(stream("denied").splitlines()[:4]) + b"\n")
    assert (listener.denied, listener.last_line()) == ({"Bash": 1}, "was denied Bash")
    listener = a_harness().listener()
    listener.feed(b"\n".join(stream("rate_limit_429").splitlines()[:3]) + b"\n")
    assert (listener.retries, listener.last_line()) == (2, "waits to ask the provider again: rate limit")


# -- what was not -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "by", "kind", "message"),
    [
        ([], an_end(), "no_result", "Claude Code ended without a result"),
        ([], an_end(1), "exit_code", "Claude Code ended with exit code 1"),
        ([result("")], an_end(), "no_result", "Claude Code ended without an answer"),
        ([result(" \n")], an_end(), "no_result", "Claude Code ended without an answer"),
        ([result(is_error=None)], an_end(), "no_result", "Claude Code ended with an error: Done."),
        ([result(subtype="else")], an_end(), "no_result", "Claude Code ended with an error: Done."),
        ([result()], an_end(3), "exit_code", "Claude Code ended with exit code 3: Done."),
        ([result()], an_end(143), "signal", "Claude Code was stopped from outside: Done."),
        ([result()], an_end(None, signal=9), "signal", "Claude Code was stopped from outside: Done."),
        ([result(), says("Again")], an_end(), "no_result", "Claude Code ended without a result"),
        ([result("One."), says("Again"), result("Two.")], an_end(), "no_report", UNREPORTED),
        ([result(), {"type": "never_seen"}, {"type": ["list"]}, {}], an_end(), "no_report", UNREPORTED),
        ([result(permission_denials=[{"tool_name": "WebFetch"}])], an_end(), "no_report", UNREPORTED),
        (
            [says("API Error", error="rate_limit"), says("Well again"), result()],
            an_end(),
            "no_report",
            UNREPORTED,
        ),
        (
            [says("No answer", error="server_error", api_error_status=502)],
            an_end(1),
            "server",
            "the provider's server failed: No answer",
        ),
        (
            [says("x"), says("No", error="unknown", api_error_status=503)],
            an_end(1),
            "overloaded",
            "the provider is over",
        ),
        ([result("Please pay", is_error=True, api_error_status=402)], an_end(1), "credit", "the account has no credit"),
        (
            [result("Too large", is_error=True, api_error_status=413)],
            an_end(1),
            "context_too_long",
            "the prompt is too",
        ),
        (
            [says("Prompt is too long", error="invalid_request"), result("Prompt is too long", is_error=True)],
            an_end(1),
            "context_too_long",
            "the prompt is too long: Prompt is too long",
        ),
        (
            [result("", is_error=True, errors=["a", "b", 3, "d"], subtype="error_during_execution")],
            an_end(1),
            "exit_code",
            "Claude Code ended with exit code 1: a; b",
        ),
        (
            [result("Bad input", is_error=True, api_error_status=400)],
            an_end(1),
            "exit_code",
            "Claude Code ended with exit",
        ),
    ],
)
def test_other_ends_are_judged_by_the_same_rules(
    events: list[dict[str, Any]], by: Ending, kind: str, message: str
) -> None:
    verdict = judged(lines(*events), by=by)
    assert (verdict.completed, verdict.kind) == (False, kind)
    assert verdict.message.startswith(message)


def test_a_tool_it_may_not_use_is_named_when_it_did_not_report() -> None:
    denials = [{"tool_name": "WebFetch"}, {"tool_name": "WebFetch"}, {"tool_name": "Write"}]
    assert judged(lines(result(permission_denials=denials))).message == f"{UNREPORTED} (it was denied WebFetch, Write)"
    denials.append({"tool_name": "Bash"})
    verdict = judged(lines(result(permission_denials=denials)))
    assert verdict.kind is FailureKind.TOOL_DENIED
    assert "harness.claude.allowed_tools" in verdict.message


REJECTED = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1_790_000_000}}
ALLOWED = {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed_warning", "resetsAt": 1_790_000_000}}
AT_LIMIT = "the account is at its rate limit"


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([REJECTED, says("Limit", error="rate_limit")], f"{AT_LIMIT} until 2026-09-21T14:13:20.000Z: Limit"),
        ([ALLOWED, says("Limit", error="rate_limit")], f"{AT_LIMIT}: Limit"),
        ([REJECTED, ALLOWED, says("Limit", error="rate_limit")], f"{AT_LIMIT}: Limit"),
        ([REJECTED, says("Limit", error="unknown")], f"{AT_LIMIT} until 2026-09-21T14:13:20.000Z: Limit"),
        (
            [says("usage limit reached|1790000000", error="rate_limit")],
            f"{AT_LIMIT} until 2026-09-21T14:13:20.000Z: usage limit reached|1790000000",
        ),
        (
            [says("You've hit your limit · resets 3pm (Asia/Tokyo)", error="rate_limit")],
            f"{AT_LIMIT}: You've hit your limit · resets 3pm (Asia/Tokyo)",
        ),
        (
            [
                {**REJECTED, "rate_limit_info": {"status": "rejected", "resetsAt": 10**15}},
                says("L", error="rate_limit"),
            ],
            f"{AT_LIMIT}: L",
        ),
    ],
)
def test_a_rate_limit_says_until_when_if_the_stream_does(events: list[dict[str, Any]], message: str) -> None:
    text = events[-1]["message"]["content"][0]["text"]
    verdict = judged(lines(*events, result(text, is_error=True)), by=an_end(1))
    assert (verdict.kind, verdict.message) == (FailureKind.RATE_LIMIT, message)


def test_a_warning_about_the_limit_is_no_failure() -> None:
    assert judged(lines(ALLOWED, says("Done."), result())).kind is FailureKind.NO_REPORT


def test_what_a_helper_says_is_not_the_agents_word() -> None:
    helper = says("I am a helper", parent_tool_use_id="toolu_1", error="rate_limit")
    helper["message"]["content"].append({"type": "tool_use", "name": "Read", "input": {}})
    listener = heard_of(says("I ask a helper"), helper)
    assert (listener.text, listener.failure) == ("I ask a helper", None)
    assert (listener.tools, listener.last_line()) == ({"Read": 1}, "Read")
    assert judged(lines(result(), helper)).kind is FailureKind.NO_REPORT


def test_the_summary_is_the_beginning_of_the_final_text() -> None:
    verdict = judged(lines(result("x" * 2 * TEXT_LIMIT)))
    assert verdict.summary == "x" * SUMMARY_LIMIT


@pytest.mark.parametrize("session", ["../../etc", "a b", "", "x" * 101, 7, None, "a\n"])
def test_a_session_that_could_be_no_name_is_none(session: Any) -> None:
    assert judged(lines({"type": "system", "session_id": session})).session is None


def test_models_are_added_up_and_the_cost_is_that_of_the_whole() -> None:
    models = {
        "a": {"inputTokens": 10, "outputTokens": 1, "cacheReadInputTokens": 5, "costUSD": 0.25},
        "b": {"inputTokens": 20, "outputTokens": "many", "cacheCreationInputTokens": 7, "costUSD": -1},
        "c": "no object",
    }
    verdict = judged(lines(result(modelUsage=models, total_cost_usd=0.5000000004, num_turns=3, duration_ms=1500)))
    assert verdict.usage == {
        "input_tokens": 30, "output_tokens": 1, "cache_read_tokens": 5, "cache_creation_tokens": 7,
        "cost_usd": 0.5, "turns": 3, "duration_seconds": 1.5,
    }  # fmt: skip


def test_without_counts_by_model_those_of_the_whole_are_taken() -> None:
    usage = {"input_tokens": 5, "output_tokens": 6, "cache_read_input_tokens": 7}
    assert judged(lines(result(usage=usage))).usage == {
        "input_tokens": 5, "output_tokens": 6, "cache_read_tokens": 7,
    }  # fmt: skip


def test_of_a_run_without_a_result_only_what_it_read_is_known() -> None:
    first, second = says("a"), says("b")
    first["message"]["usage"] = {"input_tokens": 10, "cache_read_input_tokens": 1, "output_tokens": 1}
    second["message"] |= {"id": "m2", "usage": {"input_tokens": 20, "output_tokens": 1}}
    verdict = judged(lines(first, first, second, second), by=an_end(143))
    assert verdict.usage == {"input_tokens": 30, "cache_read_tokens": 1}


def test_a_result_that_was_too_long_to_be_read_is_told() -> None:
    verdict = judged(lines(says("Hello"), result("x" * OBJECT_LIMIT)))
    assert verdict.message == "Claude Code ended without a result (some lines of its output were too long to be read)"


NAMES = """
type subtype session_id message content text name id model usage error api_error api_error_status result errors is_error
modelUsage permission_denials tool_name rate_limit_info status resetsAt input description num_turns total_cost_usd
duration_ms parent_tool_use_id terminal_reason input_tokens inputTokens
"""
SAID = """
system init api_retry permission_denied assistant user rate_limit_event rejected result success text tool_use
server_error rate_limit
"""
KEYS = st.sampled_from(NAMES.split())
WORDS = st.sampled_from(SAID.split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=10,
)
EVENTS = st.fixed_dictionaries({"type": WORDS}, optional={"subtype": WORDS, "message": VALUES, "modelUsage": VALUES})
PIECES = st.lists(
    st.binary(max_size=20)
    | st.dictionaries(KEYS, VALUES, max_size=6).map(lambda event: lines(event))
    | EVENTS.map(lambda event: lines(event))
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PIECES, st.sampled_from([0, 1, 143, None]), st.text(max_size=20))
def test_whatever_is_printed_there_is_a_verdict_that_can_be_kept(
    pieces: list[bytes], code: int | None, stderr: str
) -> None:
    verdict = judged(*pieces, by=an_end(code, stderr, signal=None if code is not None else 11))
    assert (verdict.completed, type(verdict.kind)) == (False, FailureKind)
    assert verdict.message.isprintable()
    assert all(isinstance(value, int | float) for value in verdict.usage.values())
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=dict)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PIECES)
def test_whatever_is_printed_the_last_line_can_be_shown(pieces: list[bytes]) -> None:
    listener = a_harness().listener()
    for piece in pieces:
        listener.feed(piece)
        assert listener.last_line().isprintable()
        assert len(listener.last_line()) <= LINE_LIMIT


def test_a_long_run_is_heard_in_little_memory() -> None:
    listener = a_harness().listener()
    tool = {"type": "tool_use", "name": "", "input": {"description": "y" * 1000}}
    tracemalloc.start()

    for number in range(2000):
        event = says("x" * 10_000, session_id=f"s{number}", error="e" * 1000)
        event["message"] |= {
            "id": f"m{number}",
            "content": [*event["message"]["content"], tool | {"name": f"t{number}"}],
        }
        listener.feed(lines(event))
    for _ in range(800):
        listener.feed(b"z" * (1 << 16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * OBJECT_LIMIT
    assert len(listener.tools) == NAMES_LIMIT
    assert len(listener.text) == TEXT_LIMIT


# -- how it is started --------------------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program called claude in a folder of its own; it is never run."""
    path = tmp_path / "bin/claude"
    path.parent.mkdir()
    path.write_text("#!/bin/false\n")
    path.chmod(0o755)
    return path


def invoked(program: Path, harness: Harness | None = None, **job: Any) -> Invocation:
    return (harness or a_harness()).invocation(a_job(f"/nowhere:{program.parent}", **job))


def test_it_runs_without_a_screen_and_may_edit_and_use_the_shell(program: Path) -> None:
    assert invoked(program) == Invocation(
        argv=(
            str(program), "-p", "--output-format", "stream-json", "--verbose",
            "--permission-mode", "acceptEdits", "--allowedTools=Bash",
        ),
        environ={
            "CLAUDE_CODE_MAX_RETRIES": "2",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
        },
    )  # fmt: skip


def test_its_file_tools_reach_its_instructions_and_its_memory(program: Path) -> None:
    job = structs.replace(
        a_job(str(program.parent)), readable=("/skills/writer", "/skills/the protocol"), writable=("/memory",)
    )
    (words,) = (word for word in a_harness().invocation(job).argv if word.startswith("--settings="))
    assert json.loads(words.removeprefix("--settings=")) == {
        "permissions": {
            "allow": ["Read(//skills/writer/**)", "Read(//skills/the protocol/**)"],
            "additionalDirectories": ["/memory"],
        }
    }


def test_the_settings_make_the_command_line(program: Path) -> None:
    harness = a_harness(
        permission_mode="dontAsk",
        allowed_tools=("Bash(git log:*)", "Edit"),
        max_turns=40,
        max_budget_usd=2.5,
        extra_args=("--add-dir=/notes", "--bare"),
    )
    assert invoked(program, harness, model="model-7").argv[5:] == (
        "--permission-mode", "dontAsk", "--allowedTools=Bash(git log:*),Edit",
        "--model", "model-7", "--max-turns", "40", "--max-budget-usd", "2.50", "--add-dir=/notes", "--bare",
    )  # fmt: skip
    assert "--allowedTools=" not in " ".join(invoked(program, a_harness(allowed_tools=())).argv)


def test_what_the_operator_lets_through_by_name_keeps_its_value(program: Path) -> None:
    assert "CLAUDE_CODE_MAX_RETRIES" not in invoked(program, CLAUDE_CODE_MAX_RETRIES="0").environ


def test_the_keys_and_the_address_they_are_for_come_by_name() -> None:
    assert {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_BASE_URL"} <= {
        *Harness.secrets,
        *Harness.variables,
    }


class AsRoot(Harness):
    """The harness as root has it."""

    def user(self) -> int:
        return 0


class AsUser(Harness):
    """The harness as anybody else has it."""

    def user(self) -> int:
        return 1000


def bypassing(kind: type[Harness], *, sandbox: bool) -> Harness:
    return kind(HarnessSettings(claude=ClaudeSettings(bypass=True, sandbox=sandbox)))


def test_root_does_not_bypass_permissions_outside_a_declared_sandbox(program: Path) -> None:
    with pytest.raises(InvalidInput, match="for root") as caught:
        invoked(program, bypassing(AsRoot, sandbox=False))
    assert "sandbox: true" in caught.value.cure


@pytest.mark.parametrize(
    ("kind", "sandbox", "declared"), [(AsRoot, True, "1"), (AsUser, True, "1"), (AsUser, False, None)]
)
def test_permissions_are_bypassed_by_a_setting(
    program: Path, kind: type[Harness], sandbox: bool, declared: str | None
) -> None:
    invocation = invoked(program, bypassing(kind, sandbox=sandbox))
    assert "--dangerously-skip-permissions" in invocation.argv
    assert "--permission-mode" not in invocation.argv
    assert invocation.environ.get("IS_SANDBOX") == declared


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("remove", "is not installed"),
        ("folder", "is a folder"),
        ("mode", "cannot be executed"),
        ("dangling", "cannot be executed"),
    ],
)
def test_a_program_that_cannot_be_run_is_missing(program: Path, spoil: str, words: str) -> None:
    if spoil == "mode":
        program.chmod(0o644)
    else:
        program.unlink()
    if spoil == "folder":
        program.mkdir()
    if spoil == "dangling":
        program.symlink_to("/nowhere/claude")
    with pytest.raises(HarnessMissing, match=words) as caught:
        invoked(program)
    assert Harness.install in caught.value.cure


def test_a_program_that_cannot_be_run_does_not_hide_one_that_can(program: Path, tmp_path: Path) -> None:
    (tmp_path / "first/claude").mkdir(parents=True)
    job = a_job(f"{tmp_path / 'first'}:{program.parent}")
    assert a_harness().invocation(job).argv[0] == str(program)


def test_what_is_refused_is_refused_as_one_of_our_errors(program: Path) -> None:
    program.unlink()
    with pytest.raises(BatonError):
        invoked(program, bypassing(AsUser, sandbox=False))


# -- the real road ------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    """A home whose agents run on Claude Code."""
    yield from scratch_home(tmp_path / "home", harness={"default": "claude"})


def stand_in(home: ScratchHome, case: str, acts: str = "") -> str:
    """Put a program called claude into PATH that acts, and prints what was captured; return that PATH."""
    sample = next(SAMPLES.glob(f"{case}.*json"))
    program = home.root / "bin/claude"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        'cat >"$BATON_HOME/stdin"\n'
        'printf "%s\\n" "$@" >"$BATON_HOME/argv"\n'
        'env >"$BATON_HOME/env"\n'
        f"{acts}\n"
        f"cat '{sample}'\n"
        f"exit {CASES[case]['exit']}\n"
    )
    program.chmod(0o755)
    return f"{program.parent}:{PATH}"


def test_an_agent_that_reports_has_completed_its_step(home: ScratchHome) -> None:
    path = stand_in(home, "success", "echo text >out.md; complete_step.py --output out.md --summary 'A draft' >answer")
    home.agent("writer", model="model-7")
    home.task("t", "writer")

    answer = home.run(
        "invoke_agent.py", "writer", "t", "--json", PATH=path, ANTHROPIC_API_KEY="key-of-a-test", OTHER="value"
    )

    assert (answer.code, answer.json["outcome"]) == (0, "completed")
    task, (run,) = home.read("t"), home.runs("t")
    assert task.current.result is not None
    assert (task.status, task.current.result.summary) == ("completed", "A draft")
    assert (run["harness"], run["model"], run["outcome"]) == ("claude", "model-7", "completed")
    assert (run["session"], run["usage"]) == (CASES["success"]["session"], to_builtins(task.usage))
    told = CASES["success"]["usage"]
    of_model = {name: told[name] for name in told if name not in ("turns", "duration_seconds")}
    assert task.usage == reported(told, {"claude-sonnet-4-5": of_model}, None)
    assert (home.root / "stdin").read_text() == home.prompts("t")[0]
    assert home.lines("argv")[:4] == ["-p", "--output-format", "stream-json", "--verbose"]
    assert home.lines("argv")[-2:] == ["--model", "model-7"]
    (permissions,) = (line for line in home.lines("argv") if line.startswith("--settings="))
    assert f"{home.root}/skills/writer/**" in permissions and f'["{home.root}/memory/WORKING"]' in permissions
    assert f"used      {USED}" in home.run("task.py", "show", "t").out
    environ = dict(line.partition("=")[::2] for line in home.lines("env"))
    assert (environ["ANTHROPIC_API_KEY"], environ["CLAUDE_CODE_MAX_RETRIES"]) == ("key-of-a-test", "2")
    assert "OTHER" not in environ


def test_an_agent_that_does_not_report_has_not_and_the_next_one_is_told(home: ScratchHome) -> None:
    path = stand_in(home, "success")
    home.settings(retry={"max_attempts": 2, **AT_ONCE}, harness={"default": "claude"})
    home.agent("writer")
    home.task("t", "writer")

    ended = home.end_of(home.supervise(PATH=path))

    assert ended.code == 0
    task, runs, prompts = home.read("t"), home.runs("t"), home.prompts("t")
    assert [(run["outcome"], run["kind"], run["exit_code"]) for run in runs] == [("not_completed", "no_report", 0)] * 2
    assert UNREPORTED not in prompts[0]
    assert UNREPORTED in prompts[1]
    assert task.blocked is not None
    assert (task.blocked.kind, task.current.attempts) == ("attempts", 2)
    assert UNREPORTED in task.blocked.reason
    assert (task.usage.runs, task.usage.input_tokens) == (2, 2 * CASES["success"]["usage"]["input_tokens"])
    assert task.usage.cost_usd == pytest.approx(2 * CASES["success"]["usage"]["cost_usd"])


def test_a_failure_of_the_provider_is_told_in_words(home: ScratchHome) -> None:
    path = stand_in(home, "auth_401")
    home.agent("writer")
    home.task("t", "writer")
    assert home.run("invoke_agent.py", "writer", "t", "--json", PATH=path).code == 1
    (run,) = home.runs("t")
    assert (run["outcome"], run["kind"], run["session"]) == ("failed", "auth", CASES["auth_401"]["session"])
    assert run["error"].splitlines()[-1].startswith(CASES["auth_401"]["message"])


def test_a_missing_program_blocks_at_once_and_costs_no_attempt(home: ScratchHome) -> None:
    empty = home.root / "empty"
    empty.mkdir()
    home.agent("writer")
    home.task("t", "writer")

    answer = home.run("invoke_agent.py", "writer", "t", "--json", PATH=str(empty))

    assert (answer.code, answer.json["outcome"]) == (1, "agent_missing")
    task, (run,) = home.read("t"), home.runs("t")
    assert task.blocked is not None
    assert (task.blocked.kind, task.current.attempts, task.usage) == ("agent", 0, NOTHING)
    assert Harness.install in task.blocked.reason
    assert run["kind"] == "harness_missing"
    assert not os.path.exists(home.root / "stdin")
