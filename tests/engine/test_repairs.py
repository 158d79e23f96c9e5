"""The repairs of the sweep, one by one, in memory: what is found, what is mended, what is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from tests.builders import at, block, cancel, create_task, unit
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.errors import StorageError
from baton.domain.readiness import Entry, waiting
from baton.domain.records import Lease
from baton.domain.retry import RetryPolicy
from baton.domain.skills import Skill
from baton.domain.statuses import FailureKind, Outcome, ReportKind, TaskStatus
from baton.engine.creation import create_task as create
from baton.engine.dispatch import Dispatched
from baton.engine.liveness import Life, life_of, seen_beats, session_of
from baton.engine.repairs import (
    REPAIRS,
    Finding,
    damaged_files,
    dead_runs,
    far_backoffs,
    finished_tasks,
    index_differences,
    old_hand_leases,
    unheard_ends,
)
from baton.engine.sweep import COUNTS, sweep
from baton.ports import Process, SlotState

AGENT = Process(pid=77, started=5)


@pytest.fixture
def world() -> World:
    return World()


def complete(world: World, id: str) -> None:
    """Complete a task of one step, by hand."""
    holder = world.clock.holder()
    world.door.task(
        id,
        c.AcquireByHand(agent="x", holder=holder, steal_after_seconds=600.0),
        c.CompleteByHand(agent="x"),
    )


# -- dead runs ----------------------------------------------------------------------------------------------------


def running(world: World, id: str = "t", **holder: Any) -> Lease:
    """A task at which a supervisor in slot 0 is at work, with one process."""
    world.task(id)
    lease = world.granted(id, **holder)
    world.processes.runs[lease.run or ""] = [AGENT]
    return lease


def test_a_run_whose_supervisor_lives_is_left_alone(world: World) -> None:
    world.supervised()
    running(world)
    assert world.mend(dead_runs) == []
    assert world.processes.killed == []


def test_a_run_whose_supervisor_is_gone_is_ended_after_its_tree(world: World) -> None:
    world.supervised()
    lease = running(world)
    world.store.slots.lose_supervisor(0, tree_lives=True)
    assert world.mend(dead_runs) == ["stale_released"]
    assert world.processes.killed == [AGENT]
    task = world.read("t")
    assert (task.leases, task.current.attempts, task.current.interruptions) == ((), 0, 1)
    assert world.events("run_ended")[0]["data"]["outcome"] == "interrupted"
    record = world.store.runs.read("t", lease.run or "")
    assert record is not None
    assert (record["status"], record["outcome"]) == ("failed", "interrupted")


def test_a_tree_that_does_not_end_keeps_its_run(world: World) -> None:
    world.supervised()
    running(world)
    world.processes.immortal = {AGENT}
    world.store.slots.lose_supervisor(0, tree_lives=True)
    assert world.mend(dead_runs) == []
    assert len(world.read("t").leases) == 1
    world.processes.immortal = set()
    assert world.mend(dead_runs) == ["stale_released"]


def test_a_nameless_holder_of_the_slot_is_killed_only_when_it_stays(world: World) -> None:
    world.supervised()
    running(world)
    world.processes.runs.clear()
    nameless = Process(pid=78, started=6)
    world.processes.holders = [nameless]
    world.store.slots.lose_supervisor(0, tree_lives=True)
    before = world.clock.monotonic()
    assert world.mend(dead_runs) == ["stale_released"]
    assert world.processes.killed == [nameless]
    assert world.clock.monotonic() - before >= 2.0


def test_one_look_that_finds_nothing_of_a_dead_run_proves_nothing(world: World) -> None:
    """A process that ends while we look may just have handed its work to a child that we did not list."""
    lease = running(world)
    looks: list[list[Process]] = [[], [AGENT], [], []]
    world.processes.of_run = lambda run, session: looks.pop(0)  # type: ignore[method-assign]
    assert world.mend(dead_runs) == ["stale_released"]
    assert (world.processes.killed, looks) == ([AGENT], [])
    assert world.read("t").lease_with(lease.token) is None


def test_a_holder_of_the_slot_that_soon_lets_go_is_not_killed(world: World) -> None:
    world.supervised()
    running(world)
    world.processes.runs.clear()
    world.processes.holders = [Process(pid=78, started=6)]
    world.store.slots.lose_supervisor(0, tree_lives=True)
    passes = world.clock.passes

    def lets_go(seconds: float) -> None:
        passes(seconds)
        world.processes.holders.clear()

    world.clock.passes = lets_go  # type: ignore[method-assign]
    assert world.mend(dead_runs) == ["stale_released"]
    assert world.processes.killed == []


def test_a_run_that_was_ended_since_the_sweep_looked_is_left_alone(world: World) -> None:
    world.supervised()
    lease = running(world)
    world.store.slots.lose_supervisor(0, tree_lives=True)
    early = world.scene()
    policy = RetryPolicy(
        max_attempts=3, max_interruptions=9, backoff_seconds=0.0, backoff_max_seconds=0.0, outage_max_seconds=0.0
    )
    end = c.EndRun(
        token=lease.token, run=lease.run or "", outcome=Outcome.COMPLETED, kind=None, policy=policy, jitter=0.0
    )
    world.door.task("t", end)
    assert world.mend(dead_runs, early) == []
    assert world.processes.killed == []


def test_a_task_that_is_finished_while_the_sweep_ends_its_dead_run_is_no_error(world: World) -> None:
    """Its supervisor was only slow to die: the end came after the sweep's second look, and it was the task's, too."""
    lease = running(world)
    early = world.scene()
    end_tree = early.undertaker.end_tree

    def ended_meanwhile(*words: Any) -> bool:
        policy = RetryPolicy(
            max_attempts=3, max_interruptions=9, backoff_seconds=0.0, backoff_max_seconds=0.0, outage_max_seconds=0.0
        )
        fields = {"run": lease.run or "", "outcome": Outcome.COMPLETED, "kind": None, "policy": policy, "jitter": 0.0}
        world.door.task("t", c.EndRun(token=lease.token, **fields))
        return end_tree(*words)

    early.undertaker.end_tree = ended_meanwhile  # type: ignore[method-assign]
    assert world.mend(dead_runs, early) == []
    assert world.read("t").status is TaskStatus.COMPLETED


def test_a_supervisor_that_beat_again_since_the_sweep_looked_is_left_alone(world: World) -> None:
    slot = world.supervised()
    running(world)
    world.beats = seen_beats({one.number: one for one in world.store.slots.states()}, {}, "b1", 1000.0)
    world.clock.passes(1800.0)
    early = world.scene()
    assert [finding.count for finding in dead_runs(early)] == ["stale_released"]
    slot.beat({"instance": "i1", "beat": 2.0, "pid": 4711, "started": 9})
    assert world.mend(dead_runs, early) == []
    assert world.processes.killed == []


def test_a_silent_supervisor_is_killed_before_its_tree(world: World) -> None:
    world.supervised()
    running(world)
    world.beats = seen_beats({one.number: one for one in world.store.slots.states()}, {}, "b1", 1000.0)
    world.clock.passes(1800.0)
    kill = world.processes.kill

    def and_let_go(found: Any) -> int:
        found = list(found)
        if any(one.pid == 4711 for one in found):
            world.store.slots.lose_supervisor(0, tree_lives=True)
        return kill(found)

    world.processes.kill = and_let_go  # type: ignore[method-assign]
    assert world.mend(dead_runs) == ["stale_released"]
    assert world.processes.killed == [Process(pid=4711, started=9), AGENT]


def test_a_silent_supervisor_that_cannot_be_killed_keeps_its_run(world: World) -> None:
    world.supervised()
    running(world)
    world.beats = seen_beats({one.number: one for one in world.store.slots.states()}, {}, "b1", 1000.0)
    world.clock.passes(1800.0)
    world.processes.kill = lambda found: 0  # type: ignore[method-assign]
    assert world.mend(dead_runs) == []
    assert len(world.read("t").leases) == 1


@pytest.mark.parametrize(
    ("kind", "outcome", "status"),
    [
        (ReportKind.COMPLETED, "completed", "completed"),
        (ReportKind.SENT_BACK, "sent_back", "completed"),
        (ReportKind.RELEASED, "released", "failed"),
    ],
)
def test_what_a_dead_run_had_reported_happens(world: World, kind: ReportKind, outcome: str, status: str) -> None:
    world.supervised()
    lease = running(world)
    to_step = 0 if kind is ReportKind.SENT_BACK else None
    world.door.task("t", c.ReportRun(token=lease.token, kind=kind, agent="writer", to_step=to_step, notes="n"))
    world.store.slots.lose_supervisor(0, tree_lives=False)
    assert world.mend(dead_runs) == ["stale_released"]
    record = world.store.runs.read("t", lease.run or "")
    assert record is not None
    assert (record["status"], record["outcome"]) == (status, outcome)
    assert world.events("run_ended")[0]["data"]["outcome"] == outcome


def test_a_dead_run_that_had_given_back_is_judged_by_its_own_agents_limit(world: World) -> None:
    world.agents.skills["writer"] = Skill(
        name="writer", description="Writes", max_attempts=1, folder="/skills/writer", shipped=False
    )
    world.supervised()
    lease = running(world)
    world.door.task("t", c.ReportRun(token=lease.token, kind=ReportKind.RELEASED, agent="writer", notes="n"))
    world.store.slots.lose_supervisor(0, tree_lives=False)
    assert world.mend(dead_runs) == ["stale_released"]
    blocked = world.read("t").blocked
    assert blocked is not None and blocked.kind == "attempts"


def test_a_report_that_came_after_the_sweep_looked_counts_in_the_runs_record(world: World) -> None:
    world.supervised()
    lease = running(world)
    world.store.slots.lose_supervisor(0, tree_lives=True)
    early = world.scene()
    world.door.task("t", c.ReportRun(token=lease.token, kind=ReportKind.COMPLETED, agent="writer"))
    assert world.mend(dead_runs, early) == ["stale_released"]
    record = world.store.runs.read("t", lease.run or "")
    assert record is not None
    assert (record["status"], record["outcome"]) == ("completed", "completed")


# -- who is dead --------------------------------------------------------------------------------------------------


def slot(**fields: Any) -> SlotState:
    """A slot that is held and supervised by ``i1``, which beat at 5."""
    facts = {"instance": "i1", "beat": 5.0}
    return SlotState(**{"number": 0, "held": True, "supervised": True, "facts": facts} | fields)


def judged(world: World, state: SlotState | None, *, passed: float = 0.0, **holder: Any) -> Life:
    """What a sweep thinks of a run in this slot, which saw it first so many seconds ago."""
    world.task("t")
    lease = world.granted("t", **holder)
    slots = {0: state} if state is not None else {}
    beats = seen_beats({0: slot()}, {}, "b1", 100.0)
    me = world.clock.holder()
    return life_of(lease, slots, me, beats, world.clock.now(), 100.0 + passed, 60.0)


@pytest.mark.parametrize(
    ("state", "passed", "life"),
    [
        (slot(), 59.0, Life.ALIVE),
        (slot(), 60.0, Life.SILENT),
        (slot(facts={"instance": "i1", "beat": 6.0}), 999.0, Life.ALIVE),
        (slot(facts={}), 999.0, Life.ALIVE),
        (slot(facts={"instance": "i2", "beat": 5.0}), 0.0, Life.DEAD),
        (slot(supervised=False), 0.0, Life.DEAD),
        (slot(supervised=False, held=False), 0.0, Life.DEAD),
        (None, 0.0, Life.DEAD),
    ],
)
def test_a_supervisor_is_judged_by_its_locks_and_its_beat(
    world: World, state: SlotState | None, passed: float, life: Life
) -> None:
    assert judged(world, state, passed=passed) is life


def test_a_supervisor_of_another_boot_is_dead(world: World) -> None:
    assert judged(world, slot(), boot="b0") is Life.DEAD


def test_a_supervisor_of_another_machine_is_only_judged_by_its_time(world: World) -> None:
    assert judged(world, None, machine="m2") is Life.ELSEWHERE
    world.clock.passes(3600.0 + 59.0)
    lease = world.read("t").leases[0]
    me = world.clock.holder()
    assert life_of(lease, {}, me, {}, world.clock.now(), 0.0, 60.0) is Life.ELSEWHERE
    world.clock.passes(2.0)
    assert life_of(lease, {}, me, {}, world.clock.now(), 0.0, 60.0) is Life.DEAD


def test_a_beat_that_stays_the_same_keeps_the_time_at_which_it_was_first_seen() -> None:
    first = seen_beats({0: slot()}, {}, "b1", 100.0)
    assert seen_beats({0: slot()}, first, "b1", 200.0) == first
    assert seen_beats({0: slot(facts={"instance": "i1", "beat": 6.0})}, first, "b1", 200.0)[0].seen == 200.0
    assert seen_beats({0: slot(facts={"instance": "i2", "beat": 5.0})}, first, "b1", 200.0)[0].seen == 200.0
    assert seen_beats({0: slot()}, first, "b2", 200.0)[0].seen == 200.0
    assert seen_beats({0: slot(supervised=False)}, first, "b1", 200.0) == {}


def test_a_session_is_named_by_the_slot_of_that_very_run_else_by_its_record(world: World) -> None:
    world.task("t")
    lease = world.granted("t")
    named = {"agent_pid": 77, "agent_started": 5}
    mine = slot(facts={"run": lease.run, **named})
    other = slot(facts={"run": "another", "agent_pid": 1, "agent_started": 1})
    assert session_of(None, mine, lease) == AGENT
    assert session_of(named, other, lease) == AGENT
    assert session_of(None, other, lease) is None
    assert session_of({"agent_pid": 77, "agent_started": 0}, None, lease) is None
    assert session_of(None, None, lease) is None


# -- leases by hand, back-offs ------------------------------------------------------------------------------------


def test_a_lease_by_hand_ages_while_the_machine_sleeps_but_not_by_the_wall_clock(world: World) -> None:
    world.task("t")
    world.door.task("t", c.AcquireByHand(agent="x", holder=world.clock.holder(), steal_after_seconds=600.0))
    world.clock.at = at(864_000.0)  # the wall clock jumped
    assert world.mend(old_hand_leases) == []
    world.clock.seconds += 1800.0  # half an hour by the clock that never jumps
    assert world.mend(old_hand_leases) == ["stale_released"]
    assert world.read("t").leases == ()


def test_a_lease_by_hand_renewed_since_the_sweep_looked_is_left(world: World) -> None:
    world.task("t")
    acquire = c.AcquireByHand(agent="x", holder=world.clock.holder(), steal_after_seconds=600.0)
    world.door.task("t", acquire)
    world.clock.passes(1800.0)
    early = world.scene()
    world.door.task("t", structs.replace(acquire, holder=world.clock.holder()))
    assert world.mend(old_hand_leases, early) == []
    assert len(world.read("t").leases) == 1


def test_a_lease_by_hand_whose_task_was_finished_since_the_sweep_looked_is_no_error(world: World) -> None:
    world.task("t")
    world.door.task("t", c.AcquireByHand(agent="x", holder=world.clock.holder(), steal_after_seconds=600.0))
    world.clock.passes(1800.0)
    early = world.scene()
    world.door.task("t", c.CompleteByHand(agent="x"))
    assert world.mend(old_hand_leases, early) == []
    assert world.read("t").status is TaskStatus.COMPLETED


def backed_off(world: World, seconds: float) -> None:
    """A task whose last run failed, and which backs off so long."""
    world.task("t")
    lease = world.granted("t")
    policy = RetryPolicy(
        max_attempts=9,
        max_interruptions=9,
        backoff_seconds=seconds,
        backoff_max_seconds=seconds,
        outage_max_seconds=0.0,
    )
    end = c.EndRun(
        token=lease.token,
        run=lease.run or "",
        outcome=Outcome.FAILED,
        kind=FailureKind.EXIT_CODE,
        policy=policy,
        jitter=0.5,
    )
    world.door.task("t", end)


def test_a_back_off_further_ahead_than_any_can_be_is_forgotten(world: World) -> None:
    world.clock.at = at(864_000.0)
    backed_off(world, 60.0)
    world.clock.at = at(0.0)  # the clock came back
    assert world.mend(far_backoffs) == ["hastened"]
    assert world.read("t").current.not_before is None
    assert world.mend(far_backoffs) == []
    assert set(world.store.ready.all()) == waiting(world.read("t"))


def test_a_back_off_further_ahead_than_any_can_be_waits_while_its_task_is_blocked(world: World) -> None:
    world.clock.at = at(864_000.0)
    backed_off(world, 60.0)
    world.clock.at = at(0.0)
    world.door.task("t", c.BlockTask(by="ann", reason="waits"))
    assert world.mend(far_backoffs) == []
    world.door.task("t", c.UnblockTask(by="ann"))
    assert world.mend(far_backoffs) == ["hastened"]


@pytest.mark.parametrize("seconds", [0.0, 60.0, 1800.0])
def test_a_back_off_that_can_be_is_left(world: World, seconds: float) -> None:
    backed_off(world, seconds)
    assert world.mend(far_backoffs) == []


# -- dependencies -------------------------------------------------------------------------------------------------


def waits(world: World, *dependents: str) -> None:
    """Tasks that wait for ``first``."""
    world.task("first")
    for id in dependents:
        world.store.waits.add("first", id)
        world.task(id, depends_on=("first",))


def test_dependents_are_told_when_a_task_completes(world: World) -> None:
    waits(world, "a", "b")
    complete(world, "first")
    assert [world.read(id).unmet for id in ("a", "b")] == [(), ()]
    assert world.store.waits.dependencies() == []
    assert [event["task"] for event in world.events("dependency_met")] == ["a", "b"]


@pytest.mark.parametrize(
    ("command", "word"), [(cancel(), "cancelled"), (c.DeleteTask(by="ann"), "deleted")], ids=["cancelled", "deleted"]
)
def test_dependents_of_a_task_that_will_never_complete_are_blocked(world: World, command: Any, word: str) -> None:
    waits(world, "a")
    world.door.task("first", command)
    task = world.read("a")
    assert task.blocked is not None
    assert (task.blocked.kind, task.blocked.reason) == ("dependency", f"it waits for first, which was {word}")
    assert task.unmet == ("first",)


def test_one_dependent_that_cannot_be_told_keeps_no_other_from_it(world: World) -> None:
    waits(world, "a", "b")
    world.store.tasks.damage("a")
    complete(world, "first")
    assert world.read("b").unmet == ()
    assert world.store.waits.dependents("first") == ["a"]


def test_a_dependency_that_ended_while_its_dependent_was_made_is_heard_of(world: World) -> None:
    world.task("first")
    add = world.store.waits.add

    def ended_just_then(dependency: str, dependent: str) -> None:
        add(dependency, dependent)
        complete(world, dependency)

    world.store.waits.add = ended_just_then  # type: ignore[method-assign]
    command = create_task(unit("writer"), id="second", campaign=None, project=None, depends_on=("first",))
    assert create(world.door, command, "ann").unmet == ()
    assert world.read("second").unmet == ()


def test_an_end_that_nobody_heard_is_told_by_the_sweep(world: World) -> None:
    waits(world, "a", "b")
    world.door.tell_dependents = lambda task: None  # type: ignore[method-assign]
    complete(world, "first")
    del world.door.tell_dependents
    assert world.read("a").unmet == ("first",)
    assert world.mend(unheard_ends) == ["told"]
    assert [world.read(id).unmet for id in ("a", "b")] == [(), ()]
    assert world.mend(unheard_ends) == []
    assert world.store.waits.dependencies() == []


def test_a_wait_that_a_crash_left_out_is_noted_by_the_sweep(world: World) -> None:
    world.task("first")
    world.task("a", depends_on=("first",))
    assert world.mend(unheard_ends) == []
    assert world.store.waits.dependents("first") == ["a"]
    complete(world, "first")
    assert world.read("a").unmet == ()


def test_a_blocked_dependent_of_a_cancelled_task_is_told_once(world: World) -> None:
    waits(world, "a")
    world.door.task("first", cancel())
    assert world.mend(unheard_ends) == []
    assert len(world.events("task_blocked")) == 1


def test_a_dependent_that_a_person_let_go_on_is_not_blocked_again(world: World) -> None:
    waits(world, "a")
    world.door.task("first", cancel())
    world.door.task("a", c.UnblockTask(by="ann"))
    assert world.mend(unheard_ends) == []
    assert (world.read("a").blocked, world.read("a").unmet) == (None, ())
    assert world.store.waits.dependencies() == []


def test_waits_of_those_that_are_gone_are_forgotten(world: World) -> None:
    waits(world, "a")
    world.door.task("a", cancel())
    world.door.task("first", cancel())
    assert world.mend(unheard_ends) == []
    assert world.store.waits.dependencies() == []


def test_a_task_that_waits_for_one_that_is_not_there_goes_on_waiting(world: World) -> None:
    world.task("a", depends_on=("nobody",))
    assert world.mend(unheard_ends) == []
    assert world.read("a").unmet == ("nobody",)


# -- the index, the archive, damage -------------------------------------------------------------------------------

NOBODYS = Entry(group="-~-~writer", bucket="010-0000000001", name="000000~nobody~s1")


def test_what_the_index_has_too_much_or_too_little_is_settled(world: World) -> None:
    right = waiting(world.task("a")) | waiting(world.task("b"))
    stale = structs.replace(next(iter(waiting(world.read("a")))), bucket="000-0000000001")
    world.store.ready.sync(waiting(world.read("b")), (NOBODYS, stale))
    assert set(world.store.ready.all()) != right
    assert world.mend(index_differences) == ["reindexed"] * 3
    assert set(world.store.ready.all()) == right
    assert world.mend(index_differences) == []


def test_an_index_that_agrees_is_not_touched(world: World) -> None:
    world.task("a")
    world.task("b", not_before=at(60.0))
    world.granted("a")
    assert world.mend(index_differences) == []


def test_an_index_that_was_right_by_the_time_it_was_looked_at_again_counts_nothing(world: World) -> None:
    world.task("a")
    early = world.scene()
    world.granted("a")
    assert world.mend(index_differences, early) == []
    assert set(world.store.ready.all()) == set()


def test_the_names_of_a_damaged_task_leave_the_index(world: World) -> None:
    world.task("a")
    world.store.tasks.damage("a")
    assert world.mend(index_differences) == ["reindexed"]
    assert set(world.store.ready.all()) == set()


def test_a_finished_task_is_archived_when_its_time_has_come(world: World) -> None:
    world.config.change("sweep", archive_after="10m")
    world.task("a")
    complete(world, "a")
    assert world.store.tasks.is_live("a")
    assert world.mend(finished_tasks) == []
    world.clock.passes(600.0)
    assert world.mend(finished_tasks) == ["archived"]
    assert not world.store.tasks.is_live("a")
    assert world.read("a").status == "completed"


def test_a_finished_task_is_archived_at_once_without_archive_after(world: World) -> None:
    world.task("a")
    complete(world, "a")
    assert not world.store.tasks.is_live("a")


def test_a_finished_task_with_a_stamp_ahead_of_the_clock_is_archived(world: World) -> None:
    world.config.change("sweep", archive_after="10m")
    world.clock.at = at(864_000.0)
    world.task("a")
    complete(world, "a")
    world.clock.at = at(0.0)
    assert world.mend(finished_tasks) == ["archived"]


def test_a_task_that_is_not_finished_is_not_archived(world: World) -> None:
    world.task("a")
    world.door.task("a", block())
    world.clock.passes(864_000.0)
    assert world.mend(finished_tasks) == []


def test_a_task_finished_while_the_settings_cannot_be_read_stays_for_the_sweep(world: World) -> None:
    world.task("a")

    def broken() -> Any:
        raise StorageError("the settings cannot be read")

    settings, world.config.settings = world.config.settings, broken  # type: ignore[method-assign]
    complete(world, "a")
    world.config.settings = settings  # type: ignore[method-assign]
    assert (world.read("a").status, world.store.tasks.is_live("a")) == ("completed", True)
    assert world.mend(finished_tasks) == ["archived"]


def test_a_damaged_file_is_set_aside_and_the_rest_goes_on(world: World) -> None:
    world.task("a")
    world.task("b")
    world.campaign("spring")
    world.store.tasks.damage("a")
    world.store.campaigns.damage("spring")
    assert world.mend(damaged_files) == ["quarantined"] * 2
    assert world.store.tasks.is_set_aside("a")
    assert world.store.campaigns.is_set_aside("spring")
    assert world.mend(damaged_files) == []
    assert world.store.tasks.is_live("b")


def test_a_file_of_a_newer_baton_is_left_where_it_is(world: World) -> None:
    world.task("a")
    world.store.tasks.damage("a", "schema 2", newer=True)
    assert world.mend(damaged_files) == []
    assert not world.store.tasks.is_set_aside("a")


# -- a whole sweep ------------------------------------------------------------------------------------------------


def swept(world: World, *, dry_run: bool = False, chores: Any = ()) -> Any:
    """Sweep once; dispatch says that it started two."""
    order: list[str] = []

    def mend() -> int:
        order.append("mend")
        return 0

    def dispatch() -> Dispatched:
        order.append("dispatch")
        return Dispatched(started=2)

    report = sweep(world.scene, mend, chores, dispatch, world.reasons, world.clock, dry_run=dry_run)
    return report, order


def test_a_sweep_mends_looks_repairs_then_dispatches(world: World) -> None:
    world.supervised()
    running(world)
    world.store.slots.lose_supervisor(0, tree_lives=False)
    report, order = swept(world)
    assert order == ["mend", "dispatch"]
    assert (report.counts["stale_released"], report.counts["redispatched"]) == (1, 2)
    assert (report.health["tasks"], report.health["leases"], report.health["ready"]) == ({"in_progress": 1}, 0, 1)
    assert set(COUNTS) <= set(report.as_json())


def test_an_idle_sweep_changes_nothing(world: World) -> None:
    world.task("a")
    before = world.events()
    report, _ = swept(world)
    assert (report.found, report.errors) == ([], [])
    assert world.events() == before


def test_a_dry_run_says_what_would_be_done_and_does_nothing(world: World) -> None:
    world.supervised()
    running(world)
    world.store.slots.lose_supervisor(0, tree_lives=False)
    before = world.events()
    report, order = swept(world, dry_run=True)
    assert order == []
    assert report.counts["stale_released"] == 1
    assert world.events() == before
    assert len(world.read("t").leases) == 1


def test_one_bad_item_stops_neither_its_repair_nor_the_others(world: World) -> None:
    done = []

    def fails() -> bool:
        raise ZeroDivisionError("a defect")

    def works() -> bool:
        done.append(1)
        return True

    def chore(scene: Any) -> Any:
        yield Finding(count="told", text="the bad one", act=fails)
        yield Finding(count="told", text="the good one", act=works)

    def broken(scene: Any) -> Any:
        raise StorageError("the folder cannot be read")

    report, order = swept(world, chores=(broken, chore))
    assert (done, report.found, report.counts["told"]) == ([1], ["the good one"], 1)
    assert report.errors == ["broken: the folder cannot be read", "the bad one: a defect"]
    assert order == ["mend", "dispatch"]


def test_health_counts_what_is_there(world: World) -> None:
    world.task("a")
    world.task("b", not_before=at(60.0))
    world.task("c")
    world.granted("c")
    world.task("d")
    world.door.task("d", c.AcquireByHand(agent="x", holder=world.clock.holder(), steal_after_seconds=600.0))
    world.supervised()
    world.clock.passes(5.0)
    report, _ = swept(world)
    assert report.health == {
        "tasks": {"backlog": 2, "in_progress": 2}, "leases": 2, "running": 1, "ready": 1, "oldest_ready_seconds": 5.0,
    }  # fmt: skip


def test_every_repair_of_an_empty_home_finds_nothing(world: World) -> None:
    assert [world.mend(repair) for repair in REPAIRS] == [[]] * len(REPAIRS)
