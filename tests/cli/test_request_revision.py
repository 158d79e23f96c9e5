"""``request_revision.py``: a task goes back to a step, asked for by its holder, or by a person."""

from __future__ import annotations

import json

import pytest
from tests.cli.homes import AGENT, Home, tree, wait_for

LINGERS = "#!/bin/sh\ntouch here\nwhile [ ! -e go ]; do sleep 0.02; done\n"
SENDS_BACK_ONCE = """\
#!/bin/sh
[ -e asked ] && exit 0
touch asked
request_revision.py --to-step 0 --notes 'Name the sources' > answer.json
cp "$BATON_HOME/state/tasks/$BATON_TASK.json" record.json
"""


def at_step_one(home: Home) -> None:
    """A task whose second step is held by beta."""
    home.make_task()
    home.complete()
    home.acquire(agent="beta")


def test_the_answer_counts_the_revisions(home: Home) -> None:
    at_step_one(home)
    done = home.call("request_revision", "t-1", "--to-step", "0", "--notes", "Too dry", "--agent", "beta")
    assert (done.code, done.json, done.err) == (0, {"revised": True, "revision_count": 1}, "")


def test_the_task_stands_at_the_step_it_was_sent_to(home: Home) -> None:
    at_step_one(home)
    home.ok("request_revision", "t-1", "--to-step", "0", "--notes", "Too dry", "--agent", "beta")
    record = home.record()
    assert (record["status"], record["pipeline_step"], record["locked_by"]) == ("revision_needed", 0, None)
    assert (record["revision_count"], record["rejection_notes"]) == (1, "Too dry")
    assert [step["status"] for step in record["pipeline"]] == ["pending", "pending", "pending"]
    assert [step["attempts"] for step in record["pipeline"]] == [0, 0, 0]


def test_a_step_may_be_sent_back_to_itself(home: Home) -> None:
    at_step_one(home)
    home.ok("request_revision", "t-1", "--to-step", "1", "--notes", "Once more", "--agent", "beta")
    record = home.record()
    assert record["pipeline_step"] == 1
    assert [step["status"] for step in record["pipeline"]] == ["completed", "pending", "pending"]


def test_a_task_that_was_sent_back_is_ready_at_that_step(home: Home) -> None:
    at_step_one(home)
    home.ok("request_revision", "t-1", "--to-step", "0", "--notes", "Too dry", "--agent", "beta")
    ready = home.ok("task", "ready", "--json").json
    assert [(task["id"], task["step"], task["agent"]) for task in ready] == [("t-1", 0, "alpha")]


@pytest.mark.parametrize("by", [["--agent", "beta"], ["--by-person", "--stop-run"]], ids=["agent", "person"])
@pytest.mark.parametrize("target", ["-1", "2", "3", "99", "99999999999999999999"])
def test_a_target_that_was_not_reached_is_refused(home: Home, target: str, by: list[str]) -> None:
    at_step_one(home)
    before = tree(home.root)
    done = home.call("request_revision", "t-1", "--to-step", target, "--notes", "x", *by)
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"] == f"step {target} is not between 0 and the current step, 1"
    assert tree(home.root) == before


@pytest.mark.parametrize("target", ["", "one", "1.0", "0x1"])
def test_a_target_that_is_no_number_is_wrong_usage(home: Home, target: str) -> None:
    at_step_one(home)
    done = home.call("request_revision", "t-1", "--to-step", target, "--notes", "x", "--agent", "beta")
    assert done.refusal == (2, "invalid_input")


@pytest.mark.parametrize("words", [["--to-step", "0"], ["--notes", "x"], ["--to-step", "0", "--notes", " "]])
def test_target_and_notes_are_needed(home: Home, words: list[str]) -> None:
    at_step_one(home)
    done = home.call("request_revision", "t-1", "--agent", "beta", *words)
    assert done.refusal == (2, "invalid_input")
    assert home.record()["revision_count"] == 0


def test_the_lease_is_needed(home: Home) -> None:
    at_step_one(home)
    before = home.record()
    done = home.call("request_revision", "t-1", "--to-step", "0", "--notes", "x", "--agent", "alpha")
    assert done.refusal == (1, "lease_mismatch")
    assert home.record() == before


def test_task_and_agent_come_from_the_environment_where_they_are_left_out(home: Home) -> None:
    at_step_one(home)
    environ = {"BATON_TASK": "t-1", "BATON_AGENT": "beta"}
    assert home.ok("request_revision", "--to-step", "0", "--notes", "x", **environ).json["revision_count"] == 1


