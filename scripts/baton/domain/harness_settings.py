"""How each agent program is run: the ``harness:`` part of the settings. What a program cannot do is refused here.

The keys are the same for all of them; a key that one has no means for is refused with the reason, where it is asked for.
"""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct

from baton.domain.api_settings import ApiSettings
from baton.domain.harness_names import HARNESSES
from baton.domain.ids import is_agent_name
from baton.domain.own_harness import OwnHarness, check_own_name
from baton.domain.refusals import check_count, check_word, refuse_key

MAX_USD = 100_000
PROMPT_LIMIT = 20_000
CLAUDE_MODES = ("acceptEdits", "auto", "default", "dontAsk", "plan")


class CliSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be set for every agent program. ``bypass``: it asks for nothing, whatever it wants to do.

    ``agent_args`` are further words for one agent alone. ``OWN_ARGS`` are those that Baton gives by itself, or by a
    key: another word for one would go round its checks. ``CANNOT`` says why a key is refused.
    """

    OWN_ARGS: ClassVar[frozenset[str]] = frozenset()
    CANNOT: ClassVar[Mapping[str, str]] = {}

    bypass: bool = False
    allowed_tools: tuple[str, ...] = ()
    system_prompt: str | None = None
    max_turns: int | None = None
    max_budget_usd: float | None = None
    extra_args: tuple[str, ...] = ()
    agent_args: dict[str, tuple[str, ...]] = {}

    def __post_init__(self) -> None:
        for key, reason in self.CANNOT.items():
            if getattr(self, key):
                refuse_key(key, reason, cure="remove it")
        self._check_words("allowed_tools", self.allowed_tools)
        self._check_args("extra_args", self.extra_args)
        for agent, words in self.agent_args.items():
            if not is_agent_name(agent):
                refuse_key("agent_args", f"{agent[:80]!r} is not a valid agent name", cure="write {AGENT: [WORD]}")
            self._check_args(f"agent_args.{agent}", words)
        if self.system_prompt is not None:
            if not self.system_prompt.strip() or "\0" in self.system_prompt:
                refuse_key("system_prompt", "is empty or not printable", cure="write a text, or remove the key")
            if len(self.system_prompt) > PROMPT_LIMIT:
                refuse_key("system_prompt", f"is longer than {PROMPT_LIMIT} characters", cure="shorten it")
        if self.max_turns is not None:
            check_count("max_turns", self.max_turns)
        if self.max_budget_usd is not None and not 0.01 <= self.max_budget_usd <= MAX_USD:
            refuse_key("max_budget_usd", f"is not between 0.01 and {MAX_USD}", cure="write dollars, like 2.50")

    def _check_words(self, key: str, words: tuple[str, ...]) -> None:
        if any(not word.strip() or "\0" in word for word in words):
            refuse_key(key, "a word is empty or not printable", cure="remove it")

    def _check_args(self, key: str, words: tuple[str, ...]) -> None:
        self._check_words(key, words)
        for word in words:
            if word.partition("=")[0] in self.OWN_ARGS:
                refuse_key(key, f"{word} is Baton's own to give", cure="remove it; there is a setting for it")


class ClaudeSettings(CliSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Claude Code is run. ``sandbox`` declares that nothing here can be lost: only then may root bypass."""

    OWN_ARGS = frozenset({
        "-p", "--print", "--input-format", "--output-format", "--verbose", "--model", "--max-turns", "--max-budget-usd",
        "--permission-mode", "--allowedTools", "--allowed-tools", "--dangerously-skip-permissions",
        "--allow-dangerously-skip-permissions", "--resume", "-r", "--continue", "-c",
    })  # fmt: skip

    permission_mode: str = "acceptEdits"
    allowed_tools: tuple[str, ...] = ("Bash",)
    sandbox: bool = False

    def __post_init__(self) -> None:
        if self.permission_mode == "bypassPermissions":
            refuse_key("permission_mode", "is not how to bypass permissions", cure="set bypass: true")
        check_word("permission_mode", self.permission_mode, CLAUDE_MODES, "a permission mode")
        super().__post_init__()


