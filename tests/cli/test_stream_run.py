"""``stream_run.py`` from the outside: real supervisors and the real program, a played model on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import SETTINGS, Home, tree, wait_for
from tests.real_clis.acts import Act, Play, Refuse, Request, Say, Send, Trouble
from tests.real_clis.messages_wire import MessagesWire
from tests.real_clis.model_server import ModelServer

KEY = "sk-dummy-0123456789"
STEPS = (("outliner", "Outline it. Be {{tone}}."), ("writer", "Write it."))


class Played:
    """A home whose runs ask a played model, and the model."""

    def __init__(self, home: Home, server: ModelServer) -> None:
        self.home = home
        self.server = server

    def pipeline(self, slug: str = "two", steps: Sequence[tuple[str, str]] = STEPS, **more: Any) -> None:
        line = [{"agent": agent, "instructions": words} for agent, words in steps]
        written = {"slug": slug, "name": "Prompts", "main_steps": line} | more
        (self.home.root / f"config/pipelines/{slug}.yaml").write_text(json.dumps(written))

    def create(self, id: str = "r", *words: str, pipeline: str = "two") -> dict[str, Any]:
        variables = () if any("--var" in word for word in words) else ("--var", "tone=dry")
        options = ("--id", id, "--input", "Rye bread.", *variables, *words, "--json")
        made: dict[str, Any] = self.home.ok("stream_run", "create", pipeline, *options).json
        return made

    def run_to_its_end(self, id: str = "r", *words: str, sweeps: bool = False) -> dict[str, Any]:
        self.create(id, *words, "--start")
        return self.end_of(id, sweeps=sweeps)

    def end_of(self, id: str = "r", *, sweeps: bool = False) -> dict[str, Any]:
        """The run when it is over; with ``sweeps`` as under cron, which starts again what had to wait."""

        def look() -> dict[str, Any] | None:
            if sweeps:
                self.home.ok("check_pipeline")
            seen = self.show(id)
            return seen if seen["status"] in ("completed", "failed") and not self.home.slots() else None

        found: dict[str, Any] = wait_for(look)
        return found

    def show(self, id: str = "r") -> dict[str, Any]:
        shown: dict[str, Any] = self.home.ok("stream_run", "show", id, "--json").json
        return shown

    def events(self, id: str = "r") -> list[dict[str, Any]]:
        path = self.home.state / f"streams/{id}.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def types(self, id: str = "r") -> list[str]:
        return [event["type"] for event in self.events(id)]

    def asked(self) -> list[tuple[str, str]]:
        """What the model was asked: the instructions and the input of each call."""
        return [(one.body.get("system", ""), one.body["messages"][0]["content"]) for one in self.server.requests]


def answers(*texts: str) -> Play:
    """Say these, one a call; the last one again and again."""
    left = list(texts)
    return lambda request: Say(text=left.pop(0) if len(left) > 1 else left[0])


def frames(request: Request, *texts: str) -> list[bytes]:
    """A good answer in so many pieces, each a frame of the wire."""
    parts = list(map(bytes, MessagesWire().stream(request.body, Say(text="@@"), "")))
    place = next(number for number, part in enumerate(parts) if b"@@" in part)
    said = [parts[place].replace(b"@@", json.dumps(text)[1:-1].encode()) for text in texts]
    return [*parts[:place], *said, *parts[place + 1 :]]


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    home = Home(tmp_path / "home")
    with ModelServer(answers("An outline.", "A text.")) as server:
        ours = f"harness: {{default: script, api: {{base_url: '{server.url}', model: played-model}}}}"
        home.settings(SETTINGS.replace("harness: {default: script}", ours))
        (home.root / ".env").write_text(f"ANTHROPIC_API_KEY={KEY}\n")
        (home.root / ".env").chmod(0o600)
        home.wake()
        world = Played(home, server)
        world.pipeline()
        try:
            yield world
        finally:
            home.settle()
        assert not server.faults


# -- a run --------------------------------------------------------------------------------------------------------


def test_a_run_goes_through_its_steps_each_output_the_next_ones_input(played: Played) -> None:
    seen = played.run_to_its_end("r", "--owner", "ann")
    assert played.asked() == [("Outline it. Be dry.", "Rye bread."), ("Write it.", "An outline.")]
    assert {
        key: seen[key] for key in ("id", "pipeline", "owner", "status", "input", "variables", "output", "error")
    } == {
        "id": "r",
        "pipeline": "two",
        "owner": "ann",
        "status": "completed",
        "input": "Rye bread.",
        "variables": {"tone": "dry"},
        "output": "A text.",
        "error": None,
    }
    assert seen["created_at"] < seen["completed_at"]
    assert [
        {key: step[key] for key in ("run", "agent", "order", "status", "input", "output", "error")}
        for step in seen["steps"]
    ] == [
        {
            "run": "r",
            "agent": "outliner",
            "order": 0,
            "status": "completed",
            "input": "Rye bread.",
            "output": "An outline.",
            "error": None,
        },
        {
            "run": "r",
            "agent": "writer",
            "order": 1,
            "status": "completed",
            "input": "An outline.",
            "output": "A text.",
            "error": None,
        },
    ]


def test_its_events_are_those_of_the_specification_in_order(played: Played) -> None:
    played.run_to_its_end()
    told = [{key: event[key] for key in event if key not in ("at", "boot")} for event in played.events()]
    assert told == [
        {"id": 1, "type": "step_start", "step": 0, "agent": "outliner", "attempt": 1},
        {"id": 12, "type": "text_delta", "step": 0, "text": "An outline."},
        {"id": 13, "type": "step_complete", "step": 0, "output": "An outline."},
        {"id": 14, "type": "step_start", "step": 1, "agent": "writer", "attempt": 1},
        {"id": 21, "type": "text_delta", "step": 1, "text": "A text."},
        {"id": 22, "type": "step_complete", "step": 1, "output": "A text."},
        {"id": 23, "type": "pipeline_complete", "final_output": "A text."},
    ]
    assert not (played.home.state / "streams/r.open").exists()
    assert "text_delta" not in (event["type"] for event in played.home.events())


def test_a_run_that_was_made_waits_until_it_is_started(played: Played) -> None:
    made = played.create()
    assert (made["status"], [step["status"] for step in made["steps"]]) == ("pending", ["pending", "pending"])
    played.home.ok("check_pipeline")
    assert (played.server.requests, played.show()["status"]) == ([], "pending")
    played.home.ok("stream_run", "start", "r")
    assert played.end_of()["status"] == "completed"
    refused = played.home.call("stream_run", "start", "r", "--json")
    assert refused.refusal == (1, "illegal_transition")


def test_nobody_is_told_that_a_run_which_was_only_made_is_blocked(played: Played) -> None:
    played.create()
    assert played.home.told("r") == ["task_created"]


def test_a_variable_is_text_whatever_it_looks_like(played: Played) -> None:
    played.run_to_its_end("r", "--var", "tone={{tone}} {{ input }} {% raw %} $HOME")
    assert played.asked()[0][0] == "Outline it. Be {{tone}} {{ input }} {% raw %} $HOME."


def test_what_it_has_used_is_counted(played: Played) -> None:
    played.run_to_its_end()
    usage = played.home.record("r")["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["runs"]) == (2400, 84, 2)


def test_an_openai_compatible_api_does_as_well(played: Played) -> None:
    path = played.home.root / "config/baton.yaml"
    path.write_text(path.read_text().replace("base_url: 'http", "wire: openai, key: none, base_url: 'http"))
    assert played.run_to_its_end()["output"] == "A text."
    assert [request.wire for request in played.server.requests] == ["chat", "chat"]


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--input", "x"), 1, "there is no variable 'tone'"),
        (("--input", "x", "--var", "Tone=dry"), 1, "there is no variable 'tone'"),
        (("--input", " ", "--var", "tone=dry"), 1, "the input is empty"),
        (("--var", "tone=dry"), 2, "say what the first step is given"),
        (("--input", "x", "--input-file", "y", "--var", "tone=dry"), 2, "say what the first step is given"),
        (("--input-file", "/nowhere/x", "--var", "tone=dry"), 1, "cannot be read"),
        (("--input", "x", "--var", "tone"), 2, "has no '='"),
        (("--input", "x", "--var", "to ne=dry"), 2, "is not a name for a variable"),
        (("--input", "x", "--var", "tone=dry", "--id", "No/Id"), 2, "No/Id"),
        (("--input", "x", "--var", "tone=dry", "--owner", "../x"), 2, "../x"),
        (("--input", "x" * (1 << 20) + "x", "--var", "tone=dry"), 1, "larger than 1024 KB"),
        (("--input", "x", "--var", "tone=" + "x" * (65 << 10)), 1, "larger than 64 KB"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(words: tuple[str, ...], code: int, said: str, played: Played) -> None:
    before = tree(played.home.root)
    done = played.home.call("stream_run", "create", "two", "--start", *words, "--json")
    assert (done.code, said in done.error["message"]) == (code, True), done
    assert tree(played.home.root) == before
    assert played.server.requests == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"main_steps": [{"agent": None}, {"agent": "a", "instructions": "x"}]}, "step 0 has no agent"),
        ({"main_steps": [{"agent": "a", "harness": "claude", "instructions": "x"}]}, "harness 'claude'"),
        ({"main_steps": [{"agent": "nobody-here"}]}, "there is no agent of this name"),
        (
            {"parallel_branches": [{"trigger_after_step": 0, "agent": "b", "label": "B", "instructions": "x"}]},
            "parallel_branches",
        ),
        ({"main_steps": [{"agent": "a", "instructions": "{{ a b }} {{tone}}"}]}, "there is no variable 'a b'"),
    ],
)
def test_a_pipeline_that_is_none_of_prompts_is_refused(fields: dict[str, Any], said: str, played: Played) -> None:
    played.pipeline("odd", **fields)
    before = tree(played.home.root)
    done = played.home.call("stream_run", "create", "odd", "--input", "x", "--var", "tone=dry", "--json")
    assert (done.refusal, said in done.error["message"]) == ((1, "invalid_input"), True), done
    assert tree(played.home.root) == before


def test_a_step_of_which_nobody_knows_the_model_keeps_the_run_from_being_made(played: Played) -> None:
    path = played.home.root / "config/baton.yaml"
    path.write_text(path.read_text().replace(", model: played-model", ""))
    before = tree(played.home.root)
    done = played.home.call("stream_run", "create", "two", "--input", "x", "--var", "tone=dry", "--json")
    assert (done.refusal, done.error["message"]) == ((1, "invalid_input"), "no model is named for step 0")
    assert tree(played.home.root) == before


def test_doctor_looks_for_no_agent_of_a_step_that_is_a_prompt(played: Played) -> None:
    def missing() -> list[str]:
        report = played.home.call("doctor", "--json").json
        return [one["message"] for one in report["warnings"] if one["check"] == "agents"]

    assert len(missing()) == 2
    steps = [{"agent": agent, "instructions": words, "harness": "api"} for agent, words in STEPS]
    played.pipeline(main_steps=steps)
    assert missing() == []


def test_a_name_that_is_not_known_in_the_last_step_keeps_the_first_from_beginning(played: Played) -> None:
    played.pipeline("late", [("a", "Begin."), ("b", "End with {{ending}}.")])
    done = played.home.call("stream_run", "create", "late", "--input", "x", "--start", "--json")
    assert done.error["unknown"] == ["ending"]
    assert (played.server.requests, played.home.ok("stream_run", "list", "--json").json) == ([], [])


def test_a_step_without_instructions_is_what_the_skill_of_its_agent_says(played: Played) -> None:
    played.home.agent("alpha", "")
    played.pipeline("skilled", [("alpha", "")])
    played.home.ok("stream_run", "create", "skilled", "--id", "s", "--input", "x", "--start")
    assert played.end_of("s")["status"] == "completed"
    assert played.asked() == [("Work.", "x")]


# -- trouble ------------------------------------------------------------------------------------------------------


def once(trouble: Act, then: Play) -> Play:
    """Do this at the first call, and then go on."""
    acts = [trouble]
    return lambda request: acts.pop() if acts else then(request)


@pytest.mark.parametrize("trouble", [Trouble.OVERLOADED, Trouble.SERVER])
def test_a_provider_in_trouble_is_asked_again_and_nobody_who_follows_is_told(trouble: Trouble, played: Played) -> None:
    played.server.play = once(Refuse(trouble=trouble), answers("An outline.", "A text."))
    seen = played.run_to_its_end(sweeps=True)
    assert (seen["status"], len(played.server.requests)) == ("completed", 3)
    assert "error" not in played.types()
    assert played.home.record("r")["pipeline"][0]["attempts"] == 1


def test_a_rate_limit_parks_the_harness_until_its_end_and_the_run_goes_on(played: Played) -> None:
    played.server.play = once(Refuse(trouble=Trouble.RATE_LIMIT, retry_after=1), answers("An outline.", "A text."))
    played.create("r", "--start")
    parked = wait_for(lambda: list((played.home.state / "parked").glob("api.json")))
    assert json.loads(parked[0].read_text())["until"] is not None
    assert played.show()["status"] == "running"
    assert played.end_of(sweeps=True)["status"] == "completed"
    assert "error" not in played.types()


@pytest.mark.parametrize("trouble", [Trouble.AUTH, Trouble.CREDIT])
def test_what_only_a_person_can_mend_ends_the_run_at_once(trouble: Trouble, played: Played) -> None:
    played.server.play = lambda request: Refuse(trouble=trouble)
    seen = played.run_to_its_end()
    assert (seen["status"], len(played.server.requests)) == ("failed", 1)
    assert played.types()[-1] == "error"
    assert played.events()[-1]["message"] == seen["error"] == seen["steps"][0]["error"]


def test_the_first_error_fails_step_and_run_and_later_steps_never_start(played: Played) -> None:
    played.server.play = lambda request: Refuse(trouble=Trouble.MODEL)
    seen = played.run_to_its_end()
    assert (seen["status"], [step["status"] for step in seen["steps"]]) == ("failed", ["failed", "pending"])
    assert played.types() == ["step_start", "error"]
    (error,) = [event for event in played.events() if event["type"] == "error"]
    assert (error["step"], "model: nope does not exist" in error["message"]) == (0, True)
    assert [step["started_at"] is None for step in seen["steps"]] == [False, True]
    assert len(played.server.requests) == 1


def test_a_failed_run_goes_on_from_its_failed_step(played: Played) -> None:
    acts: list[Act] = [Say(text="An outline."), Refuse(trouble=Trouble.MODEL), Say(text="A text.")]
    played.server.play = lambda request: acts.pop(0)
    assert played.run_to_its_end()["status"] == "failed"
    played.home.ok("stream_run", "retry", "r")
    seen = played.end_of()
    assert (seen["status"], seen["output"]) == ("completed", "A text.")
    assert [system for system, _ in played.asked()] == ["Outline it. Be dry.", "Write it.", "Write it."]
    assert played.types() == [
        *("step_start", "text_delta", "step_complete"),
        *("step_start", "error"),
        *("step_start", "text_delta", "step_complete", "pipeline_complete"),
    ]
    ids = [event["id"] for event in played.events()]
    assert ids == sorted(set(ids))


def test_only_a_failed_run_is_tried_again(played: Played) -> None:
    played.create()
    assert played.home.call("stream_run", "retry", "r", "--json").refusal == (1, "illegal_transition")


def test_an_answer_that_was_cut_at_its_bound_is_none(played: Played) -> None:
    def play(request: Request) -> Act:
        whole = b"".join(frames(request, "Half a"))
        return Send(pieces=[whole.replace(b"end_turn", b"max_tokens")])

    played.server.play = play
    seen = played.run_to_its_end(sweeps=True)
    assert (seen["status"], "raise harness.api.max_tokens" in seen["error"]) == ("failed", True)
    assert not (played.home.workspace("r") / "step-0/r.md").exists()


def test_a_connection_lost_in_the_middle_is_asked_again_and_no_word_is_shown_twice(played: Played) -> None:
    acts = [1]

    def play(request: Request) -> Act:
        if acts:
            acts.pop()
            return Send(pieces=frames(request, "An ", "out")[:-3], is_cut=True)
        return Send(pieces=frames(request, "An ", "out", "line."))

    played.server.play = play
    played.run_to_its_end(sweeps=True)
    starts = [event for event in played.events() if event["type"] == "step_start" and event["step"] == 0]
    texts = [event["text"] for event in played.events() if event["type"] == "text_delta" and event["step"] == 0]
    assert (len(starts), "".join(texts)) == (1, "An outline.")


def test_an_api_that_falls_silent_is_asked_again(played: Played) -> None:
    path = played.home.root / "config/baton.yaml"
    path.write_text(path.read_text().replace("model: played-model", "model: played-model, read_timeout: 300ms"))
    model = Halting("One outline.", "One outline.", "A text.")
    played.server.play = model
    seen = played.run_to_its_end(sweeps=True)
    assert not model.may_go_on.is_set()
    model.may_go_on.set()
    assert (seen["status"], seen["output"], model.calls) == ("completed", "A text.", 3)
    assert followed(played.events()) == ({0: "One outline.", 1: "A text."}, ["One outline.", "A text."])


def test_an_event_that_cannot_be_read_is_an_outage(played: Played) -> None:
    played.server.play = once(Send(pieces=[b"data: {oops\n\n"]), answers("An outline.", "A text."))
    assert played.run_to_its_end(sweeps=True)["status"] == "completed"
    assert len(played.server.requests) == 3


def test_of_two_that_want_one_id_the_second_touches_nothing(played: Played) -> None:
    played.create()
    before = tree(played.home.root)
    done = played.home.call("stream_run", "create", "two", "--id", "r", "--input", "y", "--var", "tone=x", "--json")
    assert done.refusal == (1, "already_exists")
    assert tree(played.home.root) == before


# -- kills --------------------------------------------------------------------------------------------------------


class Halting:
    """A model that says its first words, and the rest when it is let; of later calls all at once."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()
        self.calls = 0

    def __call__(self, request: Request) -> Act:
        self.calls += 1
        text = self.texts[min(self.calls, len(self.texts)) - 1]
        parts = frames(request, text[:4], text[4:])
        return Send(pieces=self._halting(parts) if self.calls == 1 else parts)

    def _halting(self, parts: list[bytes]) -> Iterator[bytes]:
        for part in parts:
            yield part
            if b"text_delta" in part and not self.has_begun.is_set():
                self.has_begun.set()
                self.may_go_on.wait(30)


