"""A record that came back from the archive, and whose archived file power loss has given back: the live one counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.store.homes import FIX, TO_THE_END, FakeClock, comment, do, open_home, small_task

from baton.domain.records import Task
from baton.store.home_store import HomeStore

ELSEWHERE = "t-2"


@pytest.fixture
def live(tmp_path: Path) -> Task:
    """A task that was completed, archived, and fixed since; the archived file stands once more."""
    store = open_home(tmp_path)
    do(store, ELSEWHERE, small_task(ELSEWHERE))
    do(store, "t-1", small_task("t-1"), *TO_THE_END, archive=True)
    before = archived(tmp_path).read_bytes()
    task = do(store, "t-1", FIX)
    assert not archived(tmp_path).exists()
    archived(tmp_path).write_bytes(before)
    return task


def archived(root: Path) -> Path:
    return root / "state/archive/tasks/t-1.json"


def live_file(root: Path) -> Path:
    return root / "state/tasks/t-1.json"


def booted(root: Path, boot: str = "b2") -> HomeStore:
    return open_home(root, FakeClock(boot=boot))


def set_version(path: Path, version: int) -> bytes:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": version}))
    return path.read_bytes()


def test_the_first_change_of_a_boot_removes_the_archived_file_of_a_live_record(tmp_path: Path, live: Task) -> None:
    do(booted(tmp_path), ELSEWHERE, comment())

    assert not archived(tmp_path).exists()
    assert booted(tmp_path).tasks.read("t-1") == live


def test_an_archived_file_of_the_same_version_is_removed_too(tmp_path: Path, live: Task) -> None:
    archived(tmp_path).write_bytes(live_file(tmp_path).read_bytes())

    booted(tmp_path).prepare()

    assert not archived(tmp_path).exists()
    assert booted(tmp_path).tasks.read("t-1") == live


@pytest.mark.parametrize("what", ["newer", "damaged", "of a newer schema", "a folder"])
def test_an_archived_file_that_is_not_known_to_be_older_stays_and_does_not_count(
    tmp_path: Path, live: Task, what: str
) -> None:
    path = archived(tmp_path)
    if what == "newer":
        set_version(path, live.version + 1)
    elif what == "damaged":
        path.write_bytes(b"{")
    elif what == "of a newer schema":
        path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))
    else:
        path.unlink()
        path.mkdir()

    after = booted(tmp_path)
    after.prepare()

    assert path.exists()
    assert after.tasks.read("t-1") == live


def test_the_archived_file_of_a_damaged_live_record_stays_at_boot(tmp_path: Path, live: Task) -> None:
    live_file(tmp_path).write_bytes(b"{")
    before = archived(tmp_path).read_bytes()

    booted(tmp_path).prepare()

    assert archived(tmp_path).read_bytes() == before


def test_a_record_that_is_only_archived_stays_at_boot(tmp_path: Path) -> None:
    done = do(open_home(tmp_path), "t-1", small_task("t-1"), *TO_THE_END, archive=True)

    after = booted(tmp_path)
    after.prepare()

    assert (after.tasks.read("t-1"), after.tasks.is_live("t-1")) == (done, False)


def test_an_archived_file_does_not_count_when_its_damaged_live_record_is_set_aside(tmp_path: Path, live: Task) -> None:
    older = archived(tmp_path).read_bytes()
    live_file(tmp_path).write_bytes(b"{")
    store = booted(tmp_path)

    assert store.tasks.set_aside("t-1", "half of it is gone") is True

    assert (store.tasks.read("t-1"), store.tasks.is_set_aside("t-1")) == (None, True)
    aside = {path.name: path.read_bytes() for path in (tmp_path / "state/quarantine/tasks").iterdir()}
    now = FakeClock().now().encode()
    assert aside == {
        "t-1.json": b"{",
        "t-1.reason.txt": now + b" half of it is gone\n",
        "t-1~.json": older,
        "t-1~.reason.txt": now + b" an archived version of task 't-1', whose live record is damaged\n",
    }
