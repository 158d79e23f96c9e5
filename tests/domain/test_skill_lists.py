"""Which further skills a run is given: four lists, in their order, the later one wins."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.builders import template
from tests.domain.test_written import read_campaign

from baton.domain.errors import InvalidInput
from baton.domain.pipelines import Branch, Step, units_of
from baton.domain.settings import Settings
from baton.domain.skill_lists import CampaignSkills, chosen
from baton.domain.skills import FrontMatter, skill_from
from baton.domain.written import campaign_from

STATIC, STEP, CAMPAIGN, ALWAYS = ("seo", "tone"), ("-seo", "long-form"), ("-tone", "seo"), ("tone",)


@pytest.mark.parametrize(
    ("layers", "left"),
    [
        ((), ()),
        ((STATIC,), ("seo", "tone")),
        ((STATIC, STEP), ("tone", "long-form")),
        ((STATIC, STEP, CAMPAIGN), ("long-form", "seo")),
        ((STATIC, STEP, CAMPAIGN, ALWAYS), ("long-form", "seo", "tone")),
        ((STATIC, (), (), ("seo",)), ("tone", "seo")),
        ((("-never-there",),), ()),
    ],
)
def test_a_later_list_adds_takes_away_and_puts_behind(
    layers: tuple[tuple[str, ...], ...], left: tuple[str, ...]
) -> None:
    assert chosen(*layers) == left


def test_a_campaign_speaks_of_all_then_of_one_agent_then_of_one_step() -> None:
    skills = CampaignSkills(all=("a",), agents={"writer": ("b",)}, steps={"1": ("c",), "Write": ("-a",)})
    assert skills.of("writer", "1", "Write") == ("a", "b", "c", "-a")
    assert skills.of("reviewer", "2", "") == ("a",)


def test_a_skill_names_its_further_skills_with_spaces_between() -> None:
    written = FrontMatter(name="writer", description="Writes.", metadata={"skills": "seo long-form"})
    assert skill_from(written, folder="/s/writer", folder_name="writer", shipped=False).skills == ("seo", "long-form")


def test_a_task_keeps_what_its_step_says() -> None:
    assert units_of((Step(agent="writer", skills=("seo", "-tone")),))[0].skills == ("seo", "-tone")


@pytest.mark.parametrize("written", [["seo"], {"all": ["seo"]}])
def test_a_campaign_may_write_a_list_for_all_of_them(written: Any) -> None:
    command = campaign_from(read_campaign(skills=written), template(Step(agent="writer")), (), "ann")
    assert command.fields["skills"] == CampaignSkills(all=("seo",))


def test_a_campaign_may_name_agents_and_steps_and_branches_of_its_pipeline() -> None:
    line = msgspec.structs.replace(
        template(Step(agent="writer", label="Write"), Step(agent="reviewer")),
        parallel_branches=(Branch(agent="social-writer", label="Posts", trigger_after_step=0),),
    )
    written = {"agents": {"social-writer": ["seo"]}, "steps": {"Write": ["a"], "1": ["b"], "Posts": ["-seo"]}}
    found = campaign_from(read_campaign(skills=written), line, (), "ann").fields["skills"]
    assert found == msgspec.convert(written, CampaignSkills)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"agents": {"writter": ["seo"]}}, "skills.agents: the pipeline 'my-line' has no agent 'writter'"),
        ({"steps": {"2": ["seo"]}}, "skills.steps: the pipeline 'my-line' has no step '2'"),
    ],
)
def test_a_word_for_an_agent_or_step_that_is_not_there_is_refused(written: Any, said: str) -> None:
    line = msgspec.structs.replace(template(Step(agent="writer")), slug="my-line")
    with pytest.raises(InvalidInput) as refused:
        campaign_from(read_campaign(skills=written), line, (), "ann")
    assert refused.value.message == said
    assert "writer" in refused.value.cure or "0" in refused.value.cure


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: Step(agent="w", skills=("Seo",)), "skills: 'Seo' is not a skill's name"),
        (lambda: Step(agent="w", skills=("--seo",)), "skills: '--seo' is not a skill's name"),
        (lambda: Step(agent="w", skills=tuple(f"s{n}" for n in range(31))), "skills: names 31 skills, 30 are allowed"),
        (lambda: CampaignSkills(steps={"1": ("../x",)}), "steps.1: '../x' is not a skill's name"),
        (
            lambda: FrontMatter(name="w", description="W.", metadata={"skills": "-seo"}),
            "metadata.skills: '-seo' takes a skill away, and nothing stands before this",
        ),
        (
            lambda: msgspec.convert({"skills": {"always": ["-seo"]}}, Settings),
            "always: '-seo' takes a skill away, and nothing stands before this - at `$.skills`",
        ),
    ],
)
def test_what_cannot_be_a_skill_is_refused_where_it_is_written(read: Any, said: str) -> None:
    with pytest.raises(ValueError, match="skill") as refused:
        read()
    assert str(refused.value) == said
