"""Who is started and who is not, and why; what a supervisor then grants itself. Nothing runs here: see ``worlds``."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders import at, block, cancel
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.campaign_commands import ActivateCampaign, CompleteCampaign, FinishPlan, PauseCampaign, ResumeCampaign
from baton.domain.errors import IllegalTransition, NotReady, TaskNotFound
from baton.domain.readiness import Entry, waiting
from baton.domain.retry import RetryPolicy
from baton.domain.statuses import FailureKind, Outcome
from baton.engine.activation import activate
from baton.engine.dispatch import dispatch, startable

STALE = Entry(group="-~-~writer", bucket="000-0000000001", name="000000~t~s9")


@pytest.fixture
def world() -> World:
    return World()


def dispatched(world: World, *, inside_run: bool = False) -> tuple[int, str | None]:
    """How many supervisors were started now, and why not more."""
    launched = len(world.launcher.started)
    found = dispatch(
        world.store, world.config, world.clock, world.launcher, world.granter.parking, inside_run=inside_run
    )
    assert len(world.launcher.started) - launched == found.started
    return found.started, found.reason.why.value if found.reason is not None else None


def names(world: World) -> list[str]:
    """The tasks that may be started, most urgent first."""
    return [entry.name.split("~")[1] for entry in startable(world.store, world.clock, world.granter.parking)]


def failed(world: World, id: str, backoff_seconds: float = 30.0) -> None:
    """Let a run of the task fail, so that it backs off."""
    lease = world.granted(id)
    policy = RetryPolicy(
        max_attempts=9,
        max_interruptions=9,
        backoff_seconds=backoff_seconds,
        backoff_max_seconds=1800.0,
        outage_max_seconds=0.0,
    )
    outcome, kind = Outcome.FAILED, FailureKind.EXIT_CODE
    assert lease.run is not None
    world.door.task(
        id, c.EndRun(token=lease.token, run=lease.run, outcome=outcome, kind=kind, policy=policy, jitter=0.5)
    )


# -- how many, and why not more -----------------------------------------------------------------------------------


def test_nothing_ready_starts_nobody(world: World) -> None:
    assert dispatched(world) == (0, "nothing_ready")


def test_one_ready_unit_starts_one_supervisor(world: World) -> None:
    world.task("t")
    assert dispatched(world) == (1, None)
    assert [slot.number for slot in world.launcher.started] == [0]


def test_each_ready_unit_gets_a_supervisor_while_there_are_slots(world: World) -> None:
    for number in range(6):
        world.task(f"t-{number}")
    assert dispatched(world) == (4, "no_slot")
    assert [slot.number for slot in world.launcher.started] == [0, 1, 2, 3]


def test_as_many_units_as_slots_is_no_lack_of_slots(world: World) -> None:
    for number in range(4):
        world.task(f"t-{number}")
    assert dispatched(world) == (4, None)


def test_the_stop_file_starts_nobody(world: World) -> None:
    world.task("t")
    world.config.stopped = True
    assert dispatched(world) == (0, "stopped")


def test_inside_a_run_nobody_is_started(world: World) -> None:
    world.task("t")
    assert dispatched(world, inside_run=True) == (0, "inside_run")


def test_a_supervisor_that_is_starting_serves_one_unit(world: World) -> None:
    world.task("t")
    world.task("u")
    assert dispatched(world) == (2, None)
    assert dispatched(world) == (0, None)
    world.task("v")
    assert dispatched(world) == (1, None)


def test_a_supervisor_at_work_serves_no_unit_that_is_ready(world: World) -> None:
    world.supervised()
    world.task("t")
    assert dispatched(world) == (1, None)
    assert [slot.number for slot in world.launcher.started] == [1]


def test_an_orphan_keeps_its_slot(world: World) -> None:
    world.config.change("concurrency", agents=1)
    world.supervised()
    world.store.slots.lose_supervisor(0, tree_lives=True)
    world.task("t")
    world.task("u")
    assert dispatched(world) == (0, "no_slot")


def test_an_orphan_serves_no_unit_that_is_ready(world: World) -> None:
    world.supervised(run="r-1")
    world.store.slots.lose_supervisor(0, tree_lives=True)
    world.task("t")
    assert dispatched(world) == (1, None)
    assert [slot.number for slot in world.launcher.started] == [1]


def test_a_lowered_limit_starts_nobody_above_it(world: World) -> None:
    world.supervised(0)
    world.supervised(1)
    world.task("t")
    world.config.change("concurrency", agents=2)
    assert dispatched(world) == (0, "no_slot")
    world.config.change("concurrency", agents=3)
    assert dispatched(world) == (1, None)


def test_a_launcher_that_fails_gives_its_slot_back(world: World) -> None:
    world.task("t")
    world.launcher.failure = OSError("no process could be made")
    with pytest.raises(OSError, match="no process"):
        dispatched(world)
    assert [slot.held for slot in world.store.slots.states()] == [False]
    world.launcher.failure = None
    assert dispatched(world) == (1, None)


def test_dispatch_changes_no_record(world: World) -> None:
    before = world.task("t")
    dispatched(world)
    assert world.read("t") == before


# -- what may be started ------------------------------------------------------------------------------------------


def test_tasks_of_a_campaign_may_be_started_only_while_it_is_active(world: World) -> None:
    world.campaign("spring", count=1)
    activate(world.door, "spring")
    assert dispatched(world) == (1, None)
    world.door.campaign("spring", PauseCampaign(by="ann"))
    assert names(world) == []
    world.launcher.started.pop().free()
    assert dispatched(world) == (0, "nothing_ready")
    world.door.campaign("spring", ResumeCampaign(by="ann"))
    assert names(world) == ["spring-001"]


def test_a_paused_group_holds_up_no_other(world: World) -> None:
    world.campaign("spring", count=2)
    activate(world.door, "spring")
    world.door.campaign("spring", PauseCampaign(by="ann"))
    world.task("t", priority="low")
    assert names(world) == ["t"]


def test_tasks_of_a_campaign_that_is_not_there_are_not_started(world: World) -> None:
    world.task("t", campaign="gone")
    assert dispatched(world) == (0, "nothing_ready")


def test_tasks_of_a_campaign_that_cannot_be_read_are_not_started(world: World) -> None:
    world.campaign("spring", count=1)
    activate(world.door, "spring")
    world.store.campaigns.damage("spring")
    world.task("t")
    assert names(world) == ["t"]


def test_tasks_of_a_completed_campaign_are_not_started(world: World) -> None:
    world.campaign("spring", count=1)
    world.door.campaign("spring", ActivateCampaign())
    done = world.door.campaign("spring", FinishPlan(count=1))
    world.door.campaign("spring", CompleteCampaign(seen_version=done.version, by="ann", counts={}))
    world.task("t", campaign="spring")
    assert names(world) == []


@pytest.mark.parametrize(
    "hold",
    [
        lambda world: world.granted("t"),
        lambda world: world.door.task("t", block()),
        lambda world: world.door.task("t", cancel()),
        lambda world: failed(world, "t"),
    ],
    ids=["held", "blocked", "cancelled", "backs off"],
)
def test_a_unit_that_cannot_be_granted_is_not_among_what_may_be_started(world: World, hold: Any) -> None:
    world.task("t")
    assert names(world) == ["t"]
    hold(world)
    assert names(world) == []


def test_a_unit_with_an_unmet_dependency_is_not_among_what_may_be_started(world: World) -> None:
    world.task("t", depends_on=("u",))
    assert names(world) == []
    world.door.task("t", c.MeetDependency(dependency="u"))
    assert names(world) == ["t"]


def test_a_back_off_is_over_when_its_time_has_come(world: World) -> None:
    world.task("t")
    failed(world, "t", backoff_seconds=30.0)
    world.clock.passes(29.0)
    assert dispatched(world) == (0, "nothing_ready")
    world.clock.passes(1.0)
    assert dispatched(world) == (1, None)


def test_a_task_is_not_started_before_its_time(world: World) -> None:
    world.task("t", not_before=at(60.0))
    assert names(world) == []
    world.clock.passes(60.0)
    assert names(world) == ["t"]


def test_the_most_urgent_come_first_then_the_oldest(world: World) -> None:
    for id, priority in (("a", "low"), ("b", "medium"), ("c", 7), ("d", "urgent"), ("e", "medium")):
        world.task(id, priority=priority)
        world.clock.passes(0.001)
    assert names(world) == ["d", "c", "b", "e", "a"]


def test_order_goes_across_campaigns_and_agents(world: World) -> None:
    world.task("a", "writer")
    world.campaign("spring", count=1)
    world.clock.passes(0.5)
    activate(world.door, "spring")
    world.clock.passes(0.5)
    world.task("b", "reviewer")
    assert names(world) == ["a", "spring-001", "b"]


# -- what is granted ----------------------------------------------------------------------------------------------


def test_a_supervisor_grants_itself_the_most_urgent_unit(world: World) -> None:
    world.task("a")
    world.task("b", priority="high")
    granted = world.granter.pick()
    assert granted is not None
    assert (granted.task.id, granted.unit.key, granted.lease.token, granted.lease.holder) == (
        "b", "s1", 1, world.supervisor(),
    )  # fmt: skip
    assert granted.lease.deadline_seconds == 3600.0


def test_nothing_ready_grants_nothing(world: World) -> None:
    assert world.granter.pick() is None


def test_a_unit_is_granted_once(world: World) -> None:
    world.task("a")
    assert world.granter.pick() is not None
    assert world.granter.pick() is None
    assert len(world.events("lease_granted")) == 1


def test_a_stale_name_in_the_index_is_passed_over_and_removed(world: World) -> None:
    world.task("t")
    world.store.ready.sync((), (STALE,))
    granted = world.granter.pick()
    assert granted is not None
    assert granted.task.id == "t"
    assert set(world.store.ready.all()) == set()


def test_a_damaged_task_is_passed_over(world: World) -> None:
    world.task("a", priority="urgent")
    world.task("b")
    world.store.tasks.damage("a")
    granted = world.granter.pick()
    assert granted is not None
    assert granted.task.id == "b"


def test_what_could_not_be_granted_is_remembered_until_the_next_pick(world: World) -> None:
    task = world.task("t")
    (entry,) = waiting(task)
    world.door.task("t", block())
    world.store.ready.sync((), (entry,))
    assert world.granter.pick() is None
    assert world.granter.refused == {entry}
    assert world.granter.pick() is None
    assert world.granter.refused == set()


@pytest.mark.parametrize(
    ("hold", "why"),
    [
        (lambda world: world.granted("t"), "held"),
        (lambda world: failed(world, "t"), "backoff"),
        (lambda world: world.door.task("t", c.UpdateTask(by="ann", fields={"not_before": at(60.0)})), "not_before"),
    ],
)
def test_a_refused_grant_says_why(world: World, hold: Any, why: str) -> None:
    world.task("t")
    hold(world)
    with pytest.raises(NotReady) as refused:
        world.granter.grant("t")
    assert refused.value.details["why"] == why


def test_a_dependency_refuses_a_grant(world: World) -> None:
    world.task("t", depends_on=("u",))
    with pytest.raises(NotReady) as refused:
        world.granter.grant("t")
    assert (refused.value.details["why"], refused.value.message) == ("dependency", "waits for u")


def test_a_step_whose_turn_it_is_not_refuses_a_grant(world: World) -> None:
    world.task("t", "writer", "reviewer")
    with pytest.raises(NotReady) as refused:
        world.granter.grant("t", "s2")
    assert refused.value.details["why"] == "not_its_turn"


def test_a_blocked_or_missing_task_refuses_a_grant(world: World) -> None:
    world.task("t")
    world.door.task("t", block())
    with pytest.raises(IllegalTransition, match="blocked"):
        world.granter.grant("t")
    with pytest.raises(TaskNotFound):
        world.granter.grant("nobody")


def test_a_back_off_further_ahead_than_any_can_be_is_no_reason(world: World) -> None:
    world.task("t")
    failed(world, "t", backoff_seconds=1800.0)
    world.clock.at = at(-864_000.0)  # the clock had jumped, and came back
    assert world.granter.grant("t").lease.token == 2


@pytest.mark.parametrize(("best", "is_granted"), [(None, True), (10, True), (15, True), (9, False), (0, False)])
def test_the_next_step_of_the_task_waits_only_for_what_is_more_urgent(
    world: World, best: int | None, is_granted: bool
) -> None:
    task = world.task("t", priority="medium")
    command = world.granter.successor(task, best)
    assert (command is not None) == is_granted


def test_the_rank_of_the_most_urgent_unit_is_known(world: World) -> None:
    assert world.granter.best_rank() is None
    world.task("a", priority="low")
    world.task("b", priority="high")
    assert world.granter.best_rank() == 5


def test_there_is_no_next_step_of_a_task_that_is_done_or_held_up(world: World) -> None:
    world.task("t")
    world.task("u", depends_on=("t",))
    finished = world.door.task("t", cancel())
    assert world.granter.successor(None, None) is None
    assert world.granter.successor(finished, None) is None
    assert world.granter.successor(world.read("u"), None) is None
