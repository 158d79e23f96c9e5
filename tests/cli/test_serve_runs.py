"""The server of streaming runs: every listener hears every event once, whatever happens; nobody else hears anything."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.cli.homes import Home, tree, wait_for
from tests.cli.listeners import (
    NOW,
    Connection,
    Heard,
    Server,
    delta,
    end,
    listen,
    no_listener_left,
    serving,
    streams_of,
    writer_of,
)

PAGE = Path(__file__).resolve().parents[2] / "scripts/baton/adapters/run_server/page"
START = {"type": "step_start", "step": 0, "agent": "alpha", "attempt": 1}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def server(home: Home) -> Iterator[Server]:
    with serving(home) as found:
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that only ask: it has one run, and beside the folder of runs a file that is none."""
    home = Home(tmp_path_factory.mktemp("shared") / "home")
    writer_of(home).close()
    (home.state / "serve.ndjson").write_text('{"id":1,"type":"text_delta","step":0,"text":"secret"}\n')
    with serving(home) as found:
        yield found


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """One request with the token, unless ``headers`` say otherwise; an empty one is not sent."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    sent = server.headers | {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        connection.putrequest(method, path, skip_host="Host" in sent)
        for name, text in sent.items():
            if text:
                connection.putheader(name, text)
        connection.endheaders()
        answer = connection.getresponse()
        found = {name.lower(): text for name, text in answer.getheaders()}
        return answer.status, found, answer.read().decode()
    finally:
        connection.close()


def refused(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    status, _, text = ask(server, path, method, **headers)
    return status, json.loads(text)["error"]["code"]


def hear(server: Server, since: int = 0, run: str = "run-1") -> Heard:
    heard = Heard()
    headers = {"Last-Event-ID": str(since)} if since else {}
    asyncio.run(asyncio.wait_for(listen(server, heard, run=run, **headers), 30))
    return heard


# -- listening ------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_a_hundred_listeners_that_leave_and_return_hear_every_event_once(home: Home, server: Server) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    words = [f"w{number}-{chance.choice(['a', 'ß', '語', '🙂', chr(10), chr(0x2028)])} " for number in range(1_000)]

    def write() -> None:
        writer = writer_of(home)
        assert writer.append([START], NOW)
        place = 0
        while place < len(words):
            count = chance.randint(1, 10)
            assert writer.append([delta(word) for word in words[place : place + count]], NOW)
            place += count
            time.sleep(0.008)  # a model speaks, it does not pour
        wait_for(lambda: sum(heard.connections for heard in everyone) > 250, seconds=120)
        end(writer, "".join(words))

    everyone = [Heard() for _ in range(100)]

    async def one(number: int) -> None:
        mine, heard = random.Random(seed + number), everyone[number]
        await asyncio.sleep(mine.random())  # some come late
        while not heard.is_ended:
            seconds = mine.random() * 0.6 if heard.connections < 20 else None
            with contextlib.suppress(TimeoutError):  # gone wherever that is, also in the middle of an event
                await asyncio.wait_for(listen(server, heard), seconds)
            await asyncio.sleep(mine.random() * 0.1)

    async def everybody() -> None:
        await asyncio.wait_for(asyncio.gather(*(one(number) for number in range(100))), 200)

    streams_of(home).make("run-1")
    thread = threading.Thread(target=write)
    thread.start()
    asyncio.run(everybody())
    thread.join()

    whole = "".join(words)
    assert [heard.text == whole for heard in everyone] == [True] * 100
    assert [heard.gaps() for heard in everyone] == [[]] * 100
    assert {tuple(event["type"] for event in heard.events[-2:]) for heard in everyone} == {
        ("step_complete", "pipeline_complete")
    }
    no_listener_left(server)


def test_who_comes_after_the_end_hears_it_all(home: Home, server: Server) -> None:
    writer = writer_of(home)
    writer.append([START, delta("Hello, "), delta("world")], NOW)
    end(writer, "Hello, world")
    heard = hear(server)
    assert [event["type"] for event in heard.events] == [
        "step_start",
        "text_delta",
        "step_complete",
        "pipeline_complete",
    ]
    assert heard.text == "Hello, world"


def test_who_returns_in_the_middle_of_a_text_hears_the_rest_of_it(home: Home, server: Server) -> None:
    writer = writer_of(home)
    writer.append([START, delta("Hello, "), delta("world")], NOW)
    end(writer)
    assert hear(server, since=1 + len("Hell")).text == "o, world"


def test_since_in_the_address_is_as_good_as_the_header_which_counts_where_both_are(home: Home, server: Server) -> None:
    writer = writer_of(home)
    writer.append([START, delta("Hello")], NOW)
    end(writer)
    by_address = ask(server, "/runs/run-1/events?since=4")[2]
    by_both = ask(server, "/runs/run-1/events?since=1", Last_Event_ID="4")[2]
    assert '"text":"lo"' in by_address
    assert by_address == by_both


def test_who_has_heard_the_end_is_told_not_to_return(home: Home, server: Server) -> None:
    writer = writer_of(home)
    end(writer)
    last = hear(server).last_id
    assert ask(server, "/runs/run-1/events", Last_Event_ID=str(last))[::2] == (204, "")


def test_a_failed_run_that_is_taken_up_again_goes_on_for_who_returns(home: Home, server: Server) -> None:
    writer = writer_of(home)
    writer.append([START, delta("He"), {"type": "error", "step": 0, "message": "cut off"}], NOW)
    writer.end()
    writer.close()
    first = hear(server)
    again = streams_of(home).writer("run-1")
    assert again is not None
    again.mark_open()
    again.append([{**START, "attempt": 2}, delta("Hello")], NOW)
    end(again, "Hello")

    second = hear(server, since=first.last_id)

    assert [event["type"] for event in first.events] == ["step_start", "text_delta", "error"]
    types = [event["type"] for event in second.events]
    assert types == ["step_start", "text_delta", "step_complete", "pipeline_complete"]


def test_a_run_that_has_not_begun_is_waited_for(home: Home, server: Server) -> None:
    streams_of(home).make("run-1")
    heard = Heard()
    thread = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(listen(server, heard), 30)))
    thread.start()
    wait_for(lambda: heard.statuses)
    writer = writer_of(home)
    writer.append([START, delta("Hello")], NOW)
    end(writer)
    thread.join()
    assert (heard.text, heard.is_ended) == ("Hello", True)


def test_a_run_that_is_deleted_under_a_listener_ends_for_them(home: Home, server: Server) -> None:
    writer = writer_of(home)
    writer.append([START, delta("Hello")], NOW)
    heard = Heard()
    thread = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(listen(server, heard), 30)))
    thread.start()
    wait_for(lambda: heard.text == "Hello")
    writer.close()
    assert streams_of(home).remove("run-1")
    thread.join()
    assert [event["type"] for event in heard.events] == ["step_start", "text_delta"]
    assert refused(server, "/runs/run-1/events") == (404, "run_not_found")


def test_a_slow_listener_costs_the_run_and_the_others_nothing_and_the_server_no_memory(
    home: Home, server: Server
) -> None:
    piece, count = "x" * 4_000, 2_500  # 10 MB, more than sockets hold
    memory_before = server.memory_kb()

    async def all_three() -> tuple[Heard, Heard, float]:
        slow = await Connection.open(server, "/runs/run-1/events", {}, receive_buffer=4096)
        assert await slow.begin() == 200
        quick, late = Heard(), Heard()
        hearing = asyncio.create_task(listen(server, quick))
        began = time.monotonic()
        await asyncio.to_thread(write)
        writing = time.monotonic() - began
        await asyncio.wait_for(hearing, 30)
        memory = server.memory_kb()
        assert memory < memory_before + 15_000, memory  # it has not kept for the slow one what they did not fetch
        async for fields in slow.blocks():
            if "data" in fields:
                late.events.append(json.loads(fields["data"]))
        slow.drop()
        return quick, late, writing

    def write() -> None:
        writer = writer_of(home)
        for number in range(count):
            begins = [{"type": "step_complete", "step": 0, "output": ""}, START] if number % 100 == 0 else []
            assert writer.append([*begins, delta(piece)], NOW)
        end(writer)

    streams_of(home).make("run-1")
    quick, late, writing_seconds = asyncio.run(asyncio.wait_for(all_three(), 90))
    for heard in (quick, late):
        assert (len(heard.text), heard.gaps(), heard.is_ended) == (len(piece) * count, [], True)
    assert writing_seconds < 20
    no_listener_left(server)


def test_a_silent_stream_says_that_it_is_there(home: Home) -> None:
    streams_of(home).make("run-1")
    heard = Heard()
    with serving(home, "--heartbeat", "100ms") as server:
        thread = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(listen(server, heard), 30)))
        thread.start()
        wait_for(lambda: heard.comments >= 3)
        assert streams_of(home).remove("run-1")
        thread.join()
    assert heard.events == []


@pytest.mark.parametrize("time_", ["0s", "1ms", "15", "soon"])
def test_a_heartbeat_that_is_no_time_is_refused(home: Home, time_: str) -> None:
    done = home.call("serve_runs", "--heartbeat", time_, "--json")
    assert (done.code in (1, 2), done.error["code"]) == (True, "invalid_input")


def test_a_run_that_cannot_be_read_is_said_and_the_server_lives(home: Home, server: Server) -> None:
    writer_of(home).close()
    (home.state / "tasks/run-1.json").write_text("{")
    (home.state / "streams/run-2.ndjson").mkdir()
    assert refused(server, "/runs/run-1") == (503, "state_damaged")
    assert refused(server, "/runs/run-2/events") == (503, "io_error")
    assert ask(server, "/runs")[0] == 200


def test_a_stalled_listener_over_two_ends_of_a_run_misses_nothing(home: Home) -> None:
    """The number of a file that was replaced is soon another's: whoever reads must not take one for the other."""
    writer = writer_of(home)
    assert writer.append([START, *(delta(f"w{number} ") for number in range(500))], NOW)
    reader = streams_of(home).reader("run-1")
    heard = reader.read()
    replaced = set()
    for attempt in (2, 3, 4):
        error = {"type": "error", "step": 0, "message": "cut off"}
        assert writer.append([error, {**START, "attempt": attempt}, delta("x" * 3_000 * attempt)], NOW)
        replaced.add((home.state / "streams/run-1.ndjson").stat().st_ino)
        writer.end()
        writer.close()
        again = streams_of(home).writer("run-1")
        assert again is not None
        writer = again
    writer.close()
    assert len(replaced) > 1
    while more := reader.read():
        heard += more
    reader.close()
    assert [event["id"] for event in heard] == sorted({event["id"] for event in heard})
    assert "".join(event["text"] for event in heard if event.get("text", "").startswith("x")).count("x") == 27_000


