"""The Telegram notifier against a server on loopback: every kind of answer, every kind of none, and no token shown."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.adapters.notifiers.telegram import Notifier, split
from baton.domain.delivery import DeliveryFailed, Refusal, Rejected, RetryLater, Unreachable
from baton.domain.errors import BatonError, MissingCredentials

TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz_0123"
CHAT = "-1001234567890"
OK = (200, {"ok": True, "result": {"message_id": 1}})

Answer = tuple[int, Any] | Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's list says, one item a request; the last one again when the list is used up."""

    server: Telegram
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen = len(self.server.requests)
        self.server.requests.append({"path": self.path, "type": self.headers["Content-Type"], "body": json.loads(body)})
        self.server.arrived.set()
        answer = self.server.answers[min(seen, len(self.server.answers) - 1)]
        if callable(answer):
            answer(self)
        else:
            self.reply(*answer)

    def do_CONNECT(self) -> None:
        self.server.requests.append({"path": self.path})
        self.reply(403, {})

    def reply(self, status: int, document: Any, **headers: str) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


class Telegram(ThreadingHTTPServer):
    """A server that stands in for the Bot API."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = [OK]
        self.requests: list[dict[str, Any]] = []
        self.arrived = threading.Event()
        self.over = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def texts(self) -> list[str]:
        return [request["body"]["text"] for request in self.requests]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    with Telegram() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def notifier(base: str, **options: Any) -> Notifier:
    values = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": CHAT, "TELEGRAM_API_BASE": base}
    return Notifier(values.get, **options)


def failure_of(sender: Notifier, text: str = "news", start_part: int = 0) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        sender.send(text, start_part)
    return caught.value


def drop(handler: Handler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def stay_silent(handler: Handler) -> None:
    handler.close_connection = True
    handler.server.over.wait(30)


def redirect(handler: Handler) -> None:
    handler.reply(302, {}, Location=f"{handler.server.base}/elsewhere")


# -- what is sent -------------------------------------------------------------------------------------------------


def test_a_message_is_posted_as_json_to_the_bots_address(telegram: Telegram) -> None:
    notifier(telegram.base).send("Täsk spring-001\nis <b>done</b> 🎉")

    assert telegram.requests == [
        {
            "path": f"/bot{TOKEN}/sendMessage",
            "type": "application/json",
            "body": {
                "chat_id": CHAT,
                "text": "Täsk spring-001\nis <b>done</b> 🎉",
                "disable_web_page_preview": True,
            },
        }
    ]


def test_blanks_around_credentials_and_a_slash_after_the_address_do_no_harm(telegram: Telegram) -> None:
    values = {
        "TELEGRAM_BOT_TOKEN": f" {TOKEN}\n",
        "TELEGRAM_CHAT_ID": f"{CHAT}\n",
        "TELEGRAM_API_BASE": f"{telegram.base}/ ",
    }

    Notifier(values.get).send("news")

    [request] = telegram.requests
    assert (request["path"], request["body"]["chat_id"]) == (f"/bot{TOKEN}/sendMessage", CHAT)


def test_a_token_cannot_lead_to_another_path(telegram: Telegram) -> None:
    values = {"TELEGRAM_BOT_TOKEN": "1:a/../x?y#z", "TELEGRAM_CHAT_ID": CHAT, "TELEGRAM_API_BASE": telegram.base}

    Notifier(values.get).send("news")

    assert [request["path"] for request in telegram.requests] == ["/bot1:a%2F..%2Fx%3Fy%23z/sendMessage"]


def test_a_long_message_is_sent_in_parts_in_their_order(telegram: Telegram) -> None:
    notifier(telegram.base).send("a" * 4096 + "b" * 4096 + "c")

    assert telegram.texts == ["a" * 4096, "b" * 4096, "c"]


def test_a_message_goes_on_with_the_part_where_it_failed(telegram: Telegram) -> None:
    telegram.answers = [OK, (500, {}), OK]
    sender, text = notifier(telegram.base), "a" * 4096 + "b" * 4096 + "c"

    failure = failure_of(sender, text)
    sender.send(text, start_part=failure.sent_parts)

    assert failure.sent_parts == 1
    assert telegram.texts == ["a" * 4096, "b" * 4096, "b" * 4096, "c"]


def test_parts_of_an_earlier_attempt_count_as_sent(telegram: Telegram) -> None:
    telegram.answers = [OK, (400, {"ok": False, "description": "Bad Request"})]

    failure = failure_of(notifier(telegram.base), "a" * 4096 * 4, start_part=1)

    assert (failure.sent_parts, failure.details["sent_parts"]) == (2, 2)


def test_a_message_whose_parts_are_all_out_is_done(telegram: Telegram) -> None:
    notifier(telegram.base).send("news", start_part=1)

    assert telegram.requests == []


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_message_is_refused_unsent(telegram: Telegram, text: str) -> None:
    failure = failure_of(notifier(telegram.base), text)

    assert (type(failure), failure.message, telegram.requests) == (Rejected, "the message is empty", [])


# -- what is answered ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ({"description": "Too Many Requests: retry after 17", "parameters": {"retry_after": 17}}, 17.0),
        ({"description": "Too Many Requests: retry after 17"}, 30.0),
        ({"description": "Too Many Requests: retry after 17", "parameters": {"retry_after": "soon"}}, 30.0),
        ({"description": "Too Many Requests: retry after 17", "parameters": {"retry_after": -1}}, 30.0),
        ({"description": "Too Many Requests: retry after 17", "parameters": []}, 30.0),
    ],
)
def test_too_many_requests_tell_how_long_to_wait(telegram: Telegram, answer: Any, seconds: float) -> None:
    telegram.answers = [(429, answer)]

    failure = failure_of(notifier(telegram.base))

    assert isinstance(failure, RetryLater)
    assert failure.seconds == seconds
    assert failure.message == "Telegram asks to wait: Too Many Requests: retry after 17"
    assert failure.details == {"sent_parts": 0, "retry_after_seconds": seconds}


def test_a_bad_request_refuses_the_message(telegram: Telegram) -> None:
    telegram.answers = [(400, {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"})]

    failure = failure_of(notifier(telegram.base))

    assert isinstance(failure, Rejected)
    assert failure.kind is Refusal.MESSAGE
    assert failure.message == "Telegram refused the message: Bad Request: chat not found"


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (401, "check TELEGRAM_BOT_TOKEN"),
        (403, "let the bot into the chat again, or check TELEGRAM_CHAT_ID"),
        (404, "check TELEGRAM_BOT_TOKEN and TELEGRAM_API_BASE"),
    ],
)
def test_refused_credentials_are_told_apart_with_their_cure(telegram: Telegram, status: int, cure: str) -> None:
    telegram.answers = [(status, {"ok": False, "description": "No\n way"})]

    failure = failure_of(notifier(telegram.base))

    assert isinstance(failure, Rejected)
    assert failure.kind is Refusal.CREDENTIALS
    assert (failure.message, failure.cure) == ("Telegram refused the credentials: No way", cure)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, {"ok": False, "description": "Internal Server Error"}), "it answered with Internal Server Error"),
        ((502, b"<html>Bad Gateway</html>"), "it answered with status 502"),
        ((200, b"<html>Please log in</html>"), "it answered with status 200"),
        ((200, ["ok"]), "it answered with status 200"),
        ((200, {"ok": False}), "it answered with status 200"),
        (redirect, "a redirect was answered (status 302), and is not followed"),
        (drop, "the connection failed"),
    ],
)
def test_an_answer_that_is_not_telegrams_word_leaves_it_unreachable(
    telegram: Telegram, answer: Answer, reason: str
) -> None:
    telegram.answers = [answer]

    failure = failure_of(notifier(telegram.base))

    assert isinstance(failure, Unreachable)
    assert failure.message == f"Telegram could not be reached: {reason}"
    assert [request["path"] for request in telegram.requests] == [f"/bot{TOKEN}/sendMessage"]


def test_a_server_that_never_answers_is_unreachable(telegram: Telegram) -> None:
    telegram.answers = [stay_silent]

    failure = failure_of(notifier(telegram.base, timeouts=(5.0, 0.05)))

    assert telegram.arrived.wait(10)
    assert isinstance(failure, Unreachable)
    assert failure.message == "Telegram could not be reached: no answer within 0.05 s"


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        failure = failure_of(notifier(f"http://127.0.0.1:{bound.getsockname()[1]}"))

    assert isinstance(failure, Unreachable)
    assert failure.message == "Telegram could not be reached: the connection failed"


def test_a_server_that_does_not_speak_tls_is_unreachable(telegram: Telegram) -> None:
    failure = failure_of(notifier(telegram.base.replace("http:", "https:")))

    assert isinstance(failure, Unreachable)
    assert failure.message == "Telegram could not be reached: no trusted TLS connection came about"


def test_without_an_address_the_public_one_is_meant_and_proxies_of_the_environment_are_used(
    telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", telegram.base)

    failure = failure_of(notifier(""))

    assert isinstance(failure, Unreachable)
    assert failure.message == "Telegram could not be reached: the proxy did not let us through"
    assert telegram.requests == [{"path": "api.telegram.org:443"}]


@pytest.mark.parametrize("base", ["127.0.0.1:1", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port", "http://.x"])
def test_an_address_that_is_none_is_refused_unshown(base: str) -> None:
    failure = failure_of(notifier(base))

    assert isinstance(failure, Rejected)
    assert failure.kind is Refusal.CREDENTIALS
    assert failure.message == "TELEGRAM_API_BASE is not a usable address"
    assert failure.cure == "leave it out, or write it like https://api.telegram.org"


@pytest.mark.parametrize(
    ("values", "message", "cure"),
    [
        (
            {"TELEGRAM_CHAT_ID": CHAT},
            "TELEGRAM_BOT_TOKEN is not set",
            "set TELEGRAM_BOT_TOKEN in the environment or in the home's .env",
        ),
        (
            {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": " "},
            "TELEGRAM_CHAT_ID is not set",
            "set TELEGRAM_CHAT_ID in the environment or in the home's .env",
        ),
        (
            {},
            "TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID are not set",
            "set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID in the environment or in the home's .env",
        ),
    ],
)
def test_missing_credentials_are_named_with_the_cure(values: dict[str, str], message: str, cure: str) -> None:
    with pytest.raises(MissingCredentials) as caught:
        Notifier(values.get).send("news")

    assert (caught.value.message, caught.value.cure) == (message, cure)


def test_what_is_missing_can_be_asked_without_sending() -> None:
    assert Notifier({"TELEGRAM_BOT_TOKEN": TOKEN}.get).missing() == ["TELEGRAM_CHAT_ID"]


def test_nothing_heavy_is_imported_before_something_is_sent() -> None:
    code = "import sys, baton.adapters.notifiers.telegram; print({'requests', 'urllib3', 'logging'} & {*sys.modules})"
    scripts = Path(__file__).parents[2] / "scripts"

    done = subprocess.run([sys.executable, "-c", code], cwd=scripts, capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


# -- the token ----------------------------------------------------------------------------------------------------


def shown(error: BaseException) -> str:
    """All that a log, a debugger or a crash reporter could print of an exception, its frames' variables included."""
    texts = traceback.format_exception(error)
    texts += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or current in seen:
            continue
        seen.append(current)
        texts += [str(current), repr(current), repr(current.args), repr(vars(current))]
        waiting += [current.__cause__, current.__context__]
    return "\n".join(texts)


