"""``campaign.py``: from a file to a campaign, through its pauses, to its manifest and summary."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import LINE, Home, campaign, template, tree, wait_for

FOLDER = "projects/acme/campaigns/spring"


def activated(home: Home, **fields: Any) -> Home:
    home.make_campaign(**fields)
    home.ok("activate_campaign", "spring")
    return home


def finish(home: Home, *tasks: str) -> None:
    """Complete every step of these tasks by hand."""
    for task in tasks:
        for agent in LINE:
            home.complete(task, agent)


def kept(step: dict[str, Any]) -> tuple[str, str]:
    return step["agent"], step["output_dir"]


# -- create -----------------------------------------------------------------------------------------------------------


def test_a_campaign_is_made_from_a_file(home: Home) -> None:
    home.ok("pipeline", "create", home.file("my-line.json", template()))
    done = home.call("campaign", "create", home.file("spring.json", campaign()))
    assert (done.code, done.err) == (0, "")
    assert done.out == (f"Created campaign 'spring' ({home.root}/{FOLDER}).\nNext: activate_campaign.py spring\n")
    assert (home.campaign()["status"], home.campaign()["planned"]) == ("planning", [])


def test_every_key_of_the_contract_is_taken(home: Home) -> None:
    wishes = {
        "description": "What it is about",
        "generate": "batch",
        "target_article_count": 3,
        "seed_keywords": ["rye bread", "sourdough"],
        "deliverables": {"hero_image": True},
        "focus_groups": ["bakers"],
        "services": {"seo": ["first", "second"]},
        "notes": "free text",
    }
    home.make_campaign(**wishes)
    assert {key: home.campaign()[key] for key in wishes} == wishes


def test_yaml_is_taken_as_in_the_contract(home: Home) -> None:
    home.file("brief.md", "Be brief")
    text = (
        "project: acme                    # made when it is new\n"
        "slug: spring-launch\n"
        "name: Spring launch\n"
        "description: What it is about\n"
        "pipeline: content-draft          # slug of a template\n"
        "target_article_count: 3          # default 5\n"
        "generate: per_article            # or batch: one task for all\n"
        "seed_keywords: [rye bread, sourdough]\n"
        "deliverables: {hero_image: true}\n"
        "focus_groups: []\n"
        "services: {}                     # capability -> order of services, an override\n"
        "sources: [brief.md]              # files handed to the agents, relative to this file\n"
        "notes: free text\n"
    )
    home.ok("campaign", "create", home.file("spring.yaml", text))
    assert home.campaign("spring-launch")["seed_keywords"] == ["rye bread", "sourdough"]


def test_sources_are_copied_into_the_campaigns_folder(home: Home) -> None:
    home.file("papers/brief.md", "Be brief")
    home.file("style.txt", "Be kind")
    home.make_campaign(sources=["papers/brief.md", "style.txt"])
    sources = home.root / FOLDER / "sources"
    assert {path.name: path.read_text() for path in sources.iterdir()} == {
        "brief.md": "Be brief",
        "style.txt": "Be kind",
    }
    assert home.campaign()["sources"] == ["sources/brief.md", "sources/style.txt"]


def test_sources_are_looked_for_beside_the_file_and_not_where_the_caller_stands(home: Home, tmp_path: Path) -> None:
    home.file("deep/brief.md", "Be brief")
    home.ok("pipeline", "create", home.file("my-line.json", template()))
    file = home.file("deep/spring.json", campaign(sources=["brief.md"]))
    assert home.run("campaign", "create", file).code == 0


def test_the_pipeline_is_frozen_as_it_was(home: Home) -> None:
    home.make_campaign()
    path = home.root / "config/pipelines/my-line.yaml"
    path.write_text(json.dumps(template(main_steps=[{"agent": "delta"}])))
    home.ok("activate_campaign", "spring")
    assert [step["agent"] for step in home.record("spring-001")["pipeline"]] == list(LINE)


def test_the_snapshot_stands_in_the_folder(home: Home) -> None:
    home.make_campaign()
    snapshot = json.loads((home.root / FOLDER / "pipeline.json").read_text())
    assert [kept(step) for step in snapshot["main_steps"]] == [kept(step) for step in template()["main_steps"]]


def test_a_slug_that_is_taken_is_refused_and_nothing_is_written(home: Home) -> None:
    home.make_campaign()
    before = tree(home.root)
    done = home.call("campaign", "create", home.file("spring.json", campaign(name="Another")), "--json")
    assert done.refusal == (1, "already_exists")
    assert tree(home.root) == before


def test_campaigns_are_made_one_at_a_time(home: Home) -> None:
    home.make_campaign()
    projects = os.open(home.root / "projects", os.O_RDONLY)
    inode = f":{os.fstat(projects).st_ino} "
    fcntl.flock(projects, fcntl.LOCK_EX)
    making = home.start("campaign", "create", home.file("autumn.json", campaign(slug="autumn")))
    try:

        def is_waiting() -> bool:
            return any("->" in line and inode in line for line in Path("/proc/locks").read_text().splitlines())

        wait_for(lambda: is_waiting() or making.poll() is not None)
        assert (making.poll(), (home.state / "campaigns/autumn.json").exists()) == (None, False)
    finally:
        os.close(projects)
        making.communicate(timeout=30)
    assert (making.returncode, home.campaign("autumn")["status"]) == (0, "planning")


def test_a_slug_is_taken_across_projects(home: Home) -> None:
    home.make_campaign()
    done = home.call("campaign", "create", home.file("spring.json", campaign(project="other")), "--json")
    assert done.refusal == (1, "already_exists")
    assert not (home.root / "projects/other").exists()


def test_the_campaigns_harness_and_model_fill_in_where_a_step_names_none(home: Home) -> None:
    steps = [{"agent": "alpha"}, {"agent": "beta", "harness": "command", "model": "opus"}]
    home.ok("pipeline", "create", home.file("my-line.json", template(main_steps=steps)))
    activated(home, harness="script", model="sonnet")
    found = [(step["harness"], step["model"]) for step in home.record("spring-001")["pipeline"]]
    assert found == [("script", "sonnet"), ("command", "opus")]


# -- looking ----------------------------------------------------------------------------------------------------------


def test_show_has_status_tasks_and_progress(home: Home) -> None:
    activated(home, target_article_count=4)
    finish(home, "spring-001")
    home.ok("task", "cancel", "spring-002")
    home.complete("spring-003", "alpha")
    view = home.ok("campaign", "show", "spring", "--json").json
    assert (view["slug"], view["status"]) == ("spring", "active")
    assert view["tasks"] == {"completed": 1, "cancelled": 1, "researched": 1, "backlog": 1}
    assert (view["progress"]["completed"], view["progress"]["total"]) == (1, 4)


def test_progress_of_a_new_campaign_is_zero(home: Home) -> None:
    view = home.make_campaign()
    assert (view["status"], view["tasks"]) == ("planning", {})
    assert view["progress"] == {"completed": 0, "total": 0, "percent": 0}


def test_progress_of_a_completed_campaign_is_a_hundred(home: Home) -> None:
    activated(home)
    finish(home, "spring-001", "spring-002")
    view = home.ok("campaign", "show", "spring", "--json").json
    assert (view["status"], view["progress"]) == ("completed", {"completed": 2, "total": 2, "percent": 100})


def test_people_see_the_gist(home: Home) -> None:
    activated(home)
    finish(home, "spring-001")
    lines = home.ok("campaign", "show", "spring").out.splitlines()
    assert lines[0] == "spring: Spring launch (active)"
    assert "  pipeline  my-line: alpha -> beta -> gamma" in lines
    assert "  tasks     1 backlog, 1 completed" in lines
    assert "  done      1 of 2 (50 %)" in lines


def test_campaigns_are_listed(home: Home) -> None:
    home.make_campaign("spring")
    home.make_campaign("autumn", project="other")
    home.ok("activate_campaign", "autumn")

    def listed(*words: str) -> list[tuple[str, str]]:
        return [(one["slug"], one["status"]) for one in home.ok("campaign", "list", *words, "--json").json]

    assert listed() == [("autumn", "active"), ("spring", "planning")]
    assert listed("--status", "planning") == [("spring", "planning")]
    assert listed("--project", "other") == [("autumn", "active")]
    assert home.ok("campaign", "list").out.splitlines()[1].split() == ["autumn", "other", "active", "0/2"]


def test_no_campaigns_are_listed_as_such(home: Home) -> None:
    assert home.ok("campaign", "list").out == "No campaigns.\n"
    assert home.ok("campaign", "list", "--json").json == []


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "complete", "extend", "update"])
def test_a_campaign_that_does_not_exist_is_not_found(home: Home, verb: str) -> None:
    more = ["--name", "x"] if verb == "update" else []
    done = home.call("campaign", verb, "nope", *more)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"campaign.py: cannot {verb} campaign 'nope': there is no campaign 'nope'\n  campaign.py list shows them\n"
    )
    assert home.call("campaign", verb, "nope", *more, "--json").refusal == (1, "campaign_not_found")


# -- changing ---------------------------------------------------------------------------------------------------------


def test_words_can_be_changed(home: Home) -> None:
    home.make_campaign()
    home.ok("campaign", "update", "spring", "--name", "New", "--description", "Words", "--notes", "Name every source")
    record = home.campaign()
    assert (record["name"], record["description"], record["notes"]) == ("New", "Words", "Name every source")


def test_an_update_that_changes_nothing_is_no_change(home: Home) -> None:
    home.make_campaign()
    before = home.campaign()
    home.ok("campaign", "update", "spring", "--name", before["name"])
    assert home.campaign() == before


def test_an_update_needs_something_to_change(home: Home) -> None:
    home.make_campaign()
    assert home.call("campaign", "update", "spring", "--json").error["code"] == "invalid_input"


def test_an_empty_name_is_refused(home: Home) -> None:
    home.make_campaign()
    before = home.campaign()
    assert home.call("campaign", "update", "spring", "--name", " ", "--json").refusal == (2, "invalid_input")
    assert home.campaign() == before


@pytest.mark.parametrize("verb", ["pause", "resume", "complete", "extend"])
def test_a_campaign_that_was_never_activated_cannot_be_paused_resumed_completed_or_extended(
    home: Home, verb: str
) -> None:
    home.make_campaign()
    before = home.campaign()
    assert home.call("campaign", verb, "spring", "--json").refusal == (1, "illegal_transition")
    assert home.campaign() == before


def test_nothing_of_a_paused_campaign_is_ready(home: Home) -> None:
    activated(home)
    home.ok("campaign", "pause", "spring")
    assert home.campaign()["status"] == "paused"
    assert home.ok("task", "ready", "--json").json == []


def test_pausing_twice_changes_nothing(home: Home) -> None:
    activated(home)
    home.ok("campaign", "pause", "spring")
    before = home.campaign()
    home.ok("campaign", "pause", "spring")
    assert home.campaign() == before


def test_nothing_of_a_paused_campaign_is_started_and_resume_starts_it(live: Home) -> None:
    live.stop()
    activated(live)
    live.ok("campaign", "pause", "spring")
    live.wake()
    assert live.ok("check_pipeline").json["redispatched"] == 0
    answer = live.ok("campaign", "resume", "spring", "--json").json
    assert (answer["status"], answer["dispatched"]) == ("active", 2)
    wait_for(lambda: live.campaign()["status"] == "completed")


def test_what_runs_when_a_campaign_is_paused_finishes_its_step_and_no_more(live: Home) -> None:
    live.agent("alpha", "#!/bin/sh\ntouch here\nwhile [ ! -e go ]; do sleep 0.02; done\n")
    activated(live, target_article_count=1)
    folder = live.root / FOLDER
    wait_for((folder / "here").exists)
    live.ok("campaign", "pause", "spring")
    (folder / "go").touch()
    live.await_event("step_completed", "spring-001")
    wait_for(lambda: not live.slots())
    task = live.record("spring-001")
    assert (task["pipeline_step"], task["token"]) == (1, 1)


def test_an_active_campaign_gets_more_tasks(home: Home) -> None:
    activated(home)
    answer = home.ok("campaign", "extend", "spring", "--count", "2", "--json").json
    assert answer["created"] == ["spring-003", "spring-004"]
    assert answer["progress"]["total"] == 4


def test_a_completed_campaign_that_is_extended_is_active_again(home: Home) -> None:
    activated(home)
    finish(home, "spring-001", "spring-002")
    home.ok("campaign", "extend", "spring")
    assert home.campaign()["status"] == "active"
    finish(home, "spring-003")
    assert home.campaign()["status"] == "completed"


@pytest.mark.parametrize("count", ["0", "-1", "10001", "99999999999999999999"])
def test_a_number_of_further_tasks_that_makes_no_sense_is_refused(home: Home, count: str) -> None:
    activated(home)
    before = home.campaign()
    done = home.call("campaign", "extend", "spring", "--count", count, "--json")
    assert done.error["code"] == "invalid_input"
    assert home.campaign() == before


# -- completing -------------------------------------------------------------------------------------------------------


def test_a_campaign_with_live_tasks_is_not_completed(home: Home) -> None:
    activated(home)
    before = home.campaign()
    done = home.call("campaign", "complete", "spring", "--json")
    assert done.refusal == (1, "illegal_transition")
    assert "--cancel-remaining" in done.error["cure"]
    assert home.campaign() == before


def test_cancel_remaining_cancels_what_is_left_and_completes(home: Home) -> None:
    activated(home)
    finish(home, "spring-001")
    view = home.ok("campaign", "complete", "spring", "--cancel-remaining", "--json").json
    assert (view["status"], view["tasks"]) == ("completed", {"completed": 1, "cancelled": 1})
    assert (home.root / FOLDER / "manifest.json").exists()


def test_cancel_remaining_ends_what_runs(live: Home) -> None:
    live.agent("alpha", "#!/bin/sh\ntouch here\nexec sleep 60\n")
    activated(live, target_article_count=1)
    wait_for((live.root / FOLDER / "here").exists)
    view = live.ok("campaign", "complete", "spring", "--cancel-remaining", "--json").json
    assert (view["status"], view["tasks"]) == ("completed", {"cancelled": 1})


def test_a_completed_campaign_cannot_be_completed_again(home: Home) -> None:
    activated(home)
    home.ok("campaign", "complete", "spring", "--cancel-remaining")
    assert home.call("campaign", "complete", "spring", "--json").refusal == (1, "illegal_transition")


def test_a_campaign_completes_by_itself_with_its_last_task(home: Home) -> None:
    activated(home)
    finish(home, "spring-001")
    assert home.campaign()["status"] == "active"
    finish(home, "spring-002")
    assert home.campaign()["status"] == "completed"
    told = [event["type"] for event in home.events() if event["campaign"] == "spring"]
    assert told.count("campaign_completed") == 1


def test_cancelled_and_deleted_tasks_count_as_finished(home: Home) -> None:
    activated(home)
    home.ok("task", "cancel", "spring-001")
    home.ok("task", "delete", "spring-002")
    assert home.campaign()["status"] == "completed"


def test_a_paused_campaign_completes_too(home: Home) -> None:
    activated(home, target_article_count=1)
    home.ok("campaign", "pause", "spring")
    finish(home, "spring-001")
    assert home.campaign()["status"] == "completed"


def test_a_blocked_task_keeps_its_campaign_open(home: Home) -> None:
    activated(home)
    finish(home, "spring-001")
    home.ok("task", "block", "spring-002", "--reason", "x")
    home.ok("check_pipeline")
    assert home.campaign()["status"] == "active"


def test_the_manifest_lists_every_file_with_its_hash(live: Home) -> None:
    activated(live, target_article_count=1)
    wait_for(lambda: live.campaign()["status"] == "completed")
    folder = live.root / FOLDER
    files = json.loads((folder / "manifest.json").read_text())
    expected = [
        {
            "path": f"{name}/spring-001.md",
            "sha256": hashlib.sha256((folder / f"{name}/spring-001.md").read_bytes()).hexdigest(),
            "bytes": (folder / f"{name}/spring-001.md").stat().st_size,
            "title": "spring-001",
            "kind": kind,
            "version": 1,
            "parent": parent,
            "task": "spring-001",
            "step": step,
        }
        for step, (name, kind, parent) in enumerate(
            (
                ("research", "research_material", None),
                ("drafts", "article", "research/spring-001.md"),
                ("reviewed", "review", "drafts/spring-001.md"),
            )
        )
    ]
    assert files == {"campaign": "spring", "files": expected}


def test_a_folder_among_the_outputs_is_listed_file_by_file(home: Home) -> None:
    activated(home, target_article_count=1)
    images = home.root / FOLDER / "assets/images"
    images.mkdir(parents=True)
    (images / "a.png").write_bytes(b"a")
    (images / "b.png").write_bytes(b"bb")
    home.complete("spring-001", "alpha", "--output", "assets")
    home.ok("task", "cancel", "spring-001")
    files = json.loads((home.root / FOLDER / "manifest.json").read_text())["files"]
    assert [(file["path"], file["bytes"]) for file in files] == [
        ("assets/images/a.png", 1),
        ("assets/images/b.png", 2),
    ]


def test_the_summary_has_a_line_for_each_task(home: Home) -> None:
    activated(home, seed_keywords=["rye", "oats | wheat"])
    home.complete("spring-001", "alpha", "--quality-score", "81.5")
    home.ok("task", "cancel", "spring-001")
    home.ok("task", "cancel", "spring-002")
    lines = (home.root / FOLDER / "reports/completion-summary.md").read_text().splitlines()
    assert lines[0] == "# Spring launch"
    assert re.fullmatch(r"Campaign `spring`, pipeline `my-line`, completed 20\d\d-.*Z\.", lines[2])
    assert [line for line in lines if line.startswith("| spring-")] == [
        "| spring-001 | Spring launch: rye | cancelled | 81.5 | 0 |  |",
        "| spring-002 | Spring launch: oats / wheat | cancelled |  | 0 |  |",
    ]


@pytest.mark.parametrize(
    ("wish", "made"),
    [
        ({}, {"manifest.json", "completion-summary.md"}),
        ({"manifest": False}, {"completion-summary.md"}),
        ({"summary": False}, {"manifest.json"}),
        ({"manifest": False, "summary": False}, set()),
    ],
)
def test_papers_that_the_pipeline_does_not_want_are_not_written(
    home: Home, wish: dict[str, bool], made: set[str]
) -> None:
    home.ok("pipeline", "create", home.file("my-line.json", template(on_complete=wish)))
    activated(home)
    home.ok("campaign", "complete", "spring", "--cancel-remaining")
    folder = home.root / FOLDER
    papers = (folder / "manifest.json", folder / "reports/completion-summary.md")
    assert {path.name for path in papers if path.exists()} == made


def test_the_papers_are_there_before_the_campaign_is_completed(home: Home) -> None:
    activated(home, target_article_count=1)
    reports = home.root / FOLDER / "reports"
    reports.rmdir()
    reports.write_text("in the way")
    done = home.call("task", "cancel", "spring-001")
    assert (done.code, home.campaign()["status"]) == (0, "active")
    assert "campaign 'spring' could not be completed yet" in done.err
    reports.unlink()
    assert home.ok("check_pipeline").json["campaigns_completed"] == 1
    assert (reports / "completion-summary.md").exists()
