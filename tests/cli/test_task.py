"""``task.py``: tasks made from files, looked at, and what people may ask of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import LINE, SCRIPTS, Home, run, tree, wait_for

LINGERS = "#!/bin/sh\ntouch here\nwhile [ ! -e go ]; do sleep 0.02; done\n"
FAILS = "#!/bin/sh\necho 'no paper left' >&2\nexit 3\n"
KEYS = [
    "schema",
    "id",
    "project",
    "campaign",
    "title",
    "description",
    "status",
    "priority",
    "pipeline",
    "pipeline_step",
    "locked_by",
    "locked_at",
    "lease",
    "leases",
    "token",
    "revision_count",
    "rejection_notes",
    "quality_score",
    "readability_score",
    "pending_branches",
    "branches",
    "depends_on",
    "unmet",
    "not_before",
    "blocked",
    "repo",
    "labels",
    "created_by",
    "created_at",
    "updated_at",
    "version",
    "history",
]
STEP_KEYS = [
    "step",
    "key",
    "agent",
    "model",
    "harness",
    "description",
    "output_dir",
    "status",
    "attempts",
    "started_at",
    "completed_at",
]


def ready(home: Home, *words: str) -> list[str]:
    return [task["id"] for task in home.ok("task", "ready", *words, "--json").json]


def exhausted(home: Home) -> None:
    """A task that is blocked because its only attempt failed."""
    home.settings("harness: {default: script}\nretry: {max_attempts: 1, backoff: 10m}\n")
    home.agent("alpha", FAILS)
    home.make_task()
    wait_for(lambda: home.record()["status"] == "blocked")
    home.stop()


# -- create -----------------------------------------------------------------------------------------------------------


def test_the_record_has_every_key_that_other_programs_read(home: Home) -> None:
    record = home.make_task()
    assert [key for key in KEYS if key not in record] == []
    assert [key for key in STEP_KEYS if key not in record["pipeline"][0]] == []
    assert record == home.record() == home.ok("task", "show", "t-1", "--json").json


def test_people_are_told_the_id(home: Home) -> None:
    done = home.call("task", "create", home.file("x.json", {"title": "Fix it", "pipeline": [{"agent": "alpha"}]}))
    assert (done.code, done.out, done.err) == (0, "Created task 'fix-it': Fix it\n", "")


def test_without_an_id_the_title_gives_one_that_is_free(home: Home) -> None:
    written = {"title": "Żurek: a Soup! (2026)", "pipeline": [{"agent": "alpha"}]}
    ids = [home.ok("task", "create", home.file("x.json", written), "--json").json["id"] for _ in range(2)]
    assert ids == ["urek-a-soup-2026", "urek-a-soup-2026-2"]


def test_a_new_task_stands_at_its_first_step(home: Home) -> None:
    record = home.make_task()
    assert (record["status"], record["pipeline_step"], record["token"], record["version"]) == ("backlog", 0, 0, 1)
    assert [step["status"] for step in record["pipeline"]] == ["pending", "pending", "pending"]


def test_a_step_without_an_agent_at_the_beginning_is_passed_over(home: Home) -> None:
    record = home.make_task(pipeline=[{"agent": None, "label": "Created"}, {"agent": "alpha"}])
    assert (record["pipeline_step"], record["pipeline"][0]["status"]) == (1, "completed")


def test_a_template_may_be_named(home: Home) -> None:
    record = home.make_task(pipeline="content-draft")
    agents = [step["agent"] for step in record["pipeline"]]
    assert agents == ["keyword-researcher", "content-writer", "content-reviewer", "humanizer"]


def test_every_field_that_a_person_may_set_is_kept(home: Home) -> None:
    fields = {
        "description": "Words",
        "labels": ["seo"],
        "assignees": ["ana"],
        "subscribers": ["ben"],
        "keywords": ["rye"],
        "brief": "Short",
        "content_type": "article",
        "content_slug": "rye-bread",
        "focus_groups": ["bakers"],
        "created_by": "ana",
        "project": "acme",
    }
    record = home.make_task(**fields)
    assert {key: record[key] for key in fields} == fields


def test_yaml_is_taken(home: Home) -> None:
    text = "title: Fix the header\nid: fix-header\npriority: high\npipeline:\n  - {agent: alpha, output_dir: drafts}\n"
    home.ok("task", "create", home.file("x.yaml", text))
    assert home.record("fix-header")["priority"] == "high"


@pytest.mark.parametrize(
    ("written", "kept"),
    [("urgent", "urgent"), ("low", "low"), (0, "urgent"), (5, "high"), (10, "medium"), (15, "low"), (7, 7), (999, 999)],
)
def test_a_priority_is_a_word_or_a_number(home: Home, written: str | int, kept: str | int) -> None:
    assert home.make_task(priority=written)["priority"] == kept


def test_an_id_is_taken_once(home: Home) -> None:
    home.make_task()
    before = tree(home.root)
    done = home.call(
        "task", "create", home.file("x.json", {"id": "t-1", "title": "x", "pipeline": [{"agent": "a"}]}), "--json"
    )
    assert done.refusal == (1, "already_exists")
    assert tree(home.root) == before


def test_an_instant_is_kept_in_our_form(home: Home) -> None:
    assert home.make_task(not_before="2200-01-01T01:00:00+01:00")["not_before"] == "2200-01-01T00:00:00.000Z"


def test_a_task_of_a_campaign_belongs_to_its_project_and_plan(home: Home) -> None:
    home.make_campaign()
    assert home.make_task(campaign="spring")["project"] == "acme"
    assert home.campaign()["added"] == ["t-1"]


def test_a_task_of_a_campaign_in_another_project_is_refused(home: Home) -> None:
    home.make_campaign()
    before = tree(home.root)
    written = {"title": "x", "campaign": "spring", "project": "other", "pipeline": [{"agent": "alpha"}]}
    done = home.call("task", "create", home.file("x.json", written), "--json")
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"] == "project: campaign 'spring' belongs to 'acme', not to 'other'"
    assert tree(home.root) == before


def test_what_is_ready_is_started_at_once(live: Home) -> None:
    live.make_task()
    wait_for(lambda: live.record()["status"] == "completed")


# -- order and dependencies -------------------------------------------------------------------------------------------


def test_what_is_ready_is_listed_most_urgent_first(home: Home) -> None:
    for id, priority in (("a", "low"), ("b", 7), ("c", "urgent"), ("d", "medium"), ("e", "high")):
        home.make_task(id, priority=priority)
    assert ready(home) == ["c", "e", "b", "d", "a"]


def test_what_is_most_urgent_is_started_first(live: Home) -> None:
    live.settings("harness: {default: script}\nconcurrency: {agents: 1}\n")
    live.stop()
    for id, priority in (("a", "low"), ("b", 7), ("c", "urgent"), ("d", "medium"), ("e", "high")):
        live.make_task(id, agents=["alpha"], priority=priority)
    live.wake()
    live.ok("check_pipeline")
    wait_for(lambda: live.record("a")["status"] == "completed")
    granted = [event["task"] for event in live.events() if event["type"] == "lease_granted"]
    assert granted == ["c", "e", "b", "d", "a"]


def test_ready_tells_step_and_agent(home: Home) -> None:
    home.make_task(project="acme")
    home.complete()
    (entry,) = home.ok("task", "ready", "--json").json
    assert {key: entry[key] for key in ("id", "project", "campaign", "status", "priority", "step", "agent")} == {
        "id": "t-1",
        "project": "acme",
        "campaign": None,
        "status": "researched",
        "priority": "medium",
        "step": 1,
        "agent": "beta",
    }


def test_ready_may_be_of_one_project(home: Home) -> None:
    home.make_task("a", project="acme")
    home.make_task("b", project="other")
    home.make_task("c")
    assert (ready(home), ready(home, "--project", "acme")) == (["a", "b", "c"], ["a"])


def test_what_waits_is_not_ready(home: Home) -> None:
    home.make_task("held")
    home.acquire("held")
    home.make_task("blocked")
    home.ok("task", "block", "blocked", "--reason", "x")
    home.make_task("later", not_before="2200-01-01T00:00:00Z")
    home.make_task("dependent", depends_on=["held"])
    home.make_task("cancelled")
    home.ok("task", "cancel", "cancelled")
    home.make_task("ready")
    assert ready(home) == ["ready"]
    waits = {task["id"]: task["waits"] for task in home.ok("task", "list", "--json").json}
    assert waits == {
        "held": waits["held"],
        "blocked": "the task is blocked (person): x",
        "later": "not before 2200-01-01T00:00:00.000Z",
        "dependent": f"waits for held: {waits['held']}",
        "ready": "state/stop exists; place 1 in line",
    }
    assert waits["held"].startswith("held by alpha by hand since ")


def test_an_instant_that_has_passed_keeps_nothing_back(home: Home) -> None:
    home.make_task(not_before="2020-01-01T00:00:00Z")
    assert ready(home) == ["t-1"]


def test_a_task_starts_when_its_time_has_come_and_not_before(live: Home) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    not_before = live.make_task(agents=["alpha"], not_before=soon)["not_before"]
    wait_for(lambda: live.ok("check_pipeline") and live.record()["status"] == "completed")
    assert live.await_event("lease_granted")["at"] >= not_before


def test_a_dependent_is_ready_when_all_it_waits_for_is_completed(home: Home) -> None:
    for id in ("a", "b"):
        home.make_task(id, agents=["alpha"])
    record = home.make_task("c", depends_on=["a", "b"])
    assert (record["depends_on"], record["unmet"]) == (["a", "b"], ["a", "b"])
    home.complete("a")
    assert (home.record("c")["unmet"], ready(home)) == (["b"], ["b"])
    home.complete("b")
    assert (home.record("c")["unmet"], ready(home)) == ([], ["c"])


def test_a_dependency_that_is_completed_already_is_met(home: Home) -> None:
    home.make_task("a", agents=["alpha"])
    home.complete("a")
    home.make_task("b", depends_on=["a"])
    assert (home.record("b")["depends_on"], home.record("b")["unmet"], ready(home)) == (["a"], [], ["b"])


@pytest.mark.parametrize(("verb", "end"), [("cancel", "cancelled"), ("delete", "deleted")])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dependency_that_will_never_complete_blocks_its_dependents(
    home: Home, verb: str, end: str, when: str
) -> None:
    home.make_task("a")
    if when == "before" and verb == "cancel":
        home.ok("task", verb, "a")
    home.make_task("b", depends_on=["a"])
    if home.record("a")["status"] != end:
        home.ok("task", verb, "a")
    blocked = home.record("b")["blocked"]
    assert (home.record("b")["status"], blocked["kind"]) == ("blocked", "dependency")
    assert blocked["reason"] == f"it waits for a, which was {end}"


def test_a_dependency_that_was_deleted_is_no_dependency(home: Home) -> None:
    home.make_task("a")
    home.ok("task", "delete", "a")
    done = home.call(
        "task",
        "create",
        home.file("x.json", {"title": "b", "pipeline": [{"agent": "alpha"}], "depends_on": ["a"]}),
        "--json",
    )
    assert done.refusal == (1, "invalid_input")


def test_a_chain_of_dependencies_runs_by_itself(live: Home) -> None:
    live.stop()
    live.make_task("a", agents=["alpha"])
    live.make_task("b", agents=["alpha"], depends_on=["a"])
    live.make_task("c", agents=["alpha"], depends_on=["a", "b"])
    live.wake()
    live.ok("check_pipeline")
    wait_for(lambda: live.record("c")["status"] == "completed")
    granted = [event["task"] for event in live.events() if event["type"] == "lease_granted"]
    assert granted == ["a", "b", "c"]


# -- looking ----------------------------------------------------------------------------------------------------------


def test_live_tasks_are_listed_and_finished_ones_on_demand(home: Home) -> None:
    home.make_task("a", project="acme")
    home.make_task("b", agents=["alpha"])
    home.complete("b")
    home.make_task("c")
    home.ok("task", "delete", "c")

    def listed(*words: str) -> list[str]:
        return [task["id"] for task in home.ok("task", "list", *words, "--json").json]

    assert listed() == ["a"]
    assert listed("--all") == ["a", "b"]
    assert listed("--status", "completed") == ["b"]
    assert listed("--status", "blocked") == []
    assert (listed("--project", "acme"), listed("--project", "other")) == (["a"], [])
    assert listed("--campaign", "spring") == []


@pytest.mark.parametrize("damaged", [False, True])
def test_list_all_shows_a_task_once_that_also_stands_in_the_archive(home: Home, damaged: bool) -> None:
    home.make_task("a", agents=["alpha"])
    home.complete("a")
    archived = home.state / "archive/tasks/a.json"
    before = archived.read_bytes()
    home.ok("review", "a", "fix", "alpha", "--notes", "shorter")
    archived.write_bytes(before)
    if damaged:
        (home.state / "tasks/a.json").write_bytes(b"{")

    found = [(task["id"], task["status"]) for task in home.ok("task", "list", "--all", "--json").json]

    assert found == ([] if damaged else [("a", "revision_needed")])


def test_a_damaged_task_in_the_archive_hides_no_other(home: Home) -> None:
    for task in ("a", "b"):
        home.make_task(task, agents=["alpha"])
        home.complete(task)
    (home.state / "archive/tasks/a.json").write_bytes(b"{")
    assert [task["id"] for task in home.ok("task", "list", "--all", "--json").json] == ["b"]


def test_nothing_to_list_is_said(home: Home) -> None:
    assert home.ok("task", "list").out == "No tasks.\n"
    assert home.ok("task", "ready").out == "Nothing is ready.\n"


def test_people_see_where_a_task_stands(home: Home) -> None:
    home.make_task()
    home.complete("t-1", "alpha", "--summary", "Found ten words")
    home.ok("task", "block", "t-1", "--reason", "waits for a photo")
    lines = home.ok("task", "show", "t-1").out.splitlines()
    assert lines[0] == "t-1: Task t-1 (blocked, priority medium)"
    assert "  blocked   person: waits for a photo" in lines
    assert any("Found ten words" in line for line in lines)
    assert lines[-1].endswith("Z  the task is blocked (person): waits for a photo")


def test_steps_are_shown(home: Home) -> None:
    home.make_task()
    home.complete()
    steps = home.ok("task", "steps", "t-1", "--json").json
    assert [(step["step"], step["agent"], step["status"]) for step in steps] == [
        (0, "alpha", "completed"),
        (1, "beta", "in_progress"),
        (2, "gamma", "pending"),
    ]
    assert home.ok("task", "steps", "t-1").out.splitlines()[1].split()[:3] == ["0", "alpha", "completed"]


@pytest.mark.parametrize(
    "words",
    [
        "show", "steps", "assign {} ana", "subscribe {} ana", "label {} x", "prioritize {} low", "comment {} x",
        "block {} --reason x", "unblock", "cancel", "retry", "delete",
    ],
)  # fmt: skip
@pytest.mark.parametrize("id", ["nope", "gone"])
def test_a_task_that_does_not_exist_any_more_or_yet_is_not_found(home: Home, words: str, id: str) -> None:
    home.make_task("gone")
    home.ok("task", "delete", "gone")
    verb, _, more = (words if "{}" in words else f"{words} {{}}").partition(" ")
    rest = more.format(id).split()
    done = home.call("task", verb, *rest)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"task.py: cannot {verb if verb != 'steps' else 'show'} ")
    assert f"'{id}': " in done.err
    if id == "nope" or verb in ("show", "steps"):
        assert home.call("task", verb, *rest, "--json").refusal == (1, "task_not_found")


# -- describing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "field"), [("assign", "assignees"), ("subscribe", "subscribers"), ("label", "labels")]
)
def test_names_are_put_on_a_list_once_and_taken_off(home: Home, verb: str, field: str) -> None:
    home.make_task()
    home.ok("task", verb, "t-1", "ana", "ben", "ana")
    home.ok("task", verb, "t-1", "ben", "cleo")
    assert home.record()[field] == ["ana", "ben", "cleo"]
    home.ok("task", verb, "t-1", "--remove", "ana", "dora")
    assert home.record()[field] == ["ben", "cleo"]


@pytest.mark.parametrize("verb", ["assign", "subscribe", "label"])
def test_a_name_that_is_there_already_changes_nothing(home: Home, verb: str) -> None:
    home.make_task()
    home.ok("task", verb, "t-1", "ana")
    before = home.record()
    home.ok("task", verb, "t-1", "ana")
    assert home.record() == before


@pytest.mark.parametrize("name", ["", " ", "a\nb"])
def test_a_name_that_is_empty_or_has_a_line_break_is_refused(home: Home, name: str) -> None:
    home.make_task()
    assert home.call("task", "assign", "t-1", name, "--json").refusal == (2, "invalid_input")


@pytest.mark.parametrize(("word", "kept"), [("urgent", "urgent"), ("10", "medium"), ("0", "urgent"), ("999", 999)])
def test_a_priority_can_be_changed(home: Home, word: str, kept: str | int) -> None:
    home.make_task(priority="high")
    home.ok("task", "prioritize", "t-1", word)
    assert home.record()["priority"] == kept


@pytest.mark.parametrize("word", ["", "soon", "URGENT", "1000", "-1", "1.5", "9" * 5000, "0x1"])
def test_a_priority_that_is_none_is_wrong_usage(home: Home, word: str) -> None:
    home.make_task()
    before = tree(home.root)
    assert home.call("task", "prioritize", "t-1", "--json", "--", word).refusal == (2, "invalid_input")
    assert tree(home.root) == before


def test_a_changed_priority_counts_for_what_is_ready(home: Home) -> None:
    home.make_task("a")
    home.make_task("b")
    home.ok("task", "prioritize", "b", "urgent")
    assert ready(home) == ["b", "a"]


def test_a_comment_stands_on_the_time_line(home: Home) -> None:
    home.make_task()
    home.ok("task", "comment", "t-1", "Looks good to me", BATON_AGENT="beta")
    event = home.record()["history"][-1]
    assert (event["type"], event["data"]) == ("task_commented", {"by": "beta", "text": "Looks good to me"})


def test_an_empty_comment_is_refused(home: Home) -> None:
    home.make_task()
    assert home.call("task", "comment", "t-1", " ", "--json").refusal == (2, "invalid_input")


# -- block, unblock, retry --------------------------------------------------------------------------------------------


def test_a_blocked_task_says_why_and_is_not_started(home: Home) -> None:
    home.make_task()
    home.ok("task", "block", "t-1", "--reason", "waits for a photo")
    record = home.record()
    assert (record["status"], record["blocked"]["kind"]) == ("blocked", "person")
    assert record["blocked"]["reason"] == "waits for a photo"
    assert ready(home) == []


@pytest.mark.parametrize("words", [[], ["--reason", ""], ["--reason", " "]])
def test_a_block_needs_a_reason(home: Home, words: list[str]) -> None:
    home.make_task()
    assert home.call("task", "block", "t-1", *words, "--json").refusal == (2, "invalid_input")
    assert home.record()["status"] == "backlog"


def test_unblock_restores_the_former_status(home: Home) -> None:
    home.make_task()
    home.complete()
    home.ok("task", "block", "t-1", "--reason", "x")
    done = home.ok("task", "unblock", "t-1")
    assert done.out == "Task 't-1' is researched again.\n"
    assert (home.record()["status"], home.record()["blocked"], ready(home)) == ("researched", None, ["t-1"])


def test_a_task_that_is_not_blocked_cannot_be_unblocked(home: Home) -> None:
    home.make_task()
    assert home.call("task", "unblock", "t-1", "--json").refusal == (1, "illegal_transition")


def test_a_blocked_task_cannot_be_blocked_again(home: Home) -> None:
    home.make_task()
    home.ok("task", "block", "t-1", "--reason", "first")
    home.call("task", "block", "t-1", "--reason", "second")
    assert home.record()["blocked"]["reason"] == "first"


def test_attempts_that_are_used_up_block_the_task_with_what_was_said(live: Home) -> None:
    exhausted(live)
    record = live.record()
    assert (record["blocked"]["kind"], record["pipeline"][0]["status"]) == ("attempts", "failed")
    assert "no paper left" in record["blocked"]["reason"]


@pytest.mark.parametrize("verb", ["unblock", "retry"])
def test_unblock_and_retry_give_fresh_attempts(live: Home, verb: str) -> None:
    exhausted(live)
    live.ok("task", verb, "t-1")
    step = live.record()["pipeline"][0]
    assert (live.record()["status"], step["status"], step["attempts"]) == ("backlog", "in_progress", 0)
    assert ready(live) == ["t-1"]


def test_unblock_keeps_the_back_off_and_retry_clears_it(live: Home) -> None:
    live.settings("harness: {default: script}\nretry: {backoff: 10m}\n")
    live.agent("alpha", FAILS)
    live.make_task()
    wait_for(lambda: live.record()["pipeline"][0]["not_before"])
    live.stop()
    live.ok("task", "block", "t-1", "--reason", "x")
    live.ok("task", "unblock", "t-1")
    assert (live.record()["pipeline"][0]["not_before"] is None, ready(live)) == (False, [])
    live.ok("task", "retry", "t-1")
    assert (live.record()["pipeline"][0]["not_before"], ready(live)) == (None, ["t-1"])


def test_retry_starts_the_task_again(live: Home) -> None:
    exhausted(live)
    live.agent("alpha", "#!/bin/sh\nexit 0\n")
    live.wake()
    live.ok("task", "retry", "t-1")
    wait_for(lambda: live.record()["status"] == "completed")


def test_a_task_that_runs_is_blocked_when_its_run_has_ended(live: Home) -> None:
    live.agent("alpha", LINGERS)
    live.make_task()
    wait_for((live.workspace() / "here").exists)
    done = live.ok("task", "block", "t-1", "--reason", "wrong brief")
    assert done.out == "Task 't-1' is blocked.\n"
    record = live.record()
    assert (record["status"], record["leases"], record["pipeline"][0]["attempts"]) == ("blocked", [], 0)


# -- cancel, delete ---------------------------------------------------------------------------------------------------


def test_a_cancelled_task_is_finished_with_the_reason_in_its_history(home: Home) -> None:
    home.make_task()
    home.ok("task", "cancel", "t-1", "--reason", "Not needed")
    record = home.record()
    assert (record["status"], record["history"][-1]["data"]["reason"]) == ("cancelled", "Not needed")
    assert not (home.state / "tasks/t-1.json").exists()


def test_a_hand_lease_does_not_keep_a_task_from_being_cancelled(home: Home) -> None:
    home.make_task()
    home.acquire()
    home.ok("task", "cancel", "t-1")
    assert (home.record()["status"], home.record()["leases"]) == ("cancelled", [])


def test_a_task_that_runs_is_cancelled_when_its_run_has_ended(live: Home) -> None:
    live.agent("alpha", "#!/bin/sh\ntouch here\necho $$ > pid\nexec sleep 60\n")
    live.make_task()
    pid_file = live.workspace() / "pid"
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text()))
    assert live.ok("task", "cancel", "t-1").out == "Task 't-1' is cancelled.\n"
    assert live.record()["status"] == "cancelled"
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("verb", ["cancel", "block", "unblock", "retry", "prioritize", "label", "comment", "delete"])
def test_nothing_can_be_done_to_a_cancelled_task(home: Home, verb: str) -> None:
    home.make_task()
    home.ok("task", "cancel", "t-1")
    before = home.record()
    more = {"block": ["--reason", "x"], "prioritize": ["low"], "label": ["x"], "comment": ["x"]}.get(verb, [])
    assert home.call("task", verb, "t-1", *more, "--json").refusal == (1, "illegal_transition")
    assert home.record() == before


def test_a_deleted_task_leaves_a_tombstone(home: Home) -> None:
    home.make_task()
    assert home.ok("task", "delete", "t-1", "--json").json == {"deleted": "t-1"}
    assert json.loads((home.state / "archive/tasks/t-1.json").read_text())["status"] == "deleted"
    assert not (home.state / "tasks/t-1.json").exists()


def test_the_id_of_a_deleted_task_is_never_used_again(home: Home) -> None:
    home.make_task("fix-it", title="Fix it")
    home.ok("task", "delete", "fix-it")
    written: dict[str, Any] = {"title": "Fix it", "pipeline": [{"agent": "alpha"}]}
    done = home.call("task", "create", home.file("x.json", written | {"id": "fix-it"}), "--json")
    assert done.refusal == (1, "already_exists")
    assert home.ok("task", "create", home.file("x.json", written), "--json").json["id"] == "fix-it-2"


def test_a_task_that_somebody_works_on_is_not_deleted(home: Home) -> None:
    home.make_task()
    home.acquire()
    done = home.call("task", "delete", "t-1", "--json")
    assert (done.refusal, home.record()["status"]) == ((1, "lease_held"), "backlog")


# -- and the real script ----------------------------------------------------------------------------------------------


def test_a_task_goes_its_whole_way_by_hand_through_the_real_scripts(home: Home, tmp_path: Path) -> None:
    environ = {
        "PATH": f"/usr/bin:/bin:{SCRIPTS}",
        "BATON_HOME": str(home.root),
        "BATON_PYTHON": home.environ["BATON_PYTHON"],
    }
    file = home.file(
        "x.yaml", f"id: t-1\ntitle: By hand\npipeline: [{', '.join(f'{{agent: {name}}}' for name in LINE)}]\n"
    )
    script = f"task.py create {file} >&2 && for agent in {' '.join(LINE)}; do "
    script += "acquire_lock.py t-1 --agent $agent >&2 && complete_step.py t-1 --agent $agent; done"
    done = run("sh", "-ec", script, environ=environ, cwd=tmp_path)
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, [answer["next_agent"] for answer in answers]) == (0, ["beta", "gamma", None])
    assert home.record()["status"] == "completed"
