"""The ``claude`` harness: Claude Code without a screen, the prompt on its standard input, its events heard as they come.

New types of events keep appearing, and any field may be missing. The streams that were captured stand in the tests.
"""

from __future__ import annotations

import os
import re

import msgspec
from msgspec import structs

from baton.adapters.harnesses import LINE_LIMIT, SUMMARY_LIMIT, find_program
from baton.adapters.harnesses.claude_endings import ClaudeEnd, ClaudeError, ClaudeResult, kind_of, message_of
from baton.adapters.harnesses.streams import Counts, Fields, ObjectReader, count_up, last_line, one_line, summed
from baton.domain.errors import InvalidInput
from baton.domain.exchange import Ending, Invocation, Job, Verdict
from baton.domain.settings import HarnessSettings
from baton.ports import Listener

INSTALL = "npm install -g @anthropic-ai/claude-code"
ALWAYS = ("-p", "--output-format", "stream-json", "--verbose")
# Left alone it tries ten times in three minutes, a wrong key too: waiting is Baton's part. The rest keeps it quiet.
ENVIRON = {
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
}
TEXT_LIMIT = 4000
DETAIL_LIMIT = 160
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
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,100}")


class ClaudeListener:
    """Hears the events of one run. What is kept of them is short, or of a bounded number."""

    def __init__(self) -> None:
        self.session: str | None = None
        self.model: str | None = None
        self.text = ""  # of the agent's last message
        self.tools: dict[str, int] = {}
        self.denied: dict[str, int] = {}
        self.retries = 0
        self.resets_at: int | float | None = None
        self.was_interrupted = False
        self.error = ClaudeError()
        self.result: ClaudeResult | None = None
        self.models: dict[str, Counts] = {}
        self._usage: Counts = {}
        self._read: Counts = {}
        self._counted = ""
        self._doing = ""
        self._objects = ObjectReader()

    def feed(self, data: bytes) -> None:
        """Take a piece of standard output."""
        for event in self._objects.feed(data):
            self._hear(event)

    def last_line(self) -> str:
        """The last line that the agent said, or the tool that it uses."""
        return self._doing

    def tail(self, printed: str) -> str:
        """Its last words; the stream itself is for programs."""
        return self.text

    def usage(self) -> Counts:
        """What was used, as reported; of a run that came to no result only what it read, and no money."""
        return self._usage or self._read

    def end(self, stderr_tail: str) -> ClaudeEnd:
        """Take the last line, which may lack its newline, and return what there is to know about the end."""
        for event in self._objects.end():
            self._hear(event)
        if self.result is not None:
            detail = self.result.errors or self.result.text
        else:
            detail = (self.text if self.error.word else "") or last_line(stderr_tail, DETAIL_LIMIT)
        return ClaudeEnd(
            result=self.result,
            error=self.error,
            detail=one_line(detail, DETAIL_LIMIT),
            denied=tuple(self.denied),
            was_interrupted=self.was_interrupted,
            resets_at=self.resets_at,
            has_skipped=self._objects.skipped > 0,
        )

    def _hear(self, event: Fields) -> None:
        session = event.text("session_id")
        if _SESSION.fullmatch(session):
            self.session = session
        message = event.fields("message")
        match event.word("type"):
            case "system":
                self._hear_system(event)
            case "assistant":
                # A message with a parent is of a helper that the agent called: its words are not the agent's.
                if event.data.get("parent_tool_use_id") is None:
                    self._hear_agent(event, message)
                self._hear_tools(message)
            case "user":
                texts = [part.word("text") for part in message.all("content")]
                self.was_interrupted |= any(text.startswith("[Request interrupted by user") for text in texts)
            case "rate_limit_event":
                info = event.fields("rate_limit_info")
                self.resets_at = info.number("resetsAt") if info.word("status") == "rejected" else None
            case "result":
                self._hear_result(event)

    def _hear_system(self, event: Fields) -> None:
        match event.word("subtype"):
            case "init":
                self.model = event.word("model") or self.model
            case "api_retry":
                self.retries += 1
                why = event.word("error").replace("_", " ")
                self._doing = one_line(f"waits to ask the provider again: {why}", LINE_LIMIT)
            case "permission_denied":
                self._doing = f"was denied {count_up(self.denied, event.word('tool_name'))}"

    def _hear_agent(self, event: Fields, message: Fields) -> None:
        # After a result this begins another turn, which needs a result of its own.
        self.result, self.was_interrupted = None, False
        status = event.number("api_error_status")
        self.error = ClaudeError(word=event.word("error"), second=event.word("api_error"), status=status)
        model = message.word("model")
        if not model.startswith("<"):  # what it says itself, errors too, comes from the model "<synthetic>"
            self.model = model or self.model
        said = "\n".join(text for part in message.all("content") if (text := part.text("text")).strip())
        if said:
            self.text, self._doing = said[:TEXT_LIMIT], last_line(said, LINE_LIMIT)
        # A message comes in parts, each with the counts of its beginning: of what was written they know nothing.
        if message.word("id") != self._counted:
            self._counted = message.word("id")
            self._read = summed((self._read, message.fields("usage").counts(READ)))

    def _hear_tools(self, message: Fields) -> None:
        for part in message.all("content"):
            if part.word("type") == "tool_use":
                name = count_up(self.tools, part.word("name"))
                what = part.fields("input").text("description", LINE_LIMIT)
                self._doing = one_line(f"{name}: {what}" if what else name, LINE_LIMIT)

    def _hear_result(self, event: Fields) -> None:
        self.result = ClaudeResult(
            is_good=event.data.get("is_error") is False and event.word("subtype") == "success",
            text=event.text("result", TEXT_LIMIT),
            subtype=event.word("subtype"),
            reason=event.word("terminal_reason"),
            errors="; ".join(filter(None, event.texts("errors", LINE_LIMIT)[:3])),
        )
        status = event.number("api_error_status")  # the older version says it only here
        self.error = structs.replace(self.error, status=self.error.status if status is None else status)
        denied = event.all("permission_denials")
        self.denied = {} if denied else self.denied
        for one in denied:
            count_up(self.denied, one.word("tool_name"))
        # Only the counts by model hold the last answer of a run that was stopped at a limit.
        self.models = {name: one.counts(BY_MODEL) for name, one in event.named("modelUsage").items()}
        used = summed(self.models.values()) or event.fields("usage").counts(IN_ALL)
        used |= event.counts(OF_RUN)
        for name, unit in (("cost_usd", 1), ("duration_seconds", 1000)):
            if name in used:
                used[name] = round(used[name] / unit, 6)
        self._usage = used


