"""``acquire_lock.py``: who gets the lease of the current step by hand, who does not, and what the answer says."""

from __future__ import annotations

import json

import pytest
from tests.cli.homes import Home, tree, wait_for

# An agent that stays until it is told to go, and asks for its own lease meanwhile.
LINGERS = """\
#!/bin/sh
acquire_lock.py > renewed.json
touch here
while [ ! -e go ]; do sleep 0.02; done
"""


def test_a_free_step_is_taken_with_a_token(home: Home) -> None:
    home.make_task()
    done = home.call("acquire_lock", "t-1", "--agent", "alpha")
    assert (done.code, done.json, done.err) == (0, {"acquired": True, "token": 1}, "")


def test_the_record_says_who_holds_it(home: Home) -> None:
    home.make_task()
    home.acquire()
    record = home.record()
    lease = record["lease"]
    assert (record["locked_by"], record["locked_at"]) == ("alpha", lease["granted_at"])
    assert (lease["kind"], lease["agent"], lease["unit"], lease["token"]) == ("hand", "alpha", "s1", 1)
    assert record["leases"] == [lease]
    assert record["pipeline"][0]["status"] == "in_progress"


def test_a_hand_lease_is_no_attempt(home: Home) -> None:
    home.make_task()
    home.acquire()
    assert home.record()["pipeline"][0]["attempts"] == 0


def test_the_holder_again_keeps_its_token(home: Home) -> None:
    home.make_task()
    assert (home.acquire(), home.acquire()) == (1, 1)
    assert home.told()[-2:] == ["lease_granted", "lease_renewed"]


def test_somebody_else_is_told_who_holds_it(home: Home) -> None:
    home.make_task()
    home.acquire()
    before = home.record()
    done = home.call("acquire_lock", "t-1", "--agent", "beta")
    assert done.refusal == (1, "lease_held")
    assert (done.json["acquired"], done.json["locked_by"]) == (False, "alpha")
    assert home.record() == before


def test_a_refusal_leaves_a_line_in_the_log(home: Home) -> None:
    home.make_task()
    home.acquire()
    home.call("acquire_lock", "t-1", "--agent", "beta")
    assert home.told()[-1] == "command_refused"


def test_every_further_grant_has_a_higher_token(home: Home) -> None:
    home.make_task()
    tokens = []
    for agent in ("alpha", "beta"):
        tokens.append(home.acquire(agent=agent))
        home.ok("release_lock", "t-1", "--agent", agent)
    assert [*tokens, home.acquire()] == [1, 2, 3]


def test_a_lease_that_nobody_renewed_for_long_is_taken_over(home: Home) -> None:
    home.make_task()
    home.settings("lease: {steal_after: 1ms}\n")
    home.acquire()
    assert wait_for(lambda: home.call("acquire_lock", "t-1", "--agent", "beta").code == 0)
    assert (home.record()["locked_by"], home.record()["token"]) == ("beta", 2)
    with_reason = next(event for event in home.events() if event["type"] == "lease_expired")
    assert with_reason["data"]["taken_by"] == "beta"


def test_any_valid_agent_name_will_do(home: Home) -> None:
    home.make_task()
    assert home.acquire(agent="some-body-3") == 1


def test_task_and_agent_come_from_the_environment_where_they_are_left_out(home: Home) -> None:
    home.make_task()
    assert home.ok("acquire_lock", BATON_TASK="t-1", BATON_AGENT="alpha").json["token"] == 1


def test_what_is_said_counts_before_the_environment(home: Home) -> None:
    home.make_task()
    home.ok("acquire_lock", "t-1", "--agent", "alpha", BATON_TASK="t-9", BATON_AGENT="beta")
    assert home.record()["locked_by"] == "alpha"


@pytest.mark.parametrize("given", [{"BATON_AGENT": "alpha"}, {"BATON_TASK": "t-1"}, {}])
def test_nothing_is_guessed_where_nobody_says_it(home: Home, given: dict[str, str]) -> None:
    home.make_task()
    before = tree(home.root)
    assert home.call("acquire_lock", **given).refusal == (2, "invalid_input")
    assert tree(home.root) == before


def test_a_lease_of_another_task_is_not_used(home: Home) -> None:
    home.make_task("t-1")
    home.make_task("t-2")
    answer = home.ok("acquire_lock", "t-2", "--agent", "alpha", BATON_TASK="t-1", BATON_LEASE="77").json
    assert answer == {"acquired": True, "token": 1}