def begun(played: Played, model: Halting) -> dict[str, Any]:
    """Start a run, and wait until its first words have been told; return what its slot says."""
    played.server.play = model
    played.create("r", "--start")
    assert model.has_begun.wait(20)
    wait_for(lambda: "text_delta" in played.types())
    facts: dict[str, Any] = wait_for(
        lambda: next((slot.facts for slot in played.home.slots() if "agent_pid" in slot.facts), None)
    )
    return facts


def followed(events: list[dict[str, Any]]) -> tuple[dict[int, str], list[str]]:
    """What a listener has on the screen in the end, and each delta it got."""
    screen: dict[int, str] = {}
    for event in events:
        if event["type"] == "step_start":
            screen[event["step"]] = ""
        elif event["type"] == "text_delta":
            screen[event["step"]] += event["text"]
    return screen, [event["text"] for event in events if event["type"] == "text_delta"]


@pytest.mark.parametrize("whom", ["program", "supervisor", "both"])
def test_a_kill_in_the_middle_resumes_at_its_step_and_no_delta_is_shown_twice(whom: str, played: Played) -> None:
    model = Halting("One outline.", "One outline.", "A text.")
    facts = begun(played, model)
    follower = played.home.start("stream_run", "follow", "r", "--json")
    for pid in {"program": ["agent_pid"], "supervisor": ["pid"], "both": ["pid", "agent_pid"]}[whom]:
        os.kill(facts[pid], signal.SIGKILL)
    model.may_go_on.set()
    if whom != "program":
        wait_for(lambda: played.home.ok("check_pipeline").json["stale_released"] or model.calls > 1)
    seen = played.end_of(sweeps=True)
    assert (seen["status"], model.calls) == ("completed", 3)
    out, _ = follower.communicate(timeout=30)
    got = [json.loads(line) for line in out.splitlines()]
    assert [event["type"] for event in got if event["type"] != "text_delta"] == [
        *("step_start", "step_complete", "step_start", "step_complete", "pipeline_complete"),
    ]
    assert followed(got)[0] == {0: "One outline.", 1: "A text."}
    assert "".join(followed(got)[1]) == "One outline.A text."
    assert played.home.record("r")["pipeline"][0]["interruptions"] == 1


