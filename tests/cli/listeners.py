"""Listeners of streaming runs over real sockets, and a writer of events, for the tests of the server."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.cli.homes import Home, wait_for

from baton.store.streams import StreamFiles, StreamWriter

NOW = "2026-11-21T12:00:00.000Z"
ENDS = ("pipeline_complete", "error")


class Server:
    """The real script, serving one home."""

    def __init__(self, home: Home, program: subprocess.Popen[str]) -> None:
        self.program = program
        assert program.stdout is not None
        first = program.stdout.readline()
        assert first, program.stderr and program.stderr.read()
        self.said: dict[str, Any] = json.loads(first)
        self.url: str = self.said["url"].rstrip("/")
        self.port = urlsplit(self.url).port or 0
        place = Path(self.said["token_in"])
        self.token = place.read_text().strip() if place.is_absolute() else ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def memory_kb(self) -> int:
        status = Path(f"/proc/{self.program.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def connection_count(self) -> int:
        """How many connections the server has not closed: established ones, and those that the other side has left."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours = f":{self.port:04X}"
        return sum(row[1].endswith(ours) and row[3] in ("01", "08") for row in rows)


@contextmanager
def serving(home: Home, *words: str, **environ: str) -> Iterator[Server]:
    """Serve the home; at the end the server must go when it is asked to, and must have complained of nothing."""
    program = home.start("serve_runs", "--port", "0", "--json", *words, **environ)
    try:
        yield Server(home, program)
        program.terminate()
        _, complaints = program.communicate(timeout=20)
        assert (program.returncode, complaints) == (0, "")
    finally:
        if program.poll() is None:
            program.kill()
            program.communicate()


def streams_of(home: Home) -> StreamFiles:
    return StreamFiles(str(home.state / "streams"), str(home.state / "tmp"))


def writer_of(home: Home, run: str = "run-1") -> StreamWriter:
    """Begin a run, and take its events to write."""
    streams_of(home).make(run)
    writer = streams_of(home).writer(run)
    assert writer is not None
    return writer


def delta(text: str) -> dict[str, Any]:
    return {"type": "text_delta", "step": 0, "text": text}


def end(writer: StreamWriter, output: str = "") -> None:
    """End the run as a supervisor does: the last events, then its pieces are joined."""
    last = {"type": "pipeline_complete", "final_output": output}
    assert writer.append([{"type": "step_complete", "step": 0, "output": output}, last], NOW)
    writer.end()
    writer.close()


@dataclass
class Heard:
    """What one listener has heard, over all its connections."""

    events: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    statuses: list[int] = field(default_factory=list)
    comments: int = 0

    @property
    def last_id(self) -> int:
        return int(self.events[-1]["id"]) if self.events else 0

    @property
    def text(self) -> str:
        return "".join(event["text"] for event in self.events if event["type"] == "text_delta")

    @property
    def is_ended(self) -> bool:
        return bool(self.events) and self.events[-1]["type"] in ENDS

    def gaps(self) -> list[int]:
        """The ids before which something is missing or doubled: an event takes one place, a text its length."""
        last, found = 0, []
        for event in self.events:
            if event["id"] - (len(event["text"]) if event["type"] == "text_delta" else 1) != last:
                found.append(event["id"])
            last = event["id"]
        return found


class Connection:
    """One request for the events of a run, and its answer as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0

    @classmethod
    async def open(
        cls, server: Server, path: str, headers: dict[str, str], *, receive_buffer: int | None = None
    ) -> Connection:
        raw = socket.socket()
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", server.port))
        # The reader's own buffer is small, too: what nobody asks for stays in the socket.
        reader, writer = await asyncio.open_connection(sock=raw, limit=1 << 14)
        sent = {"Host": f"127.0.0.1:{server.port}"} | server.headers | headers
        lines = "".join(f"{name}: {text}\r\n" for name, text in sent.items())
        writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        await writer.drain()
        return cls(reader, writer)

    async def begin(self) -> int:
        head = await self._reader.readuntil(b"\r\n\r\n")
        self.status = int(head.split(b" ", 2)[1])
        return self.status

    async def blocks(self) -> AsyncIterator[dict[str, str]]:
        """The blocks of the stream: fields by name, a comment under the empty name."""
        rest = ""
        async for chunk in self._chunks():
            *whole, rest = (rest + chunk).split("\n\n")
            for block in whole:
                fields = {}
                for line in block.split("\n"):
                    name, _, text = line.partition(":")
                    fields[name] = text.removeprefix(" ")
                yield fields
        assert rest == "", "the stream ended inside a block"

    async def _chunks(self) -> AsyncIterator[str]:
        pending = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            pending += (await self._reader.readexactly(size + 2))[:-2]
            yield pending.decode()
            pending = b""

    def drop(self) -> None:
        """Be gone, without a word."""
        self._writer.transport.abort()


async def listen(server: Server, heard: Heard, *, run: str = "run-1", most: int | None = None, **headers: str) -> None:
    """Listen once, from where ``heard`` is: to the end, or until ``most`` events were heard; then be gone at once."""
    given = {"Last-Event-ID": str(heard.last_id)} if heard.events else {}
    connection = await Connection.open(server, f"/runs/{run}/events", given | headers)
    heard.connections += 1
    try:
        heard.statuses.append(await connection.begin())
        if heard.statuses[-1] != 200:
            return
        count = 0
        async for fields in connection.blocks():
            heard.comments += "" in fields
            if "data" not in fields:
                continue
            event = json.loads(fields["data"])
            assert (fields["id"], fields["event"]) == (str(event["id"]), event["type"])
            heard.events.append(event)
            count += 1
            if most is not None and count >= most:
                return
    finally:
        connection.drop()


def no_listener_left(server: Server) -> None:
    """Wait until the server has closed every connection."""
    wait_for(lambda: server.connection_count() == 0)
