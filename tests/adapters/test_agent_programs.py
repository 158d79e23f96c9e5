"""The agent programs besides Claude Code: how each is started, streams nobody captured, and input that is bad.

No agent program is run here: in scratch homes a shell script stands in for one, and replays what was captured.
"""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.adapters.captured import TABLE, a_job, an_end, judged, made, stream
from tests.engine.homes import AT_ONCE, PATH, ScratchHome, scratch_home

from baton.adapters.harnesses.streams import OBJECT_LIMIT
from baton.domain.errors import HarnessMissing, InvalidInput
from baton.domain.exchange import Invocation
from baton.domain.statuses import FailureKind

PROGRAMS = ("claude", "codex", "gemini", "opencode", "copilot", "cursor")
every_program = pytest.mark.parametrize("program", PROGRAMS)


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A folder in which every agent program seems to be; none is ever run."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        path = folder / made(name).program
        path.write_text("#!/bin/false\n")
        path.chmod(0o755)
    return folder


def invoked(bin_folder: Path, program: str, job: dict[str, Any] | None = None, **settings: Any) -> Invocation:
    return made(program, **settings).invocation(a_job(str(bin_folder), **(job or {})))


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


# -- command lines ------------------------------------------------------------------------------------------------

QUIET = (
    "-c", "analytics.enabled=false", "-c", "check_for_update_on_startup=false", "-c", "allow_login_shell=false",
)  # fmt: skip
COMMAND_LINES: dict[str, tuple[str, ...]] = {
    "codex": (
        "exec", "--json", "--skip-git-repo-check", *QUIET, "--sandbox", "workspace-write",
        "--add-dir", "/home-of-baton", "-",
    ),
    "gemini": (
        "--output-format", "stream-json", "--skip-trust", "--approval-mode", "auto_edit",
        "--policy", "/logs/r-1.gemini-policy.toml",
        "--include-directories=/home-of-baton/memory/WORKING",
        "--include-directories=/skills/writer", "--include-directories=/skills/protocol",
    ),
    "opencode": ("run", "--format", "json", "--title", "t writer"),
    "copilot": (
        "--output-format", "json", "--no-color", "--no-ask-user",
        "--usage-output-file", "/logs/r-1.copilot-usage.json", "--allow-tool=shell", "--allow-tool=write",
        "--add-dir=/home-of-baton/memory/WORKING", "--add-dir=/skills/writer", "--add-dir=/skills/protocol",
    ),
    "cursor": ("-p", "--output-format", "stream-json", "--trust"),
}  # fmt: skip
BYPASSES = {
    "codex": "--dangerously-bypass-approvals-and-sandbox",
    "gemini": "yolo",
    "opencode": "--auto",
    "copilot": "--allow-all",
    "cursor": "--force",
}
MODELS = {"claude": "--model m", "codex": "-m m", "gemini": "-m m", "opencode": "-m m", "copilot": "--model m"}
RESUMES = {
    "claude": "--resume s-1",
    "codex": "resume s-1 -",
    "gemini": "--resume s-1",
    "opencode": "-s s-1",
    "copilot": "--resume=s-1",
    "cursor": "--resume s-1",
}


@pytest.mark.parametrize("program", COMMAND_LINES)
def test_by_itself_a_program_prints_events_and_may_do_no_more_than_it_must(program: str, bin_folder: Path) -> None:
    assert invoked(bin_folder, program).argv[1:] == COMMAND_LINES[program]


@pytest.mark.parametrize("program", BYPASSES)
def test_it_may_do_anything_when_the_settings_say_so(program: str, bin_folder: Path) -> None:
    assert BYPASSES[program] not in invoked(bin_folder, program).argv
    assert BYPASSES[program] in invoked(bin_folder, program, bypass=True).argv


@pytest.mark.parametrize("program", MODELS)
def test_a_model_is_named_in_its_own_way(program: str, bin_folder: Path) -> None:
    assert MODELS[program] in " ".join(invoked(bin_folder, program, {"model": "m"}).argv)


def test_codex_may_write_to_the_repository_that_a_worktree_is_of(bin_folder: Path) -> None:
    job = a_job(str(bin_folder))
    argv = made("codex").invocation(structs.replace(job, writable=(*job.writable, "/repo/.git"))).argv
    assert [word for before, word in pairwise(argv) if before == "--add-dir"] == ["/home-of-baton", "/repo/.git"]