def test_where_the_new_attempt_says_other_words_the_step_begins_anew_for_those_who_follow(played: Played) -> None:
    model = Halting("One outline.", "Another outline.", "A text.")
    facts = begun(played, model)
    follower = played.home.start("stream_run", "follow", "r", "--json")
    os.kill(facts["agent_pid"], signal.SIGKILL)
    model.may_go_on.set()
    assert played.end_of(sweeps=True)["status"] == "completed"
    got = [json.loads(line) for line in follower.communicate(timeout=30)[0].splitlines()]
    starts = [(event["step"], event["attempt"]) for event in got if event["type"] == "step_start"]
    assert starts == [(0, 1), (0, 1), (1, 1)]
    assert followed(got)[0] == {0: "Another outline.", 1: "A text."}
    ids = [event["id"] for event in got]
    assert ids == sorted(set(ids))
    # Whoever comes late is told nothing of the words that led nowhere.
    assert followed(played.events()) == ({0: "Another outline.", 1: "A text."}, ["Another outline.", "A text."])


def without_time(event: dict[str, Any]) -> dict[str, Any]:
    return {key: event[key] for key in event if key not in ("at", "boot")}


@pytest.mark.parametrize("lines", [1, 2, 3, 4])
def test_what_a_supervisor_died_before_telling_the_sweep_tells(lines: int, played: Played) -> None:
    played.run_to_its_end()
    path = played.home.state / "streams/r.ndjson"
    whole = played.events()
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-lines]))
    (played.home.state / "streams/r.open").touch()
    report = played.home.ok("check_pipeline").json
    assert report["found"] == ["run r: that it is completed was not told yet"]
    assert [without_time(event) for event in played.events()] == [without_time(event) for event in whole]
    assert not (played.home.state / "streams/r.open").exists()
    assert played.home.ok("check_pipeline").json["found"] == []


