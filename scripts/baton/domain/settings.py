"""What the operator may set in ``config/baton.yaml``: every key has a default, and says no by itself.

Durations are kept as written and read as seconds (``settings.lease.heartbeat_seconds``). What a section refuses it
raises as ``ValueError("<key>: <what>")``, to which msgspec adds the section; the cause holds the cure.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, NoReturn

from msgspec import Meta, Struct

from baton.domain.errors import InvalidInput
from baton.domain.pipelines import HARNESSES
from baton.domain.times import parse_duration

Duration = Annotated[str, Meta(examples=["30s"])]

CHANNELS = ("telegram",)
EVENTS = (
    "campaign_activated",
    "campaign_completed",
    "task_completed",
    "task_blocked",
    "agent_crashed",
    "step_completed",
    "revision_requested",
)
MAX_AGENTS = 100
MAX_COUNT = 1_000
MAX_DAYS = 36_500
# A supervisor must beat a few times before its silence means anything, whatever was written.
BEATS_BEFORE_STALE = 3
CLAUDE_MODES = ("acceptEdits", "auto", "default", "dontAsk", "plan")
# What Baton gives Claude Code by itself, or by a key of its own; another word for it would go round its checks.
CLAUDE_OWN_ARGS = frozenset({
    "-p", "--print", "--input-format", "--output-format", "--verbose", "--model", "--max-turns", "--max-budget-usd",
    "--permission-mode", "--allowedTools", "--allowed-tools", "--dangerously-skip-permissions",
    "--allow-dangerously-skip-permissions",
})  # fmt: skip
MAX_USD = 100_000
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_count(key: str, count: int, *, most: int = MAX_COUNT) -> None:
    """Refuse a count that is not between 1 and ``most``."""
    if not 1 <= count <= most:
        refuse_key(key, f"{count} is not between 1 and {most}", cure=f"write a whole number from 1 to {most}")


def check_durations(section: Struct, *keys: str, above_zero: bool = False) -> None:
    """Refuse these keys of ``section`` as :func:`check_duration` does."""
    for key in keys:
        check_duration(key, getattr(section, key), above_zero=above_zero)


def check_duration(key: str, text: str, *, above_zero: bool = False) -> float:
    """Return the seconds of ``text``; refuse what is no duration, longer than a century, or 0 where that is no use."""
    try:
        seconds = parse_duration(text)
    except InvalidInput as error:
        raise ValueError(f"{key}: {error.message}") from error
    if seconds > MAX_DAYS * 86_400:
        refuse_key(key, f"{text} is longer than {MAX_DAYS}d", cure="write a shorter time")
    if above_zero and not seconds:
        refuse_key(key, "must be longer than 0", cure="write a time like 30s")
    return seconds


def check_word(key: str, word: str, known: Collection[str], what: str) -> None:
    """Refuse a word that is not one of ``known``; ``what`` says what it was meant to be, with its article."""
    if word not in known:
        refuse_key(key, f"{word!r} is not {what}", word=word, known=known)


def check_variables(key: str, names: Collection[str]) -> None:
    """Refuse what cannot name an environment variable, or names one that Baton sets itself."""
    for name in names:
        if _VARIABLE.fullmatch(name) is None:
            # Not shown: what stands here by mistake may be a secret.
            refuse_key(key, "an entry is not the name of a variable", cure="list names only, like MY_KEY; no values")
        if name.startswith("BATON_"):
            refuse_key(key, f"{name} is set by Baton itself", cure="remove it")


def refuse_key(key: str, what: str, *, cure: str = "", **details: object) -> NoReturn:
    """Raise ``ValueError("<key>: <what>")`` from an ``InvalidInput`` with the cure, or ``word`` and those ``known``."""
    raise ValueError(f"{key}: {what}") from InvalidInput(what, cure=cure, **details)


class Concurrency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many agents run at once in this home, all campaigns together."""

    agents: int = 4

    def __post_init__(self) -> None:
        check_count("agents", self.agents, most=MAX_AGENTS)


class LeaseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a lease is renewed, and when it may be taken from its holder."""

    heartbeat: Duration = "15s"
    steal_after: Duration = "10m"
    stale_after: Duration = "30m"

    def __post_init__(self) -> None:
        check_durations(self, "heartbeat", "steal_after", "stale_after", above_zero=True)

    @property
    def heartbeat_seconds(self) -> float:
        """Seconds between two beats of a supervisor: at most a third of ``stale_after``."""
        return min(parse_duration(self.heartbeat), self.stale_after_seconds / BEATS_BEFORE_STALE)

    @property
    def steal_after_seconds(self) -> float:
        """The age of a hand lease from which another agent may take it."""
        return parse_duration(self.steal_after)

    @property
    def stale_after_seconds(self) -> float:
        """The age of a hand lease, or of a supervisor's silence, from which the sweep ends it."""
        return parse_duration(self.stale_after)


class RetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a unit is tried, and how long it waits in between."""

    max_attempts: int = 3
    max_interruptions: int = 10
    backoff: Duration = "30s"
    backoff_max: Duration = "30m"
    max_revisions: int = 3

    def __post_init__(self) -> None:
        for key in ("max_attempts", "max_interruptions", "max_revisions"):
            check_count(key, getattr(self, key))
        check_durations(self, "backoff", "backoff_max")

    @property
    def backoff_seconds(self) -> float:
        """The wait after the first failed attempt."""
        return parse_duration(self.backoff)

    @property
    def backoff_max_seconds(self) -> float:
        """The longest wait."""
        return parse_duration(self.backoff_max)


class Timeouts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a run may take, and how long its processes get to end."""

    step: Duration = "60m"
    grace: Duration = "10s"

    def __post_init__(self) -> None:
        check_durations(self, "step", above_zero=True)
        check_durations(self, "grace")

    @property
    def step_seconds(self) -> float:
        """The time a run may take where neither step nor skill says."""
        return parse_duration(self.step)

    @property
    def grace_seconds(self) -> float:
        """The time between asking processes to end and killing them."""
        return parse_duration(self.grace)


class SweepSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the sweep does besides repairing. ``min_backlog`` has no feature behind it yet: only 0 is accepted."""

    archive_after: Duration = "0s"
    min_backlog: int = 0

    def __post_init__(self) -> None:
        check_durations(self, "archive_after")
        if self.min_backlog != 0:
            refuse_key("min_backlog", "is not built yet", cure="remove it, or set it to 0")

    @property
    def archive_after_seconds(self) -> float:
        """How long a finished task stays among the live ones."""
        return parse_duration(self.archive_after)


class ClaudeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Claude Code is run. ``bypass``: it asks for nothing; ``sandbox`` declares that nothing here can be lost."""

    permission_mode: str = "acceptEdits"
    allowed_tools: tuple[str, ...] = ("Bash",)
    bypass: bool = False
    sandbox: bool = False
    max_turns: int | None = None
    max_budget_usd: float | None = None
    extra_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.permission_mode == "bypassPermissions":
            refuse_key("permission_mode", "is not how to bypass permissions", cure="set bypass: true")
        check_word("permission_mode", self.permission_mode, CLAUDE_MODES, "a permission mode")
        for key in ("allowed_tools", "extra_args"):
            if any(not word.strip() or "\0" in word for word in getattr(self, key)):
                refuse_key(key, "a word is empty or not printable", cure="remove it")
        if self.max_turns is not None:
            check_count("max_turns", self.max_turns)
        if self.max_budget_usd is not None and not 0.01 <= self.max_budget_usd <= MAX_USD:
            refuse_key("max_budget_usd", f"is not between 0.01 and {MAX_USD}", cure="write dollars, like 2.50")
        for word in self.extra_args:
            if word.partition("=")[0] in CLAUDE_OWN_ARGS:
                refuse_key("extra_args", f"{word} is Baton's own to give", cure="remove it; there is a setting for it")


class HarnessSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who runs agents where neither step, campaign nor skill says; ``models`` maps words, a harness at a time."""

    default: str = "claude"
    models: dict[str, dict[str, str]] = {}
    claude: ClaudeSettings = ClaudeSettings()

    def __post_init__(self) -> None:
        check_word("default", self.default, HARNESSES, "a harness")
        for harness, words in self.models.items():
            check_word(f"models.{harness}", harness, HARNESSES, "a harness")
            for word, model in words.items():
                if not word.strip() or not model.strip():
                    refuse_key(f"models.{harness}", "a word or a model is empty", cure="write it like {sonnet: NAME}")


class NotifySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events are told, and where."""

    channels: tuple[str, ...] = CHANNELS
    events: tuple[str, ...] = EVENTS[:5]

    def __post_init__(self) -> None:
        for channel in self.channels:
            check_word("channels", channel, CHANNELS, "a channel that is built")
        for event in self.events:
            check_word("events", event, EVENTS, "an event to be told")


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the sweep keeps what is finished."""

    archive: Duration = "365d"
    runs: Duration = "90d"
    logs: Duration = "30d"
    events: Duration = "90d"

    def __post_init__(self) -> None:
        check_durations(self, "archive", "runs", "logs", "events")

    @property
    def archive_seconds(self) -> float:
        """Of archived tasks."""
        return parse_duration(self.archive)

    @property
    def runs_seconds(self) -> float:
        """Of run records."""
        return parse_duration(self.runs)

    @property
    def logs_seconds(self) -> float:
        """Of what agents printed."""
        return parse_duration(self.logs)

    @property
    def events_seconds(self) -> float:
        """Of the event log."""
        return parse_duration(self.events)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``config/baton.yaml``. ``env`` names the variables that every agent may inherit."""

    concurrency: Concurrency = Concurrency()
    lease: LeaseSettings = LeaseSettings()
    retry: RetrySettings = RetrySettings()
    timeouts: Timeouts = Timeouts()
    sweep: SweepSettings = SweepSettings()
    harness: HarnessSettings = HarnessSettings()
    notify: NotifySettings = NotifySettings()
    retention: Retention = Retention()
    env: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_variables("env", self.env)