@every_program
def test_a_session_is_gone_on_with_in_its_own_way(program: str, bin_folder: Path) -> None:
    assert RESUMES[program] in " ".join(invoked(bin_folder, program, {"resume": "s-1"}).argv)


@every_program
def test_further_words_come_for_all_agents_and_for_one(program: str, bin_folder: Path) -> None:
    agent_args = {"writer": ("--mine=1",), "reader": ("--other=1",)}
    argv = invoked(bin_folder, program, extra_args=("--all=1",), agent_args=agent_args).argv
    at = argv.index("--all=1")
    assert argv[at : at + 2] == ("--all=1", "--mine=1")
    assert "--other=1" not in argv


def test_gemini_may_read_a_skill_only_when_it_is_shown_one(bin_folder: Path) -> None:
    policies = []
    for skills in ((), (a_job().skill,)):
        job = structs.replace(a_job(str(bin_folder)), skills=skills)
        policies.append(made("gemini").invocation(job).files["/logs/r-1.gemini-policy.toml"])
    assert ["activate_skill" in policy for policy in policies] == [False, True]


def test_a_system_prompt_is_handed_over_in_each_programs_own_way(bin_folder: Path) -> None:
    said = 'Say "hi"\nnow.'
    argv = invoked(bin_folder, "claude", system_prompt=said).argv
    assert argv[argv.index("--append-system-prompt") + 1] == said
    assert 'developer_instructions="Say \\"hi\\"\\nnow."' in invoked(bin_folder, "codex", system_prompt=said).argv
    gemini = invoked(bin_folder, "gemini", system_prompt=said)
    assert gemini.files[gemini.environ["GEMINI_SYSTEM_MD"]] == said
    opencode = invoked(bin_folder, "opencode", system_prompt=said)
    (path,) = json.loads(opencode.environ["OPENCODE_CONFIG_CONTENT"])["instructions"]
    assert opencode.files == {path: said}


def test_gemini_is_given_its_settings_in_a_home_of_its_own_when_there_is_a_key(bin_folder: Path) -> None:
    job = {"GEMINI_API_KEY": "k"}
    made_with = invoked(bin_folder, "gemini", job, max_turns=7)
    assert made_with.environ["GEMINI_CLI_HOME"] == made_with.scratch == "/logs/t.s1.gemini.scratch"
    written = json.loads(made_with.files["/logs/t.s1.gemini.scratch/.gemini/settings.json"])
    assert (written["model"], written["general"]["maxAttempts"]) == ({"maxSessionTurns": 7}, 2)
    without = invoked(bin_folder, "gemini")
    assert "GEMINI_CLI_HOME" not in without.environ
    assert list(without.files) == ["/logs/r-1.gemini-policy.toml"]
    with pytest.raises(InvalidInput, match="turn limit") as caught:
        invoked(bin_folder, "gemini", max_turns=7)
    assert "GEMINI_API_KEY" in caught.value.cure


