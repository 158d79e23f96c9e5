"""What the docstrings of ``ports`` promise of a store, held against both: the files of a home, and the memory.

A ``World`` is a store, its clock, and what the two do differently from outside: a second process's view, damage, a
copied descriptor, the death of a supervisor.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import NOW, STOCKED, at, cancel, grant, unit
from tests.store.homes import (
    FIX,
    TO_THE_END,
    FakeClock,
    close_below,
    comment,
    do,
    do_campaign,
    do_project,
    ids_on,
    open_home,
    small_campaign,
    small_project,
    small_task,
    stripe,
)

from baton.domain import campaign_commands
from baton.domain import commands as c
from baton.domain.agent_commands import HearFrom
from baton.domain.errors import AlreadyExists, BatonError, IllegalTransition, StateDamaged, StateNewer, TaskNotFound
from baton.domain.parking import Parked
from baton.domain.readiness import Entry, waiting
from baton.domain.records import Task
from baton.domain.statuses import FailureKind, TaskStatus
from baton.domain.tasks import decide
from baton.domain.times import epoch
from baton.engine.door import Door
from baton.ports import Commit, Damage, Slot, SlotState
from baton.store.memory import MemoryStore

STALE = Entry(group="-~-~content-writer", bucket="010-0000000001", name="000000~t-1~s9")


class HomeWorld:
    """A home on disk."""

    name = "home"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        self.warnings: list[str] = []
        self.store: Any = self.elsewhere()

    def elsewhere(self) -> Any:
        """The store as another process sees it."""
        return open_home(self.root, self.clock, self.warnings.append)

    def damage(self, id: str) -> None:
        """Make the live record of this task unreadable."""
        self._path(id).write_bytes(self._path(id).read_bytes()[:-9])

    def make_newer(self, id: str) -> None:
        """Let a newer Baton have written the live record of this task."""
        self._path(id).write_bytes(self._path(id).read_bytes().replace(b'"schema": 1', b'"schema": 2'))

    def copied(self, fileno: int) -> int:
        """The descriptor under which a child has its copy of this one."""
        return os.dup(fileno)

    def lose_supervisor(self, slot: Any) -> None:
        """Let the supervisor die while its tree lives: only descriptors that no child inherits are closed."""
        os.close(slot.supervisor_fileno)

    def _path(self, id: str) -> Path:
        return self.root / "state" / "tasks" / f"{id}.json"


class MemoryWorld:
    """A store in memory: every view of it is the same object, and a copy of a descriptor has the same number."""

    name = "memory"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.warnings: list[str] = []
        self.store: Any = MemoryStore(self.clock)

    def elsewhere(self) -> Any:
        return self.store

    def damage(self, id: str) -> None:
        self.store.tasks.damage(id)

    def make_newer(self, id: str) -> None:
        self.store.tasks.damage(id, newer=True)

    def copied(self, fileno: int) -> int:
        return fileno

    def lose_supervisor(self, slot: Any) -> None:
        self.store.slots.lose_supervisor(slot.number, tree_lives=True)


World = HomeWorld | MemoryWorld


@pytest.fixture(params=["home", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A fresh store; at the end, nothing may have been warned of."""
    made: World = HomeWorld(tmp_path) if request.param == "home" else MemoryWorld()
    yield made
    close_below(tmp_path)
    assert made.warnings == []


@pytest.fixture
def store(world: World) -> Any:
    return world.store


def events_of(world: World) -> list[str]:
    """The ids of all events in the log, as another process reads them."""
    return [event["id"] for event in world.elsewhere().log.tail(1_000_000)]


def everything(world: World) -> tuple[Any, ...]:
    """All that a change could have touched."""
    seen = world.elsewhere()
    return (
        sorted((record.id, record) for record in seen.tasks.live()),
        sorted(seen.tasks.ids(archived=True)),
        events_of(world),
        set(seen.ready.all()),
    )


class Refusal(Exception):
    """Raised in a change, to see what is left."""


# -- untouched ----------------------------------------------------------------------------------------------------


def test_a_store_that_nobody_touched_is_empty(store: Any) -> None:
    assert list(store.tasks.ids()) == list(store.tasks.ids(archived=True)) == list(store.campaigns.live()) == []
    assert store.tasks.read("t-1") is None
    assert store.log.tail(10) == []
    assert store.ready.groups() == list(store.ready.all()) == []
    assert store.waits.dependencies() == store.waits.dependents("t-1") == []
    assert store.slots.states() == []
    assert store.runs.read("t-1", "r-1") is None