class CodexSettings(CliSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Codex is run: in its sandbox, which may write to the workspace and to this home, or (``bypass``) without."""

    OWN_ARGS = frozenset({
        "exec", "resume", "--json", "-m", "--model", "-s", "--sandbox", "--dangerously-bypass-approvals-and-sandbox",
        "--yolo", "-", "-C", "--cd",
    })  # fmt: skip
    CANNOT = {
        "allowed_tools": "Codex has no list of tools, only a sandbox",
        "max_turns": "Codex has no turn limit",
        "max_budget_usd": "Codex has no money limit",
    }


class GeminiSettings(CliSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Gemini CLI is run. Its ``system_prompt`` takes the place of its own."""

    OWN_ARGS = frozenset({
        "-p", "--prompt", "-i", "--prompt-interactive", "-o", "--output-format", "-m", "--model", "-y", "--yolo",
        "--approval-mode", "--skip-trust", "-r", "--resume", "--policy",
    })  # fmt: skip
    CANNOT = {"max_budget_usd": "Gemini CLI has no money limit"}

    allowed_tools: tuple[str, ...] = ("run_shell_command",)


class OpencodeSettings(CliSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How OpenCode is run: ``allowed_tools`` are permissions of its configuration."""

    OWN_ARGS = frozenset({
        "run", "--format", "--auto", "-m", "--model", "-s", "--session", "-c", "--continue", "--dir", "--title",
    })  # fmt: skip
    CANNOT = {
        "max_turns": "OpenCode only reminds its model of a turn limit, and goes on",
        "max_budget_usd": "OpenCode has no money limit",
    }

    allowed_tools: tuple[str, ...] = ("bash", "edit", "external_directory")


class CopilotSettings(CliSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Copilot CLI is run."""

    OWN_ARGS = frozenset({
        "-p", "--prompt", "-i", "--interactive", "--output-format", "--no-color", "--no-ask-user", "--allow-all",
        "--yolo", "--allow-tool", "--allow-all-tools", "--model", "--resume", "--continue", "-C",
        "--usage-output-file",
    })  # fmt: skip
    CANNOT = {
        "system_prompt": "Copilot CLI takes none; it reads AGENTS.md",
        "max_turns": "Copilot CLI has no turn limit",
        "max_budget_usd": "Copilot CLI counts credits, not dollars (extra_args: [--max-ai-credits=30])",
    }

    allowed_tools: tuple[str, ...] = ("shell", "write")


class CursorSettings(CliSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Cursor's agent is run. Without ``bypass`` its own ``~/.cursor/cli-config.json`` says what it may do."""

    OWN_ARGS = frozenset({
        "-p", "--print", "--output-format", "--model", "-f", "--force", "--yolo", "--resume", "--continue", "--trust",
        "--workspace",
    })  # fmt: skip
    CANNOT = {
        "allowed_tools": "Cursor's agent reads what it may use from ~/.cursor/cli-config.json",
        "system_prompt": "Cursor's agent takes none; it reads AGENTS.md and .cursor/rules",
        "max_turns": "Cursor's agent has no turn limit",
        "max_budget_usd": "Cursor's agent has no money limit",
    }


class HarnessSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who runs agents where neither step, campaign nor skill says; ``models`` maps words, a harness at a time.

    ``own`` describes programs that Baton has no file for; their names begin with ``x-``.
    """

    default: str = "claude"
    models: dict[str, dict[str, str]] = {}
    claude: ClaudeSettings = ClaudeSettings()
    codex: CodexSettings = CodexSettings()
    gemini: GeminiSettings = GeminiSettings()
    opencode: OpencodeSettings = OpencodeSettings()
    copilot: CopilotSettings = CopilotSettings()
    cursor: CursorSettings = CursorSettings()
    api: ApiSettings = ApiSettings()
    own: dict[str, OwnHarness] = {}

    def named(self, *words: str | None) -> str:
        """Return the harness that the first of these words names, most special first; the default when none does."""
        return next((word for word in words if word is not None), self.default)

    def __post_init__(self) -> None:
        for name in self.own:
            check_own_name(f"own.{name}", name)
        known = (*HARNESSES, *self.own)
        check_word("default", self.default, known, "a harness")
        for harness, words in self.models.items():
            check_word(f"models.{harness}", harness, known, "a harness")
            for word, model in words.items():
                if not word.strip() or not model.strip():
                    refuse_key(f"models.{harness}", "a word or a model is empty", cure="write it like {sonnet: NAME}")
