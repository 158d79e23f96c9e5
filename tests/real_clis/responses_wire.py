"""OpenAI's responses, as Codex speaks them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.real_clis.acts import Call, Fail, Say
from tests.real_clis.chat_wire import ERRORS, openai_refusal
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


class ResponsesWire:
    """``POST /v1/responses``."""

    name = "responses"
    last_line = b""
    errors = ERRORS

    def serves(self, path: str) -> bool:
        return path.endswith("/responses")

    def tools(self, body: Any) -> list[str]:
        return [tool.get("name") or tool.get("type", "") for tool in body.get("tools") or []]

    def is_answered(self, body: Any) -> bool:
        return any(item.get("type") == "function_call_output" for item in body["input"])

    def is_streamed(self, path: str, body: Any) -> bool:
        return bool(body.get("stream"))

    def stream(self, body: Any, act: Say | Call | Fail, shell: str) -> Iterator[Frame]:
        answer = _answer(body, "in_progress", [])
        yield _frame("response.created", response=answer)
        if isinstance(act, Fail):
            error = self.errors[act.trouble]
            failed = {"code": error.word, "message": error.message}
            yield _frame("response.failed", response={**answer, "status": "failed", "error": failed})
            return
        items = _items(act, shell)
        for index, item in enumerate(items):
            at = {"output_index": index, "item_id": item["id"]}
            empty = {"content": []} if item["type"] == "message" else {"arguments": ""}
            yield _frame(
                "response.output_item.added", output_index=index, item={**item, "status": "in_progress", **empty}
            )
            if item["type"] == "message":
                part = {"type": "output_text", "text": "", "annotations": []}
                yield _frame("response.content_part.added", **at, content_index=0, part=part)
                yield _frame("response.output_text.delta", **at, content_index=0, delta=act.text)
                yield _frame("response.output_text.done", **at, content_index=0, text=act.text)
            else:
                yield _frame("response.function_call_arguments.delta", **at, delta=item["arguments"])
                yield _frame("response.function_call_arguments.done", **at, arguments=item["arguments"])
            yield _frame("response.output_item.done", output_index=index, item=item)
        yield _frame(
            "response.completed", response={**answer, "status": "completed", "output": items, "usage": _usage()}
        )

    def whole(self, body: Any, act: Say | Call, shell: str) -> dict[str, Any]:
        return _answer(body, "completed", _items(act, shell)) | {"usage": _usage()}

    def refusal(self, error: Error) -> dict[str, Any]:
        return openai_refusal(error)


def _frame(kind: str, **fields: Any) -> Frame:
    return Frame({"type": kind, **fields}, kind)


def _answer(body: Any, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "model": body.get("model"),
        "status": status,
        "output": output,
    }


def _items(act: Say | Call, shell: str) -> list[dict[str, Any]]:
    said = {"type": "output_text", "text": words_of(act), "annotations": []}
    done = {"status": "completed"}
    items = [{"type": "message", "id": new_id("msg"), "role": "assistant", "content": [said], **done}]
    if isinstance(act, Call):
        called = json.dumps(arguments(shell, act.command))
        call = {"type": "function_call", "id": new_id("fc"), "call_id": new_id("call"), "name": shell}
        items.append({**call, "arguments": called, **done})
    return items


def _usage() -> dict[str, Any]:
    return {
        "input_tokens": READ_TOKENS,
        "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
        "output_tokens": WRITTEN_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": READ_TOKENS + WRITTEN_TOKENS,
    }