@pytest.mark.parametrize(
    ("program", "key", "variable"),
    [
        ("claude", "ANTHROPIC_API_KEY", "CLAUDE_CONFIG_DIR"),
        ("claude", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"),
        ("codex", "CODEX_API_KEY", "CODEX_HOME"),
        ("copilot", "COPILOT_PROVIDER_API_KEY", "COPILOT_HOME"),
    ],
)
def test_with_a_key_a_program_keeps_its_files_in_a_folder_of_the_unit(
    program: str, key: str, variable: str, bin_folder: Path
) -> None:
    folder = f"/logs/t.s1.{program}.scratch"
    keyed = invoked(bin_folder, program, {key: "k"})
    assert (keyed.environ[variable], keyed.scratch) == (folder, folder)


@pytest.mark.parametrize("job", [{}, {"OPENAI_API_KEY": "k"}, {"CODEX_API_KEY": ""}])
def test_without_a_key_of_its_own_a_login_is_looked_for_in_home(job: dict[str, Any], bin_folder: Path) -> None:
    made_with = invoked(bin_folder, "codex", job)
    assert ("CODEX_HOME" in made_with.environ, made_with.scratch) == (False, None)


@pytest.mark.parametrize(
    ("program", "key", "variable"),
    [("claude", "ANTHROPIC_API_KEY", "CLAUDE_CONFIG_DIR"), ("codex", "CODEX_API_KEY", "CODEX_HOME")],
)
def test_a_folder_that_the_operator_names_is_the_one(program: str, key: str, variable: str, bin_folder: Path) -> None:
    assert variable in made(program).variables
    made_with = invoked(bin_folder, program, {key: "k", variable: "/mine"})
    assert (made_with.environ.get(variable), made_with.scratch) == (None, None)


def test_gemini_keeps_its_reports_of_errors_in_that_folder_with_a_login_too(bin_folder: Path) -> None:
    made_with = invoked(bin_folder, "gemini", {"TMPDIR": "/tmp"})
    assert made_with.environ["TMPDIR"] == made_with.scratch == "/logs/t.s1.gemini.scratch"


def test_the_sandbox_of_codex_needs_a_folder_that_is_not_among_temporary_files(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    job = structs.replace(a_job(str(bin_folder), CODEX_API_KEY="k"), prompt_file=f"{tmp_path}/logs/r-1.prompt.md")
    found = [made("codex", bypass=bypass).invocation(job).scratch for bypass in (False, True)]
    assert found == [None, f"{tmp_path}/logs/t.s1.codex.scratch"]


def test_gemini_may_use_the_tools_that_are_allowed(bin_folder: Path) -> None:
    (policy,) = invoked(bin_folder, "gemini", allowed_tools=("run_shell_command", "web_fetch")).files.values()
    assert policy.count("[[rule]]") == 2
    assert 'toolName = "web_fetch"\ndecision = "allow"' in policy
    assert invoked(bin_folder, "gemini", bypass=True).files == {}


def test_opencode_may_use_what_is_allowed(bin_folder: Path) -> None:
    config = json.loads(invoked(bin_folder, "opencode", allowed_tools=("bash",)).environ["OPENCODE_CONFIG_CONTENT"])
    assert config == {"share": "disabled", "snapshot": False, "permission": {"bash": "allow"}}


@pytest.mark.parametrize(
    ("program", "variable", "settings"),
    [
        ("opencode", "OPENCODE_CONFIG_CONTENT", {}),
        ("gemini", "GEMINI_SYSTEM_MD", {"system_prompt": "x"}),
    ],
)
def test_a_variable_that_carries_settings_cannot_be_the_operators_too(
    program: str, variable: str, settings: dict[str, Any], bin_folder: Path
) -> None:
    with pytest.raises(InvalidInput, match=variable) as caught:
        invoked(bin_folder, program, {variable: "theirs"}, **settings)
    assert caught.value.cure


@pytest.mark.parametrize(
    ("program", "variable"), [("copilot", "COPILOT_AUTO_UPDATE"), ("gemini", "GEMINI_CLI_NO_RELAUNCH")]
)
def test_what_the_operator_lets_through_keeps_its_value(program: str, variable: str, bin_folder: Path) -> None:
    assert variable in invoked(bin_folder, program).environ
    assert variable not in invoked(bin_folder, program, {variable: "theirs"}).environ


@every_program
def test_a_missing_program_is_said_with_the_line_that_installs_it(program: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessMissing, match="is not installed") as caught:
        made(program).invocation(a_job(str(tmp_path)))
    assert made(program).install in caught.value.cure


# -- streams nobody captured --------------------------------------------------------------------------------------

CURSOR = (
    {"type": "system", "subtype": "init", "session_id": "s-9", "model": "gpt-9", "cwd": "/w"},
    {"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": "Do it"}]}, "session_id": "s-9"},
    {"type": "assistant", "message": {"content": [{"type": "text", "text": "I look."}]}, "session_id": "s-9"},
    {"type": "tool_call", "subtype": "started", "tool_call": {"shellToolCall": {"args": {"command": "ls"}}}},
)
CURSOR_DONE = {"type": "tool_call", "subtype": "completed", "tool_call": {"shellToolCall": {"result": {"success": {}}}}}
CURSOR_DENIED = CURSOR_DONE | {"tool_call": {"shellToolCall": {"result": {"rejected": {"reason": "not allowed"}}}}}
CURSOR_RESULT = {
    "type": "result", "subtype": "success", "is_error": False, "duration_ms": 2500, "result": "It is done.",
    "usage": {"inputTokens": 5, "outputTokens": 6, "cacheReadTokens": 7, "cacheWriteTokens": 8},
}  # fmt: skip


