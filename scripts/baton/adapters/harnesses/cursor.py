"""The ``cursor`` harness: Cursor's agent in print mode, the prompt on its standard input.

It was never seen running here: the stream is read as its makers' page "Output format" and public ports of it describe
it (system, user, assistant, tool_call, result; failures on stderr alone). It is no npm package, and needs an account.
"""

from __future__ import annotations

from collections.abc import Iterator

from baton.adapters.harnesses import LINE_LIMIT
from baton.adapters.harnesses.agent_cli import AgentCli
from baton.adapters.harnesses.endings import Speech
from baton.adapters.harnesses.events import (
    TEXT_LIMIT,
    Event,
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

TOKENS = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_tokens": "cacheReadTokens",
    "cache_creation_tokens": "cacheWriteTokens",
}
SPEECH = Speech(
    title="Cursor",
    shells=("shell",),
    of_text={
        "authentication required": FailureKind.AUTH,
        "cannot use this model": FailureKind.MODEL_UNKNOWN,
    },
    cures={
        FailureKind.AUTH: "set CURSOR_API_KEY, or log in once by hand: cursor-agent login",
        FailureKind.MODEL_UNKNOWN: "cursor-agent models lists them; map yours under harness.models",
        FailureKind.TOOL_DENIED: "set harness.cursor.bypass, or allow it in ~/.cursor/cli-config.json",
    },
)


def parse(event: Fields) -> Iterator[Event]:
    """Turn one object into events."""
    yield Session(id=event.text("session_id"))
    match event.word("type"):
        case "system":
            yield Session(model=event.word("model"))
        case "assistant":
            yield Turn()
            parts = event.fields("message").all("content")
            said = "\n".join(text for part in parts if (text := part.text("text", TEXT_LIMIT)).strip())
            if said:
                yield Text(text=said)
        case "tool_call":
            yield from _of_tool(event)
        case "result":
            used = event.fields("usage").counts(TOKENS)
            if milliseconds := event.number("duration_ms"):
                used["duration_seconds"] = milliseconds / 1000
            yield Usage(counts=used)
            yield Result(
                is_good=event.data.get("is_error") is False and event.word("subtype") == "success",
                text=event.text("result", TEXT_LIMIT),
            )


def _of_tool(event: Fields) -> Iterator[Event]:
    """A call is one object under the name of its tool: ``{"shellToolCall": {"args": .., "result": {"rejected": ..}}}``."""
    for name, call in event.named("tool_call").items():
        tool = name.removesuffix("ToolCall")
        if event.word("subtype") == "started":
            yield ToolUse(name=tool, what=call.fields("args").text("command", LINE_LIMIT))
        elif event.word("subtype") == "completed":
            yield ToolResult(name=tool, is_denied="rejected" in call.fields("result").data)


class Harness(AgentCli):
    """Runs Cursor's agent. Without ``bypass`` its own files say what it may use, which is no shell at first."""

    name = "cursor"
    program = "cursor-agent"
    install = "curl https://cursor.com/install -fsS | bash"
    speech = SPEECH
    secrets = ("CURSOR_API_KEY",)
    home = (".cursor", ".config/cursor")

    def parser(self) -> Parser:
        """Read one run."""
        return parse

    def words(self, job: Job) -> list[str]:
        """Print events and trust the workspace."""
        words = ["-p", "--output-format", "stream-json", "--trust"]
        words += ["--force"] if self._settings.bypass else []
        words += ["--model", job.model] if job.model else []
        words += ["--resume", job.resume] if job.resume else []
        return words