# -- following ----------------------------------------------------------------------------------------------------


def follow(played: Played, *words: str) -> subprocess.CompletedProcess[str]:
    process = played.home.start("stream_run", "follow", "r", *words)
    out, err = process.communicate(timeout=30)
    return subprocess.CompletedProcess([], process.returncode, out, err)


def test_who_follows_gets_the_words_on_stdout_and_all_else_on_stderr(played: Played) -> None:
    played.run_to_its_end()
    done = follow(played)
    assert (done.returncode, done.stdout) == (0, "An outline.\nA text.\n")
    assert done.stderr == "[step 0, outliner]\n[step 1, writer]\n"


def test_who_follows_a_failed_run_is_told_why(played: Played) -> None:
    played.server.play = lambda request: Refuse(trouble=Trouble.MODEL)
    seen = played.run_to_its_end()
    done = follow(played)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"[step 0, outliner]\n[failed: {seen['error']}]\n"


@pytest.mark.parametrize("since", [0, 1, 5, 12, 13, 22, 23, 1000])
def test_from_any_id_on_exactly_the_rest_is_told(since: int, played: Played) -> None:
    played.run_to_its_end()
    got = [json.loads(line) for line in follow(played, "--json", "--since", str(since)).stdout.splitlines()]
    expected = [event for event in played.events() if event["id"] > since]
    assert [event["id"] for event in got] == [event["id"] for event in expected]
    whole = "".join(event["text"] for event in played.events() if event["type"] == "text_delta")
    seen = max(0, min(since, 12) - 1) + max(0, min(since, 21) - 14)
    assert "".join(followed_texts(got)) == whole[seen:]


