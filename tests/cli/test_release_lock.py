"""``release_lock.py``: a lease is given back by its holder, or taken away by a person."""

from __future__ import annotations

import json

import pytest
from tests.cli.homes import Home, wait_for

LINGERS = "#!/bin/sh\ntouch here\nwhile [ ! -e go ]; do sleep 0.02; done\n"
GIVES_BACK = "#!/bin/sh\nrelease_lock.py --notes 'the brief is missing' > answer.json\n"


def test_the_holder_gives_it_back(home: Home) -> None:
    home.make_task()
    home.acquire()
    done = home.call("release_lock", "t-1", "--agent", "alpha")
    assert (done.code, done.json, done.err) == (0, {"released": True}, "")
    record = home.record()
    assert (record["locked_by"], record["leases"]) == (None, [])


def test_a_step_that_was_given_back_is_ready_again(home: Home) -> None:
    home.make_task()
    home.acquire()
    assert home.ok("task", "ready", "--json").json == []
    home.ok("release_lock", "t-1", "--agent", "alpha")
    assert [task["id"] for task in home.ok("task", "ready", "--json").json] == ["t-1"]


@pytest.mark.parametrize("holder", [None, "alpha"], ids=["nobody holds it", "alpha holds it"])
def test_whoever_does_not_hold_it_is_refused_with_the_reason(home: Home, holder: str | None) -> None:
    home.make_task()
    if holder:
        home.acquire(agent=holder)
    before = home.record()
    done = home.call("release_lock", "t-1", "--agent", "beta")
    assert done.refusal == (1, "lease_mismatch")
    assert done.json["released"] is False
    assert done.json["reason"] == done.error["message"] != ""
    assert home.record() == before


def test_the_second_time_is_refused(home: Home) -> None:
    home.make_task()
    home.acquire()
    home.ok("release_lock", "t-1", "--agent", "alpha")
    assert home.call("release_lock", "t-1", "--agent", "alpha").refusal == (1, "lease_mismatch")


def test_task_and_agent_come_from_the_environment_where_they_are_left_out(home: Home) -> None:
    home.make_task()
    home.acquire()
    assert home.ok("release_lock", BATON_TASK="t-1", BATON_AGENT="alpha").json == {"released": True}


def test_a_lease_of_another_task_is_not_used(home: Home) -> None:
    home.make_task("t-1")
    home.make_task("t-2")
    home.acquire("t-2")
    answer = home.ok("release_lock", "t-2", "--agent", "alpha", BATON_TASK="t-1", BATON_LEASE="77").json
    assert answer == {"released": True}


def test_a_run_that_was_replaced_is_refused(home: Home) -> None:
    home.make_task()
    home.acquire()
    done = home.call("release_lock", BATON_TASK="t-1", BATON_AGENT="alpha", BATON_LEASE="77")
    assert (done.refusal, done.json["released"]) == ((1, "lease_mismatch"), False)
    assert home.record()["locked_by"] == "alpha"


def test_a_task_that_does_not_exist_is_not_found(home: Home) -> None:
    done = home.call("release_lock", "nope", "--agent", "alpha")
    assert (done.refusal, done.json["released"]) == ((1, "task_not_found"), False)


def test_a_person_takes_a_hand_lease_away(home: Home) -> None:
    home.make_task()
    home.acquire()
    assert home.ok("release_lock", "t-1", "--force").json == {"released": True}
    assert home.record()["locked_by"] is None


def test_a_person_cannot_take_away_what_nobody_holds(home: Home) -> None:
    home.make_task()
    done = home.call("release_lock", "t-1", "--force")
    assert (done.refusal, done.json["released"]) == ((1, "lease_mismatch"), False)


def test_a_person_who_takes_it_from_a_run_ends_that_run(live: Home) -> None:
    live.agent("alpha", LINGERS)
    live.make_task()
    wait_for((live.workspace() / "here").exists)
    live.stop()

    assert live.ok("release_lock", "t-1", "--force").json == {"released": True}

    ended = live.await_event("run_ended")
    step = live.record()["pipeline"][0]
    assert (ended["data"]["outcome"], step["status"], step["attempts"]) == ("revoked", "in_progress", 0)


def test_a_run_that_gives_its_task_back_has_used_an_attempt(live: Home) -> None:
    live.settings("harness: {default: script}\nretry: {backoff: 10m}\n")
    live.agent("alpha", GIVES_BACK)
    live.make_task()

    wait_for(lambda: live.record()["pipeline"][0]["failures"])

    step = live.record()["pipeline"][0]
    assert json.loads((live.workspace() / "answer.json").read_text()) == {"released": True}
    assert (step["status"], step["attempts"]) == ("in_progress", 1)
    assert (step["failures"][0]["outcome"], step["failures"][0]["message"]) == ("released", "the brief is missing")
