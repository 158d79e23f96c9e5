"""What an end of Claude Code means: why the step is not done, and one line about it. Facts in, a word out.

Each row was seen in a captured stream of version 2.1.197 or 2.1.329, or stands in that program's own list of words.
"""

from __future__ import annotations

import re

from msgspec import Struct

from baton.domain.exchange import Ending
from baton.domain.statuses import FailureKind
from baton.domain.times import stamp

SHELL = "Bash"
# What a shell makes of a signal; Claude Code itself ends with 143 after TERM.
SIGNALLED = frozenset({129, 130, 137, 143})
# A subtype, a terminal reason or the word of an error, where it says enough by itself. "server_error" does not: it
# stands for a lost connection, too. Nor does the reason "completed": the older version says so of every error.
OF_WORD = {
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
}
OF_STATUS = {
    401: FailureKind.AUTH,
    402: FailureKind.CREDIT,
    403: FailureKind.AUTH,
    404: FailureKind.MODEL_UNKNOWN,
    413: FailureKind.CONTEXT_TOO_LONG,
    429: FailureKind.RATE_LIMIT,
    503: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}
OF_TEXT = {
    "prompt is too long": FailureKind.CONTEXT_TOO_LONG,
    "piped stdin input exceeds": FailureKind.CONTEXT_TOO_LONG,
}
SAID = {
    FailureKind.AUTH: "Claude Code could not log in",
    FailureKind.CREDIT: "the account has no credit",
    FailureKind.RATE_LIMIT: "the account is at its rate limit",
    FailureKind.OVERLOADED: "the provider is overloaded",
    FailureKind.SERVER: "the provider's server failed",
    FailureKind.TRANSPORT: "the provider could not be reached",
    FailureKind.CONTEXT_TOO_LONG: "the prompt is too long",
    FailureKind.MODEL_UNKNOWN: "the provider does not know the model",
    FailureKind.TURN_LIMIT: "Claude Code was stopped at its turn limit",
    FailureKind.BUDGET: "Claude Code was stopped at its budget",
    FailureKind.SIGNAL: "Claude Code was stopped from outside",
}
CURES = {
    FailureKind.AUTH: "set ANTHROPIC_API_KEY, or log in once by hand",
    FailureKind.MODEL_UNKNOWN: "name another one, or map it under harness.models",
    FailureKind.TURN_LIMIT: "raise harness.claude.max_turns",
    FailureKind.BUDGET: "raise harness.claude.max_budget_usd",
}
UNREPORTED = "it ended without calling complete_step, so its step is not done: that call must be its last act"
DENIED = "it ended without calling complete_step: it may not use {}; see harness.claude.allowed_tools"
_RESET = re.compile(r"\|([0-9]{10})\b")
_INSTANTS = range(1_000_000_000, 100_000_000_000)


class ClaudeError(Struct, frozen=True, kw_only=True):
    """What a message says of an error of the provider: a word, a second one, and the HTTP status, where it had one."""

    word: str = ""
    second: str = ""
    status: int | float | None = None


class ClaudeResult(Struct, frozen=True, kw_only=True):
    """The terminal event. ``is_good`` is what it says of itself: an empty ``text`` is no answer all the same."""

    is_good: bool
    text: str
    subtype: str
    reason: str
    errors: str


class ClaudeEnd(Struct, frozen=True, kw_only=True):
    """What was heard of an end. ``detail`` is the program's own line for what went wrong; ``resets_at`` an epoch."""

    result: ClaudeResult | None
    error: ClaudeError
    detail: str
    denied: tuple[str, ...]
    was_interrupted: bool
    resets_at: int | float | None
    has_skipped: bool


def kind_of(ending: Ending, end: ClaudeEnd) -> FailureKind:
    """Return why the step is not done: a signal first, then what was said of an error, then what was not said."""
    result = end.result
    if ending.signal is not None or ending.exit_code in SIGNALLED or end.was_interrupted:
        return FailureKind.SIGNAL
    if result is None or not result.is_good:
        known = _known(end)
        if known is not None and (result is not None or ending.exit_code):
            return known
    if ending.exit_code != 0:
        return FailureKind.EXIT_CODE
    if result is None or not result.is_good or not result.text.strip():
        return FailureKind.NO_RESULT
    return FailureKind.TOOL_DENIED if SHELL in end.denied else FailureKind.NO_REPORT


def message_of(kind: FailureKind, ending: Ending, end: ClaudeEnd) -> str:
    """Return a line for people and for the next attempt: what happened, in the program's words, and what helps."""
    if kind is FailureKind.TOOL_DENIED:
        return DENIED.format(SHELL)
    if kind is FailureKind.NO_REPORT:
        return UNREPORTED + (f" (it was denied {', '.join(end.denied)})" if end.denied else "")
    said, detail = _said(kind, ending, end.result), end.detail
    if kind is FailureKind.RATE_LIMIT:
        told = _RESET.search(detail)
        resets_at = int(told[1]) if told else int(end.resets_at or 0)
        said += f" until {stamp(resets_at)}" if resets_at in _INSTANTS else ""
    said += f": {detail}" if detail else ""
    said += " (some lines of its output were too long to be read)" if end.has_skipped else ""
    return f"{said}; {CURES[kind]}" if kind in CURES else said


def _said(kind: FailureKind, ending: Ending, result: ClaudeResult | None) -> str:
    if kind in SAID:
        return SAID[kind]
    if ending.exit_code:
        return f"Claude Code ended with exit code {ending.exit_code}"
    if result is None:
        return "Claude Code ended without a result"
    return "Claude Code ended without an answer" if result.is_good else "Claude Code ended with an error"


def _known(end: ClaudeEnd) -> FailureKind | None:
    error, result = end.error, end.result
    words = (result.subtype, result.reason) if result is not None else ()
    for word in (*words, error.word, error.second):
        if word in OF_WORD:
            return OF_WORD[word]
    if error.status is not None and int(error.status) in OF_STATUS:
        return OF_STATUS[int(error.status)]
    if error.status is not None and error.status >= 500:
        return FailureKind.SERVER
    if end.resets_at is not None:
        return FailureKind.RATE_LIMIT
    if error.status is None and error.word == "server_error":
        return FailureKind.TRANSPORT
    return next((kind for part, kind in OF_TEXT.items() if part in end.detail.lower()), None)
