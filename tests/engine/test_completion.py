"""A campaign is complete when every planned task is finished: a missing one is not, nor one that cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.builders import block, cancel
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.campaign_commands import ExtendCampaign, PauseCampaign, ReopenCampaign
from baton.domain.pipelines import OnComplete, Step, Template
from baton.engine.activation import activate, generate
from baton.engine.campaign_repairs import open_campaigns
from baton.engine.completion import look_at, progress_of

PLANNED = ("spring-001", "spring-002", "spring-003")


@pytest.fixture
def world() -> World:
    made = World()
    made.campaign("spring", notes="N")
    activate(made.door, "spring")
    return made


def complete(world: World, *ids: str, **done: Any) -> None:
    """Complete tasks of one step, by hand."""
    for id in ids:
        world.door.task(
            id,
            c.AcquireByHand(agent="x", holder=world.clock.holder(), steal_after_seconds=600.0),
            c.CompleteByHand(agent="x", **done),
        )


def looked(world: World) -> bool:
    """Look at the campaign; tell whether it was completed by this."""
    return look_at(world.door, world.clock, world.papers, "spring", "ann") is not None


def test_a_campaign_is_completed_when_every_planned_task_is_finished(world: World) -> None:
    complete(world, *PLANNED[:2])
    world.door.task(PLANNED[2], cancel())
    assert looked(world)
    campaign = world.read_campaign("spring")
    assert (campaign.status, campaign.completed_at) == ("completed", world.clock.now())
    (event,) = world.events("campaign_completed")
    assert event["data"] == {
        "by": "ann", "name": "Spring", "counts": {"completed": 2, "cancelled": 1}, "telegram": True,
    }  # fmt: skip


def test_a_completed_campaign_is_not_completed_again(world: World) -> None:
    complete(world, *PLANNED)
    assert looked(world)
    assert not looked(world)
    assert len(world.events("campaign_completed")) == 1


@pytest.mark.parametrize("unfinished", PLANNED)
def test_one_task_that_is_not_finished_keeps_it_open(world: World, unfinished: str) -> None:
    complete(world, *(id for id in PLANNED if id != unfinished))
    assert not looked(world)
    assert world.papers.written == {}


def test_a_blocked_task_is_not_finished(world: World) -> None:
    complete(world, *PLANNED[:2])
    world.door.task(PLANNED[2], block())
    assert not looked(world)


def test_a_deleted_task_is_finished(world: World) -> None:
    complete(world, *PLANNED[:2])
    world.door.task(PLANNED[2], c.DeleteTask(by="ann"))
    assert looked(world)


def test_a_missing_task_is_not_finished(world: World) -> None:
    complete(world, *PLANNED)
    del world.store.tasks._archive[PLANNED[1]]
    assert not looked(world)
    assert progress_of(world.door, world.read_campaign("spring")).statuses == {"completed": 2, "missing": 1}


def test_a_damaged_task_is_not_finished_and_neither_is_one_in_quarantine(world: World) -> None:
    complete(world, *PLANNED[:2])
    world.store.tasks.damage(PLANNED[2])
    assert not looked(world)
    assert world.store.tasks.set_aside(PLANNED[2], "")
    assert not looked(world)
    assert progress_of(world.door, world.read_campaign("spring")).statuses == {"completed": 2, "damaged": 1}


def test_a_campaign_whose_plan_is_not_finished_stays_open(world: World) -> None:
    complete(world, *PLANNED)
    world.door.campaign("spring", ExtendCampaign(count=1, by="ann"))
    assert not looked(world)


def test_a_campaign_that_is_not_active_is_not_completed() -> None:
    world = World()
    world.campaign("spring", count=1)
    assert not looked(world)


def test_a_paused_campaign_is_completed_too(world: World) -> None:
    world.door.campaign("spring", PauseCampaign(by="ann"))
    complete(world, *PLANNED)
    assert looked(world)


def test_a_campaign_extended_while_its_papers_were_written_stays_open(world: World) -> None:
    complete(world, *PLANNED)
    world.papers.before_write = lambda: world.door.campaign("spring", ExtendCampaign(count=1, by="ann"))
    assert not looked(world)
    assert world.papers.before_write is None
    campaign = world.read_campaign("spring")
    assert (campaign.status, len(campaign.planned)) == ("active", 4)
    assert world.events("campaign_completed") == []
    generate(world.door, campaign)
    complete(world, "spring-004")
    assert looked(world)


def test_a_campaign_whose_papers_do_not_tell_of_its_last_task_stays_open(world: World) -> None:
    """It was extended, and the new task made and completed, while the papers were written."""
    complete(world, *PLANNED)

    def goes_on() -> None:
        generate(world.door, world.door.campaign("spring", ExtendCampaign(count=1, by="ann")))
        complete(world, "spring-004")

    world.papers.before_write = goes_on
    assert not looked(world)
    assert world.events("campaign_completed") == []
    assert looked(world)


def test_two_who_look_at_the_same_time_complete_it_once(world: World) -> None:
    complete(world, *PLANNED)
    world.papers.before_write = lambda: looked(world)
    looked(world)
    assert len(world.events("campaign_completed")) == 1


def test_papers_are_written_before_it_is_completed(world: World) -> None:
    complete(world, *PLANNED)
    seen = []
    world.papers.before_write = lambda: seen.append(world.read_campaign("spring").status)
    assert looked(world)
    assert seen == ["active"]
    assert sorted(world.papers.written) == ["acme/spring/manifest.json", "acme/spring/reports/completion-summary.md"]


def test_papers_that_cannot_be_written_keep_it_open(world: World) -> None:
    complete(world, *PLANNED)

    def fail() -> None:
        raise OSError("the disk is full")

    world.papers.before_write = fail
    with pytest.raises(OSError, match="full"):
        looked(world)
    assert world.read_campaign("spring").status == "active"
    assert looked(world)


def test_the_manifest_names_what_is_there_of_what_the_steps_left(world: World) -> None:
    world.papers.files = {"drafts/a.md": b"four", "pictures/1.png": b"12", "pictures/2.png": b"1"}
    complete(world, PLANNED[0], outputs=("drafts/a.md", "pictures"))
    complete(world, PLANNED[1], outputs=("drafts/gone.md",))
    complete(world, PLANNED[2])
    assert looked(world)
    assert json.loads(world.papers.written["acme/spring/manifest.json"]) == {
        "campaign": "spring",
        "files": [
            {"path": "drafts/a.md", "bytes": 4, "task": "spring-001", "step": 0, "version": 1},
            {"path": "pictures/1.png", "bytes": 2, "task": "spring-001", "step": 0, "version": 1},
            {"path": "pictures/2.png", "bytes": 1, "task": "spring-001", "step": 0, "version": 1},
        ],
    }


def test_the_summary_has_a_line_a_task(world: World) -> None:
    world.papers.files = {"drafts/a.md": b"four"}
    complete(world, PLANNED[0], outputs=("drafts/a.md",), quality_score=81.5)
    complete(world, PLANNED[1])
    world.door.task(PLANNED[2], cancel())
    assert looked(world)
    lines = world.papers.written["acme/spring/reports/completion-summary.md"].splitlines()
    assert lines[0] == "# Spring"
    assert lines[6:] == [
        "| spring-001 | Spring (1 of 3) | completed | 81.5 | 0 | `drafts/a.md` |",
        "| spring-002 | Spring (2 of 3) | completed |  | 0 |  |",
        "| spring-003 | Spring (3 of 3) | cancelled |  | 0 |  |",
    ]


def test_a_pipeline_may_want_no_papers_and_no_message() -> None:
    world = World()
    quiet = OnComplete(telegram=False, summary=False, manifest=False)
    line = Template(slug="line", name="Line", main_steps=(Step(agent="writer"),), on_complete=quiet)
    world.campaign("spring", count=1, snapshot=line)
    activate(world.door, "spring")
    complete(world, "spring-001")
    assert looked(world)
    assert world.papers.written == {}
    assert world.events("campaign_completed")[0]["data"]["telegram"] is False


def test_the_last_task_to_end_tells_whoever_looks_at_campaigns(world: World) -> None:
    complete(world, *PLANNED)
    assert world.finished == list(PLANNED)


def test_progress_counts_planned_tasks_only(world: World) -> None:
    complete(world, PLANNED[0])
    world.door.task(PLANNED[1], cancel())
    world.task("other")
    progress = progress_of(world.door, world.read_campaign("spring"))
    assert progress.statuses == {"completed": 1, "cancelled": 1, "backlog": 1}
    assert (progress.completed, progress.finished, progress.total, progress.percent) == (1, 2, 3, 66)


# -- by the sweep -------------------------------------------------------------------------------------------------


def test_the_sweep_completes_what_nobody_completed(world: World) -> None:
    complete(world, *PLANNED)
    assert world.mend(open_campaigns) == ["campaigns_completed"]
    assert world.read_campaign("spring").status == "completed"
    assert world.mend(open_campaigns) == []


def test_the_sweep_leaves_a_campaign_open_whose_task_is_missing(world: World) -> None:
    complete(world, *PLANNED)
    del world.store.tasks._archive[PLANNED[1]]
    assert world.mend(open_campaigns) == []
    assert world.read_campaign("spring").status == "active"


def test_a_completed_campaign_with_a_live_task_is_opened_again(world: World) -> None:
    complete(world, *PLANNED)
    looked(world)
    world.task("spring-004", campaign="spring")
    assert world.mend(open_campaigns) == ["campaigns_reopened"]
    assert world.read_campaign("spring").status == "active"
    assert [event["data"] for event in world.events("campaign_reopened")] == [{"task": "spring-004"}]


def test_a_campaign_whose_last_task_ended_while_the_sweep_looked_stays_completed(world: World) -> None:
    complete(world, *PLANNED[:2])
    early = world.scene()
    complete(world, PLANNED[2])
    assert looked(world)
    # Tasks were read before campaigns: together they say that a live task is in a completed campaign.
    from msgspec import structs

    mixed = structs.replace(early, campaigns=world.scene().campaigns)
    assert world.mend(open_campaigns, mixed) == []
    assert world.read_campaign("spring").status == "completed"
    assert world.events("campaign_reopened") == []


def test_opening_an_open_campaign_again_changes_nothing(world: World) -> None:
    before = world.read_campaign("spring")
    assert world.door.campaign("spring", ReopenCampaign(task="t")) == before
