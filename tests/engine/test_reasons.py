"""Why something does not run: a test a reason, each with its sentence and one command that would change it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.builders import NOW, acquire, at, block, cancel, end_run, unit
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.campaign_commands import ActivateCampaign, AddTask, PauseCampaign
from baton.domain.readiness import Reason, Why
from baton.domain.records import Task
from baton.domain.statuses import BlockKind
from baton.engine.waiting_units import ORDER, all_that_waits, gist
from baton.ports import Slot


@pytest.fixture
def world() -> World:
    return World()


def reason(world: World, id: str = "t", branch: str | None = None) -> Reason:
    """Why the current step of a task does not run, or a branch of it."""
    task = world.read(id)
    return world.reasons().of(task, task.current if branch is None else task.branches[branch])


def taken(world: World, count: int = 4) -> list[Slot]:
    """Let supervisors hold so many slots."""
    return [world.supervised(number, f"i{number}") for number in range(count)]


def branched(world: World, *labels: str) -> Task:
    """A task at its convergence step, with these branches open."""
    branches = {label: unit("artist", trigger_after_step=0) for label in labels}
    world.task("t", "writer", "reviewer", branches=branches, convergence_step=1)
    world.door.task("t", acquire("writer"))
    return world.door.task("t", c.CompleteByHand(agent="writer"))


# -- what stands in the record ------------------------------------------------------------------------------------


def test_of_a_finished_task_nothing_would_change_it(world: World) -> None:
    world.task("t")
    world.door.task("t", cancel())
    assert reason(world) == Reason(why=Why.FINISHED, text="the task is cancelled")


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        (BlockKind.PERSON, "task.py unblock t"),
        (BlockKind.REVIEW, "task.py unblock t"),
        (BlockKind.ATTEMPTS, "task.py retry t"),
        (BlockKind.INTERRUPTIONS, "task.py retry t"),
        (BlockKind.AGENT, "task.py retry t"),
        (BlockKind.DEPENDENCY, "task.py cancel t"),
    ],
)
def test_a_block_tells_its_reason_and_the_command_depends_on_its_kind(world: World, kind: BlockKind, cure: str) -> None:
    world.task("t")
    world.door.task("t", block(kind=kind))
    text = f"the task is blocked ({kind}): waits for a photo"
    assert reason(world) == Reason(why=Why.BLOCKED, text=text, cure=cure)


def test_a_run_that_is_being_ended_says_what_was_asked(world: World) -> None:
    world.task("t")
    world.supervised()
    world.granted("t")
    world.door.task("t", cancel())
    text = "cancel was asked for; its run is being ended"
    assert reason(world) == Reason(why=Why.ENDING, text=text, cure="check_pipeline.py")


def test_a_run_that_goes_on_is_named_with_its_agent_and_since_when(world: World) -> None:
    world.task("t")
    world.supervised()
    lease = world.granted("t")
    text = f"held by run {lease.run} of writer since {NOW}"
    assert reason(world) == Reason(why=Why.HELD, text=text, cure="release_lock.py t --force")


def test_a_hand_that_holds_it_is_named(world: World) -> None:
    world.task("t")
    world.door.task("t", acquire("ann"))
    text = f"held by ann by hand since {NOW}"
    assert reason(world) == Reason(why=Why.HELD, text=text, cure="release_lock.py t --force")


def test_a_branch_that_is_held_can_be_done_without(world: World) -> None:
    made = branched(world, "Hero image")
    world.supervised()
    lease = world.granter.grant("t", made.branches["Hero image"].key).lease
    text = f"held by run {lease.run} of artist since {NOW}"
    cure = "task.py clear t 'Hero image'"
    assert reason(world, branch="Hero image") == Reason(why=Why.HELD, text=text, cure=cure)


def test_a_back_off_says_until_when(world: World) -> None:
    world.task("t")
    world.granted("t")
    world.door.task("t", end_run)
    until = world.read("t").current.not_before
    assert reason(world) == Reason(
        why=Why.BACKOFF, text=f"backs off until {until}", until=until, cure="task.py retry t"
    )


def test_a_time_that_was_set_is_told_and_a_person_may_begin_before_it(world: World) -> None:
    world.task("t", not_before=at(3600))
    assert reason(world) == Reason(
        why=Why.NOT_BEFORE,
        text=f"not before {at(3600)}",
        until=at(3600),
        cure="acquire_lock.py t --agent writer",
    )


def test_a_branch_whose_step_is_not_done_says_so(world: World) -> None:
    world.task("t", branches={"Hero": unit("artist", trigger_after_step=0)})
    text = "branch 'Hero' is pending; it is not its turn"
    assert reason(world, branch="Hero") == Reason(why=Why.NOT_ITS_TURN, text=text, cure="invoke_agent.py writer t")


# -- what it waits for in others, one step far --------------------------------------------------------------------


def test_a_dependency_is_told_with_its_own_reason_and_the_command_is_for_it(world: World) -> None:
    world.task("first")
    world.door.task("first", block())
    world.task("t", depends_on=("first",))
    text = "waits for first: the task is blocked (person): waits for a photo"
    assert reason(world) == Reason(why=Why.DEPENDENCY, text=text, cure="task.py unblock first")


def test_of_many_dependencies_the_one_that_is_blocked_is_told(world: World) -> None:
    world.task("a")
    world.task("b")
    world.door.task("b", block())
    world.task("t", depends_on=("a", "b"))
    text = "waits for a, b; b: the task is blocked (person): waits for a photo"
    assert reason(world) == Reason(why=Why.DEPENDENCY, text=text, cure="task.py unblock b")


def test_a_chain_of_dependencies_is_followed_one_step(world: World) -> None:
    world.task("a")
    world.task("b", depends_on=("a",))
    world.task("t", depends_on=("b",))
    assert reason(world) == Reason(why=Why.DEPENDENCY, text="waits for b: waits for a", cure="why.py a")


def test_a_dependency_that_could_start_says_so(world: World) -> None:
    world.task("a")
    world.task("t", depends_on=("a",))
    assert reason(world) == Reason(why=Why.DEPENDENCY, text="waits for a: it could start", cure="check_pipeline.py")


@pytest.mark.parametrize(
    ("befall", "text", "cure"),
    [
        (lambda world: world.store.tasks.damage("a"), "its record cannot be read", "doctor.py"),
        (
            lambda world: (world.store.tasks.damage("a"), world.store.tasks.set_aside("a", "")),
            "its record is in quarantine",
            "doctor.py",
        ),
        (
            lambda world: world.store.tasks.update("a", lambda task, now: ended(task)),
            "it has ended, the next sweep tells it",
            "check_pipeline.py",
        ),
    ],
    ids=["damaged", "set aside", "ended unheard"],
)
def test_a_dependency_that_cannot_be_looked_at_is_no_riddle(
    world: World, befall: Callable[[World], object], text: str, cure: str
) -> None:
    world.task("a")
    world.task("t", depends_on=("a",))
    befall(world)
    assert reason(world) == Reason(why=Why.DEPENDENCY, text=f"waits for a: {text}", cure=cure)


def ended(task: Task | None) -> object:
    """The commit that ends a task, as one whose process died before it told anybody."""
    from baton.domain import tasks
    from baton.ports import Commit

    record, events = tasks.decide(task, cancel(), NOW)
    return Commit(record=record, events=events, archive=True)


def test_branches_are_named_with_the_reason_of_the_first(world: World) -> None:
    made = branched(world, "Hero", "Social")
    world.supervised()
    lease = world.granter.grant("t", made.branches["Hero"].key).lease
    text = f"waits for branches Hero, Social; Hero: held by run {lease.run} of artist since {NOW}"
    assert reason(world) == Reason(why=Why.BRANCHES, text=text, cure="task.py clear t Hero")


def test_a_branch_that_could_start_can_be_done_without(world: World) -> None:
    branched(world, "Hero")
    assert reason(world) == Reason(
        why=Why.BRANCHES, text="waits for branch Hero; Hero could start", cure="task.py clear t Hero"
    )


# -- the world around ---------------------------------------------------------------------------------------------


def test_a_run_without_a_supervisor_waits_for_the_sweep(world: World) -> None:
    world.task("t")
    world.supervised()
    lease = world.granted("t")
    world.store.slots.lose_supervisor(0, tree_lives=False)
    text = f"run {lease.run} of writer has lost its supervisor; the next sweep ends it"
    assert reason(world) == Reason(why=Why.LOST, text=text, cure="check_pipeline.py")


def test_nobody_is_called_dead_by_slots_that_were_looked_at_before_the_record(world: World) -> None:
    world.task("t")
    reasons = world.reasons()
    reasons.of(world.read("t"), world.read("t").current)  # it has looked at the slots
    world.supervised()
    world.granted("t")
    task = world.read("t")
    assert reasons.of(task, task.current).why is Why.HELD


def test_a_run_that_ended_since_the_record_was_read_is_not_called_lost(world: World) -> None:
    world.task("t")
    world.supervised()
    world.granted("t")
    task = world.read("t")
    world.door.task("t", end_run)
    world.store.slots.lose_supervisor(0, tree_lives=False)
    assert world.reasons().of(task, task.current).why is Why.HELD


@pytest.mark.parametrize(
    ("befall", "text", "cure"),
    [
        (lambda world: None, "campaign spring is planning", "activate_campaign.py spring"),
        (
            lambda world: [
                world.door.campaign("spring", command) for command in (ActivateCampaign(), PauseCampaign(by="ann"))
            ],
            "campaign spring is paused",
            "campaign.py resume spring",
        ),
        (lambda world: world.store.campaigns.damage("spring"), "campaign spring cannot be read", "doctor.py"),
    ],
    ids=["planning", "paused", "damaged"],
)
def test_a_campaign_that_is_not_active_is_named_with_its_status(
    world: World, befall: Callable[[World], object], text: str, cure: str
) -> None:
    world.campaign("spring")
    world.door.campaign("spring", AddTask(task="t", by="ann"))
    world.task("t", campaign="spring", project="acme")
    befall(world)
    assert reason(world) == Reason(why=Why.CAMPAIGN, text=text, cure=cure)


def test_a_stop_is_told_with_the_file_to_remove(world: World) -> None:
    world.task("t")
    world.config.stopped = True
    text = "state/stop exists; place 1 in line"
    assert reason(world) == Reason(why=Why.STOPPED, text=text, place=1, cure="rm /home/state/stop")


def test_without_a_free_slot_the_place_in_line_is_told(world: World) -> None:
    for id in ("a", "b", "t"):
        world.task(id)
        world.clock.passes(1)
    taken(world)
    text = "no free slot (4 in all); place 3 in line"
    assert reason(world) == Reason(why=Why.NO_SLOT, text=text, place=3, cure="task.py prioritize t urgent")


def test_the_most_urgent_cannot_be_moved_forward(world: World) -> None:
    world.task("t", priority="urgent")
    taken(world)
    text = "no free slot (4 in all); place 1 in line"
    assert reason(world) == Reason(why=Why.NO_SLOT, text=text, place=1, cure=None)


def test_where_a_slot_is_free_it_is_started_next(world: World) -> None:
    world.task("t")
    text = "ready: it is started next; place 1 in line"
    assert reason(world) == Reason(why=Why.READY, text=text, place=1, cure="check_pipeline.py")


def test_one_that_the_index_lacks_is_put_there_by_the_sweep(world: World) -> None:
    world.task("t")
    world.store.ready.sync(tuple(world.store.ready.all()), ())
    text = "ready: it is started next"
    assert reason(world) == Reason(why=Why.READY, text=text, cure="check_pipeline.py")


# -- the list is closed -------------------------------------------------------------------------------------------


def test_every_reason_of_a_unit_has_its_place_in_the_order() -> None:
    # What is left is said of a dispatch as a whole.
    assert set(Why) - set(ORDER) == {Why.INSIDE_RUN, Why.NOTHING_READY}
    assert len(ORDER) == len(set(ORDER))


def test_all_that_waits_stands_most_urgent_first_and_what_runs_is_left_out(world: World) -> None:
    world.task("low", priority="low")
    world.task("blocked", priority="low")
    world.door.task("blocked", block())
    world.task("runs", priority="urgent")
    world.supervised()
    world.granted("runs")
    world.task("high", priority="high", not_before=at(60))
    world.task("done")
    world.door.task("done", cancel())

    found = all_that_waits(world.scene().tasks, world.reasons())

    assert [(one.task, one.unit, one.why) for one in found] == [
        ("high", "s1", "not_before"),
        ("blocked", "s1", "blocked"),
        ("low", "s1", "ready"),
    ]
    assert gist(found, 1) == {"counts": {"blocked": 1, "not_before": 1, "ready": 1}, "first": [found[0]]}


def test_a_branch_that_waits_stands_beside_the_line_that_waits_for_it(world: World) -> None:
    branched(world, "Hero")
    found = all_that_waits(world.scene().tasks, world.reasons())
    assert [(one.unit, one.why) for one in found] == [("b1", "ready"), ("s2", "branches")]