def followed_texts(events: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["type"] == "text_delta"]


def test_words_are_told_while_the_model_still_speaks(played: Played) -> None:
    model = Halting("One outline.", "A text.")
    begun(played, model)
    follower = played.home.start("stream_run", "follow", "r", "--json")
    assert follower.stdout is not None
    first = [json.loads(follower.stdout.readline()) for _ in range(2)]
    assert [event.get("text") for event in first] == [None, "One "]
    assert not model.may_go_on.is_set()
    model.may_go_on.set()
    out, _ = follower.communicate(timeout=30)
    assert json.loads(out.splitlines()[0])["text"] == "outline."
    assert follower.returncode == 0


def test_who_follows_a_run_that_waits_is_told_for_what(played: Played) -> None:
    played.create()
    process = played.home.start("stream_run", "follow", "r")
    assert process.stderr is not None
    try:
        assert process.stderr.readline() == "[waits to be started: stream_run.py start r]\n"
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_when_the_reader_goes_the_follower_goes_too(played: Played) -> None:
    model = Halting("One outline.", "A text.")
    begun(played, model)
    follower = played.home.start("stream_run", "follow", "r", "--json")
    assert follower.stdout is not None
    follower.stdout.readline()
    follower.stdout.close()
    model.may_go_on.set()
    assert follower.wait(30) == 1
    assert follower.stderr is not None
    assert follower.stderr.read() == ""
    follower.stderr.close()


