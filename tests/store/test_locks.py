"""The locks of the store: a file each that stays, freed by whatever ends its holder."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from tests.store.homes import do, ids_on, in_processes, open_home, small_task, stripe

from baton.domain.errors import Busy, StorageError
from baton.store.locks import STRIPES, Locks

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "locks"
    made.mkdir()
    return made


def locks(folder: Path, timeout_seconds: float = 5.0) -> Locks:
    """The locks as another process would have them."""
    return Locks(str(folder), timeout_seconds)


@contextmanager
def held_elsewhere(folder: Path, name: str) -> Iterator[tuple[BaseProcess, Connection]]:
    """Another process that holds this lock until something is sent to it."""
    ours, theirs = FORK.Pipe()

    def hold() -> None:
        with locks(folder).hold(name):
            theirs.send("held")
            theirs.recv()

    process = FORK.Process(target=hold)
    process.start()
    try:
        assert ours.poll(10) and ours.recv() == "held"
        yield process, ours
    finally:
        if process.is_alive():
            process.kill()
        process.join()


def is_free(folder: Path, name: str) -> bool:
    """Tell whether another process could have the lock now."""
    try:
        with locks(folder, 0.05).hold(name):
            return True
    except Busy:
        return False


def test_the_stripe_of_a_record_is_the_same_for_every_version_of_this_code() -> None:
    made = locks(Path("."))
    told = [made.stripe_of("task", "t-1"), made.stripe_of("task", "spring-001"), made.stripe_of("campaign", "spring")]
    assert told == ["50", "72", "ef"]
    assert made.stripe_of("campaign", "t-1") != made.stripe_of("task", "t-1")


def test_there_is_a_fixed_number_of_stripes() -> None:
    made = locks(Path("."))
    assert {made.stripe_of("task", f"t-{number}") for number in range(10_000)} == {f"{n:02x}" for n in range(STRIPES)}


def test_a_lock_file_is_never_deleted(tmp_path: Path) -> None:
    store = open_home(tmp_path)
    do(store, "t-1", small_task("t-1"))
    folder = tmp_path / "state" / "locks"
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}

    for id in ids_on(stripe("t-1"), 5, prefix="other"):
        do(open_home(tmp_path), id, small_task(id))
        store.tasks.read(id)

    assert {stripe("t-1"), "log.lock"} <= set(before)
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before


def test_a_lock_held_elsewhere_is_busy_after_the_timeout(folder: Path) -> None:
    with held_elsewhere(folder, "00"), pytest.raises(Busy) as raised, locks(folder, 0.05).hold("00"):
        pytest.fail("it was held twice")

    assert str(folder / "00") in raised.value.message
    assert "0.05 s" in raised.value.message
    assert (raised.value.code, raised.value.exit_code, bool(raised.value.cure)) == ("busy", 75, True)


def test_other_stripes_can_be_had_meanwhile(folder: Path) -> None:
    with held_elsewhere(folder, "00"):
        assert is_free(folder, "01")
        assert not is_free(folder, "00")


def test_whoever_waits_gets_the_lock_when_it_is_given_back(folder: Path) -> None:
    got = threading.Event()

    def wait() -> None:
        with locks(folder).hold("00"):
            got.set()

    with held_elsewhere(folder, "00") as (_, there):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.is_set()
        there.send("give it back")
        waiting.join(10)
    assert got.is_set()


def test_a_lock_is_free_when_its_holder_was_killed(folder: Path) -> None:
    with held_elsewhere(folder, "00") as (process, _):
        assert not is_free(folder, "00")
        process.kill()
        process.join()
        assert process.exitcode == -9
        assert is_free(folder, "00")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_no_lock(folder: Path, error: type[BaseException]) -> None:
    ours = locks(folder)
    with pytest.raises(error), ours.hold("00"):
        raise error
    assert is_free(folder, "00")
    with ours.hold("00"):
        assert not is_free(folder, "00")


def test_no_descriptor_is_left_open(folder: Path) -> None:
    ours = locks(folder)
    with ours.hold("00"):
        pass
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with ours.hold("00"):
            is_free(folder, "00")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_program_started_meanwhile_does_not_keep_the_lock(folder: Path) -> None:
    with locks(folder).hold("00"):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    try:
        assert child.poll() is None
        assert is_free(folder, "00")
    finally:
        child.communicate()


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_lock(folder: Path) -> None:
    """It has a copy of the descriptor, so closing ours would not be enough: the lock is given back by name."""
    ours, theirs = FORK.Pipe()

    def child() -> None:
        theirs.send("up")
        theirs.recv()

    with locks(folder).hold("00"):
        process = FORK.Process(target=child)
        process.start()
        assert ours.poll(10)
    try:
        assert process.is_alive()
        assert is_free(folder, "00")
    finally:
        ours.send("go")
        process.join()


def test_eight_processes_are_never_in_it_together(folder: Path) -> None:
    number = folder / "number"
    number.write_text("0")

    def count() -> None:
        ours = locks(folder, 30)
        for _ in range(50):
            with ours.hold("00"):
                number.write_text(str(int(number.read_text()) + 1))

    work: list[Callable[[], None]] = [count] * 8
    in_processes(*work)

    assert number.read_text() == "400"


def test_a_folder_that_is_none_is_said_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("not a folder")
    with pytest.raises(StorageError, match="locks"), locks(tmp_path / "locks").hold("00"):
        pytest.fail("there is nothing to hold")
