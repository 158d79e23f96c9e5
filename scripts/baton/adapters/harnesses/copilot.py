"""The ``copilot`` harness: GitHub's Copilot CLI, the prompt on its standard input.

Most of its lines are marked ``ephemeral``, and pass. After TERM its native program may end with 0, and even with a good
result: the abort before it counts. Tokens do not stand in the stream, but in a file that it writes at its end, unless it
is killed: like those of a session, they include what earlier runs of it used. Captured: version 1.0.102.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from baton.adapters.harnesses import LINE_LIMIT
from baton.adapters.harnesses.agent_cli import AgentCli, beside, folders
from baton.adapters.harnesses.endings import Speech
from baton.adapters.harnesses.events import (
    TEXT_LIMIT,
    Abort,
    Event,
    EventListener,
    Failure,
    Parser,
    Result,
    Retry,
    Session,
    Text,
    ToolResult,
    ToolUse,
    Usage,
)
from baton.adapters.harnesses.streams import OBJECT_LIMIT, Counts, Fields, summed
from baton.domain.exchange import Ending, Job, Verdict
from baton.domain.statuses import FailureKind
from baton.ports import Listener

COUNTS = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_tokens": "cacheReadTokens",
    "cache_creation_tokens": "cacheWriteTokens",
}
USAGE = "copilot-usage.json"
ENVIRON = {"COPILOT_AUTO_UPDATE": "false"}
SPEECH = Speech(
    title="Copilot CLI",
    shells=("bash",),
    of_word={"authentication": FailureKind.AUTH, "rate_limit": FailureKind.RATE_LIMIT, "quota": FailureKind.CREDIT},
    of_text={
        "no authentication information": FailureKind.AUTH,
        "prompt budget": FailureKind.CONTEXT_TOO_LONG,
        "native model http request": FailureKind.TRANSPORT,
        "not found on provider": FailureKind.MODEL_UNKNOWN,
    },
    cures={
        FailureKind.AUTH: "set COPILOT_GITHUB_TOKEN or COPILOT_PROVIDER_API_KEY, or log in once by hand",
        FailureKind.MODEL_UNKNOWN: "name another one, or map it under harness.models",
        FailureKind.TOOL_DENIED: "see harness.copilot.allowed_tools",
    },
    of_session=(*COUNTS, "duration_seconds"),
)


class CopilotParser:
    """Reads one run's stream: ends of tools name only the call that they answer."""

    def __init__(self) -> None:
        self._tool = ""

    def __call__(self, event: Fields) -> Iterator[Event]:
        """Turn one object into events."""
        data = event.fields("data")
        match event.word("type"):
            case "assistant.message":
                yield Session(model=data.word("model"))
                yield Text(text=data.text("content", TEXT_LIMIT))
            case "tool.execution_start":
                self._tool = data.word("toolName")
                yield ToolUse(name=self._tool, what=data.fields("arguments").text("description", LINE_LIMIT))
            case "tool.execution_complete":
                yield ToolResult(name=self._tool, is_denied=data.fields("error").word("code") == "denied")
            case "assistant.turn_retry":
                yield Retry(why=data.word("reason").replace("_", " "))
            case "session.error":
                yield Failure(
                    text=data.text("message", TEXT_LIMIT),
                    words=(data.word("errorType"),),
                    status=data.number("statusCode"),
                )
            case "abort":
                yield Abort()
            case "assistant.idle" if data.data.get("aborted") is True:
                yield Abort()
            case "result":
                yield Session(id=event.text("sessionId"))
                used = event.fields("usage").counts({"premium_requests": "premiumRequests"})
                if milliseconds := event.fields("usage").number("sessionDurationMs"):
                    used["duration_seconds"] = milliseconds / 1000
                yield Usage(counts=used)
                yield Result(is_good=event.number("exitCode") == 0)


class Harness(AgentCli):
    """Runs Copilot CLI, with GitHub's models or (COPILOT_PROVIDER_*) with a provider of the operator's own."""

    name = "copilot"
    program = "copilot"
    install = "npm install -g @github/copilot"
    speech = SPEECH
    secrets = (
        "COPILOT_GITHUB_TOKEN",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "COPILOT_PROVIDER_API_KEY",
        "COPILOT_PROVIDER_BEARER_TOKEN",
    )
    variables = (
        "COPILOT_HOME",
        "COPILOT_PROVIDER_BASE_URL",
        "COPILOT_PROVIDER_TYPE",
        "COPILOT_MODEL",
        "COPILOT_OFFLINE",
        "XDG_CACHE_HOME",
    )
    home = (".copilot", ".cache/copilot")
    keys = ("COPILOT_GITHUB_TOKEN", "COPILOT_PROVIDER_API_KEY", "COPILOT_PROVIDER_BEARER_TOKEN")
    moves = "COPILOT_HOME"  # not its cache: 235 MB of program, for all runs
    environ = ENVIRON
    needs_last_word = True

    def verdict(self, job: Job, ending: Ending, heard: Listener) -> Verdict:
        """Judge a run that did not report, with the tokens that it left in its file."""
        assert isinstance(heard, EventListener)
        heard.add_usage(_used(beside(job, USAGE)))
        return super().verdict(job, ending, heard)

    def parser(self) -> Parser:
        """Read one run."""
        return CopilotParser()

    def words(self, job: Job) -> list[str]:
        """Print events, ask nobody, and use the tools that are allowed."""
        settings = self._settings
        words = ["--output-format", "json", "--no-color", "--no-ask-user"]
        words += ["--usage-output-file", beside(job, USAGE)]
        if settings.bypass:
            words += ["--allow-all"]
        else:
            words += [f"--allow-tool={tool}" for tool in settings.allowed_tools]
            words += [f"--add-dir={folder}" for folder in folders(job)]
        words += ["--model", job.model] if job.model else []
        words += [f"--resume={job.resume}"] if job.resume else []
        return words


def _used(path: str) -> Usage:
    """Return the tokens by model that stand in this file; nothing where it is missing or not what it should be."""
    try:
        with open(path, "rb") as file:
            told = Fields(msgspec.json.decode(file.read(OBJECT_LIMIT)))
    except (OSError, ValueError, RecursionError):
        return Usage(counts={})
    models = {name: _counts(one.fields("usage")) for name, one in told.named("modelMetrics").items()}
    return Usage(counts=summed(models.values()), models=models)


def _counts(usage: Fields) -> Counts:
    """Return the counts; Copilot counts what came from and went to the cache among the input."""
    counts = usage.counts(COUNTS)
    if "input_tokens" in counts:
        cached = counts.get("cache_read_tokens", 0) + counts.get("cache_creation_tokens", 0)
        counts["input_tokens"] = max(0, counts["input_tokens"] - cached)
    return counts
