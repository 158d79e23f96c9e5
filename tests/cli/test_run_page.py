"""The page of ``serve_runs.py`` shows a run as it goes on, and what a model wrote as text alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home
from tests.cli.listeners import NOW, Server, delta, end, serving, streams_of, writer_of

NODE = shutil.which("node")
STAND_IN = Path(__file__).with_name("page_stand_in.mjs")
PAGE = Path(__file__).resolve().parents[2] / "scripts/baton/adapters/run_server/page/page.js"
START = {"type": "step_start", "step": 0, "agent": "alpha", "attempt": 1}

pytestmark = pytest.mark.skipif(NODE is None, reason="NODE IS MISSING: the page was not tried")


class Page:
    """The page, in a stand-in for a browser."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        self._program = program
        self.began = self.next()

    def next(self) -> dict[str, Any]:
        """What it shows after its next change."""
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        assert line, self._program.stderr and self._program.stderr.read()
        found: dict[str, Any] = json.loads(line)
        return found

    def until(self, note: str) -> list[list[str]]:
        """The steps it shows as soon as it says this."""
        while (now := self.next())["note"] != note:
            pass
        steps: list[list[str]] = now["steps"]
        return steps

    def until_shown(self, text: str) -> None:
        """Wait until a step says this."""
        while not any(text in step[1] for step in self.next()["steps"]):
            pass


@contextmanager
def page_of(server: Server, run: str = "run-1") -> Iterator[Page]:
    command = [str(NODE), str(STAND_IN), str(PAGE), server.url, server.token, run]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield Page(program)
    finally:
        program.kill()
        program.communicate()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_run_is_shown_as_it_goes_on_and_markup_in_it_as_text(home: Home) -> None:
    writer = writer_of(home)
    with serving(home) as server, page_of(server) as page:
        assert writer.append([START, delta("Hello <b>")], NOW)
        page.until_shown("Hello <b>")
        assert writer.append([delta("world</b>")], NOW)
        page.until_shown("Hello <b>world</b>")
        end(writer, "Hello <b>world</b>")
        assert page.until("Completed.") == [["completed", "Step 0: alphaHello <b>world</b>"]]


def test_a_step_that_begins_anew_is_shown_anew_and_a_failure_is_said(home: Home) -> None:
    writer = writer_of(home)
    with serving(home) as server, page_of(server) as page:
        assert writer.append([START, delta("One")], NOW)
        page.until_shown("One")
        failed = {"type": "error", "step": 0, "message": "cut <off>"}
        assert writer.append([{**START, "attempt": 2}, delta("Two"), failed], NOW)
        assert page.until("Failed.") == [["failed", "Step 0: alphaTwo"], ["failed", "cut <off>"]]
        writer.close()


def test_the_page_goes_on_where_it_was_when_the_server_was_away(home: Home) -> None:
    writer = writer_of(home)
    with serving(home) as first:
        port, token = first.port, first.token
        with page_of(first) as page:
            assert writer.append([START, delta("Hello")], NOW)
            page.until_shown("Hello")
            first.program.terminate()
            assert first.program.wait(timeout=20) == 0
            end(writer, "Hello, world")
            again = home.start("serve_runs", "--port", str(port), "--json")
            try:
                assert Server(home, again).token == token
                assert page.until("Completed.") == [["completed", "Step 0: alphaHello, world"]]
            finally:
                again.terminate()
                again.communicate(timeout=20)


def test_the_token_is_taken_out_of_the_address_at_once(home: Home) -> None:
    streams_of(home).make("run-1")
    with serving(home) as server, page_of(server) as page:
        assert page.began == {"address": "/", "door": True, "token": server.token}
