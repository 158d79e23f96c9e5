"""Anthropic's messages, as Claude Code speaks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.real_clis.acts import Call, Fail, Say, Trouble
from tests.real_clis.wires import READ_TOKENS, WRITTEN_TOKENS, Error, Frame, arguments, new_id, words_of

ERRORS = {
    Trouble.AUTH: Error(401, "authentication_error", "invalid x-api-key"),
    Trouble.FORBIDDEN: Error(403, "permission_error", "not allowed"),
    Trouble.CREDIT: Error(
        400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Buy credits."
    ),
    Trouble.RATE_LIMIT: Error(
        429, "rate_limit_error", "This request would exceed your rate limit. Try again in 1 second."
    ),
    Trouble.OVERLOADED: Error(529, "overloaded_error", "Overloaded"),
    Trouble.SERVER: Error(500, "api_error", "Internal server error"),
    Trouble.TOO_LONG: Error(400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
    Trouble.MODEL: Error(404, "not_found_error", "model: nope does not exist"),
}


class MessagesWire:
    """``POST /v1/messages``."""

    name = "messages"
    last_line = b""
    errors = ERRORS

    def serves(self, path: str) -> bool:
        return path.endswith("/v1/messages")

    def tools(self, body: Any) -> list[str]:
        return [tool.get("name", "") for tool in body.get("tools") or []]

    def is_answered(self, body: Any) -> bool:
        contents = (message["content"] for message in body["messages"] if isinstance(message["content"], list))
        return any(part.get("type") == "tool_result" for content in contents for part in content)

    def is_streamed(self, path: str, body: Any) -> bool:
        return bool(body.get("stream"))

    def stream(self, body: Any, act: Say | Call | Fail, shell: str) -> Iterator[Frame]:
        yield _frame("message_start", message=self._message(body, stop=None, written=1))
        for index, (block, delta) in enumerate(_blocks(act, shell)):
            yield _frame("content_block_start", index=index, content_block=block)
            yield _frame("content_block_delta", index=index, delta=delta)
            if isinstance(act, Fail):
                yield Frame(self.refusal(self.errors[act.trouble]), "error")
                return
            yield _frame("content_block_stop", index=index)
        delta = {"stop_reason": _stop(act), "stop_sequence": None}
        yield _frame("message_delta", delta=delta, usage={"output_tokens": WRITTEN_TOKENS})
        yield _frame("message_stop")

    def whole(self, body: Any, act: Say | Call, shell: str) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": act.text}]
        if isinstance(act, Call):
            content.append({**_tool_use(shell), "input": arguments(shell, act.command)})
        return self._message(body, stop=_stop(act), written=WRITTEN_TOKENS) | {"content": content}

    def refusal(self, error: Error) -> dict[str, Any]:
        return {"type": "error", "error": {"type": error.word, "message": error.message}, "request_id": new_id("req")}

    def _message(self, body: Any, *, stop: str | None, written: int) -> dict[str, Any]:
        cache = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        return {
            "id": new_id("msg"),
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": READ_TOKENS, "output_tokens": written, **cache},
        }


def _frame(kind: str, **fields: Any) -> Frame:
    return Frame({"type": kind, **fields}, kind)


def _stop(act: Say | Call | Fail) -> str:
    return "tool_use" if isinstance(act, Call) else "end_turn"


def _tool_use(shell: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": new_id("toolu"), "name": shell, "input": {}}


def _blocks(act: Say | Call | Fail, shell: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    yield {"type": "text", "text": ""}, {"type": "text_delta", "text": words_of(act)}
    if isinstance(act, Call):
        written = json.dumps(arguments(shell, act.command))
        yield _tool_use(shell), {"type": "input_json_delta", "partial_json": written}