@pytest.mark.parametrize("look", ["ids", "tail", "dependencies", "slots", "cursor"])
def test_looking_first_finds_nothing_and_raises_nothing(store: Any, look: str) -> None:
    looks = {
        "ids": lambda: list(store.tasks.ids()),
        "tail": lambda: store.log.tail(1),
        "dependencies": store.waits.dependencies,
        "slots": store.slots.states,
        "cursor": lambda: store.log.read_from(None)[0],
    }
    assert looks[look]() == []


# -- Kind: update -------------------------------------------------------------------------------------------------


def test_update_gives_none_for_a_record_that_was_never_made(store: Any) -> None:
    with pytest.raises(TaskNotFound):
        do(store, "t-1", comment())


def test_update_creates_the_record_its_events_and_its_place_in_line(world: World) -> None:
    made = do(world.store, "t-1", small_task("t-1"))

    assert made.version == 1
    assert world.elsewhere().tasks.read("t-1") == made
    assert events_of(world) == ["task/t-1:1:0"]
    assert set(world.elsewhere().ready.all()) == waiting(made) != frozenset()


def test_update_changes_the_record_and_adds_its_events_in_order(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))

    changed = do(world.elsewhere(), "t-1", comment("first"), comment("second"))

    assert world.store.tasks.read("t-1") == changed
    assert [event.data["text"] for event in changed.history[1:]] == ["first", "second"]
    assert events_of(world) == ["task/t-1:1:0", "task/t-1:2:0", "task/t-1:3:0"]


def test_update_gives_the_time_of_the_clock(world: World) -> None:
    world.clock.at = at(61)
    assert do(world.store, "t-1", small_task("t-1")).created_at == at(61)


def test_update_moves_the_place_in_line_with_the_record(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))

    urgent = do(world.store, "t-1", c.UpdateTask(by="ann", fields={"priority": "urgent"}))
    assert set(world.elsewhere().ready.all()) == waiting(urgent)

    do(world.store, "t-1", grant)
    assert list(world.elsewhere().ready.all()) == []


