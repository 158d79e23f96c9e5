"""Revisions by a person, in the engine: the campaign and the task in step, also when a crash comes between the two."""

from __future__ import annotations

import pytest
from tests.builders import acquire, complete
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.campaign_commands import ActivateCampaign, CompleteCampaign, ReviseCampaign
from baton.domain.errors import AgentNotFound
from baton.domain.skills import Skill
from baton.engine.activation import generate
from baton.engine.campaign_repairs import open_campaigns
from baton.engine.revising import fix, rethink

FIX = c.FixTask(by="ann", agents=("writer",), notes="Name the sources")
WRITER = Skill(name="writer", description="Writes.", folder="/skills/writer", shipped=False)
ID = "spring-001"


@pytest.fixture
def world() -> World:
    """A campaign of one task, both complete, in a home that knows the agent."""
    world = World()
    world.agents.skills["writer"] = WRITER
    world.campaign("spring", count=1)
    generate(world.door, world.door.campaign("spring", ActivateCampaign()))
    finish(world)
    assert world.read_campaign("spring").status == "completed"
    return world


def finish(world: World) -> None:
    world.door.task(ID, acquire("writer"), complete("writer", outputs=("drafts/spring-001.md",)))
    world.close("spring")


def test_a_fix_puts_the_campaign_in_revision_and_its_end_completes_it(world: World) -> None:
    fix(world.door, world.agents, ID, FIX)
    assert (world.read_campaign("spring").status, world.read(ID).status) == ("in_revision", "revision_needed")
    assert world.store.tasks.is_live(ID)
    finish(world)
    assert (world.read_campaign("spring").status, world.read(ID).revision) == ("completed", None)


def test_a_rethink_puts_the_campaign_in_revision(world: World) -> None:
    rethink(world.door, ID, "ann", 0, "Another angle", stop_run=False)
    assert (world.read_campaign("spring").status, world.read(ID).rejection_notes) == ("in_revision", "Another angle")


def test_an_agent_whose_skill_is_gone_is_refused_before_anything_is_written(world: World) -> None:
    del world.agents.skills["writer"]
    before, events = world.read_campaign("spring"), world.events()
    with pytest.raises(AgentNotFound):
        fix(world.door, world.agents, ID, FIX)
    assert (world.read_campaign("spring"), world.events()) == (before, events)


def test_a_crash_before_the_task_was_opened_leaves_a_campaign_that_the_sweep_completes(world: World) -> None:
    world.door.campaign("spring", ReviseCampaign(task=ID, by="ann"))
    assert world.read_campaign("spring").status == "in_revision"
    assert world.mend(open_campaigns) == ["campaigns_completed"]
    assert world.read_campaign("spring").status == "completed"


def test_a_campaign_completed_between_the_two_commits_is_in_revision_again_by_the_sweep(world: World) -> None:
    world.door.campaign("spring", ReviseCampaign(task=ID, by="ann"))
    world.close("spring")
    world.door.task(ID, FIX)
    assert world.read_campaign("spring").status == "completed"
    assert world.mend(open_campaigns) == ["campaigns_reopened"]
    assert world.read_campaign("spring").status == "in_revision"


def test_a_completion_that_saw_the_campaign_before_its_revision_does_nothing(world: World) -> None:
    seen = world.read_campaign("spring").version
    fix(world.door, world.agents, ID, FIX)
    world.door.campaign("spring", CompleteCampaign(seen_version=seen, by="baton", counts={}))
    assert world.read_campaign("spring").status == "in_revision"


def test_a_fix_looks_at_the_campaign_once_more_after_the_task(world: World) -> None:
    change = world.store.tasks.update

    def update(id, decide):  # type: ignore[no-untyped-def]
        world.close("spring")  # a sweep that saw every task finished
        return change(id, decide)

    world.store.tasks.update = update  # type: ignore[method-assign]
    fix(world.door, world.agents, ID, FIX)
    assert len(world.events("campaign_completed")) == 2, "the campaign was completed in between"
    assert world.read_campaign("spring").status == "in_revision"