# -- lists and deletion -------------------------------------------------------------------------------------------


def test_runs_are_listed_by_owner_and_by_pipeline(played: Played) -> None:
    played.pipeline("other", [("a", "Say.")])
    played.create("r-1", "--owner", "ann")
    played.create("r-2", "--owner", "ben")
    played.create("r-3", "--owner", "ann", pipeline="other")

    def ids(*words: str) -> list[str]:
        return [one["id"] for one in played.home.ok("stream_run", "list", *words, "--json").json]

    assert ids() == ["r-1", "r-2", "r-3"]
    assert ids("--owner", "ann") == ["r-1", "r-3"]
    assert ids("--pipeline", "two") == ["r-1", "r-2"]
    assert ids("--owner", "ann", "--pipeline", "two") == ["r-1"]


def left_of(played: Played, run: str) -> list[str]:
    """Everything in the home that bears a run's id or holds its words."""
    found = []
    for path in played.home.root.rglob("*"):
        if path.is_file() and "cache" not in path.parts and (run in path.name or b"An outline." in path.read_bytes()):
            found.append(str(path.relative_to(played.home.root)))
    return sorted(found)


@pytest.mark.parametrize("words", [("r-1",), ("--owner", "ann"), ("--pipeline", "two")])
def test_deleting_leaves_a_tombstone_and_nothing_it_has_made(words: tuple[str, ...], played: Played) -> None:
    played.run_to_its_end("r-1", "--owner", "ann")
    assert played.home.ok("stream_run", "delete", *words, "--json").json == {"deleted": ["r-1"]}
    assert played.home.ok("stream_run", "list", "--json").json == []
    assert played.home.call("stream_run", "show", "r-1", "--json").refusal == (1, "run_not_found")
    assert [path for path in left_of(played, "r-1") if not path.startswith("state/events")] == [
        "state/archive/tasks/r-1.json"
    ]
    assert played.home.record("r-1")["stream"]["variables"] == {}


