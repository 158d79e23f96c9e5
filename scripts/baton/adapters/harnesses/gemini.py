"""The ``gemini`` harness: Google's Gemini CLI, the prompt on its standard input.

Its exit code is often the HTTP status modulo 256. TERM makes it end with 0 and no result; a prompt of more than 8 MB is
cut, and then called a success without a request; a loop that it stops is a success to it, too. Captured: version 0.61.0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from baton.adapters.harnesses import LINE_LIMIT
from baton.adapters.harnesses.agent_cli import AgentCli, beside, folders, scratch
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
    Usage,
)
from baton.adapters.harnesses.streams import Counts, Fields
from baton.domain.errors import InvalidInput
from baton.domain.exchange import Job
from baton.domain.statuses import FailureKind

COUNTS = {"input_tokens": "input", "output_tokens": "output_tokens", "cache_read_tokens": "cached"}
ENVIRON = {"GEMINI_CLI_NO_RELAUNCH": "true"}
POLICY = "gemini-policy.toml"
# Left alone it tries ten times in four minutes: waiting is Baton's part.
SETTINGS: dict[str, Any] = {
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "maxAttempts": 2},
    "privacy": {"usageStatisticsEnabled": False},
    "context": {"fileName": ["AGENTS.md", "GEMINI.md"]},
    "security": {"auth": {"selectedType": "gemini-api-key"}},
}
SPEECH = Speech(
    title="Gemini CLI",
    shells=("run_shell_command",),
    of_word={"FatalTurnLimitedError": FailureKind.TURN_LIMIT, "loop": FailureKind.NO_RESULT},
    of_text={
        "you must specify the gemini_api_key": FailureKind.AUTH,
        "without a finish reason": FailureKind.TRANSPORT,
        "api error: terminated": FailureKind.TRANSPORT,
        "stdin input truncated": FailureKind.CONTEXT_TOO_LONG,
        "is not found for api version": FailureKind.MODEL_UNKNOWN,  # Google's words, about "models/NAME"
    },
    of_exit={41: FailureKind.AUTH, 53: FailureKind.TURN_LIMIT},
    # 130 is that of a signal; 404 comes as 1.
    statuses={status % 256: status for status in (400, 401, 402, 403, 408, 413, 429, 500, 502, 503, 504, 529)},
    cures={
        FailureKind.AUTH: "set GEMINI_API_KEY, or log in once by hand",
        FailureKind.MODEL_UNKNOWN: "name another one, or map it under harness.models",
        FailureKind.TURN_LIMIT: "raise harness.gemini.max_turns",
        FailureKind.TOOL_DENIED: "see harness.gemini.allowed_tools",
    },
    noise=("YOLO mode is enabled", "[STARTUP]", "Warning:"),
)


class GeminiParser:
    """Reads one run's stream: results of tools name only the call that they answer."""

    def __init__(self) -> None:
        self._tool = ""

    def __call__(self, event: Fields) -> Iterator[Event]:
        """Turn one object into events."""
        match event.word("type"):
            case "init":
                yield Session(id=event.text("session_id"), model=event.word("model"))
            case "message" if event.word("role") == "assistant":
                yield Text(text=event.text("content", TEXT_LIMIT), joint="" if event.data.get("delta") else None)
            case "tool_use":
                self._tool = event.word("tool_name")
                yield ToolUse(name=self._tool, what=event.fields("parameters").text("description", LINE_LIMIT))
            case "tool_result":
                error = event.fields("error").word("type")
                yield ToolResult(name=self._tool, is_denied=error in ("policy_violation", "execution_denied"))
            case "error":
                message = event.text("message", TEXT_LIMIT)
                is_loop = message.startswith("Loop detected")
                if is_loop or event.word("severity") == "error":
                    yield Failure(text=message, words=("loop",) if is_loop else ())
            case "result":
                yield from self._of_result(event)

    def _of_result(self, event: Fields) -> Iterator[Event]:
        stats, error = event.fields("stats"), event.fields("error")
        models = {name: _counts(one) for name, one in stats.named("models").items()}
        used = _counts(stats)
        if milliseconds := stats.number("duration_ms"):
            used["duration_seconds"] = milliseconds / 1000
        yield Usage(counts=used, models=models)
        for name, counts in models.items():
            if any(counts.values()):
                yield Session(model=name)
        yield Result(
            is_good=event.word("status") == "success" and bool(stats.number("total_tokens")),
            words=(error.word("type"),),
            errors=error.text("message", TEXT_LIMIT),
        )