# -- who may ask ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/runs", "/runs/run-1", "/runs/run-1/events", "/nothing"])
@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer x{token}",
        "Bearer é",
    ],
)
def test_without_the_token_nothing_is_said(shared: Server, path: str, given: str) -> None:
    assert refused(shared, path, Authorization=given.replace("{token}", shared.token)) == (401, "missing_credentials")


def test_the_token_is_not_taken_from_an_address_or_a_cookie(shared: Server) -> None:
    assert refused(shared, f"/runs?token={shared.token}", Authorization="") == (401, "missing_credentials")
    assert refused(shared, "/runs", Authorization="", Cookie=f"token={shared.token}") == (401, "missing_credentials")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example", "[::]:{port}"],
)
@pytest.mark.parametrize("path", ["/", "/runs", "/runs/run-1/events"])
def test_another_name_is_refused_even_with_the_token(shared: Server, path: str, host: str) -> None:
    found = refused(shared, path, Host=host.replace("{port}", str(shared.port)))
    assert found == (403, "permission_denied")


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_its_own_names_are_answered(shared: Server, host: str) -> None:
    assert ask(shared, "/runs", Host=host.replace("{port}", str(shared.port)))[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_a_page_of_another_server_is_refused(shared: Server, origin: str) -> None:
    assert refused(shared, "/runs", Origin=origin.replace("{port}", str(shared.port))) == (403, "permission_denied")


def test_its_own_page_is_answered_and_no_other_may_read_the_answer(shared: Server) -> None:
    status, headers, _ = ask(shared, "/runs", Origin=f"http://127.0.0.1:{shared.port}")
    assert status == 200
    assert not [name for name in headers if name.startswith("access-control")]
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(shared: Server, method: str) -> None:
    assert refused(shared, "/runs", method) == (405, "invalid_input")


@pytest.mark.parametrize(
    "run",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fserve.token",
        "..%2fserve",
        "%2e%2e%2fevents",
        "A",
        "x%00",
        "x%0a",
        "%ff",
        "x" * 200,
        "-x",
        ".",
    ],
)
def test_what_is_no_id_names_no_run(shared: Server, run: str) -> None:
    for path in (f"/runs/{run}/events", f"/runs/{run}"):
        status, _, text = ask(shared, path)
        assert (status, "secret" in text, shared.token in text) == (404, False, False)


