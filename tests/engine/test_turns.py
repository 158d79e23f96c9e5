"""Turns: which assignment of a namespace may start, who takes its turn, and that two never have it."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from msgspec import structs
from tests.assigned import BLOCK, COMPLETE, create_assignment, insert, job
from tests.builders import policy
from tests.engine.worlds import World

from baton.cli.wiring import Wiring
from baton.domain import commands as c
from baton.domain.assignments import Act
from baton.domain.errors import BatonError, NotReady
from baton.domain.readiness import Why
from baton.domain.records import Task
from baton.domain.statuses import Outcome
from baton.engine.dispatch import dispatch, startable
from baton.engine.granting import Granted, Granter
from baton.store.layout import Home

SEED = random.randrange(1_000_000)


@pytest.fixture
def world() -> World:
    return World()


def make(world: World, id: str, **fields: object) -> Task:
    """Make an assignment, a second after the last one."""
    world.clock.passes(1)
    return world.door.create_if_absent(create_assignment(id=id, **fields))[0]


def names(world: World) -> list[str]:
    """What may be started, most urgent first."""
    return [entry.name.split("~")[1] for entry in startable(world.store, world.clock, world.granter.parking)]


def end(world: World, granted: Granted, outcome: Outcome = Outcome.COMPLETED) -> Task:
    """End the run of a job."""
    lease = granted.lease
    assert lease.run is not None
    command = c.EndRun(token=lease.token, run=lease.run, outcome=outcome, kind=None, policy=policy(), jitter=0.5)
    return world.door.task(granted.task.id, command)


def has_turn(world: World, id: str) -> bool:
    assignment = world.read(id).assignment
    assert assignment is not None
    return assignment.turn


def test_of_one_namespace_the_most_urgent_and_then_the_oldest_may_start(world: World) -> None:
    make(world, "old")
    make(world, "new")
    make(world, "urgent", priority="urgent")
    assert names(world) == ["urgent"]


def test_each_namespace_has_its_own_turn_and_who_is_independent_needs_none(world: World) -> None:
    make(world, "a")
    make(world, "b")
    make(world, "other", namespace="blog")
    make(world, "free", independent=True)
    assert names(world) == ["a", "other", "free"]


def test_only_as_many_supervisors_are_started_as_there_are_turns(world: World) -> None:
    for id in ("a", "b", "c"):
        make(world, id)
    found = dispatch(world.store, world.config, world.clock, world.launcher, world.granter.parking, inside_run=False)
    assert found.started == 1


def test_who_grants_the_first_job_takes_the_turn_in_the_same_commit(world: World) -> None:
    make(world, "a")
    make(world, "b")

    granted = world.granter.pick()

    assert granted is not None
    assert (granted.task.id, has_turn(world, "a"), has_turn(world, "b")) == ("a", True, False)
    events = [(event["type"], event["task"]) for event in world.events("turn_taken", "lease_granted")]
    assert events == [("turn_taken", "a"), ("lease_granted", "a")]
    assert names(world) == []


def test_the_turn_lasts_over_the_jobs_of_an_assignment(world: World) -> None:
    make(world, "a")
    make(world, "b")
    granted = world.granter.pick()
    assert granted is not None
    end(world, granted)
    assert names(world) == ["a"]


@pytest.mark.parametrize("act", [COMPLETE, BLOCK])
def test_with_its_end_or_its_block_the_turn_is_the_next_one_s(world: World, act: Act) -> None:
    make(world, "a", turn=False)
    make(world, "b")
    for _ in range(2):
        granted = world.granter.pick()
        assert granted is not None
        if granted.unit.agent == "pm":
            world.door.task("a", c.ActOnAssignment(by="pm", act=act, token=granted.lease.token))
        end(world, granted)
    assert names(world) == ["b"]


def test_one_that_is_unblocked_waits_for_the_turn_that_it_has_lost(world: World) -> None:
    make(world, "a")
    make(world, "b")
    world.door.task("a", c.TakeTurn())
    world.store.turns.write("shop", "a")
    world.door.task("a", c.BlockTask(by="ann", reason="wait"))
    assert world.granter.pick() is not None

    world.door.task("a", c.UnblockTask(by="ann"))

    with pytest.raises(NotReady, match="b is the active assignment of namespace shop") as refused:
        world.granter.grant("a")
    assert refused.value.details["why"] == Why.TURN.value


def test_the_members_of_a_group_are_granted_side_by_side(world: World) -> None:
    make(world, "a")
    world.door.task("a", c.ActOnAssignment(by="ann", act=insert(job("review"), job("review"))))
    granted = world.granter.pick()
    assert granted is not None
    end(world, granted)
    pm = world.granter.pick()
    assert pm is not None
    end(world, pm)
    both = [world.granter.pick(), world.granter.pick()]
    assert [one.lease.unit for one in both if one is not None] == ["j2", "j3"]


def test_why_it_waits_is_said_with_who_is_active(world: World) -> None:
    make(world, "a")
    waits = make(world, "b")
    world.granter.pick()
    reason = world.reasons().of(waits, waits.current)
    assert (reason.why, reason.text, reason.cure) == (
        Why.TURN,
        "waits for its turn in namespace shop; a is active",
        "assignment.py queue",
    )


def test_one_that_comes_later_says_so_while_the_turn_is_free(world: World) -> None:
    first, second = make(world, "a"), make(world, "b")
    reasons = world.reasons()
    assert reasons.of(first, first.current).why is Why.READY
    assert reasons.of(second, second.current).text == (
        "waits for its turn in namespace shop; another assignment comes first"
    )


def test_a_turn_that_a_crash_kept_from_being_taken_is_free(world: World) -> None:
    make(world, "a")
    world.store.turns.write("shop", "a")  # written, and then nothing was committed
    make(world, "urgent", priority="urgent")
    assert names(world) == ["urgent"]


# -- many at once -------------------------------------------------------------------------------------------------

ASSIGNMENTS = 12
THREADS = 4


class Rivals:
    """Threads with a store of their own each, as supervisors have: they grant, look whom they meet, and end."""

    def __init__(self, root: Path) -> None:
        self.home = Home(str(root))
        self.at_work: dict[str, int] = {}
        self.met: list[tuple[str, ...]] = []
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()

    def wiring(self) -> Wiring:
        return Wiring(self.home, {}, lambda said: None)

    def go(self, seed: int) -> None:
        """Grant and end until nothing is left."""
        try:
            wiring, chance = self.wiring(), random.Random(seed)
            holder = structs.replace(wiring.clock.holder(), slot=seed, instance=str(seed))
            granter = Granter(wiring.door, wiring.clock, lambda agent: None, lambda: holder)
            limit = time.monotonic() + 60
            while any(True for _ in wiring.store.tasks.ids()) and time.monotonic() < limit:
                granted = granter.pick()
                if granted is not None:
                    self._work(wiring, granted, chance)
                elif chance.random() < 0.3:
                    self._unblock_one(wiring)
        except BaseException as error:  # noqa: BLE001 - it is said in the test's own thread
            self.errors.append(error)

    def _work(self, wiring: Wiring, granted: Granted, chance: random.Random) -> None:
        id, lease = granted.task.id, granted.lease
        with self._lock:
            self.at_work[id] = self.at_work.get(id, 0) + 1
            self.met.append(tuple(sorted(self.at_work)))
        time.sleep(chance.uniform(0, 0.003))
        if lease.agent == "pm":
            act = chance.choice((COMPLETE, BLOCK, insert(job("review"), job("review"))))
            wiring.door.task(id, c.ActOnAssignment(by="pm", act=act, token=lease.token))
        with self._lock:
            self.at_work[id] -= 1
            if not self.at_work[id]:
                del self.at_work[id]
        outcome = Outcome.COMPLETED
        command = c.EndRun(
            token=lease.token, run=lease.run or "", outcome=outcome, kind=None, policy=policy(), jitter=0.5
        )
        wiring.door.task(id, command)

    def _unblock_one(self, wiring: Wiring) -> None:
        for id in list(wiring.store.tasks.ids()):
            try:
                wiring.door.task(id, c.UnblockTask(by="ann"))
                return
            except BatonError:
                continue


def test_two_assignments_of_a_namespace_are_never_at_work_at_once(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    rivals = Rivals(tmp_path)
    wiring = rivals.wiring()
    wiring.store.prepare()
    for number in range(ASSIGNMENTS):
        wiring.door.create_if_absent(create_assignment(id=f"a-{number}"))

    threads = [threading.Thread(target=rivals.go, args=(SEED + number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=90)

    assert rivals.errors == []
    assert list(wiring.store.tasks.ids()) == []
    assert {names for names in rivals.met if len(names) > 1} == set()
    assert len(set(rivals.met)) == ASSIGNMENTS
