"""``activate_campaign.py``: the tasks are made once, each with its share; what is ready is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.homes import LINE, Home, tree, wait_for


def test_the_answer_names_the_tasks_that_were_made(home: Home) -> None:
    home.make_campaign()
    done = home.call("activate_campaign", "spring")
    assert (done.code, done.err) == (0, "")
    assert done.json == {
        "campaign": "spring",
        "status": "active",
        "created": ["spring-001", "spring-002"],
        "dispatched": 0,
    }


def test_the_second_time_makes_nothing(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    before = tree(home.root)
    answer = home.ok("activate_campaign", "spring").json
    assert answer == {"campaign": "spring", "status": "active", "created": [], "dispatched": 0}
    assert tree(home.root) == before


def test_each_task_has_the_steps_of_the_pipeline(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    task = home.record("spring-002")
    assert [(step["agent"], step["status"]) for step in task["pipeline"]] == [
        ("alpha", "pending"),
        ("beta", "pending"),
        ("gamma", "pending"),
    ]
    assert (task["project"], task["campaign"], task["status"], task["priority"]) == (
        "acme",
        "spring",
        "backlog",
        "medium",
    )


def test_each_task_has_its_share_of_the_keywords_and_what_all_get(home: Home) -> None:
    wishes = {"deliverables": {"hero_image": True}, "focus_groups": ["bakers"], "notes": "Be brief"}
    home.make_campaign(seed_keywords=["rye", "oats", "wheat"], **wishes)
    home.ok("activate_campaign", "spring")
    tasks = [home.record(f"spring-00{number}") for number in (1, 2)]
    assert [task["keywords"] for task in tasks] == [["rye", "wheat"], ["oats"]]
    for task in tasks:
        assert (task["deliverables"], task["focus_groups"]) == ({"hero_image": True}, ["bakers"])


def test_a_batch_is_one_task_for_all(home: Home) -> None:
    home.make_campaign(generate="batch", seed_keywords=["rye", "oats"], target_article_count=3)
    answer = home.ok("activate_campaign", "spring").json
    assert answer["created"] == ["spring-001"]
    assert home.record("spring-001")["keywords"] == ["rye", "oats"]


def test_five_tasks_are_made_where_nobody_says_how_many(home: Home) -> None:
    home.ok("pipeline", "create", home.file("p.yaml", "slug: my-line\nname: x\nmain_steps: [{agent: alpha}]\n"))
    file = home.file("c.yaml", "project: acme\nslug: spring\nname: Spring\npipeline: my-line\n")
    home.ok("campaign", "create", file)
    assert len(home.ok("activate_campaign", "spring").json["created"]) == 5


def test_what_is_ready_is_started_as_far_as_there_are_slots(live: Home) -> None:
    live.settings("harness: {default: script}\nconcurrency: {agents: 2}\n")
    live.make_campaign(target_article_count=3)
    assert live.ok("activate_campaign", "spring").json["dispatched"] == 2
    wait_for(lambda: live.campaign()["status"] == "completed")


def test_no_dispatch_only_makes_the_tasks(live: Home) -> None:
    live.make_campaign()
    answer = live.ok("activate_campaign", "spring", "--no-dispatch").json
    assert (len(answer["created"]), answer["dispatched"]) == (2, 0)
    assert (live.slots(), live.record("spring-001")["token"]) == ([], 0)


def test_the_whole_road_needs_nothing_but_this_call(live: Home) -> None:
    live.make_campaign()
    live.run("activate_campaign", "spring")
    wait_for(lambda: live.campaign()["status"] == "completed")
    for number in (1, 2):
        agents = [step["result"]["agent"] for step in live.record(f"spring-00{number}")["pipeline"]]
        assert agents == list(LINE)


def test_a_campaign_that_does_not_exist_is_not_found(home: Home) -> None:
    done = home.call("activate_campaign", "nope")
    assert done.refusal == (1, "campaign_not_found")
    assert done.error["message"] == "there is no campaign 'nope'"


@pytest.mark.parametrize("end", ["complete", "pause"])
def test_a_campaign_that_is_not_planned_or_active_is_not_activated(home: Home, end: str) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    home.ok("campaign", end, "spring", *(["--cancel-remaining"] if end == "complete" else []))
    before = home.campaign()
    assert home.call("activate_campaign", "spring").refusal == (1, "illegal_transition")
    assert home.campaign() == before


def test_a_task_of_a_persons_own_keeps_its_id(home: Home) -> None:
    home.make_campaign()
    home.make_task("spring-001", campaign="spring", title="My own")
    created = home.ok("activate_campaign", "spring").json["created"]
    assert created == ["spring-002", "spring-003"]
    assert home.record("spring-001")["title"] == "My own"


def test_a_deleted_task_is_not_made_again(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    home.ok("task", "delete", "spring-001")
    assert home.ok("activate_campaign", "spring").json["created"] == []
    assert home.record("spring-001")["status"] == "deleted"


# -- an agent that could not work -------------------------------------------------------------------------------------


def without_front_matter(skill: Path) -> None:
    (skill / "SKILL.md").write_text("Write one friendly line.\n")


def under_another_name(skill: Path) -> None:
    text = (skill / "SKILL.md").read_text()
    (skill / "SKILL.md").write_text(text.replace("name: beta", "name: other"))


def without_the_right_to_run(skill: Path) -> None:
    for file in skill.iterdir():
        file.chmod(0o600)


def behind_a_link_out_of_the_home(skill: Path) -> None:
    outside = skill.parents[2] / "outside"
    skill.rename(outside)
    skill.symlink_to(outside)


def nowhere(skill: Path) -> None:
    skill.rename(skill.with_name("delta"))


@pytest.mark.parametrize(
    ("broken", "code", "said"),
    [
        (without_front_matter, "invalid_input", "/skills/beta/SKILL.md:1: has no front matter"),
        (under_another_name, "invalid_input", "/skills/beta/SKILL.md: name: is 'other', but its folder is 'beta'"),
        (without_the_right_to_run, "invalid_input", "is not executable"),
        (behind_a_link_out_of_the_home, "invalid_input", "/skills/beta: the link leads out of "),
        (nowhere, "agent_not_found", "there is no agent 'beta'"),
    ],
)
def test_an_agent_that_could_not_work_is_told_in_one_sentence_before_anything_starts(
    home: Home, broken: Callable[[Path], None], code: str, said: str
) -> None:
    home.make_campaign()
    broken(home.root / "skills/beta")
    before = {name: file for name, file in tree(home.state).items() if not name.startswith("cache/")}
    done = home.call("activate_campaign", "spring")
    assert done.refusal == (1, code)
    assert said in done.error["message"] and "\n" not in done.error["message"] and done.error["cure"]
    assert {name: file for name, file in tree(home.state).items() if not name.startswith("cache/")} == before


def test_an_agent_that_breaks_later_does_not_refuse_what_is_active(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    without_front_matter(home.root / "skills/beta")
    assert home.ok("activate_campaign", "spring").json["created"] == []
