"""The ``opencode`` harness: OpenCode, ``opencode run``, the prompt on its standard input.

It has no terminal event: the end of a step whose reason is ``stop`` stands for it. Its own retries are silent, for up to
90 seconds, and cannot be set. A tool that it would have to ask for ends the run with 0. Captured: version 1.18.33.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from baton.adapters.harnesses import LINE_LIMIT
from baton.adapters.harnesses.agent_cli import AgentCli, beside
from baton.adapters.harnesses.endings import Speech
from baton.adapters.harnesses.events import (
    TEXT_LIMIT,
    Event,
    Failure,
    Parser,
    Result,
    Session,
    Text,
    ToolResult,
    ToolUse,
    Turn,
    Usage,
)
from baton.adapters.harnesses.streams import Fields
from baton.domain.exchange import Job
from baton.domain.statuses import FailureKind

ENVIRON = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"}
SPEECH = Speech(
    title="OpenCode",
    shells=("bash",),
    of_word={
        "ContextOverflowError": FailureKind.CONTEXT_TOO_LONG,
        "ProviderAuthError": FailureKind.AUTH,
        "MessageAbortedError": FailureKind.SIGNAL,
        "MessageOutputLengthError": FailureKind.NO_RESULT,
    },
    # All that it says when a model's name is not in its configuration; then nothing else stands in the stream.
    of_text={"unexpected server error. check server logs": FailureKind.MODEL_UNKNOWN},
    cures={
        FailureKind.AUTH: "set the key of the provider and name it under env, or log in once by hand: opencode auth login",
        FailureKind.MODEL_UNKNOWN: "write it like provider/model; opencode models lists them",
        FailureKind.TOOL_DENIED: "see harness.opencode.allowed_tools",
    },
)


def parse(event: Fields) -> Iterator[Event]:
    """Turn one object into events."""
    part = event.fields("part")
    yield Session(id=event.text("sessionID"))
    match event.word("type"):
        case "step_start":
            yield Turn()
        case "text":
            yield Text(text=part.text("text", TEXT_LIMIT), joint="\n")
        case "tool_use":
            state, tool = part.fields("state"), part.word("tool")
            yield ToolUse(name=tool, what=state.fields("input").text("description", LINE_LIMIT))
            denied = state.word("status") == "error" and "rejected permission" in state.text("error", LINE_LIMIT)
            yield ToolResult(name=tool, is_denied=denied)
        case "step_finish":
            tokens, cache = part.fields("tokens"), part.fields("tokens").fields("cache")
            counts = tokens.counts({"input_tokens": "input", "output_tokens": "output"})
            if "output_tokens" in counts:
                counts["output_tokens"] += tokens.number("reasoning") or 0  # paid like the rest, and told apart
            counts |= cache.counts({"cache_read_tokens": "read", "cache_creation_tokens": "write"})
            yield Usage(counts=counts | part.counts({"cost_usd": "cost"}) | {"turns": 1}, is_part=True)
            reason = part.word("reason")
            if reason != "tool-calls":
                yield Result(is_good=reason == "stop", words=(reason,))
        case "error":
            error, data = event.fields("error"), event.fields("error").fields("data")
            wait = data.fields("responseHeaders").word("retry-after")
            yield Failure(
                text=data.text("message", TEXT_LIMIT),
                words=(error.word("name"),),
                status=data.number("statusCode"),
                wait_seconds=int(wait) if wait.isascii() and wait.isdigit() else None,
            )


class Harness(AgentCli):
    """Runs OpenCode. Keys of providers are many: those that are not named here are let through under ``env``."""

    name = "opencode"
    program = "opencode"
    install = "npm install -g opencode-ai"
    speech = SPEECH
    secrets = ("OPENCODE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY")
    home = (".local/share/opencode", ".local/state/opencode", ".config/opencode", ".cache/opencode")
    environ = ENVIRON
    needs_last_word = True

    def parser(self) -> Parser:
        """Read one run."""
        return parse

    def words(self, job: Job) -> list[str]:
        """Print events; a title that is given spares a request that would make one."""
        words = [
            "run",
            "--format",
            "json",
            "--title",
            f"{job.environ.get('BATON_TASK') or 'heartbeat'} {job.skill.name}",
        ]
        words += ["--auto"] if self._settings.bypass else []
        words += ["-m", job.model] if job.model else []
        words += ["-s", job.resume] if job.resume else []
        return words

    def lent(self, job: Job) -> tuple[dict[str, str], dict[str, str]]:
        """Hand over permissions and a system prompt as its configuration, which is merged with the one it finds."""
        settings, files = self._settings, {}
        config: dict[str, object] = {
            "share": "disabled",
            "snapshot": False,
            "permission": dict.fromkeys(settings.allowed_tools, "allow"),
        }
        if settings.system_prompt:
            path = beside(job, "opencode-system.md")
            files[path] = settings.system_prompt
            config["instructions"] = [path]
        return {"OPENCODE_CONFIG_CONTENT": json.dumps(config)}, files
