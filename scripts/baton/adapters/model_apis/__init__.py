"""Asking models over their APIs, each answer as it comes. One file a wire; what they share stands here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from msgspec import Struct

# How an answer may end that is whole.
WHOLE = "end"
CUT = "max_tokens"
REFUSED = "refusal"
OTHER = "other"


class Question(Struct, frozen=True, kw_only=True):
    """What a model is asked."""

    model: str
    system: str
    text: str
    max_tokens: int | None = None


class Said(Struct, frozen=True, kw_only=True):
    """A piece of the answer."""

    text: str


class Thought(Struct, frozen=True, kw_only=True):
    """The model is at work, and says nothing yet."""


class Counted(Struct, frozen=True, kw_only=True):
    """What has been used so far, under our names; ``model`` is the one that answers."""

    counts: dict[str, int]
    model: str = ""


class Stopped(Struct, frozen=True, kw_only=True):
    """The answer is over: ``why`` in a word of ours, ``word`` in the API's."""

    why: str
    word: str


Piece = Said | Thought | Counted | Stopped


class Wire(Protocol):
    """How one kind of API is spoken to."""

    path: str

    def headers(self, key: str | None) -> dict[str, str]:
        """The headers of a request."""

    def body(self, question: Question) -> dict[str, Any]:
        """What is sent."""

    def pieces(self, event: str, data: dict[str, Any]) -> Iterator[Piece]:
        """What one event of the answer says; ``ApiFailure`` where it is an error."""


class ApiFailure(Exception):
    """The API did not answer, or not to the end. ``words`` are short, the most special one first."""

    def __init__(self, text: str, *words: str, status: int | None = None, wait_seconds: float | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.words = words
        self.status = status
        self.wait_seconds = wait_seconds


def count_in(data: Any, key: str) -> int | None:
    """Return a count of tokens, if it is one."""
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def text_in(data: Any, key: str) -> str:
    """Return a text; an empty one for whatever else is there."""
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


def failure_in(data: Any, status: int | None = None) -> ApiFailure:
    """Return what an API says of an error, in its own words: ``{"error": {"type", "code", "message"}}``."""
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str):
        error = {"message": error}
    words = tuple(filter(None, (text_in(error, "code"), text_in(error, "type"))))
    return ApiFailure(text_in(error, "message") or text_in(data, "message"), *words, status=status)
