"""``review.py``: what a task has made, version by version; fixed, rethought, approved, extended by a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import LINE, SCRIPTS, Home, tree, wait_for

# An agent that does as its prompt says: it writes where its record tells, and says what it was asked to change.
HEEDING = """\
#!/bin/sh
prompt=$BATON_PROMPT_FILE
output=$(sed -n 's/^5\\. Write your result to `\\([^`]*\\)`.*/\\1/p' "$prompt")
mkdir -p "$(dirname "$output")"
{ echo "$BATON_AGENT on $BATON_TASK"; sed -n '/asked to do this step again/{n;p}' "$prompt"; } > "$output"
complete_step.py --output "$output" --summary "wrote $output" > /dev/null
"""
# One that waits, until it is let go.
WAITS = """\
#!/bin/sh
mkdir -p assets
touch assets/begun
while [ ! -e assets/go ]; do sleep 0.02; done
"""
BRANCH = {"trigger_after_step": 0, "agent": "painter", "label": "Hero image", "output_dir": "assets"}


def heed(home: Home) -> None:
    for agent in LINE:
        home.agent(agent, HEEDING)


def complete_by_hand(home: Home, *, task: str = "t-1", agents: tuple[str, ...] = LINE) -> None:
    """Bring a task to its end by hand, a file a step."""
    for number, agent in enumerate(agents):
        step = home.record(task)["pipeline"][number]
        output = f"{step['output_dir']}/{task}.md"
        path = workspace(home, task) / output
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{agent} on {task}\n")
        home.complete(task, agent, "--output", output)


def workspace(home: Home, task: str) -> Path:
    campaign = home.record(task)["campaign"]
    return home.workspace(task) if campaign is None else home.root / "projects/acme/campaigns" / campaign


def is_completed(home: Home, task: str = "t-1") -> bool:
    return bool(home.record(task)["status"] == "completed")


def fixed(home: Home, *words: str, task: str = "t-1") -> dict[str, Any]:
    record: dict[str, Any] = home.ok("review", task, "fix", *words, "--notes", "Name the sources", "--json").json
    return record


# -- looking ------------------------------------------------------------------------------------------------------


def test_the_piece_and_its_only_version_are_shown(home: Home) -> None:
    home.make_task()
    complete_by_hand(home)
    view = home.ok("review", "t-1", "--json").json
    assert view["piece"] == {
        "step": 2,
        "branch": None,
        "agent": "gamma",
        "version": 1,
        "path": "reviewed/t-1.md",
        "text": "gamma on t-1\n",
    }
    assert [(one["version"], one["path"], one["agent"]) for one in view["versions"]] == [
        (1, "reviewed/t-1.md", "gamma")
    ]
    assert (view["diff"], view["approved"], view["status"]) == (None, None, "completed")
    assert "gamma on t-1" in home.ok("review", "t-1").out


def test_another_step_may_be_looked_at(home: Home) -> None:
    home.make_task()
    complete_by_hand(home)
    assert home.ok("review", "t-1", "--step", "0", "--json").json["piece"]["path"] == "research/t-1.md"


def test_a_task_that_has_made_nothing_says_so(home: Home) -> None:
    home.make_task()
    assert home.ok("review", "t-1", "--json").json["piece"] is None
    assert "Nothing has been made yet." in home.ok("review", "t-1").out


def test_what_a_terminal_would_obey_is_not_shown(home: Home) -> None:
    home.make_task(agents=("alpha",))
    (workspace(home, "t-1") / "a.md").write_text("\x1b[2Jwiped\n")
    home.complete("t-1", "alpha", "--output", "a.md")
    assert "\x1b" not in home.ok("review", "t-1").out


# -- fixing -------------------------------------------------------------------------------------------------------


def test_a_fix_leaves_a_new_version_beside_the_old_and_the_diff_says_what_changed(live: Home) -> None:
    heed(live)
    live.make_task()
    wait_for(lambda: is_completed(live))
    fixed(live, "beta")
    wait_for(lambda: is_completed(live))
    folder = workspace(live, "t-1") / "drafts"
    assert (folder / "t-1.md").read_text() == "beta on t-1\n"
    assert (folder / "t-1.v2.md").read_text() == "beta on t-1\nName the sources\n"
    view = live.ok("review", "t-1", "--step", "1", "--json").json
    assert [(one["version"], one["path"]) for one in view["versions"]] == [
        (1, "drafts/t-1.md"),
        (2, "drafts/t-1.v2.md"),
    ]
    assert view["diff"].splitlines()[2:] == ["@@ -1 +1,2 @@", " beta on t-1", "+Name the sources"]
    assert "+Name the sources" in live.ok("review", "t-1", "--step", "1").out


def test_a_fix_is_done_by_the_chosen_agents_only_and_in_the_lines_order(live: Home) -> None:
    heed(live)
    live.make_task()
    wait_for(lambda: is_completed(live))
    fixed(live, "gamma", "alpha")
    wait_for(lambda: is_completed(live))
    ends = wait_for(lambda: (found := [one for one in live.events() if one["type"] == "step_completed"])[4:] and found)
    assert [event["data"]["agent"] for event in ends] == [*LINE, "alpha", "gamma"]
    assert [len(step["earlier"]) for step in live.record()["pipeline"]] == [1, 0, 1]


def test_a_fix_in_parallel_has_all_of_them_at_work_at_once(live: Home) -> None:
    heed(live)
    live.make_task()
    wait_for(lambda: is_completed(live))
    for agent in ("alpha", "beta"):
        # Each waits for the other one: in turn they would never end.
        other = {"alpha": "beta", "beta": "alpha"}[agent]
        meets = f"touch {agent}.here; while [ ! -e {other}.here ]; do sleep 0.02; done\n"
        live.agent(agent, HEEDING.replace("#!/bin/sh\n", f"#!/bin/sh\n{meets}"))
    fixed(live, "alpha", "beta", "--parallel")
    wait_for(lambda: is_completed(live))
    record = live.record()
    assert [step["result"]["outputs"] for step in record["pipeline"]] == [
        ["research/t-1.v2.md"],
        ["drafts/t-1.v2.md"],
        ["reviewed/t-1.md"],
    ]
    assert (record["branches"], record["revision"], record["revision_count"]) == ({}, None, 1)


def test_an_agent_that_writes_over_the_old_version_takes_nothing_away(live: Home) -> None:
    live.make_task()
    wait_for(lambda: is_completed(live))
    live.agent("beta", "#!/bin/sh\necho new > drafts/$BATON_TASK.md\ncomplete_step.py --output drafts/$BATON_TASK.md\n")
    fixed(live, "beta")
    wait_for(lambda: is_completed(live))
    folder = workspace(live, "t-1") / "drafts"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "t-1.md": "new\n",
        "t-1.v1.md": "beta on t-1\n",
    }
    versions = live.ok("review", "t-1", "--step", "1", "--json").json["versions"]
    assert [(one["version"], one["path"]) for one in versions] == [(1, "drafts/t-1.v1.md"), (2, "drafts/t-1.md")]


def test_a_fix_begins_a_round_that_the_record_tells_of(home: Home) -> None:
    home.make_task()
    complete_by_hand(home)
    record = fixed(home, "beta")
    assert (record["status"], record["pipeline_step"], record["revision_count"]) == ("revision_needed", 1, 1)
    assert (record["revision"]["kind"], record["revision"]["notes"]) == ("fix", "Name the sources")
    assert [step["notes"] for step in record["pipeline"]] == [None, "Name the sources", None]
    assert [task["id"] for task in home.ok("task", "list", "--json").json] == ["t-1"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("fix", "nobody", "--notes", "x"), (1, "agent_not_found"), "no step or branch of the task is nobody's"),
        (
            ("fix", "beta", "nobody", "--notes", "x"),
            (1, "agent_not_found"),
            "no step or branch of the task is nobody's",
        ),
        (("fix", "Not a name", "--notes", "x"), (2, "invalid_input"), "Not a name"),
        (("fix", "--notes", "x"), (2, "invalid_input"), "fix needs AGENT"),
        (("fix", "beta"), (2, "invalid_input"), "fix needs --notes"),
        (("fix", "beta", "--notes", " "), (2, "invalid_input"), "--notes is empty"),
        (("fix", "beta", "--notes", "x", "--to-step", "1"), (2, "invalid_input"), "--to-step does not go with fix"),
        (("rethink", "--notes", "x"), (2, "invalid_input"), "rethink needs --to-step"),
        (("rethink", "--to-step", "9", "--notes", "x"), (1, "invalid_input"), "step 9 is not between 0 and"),
        (("rethink", "--to-step", "1", "--notes", "x", "--count", "2"), (2, "invalid_input"), "--count"),
        (("approve", "--parallel"), (2, "invalid_input"), "--parallel does not go with approve"),
        (("extend",), (1, "invalid_input"), "it belongs to no campaign"),
        (("praise",), (2, "invalid_input"), "praise"),
        (("--step", "7"), (1, "invalid_input"), "it has no step 7"),
        (("--branch", "Video"), (1, "invalid_input"), "it has no branch 'Video'"),
        (("--step", "1", "--branch", "Video"), (2, "invalid_input"), "do not go together"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence_and_nothing_is_written(
    home: Home, words: tuple[str, ...], code: tuple[int, str], said: str
) -> None:
    home.make_task()
    complete_by_hand(home)
    before = tree(home.root)
    done = home.call("review", "t-1", *words, "--json")
    assert done.refusal == code
    assert said in done.error["message"] and "\n" not in done.error["message"]
    assert tree(home.root) == before


def test_an_unknown_agent_is_refused_before_the_campaign_hears_of_it(home: Home) -> None:
    home.make_campaign(target_article_count=1)
    home.ok("activate_campaign", "spring")
    complete_by_hand(home, task="spring-001")
    before = tree(home.root)
    done = home.call("review", "spring-001", "fix", "nobody", "--notes", "x")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "review.py: cannot review task 'spring-001': no step or branch of the task is nobody's",
        "  choose from alpha, beta, gamma",
    ]
    assert tree(home.root) == before


def test_a_task_that_is_not_complete_cannot_be_fixed(home: Home) -> None:
    home.make_task()
    done = home.call("review", "t-1", "fix", "alpha", "--notes", "x", "--json")
    assert done.refusal == (1, "illegal_transition")
    assert "review.py t-1 rethink" in done.error["cure"]


def test_a_cancelled_task_stays_so(home: Home) -> None:
    home.make_task()
    home.ok("task", "cancel", "t-1")
    done = home.call("review", "t-1", "fix", "alpha", "--notes", "x", "--json")
    assert done.refusal == (1, "illegal_transition")
    assert done.error["message"] == "the task is cancelled; it cannot be fixed"


# -- rethinking ---------------------------------------------------------------------------------------------------


def test_a_rethink_does_everything_again_from_a_step_on(live: Home) -> None:
    heed(live)
    live.make_task()
    wait_for(lambda: is_completed(live))
    live.ok("review", "t-1", "rethink", "--to-step", "1", "--notes", "Another angle")
    wait_for(lambda: is_completed(live))
    outputs = [step["result"]["outputs"] for step in live.record()["pipeline"]]
    assert outputs == [["research/t-1.md"], ["drafts/t-1.v2.md"], ["reviewed/t-1.v2.md"]]
    assert "Another angle" in (workspace(live, "t-1") / "drafts/t-1.v2.md").read_text()
    assert "Another angle" not in (workspace(live, "t-1") / "reviewed/t-1.v2.md").read_text()


def test_a_rethink_of_a_live_task_voids_the_run_of_its_branch(live: Home) -> None:
    live.agent("painter", WAITS)
    heed(live)
    live.agent("beta", WAITS.replace("assets", "drafts"))
    steps = [{"agent": agent, "output_dir": folder} for agent, folder in (("alpha", "research"), ("beta", "drafts"))]
    template = {"slug": "branched", "name": "Branched", "main_steps": steps, "parallel_branches": [BRANCH]}
    live.ok("pipeline", "create", live.file("branched.json", template))
    live.ok("task", "create", live.file("t-1.json", {"id": "t-1", "title": "x", "pipeline": "branched"}))
    folder = workspace(live, "t-1")
    wait_for(lambda: (folder / "assets/begun").exists() and (folder / "drafts/begun").exists())
    held = live.call("review", "t-1", "rethink", "--to-step", "0", "--notes", "Again", "--json")
    assert held.refusal == (1, "lease_held")
    (painting,) = [lease["run"] for lease in live.record()["leases"] if lease["unit"] == "b1"]
    (folder / "drafts/go").touch()
    live.ok("review", "t-1", "rethink", "--to-step", "0", "--notes", "Again", "--stop-run")
    ended = wait_for(
        lambda: next((one for one in live.events() if (one["type"], one["run"]) == ("run_ended", painting)), None)
    )
    assert ended["data"]["outcome"] == "revoked"
    (folder / "assets/go").touch()
    wait_for(lambda: is_completed(live))
    record = live.record()
    assert record["pipeline"][0]["result"]["outputs"] == ["research/t-1.v2.md"]
    assert record["branches"]["Hero image"]["result"]["run"] != painting


def test_a_live_task_is_sent_back_with_its_campaign_as_it_is(home: Home) -> None:
    home.make_campaign(target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.complete("spring-001")
    record = home.ok("review", "spring-001", "rethink", "--to-step", "0", "--notes", "Again", "--json").json
    assert (record["status"], record["pipeline_step"], record["revision"]) == ("revision_needed", 0, None)
    assert home.campaign()["status"] == "active"


# -- approving ----------------------------------------------------------------------------------------------------


def test_an_approval_is_kept_with_the_finished_task(home: Home) -> None:
    home.make_task()
    complete_by_hand(home)
    record = home.ok("review", "t-1", "approve", "--notes", "Fine", "--json").json
    assert (record["approved"]["notes"], record["status"]) == ("Fine", "completed")
    assert (home.state / "archive/tasks/t-1.json").exists() and not (home.state / "tasks/t-1.json").exists()
    assert home.told()[-1] == "task_approved"
    assert "approved" in home.ok("review", "t-1").out


def test_a_fix_takes_the_approval_back(home: Home) -> None:
    home.make_task()
    complete_by_hand(home)
    home.ok("review", "t-1", "approve")
    assert fixed(home, "beta")["approved"] is None


def test_a_task_that_was_sent_back_too_often_lists_its_versions_and_goes_on_once_approved(home: Home) -> None:
    home.settings("harness: {default: script}\nretry: {max_revisions: 1}\nnotify: {channels: []}\n")
    home.make_task()
    home.complete()
    for version in ("drafts/t-1.md", "drafts/t-1.v2.md"):
        path = workspace(home, "t-1") / version
        path.parent.mkdir(exist_ok=True)
        path.write_text(version)
        home.complete("t-1", "beta", "--output", version)
        home.acquire("t-1", "gamma")
        home.ok("request_revision", "t-1", "--to-step", "1", "--notes", "Too dry", "--agent", "gamma")
    record = home.record()
    assert (record["status"], record["blocked"]["kind"]) == ("blocked", "review")
    assert record["blocked"]["reason"].endswith("last: Too dry; versions: drafts/t-1.md, drafts/t-1.v2.md")
    after = home.ok("review", "t-1", "approve", "--json").json
    assert (after["status"], after["pipeline"][2]["status"]) == ("completed", "skipped")


def test_a_task_blocked_for_another_reason_cannot_be_approved(home: Home) -> None:
    home.make_task()
    home.ok("task", "block", "t-1", "--reason", "Waits for a photo")
    assert home.call("review", "t-1", "approve", "--json").refusal == (1, "illegal_transition")


def test_the_next_agent_is_told_why_the_task_was_blocked(live: Home) -> None:
    live.stop()
    live.make_task()
    live.ok("task", "block", "t-1", "--reason", "Waits for a photo")
    live.ok("task", "unblock", "t-1")
    live.wake()
    live.ok("check_pipeline")
    wait_for(lambda: is_completed(live))
    prompts = [next((live.root / "logs" / agent).glob("*.prompt.md")).read_text() for agent in LINE]
    assert ["Waits for a photo" in prompt for prompt in prompts] == [True, False, False]


# -- the campaign -------------------------------------------------------------------------------------------------


def test_a_campaign_is_in_revision_until_the_last_piece_is_done(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    for task in ("spring-001", "spring-002"):
        complete_by_hand(home, task=task)
    assert home.campaign()["status"] == "completed"
    for task in ("spring-001", "spring-002"):
        fixed(home, "gamma", task=task)
    assert home.campaign()["status"] == "in_revision"
    home.complete("spring-001", "gamma")
    assert home.campaign()["status"] == "in_revision"
    home.complete("spring-002", "gamma")
    campaign = home.campaign()
    assert (campaign["status"], campaign["in_revision_at"]) == ("completed", None)
    assert [event["type"] for event in campaign["history"]][-3:] == [
        "campaign_completed",
        "campaign_revised",
        "campaign_completed",
    ]


def test_a_campaign_in_revision_that_was_paused_is_in_revision_again(home: Home) -> None:
    home.make_campaign(target_article_count=1)
    home.ok("activate_campaign", "spring")
    complete_by_hand(home, task="spring-001")
    fixed(home, "gamma", task="spring-001")
    home.ok("campaign", "pause", "spring")
    home.ok("campaign", "resume", "spring")
    assert home.campaign()["status"] == "in_revision"


def test_the_manifest_names_every_version(live: Home) -> None:
    heed(live)
    live.make_campaign(target_article_count=1)
    live.ok("activate_campaign", "spring")
    wait_for(lambda: live.campaign()["status"] == "completed")
    fixed(live, "beta", task="spring-001")
    wait_for(lambda: live.campaign()["status"] == "completed")
    manifest = json.loads((workspace(live, "spring-001") / "manifest.json").read_text())
    drafts = [(one["path"], one["version"]) for one in manifest["files"] if one["step"] == 1]
    assert drafts == [("drafts/spring-001.md", 1), ("drafts/spring-001.v2.md", 2)]


def test_extend_gives_the_campaign_of_a_task_more_tasks(home: Home) -> None:
    home.make_campaign(target_article_count=1)
    home.ok("activate_campaign", "spring")
    complete_by_hand(home, task="spring-001")
    view = home.ok("review", "spring-001", "extend", "--count", "2", "--json").json
    assert (view["created"], view["status"]) == (["spring-002", "spring-003"], "active")


def test_the_offline_crew_fixes_a_piece_of_a_campaign_that_was_complete_and_a_person_approves_it(live: Home) -> None:
    example = SCRIPTS.parent / "examples/bread"
    sources = [str(path) for path in sorted((example / "sources").iterdir())]
    wishes = {"pipeline": "content-draft", "seed_keywords": ["rye bread"], "sources": sources}
    written = {"project": "acme", "slug": "bread", "name": "Bread", "target_article_count": 1} | wishes
    for words in (("campaign.py", "create", live.file("bread.json", written)), ("activate_campaign.py", "bread")):
        done = live.run(words[0].removesuffix(".py"), *words[1:])
        assert done.code == 0, done
    wait_for(lambda: live.campaign("bread")["status"] == "completed", 90)
    final = live.root / "projects/acme/campaigns/bread/final"
    first = (final / "bread-001.md").read_bytes()

    asked = live.run(
        "review", "bread-001", "fix", "content-writer", "humanizer", "--notes", "Shorter sentences", "--json"
    )
    assert (asked.code, asked.json["status"]) == (0, "revision_needed")
    wait_for(lambda: live.campaign("bread")["status"] == "completed" and is_completed(live, "bread-001"), 90)

    assert sorted(path.name for path in final.iterdir()) == ["bread-001.md", "bread-001.v2.md"]
    assert (final / "bread-001.md").read_bytes() == first
    shown = live.run("review", "bread-001")
    assert "final/bread-001.v2.md" in shown.out and "final/bread-001.md" in shown.out
    assert live.run("review", "bread-001", "approve").code == 0
    assert live.record("bread-001")["approved"]["by"]
