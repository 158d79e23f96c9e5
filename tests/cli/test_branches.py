"""Branches through the scripts: begun, run, completed, joined, started again, done without."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cli.homes import Home, tree, wait_for

BRANCH = {
    "trigger_after_step": 0,
    "agent": "painter",
    "label": "Hero image",
    "output_dir": "assets",
    "deliverable": "image",
}
PAINTER = """\
#!/bin/sh
mkdir -p assets
echo "$BATON_BRANCH of $BATON_TASK, step '$BATON_STEP'" > assets/$BATON_TASK.md
complete_branch.py --output assets/$BATON_TASK.md --summary painted > "$BATON_WORKSPACE/answer"
"""


def template(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    steps = [{"agent": agent, "output_dir": folder} for agent, folder in (("alpha", "research"), ("beta", "drafts"))]
    return {
        "slug": "branched",
        "name": "Branched",
        "main_steps": steps,
        "parallel_branches": list(branches or (BRANCH,)),
        "convergence_step": 1,
    } | fields


def make(home: Home, *branches: dict[str, Any], **fields: Any) -> None:
    """A task on a pipeline with branches."""
    home.agent("painter", PAINTER)
    home.ok("pipeline", "create", home.file("branched.json", template(*branches, **fields)))
    home.ok("task", "create", home.file("t-1.json", {"id": "t-1", "title": "x", "pipeline": "branched"}))


def test_a_task_with_a_branch_goes_to_its_end(live: Home) -> None:
    make(live)
    live.await_event("task_completed")
    assert (live.workspace() / "assets/t-1.md").read_text() == "Hero image of t-1, step ''\n"
    assert json.loads((live.workspace() / "answer").read_text()) == {"remaining": 0}
    ends = [event["type"] for event in live.events() if event["type"] in ("step_completed", "branch_completed")]
    assert ends == ["step_completed", "branch_completed", "step_completed"]


def test_the_prompt_of_a_branch_says_what_it_is_and_how_it_ends(live: Home) -> None:
    make(live)
    wait_for(lambda: live.record()["status"] == "completed")
    (prompt,) = (live.root / "logs/painter").glob("*.prompt.md")
    text = prompt.read_text()
    assert 'Branch "Hero image", beside the main line, after step 0' in text
    assert "complete_branch.py --output assets/t-1.md" in text
    assert "Step 0, alpha: did t-1" in text
    assert "request_revision.py" not in text


def test_branches_by_hand(home: Home) -> None:
    make(home, BRANCH, BRANCH | {"label": "Social"})
    assert home.complete()["next_agent"] == "beta"
    refused = home.call("acquire_lock", "t-1", "--agent", "beta")
    assert (refused.code, refused.error["code"]) == (1, "illegal_transition")
    assert "waits for branches Hero image, Social" in refused.error["message"]
    assert home.ok("complete_branch", "t-1", "Hero image", "--agent", "painter").json == {"remaining": 1}
    assert home.ok("complete_branch", "t-1", "Social", "--agent", "painter").json == {"remaining": 0}
    assert home.complete("t-1", "beta")["new_status"] == "completed"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("t-1", "Video", "--agent", "painter"), (1, "invalid_input"), "the task has no branch 'Video'"),
        (("t-1", "Hero image", "--agent", "alpha"), (1, "lease_mismatch"), "the branch is painter's, not alpha's"),
        (("t-1", "Hero image", "--agent", "painter"), (1, "illegal_transition"), "it begins after step 0"),
        (("t-9", "Hero image", "--agent", "painter"), (1, "task_not_found"), "t-9"),
        (("Hero image",), (2, "invalid_input"), "no task is named"),
        ((), (2, "invalid_input"), "no branch is named"),
    ],
)
def test_a_branch_that_cannot_be_completed_is_refused(
    home: Home, words: tuple[str, ...], code: tuple[int, str], said: str
) -> None:
    make(home)
    done = home.call("complete_branch", *words)
    assert done.refusal == code
    assert said in done.error["message"]


def test_one_branch_can_be_run_alone(live: Home) -> None:
    live.stop()
    make(live)
    live.complete()
    live.wake()
    wrong = live.run("invoke_agent", "alpha", "t-1", "--branch", "Hero image", "--json")
    assert (wrong.refusal, wrong.error["right_agent"]) == ((1, "illegal_transition"), "painter")
    assert "--branch 'Hero image'" in wrong.error["cure"]
    done = live.run("invoke_agent", "painter", "t-1", "--branch", "Hero image", "--json")
    assert (done.code, done.json["outcome"]) == (0, "completed")
    assert live.run("invoke_agent", "painter", "t-1", "--branch", "Video", "--json").refusal == (1, "invalid_input")


def test_the_sweep_starts_a_branch_that_nobody_started_and_counts_it_apart(live: Home) -> None:
    live.stop()
    make(live)
    live.complete()
    live.wake()
    report = live.ok("check_pipeline").json
    assert (report["redispatched"], report["branches_redispatched"]) == (0, 1)
    wait_for(lambda: live.record()["status"] == "completed")


def test_a_deliverable_that_is_not_wanted_switches_its_branch_off(home: Home) -> None:
    home.agent("painter", PAINTER)
    home.ok(
        "pipeline", "create", home.file("branched.json", template(BRANCH, BRANCH | {"label": "B", "deliverable": "b"}))
    )
    home.make_campaign(pipeline="branched", deliverables={"image": False, "b": True}, target_article_count=1)
    home.ok("activate_campaign", "spring")
    assert list(home.record("spring-001")["branches"]) == ["B"]
    assert "\n  beside    B\n" in home.ok("campaign", "show", "spring").out


def test_an_agent_of_a_branch_that_could_not_work_refuses_the_campaign_before_it_starts(home: Home) -> None:
    home.ok("pipeline", "create", home.file("branched.json", template()))
    home.make_campaign(pipeline="branched", target_article_count=1)
    before = tree(home.state)
    done = home.call("activate_campaign", "spring")
    assert done.refusal == (1, "agent_not_found")
    assert done.error["message"].startswith("there is no agent 'painter'")
    kept = {name: file for name, file in tree(home.state).items() if not name.startswith("cache/")}
    assert kept == {name: file for name, file in before.items() if not name.startswith("cache/")}


def test_nobody_is_missed_for_a_deliverable_that_is_not_wanted(home: Home) -> None:
    home.ok("pipeline", "create", home.file("branched.json", template()))
    home.make_campaign(pipeline="branched", deliverables={"image": False}, target_article_count=1)
    assert home.ok("activate_campaign", "spring").json["created"] == ["spring-001"]
    assert home.record("spring-001")["branches"] == {}


def test_a_branch_is_cleared_and_started_again_by_a_person(home: Home) -> None:
    make(home)
    home.complete()
    cleared = home.ok("task", "clear", "t-1", "Hero image", "--json").json
    assert (cleared["pending_branches"], cleared["branches"]["Hero image"]["status"]) == ([], "skipped")
    again = home.ok("task", "retrigger", "t-1", "Hero image", "--all", "--json").json
    assert again["pending_branches"] == ["Hero image"]
    assert home.ok("task", "steps", "t-1").out.count("Hero image") == 1
