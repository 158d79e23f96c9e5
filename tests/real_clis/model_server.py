"""A model server on this machine's loopback: it speaks the wires of the providers, and does what the play says.

No model stands behind it. It keeps every request that asks the model something, and the paths of all others.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.real_clis.acts import Call, Drop, Fail, Play, Refuse, Request, Say, Send
from tests.real_clis.chat_wire import ChatWire
from tests.real_clis.gemini_wire import GeminiWire
from tests.real_clis.messages_wire import MessagesWire
from tests.real_clis.responses_wire import ResponsesWire
from tests.real_clis.wires import Wire, shell_of

WIRES: tuple[Wire, ...] = (MessagesWire(), ResponsesWire(), ChatWire(), GeminiWire())
# What programs ask beside the model's answers: how many tokens a text has, which models there are.
ASIDES: dict[str, dict[str, Any]] = {
    "/count_tokens": {"input_tokens": 100},
    ":countTokens": {"totalTokens": 100},
    "/models": {"object": "list", "data": [{"id": "played-model", "object": "model"}], "models": []},
}


class ModelServer:
    """Listens on a free port of 127.0.0.1 until it is closed; ``play`` decides about each request."""

    def __init__(self, play: Play) -> None:
        self.requests: list[Request] = []
        """What the model was asked, oldest first."""
        self.strays: list[str] = []
        """The paths that were asked for and that no wire serves."""
        self.faults: list[BaseException] = []
        """What went wrong in the server itself, or in the play."""
        self.play = play
        self._lock = threading.Lock()
        server = self

        class Handler(_Handler):
            served_by = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def heard(self, wire: Wire, path: str, headers: Mapping[str, str], body: Any) -> Request:
        """Keep a request."""
        request = Request(
            wire=wire.name,
            path=path,
            headers=headers,
            body=body,
            text=json.dumps(body, ensure_ascii=False),
            shell=shell_of(wire.tools(body)),
            is_answered=wire.is_answered(body),
        )
        with self._lock:
            self.requests.append(request)
        return request


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served_by: ModelServer

    def do_HEAD(self) -> None:
        self._send(200, b"", {})

    def do_GET(self) -> None:
        self._aside()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        wire = next((wire for wire in WIRES if wire.serves(path)), None)
        # Who asks may be killed, or give up, before the answer is there.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if wire is None:
                self._aside()
                return
            try:
                self._answer(wire, path, raw)
            except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
                self.served_by.faults.append(error)
                self._send_json(500, {"error": {"message": f"the played model failed: {error!r}"}})

    def _answer(self, wire: Wire, path: str, raw: bytes) -> None:
        body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = self.served_by.heard(wire, path, headers, body)
        act = self.served_by.play(request)
        if isinstance(act, Refuse):
            error = wire.errors[act.trouble]
            self._send_json(error.status, wire.refusal(error), {"Retry-After": str(act.retry_after)})
        elif isinstance(act, Send):
            self._send_as_it_is(act)
        elif isinstance(act, Drop) and not act.is_begun:
            self._hang_up()
        elif wire.is_streamed(path, body):
            self._stream(wire, request, act)
        else:
            said = act if isinstance(act, Say | Call) else Say(text="I begin.")
            self._send_json(200, wire.whole(body, said, request.shell or ""))

    def _stream(self, wire: Wire, request: Request, act: Say | Call | Fail | Drop) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        said = Say(text="I begin.") if isinstance(act, Drop) else act
        frames = list(wire.stream(request.body, said, request.shell or ""))
        if isinstance(act, Drop):
            for frame in frames[: len(frames) // 2]:
                self._chunk(bytes(frame))
            self._hang_up()
            return
        for frame in frames:
            self._chunk(bytes(frame))
        if wire.last_line:
            self._chunk(wire.last_line)
        self._chunk(b"")

    def _send_as_it_is(self, act: Send) -> None:
        self.send_response(act.status)
        for name, value in {**act.headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in act.pieces:
            if piece:
                self._chunk(piece)
        if act.is_cut:
            self._hang_up()
        else:
            self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True

    def _aside(self) -> None:
        path = self.path.partition("?")[0]
        known = next((answer for end, answer in ASIDES.items() if path.endswith(end)), None)
        if known is None:
            self.served_by.strays.append(f"{self.command} {path}")
        self._send_json(200 if known else 404, known or {"error": {"message": "not found"}})

    def _send_json(self, status: int, data: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self._send(status, json.dumps(data).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Print nothing for a request."""