def _counts(stats: Fields) -> Counts:
    """Return the counts; what a model thought is paid like what it said, and stands in the total alone."""
    counts, asked, total = stats.counts(COUNTS), stats.number("input_tokens"), stats.number("total_tokens")
    if "output_tokens" in counts and asked is not None and total is not None:
        counts["output_tokens"] = max(counts["output_tokens"], total - asked)
    return counts


class Harness(AgentCli):
    """Runs Gemini CLI. With a key it has a HOME of its own beside the logs; a login by hand is looked for in HOME."""

    name = "gemini"
    program = "gemini"
    install = "npm install -g @google/gemini-cli"
    speech = SPEECH
    secrets = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    variables = (
        "GOOGLE_GEMINI_BASE_URL",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GOOGLE_APPLICATION_CREDENTIALS",
    )
    home = (".gemini",)
    keys = ("GEMINI_API_KEY",)
    environ = ENVIRON
    needs_last_word = True

    def parser(self) -> Parser:
        """Read one run."""
        return GeminiParser()

    def words(self, job: Job) -> list[str]:
        """Print events, trust the workspace, and use the tools that are allowed unasked."""
        settings = self._settings
        words = ["--output-format", "stream-json", "--skip-trust"]
        if settings.bypass:
            words += ["--approval-mode", "yolo"]
        else:
            words += ["--approval-mode", "auto_edit", "--policy", beside(job, POLICY)]
        words += [f"--include-directories={folder}" for folder in folders(job)]
        words += ["-m", job.model] if job.model else []
        words += ["--resume", job.resume] if job.resume else []
        return words

    def moved(self, job: Job) -> dict[str, str]:
        """Keep its reports of errors, whole conversations, out of the folder for everybody's temporary files."""
        return {"TMPDIR": scratch(self.name, job)}

    def lent(self, job: Job) -> tuple[dict[str, str], dict[str, str]]:
        """Hand over policy and system prompt in files of the run, and settings in a folder that stands for HOME.

        Only with a key: a login by hand lies in HOME itself. Settings for the whole system would have to be root's.
        """
        settings = self._settings
        variables, files = {}, {}
        if not settings.bypass:
            rule = '[[rule]]\ntoolName = {}\ndecision = "allow"\npriority = 100\n'
            allowed = [rule.format(json.dumps(tool)) for tool in settings.allowed_tools]
            files[beside(job, POLICY)] = "\n".join(allowed)
        if settings.system_prompt:
            variables["GEMINI_SYSTEM_MD"] = beside(job, "gemini-system.md")
            files[variables["GEMINI_SYSTEM_MD"]] = settings.system_prompt
        if self.has_key(job):
            variables["GEMINI_CLI_HOME"] = scratch(self.name, job)
            path = os.path.join(variables["GEMINI_CLI_HOME"], ".gemini", "settings.json")
            limit = {"maxSessionTurns": settings.max_turns} if settings.max_turns else {}
            files[path] = json.dumps(SETTINGS | {"model": limit}, indent=2)
        elif settings.max_turns:
            raise InvalidInput(
                "Gemini CLI is given its turn limit in a folder of its own, where a login by hand is not",
                cure="set GEMINI_API_KEY, or remove harness.gemini.max_turns and set it in ~/.gemini/settings.json",
            )
        return variables, files
