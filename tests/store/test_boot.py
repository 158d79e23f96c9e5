"""The first change of a boot: the log gets back what power loss took, once, before anybody writes."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from tests.store.homes import (
    FakeClock,
    check_agreement,
    comment,
    do,
    do_campaign,
    in_processes,
    log_ids,
    open_home,
    small_campaign,
    small_task,
)

from baton.domain.agent_commands import HearFrom
from baton.domain.agents import decide
from baton.domain.errors import Busy
from baton.domain.exchange import Commit
from baton.domain.records import Event
from baton.store.home_store import HomeStore
from baton.store.layout import STATE_FOLDERS
from baton.store.log import LOCK, EventLog

TASKS = [f"t-{number}" for number in range(8)]


@pytest.fixture
def lost(tmp_path: Path) -> list[str]:
    """A home of eight tasks and a campaign whose log lost its end; the ids of what was in it."""
    store = open_home(tmp_path)
    for id in TASKS:
        do(store, id, small_task(id))
        do(store, id, comment())
    do_campaign(store, "spring", small_campaign("spring"))
    store.agents.update("writer", lambda record, now: Commit(*decide(record, "writer", HearFrom(by="ann"), now)))
    told = log_ids(tmp_path)
    (log,) = (tmp_path / "state" / "events").iterdir()
    log.write_bytes(log.read_bytes()[:1000])
    return told


def booted(root: Path, boot: str = "b2") -> HomeStore:
    return open_home(root, FakeClock(boot=boot))


def boot_of(root: Path) -> bytes:
    return (root / "state" / "locks" / "boot").read_bytes()


def test_making_a_store_touches_nothing(tmp_path: Path) -> None:
    store = open_home(tmp_path)
    assert list(store.tasks.ids()) == []
    assert list(tmp_path.iterdir()) == []


def test_what_was_lost_is_back_before_the_first_event_of_the_boot(tmp_path: Path, lost: list[str]) -> None:
    do(booted(tmp_path), "t-3", comment())

    told = log_ids(tmp_path)
    assert sorted(told[:-1]) == sorted(lost)
    assert told[-1] == "task/t-3:3:0"
    check_agreement(tmp_path, booted(tmp_path))


def test_a_home_of_an_earlier_baton_has_the_new_folders_with_the_next_change_of_the_same_boot(tmp_path: Path) -> None:
    do(open_home(tmp_path), "t-1", small_task("t-1"))
    new = STATE_FOLDERS[STATE_FOLDERS.index("cache") + 1 :]
    for folder in new:
        (tmp_path / "state" / folder).rmdir()
    do(open_home(tmp_path), "t-1", comment())
    assert "agents" in new
    assert all((tmp_path / "state" / folder).is_dir() for folder in new)


def test_the_boot_is_remembered_only_when_the_log_is_whole(tmp_path: Path, lost: list[str]) -> None:
    assert boot_of(tmp_path) == b"b1"
    booted(tmp_path).prepare()
    assert boot_of(tmp_path) == b"b2"


@pytest.mark.parametrize("folder", ["tmp", "locks", "archive/campaigns", "ready"])
def test_a_folder_that_power_loss_took_is_made_again(tmp_path: Path, folder: str) -> None:
    do(open_home(tmp_path), "t-1", small_task("t-1"))
    shutil.rmtree(tmp_path / "state" / folder)

    do(booted(tmp_path), "t-1", comment())

    assert (tmp_path / "state" / folder).is_dir()
    assert boot_of(tmp_path) == b"b2"


def test_looking_at_records_repairs_nothing(tmp_path: Path, lost: list[str]) -> None:
    after = booted(tmp_path)
    assert len(list(after.tasks.live())) == 8
    assert after.tasks.read("t-1") is not None
    assert boot_of(tmp_path) == b"b1"


def test_the_same_boot_repairs_nothing(tmp_path: Path, lost: list[str]) -> None:
    (log,) = (tmp_path / "state" / "events").iterdir()
    before = log.read_bytes()
    open_home(tmp_path).prepare()
    assert log.read_bytes() == before


def test_nobody_writes_while_another_process_repairs(tmp_path: Path, lost: list[str]) -> None:
    early = booted(tmp_path)
    early.locks.timeout_seconds = 0.05

    with open_home(tmp_path).locks.hold(LOCK), pytest.raises(Busy):
        do(early, "t-1", comment())

    task = open_home(tmp_path).tasks.read("t-1")
    assert task is not None and task.version == 2
    assert boot_of(tmp_path) == b"b1"
    do(early, "t-1", comment())
    check_agreement(tmp_path, early)


def test_of_many_processes_that_start_at_once_one_repairs_and_all_go_on(
    tmp_path: Path, lost: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = multiprocessing.get_context("fork")
    repairs, start = context.Value("i", 0), context.Barrier(len(TASKS))
    give_back = EventLog.give_back

    def counted(log: EventLog, histories: Iterable[Sequence[Event]]) -> int:
        with repairs.get_lock():
            repairs.value += 1
        return give_back(log, histories)

    monkeypatch.setattr(EventLog, "give_back", counted)

    def first_change(id: str) -> Callable[[], None]:
        def work() -> None:
            store = booted(tmp_path)
            start.wait(30)
            for _ in range(5):
                do(store, id, comment())

        return work

    in_processes(*(first_change(id) for id in TASKS))

    assert repairs.value == 1
    told = log_ids(tmp_path)
    assert sorted(told[: len(lost)]) == sorted(lost)
    assert check_agreement(tmp_path, booted(tmp_path)) == len(lost) + 5 * len(TASKS)


def test_a_process_killed_while_it_repairs_leaves_the_work_to_the_next(
    tmp_path: Path, lost: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = multiprocessing.get_context("fork")
    given_back = context.Event()
    clear_all = "baton.store.marks.Marks.clear_all"

    def stay(marks: object) -> None:
        given_back.set()
        context.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(clear_all, stay)
        process = context.Process(target=lambda: booted(tmp_path).prepare())
        process.start()
        assert given_back.wait(30)
        process.kill()
        process.join()

    assert (process.exitcode, boot_of(tmp_path)) == (-9, b"b1")
    do(booted(tmp_path), "t-1", comment())
    assert boot_of(tmp_path) == b"b2"
    assert check_agreement(tmp_path, booted(tmp_path)) == len(lost) + 1