def test_cursors_stream_is_read_as_it_is_documented() -> None:
    listener = made("cursor").listener()
    listener.feed(lines(*CURSOR))
    assert (listener.session, listener.model, listener.last_line(), listener.is_done) == (
        "s-9",
        "gpt-9",
        "shell: ls",
        False,
    )
    verdict = judged("cursor", lines(*CURSOR, CURSOR_DONE, CURSOR_RESULT))
    assert (verdict.kind, verdict.summary, verdict.session) == (FailureKind.NO_REPORT, "It is done.", "s-9")
    assert verdict.usage == {
        "input_tokens": 5, "output_tokens": 6, "cache_read_tokens": 7, "cache_creation_tokens": 8,
        "duration_seconds": 2.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("events", "by", "kind"),
    [
        ((*CURSOR, CURSOR_DENIED, CURSOR_RESULT), an_end(), "tool_denied"),
        (CURSOR, an_end(), "no_result"),
        (CURSOR, an_end(1), "exit_code"),
        ((*CURSOR, CURSOR_RESULT), an_end(1), "exit_code"),
        ((*CURSOR, CURSOR_RESULT | {"is_error": True}), an_end(), "no_result"),
        ((), an_end(1, "Error: Authentication required. Run 'agent login' first"), "auth"),
        ((), an_end(1, "Cannot use this model: nope. Available models: auto"), "model_unknown"),
        ((), an_end(1, "Error: You've hit your usage limit. Get Pro for more"), "rate_limit"),
    ],
)
def test_cursors_ends_are_judged_by_the_rules_of_all(events: tuple[dict[str, Any], ...], by: Any, kind: str) -> None:
    assert judged("cursor", lines(*events), by=by).kind == kind


@pytest.mark.parametrize(
    ("program", "events"),
    [
        ("codex", [{"type": "turn.completed", "usage": {}}]),
        ("gemini", [{"type": "result", "status": "success", "stats": {"total_tokens": 5}}]),
        ("opencode", [{"type": "step_finish", "part": {"reason": "stop"}}]),
        ("copilot", [{"type": "result", "exitCode": 0}]),
        ("cursor", [{"type": "result", "subtype": "success", "is_error": False, "result": ""}]),
    ],
)
def test_a_result_without_a_word_or_before_the_start_is_no_success(program: str, events: list[dict[str, Any]]) -> None:
    assert judged(program, lines(*events)).kind is FailureKind.NO_RESULT


@pytest.mark.parametrize(("stderr", "kind"), [("", "exit_code"), ("Error: rate limit exceeded", "rate_limit")])
def test_an_answer_that_speaks_of_errors_is_none(stderr: str, kind: str) -> None:
    answer = "I mended what happens at HTTP 429: rate limit, insufficient_quota, model x not found."
    result = {"type": "result", "subtype": "success", "is_error": False, "result": answer}
    for program in ("claude", "cursor"):
        assert judged(program, lines(result), by=an_end(3, stderr)).kind == kind


def test_what_is_said_before_the_last_tool_is_no_answer() -> None:
    said = {"type": "message", "role": "assistant", "content": "I begin.", "delta": True}
    tool = {"type": "tool_use", "tool_name": "run_shell_command"}
    end = {"type": "result", "status": "success", "stats": {"total_tokens": 5}}
    assert judged("gemini", lines(said, tool, end)).kind is FailureKind.NO_RESULT
    assert judged("gemini", lines(tool, said, end)).kind is FailureKind.NO_REPORT


def test_a_tool_that_opencode_was_not_allowed_stops_it_and_that_is_said() -> None:
    verdict = judged("opencode", stream("opencode", "ask"))
    assert "harness.opencode.allowed_tools" in verdict.message