def test_a_lease_of_another_task_is_not_used(home: Home) -> None:
    at_step_one(home)
    environ = {"BATON_TASK": "t-9", "BATON_LEASE": "77", "BATON_AGENT": "beta"}
    assert home.ok("request_revision", "t-1", "--to-step", "0", "--notes", "x", **environ).json["revised"] is True


def test_a_task_that_does_not_exist_is_not_found(home: Home) -> None:
    done = home.call("request_revision", "nope", "--to-step", "0", "--notes", "x", "--agent", "beta")
    assert done.refusal == (1, "task_not_found")


def test_a_finished_task_cannot_be_sent_back(home: Home) -> None:
    home.make_task(agents=["alpha"])
    home.complete()
    done = home.call("request_revision", "t-1", "--to-step", "0", "--notes", "x", "--by-person")
    assert done.refusal == (1, "illegal_transition")


def test_agents_may_send_back_so_often_and_then_a_person_is_needed(home: Home) -> None:
    home.settings("retry: {max_revisions: 2}\n")
    home.make_task()
    for _ in range(3):
        home.complete()
        home.acquire(agent="beta")
        home.ok("request_revision", "t-1", "--to-step", "0", "--notes", "Too dry", "--agent", "beta")
    record = home.record()
    assert (record["status"], record["blocked"]["kind"], record["revision_count"]) == ("blocked", "review", 3)


# -- a person -----------------------------------------------------------------------------------------------------------


def test_a_person_needs_no_lease(home: Home) -> None:
    home.make_task()
    home.complete()
    answer = home.ok("request_revision", "t-1", "--to-step", "0", "--notes", "Too dry", "--by-person").json
    assert (answer, home.record()["pipeline_step"]) == ({"revised": True, "revision_count": 1}, 0)


def test_a_person_may_send_back_as_often_as_they_like(home: Home) -> None:
    home.settings("retry: {max_revisions: 1}\n")
    home.make_task()
    for number in range(1, 4):
        home.complete()
        answer = home.ok("request_revision", "t-1", "--to-step", "0", "--notes", "Too dry", "--by-person").json
        assert answer["revision_count"] == number
    assert home.record()["status"] == "revision_needed"


def test_a_person_does_not_snatch_a_step_that_is_held(home: Home) -> None:
    at_step_one(home)
    done = home.call("request_revision", "t-1", "--to-step", "0", "--notes", "x", "--by-person")
    assert (done.refusal, done.error["locked_by"]) == ((1, "lease_held"), "beta")
    assert "--stop-run" in done.error["cure"]


def test_a_person_may_take_a_step_from_a_hand(home: Home) -> None:
    at_step_one(home)
    home.ok("request_revision", "t-1", "--to-step", "0", "--notes", "x", "--by-person", "--stop-run")
    assert (home.record()["pipeline_step"], home.record()["locked_by"]) == (0, None)


def test_a_person_ends_a_run_only_when_they_say_so(live: Home) -> None:
    live.agent("beta", LINGERS)
    live.make_task()
    wait_for((live.workspace() / "here").exists)
    live.stop()
    words = ["t-1", "--to-step", "0", "--notes", "Too dry", "--by-person"]

    assert live.call("request_revision", *words).refusal == (1, "lease_held")
    answer = live.ok("request_revision", *words, "--stop-run").json

    assert answer == {"revised": True, "revision_count": 1}
    record = live.record()
    assert (record["status"], record["pipeline_step"], record["leases"]) == ("revision_needed", 0, [])


# -- inside a run -------------------------------------------------------------------------------------------------------


def test_a_run_that_sends_back_is_followed_by_the_step_it_asked_for(live: Home) -> None:
    live.settings("harness: {default: script}\ntimeouts: {grace: 30s}\n")
    live.agent("beta", SENDS_BACK_ONCE)
    live.make_task()
    live.await_event("task_completed")

    during = json.loads((live.workspace() / "record.json").read_text())
    assert json.loads((live.workspace() / "answer.json").read_text()) == {"revised": True, "revision_count": 1}
    assert (during["pipeline_step"], during["lease"]["report"]["kind"]) == (1, "sent_back")
    ended = [
        (event["data"]["agent"], event["data"]["outcome"]) for event in live.events() if event["type"] == "run_ended"
    ]
    assert ended == [
        ("alpha", "completed"),
        ("beta", "sent_back"),
        ("alpha", "completed"),
        ("beta", "completed"),
        ("gamma", "completed"),
    ]


def test_the_agent_of_the_step_is_told_the_notes(live: Home) -> None:
    live.agent("alpha", AGENT + "cat > prompt.txt\n")
    live.agent("beta", SENDS_BACK_ONCE)
    live.make_task()
    wait_for(lambda: live.record()["status"] == "completed")
    assert "Name the sources" in (live.workspace() / "prompt.txt").read_text()
