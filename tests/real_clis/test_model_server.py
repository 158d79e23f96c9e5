"""The played model, asked what the real programs were seen to ask (``requests.json``: cut to what tells them apart)."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.real_clis.acts import Act, Call, Drop, Fail, Play, Refuse, Request, Say, Trouble, work
from tests.real_clis.model_server import WIRES, ModelServer
from tests.real_clis.programs import PROGRAMS

ASKED: dict[str, Any] = json.loads((Path(__file__).parent / "requests.json").read_text())
every_program = pytest.mark.parametrize("name", PROGRAMS)
SHELLS = {
    "claude": "Bash",
    "codex": "exec_command",
    "gemini": "run_shell_command",
    "opencode": "bash",
    "copilot": "bash",
}
# What ends a stream that is whole.
LAST = {
    "claude": '"type": "message_stop"',
    "codex": '"type": "response.completed"',
    "gemini": '"finishReason": "STOP"',
    "opencode": "data: [DONE]",
    "copilot": "data: [DONE]",
}
COMMAND = "echo 'a \"word\"' > file"


class Asked:
    """An answer: status, headers, body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(lambda request: work(request, COMMAND, "All done.")) as found:
        yield found


def ask(server: ModelServer, name: str, which: str = "first", **changed: Any) -> Asked:
    """Ask as a program did."""
    return post(server, ASKED[name]["path"], json.dumps(ASKED[name][which] | changed))


def post(server: ModelServer, path: str, body: str, method: str = "POST") -> Asked:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        connection.request(method, path, body=body.encode())
        return Asked(connection.getresponse())
    finally:
        connection.close()


def played(act: Act) -> Play:
    return lambda request: act


def strings(value: Any) -> Iterator[str]:
    """Every text that stands anywhere in a value; what is JSON again is looked into."""
    if isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value
        if value.startswith("{"):
            yield from strings(json.loads(value))


def told(answer: Asked) -> set[str]:
    """Every text in a streamed answer."""
    events = re.findall(r"^data: (\{.*\})$", answer.text, re.MULTILINE)
    return set(strings([json.loads(event) for event in events]))


@every_program
def test_what_a_program_asks_is_understood(server: ModelServer, name: str) -> None:
    ask(server, name)
    ask(server, name, "answered")
    found = [(request.shell, request.is_answered) for request in server.requests]
    assert found == [(SHELLS[name], False), (SHELLS[name], True)]


@every_program
def test_the_model_calls_the_shell_tool_and_ends_its_turn_when_it_has_the_result(
    server: ModelServer, name: str
) -> None:
    first, last = ask(server, name), ask(server, name, "answered")
    assert {COMMAND, SHELLS[name], "I run a command."} <= told(first)
    assert "All done." in told(last)
    assert not {COMMAND, SHELLS[name]} & told(last)
    assert LAST[name] in first.text.rstrip().rpartition("\n\n")[2]


@every_program
def test_who_offers_no_shell_is_answered_with_words(server: ModelServer, name: str) -> None:
    answer = ask(server, name, tools=[])
    assert server.requests[0].shell is None
    assert "All done." in told(answer)


@pytest.mark.parametrize("trouble", Trouble)
@every_program
def test_a_refusal_has_the_status_and_the_words_of_its_wire(server: ModelServer, name: str, trouble: Trouble) -> None:
    server.play = played(Refuse(trouble=trouble, retry_after=7))
    answer = ask(server, name)
    wire = next(wire for wire in WIRES if wire.serves(ASKED[name]["path"]))
    error = wire.errors[trouble]
    assert (answer.status, answer.headers["Retry-After"]) == (error.status, "7")
    assert {error.word, error.message} <= set(strings(json.loads(answer.text)))


@every_program
def test_an_error_inside_a_stream_comes_last(server: ModelServer, name: str) -> None:
    server.play = played(Fail(trouble=Trouble.SERVER))
    answer = ask(server, name)
    assert answer.status == 200
    events = [event for event in answer.text.split("\n\n") if event and "[DONE]" not in event]
    assert "error" in events[-1]
    assert len(events) > 1


@every_program
def test_a_connection_is_dropped_before_any_byte(server: ModelServer, name: str) -> None:
    server.play = played(Drop())
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, name)


@every_program
def test_a_connection_is_dropped_in_the_middle_of_an_answer(server: ModelServer, name: str) -> None:
    server.play = played(Drop(is_begun=True))
    with pytest.raises(http.client.IncompleteRead):
        ask(server, name)


@pytest.mark.parametrize("act", [Say(text="Words."), Call(command=COMMAND, text="Words.")])
@every_program
def test_an_answer_may_be_wanted_at_once(server: ModelServer, name: str, act: Say | Call) -> None:
    server.play = played(act)
    path = ASKED[name]["path"].replace("streamGenerateContent", "generateContent")
    answer = post(server, path, json.dumps(ASKED[name]["first"] | {"stream": False}))
    found = set(strings(json.loads(answer.text)))
    assert "Words." in found
    assert (COMMAND in found) == isinstance(act, Call)


def test_what_no_wire_serves_is_kept_and_not_found(server: ModelServer) -> None:
    assert post(server, "/v1/other?key=k", "").status == 404
    assert post(server, "/v1/models", "", "GET").status == 200
    assert (server.strays, server.requests) == (["POST /v1/other"], [])


def test_a_play_that_fails_is_known(server: ModelServer) -> None:
    def fails(request: Request) -> Act:
        raise AssertionError("the prompt is not there")

    server.play = fails
    assert ask(server, "codex").status == 500
    assert [str(error) for error in server.faults] == ["the prompt is not there"]


# What enters a namespace cannot leave it, so it is a process of its own.
ENTERING = """
import socket
from tests.real_clis.loopback import enter
reason = enter()
if reason is None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
print(reason, [name for _, name in socket.if_nameindex()])
"""


def test_a_process_with_loopback_alone_says_so_or_why_not() -> None:
    done = subprocess.run([sys.executable, "-c", ENTERING], capture_output=True, text=True, timeout=30, check=True)
    others = [name for _, name in socket.if_nameindex()]
    assert done.stdout.rstrip() in ("None ['lo']", f"Operation not permitted {others}"), done