@pytest.mark.parametrize(
    ("said", "resets_at"),
    [
        ("Rate limit reached. Please try again in 1.5s.", "2026-11-21T00:00:01.500Z"),
        ("You've hit your usage limit. Try again in 3 days 2 hours 5 minutes.", "2026-11-24T02:05:00.000Z"),
        ("rate limit: your quota will reset after 2h15m30s.", "2026-11-21T02:15:30.000Z"),
        ("You've hit your usage limit · resets 3pm (Asia/Tokyo)", "2026-11-21T06:00:00.000Z"),
        ("You've hit your usage limit · resets 8:30am (Asia/Tokyo)", "2026-11-21T23:30:00.000Z"),
        ("usage limit; resets Nov 24, 3pm (America/New_York)", "2026-11-24T20:00:00.000Z"),
        ("usage limit reached|1795300000", "2026-11-21T22:26:40.000Z"),
        ("usage limit, resets_at: 1795300000", "2026-11-21T22:26:40.000Z"),
        ("rate limit until 2026-11-21T09:00:00+01:00", "2026-11-21T08:00:00.000Z"),
        ("usage limit, try again at 3:05 PM", None),
        ("usage limit · resets 25pm (Asia/Tokyo)", None),
        ("usage limit · resets 3pm (Mars/Olympus)", None),
        ("usage limit, resets in 999999999 days", None),
        ("usage limit reached", None),
    ],
)
def test_a_rate_limits_end_is_read_from_what_is_said(said: str, resets_at: str | None) -> None:
    verdict = judged("codex", lines({"type": "turn.failed", "error": {"message": said}}), by=an_end(1))
    assert (verdict.kind, verdict.resets_at) == (FailureKind.RATE_LIMIT, resets_at)
    assert resets_at is None or f"until {resets_at}" in verdict.message


def test_a_wait_says_nothing_when_nobody_knows_when_it_began() -> None:
    failed = lines({"type": "turn.failed", "error": {"message": "rate limit, try again in 5s"}})
    assert judged("codex", failed, by=an_end(1, at=None)).resets_at is None


def test_a_quota_that_comes_back_is_a_limit_and_one_that_does_not_is_no_credit() -> None:
    said = "You exceeded your current quota."
    for text, kind in ((said, FailureKind.CREDIT), (f"{said} Please retry in 20s.", FailureKind.RATE_LIMIT)):
        failed = lines({"type": "turn.failed", "error": {"message": text}})
        assert judged("codex", failed, by=an_end(1)).kind is kind


def test_a_model_that_google_does_not_know_is_recognised_by_its_words() -> None:
    said = "[API Error: models/nope is not found for API version v1beta, or is not supported for generateContent.]"
    failed = lines({"type": "result", "status": "error", "error": {"type": "Error", "message": said}})
    assert judged("gemini", failed, by=an_end(1)).kind is FailureKind.MODEL_UNKNOWN


# -- bad input ----------------------------------------------------------------------------------------------------


@every_program
def test_a_hundred_megabytes_and_a_line_of_fifty_cost_no_memory(program: str) -> None:
    listener = made(program).listener()
    event, piece = lines({"type": "never_seen", "text": "x" * 50_000}), b"y" * (1 << 16)
    tracemalloc.start()

    for _ in range(2_000):
        listener.feed(event)
    for _ in range(800):
        listener.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * OBJECT_LIMIT
    verdict = made(program).verdict(a_job(), an_end(), listener)
    assert (verdict.kind, verdict.message.endswith("(some lines of its output were too long to be read)")) == (
        FailureKind.NO_RESULT,
        True,
    )


@every_program
@pytest.mark.parametrize(
    "data",
    [
        b"\x00\xff\xfe\x1b[31m\n" * 100,
        b'{"type": "result"\n{"type":',
        b"[" * 100_000,
        b'{"type": ["list"]}\n{}\nnull\n',
    ],
    ids=["binary", "broken", "deep", "strange"],
)
def test_what_is_no_stream_is_no_result(program: str, data: bytes) -> None:
    verdict = judged(program, data)
    assert (verdict.kind, verdict.completed) == (FailureKind.NO_RESULT, False)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    """A home whose agents run on Codex."""
    yield from scratch_home(tmp_path / "home", harness={"default": "codex"})


def stand_in(home: ScratchHome, acts: str, name: str = "codex") -> str:
    """Put a program of this name into PATH that does this; return that PATH."""
    program = home.root / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{acts}\n")
    program.chmod(0o755)
    return f"{program.parent}:{PATH}"


