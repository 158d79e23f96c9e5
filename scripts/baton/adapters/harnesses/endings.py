"""What an end of an agent program means: why the step is not done, and one line about it. Facts in, a word out.

A run has ended well only with exit 0, the terminal event, no error and no abort, an answer that is not empty, and no
signal. The tables here hold for every program; what only one of them says stands in that program's file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from baton.adapters.harnesses import SUMMARY_LIMIT
from baton.adapters.harnesses.events import EventListener, Failure, Result
from baton.adapters.harnesses.resets import after, instant_of, reset_in
from baton.adapters.harnesses.streams import one_line
from baton.domain.exchange import Ending, Verdict
from baton.domain.statuses import FailureKind

DETAIL_LIMIT = 160
# What a shell makes of a signal.
SIGNALLED = frozenset({129, 130, 137, 143})
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
# Said before all else: providers send it as a rate limit, and no waiting helps.
NO_CREDIT = (
    "quota exceeded", "exceeded your current quota", "insufficient_quota", "insufficient credit", "out of credit",
    "credit balance is too low",
)  # fmt: skip
OF_TEXT = {
    "prompt is too long": FailureKind.CONTEXT_TOO_LONG,
    "maximum context length": FailureKind.CONTEXT_TOO_LONG,
    "context window": FailureKind.CONTEXT_TOO_LONG,
    "input token count": FailureKind.CONTEXT_TOO_LONG,
    "rate limit": FailureKind.RATE_LIMIT,
    "usage limit": FailureKind.RATE_LIMIT,
    "overloaded": FailureKind.OVERLOADED,
    "at capacity": FailureKind.OVERLOADED,
    "internal server error": FailureKind.SERVER,
    "connection refused": FailureKind.TRANSPORT,
    "connection failed": FailureKind.TRANSPORT,
    "connection error": FailureKind.TRANSPORT,
    "could not connect": FailureKind.TRANSPORT,
    "cannot connect": FailureKind.TRANSPORT,
    "fetch failed": FailureKind.TRANSPORT,
    "stream disconnected": FailureKind.TRANSPORT,
    "invalid api key": FailureKind.AUTH,
    "unauthorized": FailureKind.AUTH,
    "not logged in": FailureKind.AUTH,
    "authentication failed": FailureKind.AUTH,
}
SAID = {
    FailureKind.AUTH: "{} could not log in",
    FailureKind.CREDIT: "the account has no credit",
    FailureKind.RATE_LIMIT: "the account is at its rate limit",
    FailureKind.OVERLOADED: "the provider is overloaded",
    FailureKind.SERVER: "the provider's server failed",
    FailureKind.TRANSPORT: "the provider could not be reached",
    FailureKind.CONTEXT_TOO_LONG: "the prompt is too long",
    FailureKind.MODEL_UNKNOWN: "the provider does not know the model",
    FailureKind.TURN_LIMIT: "{} was stopped at its turn limit",
    FailureKind.BUDGET: "{} was stopped at its budget",
    FailureKind.SIGNAL: "{} was stopped from outside",
}
UNREPORTED = "it ended without calling complete_step, so its step is not done: that call must be its last act"
_STATUS = re.compile(r"(?:status:?|HTTP|\"code\":)\s?([45][0-9]{2})\b")
_MODEL = re.compile(r"\bmodel\b.{0,80}(?:does not exist|not found|not supported|no longer available)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_IS_ERROR = re.compile(r"(?:error|fatal|unknown|invalid)\b", re.IGNORECASE)


class Speech(Struct, frozen=True, kw_only=True):
    """What one program says, and what helps: words, texts (in small letters) and exit codes with their kinds, cures.

    ``shells`` are the tools without which an agent cannot complete its step. ``statuses`` are exit codes that stand
    for an HTTP status. ``noise`` is how lines on its stderr begin that say nothing. ``of_session`` are the counts that it
    gives for a whole session, when that is gone on with.
    """

    title: str
    shells: tuple[str, ...]
    of_word: Mapping[str, FailureKind] = {}
    of_text: Mapping[str, FailureKind] = {}
    of_exit: Mapping[int, FailureKind] = {}
    statuses: Mapping[int, int] = {}
    cures: Mapping[FailureKind, str] = {}
    noise: tuple[str, ...] = ()
    of_session: tuple[str, ...] = ()


class End(Struct, frozen=True, kw_only=True):
    """What was heard of an end. ``detail`` is the program's own line for what went wrong; ``status`` an HTTP one."""

    exit_code: int | None
    signal: int | None
    result: Result | None
    failure: Failure | None
    answer: str
    was_aborted: bool
    denied: tuple[str, ...]
    status: int | None
    detail: str
    told: str
    resets_at: str | None
    is_limited: bool
    has_skipped: bool
    has_ended_well: bool


def end_of(speech: Speech, ending: Ending, heard: EventListener, *, needs_text: bool = True) -> End:
    """Gather what is known about an end."""
    heard.finish()
    result, failure = heard.result, heard.failure
    stderr = _COLOUR.sub("", ending.stderr_tail)
    is_good = result is not None and result.is_good and failure is None
    said = "" if is_good else _words_of(result, failure)
    # What an agent answers may speak of errors: of a good run only stderr can explain why it exited otherwise.
    told = said or stderr
    answer = heard.answer if result is None or result.text is None else result.text
    detail = said or (result.text or "" if result is not None and is_good else error_line(speech, stderr))
    status = _status(speech, ending, result, failure) or _status_in(told)
    wait = failure.wait_seconds if failure is not None else None
    resets_at = reset_in(told, ending.at) or instant_of(heard.resets_at) or after(wait, ending.at)
    return End(
        exit_code=ending.exit_code,
        signal=ending.signal,
        result=result,
        failure=failure,
        answer=answer if is_good else "",
        was_aborted=heard.was_aborted,
        denied=tuple(heard.denied),
        status=status,
        detail=one_line(detail, DETAIL_LIMIT),
        told=told.lower(),
        resets_at=resets_at,
        is_limited=heard.resets_at is not None,
        has_skipped=heard.has_skipped,
        has_ended_well=is_good and (bool(answer.strip()) or not needs_text),
    )