@pytest.mark.parametrize("since", ["x", "-1", "1.5", "1e3", "٣", "9" * 19, "0x1"])
def test_an_id_to_go_on_from_that_is_no_number_is_refused(shared: Server, since: str) -> None:
    assert refused(shared, f"/runs/run-1/events?since={quote(since)}") == (400, "invalid_input")


# -- the token ------------------------------------------------------------------------------------------------------


def test_the_token_is_made_once_in_a_private_file(home: Home) -> None:
    place = home.state / "serve.token"
    with serving(home) as first:
        assert (first.said["token_in"], place.stat().st_mode & 0o777, len(first.token)) == (str(place), 0o600, 43)
    with serving(home) as second:
        assert second.token == first.token


def test_a_token_that_others_may_read_is_refused(home: Home) -> None:
    with serving(home):
        pass
    (home.state / "serve.token").chmod(0o644)
    done = home.run("serve_runs", "--port", "0", "--json")
    assert done.refusal == (1, "permission_denied")


def test_a_token_may_come_by_the_environment_and_is_then_written_nowhere(home: Home) -> None:
    token = "from-the-environment-0123456789"
    with serving(home, BATON_SERVE_TOKEN=token) as server:
        server.token = token
        assert server.said["token_in"] == "BATON_SERVE_TOKEN"
        assert ask(server, "/runs")[0] == 200
    assert not (home.state / "serve.token").exists()


