"""The operator's settings: what stands when nothing is written, what may be written, and what is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from baton.domain.errors import InvalidInput
from baton.domain.settings import EVENTS, LeaseSettings, Settings
from baton.store import strict_yaml
from baton.store.documents import SETTINGS_TEMPLATE, load_text

HARNESSES = "known: api, claude, codex, command, copilot, cursor, gemini, opencode, script"
DURATION = "write a number and a unit: ms, s, m, h or d, like 30s"
OF_EACH: dict[str, Any] = {
    "bypass": False,
    "system_prompt": None,
    "max_turns": None,
    "max_budget_usd": None,
    "extra_args": [],
    "agent_args": {},
}
AGENT_NAME = "use a-z and 0-9 joined by single '-', at most 64 characters"
DEFAULTS: dict[str, Any] = {
    "concurrency": {"agents": 4},
    "lease": {"heartbeat": "15s", "steal_after": "10m", "stale_after": "30m"},
    "retry": {
        "max_attempts": 3,
        "max_interruptions": 10,
        "backoff": "30s",
        "backoff_max": "30m",
        "max_revisions": 3,
        "outage_max": "6h",
        "resume": False,
    },
    "timeouts": {"step": "60m", "first_output": "10m", "silence": "20m", "after_result": "60s", "grace": "10s"},
    "sweep": {"archive_after": "0s", "min_backlog": 0},
    "heartbeats": {
        "agents": {},
        "min_backlog": {},
        "refill": "keyword-researcher",
        "backoff": "1h",
        "backoff_max": "24h",
    },
    "harness": {
        "default": "claude",
        "models": {},
        "claude": {
            "permission_mode": "acceptEdits",
            "allowed_tools": ["Bash"],
            "sandbox": False,
            **OF_EACH,
        },
        "codex": OF_EACH | {"allowed_tools": []},
        "gemini": OF_EACH | {"allowed_tools": ["run_shell_command"]},
        "opencode": OF_EACH | {"allowed_tools": ["bash", "edit", "external_directory"]},
        "copilot": OF_EACH | {"allowed_tools": ["shell", "write"]},
        "cursor": OF_EACH | {"allowed_tools": []},
        "api": {
            "wire": "anthropic",
            "base_url": None,
            "key": None,
            "model": None,
            "max_tokens": None,
            "read_timeout": "10m",
        },
        "own": {},
    },
    "notify": {
        "channels": ["telegram"],
        "events": [
            "campaign_activated",
            "campaign_completed",
            "task_completed",
            "task_blocked",
            "agent_crashed",
            "harness_parked",
            "memory_redacted",
        ],
    },
    "retention": {"archive": "365d", "runs": "90d", "logs": "30d", "events": "90d", "memory": "90d"},
    "memory": {"prompt_bytes": 16_384, "lessons": 20},
    "skills": {"always": []},
    "assignments": {
        "timeout": "10m",
        "timeouts": {},
        "harnesses": {},
        "models": {},
        "max_jobs": 50,
        "max_alike": 5,
        "max_cost": None,
        "guardian": False,
        "namespaces": {},
    },
    "env": [],
}


def read(text: str) -> Settings:
    return load_text(text, Settings, "baton.yaml")


def as_written(settings: Settings) -> Any:
    return msgspec.json.decode(msgspec.json.encode(settings))


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        read(text)
    return caught.value.message, caught.value.cure


# -- what stands --------------------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_contract() -> None:
    assert as_written(Settings()) == DEFAULTS


def test_every_duration_can_be_had_in_seconds() -> None:
    settings = Settings()

    found = {
        f"{section}.{name}": getattr(part, name)
        for section, part in ((one, getattr(settings, one)) for one in settings.__struct_fields__)
        for name in dir(part)
        if name.endswith("_seconds")
    }
    assert found == {
        "lease.heartbeat_seconds": 15.0,
        "lease.steal_after_seconds": 600.0,
        "lease.stale_after_seconds": 1800.0,
        "retry.backoff_seconds": 30.0,
        "retry.backoff_max_seconds": 1800.0,
        "retry.outage_max_seconds": 21600.0,
        "timeouts.step_seconds": 3600.0,
        "timeouts.first_output_seconds": 600.0,
        "timeouts.silence_seconds": 1200.0,
        "timeouts.after_result_seconds": 60.0,
        "timeouts.grace_seconds": 10.0,
        "sweep.archive_after_seconds": 0.0,
        "heartbeats.backoff_seconds": 3600.0,
        "heartbeats.backoff_max_seconds": 86400.0,
        "retention.archive_seconds": 31_536_000.0,
        "retention.runs_seconds": 7_776_000.0,
        "retention.logs_seconds": 2_592_000.0,
        "retention.events_seconds": 7_776_000.0,
        "retention.memory_seconds": 7_776_000.0,
    }


def test_what_is_written_replaces_the_default_beside_the_others() -> None:
    settings = read("retry: {backoff: 1.5s}\nharness:\n  models:\n    claude: {fast: model-7}\nenv: [MY_KEY]\n")

    expected = {**DEFAULTS, "env": ["MY_KEY"]}
    expected["retry"] = {**DEFAULTS["retry"], "backoff": "1.5s"}
    expected["harness"] = {**DEFAULTS["harness"], "models": {"claude": {"fast": "model-7"}}}
    assert as_written(settings) == expected
    assert settings.retry.backoff_seconds == 1.5


def test_a_supervisor_beats_three_times_before_it_is_stale_whatever_is_written() -> None:
    assert LeaseSettings(stale_after="3s").heartbeat_seconds == 1.0
    assert LeaseSettings(heartbeat="500ms", stale_after="3s").heartbeat_seconds == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "concurrency: {agents: 1}",
        "concurrency: {agents: 100}",
        "retry: {backoff: 0s, max_attempts: 1000}",
        "timeouts: {grace: 0s}",
        "sweep: {archive_after: 36500d, min_backlog: 1000}",
        "heartbeats: {agents: {orchestrator: 1m, my-agent: '*/5 6-8 * * 1,5', other: }, min_backlog: {acme: 0}}",
        "notify: {channels: [], events: []}",
        f"notify: {{events: [{', '.join(EVENTS)}]}}",
        "harness: {default: script}",
        "harness: {default: x-mine, own: {x-mine: {argv: [mine]}}, models: {x-mine: {fast: m}}}",
        "harness: {gemini: {max_turns: 5, system_prompt: Be brief}, codex: {agent_args: {writer: [--search]}}}",
        "harness: {claude: {max_turns: 1000, max_budget_usd: 0.01, allowed_tools: [], extra_args: [--bare]}}",
        "harness: {claude: {max_budget_usd: 100000, permission_mode: plan, bypass: true, sandbox: true}}",
        "retention: {logs: 0s}",
    ],
)
def test_values_at_the_limits_are_accepted(text: str) -> None:
    assert read(text) != Settings()


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "cure"),
    [
        (
            "concurrency: {agnets: 2}",
            "concurrency.agnets: unknown key",
            "did you mean 'agents'? known: agents",
        ),
        (
            "retries: {}",
            "retries: unknown key",
            "did you mean 'retry'? known: assignments, concurrency, env, harness, heartbeats, lease, memory, notify, "
            "retention, retry, skills, sweep, timeouts",
        ),
        (
            "concurrency: {agents: 0}",
            "concurrency.agents: 0 is not between 1 and 100",
            "write a whole number from 1 to 100",
        ),
        (
            "concurrency: {agents: 101}",
            "concurrency.agents: 101 is not between 1 and 100",
            "write a whole number from 1 to 100",
        ),
        (
            "concurrency: {agents: 1.0}",
            "concurrency.agents: expected a whole number, got a number",
            "correct the value",
        ),
        ("concurrency: {agents: yes}", "concurrency.agents: expected a whole number, got text", "correct the value"),
        (
            "retry: {max_attempts: 0}",
            "retry.max_attempts: 0 is not between 1 and 1000",
            "write a whole number from 1 to 1000",
        ),
        (
            "retry: {max_interruptions: -1}",
            "retry.max_interruptions: -1 is not between 1 and 1000",
            "write a whole number from 1 to 1000",
        ),
        (
            "retry: {max_revisions: 0}",
            "retry.max_revisions: 0 is not between 1 and 1000",
            "write a whole number from 1 to 1000",
        ),
        ("lease: {heartbeat: 15}", "lease.heartbeat: expected text, got a whole number", "write it like 30s"),
        ('lease: {heartbeat: "15"}', "lease.heartbeat: '15' is not a duration", DURATION),
        ("lease: {steal_after: 0s}", "lease.steal_after: must be longer than 0", "write a time like 30s"),
        ("lease: {stale_after: -1s}", "lease.stale_after: '-1s' is not a duration", DURATION),
        ("timeouts: {step: 0ms}", "timeouts.step: must be longer than 0", "write a time like 30s"),
        ("retention: {runs: 36501d}", "retention.runs: 36501d is longer than 36500d", "write a shorter time"),
        ("retry: {backoff: 1 m}", "retry.backoff: '1 m' is not a duration", DURATION),
        (
            "sweep: {min_backlog: -1}",
            "sweep.min_backlog: -1 is not between 0 and 1000",
            "write a whole number from 0 to 1000",
        ),
        (
            "heartbeats: {min_backlog: {acme: 1001}}",
            "heartbeats.min_backlog.acme: 1001 is not between 0 and 1000",
            "write a whole number from 0 to 1000",
        ),
        (
            "heartbeats: {min_backlog: {../x: 1}}",
            "heartbeats.min_backlog: '../x' is not a project's slug",
            "write its slug",
        ),
        ("heartbeats: {agents: {Bad_Name: 1h}}", "heartbeats.agents: 'Bad_Name' is not an agent's name", AGENT_NAME),
        (
            "heartbeats: {agents: {mine: 30s}}",
            "heartbeats.agents.mine: '30s' is not between 1m and 366d",
            "write a time like 30m",
        ),
        (
            "heartbeats: {agents: {mine: 0 0 30 2 *}}",
            "heartbeats.agents.mine: '0 0 30 2 *' never comes",
            "no month has such a day",
        ),
        ("heartbeats: {refill: a_b}", "heartbeats.refill: 'a_b' is not an agent's name", AGENT_NAME),
        ("heartbeats: {backoff: 0s}", "heartbeats.backoff: must be longer than 0", "write a time like 30s"),
        (
            "harness: {default: claud}",
            "harness.default: 'claud' is not a harness",
            f"did you mean 'claude'? {HARNESSES}",
        ),
        ("harness: {models: {x: {a: b}}}", "harness.models.x: 'x' is not a harness", HARNESSES),
        (
            "harness: {models: {codex: {a: ''}}}",
            "harness.models.codex: a word or a model is empty",
            "write it like {sonnet: NAME}",
        ),
        (
            "harness: {models: {codex: {a: 5}}}",
            "harness.models.codex.a: expected text, got a whole number",
            "put the value in quotes",
        ),
        (
            "harness: {claude: {max_turn: 5}}",
            "harness.claude.max_turn: unknown key",
            "did you mean 'max_turns'? known: agent_args, allowed_tools, bypass, extra_args, max_budget_usd, max_turns,"
            " permission_mode, sandbox, system_prompt",
        ),
        (
            "harness: {claude: {permission_mode: acceptEdit}}",
            "harness.claude.permission_mode: 'acceptEdit' is not a permission mode",
            "did you mean 'acceptEdits'? known: acceptEdits, auto, default, dontAsk, plan",
        ),
        (
            "harness: {claude: {permission_mode: bypassPermissions}}",
            "harness.claude.permission_mode: is not how to bypass permissions",
            "set bypass: true",
        ),
        (
            "harness: {claude: {max_turns: 0}}",
            "harness.claude.max_turns: 0 is not between 1 and 1000",
            "write a whole number from 1 to 1000",
        ),
        (
            "harness: {claude: {max_budget_usd: 0}}",
            "harness.claude.max_budget_usd: is not between 0.01 and 100000",
            "write dollars, like 2.50",
        ),
        (
            "harness: {claude: {max_budget_usd: 1e9}}",
            "harness.claude.max_budget_usd: is not between 0.01 and 100000",
            "write dollars, like 2.50",
        ),
        (
            "harness: {claude: {allowed_tools: Bash}}",
            "harness.claude.allowed_tools: expected a list, got text",
            "correct the value",
        ),
        (
            "harness: {claude: {allowed_tools: ['']}}",
            "harness.claude.allowed_tools: a word is empty or not printable",
            "remove it",
        ),
        (
            "harness: {claude: {extra_args: [--bare, --permission-mode=plan]}}",
            "harness.claude.extra_args: --permission-mode=plan is Baton's own to give",
            "remove it; there is a setting for it",
        ),
        ("timeouts: {silence: 0s}", "timeouts.silence: must be longer than 0", "write a time like 30s"),
        ("timeouts: {first_output: 0s}", "timeouts.first_output: must be longer than 0", "write a time like 30s"),
        (
            "timeouts: {silenc: 5m}",
            "timeouts.silenc: unknown key",
            "did you mean 'silence'? known: after_result, first_output, grace, silence, step",
        ),
        ("harness: {codex: {max_turns: 5}}", "harness.codex.max_turns: Codex has no turn limit", "remove it"),
        (
            "harness: {codex: {max_budget_usd: 5}}",
            "harness.codex.max_budget_usd: Codex has no money limit",
            "remove it",
        ),
        (
            "harness: {opencode: {max_turns: 5}}",
            "harness.opencode.max_turns: OpenCode only reminds its model of a turn limit, and goes on",
            "remove it",
        ),
        (
            "harness: {copilot: {system_prompt: Be brief}}",
            "harness.copilot.system_prompt: Copilot CLI takes none; it reads AGENTS.md",
            "remove it",
        ),
        (
            "harness: {cursor: {max_turns: 5}}",
            "harness.cursor.max_turns: Cursor's agent has no turn limit",
            "remove it",
        ),
        (
            "harness: {gemini: {extra_args: [--yolo]}}",
            "harness.gemini.extra_args: --yolo is Baton's own to give",
            "remove it; there is a setting for it",
        ),
        (
            "harness: {codex: {agent_args: {writer: [--sandbox=read-only]}}}",
            "harness.codex.agent_args.writer: --sandbox=read-only is Baton's own to give",
            "remove it; there is a setting for it",
        ),
        (
            "harness: {codex: {agent_args: {'A b': [x]}}}",
            "harness.codex.agent_args: 'A b' is not a valid agent name",
            "write {AGENT: [WORD]}",
        ),
        (
            "harness: {claude: {system_prompt: ' '}}",
            "harness.claude.system_prompt: is empty or not printable",
            "write a text, or remove the key",
        ),
        ("harness: {default: x-mine}", "harness.default: 'x-mine' is not a harness", HARNESSES),
        (
            "harness: {own: {mine: {argv: [mine]}}}",
            "harness.own.mine: 'mine' does not begin with x-, or has other signs than a-z, 0-9 and '-'",
            "name it like x-my-agent",
        ),
        ("harness: {own: {x-mine: {}}}", "harness.own.x-mine: the key 'argv' is missing", "add 'argv: ...'"),
        (
            "harness: {own: {x-mine: {argv: [mine, '{modl}']}}}",
            "harness.own.x-mine.argv: {modl} is not known",
            "did you mean 'model'? known: agent, model, prompt_file, resume, run, skill, step, task, workspace",
        ),
        (
            "harness: {own: {x-mine: {argv: [mine], parser: jsonl}}}",
            "harness.own.x-mine.parser: 'jsonl' is not a parser",
            "did you mean 'ndjson'? known: ndjson, text",
        ),
        (
            "harness: {own: {x-mine: {argv: [mine], stream: {session: id}}}}",
            "harness.own.x-mine.stream: says how JSON is read, and the parser is text",
            "set parser: ndjson",
        ),
        (
            "harness: {own: {x-mine: {argv: [mine], parser: ndjson, success: {result: true}}}}",
            "harness.own.x-mine.success: asks for a result, and stream.result does not say what it is",
            "add it",
        ),
        (
            "harness: {own: {x-mine: {argv: [mine], exit_codes: {'0': auth}}}}",
            "harness.own.x-mine.exit_codes: '0' is not an exit code",
            "write it like {'41': auth}",
        ),
        (
            "harness: {own: {x-mine: {argv: [mine], failures: {overdrawn: credits}}}}",
            "harness.own.x-mine.failures.overdrawn: invalid enum value 'credits'",
            "did you mean 'credit'?",
        ),
        (
            "notify: {channels: [telegram, slack]}",
            "notify.channels: 'slack' is not a channel that is built",
            "known: telegram",
        ),
        ("notify: {channels: telegram}", "notify.channels: expected a list, got text", "correct the value"),
        (
            "notify: {events: [task_complete]}",
            "notify.events: 'task_complete' is not an event to be told",
            "did you mean 'task_completed'? known: agent_crashed, campaign_activated, campaign_completed,"
            " harness_parked, harness_resumed, memory_redacted, revision_requested, step_completed, task_blocked,"
            " task_commented, task_completed",
        ),
        ("env: [A=b]", "env: an entry is not the name of a variable", "list names only, like MY_KEY; no values"),
        ("env: [BATON_LEASE]", "env: BATON_LEASE is set by Baton itself", "remove it"),
        ("retry:", "retry: expected a mapping, got nothing", "write a value, or remove the key"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(text: str, message: str, cure: str) -> None:
    assert refusal(f"# settings\n{text}") == (f"baton.yaml:2: {message}", cure)


def test_what_is_no_variable_is_not_shown_for_it_may_be_a_secret() -> None:
    assert "hunter2" not in str(refusal("env: ['KEY=hunter2']"))


def test_a_wrong_value_is_refused_where_no_file_is_read_too() -> None:
    with pytest.raises(ValueError, match=r"^heartbeat: '15' is not a duration$"):
        LeaseSettings(heartbeat="15")
    with pytest.raises(msgspec.ValidationError, match=r"^step: must be longer than 0 - at `\$\.timeouts`$"):
        msgspec.convert({"timeouts": {"step": "0s"}}, Settings)


# -- the shipped file ---------------------------------------------------------------------------------------------


def uncommented() -> str:
    rows = Path(SETTINGS_TEMPLATE).read_text("utf-8").splitlines()
    return "\n".join(
        row.removeprefix("#") if not row.startswith("# ") or row.startswith("#  ") else row for row in rows
    )


def test_the_shipped_file_sets_nothing() -> None:
    assert load_text(Path(SETTINGS_TEMPLATE).read_text("utf-8"), Settings, "baton.yaml") == Settings()


def test_the_shipped_file_without_its_comment_signs_says_every_key_with_its_default() -> None:
    assert strict_yaml.parse(uncommented(), "baton.yaml").data == DEFAULTS


def test_every_heading_of_the_shipped_file_can_be_uncommented_by_itself() -> None:
    text = Path(SETTINGS_TEMPLATE).read_text("utf-8")

    for heading, keys in DEFAULTS.items():
        start = text.index(f"#{heading}:")
        section = text[start:].split("\n\n")[0]
        rows = "\n".join(row.removeprefix("#") for row in section.splitlines())
        assert strict_yaml.parse(rows, "baton.yaml").data == {heading: keys}
