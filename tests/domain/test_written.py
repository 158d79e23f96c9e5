"""Campaign and task files as people write them, and the commands they become."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.builders import LINE, NOW, after, campaign, template

from baton.domain import campaigns, tasks
from baton.domain.campaign_commands import ActivateCampaign, AddTask, CreateCampaign, ExtendCampaign
from baton.domain.campaigns import Campaign
from baton.domain.commands import CreateTask
from baton.domain.errors import InvalidInput
from baton.domain.evidence import WrittenExpectation
from baton.domain.pipelines import Step, Template, units_of
from baton.domain.skill_lists import CampaignSkills
from baton.domain.statuses import TaskStatus
from baton.domain.written import CampaignFile, TaskFile, campaign_from, planned_task, task_from

CAMPAIGN = {
    "project": "acme",
    "slug": "spring-launch",
    "name": "Spring launch",
    "description": "What it is about",
    "pipeline": "content-draft",
    "target_article_count": 3,
    "generate": "per_article",
    "seed_keywords": ["rye bread", "sourdough"],
    "deliverables": {"hero_image": True},
    "focus_groups": [],
    "services": {},
    "sources": ["brief.md"],
    "notes": "free text",
}
TASK = {"title": "Rye bread", "pipeline": "content-draft"}


def read_campaign(**changed: Any) -> CampaignFile:
    return msgspec.convert(CAMPAIGN | changed, CampaignFile)


def read_task(**changed: Any) -> TaskFile:
    return msgspec.convert(TASK | changed, TaskFile)


def refusal(read: Any, **changed: Any) -> str:
    """Why a file with these changes is refused."""
    with pytest.raises(msgspec.ValidationError) as refused:
        read(**changed)
    return str(refused.value)


# -- campaign files -----------------------------------------------------------------------------------------------


def test_the_campaign_of_the_contract_is_read_and_becomes_a_command() -> None:
    command = campaign_from(read_campaign(), template(), ("sources/brief.md",), "ann")
    assert command == CreateCampaign(
        id="spring-launch",
        fields={
            "project": "acme",
            "name": "Spring launch",
            "description": "What it is about",
            "pipeline": "content-draft",
            "target_article_count": 3,
            "generate": "per_article",
            "seed_keywords": ("rye bread", "sourdough"),
            "competitor_urls": (),
            "deliverables": {"hero_image": True},
            "products": (),
            "focus_groups": (),
            "publish": None,
            "services": {},
            "sources": ("sources/brief.md",),
            "harness": None,
            "model": None,
            "notes": "free text",
            "skills": CampaignSkills(),
            "snapshot": template(),
            "created_by": "ann",
        },
    )
    record, _ = campaigns.decide(None, command, NOW)
    assert (record.id, record.target_article_count) == ("spring-launch", 3)


def test_a_campaign_file_needs_only_a_few_keys() -> None:
    kept = {key: CAMPAIGN[key] for key in ("project", "slug", "name", "pipeline")}
    written = msgspec.convert(kept, CampaignFile)
    assert (written.target_article_count, written.generate) == (5, "per_article")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slug": "Spring"}, "'Spring' is not a valid campaign id"),
        ({"slug": "a" * 101}, "the campaign slug is 101 characters long"),
        ({"project": "../acme"}, "'../acme' is not a valid project id"),
        ({"pipeline": "a/b"}, "'a/b' is not a valid pipeline id"),
        ({"name": " "}, "name must not be empty"),
        ({"target_article_count": 0}, "target_article_count must be between 1 and 10000"),
        ({"target_article_count": 10_001}, "target_article_count must be between 1 and 10000"),
        ({"target_article_count": "3"}, "Expected `int`, got `str`"),
        ({"generate": "all"}, "generate must be per_article or batch"),
        ({"harness": "clade"}, "harness 'clade' is not one of"),
        ({"target_count": 3}, "unknown field `target_count`"),
    ],
)
def test_a_campaign_file_that_cannot_be_obeyed_is_refused_with_the_reason(
    changed: dict[str, Any], message: str
) -> None:
    assert message in refusal(read_campaign, **changed)


def branched(*deliverables: str | None) -> Template:
    """A template with a branch for each deliverable."""
    branches = [
        {"trigger_after_step": 0, "agent": "painter", "label": f"Branch {number}", "deliverable": name}
        for number, name in enumerate(deliverables)
    ]
    return msgspec.convert(
        {"slug": "x", "name": "X", "main_steps": [{"agent": "alpha"}], "parallel_branches": branches}, Template
    )


def test_a_deliverable_that_no_branch_makes_is_refused_with_those_that_there_are() -> None:
    wanted = read_campaign(deliverables={"hero_image": True, "video": True, "podcast": True})
    with pytest.raises(InvalidInput) as refused:
        campaign_from(wanted, branched("hero_image", "ads", None), (), "ann")
    assert refused.value.message == "deliverables: no branch of pipeline 'x' makes video, podcast"
    assert refused.value.cure == "choose from ads, hero_image"


@pytest.mark.parametrize(
    ("wanted", "deliverables"),
    [
        ({"hero_image": True, "ads": False}, ("hero_image", "ads")),
        ({"video": False}, ("hero_image",)),
        ({"video": True}, ()),
        ({"video": True}, (None,)),
    ],
    ids=["known", "not wanted anyway", "no branches", "branches without a deliverable"],
)
def test_other_deliverables_are_kept(wanted: dict[str, bool], deliverables: tuple[str | None, ...]) -> None:
    command = campaign_from(read_campaign(deliverables=wanted), branched(*deliverables), (), "ann")
    assert command.fields["deliverables"] == wanted


# -- task files ---------------------------------------------------------------------------------------------------


def test_a_task_file_becomes_a_command_with_every_field_a_person_may_set() -> None:
    written = read_task(
        id="rye",
        project="acme",
        campaign="spring",
        description="A loaf",
        priority="high",
        depends_on=["winter-001"],
        not_before="2026-11-21T09:30:00+01:00",
        repo="/srv/site",
        keywords=["rye"],
        brief="short",
        content_type="post",
        content_slug="rye-bread",
        pieces=3,
        focus_groups=["bakers"],
        services={"search": ["local-search"]},
        labels=["bread"],
        assignees=["ann"],
        subscribers=["bob"],
    )
    command = task_from(written, template(Step(agent="content-writer")), "rye", None, "ann")
    assert command == CreateTask(
        id="rye",
        units=units_of((Step(agent="content-writer"),)),
        fields={
            "title": "Rye bread",
            "project": "acme",
            "campaign": "spring",
            "description": "A loaf",
            "priority": "high",
            "depends_on": ("winter-001",),
            "not_before": NOW,
            "repo": "/srv/site",
            "keywords": ("rye",),
            "brief": "short",
            "content_type": "post",
            "content_slug": "rye-bread",
            "pieces": 3,
            "focus_groups": ("bakers",),
            "services": {"search": ("local-search",)},
            "labels": ("bread",),
            "assignees": ("ann",),
            "subscribers": ("bob",),
            "created_by": "ann",
        },
    )
    assert tasks.decide(None, command, NOW)[0].status is TaskStatus.BACKLOG


def test_a_task_says_itself_who_made_it_if_it_likes() -> None:
    written = read_task(created_by="the importer")
    assert (
        task_from(written, template(Step(agent="content-writer")), "rye", None, "ann").fields["created_by"]
        == "the importer"
    )


def test_a_task_file_may_hold_its_steps_itself() -> None:
    written = read_task(pipeline=[{"agent": "content-writer", "label": "Write"}])
    assert written.pipeline == (Step(agent="content-writer", label="Write"),)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"title": " "}, "title must not be empty"),
        ({"id": "Rye"}, "'Rye' is not a valid task id"),
        ({"depends_on": ["../x"]}, "'../x' is not a valid task id"),
        ({"depends_on": ["a", "a"]}, "depends_on names a task twice"),
        ({"project": "a" * 101}, "the project slug is 101 characters long"),
        ({"campaign": "A"}, "'A' is not a valid campaign id"),
        ({"priority": "soon"}, "priority 'soon' is not one of urgent, high, medium, low"),
        ({"priority": -1}, "priority -1 is not between 0 and 999"),
        ({"priority": 1000}, "priority 1000 is not between 0 and 999"),
        ({"not_before": "tomorrow"}, "'tomorrow' is not an instant"),
        ({"not_before": "2026-11-21T08:30:00"}, "has no time zone"),
        ({"not_before": "9999-12-31T23:59:59-01:00"}, "9999"),
        ({"repo": "site"}, "repo must be an absolute path"),
        ({"pipeline": []}, "none of the steps has an agent"),
        ({"pipeline": [{"agent": "a b"}]}, "is not a valid agent name"),
        ({"status": "completed"}, "unknown field `status`"),
    ],
)
def test_a_task_file_that_cannot_be_obeyed_is_refused_with_the_reason(changed: dict[str, Any], message: str) -> None:
    assert message in refusal(read_task, **changed)


# -- planned tasks ------------------------------------------------------------------------------------------------


def planned(count: int, **fields: Any) -> Campaign:
    """An activated campaign of this many tasks."""
    return after(campaign(target_article_count=count, **fields), ActivateCampaign())


def shares(found: Campaign) -> list[tuple[str, ...]]:
    return [planned_task(found, name).fields["keywords"] for name in found.planned]


def titles(found: Campaign) -> list[str]:
    return [planned_task(found, name).fields["title"] for name in found.planned]


def test_a_planned_task_carries_what_the_campaign_says() -> None:
    found = planned(
        1,
        seed_keywords=("rye bread",),
        description="What it is about",
        notes="free text",
        deliverables={"hero_image": True},
        focus_groups=("bakers",),
        harness="codex",
        model="sonnet",
    )
    assert planned_task(found, "spring-001") == CreateTask(
        id="spring-001",
        units=units_of(found.snapshot.main_steps, harness="codex", model="sonnet"),
        fields={
            "project": "acme",
            "campaign": "spring",
            "title": "Spring launch: rye bread",
            "description": "What it is about",
            "keywords": ("rye bread",),
            "brief": "free text",
            "deliverables": {"hero_image": True},
            "focus_groups": ("bakers",),
            "pieces": None,
            "created_by": "campaign spring",
        },
    )


def test_a_planned_task_has_the_steps_of_the_frozen_pipeline() -> None:
    found = planned(1)
    made, _ = tasks.decide(None, planned_task(found, "spring-001"), NOW)
    assert [(step.agent, step.output_dir) for step in made.pipeline] == list(LINE)


@pytest.mark.parametrize(
    ("count", "keywords", "shared"),
    [
        (2, ("a", "b"), [("a",), ("b",)]),
        (2, ("a", "b", "c", "d", "e"), [("a", "c", "e"), ("b", "d")]),
        (3, ("a", "b"), [("a",), ("b",), ("a",)]),
        (2, (), [(), ()]),
    ],
)
def test_the_seed_keywords_are_dealt_out_and_none_is_left_over(
    count: int, keywords: tuple[str, ...], shared: list[tuple[str, ...]]
) -> None:
    assert shares(planned(count, seed_keywords=keywords)) == shared


def test_the_one_task_of_a_batch_knows_how_many_pieces_it_makes_and_its_steps_expect_so_many() -> None:
    expects = (WrittenExpectation(folder="drafts/{task}", count="pieces"),)
    line = template(Step(agent="writer", expects=expects))
    for generate, pieces in (("batch", 3), ("per_article", None)):
        command = planned_task(planned(3, generate=generate, snapshot=line), "spring-001")
        assert command.fields["pieces"] == pieces
        assert command.units[0].expects[0].count == (pieces or 1)


def test_the_one_task_of_a_batch_gets_every_keyword() -> None:
    assert shares(planned(3, generate="batch", seed_keywords=("a", "b"))) == [("a", "b")]


def test_a_task_of_a_persons_own_takes_no_share_of_the_keywords() -> None:
    made = campaign(target_article_count=2, seed_keywords=("a", "b", "c", "d"))
    found = after(made, AddTask(task="rye-bread", by="ann"), ActivateCampaign())
    dealt = [word for name in found.planned for word in planned_task(found, name).fields["keywords"]]
    assert sorted(dealt) == ["a", "b", "c", "d"]


def test_tasks_that_are_added_later_have_keywords_too() -> None:
    found = after(planned(2, seed_keywords=("a", "b")), ExtendCampaign(count=2, by="ann"))
    assert all(shares(found))


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (planned(2, seed_keywords=("rye", "spelt")), ["Spring launch: rye", "Spring launch: spelt"]),
        (planned(2), ["Spring launch (1 of 2)", "Spring launch (2 of 2)"]),
        (planned(1), ["Spring launch"]),
        (planned(1, seed_keywords=("rye",)), ["Spring launch: rye"]),
        (planned(3, generate="batch", seed_keywords=("rye", "spelt")), ["Spring launch"]),
    ],
    ids=["keywords", "numbers", "a single one", "a single keyword", "a batch"],
)
def test_a_planned_task_is_called_after_the_campaign_and_what_sets_it_apart(
    found: Campaign, written: list[str]
) -> None:
    assert titles(found) == written
