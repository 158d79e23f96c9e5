"""Why something waits: a sentence and a command a task, the same in every script that says it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from msgspec import structs
from tests.builders import cancel, grant
from tests.cli.homes import Home, tree
from tests.store.homes import do, open_home

from baton.adapters.clock import SystemClock
from baton.domain.readiness import Why
from baton.domain.times import stamp
from baton.engine.waiting_units import ORDER
from baton.store.slots import SlotFiles

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


# -- the same reason everywhere -----------------------------------------------------------------------------------


def arrange_blocked(home: Home) -> str:
    home.make_task()
    home.ok("task", "block", "t-1", "--reason", "x")
    return "t-1"


def arrange_lost(home: Home) -> str:
    home.make_task()
    holder = structs.replace(SystemClock().holder(), slot=0, instance="gone")
    do(open_home(home.root, SystemClock()), "t-1", lambda task: grant(task, holder=holder))
    return "t-1"


def arrange_ready(home: Home) -> str:
    home.make_task()
    return "t-1"


def arrange_no_slot(home: Home) -> str:
    home.settings("concurrency: {agents: 1}\nnotify: {channels: []}\n")
    home.make_task()
    slot = SlotFiles(str(home.state / "slots")).take(1)
    assert slot is not None
    slot.supervise("busy")
    return "t-1"


def arrange_stopped(home: Home) -> str:
    home.make_task()
    home.stop()
    return "t-1"


def arrange_backoff(home: Home) -> str:
    home.settings("harness: {default: script}\nretry: {backoff: 10m}\nnotify: {channels: []}\n")
    home.agent("alpha", "#!/bin/sh\nexit 3\n")
    home.make_task()
    home.wake()
    assert home.run("invoke_agent", "alpha", "t-1").code == 1
    return "t-1"


def arrange_not_before(home: Home) -> str:
    home.make_task(not_before="2200-01-01T00:00:00Z")
    return "t-1"


def arrange_held(home: Home) -> str:
    home.make_task()
    home.acquire("t-1", "alpha")
    return "t-1"


def arrange_parked(home: Home) -> str:
    home.make_task()
    (home.state / "parked").mkdir()
    parked = {"harness": "script", "kind": "rate_limit", "since": stamp(time.time()), "until": stamp(time.time() + 600)}
    (home.state / "parked/script.json").write_text(json.dumps(parked))
    return "t-1"


def arrange_campaign(home: Home) -> str:
    home.make_campaign("spring", target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.ok("campaign", "pause", "spring")
    return "spring-001"


def arrange_branches(home: Home) -> str:
    home.ok("pipeline", "create", home.file("forked.json", FORKED))
    home.make_campaign("spring", pipeline="forked", target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.complete("spring-001")
    return "spring-001"


def arrange_dependency(home: Home) -> str:
    home.make_task("first", not_before="2200-01-01T00:00:00Z")
    home.make_task(depends_on=["first"])
    return "t-1"


def arrange_turn(home: Home) -> str:
    home.ok("assignment", "create", "First", "--id", "first")
    home.ok("assignment", "create", "Second", "--id", "t-1", "--jobs", '[{"type": "alpha"}]')
    return "t-1"


ARRANGED = {
    Why.BLOCKED: arrange_blocked,
    Why.LOST: arrange_lost,
    Why.READY: arrange_ready,
    Why.NO_SLOT: arrange_no_slot,
    Why.STOPPED: arrange_stopped,
    Why.BACKOFF: arrange_backoff,
    Why.NOT_BEFORE: arrange_not_before,
    Why.HELD: arrange_held,
    Why.CAMPAIGN: arrange_campaign,
    Why.PARKED: arrange_parked,
    Why.BRANCHES: arrange_branches,
    Why.DEPENDENCY: arrange_dependency,
    Why.TURN: arrange_turn,
}


def test_every_reason_for_which_something_waits_is_among_those_arranged_here() -> None:
    # What is being ended runs still, what has no turn is no unit that waits, and what is finished waits for nothing.
    assert set(ORDER) - set(ARRANGED) == {Why.ENDING, Why.NOT_ITS_TURN, Why.FINISHED}


@pytest.mark.parametrize("reason", ARRANGED, ids=str)
def test_every_script_tells_the_same_reason(home: Home, reason: Why) -> None:
    id = ARRANGED[reason](home)
    if reason is not Why.STOPPED:
        home.wake()

    said = why(home, id)
    said.pop("branches", None)

    assert said["why"] == reason
    listed = {one["id"]: one for one in home.ok("task", "list", "--json").json}[id]
    assert (listed["why"], listed["waits"], listed["cure"]) == (said["why"], said["text"], said["cure"])
    assert said["cure"] in home.ok("task", "show", id).out
    assert said in why(home)
    report = home.ok("check_pipeline", "--dry-run").json["waits"]
    assert said in report["first"]
    assert report["counts"][said["why"]] >= 1
    assert told_by_status(home, id, said) == said
    if reason not in (Why.READY, Why.STOPPED, Why.NO_SLOT):
        refused = home.call("invoke_agent", "beta" if reason is Why.BRANCHES else "alpha", id, "--json")
        assert (refused.error["message"], refused.error["cure"]) == (said["text"], said["cure"])


def told_by_status(home: Home, id: str, said: dict[str, Any]) -> dict[str, Any]:
    """What ``status.py`` says of a task, in the keys of ``why.py``; what stands in a section's own words is taken as said."""
    status = home.ok("status", "--json").json
    found = {one["task"]: one for name in ("blocked", "ready", "waiting") for one in status[name]}[id]
    if said["why"] == Why.BLOCKED:
        assert said["text"] == f"the task is blocked ({found['kind']}): {found['reason']}"
        return said | {"cure": found["cure"]}
    if said["why"] == Why.READY:
        return said | {"place": found["place"]}
    return said | {key: found[key] for key in ("why", "text", "until", "place", "cure")}


def test_what_is_being_ended_is_told_so_and_does_not_wait(home: Home) -> None:
    home.make_task()
    slot = SlotFiles(str(home.state / "slots")).take(1)
    assert slot is not None
    slot.supervise("i1")
    holder = structs.replace(SystemClock().holder(), slot=0, instance="i1")
    do(open_home(home.root, SystemClock()), "t-1", lambda task: grant(task, holder=holder), cancel())
    said = why(home, "t-1")
    assert (said["why"], said["text"]) == ("ending", "cancel was asked for; its run is being ended")
    assert home.ok("task", "list", "--json").json[0]["waits"] == said["text"]
    assert why(home) == []


def test_a_finished_task_has_its_reason_in_the_list_too(home: Home) -> None:
    home.make_task(agents=["alpha"])
    home.complete()
    said = why(home, "t-1")
    (listed,) = home.ok("task", "list", "--all", "--json").json
    assert (listed["why"], listed["waits"], listed["cure"]) == (said["why"], said["text"], said["cure"])
