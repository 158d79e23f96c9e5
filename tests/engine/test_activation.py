"""Activation: each planned task is made once, wherever it is cut short, however often it is done again."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.builders import cancel, create_task, unit
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.campaign_commands import ActivateCampaign, AddTask, ExtendCampaign, PauseCampaign
from baton.domain.errors import CampaignNotFound, IllegalTransition
from baton.engine.activation import activate, generate
from baton.engine.campaign_repairs import unfinished_plans, unlisted_tasks
from baton.engine.creation import create_task as create_task_by_hand

PLANNED = ("spring-001", "spring-002", "spring-003")


class Killed(BaseException):
    """The process is gone."""


class Death:
    """Ends the process at one of its changes: before it is made, or after."""

    def __init__(self, world: World, change: int, when: str) -> None:
        self.fired = False
        self._seen = 0
        for kind in (world.store.tasks, world.store.campaigns):
            kind.update = self._around(kind.update, change, when)  # type: ignore[method-assign]

    def _around(self, update: Any, change: int, when: str) -> Any:
        def deadly(*words: Any) -> Any:
            self._seen += 1
            if self._seen - 1 != change:
                return update(*words)
            self.fired = True
            if when == "after":
                update(*words)
            raise Killed()

        return deadly


@pytest.fixture
def world() -> World:
    made = World()
    made.campaign("spring")
    return made


def created(world: World) -> Counter[str]:
    """How often each task was made."""
    return Counter(event["task"] for event in world.events("task_created"))


def test_activating_makes_the_planned_tasks(world: World) -> None:
    activated = activate(world.door, "spring")
    assert activated.created == PLANNED
    assert (activated.campaign.status, activated.campaign.planned, activated.campaign.generated) == (
        "active", PLANNED, True,
    )  # fmt: skip
    assert [event["type"] for event in world.events()] == [
        "campaign_created", "campaign_activated", *["task_created"] * 3, "campaign_generated",
    ]  # fmt: skip


def test_activating_again_makes_nothing(world: World) -> None:
    activate(world.door, "spring")
    before = world.events()
    assert activate(world.door, "spring").created == ()
    assert world.events() == before


def test_a_batch_makes_one_task(world: World) -> None:
    world.campaign("batch", generate="batch", count=9)
    assert activate(world.door, "batch").created == ("batch-001",)


def test_a_campaign_that_is_not_there_cannot_be_activated(world: World) -> None:
    with pytest.raises(CampaignNotFound):
        activate(world.door, "nobody")


def test_a_paused_campaign_cannot_be_activated(world: World) -> None:
    activate(world.door, "spring")
    world.door.campaign("spring", PauseCampaign(by="ann"))
    with pytest.raises(IllegalTransition):
        activate(world.door, "spring")


# A clean activation changes five records: the plan, three tasks, the end of the plan.
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("change", range(5))
@pytest.mark.parametrize("again", ["activated again", "swept"])
def test_an_activation_killed_at_any_change_is_gone_on_with(change: int, when: str, again: str) -> None:
    world = World()
    world.campaign("spring")
    updates = world.store.tasks.update, world.store.campaigns.update
    death = Death(world, change, when)
    with pytest.raises(Killed):
        activate(world.door, "spring")
    assert death.fired
    world.store.tasks.update, world.store.campaigns.update = updates  # type: ignore[method-assign]
    survived = tuple(created(world))
    if again == "swept" and (change, when) != (
        0,
        "before",
    ):  # before the plan is durable, nobody was asked for anything
        world.mend(unfinished_plans)
    else:
        assert activate(world.door, "spring").created == PLANNED[len(survived) :]
    assert created(world) == Counter(PLANNED)
    assert (world.read_campaign("spring").planned, world.read_campaign("spring").generated) == (PLANNED, True)
    assert world.mend(unfinished_plans) == []


def test_an_activation_killed_again_and_again_ends_in_the_end(world: World) -> None:
    updates = world.store.tasks.update, world.store.campaigns.update
    deaths = 0
    while True:
        death = Death(world, 1, "after")
        try:
            activate(world.door, "spring")
        except Killed:
            deaths += death.fired
        else:
            break
        finally:
            world.store.tasks.update, world.store.campaigns.update = updates  # type: ignore[method-assign]
    assert deaths >= 2
    assert created(world) == Counter(PLANNED)


def cut_short(world: World, change: int) -> None:
    """Leave an activation unfinished."""
    updates = world.store.tasks.update, world.store.campaigns.update
    with pytest.raises(Killed):
        Death(world, change, "before")
        activate(world.door, "spring")
    world.store.tasks.update, world.store.campaigns.update = updates  # type: ignore[method-assign]


def test_a_task_that_has_ended_and_is_archived_is_not_made_again(world: World) -> None:
    cut_short(world, 2)
    assert world.door.task("spring-001", cancel()).is_finished
    assert not world.store.tasks.is_live("spring-001")
    assert activate(world.door, "spring").created == PLANNED[1:]
    assert world.read("spring-001").status == "cancelled"


def test_a_task_that_was_deleted_is_not_made_again(world: World) -> None:
    cut_short(world, 2)
    world.door.task("spring-001", c.DeleteTask(by="ann"))
    assert activate(world.door, "spring").created == PLANNED[1:]
    assert world.read("spring-001").status == "deleted"


def test_a_damaged_task_is_not_made_again_and_keeps_back_no_other(world: World) -> None:
    cut_short(world, 2)
    world.store.tasks.damage("spring-001")
    assert activate(world.door, "spring").created == PLANNED[1:]
    assert created(world) == Counter(PLANNED)


def test_a_task_in_quarantine_is_not_made_again(world: World) -> None:
    cut_short(world, 2)
    world.store.tasks.damage("spring-001")
    assert world.store.tasks.set_aside("spring-001", "it is not JSON")
    assert activate(world.door, "spring").created == PLANNED[1:]
    assert created(world) == Counter(PLANNED)


def test_a_campaign_is_extended_by_tasks_of_its_own(world: World) -> None:
    activate(world.door, "spring")
    extended = world.door.campaign("spring", ExtendCampaign(count=2, by="ann"))
    assert generate(world.door, extended).created == ("spring-004", "spring-005")


def test_a_number_that_a_person_took_is_passed_over(world: World) -> None:
    world.door.campaign("spring", AddTask(task="spring-002", by="ann"))
    world.task("spring-002", campaign="spring", title="Mine")
    planned = world.door.campaign("spring", ActivateCampaign()).planned
    assert planned == ("spring-001", "spring-003", "spring-004")
    assert world.read("spring-002").title == "Mine"
    activate(world.door, "spring")
    assert created(world) == Counter([*planned, "spring-002"])


def test_two_activations_side_by_side_make_no_task_twice(world: World) -> None:
    planned = world.door.campaign("spring", ActivateCampaign())
    first = generate(world.door, planned)
    second = generate(world.door, planned)  # it has read the same plan, before the first one finished it
    assert (first.created, second.created) == (PLANNED, ())
    assert created(world) == Counter(PLANNED)
    assert len(world.events("campaign_generated")) == 1


def written(id: str) -> c.CreateTask:
    """A task that a person wrote down for the campaign."""
    return create_task(unit("writer"), id=id, campaign="spring", project="acme")


@pytest.mark.parametrize("change", [0, 1], ids=["task", "campaign"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_task_of_a_persons_own_is_known_to_its_campaign_wherever_its_making_is_cut_short(
    world: World, change: int, when: str
) -> None:
    activate(world.door, "spring")
    death = Death(world, change, when)
    with pytest.raises(Killed):
        create_task_by_hand(world.door, written("rye-bread"), "ann")
    assert death.fired
    made = world.store.tasks.is_live("rye-bread")
    assert made == ((change, when) != (0, "before"))
    world.mend(unlisted_tasks)
    assert world.read_campaign("spring").added == (("rye-bread",) if made else ())
    assert world.mend(unlisted_tasks) == []


def test_a_task_for_a_campaign_that_is_not_there_is_not_made(world: World) -> None:
    with pytest.raises(CampaignNotFound):
        create_task_by_hand(world.door, create_task(unit("writer"), id="t", campaign="autumn"), "ann")
    assert not world.store.tasks.is_live("t")


def test_an_extension_while_tasks_are_made_is_not_forgotten(world: World) -> None:
    planned = world.door.campaign("spring", ActivateCampaign())
    world.door.campaign("spring", ExtendCampaign(count=1, by="ann"))
    assert not generate(world.door, planned).campaign.generated
    assert world.mend(unfinished_plans) == ["generated"]
    assert created(world) == Counter([*PLANNED, "spring-004"])
