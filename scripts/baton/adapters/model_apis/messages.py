"""Anthropic's messages (``/v1/messages``), as others speak it, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from baton.adapters.model_apis import (
    CUT,
    OTHER,
    REFUSED,
    WHOLE,
    Counted,
    Piece,
    Question,
    Said,
    Stopped,
    Thought,
    count_in,
    failure_in,
    text_in,
)

VERSION = "2023-06-01"
# This API wants to be told how long an answer may be.
MAX_TOKENS = 8192
STOPS = {"end_turn": WHOLE, "stop_sequence": WHOLE, "max_tokens": CUT, "refusal": REFUSED}
COUNTS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_creation_tokens": "cache_creation_input_tokens",
}


class MessagesWire:
    """Speaks it."""

    path = "/v1/messages"

    def headers(self, key: str | None) -> dict[str, str]:
        """The key has a header of its own here."""
        return {"anthropic-version": VERSION} | ({"x-api-key": key} if key is not None else {})

    def body(self, question: Question) -> dict[str, Any]:
        """The instructions are no message."""
        body: dict[str, Any] = {
            "model": question.model,
            "max_tokens": question.max_tokens or MAX_TOKENS,
            "stream": True,
            "messages": [{"role": "user", "content": question.text}],
        }
        return body | ({"system": question.system} if question.system else {})

    def pieces(self, event: str, data: dict[str, Any]) -> Iterator[Piece]:
        """Types of events that are not known here say nothing: new ones keep coming."""
        match data.get("type") or event:
            case "message_start":
                message = data.get("message")
                usage = message.get("usage") if isinstance(message, dict) else None
                yield Counted(counts=_counts(usage), model=text_in(message, "model"))
            case "content_block_delta":
                delta = data.get("delta")
                if text_in(delta, "type") == "text_delta":
                    yield Said(text=text_in(delta, "text"))
                else:
                    yield Thought()
            case "message_delta":
                yield Counted(counts=_counts(data.get("usage")))
                if word := text_in(data.get("delta"), "stop_reason"):
                    yield Stopped(why=STOPS.get(word, OTHER), word=word)
            case "error":
                raise failure_in(data)


def _counts(usage: Any) -> dict[str, int]:
    found = {ours: count_in(usage, theirs) for ours, theirs in COUNTS.items()}
    return {name: count for name, count in found.items() if count is not None}
