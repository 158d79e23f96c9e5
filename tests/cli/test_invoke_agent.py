"""``invoke_agent.py``: one agent, one unit, supervised; what its exit code says, and what becomes of a freed slot."""

from __future__ import annotations

import json

import pytest
from tests.cli.homes import AGENT, Home, tree, wait_for

LINGERS = "#!/bin/sh\ntouch here\nwhile [ ! -e go ]; do sleep 0.02; done\n"
SENDS_BACK = "#!/bin/sh\nrequest_revision.py --to-step 0 --notes 'Too dry'\n"
FAILS = "#!/bin/sh\necho almost; echo 'no paper left' >&2\nexit 3\n"


def backlog(home: Home, *ids: str) -> None:
    """Tasks of one step that wait; from now on the home starts what it is told to."""
    for id in ids:
        home.make_task(id, agents=["alpha"])
    home.wake()


def test_a_completed_step_is_exit_code_0(live: Home) -> None:
    live.stop()
    backlog(live, "t-1")
    done = live.run("invoke_agent", "alpha", "t-1", "--json")
    assert (done.code, done.err) == (0, "")
    answer = done.json
    assert (answer["task"], answer["agent"], answer["outcome"]) == ("t-1", "alpha", "completed")
    assert answer["status"] == live.record()["status"] == "completed"


def test_people_are_told_in_words(live: Home) -> None:
    live.stop()
    backlog(live, "t-1")
    assert live.run("invoke_agent", "alpha", "t-1").out == "alpha completed; task t-1 is completed\n"


def test_the_run_is_recorded(live: Home) -> None:
    live.stop()
    backlog(live, "t-1")
    run = live.run("invoke_agent", "alpha", "t-1", "--json").json["run"]
    record = json.loads((live.state / f"runs/t-1/{run}.json").read_text())
    assert (record["id"], record["task"], record["agent"], record["status"]) == (run, "t-1", "alpha", "completed")
    assert (record["outcome"], record["exit_code"], record["attempt"]) == ("completed", 0, 1)
    assert (live.root / f"logs/alpha/{run}.out").read_text() == "did t-1\n"


def test_a_step_that_was_sent_back_is_exit_code_0(live: Home) -> None:
    live.stop()
    live.agent("alpha", SENDS_BACK)
    live.make_task()
    live.settings("harness: {default: script}\nconcurrency: {agents: 1}\n")
    live.wake()
    process = live.start("invoke_agent", "alpha", "t-1", "--json")
    live.await_event("run_ended")
    live.stop()
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["outcome"]) == (0, "sent_back")


def test_a_step_that_was_not_completed_is_exit_code_1_and_says_why(live: Home) -> None:
    live.settings("harness: {default: script}\nretry: {backoff: 10m}\n")
    live.stop()
    live.agent("alpha", FAILS)
    backlog(live, "t-1")
    done = live.run("invoke_agent", "alpha", "t-1")
    assert done.code == 1
    assert done.out.startswith("alpha failed; task t-1 is backlog\n")
    assert "no paper left" in done.out


def test_the_wrong_agent_is_refused_and_the_right_one_is_named(home: Home) -> None:
    home.make_task()
    before = tree(home.root)
    done = home.call("invoke_agent", "beta", "t-1", "--json")
    assert (done.refusal, done.error["right_agent"]) == ((1, "illegal_transition"), "alpha")
    assert done.error["message"] == "the current step of task 't-1' is alpha's, not beta's"
    assert done.error["cure"] == "invoke_agent.py alpha t-1"
    assert tree(home.root) == before


def test_a_stopped_home_is_exit_code_75(home: Home) -> None:
    home.make_task()
    before = tree(home.root)
    done = home.call("invoke_agent", "alpha", "t-1", "--json")
    assert done.refusal == (75, "stopped")
    assert str(home.state / "stop") in done.error["cure"]
    assert tree(home.root) == before


def test_a_held_task_is_exit_code_75(home: Home) -> None:
    home.make_task()
    home.acquire()
    home.wake()
    assert home.call("invoke_agent", "alpha", "t-1", "--json").code == 75


@pytest.mark.parametrize(
    "fields", [{"not_before": "2200-01-01T00:00:00Z"}, {"depends_on": ["first"]}], ids=["not_before", "depends_on"]
)
def test_a_task_that_is_not_ready_is_exit_code_75(home: Home, fields: dict[str, object]) -> None:
    home.make_task("first")
    home.make_task(**fields)
    home.wake()
    assert home.call("invoke_agent", "alpha", "t-1", "--json").refusal == (75, "not_ready")


