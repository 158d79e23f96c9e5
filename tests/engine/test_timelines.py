"""Time lines from a store in memory: of a task, of a campaign, and of what retention has left of them."""

from __future__ import annotations

from tests.builders import NOW, acquire, at, end_run
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.campaign_commands import AddTask
from baton.engine.timelines import TaskSpell, campaign_timeline, task_timeline


def test_a_task_is_told_from_its_making_with_the_sums_of_its_units() -> None:
    world = World()
    world.task("t", project="acme")
    world.task("other")
    world.clock.passes(5)
    world.door.task("t", acquire("ann"))
    world.clock.passes(10)
    world.door.task("t", c.CompleteByHand(agent="ann"))

    found = task_timeline(world.store, world.read("t"), world.clock.now())

    assert [(one.at, one.event, one.project) for one in found.activities] == [
        (NOW, "task_created", "acme"),
        (at(5), "lease_granted", "acme"),
        (at(15), "step_completed", "acme"),
        (at(15), "task_completed", "acme"),
    ]
    assert (found.is_whole, found.since) == (True, NOW)
    assert (found.waited_seconds, found.worked_seconds, len(found.units)) == (5, 10, 1)


def test_a_crash_is_told_once() -> None:
    world = World()
    world.task("t")
    world.granted("t")
    world.door.task("t", end_run)
    assert len(world.events("agent_crashed")) == 1
    found = task_timeline(world.store, world.read("t"), world.clock.now())
    assert [one.event for one in found.activities] == ["task_created", "lease_granted", "run_ended"]


def test_what_the_log_lost_stands_in_the_records_history_as_far_as_it_reaches() -> None:
    world = World()
    world.task("t")
    for _ in range(70):
        world.door.task("t", c.Comment(by="ann", text="x"))
    world.clock.passes(86400)
    world.door.task("t", c.Comment(by="ann", text="last"))
    assert world.store.log.drop_before(at(86400)[:10]) == 1
    task = world.read("t")

    found = task_timeline(world.store, task, world.clock.now())

    assert not found.is_whole
    assert [(one.at, one.message) for one in found.activities] == [
        (event.at, f"ann says: {event.data['text']}") for event in task.history
    ]
    assert found.activities[-1].message == "ann says: last"


def test_a_campaign_is_told_with_its_tasks_and_one_that_cannot_be_read_has_no_times() -> None:
    world = World()
    world.campaign("spring")
    for id in ("a", "b"):
        world.door.campaign("spring", AddTask(task=id, by="ann"))
        world.task(id, campaign="spring", project="acme")
    world.clock.passes(5)
    world.door.task("a", acquire("ann"))
    world.clock.passes(10)
    world.store.tasks.damage("b")

    found = campaign_timeline(world.store, world.read_campaign("spring"), world.clock.now())

    assert [(one.event, one.task) for one in found.activities] == [
        ("campaign_created", None),
        ("campaign_extended", None),
        ("task_created", "a"),
        ("campaign_extended", None),
        ("task_created", "b"),
        ("lease_granted", "a"),
    ]
    assert found.is_whole
    assert found.tasks == [TaskSpell(task="a", status="in_progress", waited_seconds=5, worked_seconds=10, runs=1)]
    assert (found.waited_seconds, found.worked_seconds) == (5, 10)