def _beside(job: Job) -> list[str]:
    """Let its file tools reach its instructions and its memory: they are refused outside the working directory."""
    if not job.readable and not job.writable:
        return []
    allowed = [f"Read(/{folder}/**)" for folder in job.readable]  # a rule's path is absolute with two slashes
    permissions = {"allow": allowed, "additionalDirectories": job.writable}
    return [f"--settings={msgspec.json.encode({'permissions': permissions}).decode()}"]


class Harness:
    """Runs Claude Code. A login by hand lies in HOME; the address that a key is for goes wherever the key goes."""

    name = "claude"
    secrets = (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CUSTOM_HEADERS",
        "CLAUDE_CODE_OAUTH_TOKEN",
    )

    def __init__(self, settings: HarnessSettings) -> None:
        self._settings = settings.claude

    def user(self) -> int:
        """Return the number of the user that it will run as."""
        return os.geteuid()

    def listener(self) -> ClaudeListener:
        """Hear the events of one run."""
        return ClaudeListener()

    def invocation(self, job: Job) -> Invocation:
        """Return the command line. Of our variables, one that the operator lets through by name keeps their value."""
        settings = self._settings
        if settings.bypass and not settings.sandbox and self.user() == 0:
            raise InvalidInput(
                "Claude Code does not skip permissions for root, and harness.claude.bypass is set",
                cure="run as another user, or remove bypass; in a sandbox, where nothing can be lost, set sandbox: true",
            )
        mode = ["--permission-mode", settings.permission_mode]
        words = [find_program(self.name, job.environ["PATH"], INSTALL), *ALWAYS]
        words += ["--dangerously-skip-permissions"] if settings.bypass else [*mode, *_beside(job)]
        words += [f"--allowedTools={','.join(settings.allowed_tools)}"] if settings.allowed_tools else []
        words += ["--model", job.model] if job.model else []
        words += ["--max-turns", str(settings.max_turns)] if settings.max_turns else []
        words += ["--max-budget-usd", f"{settings.max_budget_usd:.2f}"] if settings.max_budget_usd else []
        environ = {name: value for name, value in ENVIRON.items() if name not in job.environ}
        environ |= {"IS_SANDBOX": "1"} if settings.bypass and settings.sandbox else {}
        return Invocation(argv=(*words, *settings.extra_args), environ=environ)

    def verdict(self, job: Job, ending: Ending, heard: Listener) -> Verdict:
        """Judge a run that did not report. At best it ended well, and has not completed its step all the same."""
        assert isinstance(heard, ClaudeListener)
        end = heard.end(ending.stderr_tail)
        kind = kind_of(ending, end)
        answer = end.result.text[:SUMMARY_LIMIT] if end.result is not None and end.result.is_good else ""
        return Verdict(
            completed=False,
            kind=kind,
            summary=answer or None,
            message=message_of(kind, ending, end),
            session=heard.session,
            usage=heard.usage(),
        )
