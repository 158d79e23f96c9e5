"""A key that is kept gets to the API and nowhere else, even where the API says it back in every way it can."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home, wait_for
from tests.cli.listeners import Heard, listen, serving

# It looks like no kind of token: it must be known, not guessed.
KEY = "kept.Zq4vXw81LmTn5Rb7.Qs"
# So much of it anywhere is too much.
PARTS = (KEY[:12], KEY[6:18], KEY[-12:])
TEMPLATE = """\
slug: echoes
name: Echoes
main_steps:
  - {agent: speaker, label: Speak, model: played, instructions: Say it.}
  - {agent: repeater, label: Repeat, model: played, instructions: Say it again.}
"""
SETTINGS = """\
harness: {{default: script, api: {{base_url: "{url}", wire: anthropic}}}}
retry: {{max_attempts: 2, backoff: 20ms, backoff_max: 100ms, outage_max: 1s}}
timeouts: {{grace: 300ms}}
lease: {{heartbeat: 100ms}}
notify: {{channels: []}}
"""

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says, and remembers which key it was sent."""

    answer: Answer
    keys: list[str]
    held: threading.Event

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        type(self).keys.append(self.headers["x-api-key"])
        with contextlib.suppress(OSError):
            type(self).answer(self)

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, *events: dict[str, Any], waits_before: int | None = None) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for number, event in enumerate(events):
            if number == waits_before:
                self.wfile.flush()
                type(self).held.wait(60)
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def said(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def stop(reason: str) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}}


START = {"type": "message_start", "message": {"model": KEY, "usage": {"input_tokens": 5}}}
LETTERS = [said("The key is "), *map(said, KEY), said(", and "), said(KEY[:9]), said(KEY[9:]), said(" too.")]


def refuses(handler: Handler) -> None:
    error = {"type": KEY, "code": f"{KEY}-code", "message": f"invalid x-api-key {KEY}: no such key ({KEY})"}
    handler.say(401, json.dumps({"error": error}).encode(), content_type="application/json", request_id=KEY)


def breaks(handler: Handler) -> None:
    handler.say(500, b"x" * 485 + KEY.encode() + b"y" * 50, content_type="text/plain")


def redirects(handler: Handler) -> None:
    handler.say(302, b"", location=f"http://{KEY}@elsewhere.example/{KEY}")


def stops_oddly(handler: Handler) -> None:
    handler.stream(START, said("Hello"), stop(f"{'x' * 50}{KEY}"))


def fails_in_the_middle(handler: Handler) -> None:
    error = {"type": "error", "error": {"type": KEY, "message": f"{'x' * 490}{KEY}"}}
    handler.stream(START, *LETTERS, error)


def says_it(handler: Handler) -> None:
    handler.stream(START, *LETTERS, stop("end_turn"), waits_before=len(LETTERS))


@contextlib.contextmanager
def api(answer: Answer) -> Iterator[tuple[str, type[Handler]]]:
    played = type("Played", (Handler,), {"answer": staticmethod(answer), "keys": [], "held": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), played)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", played
    finally:
        played.held.set()
        server.shutdown()
        server.server_close()


def seen_in_processes() -> list[str]:
    """Where in the environments and command lines of all processes of this machine a part of the key stands."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("environ", "cmdline"):
            with contextlib.suppress(OSError):
                text = (process / name).read_bytes()
                found += [f"{process / name}" for part in PARTS if part.encode() in text]
    return found


def seen_in_files(root: Path) -> list[str]:
    """Which files below a folder hold a part of the key."""
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(files) > 30
    return [str(path.relative_to(root)) for path in files if any(part.encode() in path.read_bytes() for part in PARTS)]


@pytest.mark.parametrize("answer", [refuses, breaks, redirects, stops_oddly, fails_in_the_middle, says_it])
def test_a_key_that_the_api_says_back_is_nowhere(tmp_path: Path, answer: Answer) -> None:
    home = Home(tmp_path / "home")
    with api(answer) as (url, played), serving(home) as server:
        home.settings(SETTINGS.format(url=url))
        kept = home.call("key", "set", "ANTHROPIC_API_KEY", stdin=KEY.encode())
        assert kept.code == 0, kept
        home.wake()
        home.ok("pipeline", "create", home.file("echoes.yaml", TEMPLATE))
        outputs = [home.call("stream_run", "create", "echoes", "--input", "Speak.", "--id", "echo-1", "--start")]
        heard = Heard()
        listening = threading.Thread(
            target=lambda: asyncio.run(asyncio.wait_for(listen(server, heard, run="echo-1"), 60))
        )
        listening.start()
        following = home.start("stream_run", "follow", "echo-1", "--json")
        wait_for(lambda: played.keys)
        processes = seen_in_processes()
        if answer is says_it:
            wait_for(lambda: "and ***" in heard.text)
            processes += seen_in_processes()
        played.held.set()
        home.await_event("run_ended", "echo-1")
        if answer is not says_it:
            # It waits for the API to be well again, or for its key to be mended, and has said so by now.
            outputs += [home.call(*words) for words in (("status",), ("why",), ("stream_run", "show", "echo-1"))]
            outputs.append(home.call("task", "cancel", "echo-1"))
            outputs.append(home.call("check_pipeline"))
        out, err = following.communicate(timeout=60)
        listening.join()
        outputs.append(home.call("stream_run", "show", "echo-1", "--json"))
        outputs += [
            home.call(*words) for words in (("status",), ("why",), ("cost", "--json"), ("doctor",), ("key", "list"))
        ]
        home.settle()

    text = "".join([out, err, *(done.out + done.err for done in outputs), json.dumps(heard.events)])
    assert set(played.keys) == {KEY}
    assert heard.events[-1]["type"] == ("pipeline_complete" if answer is says_it else "error")
    assert processes == []
    assert [part for part in PARTS if part in text or part in heard.text] == []
    assert seen_in_files(tmp_path) == []
    if answer in (says_it, fails_in_the_middle):
        assert heard.text.startswith("The key is ***, and *** too.")
