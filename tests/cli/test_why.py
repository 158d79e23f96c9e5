"""Why something waits: a sentence and a command a task, the same in every script that says it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.homes import Home, tree

KEYS = ["task", "unit", "why", "text", "until", "place", "cure"]


def why(home: Home, *words: str) -> Any:
    """What ``why.py --json`` says."""
    return home.ok("why", *words, "--json").json


def test_a_task_is_told_in_one_sentence_with_one_command(home: Home) -> None:
    home.make_task()
    home.ok("task", "block", "t-1", "--reason", "waits for a photo")
    assert home.ok("why", "t-1").out == (
        "t-1: the task is blocked (person): waits for a photo\n    to change it: task.py unblock t-1\n"
    )


def test_programs_are_told_every_key(home: Home) -> None:
    home.make_task()
    home.ok("task", "block", "t-1", "--reason", "waits for a photo")
    found = why(home, "t-1")
    assert list(found) == KEYS
    assert found == {
        "task": "t-1",
        "unit": "s1",
        "why": "blocked",
        "text": "the task is blocked (person): waits for a photo",
        "until": None,
        "place": None,
        "cure": "task.py unblock t-1",
    }


def test_a_finished_task_waits_for_nothing(home: Home) -> None:
    home.make_task(agents=["alpha"])
    home.complete()
    assert home.ok("why", "t-1").out == "t-1: nothing: the task is completed\n"
    assert (why(home, "t-1")["why"], why(home, "t-1")["cure"]) == ("finished", None)


def test_open_branches_are_told_below_their_line(home: Home) -> None:
    home.ok("pipeline", "create", home.file("forked.json", FORKED))
    home.make_campaign("spring", pipeline="forked", target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.complete("spring-001")
    home.wake()
    found = why(home, "spring-001")
    assert (found["unit"], found["why"], found["cure"]) == ("s2", "branches", "task.py clear spring-001 'Hero image'")
    assert [(one["unit"], one["why"], one["place"]) for one in found["branches"]] == [("b1", "ready", 1)]
    assert home.ok("why", "spring-001").out.splitlines()[2].startswith("spring-001 (Hero image): ready: ")


FORKED = {
    "slug": "forked",
    "name": "Forked",
    "main_steps": [{"agent": "alpha"}, {"agent": "beta"}],
    "parallel_branches": [{"trigger_after_step": 0, "agent": "gamma", "label": "Hero image"}],
    "convergence_step": 1,
}


def test_all_that_waits_stands_most_urgent_first_and_together_where_it_waits_for_the_same(home: Home) -> None:
    for number in range(5):
        home.make_task(f"t-{number}")
    home.make_task("urgent", priority="urgent", not_before="2200-01-01T00:00:00Z")
    stop = home.state / "stop"
    assert home.ok("why").out.splitlines() == [
        "urgent: not before 2200-01-01 00:00",
        "    to change it: acquire_lock.py urgent --agent alpha",
        "t-0, t-1, t-2 and 2 more: state/stop exists",
        f"    to change it: rm {stop}",
    ]
    assert [one["place"] for one in why(home)] == [None, 1, 2, 3, 4, 5]


def test_where_nothing_waits_that_is_said_and_is_no_failure(home: Home) -> None:
    assert home.ok("why").out == "Nothing waits.\n"
    assert why(home) == []


def test_an_unknown_task_is_not_found(home: Home) -> None:
    done = home.call("why", "none", "--json")
    assert done.refusal == (1, "task_not_found")
    assert home.call("why", "none").err.startswith("why.py: cannot explain task 'none': there is no task 'none'")


def test_a_malformed_id_is_wrong_usage(home: Home) -> None:
    assert home.call("why", "../x", "--json").refusal == (2, "invalid_input")


def test_looking_writes_nothing(home: Home) -> None:
    home.make_task()
    home.make_task("t-2", depends_on=["t-1"])
    before = tree(home.root, passing=())
    home.ok("why")
    home.ok("why", "t-2")
    assert tree(home.root, passing=()) == before


@pytest.mark.parametrize("arrange", ["block", "paused", "held", "depends", "stopped", "ready"])
def test_every_script_tells_the_same_reason(home: Home, arrange: str) -> None:
    home.make_campaign("spring", target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    if arrange == "depends":
        home.ok("campaign", "pause", "spring")
        home.make_task("t-2", depends_on=["spring-001"])
    if arrange == "block":
        home.ok("task", "block", "spring-001", "--reason", "x")
    if arrange == "paused":
        home.ok("campaign", "pause", "spring")
    if arrange == "held":
        home.acquire("spring-001", "alpha")
    if arrange != "stopped":
        home.wake()
    id = "t-2" if arrange == "depends" else "spring-001"

    said = why(home, id)

    listed = {one["id"]: one for one in home.ok("task", "list", "--json").json}[id]
    assert (listed["why"], listed["waits"], listed["cure"]) == (said["why"], said["text"], said["cure"])
    assert said["cure"] in home.ok("task", "show", id).out
    assert said in why(home)
    report = home.ok("check_pipeline", "--dry-run").json["waits"]
    assert said in report["first"]
    assert report["counts"][said["why"]] == 1
    status = home.ok("status", "--json").json
    if arrange == "block":
        assert [one["cure"] for one in status["blocked"]] == [said["cure"]]
    elif arrange == "ready":
        assert [one["place"] for one in status["ready"]] == [said["place"]]
    else:
        waits = {one["task"]: one for one in status["waiting"]}[id]
        assert {key: waits[key] for key in ("why", "text", "until", "place", "cure")} == {
            key: said[key] for key in ("why", "text", "until", "place", "cure")
        }
    if arrange not in ("ready", "stopped"):
        refused = home.call("invoke_agent", "alpha", id, "--json")
        assert (refused.error["message"], refused.error["cure"]) == (said["text"], said["cure"])