def test_a_task_of_a_paused_campaign_is_exit_code_75(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    home.ok("campaign", "pause", "spring")
    home.wake()
    assert home.call("invoke_agent", "alpha", "spring-001", "--json").refusal == (75, "not_ready")


def test_no_free_slot_is_exit_code_75(live: Home) -> None:
    live.settings("harness: {default: script}\nconcurrency: {agents: 1}\n")
    live.agent("alpha", LINGERS)
    live.make_task("t-1", agents=["alpha"])
    wait_for((live.workspace() / "here").exists)
    live.make_task("t-2", agents=["beta"])

    done = live.call("invoke_agent", "beta", "t-2", "--json")

    (live.workspace() / "go").touch()
    assert done.refusal == (75, "busy")
    wait_for(lambda: live.record("t-2")["status"] == "completed")


@pytest.mark.parametrize("verb", ["block", "cancel", "delete"])
def test_a_blocked_or_finished_task_is_exit_code_1(home: Home, verb: str) -> None:
    home.make_task()
    home.ok("task", verb, "t-1", *(["--reason", "x"] if verb == "block" else []))
    home.wake()
    done = home.call("invoke_agent", "alpha", "t-1", "--json")
    assert done.refusal in [(1, "illegal_transition"), (1, "task_not_found")]


def test_a_task_that_does_not_exist_is_not_found(home: Home) -> None:
    assert home.call("invoke_agent", "alpha", "nope", "--json").refusal == (1, "task_not_found")


def test_an_agent_that_does_not_exist_blocks_the_task(live: Home) -> None:
    live.stop()
    live.make_task(agents=["nobody"])
    live.wake()
    done = live.run("invoke_agent", "nobody", "t-1", "--json")
    assert (done.code, done.json["outcome"], done.json["status"]) == (1, "agent_missing", "blocked")
    assert "nobody" in live.record()["blocked"]["reason"]


@pytest.mark.parametrize("words", [[], ["alpha"], ["--detach"]])
def test_agent_and_task_are_needed(home: Home, words: list[str]) -> None:
    assert home.call("invoke_agent", *words, "--json").refusal == (2, "invalid_input")


def test_a_run_cannot_start_another_agent(home: Home) -> None:
    home.make_task()
    home.wake()
    assert home.call("invoke_agent", "alpha", "t-1", "--json", BATON_RUN="r-1").refusal == (1, "illegal_transition")


def test_it_runs_exactly_one_unit_and_the_freed_slot_goes_on(live: Home) -> None:
    live.stop()
    live.make_task()
    live.wake()
    done = live.run("invoke_agent", "alpha", "t-1", "--json")
    assert done.json["outcome"] == "completed"
    wait_for(lambda: live.record()["status"] == "completed")
    pids = [event["data"]["agent"] for event in live.events() if event["type"] == "lease_granted"]
    assert pids == ["alpha", "beta", "gamma"]


def test_under_a_stop_the_freed_slot_stays_free(live: Home) -> None:
    live.stop()
    live.agent("alpha", LINGERS)
    live.make_task()
    live.wake()
    process = live.start("invoke_agent", "alpha", "t-1")
    wait_for((live.workspace() / "here").exists)
    live.stop()
    (live.workspace() / "go").touch()
    process.communicate(timeout=30)
    assert (process.returncode, live.slots()) == (0, [])
    assert (live.record()["pipeline_step"], live.record()["leases"]) == (1, [])


def test_detached_it_returns_at_once_and_goes_on_with_what_is_ready(live: Home) -> None:
    live.stop()
    live.agent("alpha", LINGERS)
    live.settings("harness: {default: script}\nconcurrency: {agents: 1}\n")
    backlog(live, "t-1", "t-2")
    done = live.run("invoke_agent", "alpha", "t-1", "--detach", "--json")
    assert (done.code, done.json["detached"]) == (0, True)
    assert live.record()["status"] != "completed"
    for task in ("t-1", "t-2"):
        wait_for((live.workspace(task) / "here").exists)
        (live.workspace(task) / "go").touch()
        wait_for(lambda task=task: live.record(task)["status"] == "completed")  # type: ignore[misc]


def test_a_supervisor_that_is_told_to_stop_gives_the_attempt_back(live: Home) -> None:
    live.stop()
    live.agent("alpha", LINGERS)
    backlog(live, "t-1")
    process = live.start("invoke_agent", "alpha", "t-1", "--json")
    wait_for((live.workspace() / "here").exists)
    process.terminate()
    out, _ = process.communicate(timeout=30)
    step = live.record()["pipeline"][0]
    assert (process.returncode, json.loads(out)["outcome"]) == (1, "interrupted")
    assert (step["attempts"], step["interruptions"], live.record()["leases"]) == (0, 1, [])


def test_what_a_step_leaves_by_default_is_its_output(live: Home) -> None:
    live.agent("alpha", AGENT)
    live.make_task(agents=["alpha"])
    wait_for(lambda: live.record()["status"] == "completed")
    result = live.record()["pipeline"][0]["result"]
    assert (result["outputs"], result["summary"]) == (["research/t-1.md"], "did t-1")


def test_a_refusal_names_the_agent_and_the_task(home: Home) -> None:
    home.make_task("t-1", agents=["alpha"])
    assert home.call("invoke_agent", "beta", "t-1").err.splitlines() == [
        "invoke_agent.py: cannot run agent 'beta' for task 't-1': the current step of task 't-1' is alpha's, not beta's",
        "  invoke_agent.py alpha t-1",
    ]
    done = home.call("invoke_agent", "alpha", "t-1")
    assert done.code == 75
    assert done.err.startswith("invoke_agent.py: cannot run agent 'alpha' for task 't-1': The home is stopped: ")
