"""Who calls: agents may omit task and name, and present their lease from the environment; people and hands say them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from baton.domain.errors import IllegalTransition, InvalidWord
from baton.domain.ids import check_agent, check_id

if TYPE_CHECKING:
    from baton.engine.agent_calls import Caller


TOKEN_DIGITS = 19


def is_text(word: str) -> bool:
    """Tell whether a word can be written as UTF-8: what the shell passed on as other bytes cannot."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_said(option: str, text: str) -> str:
    """Return the words of an option that somebody will be told; refuse an option that says nothing."""
    if not text.strip():
        raise InvalidWord(f"{option} is empty", cure="say it in a sentence")
    return text


def task_of(option: str | None, environ: Mapping[str, str]) -> str:
    """Return the task: as said, else ``BATON_TASK``."""
    task = option or environ.get("BATON_TASK")
    if not task:
        raise InvalidWord("no task is named", cure="name one, or set BATON_TASK")
    return check_id(task)


def caller_of(agent: str | None, task: str, environ: Mapping[str, str]) -> Caller:
    """Return the caller; the token in ``BATON_LEASE`` counts for the task in ``BATON_TASK`` alone."""
    from baton.engine.agent_calls import Caller  # start-up

    if environ.get("BATON_HEARTBEAT"):
        raise IllegalTransition(
            "a heartbeat has no task, and takes, completes and gives back none",
            cure="make tasks, comment on them, try them again, or report what a person should do",
        )
    name = agent or environ.get("BATON_AGENT")
    if not name:
        raise InvalidWord("no agent is named", cure="add --agent NAME, or set BATON_AGENT")
    return Caller(agent=check_agent(name), token=token_of(task, environ))


def token_of(task: str, environ: Mapping[str, str]) -> int | None:
    """Return the token of the run that calls, when it is a run on this very task."""
    token = environ.get("BATON_LEASE") if environ.get("BATON_TASK") == task else None
    if token and not (token.isdecimal() and len(token) < TOKEN_DIGITS):
        raise InvalidWord(f"BATON_LEASE is {token[:40]!r}, not the number of a lease")
    return int(token) if token else None


def person(environ: Mapping[str, str]) -> str:
    """Return the name under which a person's commands stand in the history."""
    if environ.get("BATON_AGENT"):
        return check_agent(environ["BATON_AGENT"])
    import getpass  # start-up: only people are looked up

    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
    return name if is_text(name) else "somebody"
