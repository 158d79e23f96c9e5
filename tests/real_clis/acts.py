"""What the played model does with one request: words, a command for the shell tool, or a kind of trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Trouble(StrEnum):
    """What can be wrong at a provider. Each wire has its own status and words for it."""

    AUTH = "auth"
    FORBIDDEN = "forbidden"
    CREDIT = "credit"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER = "server"
    TOO_LONG = "too_long"
    MODEL = "model"


@dataclass(frozen=True, kw_only=True)
class Say:
    """End the turn with these words."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """Have the shell tool run a command."""

    command: str
    text: str = "I run a command."


@dataclass(frozen=True, kw_only=True)
class Refuse:
    """Answer with an error, in an HTTP status and words of the wire's own."""

    trouble: Trouble
    retry_after: int = 1


@dataclass(frozen=True, kw_only=True)
class Fail:
    """Begin a good answer, and put an error into it."""

    trouble: Trouble


@dataclass(frozen=True, kw_only=True)
class Drop:
    """Close the connection: before any byte, or (``is_begun``) in the middle of a good answer."""

    is_begun: bool = False


@dataclass(frozen=True, kw_only=True)
class Send:
    """Send exactly this: ``pieces`` as they come, which may be waited for; then end well, or (``is_cut``) hang up."""

    pieces: Iterable[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/event-stream"})
    is_cut: bool = False


Act = Say | Call | Refuse | Fail | Drop | Send


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request of an agent program to its model.

    ``shell`` is the name of the shell tool that it offers, ``None`` where it offers none: then the program asks for
    something of its own, a title or a choice of model. ``is_answered``: a tool's result stands in it.
    """

    wire: str
    path: str
    headers: Mapping[str, str]
    body: Any
    text: str
    shell: str | None
    is_answered: bool


Play = Callable[[Request], Act]
"""Decides about each request. It is called in a thread of the server's."""


def work(request: Request, command: str, answer: str = "Done.") -> Act:
    """Run one command with the shell tool, then end the turn; what is asked without a shell is answered with words."""
    if request.shell is None or request.is_answered:
        return Say(text=answer)
    return Call(command=command)