def echo(handler: Handler) -> None:
    handler.reply(400, {"ok": False, "description": f"bad address {handler.path}"})


class TestToken:
    """However sending fails, the token is nowhere in what is raised."""

    FAULTS: ClassVar[dict[str, Answer]] = {
        "429": (429, {"parameters": {"retry_after": 1}}),
        "400": (400, {"description": "Bad Request"}),
        "401": (401, {"description": "Unauthorized"}),
        "404": (404, {"description": "Not Found"}),
        "500": (500, {}),
        "no json": (200, b"<html>"),
        "redirect": redirect,
        "dropped": drop,
        "silent": stay_silent,
        "echoed": echo,
    }

    @pytest.mark.parametrize("fault", FAULTS)
    def test_it_is_not_in_what_a_server_makes_us_raise(self, telegram: Telegram, fault: str) -> None:
        telegram.answers = [self.FAULTS[fault]]

        failure = failure_of(notifier(telegram.base, timeouts=(5.0, 0.05 if fault == "silent" else 15.0)))

        assert telegram.arrived.wait(10)
        assert TOKEN in telegram.requests[0]["path"]
        assert TOKEN not in shown(failure)
        assert (failure.__cause__, failure.__context__) == (None, None)

    @pytest.mark.parametrize("base", ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://127.0.0.1:port", "nonsense"])
    def test_it_is_not_in_what_an_address_makes_us_raise(self, base: str) -> None:
        failure = failure_of(notifier(base))

        assert TOKEN not in shown(failure)
        assert (failure.__cause__, failure.__context__) == (None, None)

    def test_it_is_not_in_the_error_about_a_missing_chat(self) -> None:
        with pytest.raises(BatonError) as caught:
            Notifier({"TELEGRAM_BOT_TOKEN": TOKEN}.get).send("news")

        assert TOKEN not in "".join(traceback.format_exception(caught.value))
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    def test_it_is_not_in_the_http_librarys_log(
        self, telegram: Telegram, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import requests

        for name in ("urllib3.connection", "urllib3.connectionpool"):
            monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        caplog.set_level(logging.DEBUG)
        requests.post(f"{telegram.base}/bot{TOKEN}/x", json={}, timeout=10)
        assert TOKEN in caplog.text, "the library shows no URL any more: this test proves nothing"
        caplog.clear()

        notifier(telegram.base).send("news")

        assert len(telegram.requests) == 2
        assert TOKEN not in caplog.text

    def test_it_is_not_in_the_notifier_as_text(self) -> None:
        assert TOKEN not in repr(notifier("http://127.0.0.1:1"))


# -- cutting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("short", ["short"]),
        ("x" * 4096, ["x" * 4096]),
        ("x" * 4097, ["x" * 4096, "x"]),
        ("🎉" * 2048, ["🎉" * 2048]),
        ("x" * 4095 + "🎉", ["x" * 4095, "🎉"]),
        ("x" * 4094 + "🎉!", ["x" * 4094 + "🎉", "!"]),
    ],
)
def test_a_part_holds_4096_utf_16_units_and_whole_characters(text: str, parts: list[str]) -> None:
    assert split(text) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one\ntwo three", ["one", "two three"]),
        ("one two three", ["one two", "three"]),
        ("1234567890 12", ["1234567890", "12"]),
        ("1234567890\n12", ["1234567890", "12"]),
        ("12345678901 2", ["1234567890", "1 2"]),
        ("12345678901234567890123", ["1234567890", "1234567890", "123"]),
        ("a\n\n\nb 1234567890", ["a\n\n", "b", "1234567890"]),
        ("12345678\n" + " " * 30 + "\nend", ["12345678", "end"]),
        (" 1234567890", [" 123456789", "0"]),
        ("one\u00a0two\u00a0three", ["one\u00a0two\u00a0th", "ree"]),
    ],
)
def test_a_cut_prefers_a_newline_then_a_space_and_leaves_no_blank_part(text: str, parts: list[str]) -> None:
    assert split(text, 10) == parts


def test_half_a_surrogate_pair_is_replaced_and_halves_that_meet_are_joined() -> None:
    assert split("a\ud83db \ud83c\udf89") == ["a\ufffdb 🎉"]


@given(st.text(st.sampled_from("ab \n🎉é"), max_size=60), st.integers(2, 12))
def test_every_part_fits_and_nothing_but_blanks_is_lost(text: str, limit: int) -> None:
    parts = split(text, limit)

    assert all(part.strip() and len(part.encode("utf-16-le")) // 2 <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