def judge(
    speech: Speech, ending: Ending, heard: EventListener, *, completes: bool = False, needs_text: bool = True
) -> Verdict:
    """Return what an end amounts to. ``completes``: a run that ended well has done its step, though nobody said so."""
    end = end_of(speech, ending, heard, needs_text=needs_text)
    kind = kind_of(speech, end)
    is_completed = completes and kind is FailureKind.NO_REPORT
    return Verdict(
        completed=is_completed,
        kind=None if is_completed else kind,
        summary=end.answer.strip()[:SUMMARY_LIMIT] if is_completed else _summary(end),
        message="" if is_completed else message_of(speech, kind, end),
        session=heard.session,
        usage=heard.usage(),
        session_counts=heard.told_of(speech.of_session),
        is_waiting=heard.is_waiting,
        models=heard.used_models(),
        resets_at=end.resets_at if kind is FailureKind.RATE_LIMIT else None,
    )


def kind_of(speech: Speech, end: End) -> FailureKind:
    """Return why the step is not done: a signal first, then what was said of an error, then what was not said."""
    if end.signal is not None or end.exit_code in SIGNALLED or end.was_aborted:
        return FailureKind.SIGNAL
    if end.exit_code or (not end.has_ended_well and (end.result or end.failure)):
        known = _known(speech, end)
        if known is not None:
            return known
    if end.exit_code != 0:
        return FailureKind.EXIT_CODE
    has_said_nothing = end.result is None and end.failure is None
    if (end.has_ended_well or has_said_nothing) and any(tool in speech.shells for tool in end.denied):
        return FailureKind.TOOL_DENIED
    return FailureKind.NO_REPORT if end.has_ended_well else FailureKind.NO_RESULT


def message_of(speech: Speech, kind: FailureKind, end: End) -> str:
    """Return a line for people and for the next attempt: what happened, in the program's words, and what helps."""
    cure = speech.cures.get(kind, "")
    if kind is FailureKind.TOOL_DENIED:
        tool = next(tool for tool in end.denied if tool in speech.shells)
        return f"it ended without calling complete_step: it may not use {tool}" + (f"; {cure}" if cure else "")
    if kind is FailureKind.NO_REPORT:
        return UNREPORTED + (f" (it was denied {', '.join(end.denied)})" if end.denied else "")
    said = _said(speech, kind, end)
    said += f" until {end.resets_at}" if kind is FailureKind.RATE_LIMIT and end.resets_at else ""
    said += f": {end.detail}" if end.detail else ""
    said += " (some lines of its output were too long to be read)" if end.has_skipped else ""
    return f"{said}; {cure}" if cure else said


def error_line(speech: Speech, text: str) -> str:
    """Return the line of a text that says what went wrong: one that is known, one that begins so, else the last."""
    lines = [line for line in text.strip().splitlines() if line.strip() and not line.startswith(speech.noise)]
    known = (line for line in text.splitlines() if any(part in line.lower() for part in speech.of_text))
    begins = (line for line in lines if _IS_ERROR.match(line))
    return next(known, "") or next(begins, "") or (lines[-1] if lines else "")


def _summary(end: End) -> str | None:
    return end.answer[:SUMMARY_LIMIT] or None if end.has_ended_well else None


def _words_of(result: Result | None, failure: Failure | None) -> str:
    said = (result.errors or result.text or "") if result is not None else ""
    return said or (failure.text if failure is not None else "")


def _said(speech: Speech, kind: FailureKind, end: End) -> str:
    if kind in SAID:
        return SAID[kind].format(speech.title)
    if end.exit_code:
        return f"{speech.title} ended with exit code {end.exit_code}"
    if end.result is None and end.failure is None:
        return f"{speech.title} ended without a result"
    is_good = end.result is not None and end.result.is_good and end.failure is None
    return f"{speech.title} ended without an answer" if is_good else f"{speech.title} ended with an error"


def _known(speech: Speech, end: End) -> FailureKind | None:
    if any(part in end.told for part in NO_CREDIT):
        # A quota that comes back by itself is a limit.
        return FailureKind.RATE_LIMIT if end.resets_at else FailureKind.CREDIT
    words = (*(end.result.words if end.result else ()), *(end.failure.words if end.failure else ()))
    for word in words:
        if word in speech.of_word:
            return speech.of_word[word]
    if end.exit_code is not None and end.exit_code in speech.of_exit:
        return speech.of_exit[end.exit_code]
    if end.status in OF_STATUS:
        return OF_STATUS[end.status]
    if end.status is not None and end.status >= 500:
        return FailureKind.SERVER
    if end.is_limited:
        return FailureKind.RATE_LIMIT
    for part, kind in (*speech.of_text.items(), *OF_TEXT.items()):
        if part in end.told:
            return kind
    return FailureKind.MODEL_UNKNOWN if _MODEL.search(end.told) else None


def _status(speech: Speech, ending: Ending, result: Result | None, failure: Failure | None) -> int | None:
    for one in (result, failure):
        if one is not None and one.status is not None:
            return int(one.status)
    return speech.statuses.get(ending.exit_code) if ending.exit_code is not None else None


def _status_in(told: str) -> int | None:
    found = _STATUS.search(told)
    return int(found[1]) if found else None
