"""Damaged records: whatever byte is gone or wrong, it is said in our words, set aside by name, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import STOCKED, cancel, grant
from tests.store.homes import (
    FakeClock,
    check_agreement,
    comment,
    damages,
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

from baton.domain import campaign_commands, project_commands
from baton.domain.errors import StateDamaged, StateNewer
from baton.domain.news import Change, News, stamped
from baton.domain.readiness import waiting
from baton.domain.records import Task
from baton.ports import Commit
from baton.store.home_store import HomeStore

SOME_BITS, ALL_BITS = (0x02, 0x20, 0x80), (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80)


class Told:
    """How often a record came out well, damaged, or newer."""

    def __init__(self) -> None:
        self.well = self.damaged = self.newer = 0


def task_file(root: Path, id: str = "t-1") -> Path:
    return root / "state" / "tasks" / f"{id}.json"


CHANGES: dict[str, Callable[[HomeStore], object]] = {
    "task": lambda store: do(store, "t-1", comment()),
    "campaign": lambda store: do_campaign(store, "t-1", campaign_commands.ActivateCampaign()),
    "project": lambda store: do_project(store, "t-1", project_commands.ArchiveProject(by="ann")),
}


def read_and_update(store: HomeStore, kind: str, path: Path, data: bytes, told: Told) -> None:
    """Look at a file of these bytes in every way, and change it if it is a record: nothing but our own words may come."""
    records: Any = getattr(store, f"{kind}s")
    path.write_bytes(data)
    (live,) = records.live()
    try:
        read = records.read("t-1")
    except (StateDamaged, StateNewer) as error:
        newer = isinstance(error, StateNewer)
        assert (live.kind, live.id, live.state, live.reason) == (
            kind,
            "t-1",
            "newer" if newer else "damaged",
            error.message,
        )
        with pytest.raises(type(error)):
            CHANGES[kind](store)
        assert path.read_bytes() == data
        told.newer += newer
        told.damaged += not newer
        return
    told.well += 1
    assert read == live
    changed = records.update("t-1", unchanged_but_told(kind))
    assert open_home(store.home.root).tasks.read("t-1") == changed or kind != "task"


def unchanged_but_told(kind: str) -> Any:
    """The change that a comment makes, or a pause, whatever state a flipped byte has put the record into."""
    return lambda record, now: Commit(*stamped(kind, record, Change(record, (News("task_commented"),)), now))


def sample(root: Path, kind: str) -> tuple[HomeStore, Path]:
    """A home with one small record of this kind."""
    store = open_home(root)
    if kind == "task":
        do(store, "t-1", small_task("t-1"), grant)
    elif kind == "campaign":
        do_campaign(store, "t-1", small_campaign("t-1"))
    else:
        do_project(store, "t-1", small_project("t-1"), *STOCKED)
    return store, root / "state" / f"{kind}s" / "t-1.json"


def cut_short(data: bytes) -> Iterator[bytes]:
    return (data[:length] for length in range(len(data)))


def flipped(data: bytes, bits: tuple[int, ...]) -> Iterator[bytes]:
    for place in range(len(data)):
        for bit in bits:
            yield data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


@pytest.mark.parametrize("kind", ["task", "campaign", "project"])
def test_a_record_cut_short_at_any_byte_is_damaged_and_nothing_else(tmp_path: Path, kind: str) -> None:
    store, path = sample(tmp_path, kind)
    whole = path.read_bytes()
    told = Told()

    for data in cut_short(whole):
        read_and_update(store, kind, path, data, told)

    # Only the newline at the end may be missing.
    assert (told.damaged, told.newer, told.well) == (len(whole) - 1, 0, 1)


@pytest.mark.parametrize(
    "bits", [SOME_BITS, pytest.param(ALL_BITS, marks=[pytest.mark.long, pytest.mark.timeout(600)])], ids=["some", "all"]
)
@pytest.mark.parametrize("kind", ["task", "campaign", "project"])
def test_a_record_with_any_byte_flipped_is_damaged_or_newer_or_still_a_record(
    tmp_path: Path, kind: str, bits: tuple[int, ...]
) -> None:
    store, path = sample(tmp_path, kind)
    told = Told()

    for data in flipped(path.read_bytes(), bits):
        read_and_update(store, kind, path, data, told)

    assert told.damaged > 1000
    assert told.well > 100
    assert told.newer > 0


ODD = {
    "empty": b"",
    "zeroes": b"\0" * 2048,
    "not utf-8": b'{"schema": 1, "id": "t-1", "title": "\xff\xfe"}',
    "a list": b"[]",
    "a word": b'"task"',
    "nothing": b"null",
    "another's record": b"",  # filled in below
    "deep": b"[" * 200_000,
    "deep data": b"",
    "a key too many": b"",
    "no such priority": b"",
    "no such priority of one that does not wait": b"",
    "a step that is not there": b"",
    "a stamp that is none": b"",
}


def odd(name: str, whole: dict[str, Any]) -> bytes:
    """A file that is no sound record of this task."""
    changes: dict[str, dict[str, Any]] = {
        "another's record": {"id": "t-2"},
        "deep data": {"deliverables": {"deep": "here"}},
        "a key too many": {"more": 1},
        "no such priority": {"priority": "soon"},
        "no such priority of one that does not wait": {"priority": "melium", "unmet": ["t-0"]},
        "a step that is not there": {"pipeline_step": 7},
        "a stamp that is none": {"not_before": "tomorrow"},
    }
    if name not in changes:
        return ODD[name]
    data = json.dumps(whole | changes[name]).encode()
    return data.replace(b'"here"', b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


@pytest.mark.parametrize("name", ODD)
def test_a_file_that_is_no_sound_record_is_damaged(tmp_path: Path, name: str) -> None:
    store = open_home(tmp_path)
    do(store, "t-1", small_task("t-1"))
    task_file(tmp_path).write_bytes(odd(name, json.loads(task_file(tmp_path).read_bytes())))

    with pytest.raises(StateDamaged, match="t-1"):
        store.tasks.read("t-1")
    with pytest.raises(StateDamaged, match="t-1"):
        do(store, "t-1", comment())
    assert [damage.id for damage in damages(store)] == ["t-1"]
    assert store.tasks.set_aside("t-1", "") is True


@pytest.mark.parametrize("archived", [False, True], ids=["live", "archived"])
def test_a_record_of_a_newer_schema_is_refused_named_and_left(tmp_path: Path, archived: bool) -> None:
    store = open_home(tmp_path)
    do(store, "t-1", small_task("t-1"), cancel(), archive=archived)
    path = tmp_path / "state" / ("archive/tasks" if archived else "tasks") / "t-1.json"
    newer = path.read_bytes().replace(b'"schema": 1', b'"schema": 2').replace(b'"title"', b'"heading"')
    path.write_bytes(newer)

    for act in (lambda: store.tasks.read("t-1"), lambda: do(store, "t-1", comment())):
        with pytest.raises(StateNewer, match=r"'t-1'.*schema 2"):
            act()
    assert store.tasks.set_aside("t-1", "") is False
    store.tasks.resync("t-1")
    assert path.read_bytes() == newer


def test_what_is_set_aside_is_kept_whole_with_the_reason_beside_it(tmp_path: Path) -> None:
    store = open_home(tmp_path)
    do(store, "t-1", small_task("t-1"))
    torn = task_file(tmp_path).read_bytes()[:100]
    task_file(tmp_path).write_bytes(torn)

    assert store.tasks.set_aside("t-1", "the end is missing") is True

    aside = tmp_path / "state" / "quarantine" / "tasks"
    assert sorted(path.name for path in aside.iterdir()) == ["t-1.json", "t-1.reason.txt"]
    assert (aside / "t-1.json").read_bytes() == torn
    assert (aside / "t-1.reason.txt").read_text() == "2026-11-21T08:30:00.000Z the end is missing\n"


def test_a_damaged_record_in_the_archive_is_set_aside_too(tmp_path: Path) -> None:
    store = open_home(tmp_path)
    do(store, "t-1", small_task("t-1"), cancel(), archive=True)
    path = tmp_path / "state" / "archive" / "tasks" / "t-1.json"
    path.write_bytes(path.read_bytes()[:100])

    assert store.tasks.set_aside("t-1", "") is True
    assert (store.tasks.is_set_aside("t-1"), path.exists()) == (True, False)


def test_the_rest_of_the_home_goes_on_beside_a_damaged_record(tmp_path: Path) -> None:
    store = open_home(tmp_path)
    for id in ("t-1", "t-2"):
        do(store, id, small_task(id))
    task_file(tmp_path).write_bytes(b"damaged")

    after = open_home(tmp_path)
    changed = do(after, "t-2", comment())
    new = do(after, "t-3", small_task("t-3"))
    well = {record.id: record for record in after.tasks.live() if isinstance(record, Task)}
    assert well == {"t-2": changed, "t-3": new}
    assert after.tasks.set_aside("t-1", "") is True
    after.tasks.resync("t-1", [entry for entry in after.ready.all() if "~t-1~" in entry.name])
    assert set(after.ready.all()) == waiting(changed) | waiting(new)


def test_a_boot_with_a_damaged_record_repairs_the_rest(tmp_path: Path) -> None:
    store = open_home(tmp_path)
    for id in ("t-1", "t-2"):
        do(store, id, small_task(id))
    task_file(tmp_path).write_bytes(b"damaged")
    (tmp_path / "state" / "events" / "2026-11-21.ndjson").unlink()

    after = open_home(tmp_path, FakeClock(boot="b2"))
    do(after, "t-2", comment())

    assert after.tasks.set_aside("t-1", "") is True
    after.tasks.resync("t-1", [entry for entry in after.ready.all() if "~t-1~" in entry.name])
    assert check_agreement(tmp_path, after) == 2


@pytest.mark.parametrize("length", [0, 1, 40, 500])
def test_damage_between_a_crash_and_its_healing_stops_nobody(tmp_path: Path, length: int) -> None:
    """The mark names a record that cannot be read any more: there is nothing to finish, and the lock goes on."""
    store = open_home(tmp_path)
    do(store, "t-1", small_task("t-1"))
    mark = tmp_path / "state" / "locks" / f"{stripe('t-1')}.task"
    mark.write_bytes(b"{" + mark.read_bytes()[1:])
    task_file(tmp_path).write_bytes(task_file(tmp_path).read_bytes()[:length])
    other = ids_on(stripe("t-1"), 1, prefix="other")[0]

    do(open_home(tmp_path), other, small_task(other))

    assert mark.read_bytes()[:1] == b" "
    assert open_home(tmp_path).tasks.set_aside("t-1", "") is True


def test_a_record_that_is_damaged_again_is_set_aside_beside_the_first(tmp_path: Path) -> None:
    store = open_home(tmp_path)
    do(store, "t-1", small_task("t-1"))
    aside = tmp_path / "state" / "quarantine" / "tasks"
    for words in (b"first", b"second"):
        task_file(tmp_path).write_bytes(words)
        assert store.tasks.set_aside("t-1", words.decode()) is True
    assert sorted(path.read_bytes() for path in aside.glob("*.json")) == [b"first", b"second"]
    assert len(list(aside.glob("*.reason.txt"))) == 2
