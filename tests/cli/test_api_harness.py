"""Steps of ordinary tasks on the harness ``api``: an agent without tools, its answer is what the step leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import SETTINGS, Done, Home, run, wait_for
from tests.real_clis.acts import Refuse, Request, Say, Trouble
from tests.real_clis.model_server import ModelServer

KEY = "sk-dummy-0123456789"
SKILL = """\
---
name: {name}
description: For a test.
metadata:
  harness: api
---

# {name}

You are {name}. Leave {{{{this}}}} as it is.
"""


class Line:
    """A home whose agents have no tools, and the model that they ask."""

    def __init__(self, home: Home, server: ModelServer) -> None:
        self.home = home
        self.server = server

    def agent(self, name: str, **metadata: str) -> None:
        folder = self.home.root / "skills" / name
        folder.mkdir(parents=True, exist_ok=True)
        more = "".join(f"  {key}: {value}\n" for key, value in metadata.items())
        text = SKILL.format(name=name).replace("  harness: api\n", f"  harness: api\n{more}")
        (folder / "SKILL.md").write_text(text)

    def make(self, *steps: dict[str, Any], **fields: Any) -> None:
        written = {"id": "t-1", "title": "Rye bread", "pipeline": list(steps), **fields}
        self.home.ok("task", "create", self.home.file("t.json", written))

    def end(self) -> dict[str, Any]:
        def over() -> dict[str, Any] | None:
            record = self.home.record("t-1")
            return record if record["status"] in ("completed", "blocked") and not self.home.slots() else None

        found: dict[str, Any] = wait_for(over)
        return found


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    home = Home(tmp_path / "home")
    with ModelServer(lambda request: Say(text=f"Answer {len(server.requests)}.")) as server:
        ours = f"harness: {{default: script, api: {{base_url: '{server.url}', model: played-model}}}}"
        home.settings(SETTINGS.replace("harness: {default: script}", ours))
        (home.root / ".env").write_text(f"ANTHROPIC_API_KEY={KEY}\n")
        (home.root / ".env").chmod(0o600)
        home.wake()
        made = Line(home, server)
        made.agent("outliner")
        made.agent("author")
        try:
            yield made
        finally:
            home.settle()
        assert not server.faults


def sent(request: Request) -> tuple[str, str]:
    return request.body["system"], request.body["messages"][0]["content"]


def test_its_answer_is_the_steps_output_and_the_next_agent_is_told_all_of_it(line: Line) -> None:
    line.make(
        {"agent": "outliner", "output_dir": "outlines"},
        {"agent": "author", "output_dir": "drafts", "instructions": "Keep it short."},
        description="For beginners.",
    )
    record = line.end()
    assert record["status"] == "completed"
    workspace = line.home.workspace("t-1")
    assert (workspace / "outlines/t-1.md").read_text() == "Answer 1."
    assert (workspace / "drafts/t-1.md").read_text() == "Answer 2."
    assert [step["result"]["outputs"] for step in record["pipeline"]] == [["outlines/t-1.md"], ["drafts/t-1.md"]]
    (first, asked_first), (second, asked) = map(sent, line.server.requests)
    assert first == "# outliner\n\nYou are outliner. Leave {{this}} as it is."
    assert second == "# author\n\nYou are author. Leave {{this}} as it is."
    for words in ("Rye bread", "For beginners.", "Keep it short.", "File `outlines/t-1.md`\nAnswer 1."):
        assert words in asked
    assert "complete_step" not in asked_first + asked
    assert "SKILL.md" not in asked_first + asked


def test_the_steps_model_is_asked_and_mapped(line: Line) -> None:
    path = line.home.root / "config/baton.yaml"
    path.write_text(path.read_text().replace("harness: {", "harness: {models: {api: {fast: played-fast}}, "))
    line.make({"agent": "outliner", "model": "fast"}, {"agent": "author"})
    line.end()
    assert [request.body["model"] for request in line.server.requests] == ["played-fast", "played-model"]


def test_a_failed_attempt_is_told_to_the_next(line: Line) -> None:
    acts: list[Any] = [Say(text=" "), Say(text="Better.")]
    line.server.play = lambda request: acts.pop(0)
    line.make({"agent": "outliner"})
    wait_for(lambda: line.home.ok("check_pipeline").json and line.home.record("t-1")["status"] == "completed")
    assert "The API ended with exit code 1: the answer is empty" in sent(line.server.requests[1])[1]


def test_what_it_must_leave_is_looked_for(line: Line) -> None:
    line.make({"agent": "outliner", "output_dir": "o", "expects": [{"file": "o/t-1.md", "matches": "Answer"}]})
    assert line.end()["status"] == "completed"


def test_a_wrong_key_parks_the_harness_for_every_task(line: Line) -> None:
    line.server.play = lambda request: Refuse(trouble=Trouble.AUTH)
    line.make({"agent": "outliner"})
    parked = wait_for(lambda: list((line.home.state / "parked").glob("api.json")))
    assert json.loads(parked[0].read_text())["kind"] == "auth"
    wait_for(lambda: not line.home.slots())
    assert (line.home.record("t-1")["status"], line.home.record("t-1")["pipeline"][0]["attempts"]) == ("in_progress", 0)
    assert len(line.server.requests) == 1


def test_an_agent_that_says_it_completes_its_step_itself_cannot_be_one(line: Line) -> None:
    line.agent("reporter", completes="agent")
    line.make({"agent": "reporter"})
    record = line.end()
    assert (record["blocked"]["kind"], "one without tools cannot" in record["blocked"]["reason"]) == ("agent", True)


def test_without_a_model_it_says_where_to_name_one(line: Line) -> None:
    path = line.home.root / "config/baton.yaml"
    path.write_text(path.read_text().replace(", model: played-model", ""))
    line.make({"agent": "outliner"})
    record = line.end()
    assert "set harness.api.model" in record["blocked"]["reason"]
    assert line.server.requests == []


# -- call_model.py by hand ----------------------------------------------------------------------------------------


def call(line: Line, *words: str, stdin: str = "Say it.", **environ: str) -> Done:
    script = Path(__file__).resolve().parents[2] / "scripts/call_model.py"
    return run(script, *words, environ=line.home.environ | environ, stdin=stdin)


def test_by_hand_it_prints_events_and_writes_the_answer(line: Line, tmp_path: Path) -> None:
    done = call(line, "--model", "played-other", "--output", str(tmp_path / "out/answer.md"))
    assert (done.code, done.err) == (0, "")
    events = [json.loads(text) for text in done.out.splitlines()]
    assert [event["type"] for event in events] == ["asked", "usage", "text", "usage", "result"]
    assert (tmp_path / "out/answer.md").read_text() == events[2]["text"] == "Answer 1."
    assert line.server.requests[0].body["model"] == "played-other"


def test_by_hand_a_failure_is_an_event_and_an_exit_code_and_nothing_is_written(line: Line, tmp_path: Path) -> None:
    line.server.play = lambda request: Refuse(trouble=Trouble.OVERLOADED, retry_after=3)
    done = call(line, "--output", str(tmp_path / "answer.md"))
    assert (done.code, json.loads(done.out.splitlines()[-1])) == (
        1,
        {"type": "failure", "text": "Overloaded", "words": ["overloaded_error"], "status": 529, "wait_seconds": 3.0},
    )
    assert not (tmp_path / "answer.md").exists()


@pytest.mark.parametrize(
    ("words", "stdin", "code"), [(("--system", "/nowhere"), "x", 1), ((), "  \n", 1), (("--no-such",), "x", 2)]
)
def test_by_hand_wrong_words_ask_nothing(words: tuple[str, ...], stdin: str, code: int, line: Line) -> None:
    done = call(line, *words, stdin=stdin)
    assert (done.code, line.server.requests) == (code, [])
    assert "Traceback" not in done.err


def test_a_full_disk_under_the_answer_is_a_failure_that_says_so(line: Line) -> None:
    done = call(line, "--output", "/dev/full/answer.md")
    assert done.code == 1
    assert json.loads(done.out.splitlines()[-1])["type"] == "failure"


def test_a_job_of_an_assignment_is_refused_and_no_model_is_asked(line: Line) -> None:
    job = json.dumps([{"type": "author", "harness": "api"}])
    line.home.ok("assignment", "create", "Mend it", "--id", "t-1", "--jobs", job)
    record = line.end()
    assert record["status"] == "blocked"
    assert "a job of an assignment is for looking and doing" in record["blocked"]["reason"]
    assert line.server.requests == []


def test_a_heartbeat_is_refused_and_no_model_is_asked(line: Line) -> None:
    done: Done = line.home.call("invoke_agent", "author", "--heartbeat", "--json")
    assert done.code == 1
    assert "a heartbeat is for looking and doing" in done.out
    assert line.server.requests == []