def test_removing_a_pipeline_deletes_its_runs(played: Played) -> None:
    played.pipeline("other", [("a", "Say.")])
    played.create("r-1")
    played.create("r-2", pipeline="other")
    answer = played.home.ok("pipeline", "remove", "two", "--json").json
    assert answer == {"removed": "two", "campaigns": [], "runs": ["r-1"]}
    assert [one["id"] for one in played.home.ok("stream_run", "list", "--json").json] == ["r-2"]


def test_deleting_an_owner_ends_what_goes_on_of_theirs_and_leaves_the_others(played: Played) -> None:
    model = Halting("One outline.", "A text.")
    played.create("r-2", "--owner", "ben")
    played.server.play = model
    played.create("r", "--owner", "ann", "--start")
    assert model.has_begun.wait(20)
    assert played.home.ok("stream_run", "delete", "--owner", "ann", "--json").json == {"deleted": ["r"]}
    model.may_go_on.set()
    assert [one["id"] for one in played.home.ok("stream_run", "list", "--json").json] == ["r-2"]
    assert len(played.server.requests) == 1


def test_a_task_that_is_no_run_is_none(played: Played) -> None:
    played.home.stop()
    played.home.make_task("t-1")
    assert played.home.call("stream_run", "show", "t-1", "--json").refusal == (1, "run_not_found")
    assert played.home.ok("stream_run", "list", "--json").json == []