@pytest.mark.parametrize("token", ["short", "with blanks in it, and long", "é" * 20])
def test_what_is_no_token_is_refused_and_not_said(home: Home, token: str) -> None:
    done = home.run("serve_runs", "--port", "0", "--json", BATON_SERVE_TOKEN=token)
    assert done.refusal == (1, "invalid_input")
    assert token not in done.out + done.err


# -- its life -------------------------------------------------------------------------------------------------------


def test_it_only_reads(home: Home) -> None:
    writer = writer_of(home)
    writer.append([START, delta("Hello")], NOW)
    end(writer)
    with serving(home) as server:
        before = tree(home.root)
        hear(server)
        for path in ("/", "/runs", "/runs/run-1", "/runs/none", "/runs/none/events"):
            ask(server, path)
        assert tree(home.root) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_listeners_whose_connections_end_in_order(home: Home, number: int) -> None:
    writer = writer_of(home)
    writer.append([START, delta("Hello")], NOW)
    heard = Heard()
    with serving(home) as server:
        thread = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(listen(server, heard), 30)))
        thread.start()
        wait_for(lambda: heard.text == "Hello")
        server.program.send_signal(number)
        assert server.program.wait(timeout=10) == 0
        thread.join()
    writer.append([delta(", world")], NOW)
    end(writer, "Hello, world")
    with serving(home) as server:  # and who returns to the next one goes on where they were
        asyncio.run(asyncio.wait_for(listen(server, heard), 30))
    assert (heard.text, heard.gaps(), heard.is_ended) == ("Hello, world", [], True)


def test_a_port_that_is_taken_is_said_with_the_cure(home: Home, server: Server) -> None:
    done = home.run("serve_runs", "--port", str(server.port), "--json")
    assert done.refusal == (75, "busy")
    assert done.error["cure"] == "choose another: --port 0 takes any that is free"


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.1", "::ffff:nothing"])
def test_an_address_that_is_not_of_this_machine_is_refused(home: Home, host: str) -> None:
    assert home.run("serve_runs", "--host", host, "--port", "0", "--json").refusal == (1, "invalid_input")


def test_another_address_than_loopback_is_warned_of(home: Home) -> None:
    program = home.start("serve_runs", "--port", "0", "--json", "--host", "0.0.0.0")
    server = Server(home, program)
    try:
        assert ask(server, "/runs")[0] == 200
        assert refused(server, "/runs", Host=f"0.0.0.1:{server.port}") == (403, "permission_denied")
    finally:
        program.terminate()
        _, complaints = program.communicate(timeout=20)
    assert complaints.startswith("serve_runs.py: warning: whoever reaches 0.0.0.0:")


def test_a_name_that_is_allowed_is_answered(home: Home) -> None:
    with serving(home, "--allow-host", "My-Machine.lan") as server:
        assert ask(server, "/runs", Host=f"my-machine.lan:{server.port}")[0] == 200


def test_without_the_extra_it_says_how_to_get_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.cli.serving.find_spec", lambda name: None)
    done = home.call("serve_runs", "--json")
    assert done.refusal == (1, "extra_missing")
    assert done.error["cure"] == "python3 scripts/baton/bootstrap.py serve"


# -- the page -------------------------------------------------------------------------------------------------------


def test_the_page_needs_no_token_and_nothing_from_elsewhere(shared: Server) -> None:
    for path, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")):
        status, headers, text = ask(shared, path, Authorization="")
        assert (status, headers["content-type"].partition(";")[0]) == (200, kind)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "//" not in text.replace("// ", "").replace("<!doctype", "").replace("// --", "").replace("//127", "")


def test_the_page_makes_no_markup_of_what_a_model_wrote() -> None:
    text = (PAGE / "page.js").read_text()
    assert [
        word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in text
    ] == []


def test_the_page_has_no_script_and_no_style_of_its_own_which_its_policy_would_refuse() -> None:
    text = (PAGE / "page.html").read_text()
    assert [word for word in ("<style", "style=", "onclick", "onload", "javascript:") if word in text] == []
    assert text.count("<script") == text.count('<script src="/page.js" defer></script>') == 1
