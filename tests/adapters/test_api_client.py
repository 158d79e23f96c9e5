"""Asking a model over its API: against a played one on loopback, every way in which it may answer or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.real_clis.acts import Act, Drop, Fail, Refuse, Request, Say, Send, Trouble
from tests.real_clis.model_server import WIRES, ModelServer

from baton.adapters.model_apis import ApiFailure, Counted, Piece, Question, Said, Stopped
from baton.adapters.model_apis.client import ask
from baton.domain.api_settings import ApiSettings

KEY = "sk-dummy-0123456789"
TEXT = "Grüße, rye 🍞 and\nsalt."
QUESTION = Question(model="played-model", system="Be dry.", text="Say it.")
BASES = {"anthropic": "", "openai": "/v1"}
of_each_wire = pytest.mark.parametrize("wire", BASES)


def wire_named(wire: str) -> Any:
    name = {"anthropic": "messages", "openai": "chat"}[wire]
    return next(one for one in WIRES if one.name == name)


def stream_of(wire: str, text: str = TEXT) -> bytes:
    """Every byte of a good answer."""
    spoken = wire_named(wire)
    body = {"model": "played-model", "messages": [], "stream": True}
    return b"".join(map(bytes, spoken.stream(body, Say(text=text), ""))) + bytes(spoken.last_line)


def settings_for(server: ModelServer, wire: str, **more: Any) -> ApiSettings:
    return ApiSettings(wire=wire, base_url=server.url + BASES[wire], **more)


def asked(server: ModelServer, wire: str, bound: int | None = None, **more: Any) -> list[Piece]:
    return list(ask(settings_for(server, wire, **more), KEY, structs.replace(QUESTION, max_tokens=bound)))


def words(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Said))


def failure(server: ModelServer, wire: str, **more: Any) -> ApiFailure:
    with pytest.raises(ApiFailure) as caught:
        asked(server, wire, **more)
    assert KEY not in repr(caught.value) + caught.value.text
    return caught.value


@contextmanager
def playing(act: Act) -> Iterator[ModelServer]:
    with ModelServer(lambda request: act) as server:
        yield server
        assert not server.faults


# -- what is asked ------------------------------------------------------------------------------------------------


@of_each_wire
def test_an_answer_comes_with_its_end_and_what_it_has_used(wire: str) -> None:
    with playing(Say(text=TEXT)) as server:
        pieces = asked(server, wire)
    counts: dict[str, int] = {}
    for piece in pieces:
        counts |= piece.counts if isinstance(piece, Counted) else {}
    assert words(pieces) == TEXT
    assert [piece.why for piece in pieces if isinstance(piece, Stopped)] == ["end"]
    assert (counts["input_tokens"] + counts["cache_read_tokens"], counts["output_tokens"]) == (1200, 42)


def test_the_instructions_are_the_system_and_the_input_the_message_in_messages() -> None:
    with playing(Say(text=TEXT)) as server:
        asked(server, "anthropic", bound=77)
    (request,) = server.requests
    assert request.body == {
        "model": "played-model",
        "max_tokens": 77,
        "stream": True,
        "messages": [{"role": "user", "content": "Say it."}],
        "system": "Be dry.",
    }
    assert (request.path, request.headers["x-api-key"]) == ("/v1/messages", KEY)


def test_the_instructions_are_the_first_message_in_chat() -> None:
    with playing(Say(text=TEXT)) as server:
        asked(server, "openai", bound=77)
    (request,) = server.requests
    assert request.body == {
        "model": "played-model",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "system", "content": "Be dry."}, {"role": "user", "content": "Say it."}],
        "max_tokens": 77,
    }
    assert (request.path, request.headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")


@pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/"])
def test_a_base_with_or_without_its_version_is_the_same_address(base: str) -> None:
    with playing(Say(text=TEXT)) as server:
        list(ask(ApiSettings(base_url=server.url + base), KEY, QUESTION))
    assert [request.path for request in server.requests] == ["/v1/messages"]


@of_each_wire
def test_without_a_key_none_is_sent(wire: str) -> None:
    with playing(Say(text=TEXT)) as server:
        list(ask(settings_for(server, wire, key="none"), None, QUESTION))
    assert not {"x-api-key", "authorization"} & set(server.requests[0].headers)


def test_a_login_in_netrc_does_not_take_the_place_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password not-the-key\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with playing(Say(text=TEXT)) as server:
        asked(server, "openai")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


# -- streams that are not whole -----------------------------------------------------------------------------------


@of_each_wire
def test_a_stream_that_is_cut_at_any_byte_is_whole_or_a_failure_and_never_less(wire: str) -> None:
    data = stream_of(wire)
    cuts = iter(range(len(data) + 1))
    at = 0

    def play(request: Request) -> Act:
        return Send(pieces=[data[:at]], is_cut=True)

    ends: list[int] = []
    with ModelServer(play) as server:
        for at in cuts:
            said: list[str] = []
            try:
                for piece in ask(settings_for(server, wire), KEY, QUESTION):
                    if isinstance(piece, Said):
                        said.append(piece.text)
            except ApiFailure as lost:
                assert lost.words == ("connection_lost",), (at, lost.text)
                assert TEXT.startswith("".join(said)), at
            else:
                ends.append(at)
                assert "".join(said) == TEXT, at
        assert len(server.requests) == len(data) + 1
    # From the byte on that says the end of the answer, and no sooner.
    assert ends == list(range(ends[0], len(data) + 1))
    assert ends[0] > data.index(b"end_turn" if wire == "anthropic" else b'"finish_reason": "stop"')


@of_each_wire
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_it_does_not_matter_where_a_stream_is_cut_into_pieces(wire: str, size: int) -> None:
    data = stream_of(wire)
    with playing(Send(pieces=[data[at : at + size] for at in range(0, len(data), size)])) as server:
        assert words(asked(server, wire)) == TEXT


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_lines_may_end_as_the_standard_says(end: bytes) -> None:
    with playing(Send(pieces=[stream_of("anthropic").replace(b"\n", end), b"x: y\n"])) as server:
        assert words(asked(server, "anthropic")) == TEXT


def test_comments_and_events_that_are_not_known_are_passed_over() -> None:
    noise = b': keep-alive\n\nevent: ping\ndata: {"type": "ping"}\n\nevent: new\ndata: {"type": "new", "x": [1]}\n\n'
    with playing(Send(pieces=[noise, stream_of("anthropic")])) as server:
        assert words(asked(server, "anthropic")) == TEXT


@of_each_wire
@pytest.mark.parametrize("bad", [b"{not json", b"[1, 2]", b"\xff\xfe", b"17"])
def test_an_event_that_cannot_be_read_is_a_failure_since_it_may_have_held_words(wire: str, bad: bytes) -> None:
    data = stream_of(wire)
    middle = data.index(b"\n\n") + 2
    with playing(Send(pieces=[data[:middle] + b"data: " + bad + b"\n\n" + data[middle:]])) as server:
        assert failure(server, wire).words == ("malformed",)


def test_an_event_without_end_is_given_up() -> None:
    with playing(Send(pieces=[b"data: ", *[b"x" * (1 << 20)] * 6])) as server:
        assert failure(server, "anthropic").words == ("malformed",)


@of_each_wire
def test_silence_is_ended_by_the_read_timeout(wire: str) -> None:
    import threading

    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield stream_of(wire)[:200]
        over.wait(30)

    with playing(Send(pieces=pieces())) as server:
        lost = failure(server, wire, read_timeout="200ms")
        over.set()
    assert (lost.words, "said nothing for 200ms" in lost.text) == (("connection_lost",), True)


def test_a_slow_answer_is_no_silence_and_comes_as_it_is_said() -> None:
    import threading

    heard = threading.Event()
    frames = stream_of("anthropic", "first").split(b"\n\n")

    def pieces() -> Iterator[bytes]:
        for frame in frames[:-1]:
            yield frame + b"\n\n"
            if b"first" in frame:
                assert heard.wait(10), "what was sent was not heard before the answer's end"

    with playing(Send(pieces=pieces())) as server:
        for piece in ask(settings_for(server, "anthropic"), KEY, QUESTION):
            if isinstance(piece, Said):
                heard.set()
    assert heard.is_set()


# -- refusals -----------------------------------------------------------------------------------------------------


@of_each_wire
@pytest.mark.parametrize("trouble", Trouble)
def test_a_refusal_is_told_in_the_words_of_the_api(wire: str, trouble: Trouble) -> None:
    expected = wire_named(wire).errors[trouble]
    with playing(Refuse(trouble=trouble, retry_after=7)) as server:
        refused = failure(server, wire)
    assert (refused.status, refused.words[0]) == (expected.status, expected.word)
    assert refused.text == expected.message
    assert refused.wait_seconds == (7.0 if expected.status == 429 or expected.status >= 500 else None)


@of_each_wire
def test_an_error_in_the_middle_of_an_answer_is_one(wire: str) -> None:
    with playing(Fail(trouble=Trouble.OVERLOADED)) as server:
        assert failure(server, wire).words[0] == wire_named(wire).errors[Trouble.OVERLOADED].word


def test_a_connection_that_is_hung_up_before_any_word_is_lost() -> None:
    with playing(Drop()) as server:
        assert failure(server, "anthropic").words == ("connection_lost",)


def test_a_server_that_is_not_there_is_told_without_an_address_that_may_be_secret() -> None:
    settings = ApiSettings(base_url="http://127.0.0.1:9")
    with pytest.raises(ApiFailure) as caught:
        list(ask(settings, KEY, QUESTION))
    assert caught.value.words == ("connection_lost",)
    assert caught.value.text == "127.0.0.1:9 could not be reached, or hung up: Connection refused"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_nobody_else_gets_the_key(status: int) -> None:
    with playing(Say(text=TEXT)) as other:
        away = Send(pieces=[b""], status=status, headers={"Location": f"{other.url}/v1/messages"})
        with playing(away) as server:
            sent_on = failure(server, "anthropic")
        assert (sent_on.words, other.requests) == (("redirected",), [])


def test_a_page_instead_of_a_stream_is_no_answer() -> None:
    page = Send(pieces=[b"<html>Please log in</html>"], headers={"Content-Type": "text/html"})
    with playing(page) as server:
        refused = failure(server, "anthropic")
    assert (refused.words, refused.text) == (("malformed",), "<html>Please log in</html>")


def test_an_error_as_plain_text_is_told_shortly() -> None:
    page = Send(pieces=[b"Bad gateway " * 1000], status=502, headers={"Content-Type": "text/plain"})
    with playing(page) as server:
        refused = failure(server, "openai")
    assert (refused.status, refused.text[:11], len(refused.text)) == (502, "Bad gateway", 500)


def test_a_server_that_repeats_the_key_is_not_quoted_with_it() -> None:
    body = json.dumps({"error": {"type": "authentication_error", "message": f"bad key {KEY}"}}).encode()
    with playing(Send(pieces=[body], status=401, headers={"Content-Type": "application/json"})) as server:
        assert failure(server, "anthropic").text == "bad key ***"


def test_a_wait_may_be_a_date_or_nonsense() -> None:
    for value, expected in (("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("-5", 0.0)):
        headers = {"Content-Type": "application/json", "Retry-After": value}
        with playing(Send(pieces=[b"{}"], status=429, headers=headers)) as server:
            assert failure(server, "anthropic").wait_seconds == expected


def test_a_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(Say(text=TEXT)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        settings = ApiSettings(base_url="http://models.example", key="none")
        assert words(list(ask(settings, None, QUESTION))) == TEXT


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(tmp_path: Path) -> None:
    import ssl
    import subprocess
    import threading
    from http.server import ThreadingHTTPServer

    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "c", "-days", "2"),
            *("-subj", "/CN=localhost"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    asked_for: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked_for.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        with pytest.raises(ApiFailure) as caught:
            list(ask(ApiSettings(base_url=f"https://localhost:{server.server_port}"), KEY, QUESTION))
    finally:
        server.shutdown()
        server.server_close()
    assert (caught.value.words, asked_for) == (("tls",), [])