# -- the key ------------------------------------------------------------------------------------------------------


def test_the_key_is_nowhere_but_where_it_is_kept(played: Played) -> None:
    seen: list[bytes] = []

    def play(request: Request) -> Act:
        assert request.headers["x-api-key"] == KEY
        for slot in played.home.slots():
            for pid in {slot.facts.get("pid"), slot.facts.get("agent_pid")} - {None}:
                for name in ("environ", "cmdline"):
                    with contextlib.suppress(OSError):
                        seen.append(Path(f"/proc/{pid}/{name}").read_bytes())
        # A server that says the key back, cut in two, is not quoted either.
        return Send(pieces=frames(request, f"It is {KEY[:7]}", f"{KEY[7:]}, isn't it?"))

    played.server.play = play
    out = played.run_to_its_end()
    followed = follow(played, "--json")
    assert out["output"] == "It is ***, isn't it?"
    assert seen
    assert KEY not in json.dumps(out) + followed.stdout + followed.stderr
    assert not any(KEY.encode() in data for data in seen)
    holders = [
        str(path.relative_to(played.home.root))
        for path in played.home.root.rglob("*")
        if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert holders == [".env"]


def test_a_key_that_is_missing_is_said_with_its_cure_and_nothing_is_asked(played: Played) -> None:
    (played.home.root / ".env").unlink()
    seen = played.run_to_its_end()
    assert (seen["status"], played.server.requests) == ("failed", [])
    assert "key.py set ANTHROPIC_API_KEY" in seen["error"]
