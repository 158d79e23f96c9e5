"""The ``codex`` harness: OpenAI's Codex, ``codex exec``, the prompt on its standard input.

It has neither a turn nor a money limit, and never gives up on a connection that is refused: the limit on silence ends
such a run. A command that its sandbox blocks leaves no trace in the stream. Captured: version 0.169.0.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator

from baton.adapters.harnesses import LINE_LIMIT
from baton.adapters.harnesses.agent_cli import AgentCli
from baton.adapters.harnesses.endings import Speech
from baton.adapters.harnesses.events import (
    TEXT_LIMIT,
    Event,
    Failure,
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
from baton.adapters.harnesses.streams import Counts, Fields
from baton.domain.exchange import Job
from baton.domain.statuses import FailureKind

RECONNECTS = "Reconnecting..."
TOOLS = ("command_execution", "file_change", "mcp_tool_call", "web_search")
SPEECH = Speech(
    title="Codex",
    shells=("command_execution",),
    of_text={
        "missing environment variable": FailureKind.AUTH,
        "ran out of room": FailureKind.CONTEXT_TOO_LONG,
        "input exceeds the maximum length": FailureKind.CONTEXT_TOO_LONG,
        "high demand": FailureKind.SERVER,  # what it makes of a 500, whose number it does not tell
    },
    cures={
        FailureKind.AUTH: "set CODEX_API_KEY, or log in once by hand: codex login",
        FailureKind.MODEL_UNKNOWN: "name another one, or map it under harness.models",
    },
    noise=("Reading additional input from stdin", "WARNING:"),
    of_session=("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"),
)


def parse(event: Fields) -> Iterator[Event]:
    """Turn one object into events."""
    item = event.fields("item")
    match event.word("type"):
        case "thread.started":
            yield Session(id=event.text("thread_id"))
        case "turn.started":
            yield Turn()
        case "item.started" if item.word("type") in TOOLS:
            yield ToolUse(name=item.word("type"), what=item.text("command", LINE_LIMIT))
        case "item.completed" if item.word("type") in TOOLS:
            yield ToolResult(name=item.word("type"), is_denied=item.word("status") == "declined")
        case "item.completed" if item.word("type") == "agent_message":
            yield Text(text=item.text("text", TEXT_LIMIT))
        case "error":
            message = event.text("message", TEXT_LIMIT)
            yield Retry(why=message) if message.startswith(RECONNECTS) else Failure(text=message)
        case "turn.failed":
            yield Failure(text=event.fields("error").text("message", TEXT_LIMIT))
            yield Result(is_good=False)
        case "turn.completed":
            yield Usage(counts=_counts(event.fields("usage")))
            yield Result(is_good=True)


def _counts(usage: Fields) -> Counts:
    """Return the counts; Codex counts what came from the cache among the input."""
    names = {"input_tokens": "input_tokens", "output_tokens": "output_tokens"}
    names |= {"cache_read_tokens": "cached_input_tokens", "cache_creation_tokens": "cache_write_input_tokens"}
    counts = usage.counts(names)
    if "input_tokens" in counts:
        counts["input_tokens"] = max(0, counts["input_tokens"] - counts.get("cache_read_tokens", 0))
    return counts


class Harness(AgentCli):
    """Runs Codex, in its own sandbox unless that is bypassed: the workspace and this home may be written to."""

    name = "codex"
    program = "codex"
    install = "npm install -g @openai/codex"
    speech = SPEECH
    secrets = ("CODEX_API_KEY", "OPENAI_API_KEY")
    variables = ("CODEX_HOME",)
    home = (".codex",)
    keys = ("CODEX_API_KEY",)  # OPENAI_API_KEY may stand there for others, and a login in HOME be what it uses
    moves = "CODEX_HOME"

    def parser(self) -> Parser:
        """Read one run."""
        return parse

    def words(self, job: Job) -> list[str]:
        """Print events, send no statistics (offline, each run would end five seconds later), ask nobody."""
        settings = self._settings
        words = ["exec", "--json", "--skip-git-repo-check"]
        words += ["-c", "analytics.enabled=false", "-c", "check_for_update_on_startup=false"]
        # A login shell reads /etc/profile, which puts another PATH in the place of ours: no script would be found.
        words += ["-c", "allow_login_shell=false"]
        if settings.bypass:
            words += ["--dangerously-bypass-approvals-and-sandbox"]
        else:
            words += ["--sandbox", "workspace-write"]
            # What an agent tells Baton is written to the home; all that it may read, its sandbox lets it read.
            home = job.environ["BATON_HOME"]
            words += ["--add-dir", home]
            # Of a worktree, git keeps most in the repository that it was made of.
            beside = [folder for folder in job.writable if not folder.startswith(f"{home}/")]
            words += [word for folder in beside for word in ("--add-dir", folder)]
        words += ["-m", job.model] if job.model else []
        # A JSON text is a TOML one too.
        prompt = settings.system_prompt
        words += ["-c", f"developer_instructions={json.dumps(prompt)}"] if prompt else []
        return words

    def moved(self, job: Job) -> dict[str, str]:
        """Its sandbox does not work when its files are among everybody's temporary ones."""
        moved = super().moved(job)
        shared = tempfile.gettempdir()
        is_shared = any(os.path.commonpath((path, shared)) == shared for path in moved.values())
        return {} if is_shared and not self._settings.bypass else moved

    def last_words(self, job: Job) -> list[str]:
        """Read the prompt from standard input, in a new session or in one that is there."""
        return ["resume", job.resume, "-"] if job.resume else ["-"]
