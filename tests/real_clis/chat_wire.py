"""OpenAI's chat completions, as OpenCode and Copilot CLI speak them to a provider of one's own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.real_clis.acts import Call, Fail, Say, Trouble
from tests.real_clis.wires import (
    CACHED_TOKENS,
    READ_TOKENS,
    WRITTEN_TOKENS,
    Error,
    Frame,
    arguments,
    new_id,
    words_of,
)

ERRORS = {
    Trouble.AUTH: Error(401, "invalid_api_key", "Incorrect API key provided."),
    Trouble.FORBIDDEN: Error(403, "forbidden", "not allowed"),
    Trouble.CREDIT: Error(
        429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details."
    ),
    Trouble.RATE_LIMIT: Error(
        429, "rate_limit_exceeded", "Rate limit reached for requests per min: Limit 3, Used 3. Please try again in 1s."
    ),
    Trouble.OVERLOADED: Error(503, "server_is_overloaded", "The model is overloaded. Please try again later."),
    Trouble.SERVER: Error(500, "server_error", "Internal server error"),
    Trouble.TOO_LONG: Error(
        400,
        "context_length_exceeded",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 250000 tokens.",
    ),
    Trouble.MODEL: Error(404, "model_not_found", "The model `nope` does not exist"),
}


def openai_refusal(error: Error) -> dict[str, Any]:
    """Return the body of an error, the same on both of OpenAI's wires."""
    return {"error": {"message": error.message, "type": error.word, "code": error.word, "param": None}}


class ChatWire:
    """``POST /v1/chat/completions``."""

    name = "chat"
    last_line = b"data: [DONE]\n\n"
    errors = ERRORS

    def serves(self, path: str) -> bool:
        return path.endswith("/chat/completions")

    def tools(self, body: Any) -> list[str]:
        return [tool.get("function", {}).get("name", "") for tool in body.get("tools") or []]

    def is_answered(self, body: Any) -> bool:
        return any(message.get("role") == "tool" for message in body["messages"])

    def is_streamed(self, path: str, body: Any) -> bool:
        return bool(body.get("stream"))

    def stream(self, body: Any, act: Say | Call | Fail, shell: str) -> Iterator[Frame]:
        head = _head(body, "chat.completion.chunk")

        def chunk(delta: dict[str, Any], reason: str | None = None) -> Frame:
            return Frame({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

        yield chunk({"role": "assistant", "content": ""})
        yield chunk({"content": words_of(act)})
        if isinstance(act, Fail):
            yield Frame(self.refusal(self.errors[act.trouble]))
            return
        if isinstance(act, Call):
            yield chunk({"tool_calls": _calls(act, shell)})
        yield chunk({}, _reason(act))
        yield Frame({**head, "choices": [], "usage": _usage()})

    def whole(self, body: Any, act: Say | Call, shell: str) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": act.text}
        if isinstance(act, Call):
            message["tool_calls"] = _calls(act, shell)
        choice = {"index": 0, "message": message, "finish_reason": _reason(act)}
        return {**_head(body, "chat.completion"), "choices": [choice], "usage": _usage()}

    def refusal(self, error: Error) -> dict[str, Any]:
        return openai_refusal(error)


def _head(body: Any, kind: str) -> dict[str, Any]:
    return {"id": new_id("chatcmpl"), "object": kind, "created": int(time.time()), "model": body["model"]}


def _reason(act: Say | Call) -> str:
    return "tool_calls" if isinstance(act, Call) else "stop"


def _calls(act: Call, shell: str) -> list[dict[str, Any]]:
    function = {"name": shell, "arguments": json.dumps(arguments(shell, act.command))}
    return [{"index": 0, "id": new_id("call"), "type": "function", "function": function}]


def _usage() -> dict[str, Any]:
    return {
        "prompt_tokens": READ_TOKENS,
        "completion_tokens": WRITTEN_TOKENS,
        "total_tokens": READ_TOKENS + WRITTEN_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    }