def test_a_run_that_was_replaced_is_refused(home: Home) -> None:
    home.make_task()
    done = home.call("acquire_lock", "t-1", "--agent", "alpha", BATON_TASK="t-1", BATON_LEASE="77")
    assert done.refusal == (1, "lease_mismatch")
    assert done.json["acquired"] is False


@pytest.mark.parametrize("lease", ["seven", "-1", "1.5", "9" * 5000])
def test_a_lease_that_is_no_number_is_wrong_usage(home: Home, lease: str) -> None:
    home.make_task()
    done = home.call("acquire_lock", "t-1", "--agent", "alpha", BATON_TASK="t-1", BATON_LEASE=lease)
    assert done.refusal == (2, "invalid_input")


def test_a_task_that_does_not_exist_is_not_found(home: Home) -> None:
    done = home.call("acquire_lock", "nope", "--agent", "alpha")
    assert done.refusal == (1, "task_not_found")
    assert (done.json["acquired"], done.json["locked_by"]) == (False, None)
    assert done.error["message"] == "there is no task 'nope'"


# -- when it is allowed -----------------------------------------------------------------------------------------------


def test_it_is_allowed_while_the_home_is_stopped(home: Home) -> None:
    home.make_task()
    assert (home.state / "stop").exists()
    assert home.acquire() == 1


def test_it_is_allowed_while_the_campaign_is_paused(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    home.ok("campaign", "pause", "spring")
    assert home.acquire("spring-001") == 1


def test_it_is_allowed_before_the_task_may_start(home: Home) -> None:
    home.make_task(not_before="2200-01-01T00:00:00Z")
    assert home.acquire() == 1


def test_it_is_allowed_while_the_step_backs_off(live: Home) -> None:
    live.settings("harness: {default: script}\nretry: {backoff: 10m}\n")
    live.agent("alpha", "#!/bin/sh\nexit 3\n")
    live.stop()
    live.make_task()
    live.wake()
    assert live.run("invoke_agent", "alpha", "t-1").code == 1
    assert live.record()["pipeline"][0]["not_before"] is not None
    assert live.acquire() == 2


def test_it_is_not_allowed_on_a_blocked_task(home: Home) -> None:
    home.make_task()
    home.ok("task", "block", "t-1", "--reason", "waits for a photo")
    done = home.call("acquire_lock", "t-1", "--agent", "alpha")
    assert done.refusal == (1, "illegal_transition")
    assert "waits for a photo" in done.error["message"]


@pytest.mark.parametrize("end", ["completed", "cancelled", "deleted"])
def test_it_is_not_allowed_on_a_finished_task(home: Home, end: str) -> None:
    home.make_task(agents=["alpha"])
    if end == "completed":
        home.complete()
    else:
        home.ok("task", {"cancelled": "cancel", "deleted": "delete"}[end], "t-1")
    assert home.record()["status"] == end
    assert home.call("acquire_lock", "t-1", "--agent", "alpha").refusal == (1, "illegal_transition")


def test_it_is_not_allowed_while_a_dependency_is_unmet(home: Home) -> None:
    home.make_task("t-1", agents=["alpha"])
    home.make_task("t-2", depends_on=["t-1"])
    done = home.call("acquire_lock", "t-2", "--agent", "alpha")
    assert done.refusal == (1, "illegal_transition")
    assert "t-1" in done.error["message"]
    home.complete("t-1")
    assert home.acquire("t-2") == 1


# -- and a run --------------------------------------------------------------------------------------------------------


def test_a_live_run_is_never_robbed_and_renews_its_own_lease(live: Home) -> None:
    live.settings("harness: {default: script}\nlease: {steal_after: 1ms, stale_after: 1h}\n")
    live.agent("alpha", LINGERS)
    live.make_task(agents=["alpha"])
    workspace = live.workspace()
    wait_for((workspace / "here").exists)

    others = live.call("acquire_lock", "t-1", "--agent", "beta")
    namesake = live.call("acquire_lock", "t-1", "--agent", "alpha")

    (workspace / "go").touch()
    assert (others.refusal, others.json["locked_by"]) == ((1, "lease_held"), "alpha")
    assert (namesake.refusal, namesake.json["locked_by"]) == ((1, "lease_held"), "alpha")
    assert json.loads((workspace / "renewed.json").read_text()) == {"acquired": True, "token": 1}
    wait_for(lambda: live.record()["status"] == "completed")
