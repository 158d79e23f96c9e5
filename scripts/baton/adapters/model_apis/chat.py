"""OpenAI's chat completions (``/chat/completions``), which most local servers speak.

Their newer API, responses, is not spoken: few but their own servers have it, and of a plain prompt it knows no more.
"""

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

STOPS = {"stop": WHOLE, "length": CUT, "content_filter": REFUSED}


class ChatWire:
    """Speaks it. ``limit`` is what the bound of an answer is called: OpenAI itself has another word than all others."""

    path = "/chat/completions"

    def __init__(self, limit: str) -> None:
        self._limit = limit

    def headers(self, key: str | None) -> dict[str, str]:
        """The key is a bearer's token."""
        return {"Authorization": f"Bearer {key}"} if key is not None else {}

    def body(self, question: Question) -> dict[str, Any]:
        """The instructions are the first message."""
        system = [{"role": "system", "content": question.system}] if question.system else []
        body: dict[str, Any] = {
            "model": question.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [*system, {"role": "user", "content": question.text}],
        }
        return body | ({self._limit: question.max_tokens} if question.max_tokens is not None else {})

    def pieces(self, event: str, data: dict[str, Any]) -> Iterator[Piece]:
        """What it has used comes behind the end of the answer."""
        if data.get("error") is not None:
            raise failure_in(data)
        usage = data.get("usage")
        counts, model = _counts(usage), text_in(data, "model")
        if counts or model:
            yield Counted(counts=counts, model=model)
        choices = data.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if text := text_in(delta, "content"):
            yield Said(text=text)
        elif delta:
            yield Thought()
        if word := text_in(choice, "finish_reason"):
            yield Stopped(why=STOPS.get(word, OTHER), word=word)


def _counts(usage: Any) -> dict[str, int]:
    if not isinstance(usage, dict):
        return {}
    cached = count_in(usage.get("prompt_tokens_details"), "cached_tokens") or 0
    read, written = count_in(usage, "prompt_tokens"), count_in(usage, "completion_tokens")
    counts = {"output_tokens": written} if written is not None else {}
    if read is not None:  # those from the cache are among those read, which are counted apart with us
        counts |= {"input_tokens": max(0, read - cached), "cache_read_tokens": min(read, cached)}
    return counts
