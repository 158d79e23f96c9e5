"""The ready index as files: empty files whose names are the entries, in folders that come and go with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.store.faults import Faults
from tests.store.homes import in_processes, open_home

from baton.domain.readiness import Entry
from baton.store.files import make_folder
from baton.store.ready import ReadyIndex
from baton.store.waits import WaitFiles

ROUNDS = 400


def entry(name: str, group: str = "-~-~content-writer", bucket: str = "010-1795249800") -> Entry:
    return Entry(group=group, bucket=bucket, name=f"000000~{name}~s1")


@pytest.fixture
def index(tmp_path: Path) -> ReadyIndex:
    return ReadyIndex(str(tmp_path / "ready"))


def paths(index: ReadyIndex) -> list[str]:
    """All that lies below the index, folders too."""
    root = Path(index.folder)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_an_entry_is_an_empty_file_of_its_name(index: ReadyIndex) -> None:
    index.sync((), [entry("t-1")])
    assert paths(index) == [
        "-~-~content-writer",
        "-~-~content-writer/010-1795249800",
        "-~-~content-writer/010-1795249800/000000~t-1~s1",
    ]
    assert (Path(index.folder) / entry("t-1").path).read_bytes() == b""


def test_folders_go_with_their_last_entry(index: ReadyIndex) -> None:
    other = entry("t-3", bucket="000-1795249800")
    index.sync((), [entry("t-1"), entry("t-2"), other])

    index.sync([entry("t-1")], ())
    assert set(index.all()) == {entry("t-2"), other}
    index.sync([entry("t-2")], ())
    assert paths(index) == ["-~-~content-writer", "-~-~content-writer/000-1795249800", other.path]
    index.sync([other], ())
    assert paths(index) == []


def test_what_is_in_both_is_neither_removed_nor_made_anew(index: ReadyIndex) -> None:
    index.sync((), [entry("t-1")])
    inode = (Path(index.folder) / entry("t-1").path).stat().st_ino

    index.sync([entry("t-1")], [entry("t-1"), entry("t-2")])

    assert (Path(index.folder) / entry("t-1").path).stat().st_ino == inode
    assert set(index.all()) == {entry("t-1"), entry("t-2")}


def test_entries_come_and_go_in_one_order(index: ReadyIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, str]] = []
    monkeypatch.setattr(index, "_add", lambda one: done.append(("add", one.name)))
    monkeypatch.setattr(index, "_remove", lambda one: done.append(("remove", one.name)))
    names = [f"t-{number}" for number in range(9)]
    waits, others = (frozenset(entry(name, group=group) for name in names) for group in ("a", "b"))
    index.sync(waits, others)
    assert done == [(act, entry(name).name) for act in ("add", "remove") for name in names]


def test_adding_twice_and_removing_what_is_not_there_are_harmless(index: ReadyIndex) -> None:
    index.sync([entry("t-1")], ())
    index.sync((), [entry("t-1")])
    index.sync((), [entry("t-1")])
    assert list(index.all()) == [entry("t-1")]


@pytest.mark.parametrize("kind", ["index", "waits"])
def test_a_folder_that_was_removed_as_empty_just_then_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    made: list[str] = []

    def make(path: str) -> None:
        make_folder(path)
        made.append(path)
        if len(made) == 1:
            Path(path).rmdir()

    module = "baton.store.ready" if kind == "index" else "baton.store.waits"
    monkeypatch.setattr(f"{module}.make_folder", make)
    if kind == "index":
        ReadyIndex(str(tmp_path)).sync((), [entry("t-1")])
        assert list(ReadyIndex(str(tmp_path)).all()) == [entry("t-1")]
    else:
        WaitFiles(str(tmp_path)).add("first", "second")
        assert WaitFiles(str(tmp_path)).dependents("first") == ["second"]
    assert len(made) == 2


def test_ensure_tells_whether_something_was_missing(index: ReadyIndex) -> None:
    assert index.ensure([entry("t-1")]) is True
    assert index.ensure([entry("t-1")]) is False
    assert index.ensure([entry("t-1"), entry("t-2")]) is True
    assert index.ensure([]) is False


def test_a_bucket_that_vanishes_while_it_is_read_is_passed_over(index: ReadyIndex) -> None:
    entries = [entry("t-1", bucket="000-0000000001"), entry("t-2"), entry("t-3", group="spring~-~content-writer")]
    index.sync((), entries)

    found: Iterator[Entry] = index.first(index.groups(), 0)
    assert next(found) == entries[0]
    index.sync(entries[1:2], ())

    assert list(found) == entries[2:]


def test_a_strange_file_among_the_groups_is_passed_over(index: ReadyIndex) -> None:
    index.sync((), [entry("t-1")])
    (Path(index.folder) / "README").write_text("what is this?")

    assert list(index.all()) == list(index.first(index.groups(), 0)) == [entry("t-1")]


def test_four_processes_that_add_and_remove_in_one_bucket_are_not_in_each_others_way(index: ReadyIndex) -> None:
    """The last to leave removes the folder while another comes: nobody may fail, and no entry may be missing."""

    def coming_and_going(name: str) -> Callable[[], None]:
        def work() -> None:
            for _ in range(ROUNDS):
                index.sync((), [entry(name)])
                assert index.ensure([entry(name)]) is False
                index.sync([entry(name)], ())
            index.sync((), [entry(f"{name}-stays")])

        return work

    in_processes(*(coming_and_going(name) for name in "abcd"))

    assert set(index.all()) == {entry(f"{name}-stays") for name in "abcd"}


def test_four_processes_that_move_between_groups_leave_no_empty_folder_and_no_entry_behind(index: ReadyIndex) -> None:
    def moving(name: str) -> Callable[[], None]:
        def work() -> None:
            here, there = entry(name), entry(name, group="spring~-~content-writer", bucket="000-0000000001")
            for _ in range(ROUNDS):
                index.sync([here], [there])
                index.sync([there], [here])
            index.sync([here], ())

        return work

    in_processes(*(moving(name) for name in "abcd"))

    assert paths(index) == []


def test_a_wait_is_safe_before_it_is_told_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_home(tmp_path)
    store.prepare()
    faults = Faults(monkeypatch)

    faults.watch(tmp_path)
    store.waits.add("t-1", "t-2")

    assert faults.calls[-3:] == [("open", "wait"), ("fsync", "wait folder"), ("fsync", "waits folder")]


def test_four_processes_that_wait_for_one_task_are_not_in_each_others_way(tmp_path: Path) -> None:
    waits = WaitFiles(str(tmp_path / "waits"))

    def waiting(name: str) -> Callable[[], None]:
        def work() -> None:
            for _ in range(ROUNDS // 4):
                waits.add("t-1", name)
                assert name in waits.dependents("t-1")
                waits.remove("t-1", name)
            waits.add("t-1", f"{name}-stays")

        return work

    in_processes(*(waiting(name) for name in "abcd"))

    assert waits.dependents("t-1") == [f"{name}-stays" for name in "abcd"]