def test_update_refused_by_the_change_leaves_nothing(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    before = everything(world)

    with pytest.raises(IllegalTransition):
        do(world.store, "t-1", comment(), c.UnblockTask(by="ann"))

    assert everything(world) == before


def test_whatever_is_raised_in_a_change_comes_out_and_leaves_nothing(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    before = everything(world)

    def change(task: Task | None, now: str) -> Commit:
        decide(task, small_task("t-2") if task is None else comment(), now)
        raise Refusal

    for id in ("t-1", "t-2"):
        with pytest.raises(Refusal):
            world.store.tasks.update(id, change)

    assert everything(world) == before
    assert do(world.elsewhere(), "t-1", comment()).version == 2


def test_a_change_without_events_writes_nothing(world: World) -> None:
    made = do(world.store, "t-1", small_task("t-1"))
    before = everything(world)
    sign = world.store.tasks.modified("t-1")

    same = world.store.tasks.update("t-1", lambda task, now: Commit(task, archive=True))
    none = world.store.tasks.update("t-2", lambda task, now: Commit(task))

    assert (same, none) == (made, None)
    assert everything(world) == before
    assert world.store.tasks.modified("t-1") == sign


def test_a_change_may_archive_the_record_in_the_same_commit(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))

    do(world.store, "t-1", cancel(), archive=True)

    seen = world.elsewhere().tasks
    assert (list(seen.ids()), list(seen.ids(archived=True))) == ([], ["t-1"])
    assert events_of(world)[-1] == "task/t-1:2:0"
    assert list(world.elsewhere().ready.all()) == []


def test_a_record_may_be_made_and_archived_in_one_commit(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"), cancel(), archive=True)

    assert list(world.elsewhere().tasks.ids(archived=True)) == ["t-1"]
    assert events_of(world) == ["task/t-1:1:0", "task/t-1:2:0"]


def test_an_archived_record_is_given_to_the_change(world: World) -> None:
    archived = do(world.store, "t-1", small_task("t-1"), *TO_THE_END, archive=True)
    before = everything(world)
    given: list[Task | None] = []

    def change(task: Task | None, now: str) -> Commit:
        given.append(task)
        return Commit(task)

    assert world.store.tasks.update("t-1", change) == archived

    assert given == [archived]
    assert everything(world) == before


def test_an_archived_record_that_changes_is_live_again(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"), *TO_THE_END, archive=True)

    fixed = do(world.store, "t-1", FIX)

    seen = world.elsewhere()
    assert (list(seen.tasks.ids()), list(seen.tasks.ids(archived=True))) == (["t-1"], [])
    assert seen.tasks.read("t-1") == fixed
    assert {entry.name.split("~")[1] for entry in seen.ready.all()} == {"t-1"}
    assert events_of(world)[-1] == f"task/t-1:{fixed.version}:0"


def test_an_archived_record_may_change_and_stay_in_the_archive(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"), *TO_THE_END, archive=True)

    approved = do(world.store, "t-1", c.ApproveTask(by="ann"), archive=True)

    seen = world.elsewhere()
    assert (list(seen.tasks.ids()), list(seen.tasks.ids(archived=True))) == ([], ["t-1"])
    assert seen.tasks.read("t-1") == approved
    assert events_of(world)[-1] == f"task/t-1:{approved.version}:0"


def test_campaigns_are_records_too_and_never_wait_in_line(world: World) -> None:
    made = do_campaign(world.store, "spring", small_campaign("spring"))
    active = do_campaign(world.store, "spring", campaign_commands.ActivateCampaign())

    assert world.elsewhere().campaigns.read("spring") == active != made
    assert events_of(world) == ["campaign/spring:1:0", "campaign/spring:2:0"]
    assert world.store.campaigns.resync("spring") is False
    assert list(world.store.ready.all()) == []


def test_what_is_kept_of_an_agent_is_a_record_too_and_never_waits_in_line(world: World) -> None:
    door = Door(world.store, None, lambda task: None)
    before = door.agent("writer", HearFrom(by="ann"))
    after = door.agent("writer", lambda record: HearFrom(by="bob", note=str(record.version)))

    assert (before.version, after.version, after.note) == (1, 2, "1")
    assert world.elsewhere().agents.read("writer") == after
    assert [one.id for one in world.store.agents.live()] == ["writer"]
    assert events_of(world) == ["agent/writer:1:0", "agent/writer:2:0"]
    assert list(world.store.ready.all()) == []


def test_projects_are_records_too_and_never_wait_in_line(world: World) -> None:
    made = do_project(world.store, "acme", small_project("acme"))
    stocked = do_project(world.store, "acme", *STOCKED)

    assert world.elsewhere().projects.read("acme") == stocked != made
    assert list(world.elsewhere().projects.live()) == [stocked]
    assert events_of(world) == ["project/acme:1:0", "project/acme:2:0", "project/acme:3:0"]
    assert world.store.projects.resync("acme") is False
    assert list(world.store.ready.all()) == []


def test_a_refused_command_leaves_a_project_as_it_was(world: World) -> None:
    made = do_project(world.store, "acme", small_project("acme"), *STOCKED)

    with pytest.raises(AlreadyExists):
        do_project(world.store, "acme", STOCKED[1], STOCKED[1])

    assert world.elsewhere().projects.read("acme") == made
    assert len(events_of(world)) == 3


def test_a_task_a_campaign_and_a_project_of_one_name_are_three_records(world: World) -> None:
    do(world.store, "spring", small_task("spring"))
    do_campaign(world.store, "spring", small_campaign("spring"))
    do_project(world.store, "spring", small_project("spring"))

    do(world.store, "spring", comment())

    seen = world.elsewhere()
    assert [kind.read("spring").version for kind in (seen.tasks, seen.campaigns, seen.projects)] == [2, 1, 1]


def test_two_records_behind_one_lock_change_by_themselves(world: World) -> None:
    first, second = ids_on(stripe("t-1"), 2)
    for id in (first, second, first):
        do(world.store, id, small_task(id) if world.store.tasks.read(id) is None else comment())

    assert [world.elsewhere().tasks.read(id).version for id in (first, second)] == [2, 1]
    assert events_of(world) == [f"task/{first}:1:0", f"task/{second}:1:0", f"task/{first}:2:0"]


def test_threads_that_change_one_record_lose_nothing(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    started = threading.Barrier(4)

    def work() -> None:
        started.wait()
        for _ in range(10):
            do(world.store, "t-1", comment())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert events_of(world) == [f"task/t-1:{version}:0" for version in range(1, 42)]


# -- Kind: looking ------------------------------------------------------------------------------------------------


def test_read_finds_a_record_after_it_was_archived(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    cancelled = do(world.store, "t-1", cancel())

    assert world.store.tasks.archive("t-1", lambda task: task.is_finished) is True

    assert world.elsewhere().tasks.read("t-1") == cancelled


def test_archive_moves_only_a_live_record_for_which_the_condition_holds(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    before = everything(world)

    assert world.store.tasks.archive("t-1", lambda task: task.is_finished) is False
    assert world.store.tasks.archive("t-2", lambda task: True) is False
    assert everything(world) == before

    do(world.store, "t-1", cancel(), archive=True)
    assert world.store.tasks.archive("t-1", lambda task: True) is False


def test_archive_with_a_condition_that_raises_moves_nothing(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))

    def refuse(task: Task) -> bool:
        raise Refusal

    with pytest.raises(Refusal):
        world.store.tasks.archive("t-1", refuse)
    assert list(world.elsewhere().tasks.ids()) == ["t-1"]


def test_ids_live_and_is_live_tell_the_live_from_the_archived(world: World) -> None:
    kept = [do(world.store, id, small_task(id)) for id in ("t-1", "t-2")]
    do(world.store, "t-3", small_task("t-3"), cancel(), archive=True)

    seen = world.elsewhere().tasks
    assert sorted(seen.ids()) == ["t-1", "t-2"]
    assert list(seen.ids(archived=True)) == ["t-3"]
    assert sorted(seen.live(), key=lambda task: task.id) == kept
    assert [seen.is_live(id) for id in ("t-1", "t-3", "t-4")] == [True, False, False]


def test_modified_tells_of_every_commit_and_of_nothing_else(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    tasks = world.store.tasks
    sign = tasks.modified("t-1")

    tasks.read("t-1")
    tasks.resync("t-1")
    assert tasks.modified("t-1") == sign

    for _ in range(20):
        do(world.store, "t-1", comment())
        assert tasks.modified("t-1") not in (sign, None)
        sign = tasks.modified("t-1")
    do(world.store, "t-1", cancel(), archive=True)
    assert tasks.modified("t-1") is None


# -- Kind: damage -------------------------------------------------------------------------------------------------


def test_a_damaged_record_is_refused_by_read_and_by_update(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    world.damage("t-1")

    for tasks in (world.store.tasks, world.elsewhere().tasks):
        with pytest.raises(StateDamaged):
            tasks.read("t-1")
        with pytest.raises(StateDamaged):
            tasks.update("t-1", lambda task, now: Commit(task))


def test_live_gives_a_damaged_record_as_damage_and_the_others_as_they_are(world: World) -> None:
    well = do(world.store, "t-1", small_task("t-1"))
    for id in ("t-2", "t-3"):
        do(world.store, id, small_task(id))
    world.damage("t-2")
    world.make_newer("t-3")

    found = {record.id: record for record in world.elsewhere().tasks.live()}

    assert found["t-1"] == well
    damaged, newer = found["t-2"], found["t-3"]
    assert isinstance(damaged, Damage) and isinstance(newer, Damage)
    assert (damaged.kind, damaged.state, bool(damaged.reason)) == ("task", "damaged", True)
    assert (newer.kind, newer.state, bool(newer.reason)) == ("task", "newer", True)


def test_set_aside_moves_a_damaged_record_out_of_the_way(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    world.damage("t-1")

    assert world.store.tasks.is_set_aside("t-1") is False
    assert world.store.tasks.set_aside("t-1", "it was torn") is True

    seen = world.elsewhere().tasks
    assert (list(seen.ids()), seen.is_set_aside("t-1"), seen.is_live("t-1")) == ([], True, False)
    assert seen.set_aside("t-1", "again") is False


def test_set_aside_looks_again_and_leaves_a_record_that_is_well(world: World) -> None:
    made = do(world.store, "t-1", small_task("t-1"))

    assert world.store.tasks.set_aside("t-1", "it was torn") is False
    assert world.store.tasks.set_aside("t-2", "it was torn") is False

    assert world.elsewhere().tasks.read("t-1") == made
    assert world.store.tasks.is_set_aside("t-1") is False


def test_set_aside_leaves_a_newer_record_where_it_is(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    world.make_newer("t-1")

    assert world.store.tasks.set_aside("t-1", "it is newer") is False

    assert world.elsewhere().tasks.is_live("t-1")
    with pytest.raises(StateNewer):
        world.store.tasks.read("t-1")
    with pytest.raises(StateNewer):
        world.store.tasks.update("t-1", lambda task, now: Commit(task))
    assert world.store.tasks.is_set_aside("t-1") is False


# -- Kind: resync -------------------------------------------------------------------------------------------------


def test_resync_adds_what_is_missing(world: World) -> None:
    made = do(world.store, "t-1", small_task("t-1"))
    world.store.ready.sync(waiting(made), ())

    assert world.store.tasks.resync("t-1") is True
    assert set(world.elsewhere().ready.all()) == waiting(made)
    assert world.store.tasks.resync("t-1") is False


def test_resync_removes_of_the_given_entries_only_the_stale_ones(world: World) -> None:
    made = do(world.store, "t-1", small_task("t-1"))
    other = do(world.store, "t-2", small_task("t-2"))
    world.store.ready.sync((), [STALE])

    assert world.store.tasks.resync("t-1", [STALE, *waiting(made)]) is True

    assert set(world.elsewhere().ready.all()) == waiting(made) | waiting(other)


@pytest.mark.parametrize("state", ["absent", "archived", "damaged"])
def test_resync_removes_entries_that_no_live_record_stands_behind(world: World, state: str) -> None:
    if state != "absent":
        do(world.store, "t-1", small_task("t-1"))
    if state == "archived":
        do(world.store, "t-1", cancel(), archive=True)
    if state == "damaged":
        world.damage("t-1")
    world.store.ready.sync((), [STALE])

    assert world.store.tasks.resync("t-1", list(world.store.ready.all())) is True
    assert list(world.elsewhere().ready.all()) == []


# -- Ready --------------------------------------------------------------------------------------------------------


def names(world: World, groups: list[str] | None = None) -> list[str]:
    """The tasks that are due now, in the order in which they would be started."""
    ready = world.elsewhere().ready
    found = ready.first(ready.groups() if groups is None else groups, epoch(world.clock.at))
    return [entry.name.split("~")[1] for entry in found]


def test_first_goes_by_priority_then_by_time_then_by_name_over_all_groups(world: World) -> None:
    for id, second, fields in (
        ("b", 0.002, {}),
        ("c", 0.001, {"campaign": "spring"}),
        ("a", 0.002, {"campaign": "spring"}),
        ("late-but-urgent", 9, {"priority": "urgent"}),
        ("low", 0, {"priority": "low"}),
        ("numbered", 5, {"priority": 7}),
        ("later", 1, {}),
    ):
        world.clock.at = at(second)
        do(world.store, id, small_task(id, **fields))

    assert names(world) == ["late-but-urgent", "numbered", "c", "a", "b", "later", "low"]


def test_units_of_one_second_and_priority_go_by_time_then_by_name(world: World) -> None:
    order = [(millisecond, id) for millisecond in (3, 1, 2) for id in ("c", "a", "d", "b")]
    for place, (millisecond, id) in enumerate(order):
        world.clock.at = at(millisecond / 1000)
        campaign = (None, "spring", "summer")[place % 3]
        do(world.store, f"{id}{millisecond}", small_task(f"{id}{millisecond}", campaign=campaign))

    assert names(world) == [f"{id}{millisecond}" for millisecond, id in sorted(order)]


def test_first_looks_only_into_the_groups_it_is_given(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    do(world.store, "t-2", small_task("t-2", campaign="spring"))

    assert sorted(world.elsewhere().ready.groups()) == ["-~-~content-writer", "spring~-~content-writer"]
    assert names(world, ["spring~-~content-writer"]) == ["t-2"]
    assert names(world, []) == names(world, ["summer~-~content-writer"]) == []


def test_groups_name_the_records_own_harness(world: World) -> None:
    do(world.store, "t-1", small_task("t-1", campaign="spring"))
    do(world.store, "t-2", c.CreateTask(id="t-2", units=(unit(harness="codex"),), fields={
        "title": "x", "project": None, "campaign": None,
    }))  # fmt: skip

    assert sorted(world.elsewhere().ready.groups()) == ["-~codex~content-writer", "spring~-~content-writer"]


def test_a_unit_that_waits_for_a_time_is_not_given_before_it(world: World) -> None:
    do(world.store, "t-1", small_task("t-1", not_before=at(60)))
    do(world.store, "t-2", small_task("t-2"))

    assert names(world) == ["t-2"]
    world.clock.at = at(59.999)
    assert names(world) == ["t-2"]
    world.clock.at = at(60)
    assert names(world) == ["t-2", "t-1"]
    assert len(list(world.store.ready.all())) == 2


# -- Log ----------------------------------------------------------------------------------------------------------


def test_tail_gives_the_newest_events_oldest_first(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    for second in (1, 2, 86400, 2 * 86400):
        world.clock.at = at(second)
        do(world.store, "t-1", comment())

    tail = world.elsewhere().log.tail
    assert [event["version"] for event in tail(3)] == [3, 4, 5]
    assert [event["version"] for event in tail(99)] == [1, 2, 3, 4, 5]
    assert tail(0) == []


def test_an_event_reads_back_as_the_record_tells_it(world: World) -> None:
    made = do(world.store, "t-1", small_task("t-1"))

    assert world.elsewhere().log.tail(1) == [
        {
            "id": "task/t-1:1:0",
            "at": NOW,
            "type": "task_created",
            "task": "t-1",
            "campaign": None,
            "run": None,
            "version": 1,
            "data": {"title": made.title, "steps": 2},
        }
    ]


def test_read_from_none_gives_only_the_place_where_the_log_ends(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))

    events, cursor = world.store.log.read_from(None)
    assert events == []
    assert world.store.log.read_from(cursor) == ([], cursor)

    do(world.store, "t-1", comment())
    assert [event["id"] for event in world.elsewhere().log.read_from(cursor)[0]] == ["task/t-1:2:0"]


def test_a_cursor_from_before_the_first_event_misses_nothing(world: World) -> None:
    _, cursor = world.store.log.read_from(None)
    do(world.store, "t-1", small_task("t-1"))

    assert [event["id"] for event in world.store.log.read_from(cursor)[0]] == ["task/t-1:1:0"]


def test_a_reader_sees_each_event_once_whatever_the_clock_does(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    seen: list[str] = []
    _, cursor = world.store.log.read_from(None)
    day = 86400
    for number, second in enumerate((1, day, day + 1, 3 * day, 2 * day, -9 * day, 3 * day, 4 * day, 0, 5 * day)):
        world.clock.at = at(second)
        do(world.store, "t-1", comment())
        if number % 3 == 0:
            do(world.store, "t-1", comment())
        if number % 2 == 0:
            events, cursor = world.elsewhere().log.read_from(cursor)
            seen += [event["id"] for event in events]
    events, cursor = world.store.log.read_from(cursor)
    seen += [event["id"] for event in events]

    assert seen == [f"task/t-1:{version}:0" for version in range(2, 16)]
    assert world.store.log.read_from(cursor) == ([], cursor)


def test_a_reader_goes_on_behind_days_that_were_dropped(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    _, cursor = world.store.log.read_from(None)
    for day in (0, 1, 2):
        world.clock.at = at(day * 86400)
        do(world.store, "t-1", comment())

    assert world.store.log.drop_before(at(2 * 86400)[:10]) == 2
    assert [event["version"] for event in world.store.log.read_from(cursor)[0]] == [4]
    assert world.store.log.drop_before("9999-12-31") == 0


def test_about_gives_the_events_of_one_record_and_a_campaigns_with_its_tasks(world: World) -> None:
    do(world.store, "t-1", small_task("t-1", campaign="spring"))
    do(world.store, "t-10", small_task("t-10"))
    world.clock.at = at(86400)
    do(world.store, "t-1", comment(text='about "task":"t-10"'))

    log = world.elsewhere().log

    def told(kind: str, id: str, day: str = NOW[:10]) -> list[tuple[str, int]]:
        return [(event["task"], event["version"]) for event in log.about(kind, id, day)]

    assert told("task", "t-1") == [("t-1", 1), ("t-1", 2)]
    assert told("task", "t-10") == [("t-10", 1)]
    assert told("campaign", "spring") == [("t-1", 1), ("t-1", 2)]
    assert told("task", "t-1", at(86400)[:10]) == [("t-1", 2)]
    assert told("task", "none") == []


def test_note_leaves_one_line_outside_every_record(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))

    world.store.log.note("command_refused", {"command": "GrantLease"}, task="t-1", run="r-1")
    world.store.log.note("command_refused", {"command": "GrantLease"}, task="t-1", run="r-1")

    first, second = world.elsewhere().log.tail(2)
    assert first["id"] != second["id"]
    assert first["id"].startswith("refused/")
    assert {key: first[key] for key in ("at", "type", "task", "run", "version", "data")} == {
        "at": NOW,
        "type": "command_refused",
        "task": "t-1",
        "run": "r-1",
        "version": 0,
        "data": {"command": "GrantLease"},
    }
    assert world.store.tasks.read("t-1").version == 1


def test_note_of_what_cannot_be_written_raises_nothing(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))

    world.store.log.note("command_refused", {"what": object()})

    assert events_of(world) == ["task/t-1:1:0"]


# -- Waits and Runs -----------------------------------------------------------------------------------------------


def test_a_turn_is_remembered_by_namespace(world: World) -> None:
    turns = world.store.turns
    with turns.hold():
        turns.write("shop", "a")
        turns.write("blog", "b")
        turns.write("shop", "c")
    seen = world.elsewhere().turns
    assert [seen.last(name) for name in ("shop", "blog", "none")] == ["c", "b", None]


def test_turns_are_taken_one_after_the_other(world: World) -> None:
    took: list[str] = []

    def take_turn() -> None:
        with world.elsewhere().turns.hold():
            took.append("second")

    with world.store.turns.hold():
        other = threading.Thread(target=take_turn)
        other.start()
        other.join(timeout=0.1)
        took.append("first")
    other.join(timeout=10)
    assert took == ["first", "second"]


def test_waits_are_added_told_and_removed_one_by_one(world: World) -> None:
    waits = world.store.waits
    for dependency, dependent in (("a", "c"), ("a", "b"), ("a", "b"), ("z", "a")):
        waits.add(dependency, dependent)

    seen = world.elsewhere().waits
    assert (seen.dependents("a"), seen.dependents("z"), seen.dependents("c")) == (["b", "c"], ["a"], [])
    assert seen.dependencies() == ["a", "z"]

    waits.remove("a", "b")
    waits.remove("a", "b")
    waits.remove("nobody", "b")
    assert (seen.dependents("a"), seen.dependencies()) == (["c"], ["a", "z"])
    waits.remove("a", "c")
    assert seen.dependencies() == ["z"]
    waits.add("a", "c")
    assert seen.dependents("a") == ["c"]


def test_a_run_record_is_written_replaced_and_read_back(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    world.store.runs.write("t-1", "r-2", {"outcome": None, "outputs": ("a", "b")})
    world.store.runs.write("t-1", "r-1", {"cost": 0.5})
    world.store.runs.write("t-1", "r-2", {"outcome": TaskStatus.COMPLETED})

    seen = world.elsewhere().runs
    assert seen.read("t-1", "r-1") == {"cost": 0.5}
    assert seen.of_task("t-1") == [{"cost": 0.5}, {"outcome": "completed"}]
    assert (seen.read("t-1", "r-3"), seen.of_task("t-2"), seen.tasks()) == (None, [], ["t-1"])


def test_a_run_record_that_cannot_be_written_raises_nothing(world: World) -> None:
    do(world.store, "t-1", small_task("t-1"))
    world.store.runs.write("t-1", "r-1", {"what": object()})
    assert world.store.runs.read("t-1", "r-1") is None


# -- Slots --------------------------------------------------------------------------------------------------------


def state(world: World, number: int = 0) -> SlotState:
    """A slot as another process sees it."""
    found: list[SlotState] = world.elsewhere().slots.states()
    return next(slot for slot in found if slot.number == number)


def held(world: World, number: int = 0) -> tuple[bool, bool]:
    """Whether a slot is held, and whether it is supervised."""
    seen = state(world, number)
    return seen.held, seen.supervised


def take(world: World, limit: int = 4) -> Slot:
    slot: Slot | None = world.store.slots.take(limit)
    assert slot is not None
    return slot


@pytest.fixture
def slots_world(world: World) -> World:
    """A world whose folders are there."""
    do(world.store, "t-1", small_task("t-1"))
    return world


def test_slots_can_be_taken_before_anything_was_written(world: World) -> None:
    assert take(world).number == 0
    assert held(world) == (True, False)


def test_take_gives_each_slot_once_and_none_beyond_the_limit(slots_world: World) -> None:
    taken = [slots_world.store.slots.take(2), slots_world.elsewhere().slots.take(2)]
    assert [slot.number for slot in taken] == [0, 1]
    assert slots_world.elsewhere().slots.take(2) is None
    assert slots_world.store.slots.take(0) is None

    more = slots_world.elsewhere().slots.take(3)
    assert more.number == 2
    taken[0].free()
    assert slots_world.store.slots.take(2).number == 0


def test_a_look_tells_who_is_held_and_takes_nothing(slots_world: World) -> None:
    slot = take(slots_world)
    for _ in range(3):
        assert held(slots_world) == (True, False)
    slot.free()
    for _ in range(3):
        assert held(slots_world) == (False, False)
    assert take(slots_world, 1).number == 0


def test_a_supervisor_shows_its_instance_and_then_what_it_does(slots_world: World) -> None:
    slot = take(slots_world)
    slot.supervise("i-1")
    assert state(slots_world) == SlotState(number=0, held=True, supervised=True, facts={"instance": "i-1"})

    slot.beat({"instance": "i-1", "run": "r-1", "beat": 17.25})
    assert state(slots_world).facts == {"instance": "i-1", "run": "r-1", "beat": 17.25}
    slot.beat({"instance": "i-1"})
    assert state(slots_world).facts == {"instance": "i-1"}


def test_free_gives_both_halves_back(slots_world: World) -> None:
    slot = take(slots_world)
    slot.supervise("i-1")
    slot.free()

    assert held(slots_world) == (False, False)
    again = take(slots_world)
    again.supervise("i-2")
    assert held(slots_world) == (True, True)


def test_free_ends_the_hold_even_when_a_child_has_a_copy(slots_world: World) -> None:
    slot = take(slots_world)
    child = slots_world.elsewhere().slots.adopt(slots_world.copied(slot.fileno), 0)

    slot.free()

    assert held(slots_world) == (False, False)
    assert take(slots_world, 1).number == child.number == 0


def test_leave_keeps_the_slot_for_the_child_that_inherited_it(slots_world: World) -> None:
    slot = take(slots_world)
    child = slots_world.elsewhere().slots.adopt(slots_world.copied(slot.fileno), 0)

    slot.leave()

    assert held(slots_world) == (True, False)
    child.supervise("i-2")
    assert held(slots_world) == (True, True)
    child.free()
    assert held(slots_world) == (False, False)


def test_the_last_that_leaves_gives_the_slot_back(slots_world: World) -> None:
    take(slots_world).leave()
    assert held(slots_world) == (False, False)


def test_a_supervisor_that_starts_afresh_goes_on_with_both_halves(slots_world: World) -> None:
    slot: Any = take(slots_world)
    slot.supervise("i-1")

    again = slots_world.elsewhere().slots.adopt(slot.fileno, 0, slot.supervisor_fileno)
    again.supervise("i-2")

    assert state(slots_world).facts == {"instance": "i-2"}
    again.free()
    assert held(slots_world) == (False, False)


def test_a_slot_has_one_supervisor(slots_world: World) -> None:
    slot = take(slots_world)
    slot.supervise("i-1")
    child = slots_world.elsewhere().slots.adopt(slots_world.copied(slot.fileno), 0)

    with pytest.raises(BatonError, match="supervisor"):
        child.supervise("i-2")
    assert state(slots_world).facts == {"instance": "i-1"}


def test_a_tree_that_outlives_its_supervisor_still_holds_the_slot(slots_world: World) -> None:
    slot = take(slots_world)
    slot.supervise("i-1")
    slot.beat({"instance": "i-1", "run": "r-1"})

    slots_world.lose_supervisor(slot)

    assert state(slots_world) == SlotState(
        number=0, held=True, supervised=False, facts={"instance": "i-1", "run": "r-1"}
    )
    assert slots_world.elsewhere().slots.take(1) is None


def test_states_come_in_the_order_of_their_numbers(slots_world: World) -> None:
    taken = [take(slots_world, 101) for _ in range(101)]
    assert [slot.number for slot in slots_world.elsewhere().slots.states()] == list(range(101))
    for slot in taken:
        slot.free()


# -- parked harnesses ---------------------------------------------------------------------------------------------


def a_park(harness: str = "claude", **fields: Any) -> Parked:
    return Parked(**{"harness": harness, "kind": FailureKind.RATE_LIMIT, "since": NOW, "until": at(600)} | fields)


def test_a_park_is_seen_by_everybody_and_the_change_is_given_what_stood_there_and_the_time(world: World) -> None:
    seen: list[Any] = []

    def change(before: Parked | None, now: str) -> Parked:
        seen.append((before, now))
        return a_park(tries=len(seen))

    assert world.store.parking.update("claude", change) == a_park()
    world.clock.at = at(5)
    assert world.elsewhere().parking.update("claude", change) == a_park(tries=2)
    assert seen == [(None, NOW), (a_park(), at(5))]
    assert world.elsewhere().parking.all() == [a_park(tries=2)]


def test_a_park_that_is_removed_is_gone_and_none_was_none(world: World) -> None:
    assert world.store.parking.all() == []
    assert world.store.parking.update("codex", lambda before, now: None) is None
    for harness in ("codex", "claude"):
        world.store.parking.update(harness, lambda before, now, harness=harness: a_park(harness))
    assert world.store.parking.update("codex", lambda before, now: None) is None
    assert world.elsewhere().parking.all() == [a_park()]


def test_a_change_of_a_park_may_leave_a_line_in_the_log(world: World) -> None:
    def change(before: Parked | None, now: str) -> Parked:
        world.store.log.note("harness_parked", {"harness": "claude"})
        return a_park()

    world.store.parking.update("claude", change)
    assert [event["type"] for event in world.store.log.tail(9)] == ["harness_parked"]


def test_whatever_is_raised_in_a_change_of_a_park_leaves_it(world: World) -> None:
    world.store.parking.update("claude", lambda before, now: a_park())

    def change(before: Parked | None, now: str) -> Parked:
        raise Refusal

    with pytest.raises(Refusal):
        world.store.parking.update("claude", change)
    assert world.store.parking.all() == [a_park()]