SAMPLE = Path(__file__).parent / "samples/codex/success.ndjson"
FLOODS = {
    "100 MB of output": (
        """yes "$(printf '{"type": "never_seen", "text": "%02000d"}' 0)" | head -c 100000000""",
        "no_result",
    ),
    "a line of 50 MB": ("head -c 50000000 /dev/zero | tr '\\0' x", "no_result"),
    "binary output": ("head -c 1000000 /dev/urandom", "no_result"),
    "broken JSON": (f"head -c 700 '{SAMPLE}'", "no_result"),
    "a result before the start": (f"tail -n 1 '{SAMPLE}'", "no_result"),
    "another exit": (f"cat '{SAMPLE}'; exit 3", "exit_code"),
    "a result": (f"cat '{SAMPLE}'", "no_report"),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_whatever_a_program_prints_the_run_is_recorded_with_a_clear_outcome(home: ScratchHome, flood: str) -> None:
    acts, kind = FLOODS[flood]
    path = stand_in(home, f"cat >/dev/null; {acts}")
    home.agent("writer")
    home.task("t", "writer")
    answer = home.run("invoke_agent.py", "writer", "t", "--json", PATH=path)
    assert answer.code == 1
    (run,) = home.runs("t")
    assert (run["status"], run["kind"], run["harness"]) == ("failed", kind, "codex")
    assert home.read("t").current.attempts == 1


def test_a_folder_in_the_place_of_the_program_blocks_with_its_install_line(home: ScratchHome) -> None:
    (home.root / "bin/codex").mkdir(parents=True)
    home.agent("writer")
    home.task("t", "writer")
    assert home.run("invoke_agent.py", "writer", "t", "--json", PATH=f"{home.root}/bin:/usr/bin:/bin").code == 1
    task, (run,) = home.read("t"), home.runs("t")
    assert task.blocked is not None
    assert (task.blocked.kind, run["kind"]) == ("agent", "harness_missing")
    assert "is a folder, not the program codex" in task.blocked.reason
    assert "npm install -g @openai/codex" in task.blocked.reason


def test_a_harness_that_nobody_described_blocks_by_name(home: ScratchHome) -> None:
    home.agent("writer", harness="x-nobody")
    home.task("t", "writer")
    assert home.run("invoke_agent.py", "writer", "t", "--json").code == 1
    blocked = home.read("t").blocked
    assert blocked is not None
    assert "the settings do not describe the harness 'x-nobody'" in blocked.reason


def test_a_rate_limits_end_stands_on_the_record_of_the_run(home: ScratchHome) -> None:
    failed = lines({"type": "turn.failed", "error": {"message": "usage limit reached|1795300000"}}).decode().strip()
    path = stand_in(home, f"cat >/dev/null; echo '{failed}'; exit 1")
    home.settings(retry={"max_attempts": 1, **AT_ONCE}, harness={"default": "codex"})
    home.agent("writer")
    home.task("t", "writer")
    home.run("invoke_agent.py", "writer", "t", "--json", PATH=path)
    (run,) = home.runs("t")
    assert (run["outcome"], run["kind"], run["resets_at"]) == ("failed", "rate_limit", "2026-11-21T22:26:40.000Z")


# OpenCode does not tell the model, and none was asked for.
TOLD_MODELS = {"gemini": ["fake-gemini"], "opencode": [], "copilot": ["fake-model"]}


@pytest.mark.parametrize("program", TOLD_MODELS)
def test_an_agent_on_any_program_completes_its_step_by_its_report(home: ScratchHome, program: str) -> None:
    sample = SAMPLE.parents[1] / program / "success.ndjson"
    path = stand_in(
        home, f"cat >/dev/null; echo text >out.md; complete_step.py --output out.md; cat '{sample}'", program
    )
    home.agent("writer", harness=program)
    home.task("t", "writer")
    answer = home.run("invoke_agent.py", "writer", "t", "--json", PATH=path, GEMINI_API_KEY="key-of-a-test")
    assert (answer.code, answer.json["outcome"]) == (0, "completed")
    (run,) = home.runs("t")
    expected = TABLE[program]["success"]
    assert (run["harness"], run["session"]) == (program, expected["session"])
    assert expected["usage"].items() <= run["usage"].items()
    assert (run["usage"]["runs"], list(run["usage"].get("models", ()))) == (1, TOLD_MODELS[program])
