"""The ``claude`` harness: Claude Code without a screen, the prompt on its standard input, its events heard as they come.

New types of events keep appearing, and any field may be missing. The streams that were captured stand in the tests:
versions 2.1.197 and 2.1.329.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec
from msgspec import structs

from baton.adapters.harnesses import LINE_LIMIT
from baton.adapters.harnesses.agent_cli import AgentCli
from baton.adapters.harnesses.endings import Speech
from baton.adapters.harnesses.events import (
    TEXT_LIMIT,
    Abort,
    Event,
    Failure,
    Limit,
    Parser,
    Result,
    Retry,
    Session,
    Text,
    ToolResult,
    ToolUse,
    Turn,
    Usage,
)
from baton.adapters.harnesses.streams import Fields, summed
from baton.domain.errors import InvalidInput
from baton.domain.exchange import Invocation, Job
from baton.domain.harness_settings import ClaudeSettings
from baton.domain.statuses import FailureKind

# Our name of a count, and what it is called in the counts by model and in those of a message.
BY_MODEL = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_tokens": "cacheReadInputTokens",
    "cache_creation_tokens": "cacheCreationInputTokens",
    "cost_usd": "costUSD",
}
READ = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_creation_tokens": "cache_creation_input_tokens",
}
IN_ALL = READ | {"output_tokens": "output_tokens"}
OF_RUN = {"cost_usd": "total_cost_usd", "turns": "num_turns", "duration_seconds": "duration_ms"}
# Left alone it tries ten times in three minutes, a wrong key too: waiting is Baton's part. The rest keeps it quiet.
ENVIRON = {
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
}

SPEECH = Speech(
    title="Claude Code",
    shells=("Bash",),
    # A subtype, a terminal reason or the word of an error, where it says enough by itself. "server_error" does not: it
    # stands for a lost connection, too. Nor does the reason "completed": the older version says so of every error.
    of_word={
        "error_max_turns": FailureKind.TURN_LIMIT,
        "error_max_budget_usd": FailureKind.BUDGET,
        "prompt_too_long": FailureKind.CONTEXT_TOO_LONG,
        "aborted_streaming": FailureKind.SIGNAL,
        "aborted_tools": FailureKind.SIGNAL,
        "authentication_failed": FailureKind.AUTH,
        "oauth_org_not_allowed": FailureKind.AUTH,
        "account_on_hold": FailureKind.AUTH,
        "verification_required": FailureKind.AUTH,
        "cloud_credential_error": FailureKind.AUTH,
        "billing_error": FailureKind.CREDIT,
        "rate_limit": FailureKind.RATE_LIMIT,
        "overloaded": FailureKind.OVERLOADED,
        "model_not_found": FailureKind.MODEL_UNKNOWN,
        "max_output_tokens": FailureKind.NO_RESULT,
        "connection_failed": FailureKind.TRANSPORT,
    },
    of_text={
        "piped stdin input exceeds": FailureKind.CONTEXT_TOO_LONG,
        "request timed out": FailureKind.TRANSPORT,
        "connection dropped": FailureKind.TRANSPORT,
    },
    cures={
        FailureKind.AUTH: "set ANTHROPIC_API_KEY, or log in once by hand",
        FailureKind.MODEL_UNKNOWN: "name another one, or map it under harness.models",
        FailureKind.TURN_LIMIT: "raise harness.claude.max_turns",
        FailureKind.BUDGET: "raise harness.claude.max_budget_usd",
        FailureKind.TOOL_DENIED: "see harness.claude.allowed_tools",
    },
    of_session=tuple(BY_MODEL),
)


class ClaudeParser:
    """Reads one run's stream."""

    def __init__(self) -> None:
        self._counted = ""

    def __call__(self, event: Fields) -> Iterator[Event]:
        """Turn one object into events."""
        yield Session(id=event.text("session_id"))
        message = event.fields("message")
        match event.word("type"):
            case "system":
                yield from self._of_system(event)
            case "assistant":
                # A message with a parent is of a helper that the agent called: its words are not the agent's.
                if event.data.get("parent_tool_use_id") is None:
                    yield from self._of_agent(event, message)
                for part in message.all("content"):
                    if part.word("type") == "tool_use":
                        yield ToolUse(name=part.word("name"), what=part.fields("input").text("description", LINE_LIMIT))
            case "user":
                texts = [part.word("text") for part in message.all("content")]
                if any(text.startswith("[Request interrupted by user") for text in texts):
                    yield Abort()
            case "rate_limit_event":
                info = event.fields("rate_limit_info")
                yield Limit(resets_at=info.number("resetsAt") if info.word("status") == "rejected" else None)
            case "result":
                yield from self._of_result(event)

    def _of_system(self, event: Fields) -> Iterator[Event]:
        match event.word("subtype"):
            case "init":
                yield Session(model=event.word("model"))
            case "api_retry":
                yield Retry(why=event.word("error").replace("_", " "))
            case "permission_denied":
                yield ToolResult(name=event.word("tool_name"), is_denied=True)

    def _of_agent(self, event: Fields, message: Fields) -> Iterator[Event]:
        yield Turn()
        said = "\n".join(text for part in message.all("content") if (text := part.text("text")).strip())
        words, status = (event.word("error"), event.word("api_error")), event.number("api_error_status")
        if words[0]:
            lost = ("connection_failed",) if words[0] == "server_error" and status is None else ()
            yield Failure(text=said[:TEXT_LIMIT], words=(*words, *lost), status=status)
        model = message.word("model")
        if not model.startswith("<"):  # what it says itself, errors too, comes from the model "<synthetic>"
            yield Session(model=model)
        if said:
            yield Text(text=said)
        # A message comes in parts, each with the counts of its beginning: of what was written they know nothing.
        if message.word("id") != self._counted:
            self._counted = message.word("id")
            yield Usage(counts=message.fields("usage").counts(READ), is_part=True)

    def _of_result(self, event: Fields) -> Iterator[Event]:
        if denied := event.all("permission_denials"):
            for one in denied:
                yield ToolResult(name=one.word("tool_name"), is_denied=True)
        # Only the counts by model hold the last answer of a run that was stopped at a limit.
        models = {name: one.counts(BY_MODEL) for name, one in event.named("modelUsage").items()}
        used = summed(models.values()) or event.fields("usage").counts(IN_ALL)
        used |= event.counts(OF_RUN)
        for name, unit in (("cost_usd", 1), ("duration_seconds", 1000)):
            if name in used:
                used[name] = round(used[name] / unit, 6)
        yield Usage(counts=used, models=models)
        yield Result(
            is_good=event.data.get("is_error") is False and event.word("subtype") == "success",
            text=event.text("result", TEXT_LIMIT),
            words=(event.word("subtype"), event.word("terminal_reason")),
            errors="; ".join(filter(None, event.texts("errors", LINE_LIMIT)[:3])),
            status=event.number("api_error_status"),  # the older version says it only here
        )


