"""``agent.py``: how agents stand, what they have done, when they were last heard of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cli.homes import Home, wait_for


def shown(home: Home, agent: str = "alpha") -> dict[str, Any]:
    found: dict[str, Any] = home.ok("agent", "show", agent, "--json").json
    return found


def listed(home: Home) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in home.ok("agent", "list", "--json").json["agents"]}


EMPTY = {
    "runs": 0,
    "heartbeats": 0,
    "succeeded": 0,
    "failed": 0,
    "success_rate": None,
    "steps_completed": 0,
    "tasks_completed": 0,
    "average_quality": None,
    "total_seconds": 0.0,
    "average_seconds": None,
    "usage": {},
}


def test_an_agent_that_was_never_heard_of_is_offline(home: Home) -> None:
    found = shown(home)
    assert (found["status"], found["status_reason"]) == ("offline", "it was never heard of")
    assert (found["last_heartbeat"], found["stats"], found["last_run"]) == (None, EMPTY, None)


def test_an_agent_that_works_by_hand_is_active_and_then_idle(home: Home) -> None:
    home.make_task()
    home.acquire()
    assert (shown(home)["status"], shown(home)["status_reason"]) == ("active", "works on task t-1")
    home.ok("complete_step", "t-1", "--agent", "alpha", "--quality-score", "80")
    found = shown(home)
    assert (found["status"], found["stats"]["steps_completed"], found["stats"]["tasks_completed"]) == ("idle", 1, 1)
    assert found["stats"]["average_quality"] == 80


def test_the_quality_of_a_task_is_the_score_it_was_given_last_whoever_gave_it(home: Home) -> None:
    home.make_task("t-1")
    home.make_task("t-2")
    for task, first, last in (("t-1", "50", "90"), ("t-2", "10", "70")):
        home.complete(task, "alpha")
        home.complete(task, "beta", "--quality-score", first)
        home.complete(task, "gamma", "--quality-score", last)
    assert [shown(home, name)["stats"]["average_quality"] for name in ("alpha", "beta", "gamma")] == [80, 80, 80]
    assert listed(home)["alpha"]["stats"]["tasks_completed"] == 2


def test_an_agent_whose_task_is_blocked_is_blocked(home: Home) -> None:
    home.agent("alpha", "#!/bin/sh\nexit 1\n", max_attempts="1")
    home.make_task()
    home.wake()
    home.call("invoke_agent", "alpha", "t-1")
    found = shown(home)
    assert found["status"] == "blocked"
    assert found["status_reason"].startswith("task t-1, in which it is its turn, is blocked: alpha failed")
    assert (found["stats"]["runs"], found["stats"]["failed"], found["stats"]["success_rate"]) == (1, 1, 0.0)


def test_an_agent_is_blocked_while_its_harness_is_parked(home: Home) -> None:
    home.settings("harness: {default: claude}\nnotify: {channels: []}\n")
    folder = home.state / "parked"
    folder.mkdir(exist_ok=True)
    parked = {"harness": "claude", "kind": "auth", "since": "2026-11-21T08:30:00.000Z", "is_told": True}
    (folder / "claude.json").write_text(json.dumps(parked))
    assert (listed(home)["humanizer"]["status"], listed(home)["alpha"]["status"]) == ("blocked", "offline")


def test_runs_are_counted_with_their_time_and_success(live: Home) -> None:
    live.make_task()
    live.await_event("task_completed")
    live.settle()
    found = shown(live)["stats"]
    assert (found["runs"], found["succeeded"], found["success_rate"], found["heartbeats"]) == (1, 1, 1.0, 0)
    assert 0 < found["average_seconds"] == found["total_seconds"] < 30


def test_a_heartbeat_is_counted_among_the_runs_and_told(live: Home) -> None:
    live.ok("invoke_agent", "beta", "--heartbeat", "--json")
    found = shown(live, "beta")
    assert (found["stats"]["runs"], found["stats"]["heartbeats"], found["status"]) == (1, 1, "idle")
    assert (found["last_run"]["cause"], found["last_run"]["outcome"]) == ("hand", "completed")
    assert found["last_heartbeat"] == found["last_run"]["ended_at"]
    assert "1 (1 did their work, 0 failed), 1 of them heartbeats" in live.ok("agent", "show", "beta").out


def test_people_see_levels_standing_and_figures(home: Home) -> None:
    home.agent("alpha", "#!/bin/sh\n", level="lead")
    home.make_task()
    home.complete("t-1", "alpha")
    row = next(line.split() for line in home.ok("agent", "list").out.splitlines() if line.startswith("alpha "))
    assert row == ["alpha", "own", "lead", "idle", "script", "1", "-", "For", "a", "test."]


def test_an_unknown_level_or_schedule_is_told_with_the_agent(home: Home) -> None:
    home.agent("alpha", "#!/bin/sh\n", level="boss")
    home.agent("beta", "#!/bin/sh\n", heartbeat="sometimes")
    broken = {one["name"]: one["problem"] for one in home.ok("agent", "list", "--json").json["broken"]}
    assert broken["alpha"].endswith("metadata.level: 'boss' is not a level")
    assert broken["beta"].endswith("metadata.heartbeat: 'sometimes' is not a duration")


def test_whether_an_agent_is_run_by_itself_is_told_with_its_schedule(home: Home) -> None:
    home.settings("heartbeats: {agents: {orchestrator: , alpha: '0 6 * * *'}}\n")
    found = listed(home)
    told = {
        name: (found[name]["heartbeat"], found[name]["is_run_by_itself"]) for name in ("orchestrator", "alpha", "beta")
    }
    assert told == {"orchestrator": ("30m", True), "alpha": ("0 6 * * *", True), "beta": (None, False)}


# -- agent.py heartbeat -------------------------------------------------------------------------------------------


def test_an_agent_says_that_it_is_there(home: Home) -> None:
    first = home.ok("agent", "heartbeat", "alpha", "--note", "half way", "--json").json
    assert (first["agent"], first["status"], first["before"]) == ("alpha", "idle", None)
    found = shown(home)
    assert (found["status"], found["last_heartbeat"], found["note"]) == ("idle", first["last_heartbeat"], "half way")
    second = home.ok("agent", "heartbeat", "alpha", "--json").json
    assert second["before"] == first["last_heartbeat"] < second["last_heartbeat"]
    heard = [event for event in home.events() if event["type"] == "agent_heard"]
    assert [(event["task"], event["data"]["agent"]) for event in heard] == [(None, "alpha")] * 2


def test_inside_a_run_the_agent_is_the_one_that_runs(home: Home) -> None:
    done = home.ok("agent", "heartbeat", "--json", BATON_AGENT="beta", BATON_RUN="r-1")
    assert done.json["agent"] == "beta"


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ((), (2, "invalid_input")),
        (("nobody",), (1, "agent_not_found")),
        (("../alpha",), (2, "invalid_input")),
        (("alpha", "--note", "  "), (2, "invalid_input")),
        (("alpha", "--note", "x" * 501), (2, "invalid_input")),
    ],
)
def test_a_heartbeat_of_nobody_and_one_that_says_too_much_leave_nothing(
    home: Home, words: tuple[str, ...], refusal: tuple[int, str]
) -> None:
    assert home.call("agent", "heartbeat", "--json", *words).refusal == refusal
    assert (list((home.state / "agents").glob("*")), home.events()) == ([], [])


# -- invoke_agent.py --heartbeat ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("--heartbeat",), (2, "invalid_input")),
        (("nobody", "--heartbeat"), (1, "agent_not_found")),
        (("alpha", "--heartbeat", "--project", "../x"), (2, "invalid_input")),
        (("alpha", "--heartbeat", "--project", "nothing"), (1, "invalid_input")),
        (("alpha", "t-1", "--project", "acme"), (2, "invalid_input")),
        (("alpha", "--heartbeat", "--cause", "boredom"), (2, "invalid_input")),
    ],
)
def test_a_heartbeat_that_cannot_be_leaves_nothing(
    live: Home, words: tuple[str, ...], refusal: tuple[int, str]
) -> None:
    assert live.call("invoke_agent", "--json", *words).refusal == refusal
    assert (list((live.state / "agents").glob("*")), live.events()) == ([], [])


def test_it_may_be_about_one_project(live: Home) -> None:
    live.agent("alpha", '#!/bin/sh\necho "$BATON_PROJECT in $PWD"\n')
    live.make_campaign()
    done = live.ok("invoke_agent", "alpha", "--heartbeat", "--project", "acme", "--json")
    assert done.json["summary"] == f"acme in {live.root}/projects/acme/agents/alpha"


# -- where else it is seen ----------------------------------------------------------------------------------------


def test_a_heartbeat_that_goes_on_is_among_what_runs(live: Home) -> None:
    live.agent("alpha", '#!/bin/sh\necho look\nuntil [ -e "$BATON_HOME/go" ]; do sleep 0.02; done\n')
    beat = live.start("invoke_agent", "alpha", "--heartbeat")
    wait_for(lambda: live.ok("status", "--json").json["running"])
    wait_for(lambda: live.ok("status", "--json").json["running"][0]["last_line"])
    (one,) = live.ok("status", "--json").json["running"]
    assert (one["task"], one["agent"], one["unit"], one["last_line"]) == (None, "alpha", "heartbeat", "look")
    assert ["-", "alpha", "heartbeat"] in [line.split()[:3] for line in live.ok("status").out.splitlines()]
    assert shown(live)["status"] == "active"
    (live.root / "go").touch()
    assert beat.wait(30) == 0


def test_a_heartbeat_is_in_what_was_spent(live: Home) -> None:
    live.ok("invoke_agent", "alpha", "--heartbeat")
    rows = live.ok("cost", "--by", "agent", "--json").json["rows"]
    assert [(row["name"], row["runs"]) for row in rows] == [("alpha", 1)]
    assert [row["name"] for row in live.ok("cost", "--by", "campaign", "--json").json["rows"]] == [None]


def test_a_crashed_heartbeat_is_among_the_last_failures(live: Home) -> None:
    live.agent("alpha", "#!/bin/sh\necho no luck >&2\nexit 4\n")
    assert live.call("invoke_agent", "alpha", "--heartbeat").code == 1
    (failure,) = live.ok("status", "--json").json["failures"]
    assert (failure["task"], failure["text"]) == (None, "alpha failed with exit code 4: no luck")


def test_the_sweep_counts_projects_that_starve(home: Home) -> None:
    home.settings("sweep: {min_backlog: 3}\nnotify: {channels: []}\n")
    home.make_campaign()
    home.ok("activate_campaign", "spring", "--no-dispatch")
    report = home.ok("check_pipeline").json
    assert report["starving"] == 1
    home.settings("sweep: {min_backlog: 2}\nnotify: {channels: []}\n")
    assert home.ok("check_pipeline").json["starving"] == 0


def test_doctor_names_an_agent_that_is_to_be_run_by_itself_and_does_not_exist(home: Home) -> None:
    home.settings(
        "heartbeats: {agents: {nobody: 1h}, min_backlog: {acme: 1}, refill: no-one}\nnotify: {channels: []}\n"
    )
    done = home.call("doctor")
    for agent in ("nobody", "no-one"):
        assert f"heartbeats in config/baton.yaml: there is no agent '{agent}'" in done.out


def test_a_project_that_has_no_campaign_has_its_agent_asked_and_not_again_each_minute(live: Home) -> None:
    live.settings(
        "harness: {default: script}\nnotify: {channels: []}\nlease: {heartbeat: 100ms}\n"
        "heartbeats: {min_backlog: {acme: 1}, refill: alpha}\n"
    )
    for _ in range(2):
        assert live.ok("check_pipeline").json["starving"] == 1
        wait_for(lambda: [event for event in live.events() if event["type"] == "run_ended"])
        wait_for(lambda: not live.slots())
    assert [event["type"] for event in live.events()] == ["run_started", "run_ended"]


def test_a_project_that_was_put_away_does_not_starve(home: Home) -> None:
    home.settings("heartbeats: {min_backlog: {acme: 1}}\nnotify: {channels: []}\n")
    home.ok("project", "create", home.file("acme.json", {"slug": "acme", "name": "Acme"}))
    assert home.ok("check_pipeline", "--dry-run").json["starving"] == 1
    home.ok("project", "archive", "acme")
    assert home.ok("check_pipeline", "--dry-run").json["starving"] == 0
