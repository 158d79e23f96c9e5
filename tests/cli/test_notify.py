"""``notify.py`` against a server on loopback: what is sent, what is refused, and that no token is ever shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.cli.homes import SCRIPTS, Home, run, tree, wait_for

TOKEN = "123456789:AAF-canary-of-the-token"


class Chat(ThreadingHTTPServer):
    """A server that stands in for the Bot API: it keeps what it was asked, and answers as it was told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.answer = 200, {"ok": True, "result": {}}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    @property
    def texts(self) -> list[str]:
        return [body["text"] for _, body in self.asked]

    @property
    def environ(self) -> dict[str, str]:
        base = f"http://127.0.0.1:{self.server_port}"
        return {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": "-100200", "TELEGRAM_API_BASE": base}


class Handler(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        data = json.dumps(self.server.answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def chat() -> Iterator[Chat]:
    with Chat() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_words_are_sent_joined_by_spaces(home: Home, chat: Chat) -> None:
    done = home.call("notify", "Spring", "launch is", "ready", **chat.environ)
    assert (done.code, done.out, done.err) == (0, "Sent.\n", "")
    ((path, body),) = chat.asked
    assert path == f"/bot{TOKEN}/sendMessage"
    assert (body["chat_id"], body["text"]) == ("-100200", "Spring launch is ready")


def test_without_words_standard_input_is_sent(home: Home, chat: Chat) -> None:
    done = home.call("notify", stdin="Two\nlines ż\n".encode(), **chat.environ)
    assert (done.code, chat.texts) == (0, ["Two\nlines ż"])


def test_words_count_before_standard_input(home: Home, chat: Chat) -> None:
    home.call("notify", "words", stdin=b"input", **chat.environ)
    assert chat.texts == ["words"]


def test_the_real_script_does_the_same(home: Home, chat: Chat) -> None:
    assert home.run("notify", stdin="from a pipe\n", **chat.environ).out == "Sent.\n"
    assert home.run("notify", "from", "words", **chat.environ).out == "Sent.\n"
    assert chat.texts == ["from a pipe", "from words"]


def test_what_is_no_text_on_standard_input_is_sent_all_the_same(home: Home, chat: Chat) -> None:
    done = home.call("notify", stdin=b"caf\xe9", **chat.environ)
    assert (done.code, chat.texts) == (0, ["caf\ufffd"])


def test_json_says_so_too(home: Home, chat: Chat) -> None:
    assert home.call("notify", "x", "--json", **chat.environ).json == {"sent": True}


def test_credentials_may_stand_in_the_homes_env_file(home: Home, chat: Chat) -> None:
    lines = [f"{name}={value}\n" for name, value in chat.environ.items()]
    (home.root / ".env").write_text("".join(lines))
    assert (home.call("notify", "x").code, chat.texts) == (0, ["x"])


@pytest.mark.parametrize(
    "missing", [["TELEGRAM_BOT_TOKEN"], ["TELEGRAM_CHAT_ID"], ["TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"]]
)
def test_missing_credentials_are_named(home: Home, chat: Chat, missing: list[str]) -> None:
    environ = {name: value for name, value in chat.environ.items() if name not in missing}
    done = home.call("notify", "x", **environ)
    assert (done.code, done.out, chat.asked) == (1, "", [])
    assert done.err.startswith(f"notify.py: cannot send message: {' and '.join(missing)} ")
    assert home.call("notify", "x", "--json", **environ).refusal == (1, "missing_credentials")


@pytest.mark.parametrize("words", [[], [""], [" ", "\n"]])
def test_no_message_is_an_error(home: Home, chat: Chat, words: list[str]) -> None:
    done = home.call("notify", *words, stdin=b" \n", **chat.environ)
    assert (done.code, done.out, chat.asked) == (1, "", [])
    assert done.err.splitlines()[0] == "notify.py: cannot send message: there is no message"
    assert home.call("notify", *words, "--json", **chat.environ).refusal == (1, "invalid_input")


def test_a_closed_standard_input_is_no_message(home: Home, chat: Chat) -> None:
    words = ["sh", "-c", 'exec "$@" <&-', "sh", str(SCRIPTS / "notify.py")]
    done = run(*words, environ=home.environ | chat.environ)
    assert (done.code, done.err.splitlines()[0]) == (1, "notify.py: cannot send message: there is no message")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_refusal_of_the_server_is_an_error_without_the_token(home: Home, chat: Chat, status: int) -> None:
    chat.status, chat.answer = status, {"ok": False, "description": f"no, {TOKEN}"}
    done = home.call("notify", "x", "--json", **chat.environ)
    assert done.refusal == (1, "notification_failed")
    assert "canary" not in done.out + done.err


def test_a_server_that_is_not_there_is_an_error_without_the_token(home: Home, chat: Chat) -> None:
    environ = chat.environ | {"TELEGRAM_API_BASE": "http://127.0.0.1:9"}
    done = home.run("notify", "x", **environ)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("notify.py: cannot send message: Telegram could not be reached")
    assert "canary" not in done.err


def test_nothing_is_written(home: Home, chat: Chat) -> None:
    before = tree(home.root)
    home.call("notify", "x", **chat.environ)
    assert tree(home.root) == before


# -- and the sweep ------------------------------------------------------------------------------------------------------


def test_the_sweep_tells_what_has_happened_since_it_last_told(home: Home, chat: Chat) -> None:
    home.settings("harness: {default: script}\n")
    home.ok("check_pipeline", **chat.environ)
    home.make_task(agents=["alpha"], title="Rye bread")
    home.complete()
    home.ok("check_pipeline", **chat.environ)
    home.ok("check_pipeline", **chat.environ)
    assert chat.texts == ["Task t-1 is completed: Rye bread"]


def test_without_credentials_nothing_is_piled_up(home: Home, chat: Chat) -> None:
    home.settings("harness: {default: script}\n")
    home.ok("check_pipeline")
    home.make_task(agents=["alpha"])
    home.complete()
    home.ok("check_pipeline")
    home.ok("check_pipeline", **chat.environ)
    assert chat.texts == []


def test_a_message_that_could_not_be_sent_is_sent_later(home: Home, chat: Chat) -> None:
    home.settings("harness: {default: script}\n")
    home.ok("check_pipeline", **chat.environ)
    home.make_task(agents=["alpha"], title="Rye bread")
    home.complete()
    chat.status, chat.answer = 400, {"ok": False, "description": "try again"}
    report = home.ok("check_pipeline", **chat.environ).json
    assert report["errors"] == ["telegram: Telegram refused the message: try again"]
    chat.status, chat.answer = 200, {"ok": True}
    home.ok("check_pipeline", **chat.environ)
    assert chat.texts == ["Task t-1 is completed: Rye bread"] * 2


def test_a_campaign_that_completes_by_itself_is_told_with_its_counts(live: Home, chat: Chat) -> None:
    live.settings("harness: {default: script}\nnotify: {events: [campaign_completed]}\n")
    live.ok("check_pipeline", **chat.environ)
    live.make_campaign()
    live.ok("activate_campaign", "spring")
    wait_for(lambda: live.campaign()["status"] == "completed")
    wait_for(lambda: live.ok("check_pipeline", **chat.environ) and chat.texts)
    assert chat.texts == ["Campaign spring is completed: 2 completed"]