def _beside(job: Job) -> list[str]:
    """Let its file tools reach its instructions and its memory: they are refused outside the working directory."""
    if not job.readable and not job.writable:
        return []
    allowed = [f"Read(/{folder}/**)" for folder in job.readable]  # a rule's path is absolute with two slashes
    permissions = {"allow": allowed, "additionalDirectories": job.writable}
    return [f"--settings={msgspec.json.encode({'permissions': permissions}).decode()}"]


class Harness(AgentCli):
    """Runs Claude Code. A login by hand lies in HOME; the address that a key is for goes wherever the key goes."""

    name = "claude"
    program = "claude"
    install = "npm install -g @anthropic-ai/claude-code"
    speech = SPEECH
    secrets = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "CLAUDE_CODE_OAUTH_TOKEN")
    variables = ("ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR")
    home = (".claude", ".claude.json")
    keys = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
    moves = "CLAUDE_CONFIG_DIR"
    environ = ENVIRON
    _settings: ClaudeSettings

    def user(self) -> int:
        """Return the number of the user that it will run as."""
        return os.geteuid()

    def parser(self) -> Parser:
        """Read one run."""
        return ClaudeParser()

    def words(self, job: Job) -> list[str]:
        """Print events; permissions, model and limits as the settings say."""
        settings = self._settings
        if settings.bypass and not settings.sandbox and self.user() == 0:
            raise InvalidInput(
                "Claude Code does not skip permissions for root, and harness.claude.bypass is set",
                cure="run as another user, or remove bypass; in a sandbox, where nothing can be lost, set sandbox: true",
            )
        words = ["-p", "--output-format", "stream-json", "--verbose"]
        mode = ["--permission-mode", settings.permission_mode]
        words += ["--dangerously-skip-permissions"] if settings.bypass else [*mode, *_beside(job)]
        words += [f"--allowedTools={','.join(settings.allowed_tools)}"] if settings.allowed_tools else []
        words += ["--model", job.model] if job.model else []
        words += ["--append-system-prompt", settings.system_prompt] if settings.system_prompt else []
        words += ["--max-turns", str(settings.max_turns)] if settings.max_turns else []
        words += ["--max-budget-usd", f"{settings.max_budget_usd:.2f}"] if settings.max_budget_usd else []
        words += ["--resume", job.resume] if job.resume else []
        return words

    def invocation(self, job: Job) -> Invocation:
        """Declare the sandbox without which root may not skip permissions."""
        made = super().invocation(job)
        if not (self._settings.bypass and self._settings.sandbox):
            return made
        return structs.replace(made, environ=made.environ | {"IS_SANDBOX": "1"})
