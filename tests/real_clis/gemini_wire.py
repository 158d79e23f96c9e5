"""Google's generated content, as Gemini CLI speaks it."""

from __future__ import annotations

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
    words_of,
)

ERRORS = {
    Trouble.AUTH: Error(401, "UNAUTHENTICATED", "API key not valid. Please pass a valid API key."),
    Trouble.FORBIDDEN: Error(403, "PERMISSION_DENIED", "not allowed"),
    Trouble.CREDIT: Error(
        402, "FAILED_PRECONDITION", "You exceeded your current quota, please check your plan and billing details."
    ),
    Trouble.RATE_LIMIT: Error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted. Please retry in 1s."),
    Trouble.OVERLOADED: Error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    Trouble.SERVER: Error(500, "INTERNAL", "Internal error encountered."),
    Trouble.TOO_LONG: Error(
        400,
        "INVALID_ARGUMENT",
        "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    Trouble.MODEL: Error(404, "NOT_FOUND", "models/nope is not found for API version v1beta"),
}


class GeminiWire:
    """``POST /v1beta/models/<model>:generateContent``, or ``:streamGenerateContent``."""

    name = "gemini"
    last_line = b""
    errors = ERRORS

    def serves(self, path: str) -> bool:
        return path.endswith((":generateContent", ":streamGenerateContent"))

    def tools(self, body: Any) -> list[str]:
        groups = (tool.get("functionDeclarations", []) for tool in body.get("tools") or [])
        return [function.get("name", "") for group in groups for function in group]

    def is_answered(self, body: Any) -> bool:
        return any("functionResponse" in part for content in body["contents"] for part in content.get("parts", []))

    def is_streamed(self, path: str, body: Any) -> bool:
        return path.endswith(":streamGenerateContent")

    def stream(self, body: Any, act: Say | Call | Fail, shell: str) -> Iterator[Frame]:
        parts = _parts(act, shell)
        if isinstance(act, Fail):
            yield Frame(_answer(parts))
            yield Frame(self.refusal(self.errors[act.trouble]))
            return
        for part in parts[:-1]:
            yield Frame(_answer([part]))
        yield Frame(_answer(parts[-1:], "STOP"))

    def whole(self, body: Any, act: Say | Call, shell: str) -> dict[str, Any]:
        return _answer(_parts(act, shell), "STOP")

    def refusal(self, error: Error) -> dict[str, Any]:
        return {"error": {"code": error.status, "message": error.message, "status": error.word}}


def _parts(act: Say | Call | Fail, shell: str) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": words_of(act)}]
    if isinstance(act, Call):
        parts.append({"functionCall": {"name": shell, "args": arguments(shell, act.command)}})
    return parts


def _answer(parts: list[dict[str, Any]], reason: str | None = None) -> dict[str, Any]:
    end = {"finishReason": reason} if reason else {}
    used = {
        "promptTokenCount": READ_TOKENS,
        "candidatesTokenCount": WRITTEN_TOKENS,
        "totalTokenCount": READ_TOKENS + WRITTEN_TOKENS,
        "cachedContentTokenCount": CACHED_TOKENS,
    }
    candidate = {"index": 0, "content": {"role": "model", "parts": parts}, **end}
    return {"candidates": [candidate], "usageMetadata": used, "modelVersion": "played", "responseId": "r-1"}
