"""The event log as a file: its name never goes back, a whole line is never removed, a cursor never misses or repeats."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.builders import NOW, at, cancel
from tests.store.faults import SHORT, Faults
from tests.store.homes import (
    FakeClock,
    check_agreement,
    comment,
    do,
    in_processes,
    log_ids,
    log_lines,
    open_home,
    small_task,
)

from baton.domain.errors import Busy, StorageError
from baton.domain.records import HISTORY_LIMIT, Event
from baton.store.home_store import HomeStore
from baton.store.log import LOCK, EventLog

TODAY, TOMORROW = "2026-11-21.ndjson", "2026-11-22.ndjson"
DAY = 86400


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """The hook, not watching yet."""
    return Faults(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> HomeStore:
    """A home with one event, the creation of one task."""
    made = open_home(tmp_path)
    do(made, "t-1", small_task("t-1"))
    return made


def event(id: str, size: int = 0) -> Event:
    return Event(id=id, at=NOW, type="tested", data={"text": "x" * size})


def files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "state" / "events").iterdir())


def file(root: Path, name: str = TODAY) -> Path:
    return root / "state" / "events" / name


def ids(events: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in events]


# -- the name of the file -----------------------------------------------------------------------------------------


def test_a_new_day_begins_a_new_file(tmp_path: Path) -> None:
    clock = FakeClock()
    store = open_home(tmp_path, clock)
    store.prepare()
    for second in (0, 15.5 * 3600 - 0.001, 15.5 * 3600):
        clock.at = at(second)
        store.log.append([event(clock.at)])

    assert files(tmp_path) == [TODAY, TOMORROW]
    assert [json.loads(line)["id"] for line in file(tmp_path, TOMORROW).read_bytes().splitlines()] == [
        "2026-11-22T00:00:00.000Z"
    ]


def test_the_file_of_a_clock_that_jumped_ahead_goes_on_when_it_is_back(tmp_path: Path) -> None:
    clock = FakeClock()
    store = open_home(tmp_path, clock)
    store.prepare()
    for number, second in enumerate((0, 400 * DAY, 0, DAY, -DAY)):
        clock.at = at(second)
        store.log.append([event(str(number))])

    assert files(tmp_path) == [TODAY, "2027-12-26.ndjson"]
    assert log_ids(tmp_path) == ["0", "1", "2", "3", "4"]


def test_a_file_is_safe_before_the_next_one_begins(tmp_path: Path, faults: Faults, store: HomeStore) -> None:
    later = open_home(tmp_path, FakeClock(at(DAY)))

    faults.watch(tmp_path)
    later.log.append([event("a")])

    wanted = [("fdatasync", "log"), ("open", "log"), ("fsync", "log folder"), ("write", "log")]
    assert [call for call in faults.calls if call[1] != "log lock"] == wanted


def test_a_new_day_whose_old_file_cannot_be_made_safe_does_not_begin(
    tmp_path: Path, faults: Faults, store: HomeStore
) -> None:
    later = open_home(tmp_path, FakeClock(at(DAY)))

    faults.watch(tmp_path)
    faults.fail("fdatasync", "log", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        later.log.append([event("a")])

    assert (faults.fired, files(tmp_path)) == (1, [TODAY])


def test_dropping_old_days_leaves_the_newest(tmp_path: Path, store: HomeStore) -> None:
    for day in (1, 2):
        open_home(tmp_path, FakeClock(at(day * DAY))).log.append([event(str(day))])

    assert store.log.drop_before("2026-11-22") == 1
    assert store.log.drop_before("2099-01-01") == 1
    assert files(tmp_path) == ["2026-11-23.ndjson"]


def test_dropping_old_days_waits_for_the_log(tmp_path: Path, store: HomeStore) -> None:
    store.log.append([event("1")])
    open_home(tmp_path, FakeClock(at(DAY))).log.append([event("2")])
    store.locks.timeout_seconds = 0.05

    with open_home(tmp_path).locks.hold(LOCK), pytest.raises(Busy):
        store.log.drop_before("2099-01-01")

    assert len(files(tmp_path)) == 2


def test_healing_waits_for_the_log(tmp_path: Path, store: HomeStore) -> None:
    """Between its look for what is missing and its write, nobody else may write the same."""
    before = log_ids(tmp_path)
    store.locks.timeout_seconds = 0.05

    with open_home(tmp_path).locks.hold(LOCK), pytest.raises(Busy):
        store.log.append_missing([event("1")], ("", 0))

    assert log_ids(tmp_path) == before


# -- lines --------------------------------------------------------------------------------------------------------


def test_all_events_of_a_commit_are_one_write(tmp_path: Path, faults: Faults, store: HomeStore) -> None:
    faults.watch(tmp_path)
    do(store, "t-1", comment(), comment(), cancel())

    assert faults.calls.count(("write", "log")) == 1
    assert len(log_ids(tmp_path)) == 4


@pytest.mark.parametrize("torn", [b'{"id":"torn","da', b"\0\0\0", b"}", b"x" * 200_000], ids=len)
def test_an_unterminated_tail_is_cut_before_the_next_line(tmp_path: Path, store: HomeStore, torn: bytes) -> None:
    whole = file(tmp_path).read_bytes()
    file(tmp_path).write_bytes(whole + torn)

    store.log.append([event("a")])

    assert file(tmp_path).read_bytes().startswith(whole)
    assert log_ids(tmp_path) == ["task/t-1:1:0", "a"]


def test_a_file_that_is_nothing_but_a_tail_is_begun_anew(tmp_path: Path, store: HomeStore) -> None:
    file(tmp_path).write_bytes(b'{"id":"torn')
    store.log.append([event("a")])
    assert log_ids(tmp_path) == ["a"]


@pytest.mark.parametrize("damaged", [b"not json\n", b"\n", b'"a word"\n', b"\xff\xfe\n", b'{"no":"id"}\n'], ids=repr)
def test_a_whole_line_is_never_removed_whatever_stands_in_it(tmp_path: Path, store: HomeStore, damaged: bytes) -> None:
    whole = file(tmp_path).read_bytes() + damaged
    file(tmp_path).write_bytes(whole)

    store.log.append([event("a")])
    do(store, "t-1", comment())

    assert file(tmp_path).read_bytes().startswith(whole)
    assert store.log.tail(2) == store.log.tail(99)[-2:]
    assert ids(store.log.tail(2)) == ["a", "task/t-1:2:0"]


@pytest.mark.parametrize("error", [SHORT, errno.ENOSPC, errno.EIO])
def test_an_append_that_found_no_room_leaves_only_whole_lines(
    tmp_path: Path, faults: Faults, store: HomeStore, error: int
) -> None:
    before = file(tmp_path).read_bytes()
    faults.watch(tmp_path)
    faults.fail("write", "log", error)
    with pytest.raises(OSError, match=r"No space|Input/output"):
        store.log.append([event("a", 100)])

    assert faults.fired == 1
    assert file(tmp_path).read_bytes() == before


def test_a_whole_line_that_found_room_stays_when_the_next_one_did_not(
    tmp_path: Path, faults: Faults, store: HomeStore
) -> None:
    """A reader may have seen it already: its cursor must not come to stand behind the end, or inside a line."""
    _, cursor = store.log.read_from(None)
    faults.watch(tmp_path)
    faults.fail("write", "log", SHORT)
    with pytest.raises(OSError, match="No space"):
        store.log.append([event("a", 10), event("b", 1000)])
    assert faults.fired == 1
    faults.rest()

    assert log_ids(tmp_path) == ["task/t-1:1:0", "a"]
    events, cursor = store.log.read_from(cursor)
    store.log.append([event("c"), event("b")])
    assert ids(events) + ids(store.log.read_from(cursor)[0]) == ["a", "c", "b"]


def test_events_that_were_written_in_part_are_completed_once(tmp_path: Path, faults: Faults) -> None:
    warnings: list[str] = []
    store = open_home(tmp_path, warn=warnings.append)
    do(store, "t-1", small_task("t-1"))
    faults.watch(tmp_path)
    faults.fail("write", "log", SHORT)
    do(store, "t-1", comment("a"), comment("b" * 2000))
    assert (faults.fired, len(warnings)) == (1, 1)
    faults.rest()
    assert log_ids(tmp_path) == ["task/t-1:1:0", "task/t-1:2:0"]

    do(open_home(tmp_path), "t-1", comment())
    assert check_agreement(tmp_path, store) == 4


def test_a_tail_that_is_cut_after_the_mark_was_written_does_not_double_an_event(
    tmp_path: Path, store: HomeStore
) -> None:
    """A place inside somebody's torn line would lie behind the line that is written over it."""
    file(tmp_path).write_bytes(file(tmp_path).read_bytes() + b'{"id":"torn' + b"x" * 5000)
    place = store.log.position()
    store.log.append([event("a")])

    store.log.append_missing([event("a")], place)

    assert log_ids(tmp_path) == ["task/t-1:1:0", "a"]


def test_only_what_is_missing_is_appended(tmp_path: Path, store: HomeStore) -> None:
    place = store.log.position()
    store.log.append([event("a"), event("c")])
    later = open_home(tmp_path, FakeClock(at(DAY)))
    later.log.append([event("d")])

    for _ in range(2):
        store.log.append_missing([event(id) for id in ("a", "b", "c", "d", "e")], place)

    assert log_ids(tmp_path) == ["task/t-1:1:0", "a", "c", "d", "b", "e"]


# -- readers ------------------------------------------------------------------------------------------------------


def test_a_reader_passes_over_what_is_not_an_event_and_waits_for_the_rest_of_a_line(
    tmp_path: Path, store: HomeStore
) -> None:
    _, cursor = store.log.read_from(None)
    with file(tmp_path).open("ab") as log:
        log.write(b'garbage\n{"id":"a"}\n17\n{"id":"b"')
    events, cursor = store.log.read_from(cursor)
    assert ids(events) == ids(store.log.tail(1)) == ["a"]

    with file(tmp_path).open("ab") as log:
        log.write(b"}\n")
    assert ids(store.log.read_from(cursor)[0]) == ["b"]


def test_a_cursor_taken_while_a_torn_line_lies_at_the_end_misses_nothing(tmp_path: Path, store: HomeStore) -> None:
    file(tmp_path).write_bytes(file(tmp_path).read_bytes() + b'{"id":"torn' + b"x" * 500)
    _, cursor = store.log.read_from(None)

    store.log.append([event("a"), event("b")])

    assert ids(store.log.read_from(cursor)[0]) == ["a", "b"]


class Overtaken(EventLog):
    """A log to which somebody else appends just before each file is read."""

    meanwhile: Callable[[], None]

    def _lines(self, name: str, start: int, most_bytes: int | None = None) -> list[bytes]:
        self.meanwhile()
        return super()._lines(name, start, most_bytes)


def test_what_is_read_has_been_synced_even_when_it_was_written_while_we_read(
    tmp_path: Path, faults: Faults, store: HomeStore
) -> None:
    _, cursor = store.log.read_from(None)
    reader = Overtaken(store.log.folder, store.locks, FakeClock())
    reader.meanwhile = lambda: store.log.append([event("late")])

    faults.watch(tmp_path)
    events, _ = reader.read_from(cursor)

    assert ids(events) == ["late"]
    calls = [call for call in faults.calls if call in (("write", "log"), ("fdatasync", "log"))]
    assert calls[-2:] == [("write", "log"), ("fdatasync", "log")]


def test_what_cannot_be_synced_is_not_given_to_a_reader(tmp_path: Path, faults: Faults, store: HomeStore) -> None:
    faults.watch(tmp_path)
    faults.fail("fdatasync", "log", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        store.log.read_from((TODAY, 0))
    assert faults.fired == 1


# -- refused commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", [("open", "log lock"), ("open", "log"), ("write", "log")], ids="-".join)
def test_note_on_a_failing_disk_raises_nothing(
    tmp_path: Path, faults: Faults, store: HomeStore, call: tuple[str, str], error: int
) -> None:
    faults.watch(tmp_path)
    faults.fail(*call, error)
    store.log.note("command_refused", {})
    assert faults.fired == 1


def test_note_while_the_log_is_held_raises_nothing(tmp_path: Path, store: HomeStore) -> None:
    waiting = open_home(tmp_path)
    waiting.locks.timeout_seconds = 0.05
    with store.locks.hold("log.lock"):
        with pytest.raises(Busy):
            waiting.log.append([event("a")])
        waiting.log.note("command_refused", {})
    assert log_ids(tmp_path) == ["task/t-1:1:0"]


def test_note_where_there_is_no_home_raises_nothing(tmp_path: Path) -> None:
    nowhere = open_home(tmp_path / "nowhere")
    nowhere.log.note("command_refused", {})
    assert nowhere.log.tail(1) == []


# -- after a boot -------------------------------------------------------------------------------------------------


def cut(root: Path, lines: int) -> None:
    """Let power loss have taken all but so many lines of the newest file, and half of the next."""
    path = sorted((root / "state" / "events").iterdir())[-1]
    kept = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(kept[:lines]) + b"".join(kept[lines : lines + 1])[:40])


def booted(root: Path, boot: str = "b2", day: int = 0) -> HomeStore:
    """A store in another boot."""
    return open_home(root, FakeClock(at(day * DAY), boot=boot))


@pytest.mark.parametrize("kept", range(7))
def test_a_lost_end_of_the_log_is_given_back_once(tmp_path: Path, store: HomeStore, kept: int) -> None:
    do(store, "t-2", small_task("t-2"))
    do(store, "t-1", comment(), comment())
    do(store, "t-2", comment())
    told = log_ids(tmp_path)
    cut(tmp_path, kept)

    for boot in ("b2", "b3"):
        booted(tmp_path, boot).prepare()

    assert sorted(log_ids(tmp_path)) == sorted(told)
    assert check_agreement(tmp_path, store) == len(told) == 5


def lose_write(root: Path, *ids: str) -> None:
    """Let power loss have taken the write of these lines, but not the later ones: zeros stand in their place."""
    lines = [
        b"\0" * len(line) if json.loads(line)["id"] in ids else line
        for line in file(root).read_bytes().splitlines(keepends=True)
    ]
    file(root).write_bytes(b"".join(lines))


def test_events_behind_a_write_that_was_lost_are_given_back_in_their_order(tmp_path: Path, store: HomeStore) -> None:
    do(store, "t-1", comment())
    do(store, "t-1", comment(), comment())
    do(open_home(tmp_path), "t-2", small_task("t-2"))
    lose_write(tmp_path, "task/t-1:2:0")
    assert b"\0" in file(tmp_path).read_bytes()

    booted(tmp_path).prepare()

    assert check_agreement(tmp_path, store) == 5


def test_nothing_is_cut_behind_a_hole_that_could_not_be_given_back(tmp_path: Path, store: HomeStore) -> None:
    """It was safe once, so what made the hole was no loss of power: others may have read what lies behind."""
    do(store, "t-1", comment())
    do(store, "t-1", cancel(), archive=True)
    lose_write(tmp_path, "task/t-1:1:0")
    before = file(tmp_path).read_bytes()

    booted(tmp_path).prepare()

    assert file(tmp_path).read_bytes() == before


def test_a_log_that_lost_nothing_is_left_as_it_is(tmp_path: Path, store: HomeStore) -> None:
    do(store, "t-1", comment())
    before = file(tmp_path).read_bytes()

    booted(tmp_path, day=3).prepare()

    assert (file(tmp_path).read_bytes(), files(tmp_path)) == (before, [TODAY])


def test_a_whole_file_that_was_lost_is_given_back(tmp_path: Path, store: HomeStore) -> None:
    do(store, "t-1", comment())
    file(tmp_path).unlink()

    booted(tmp_path, day=1).prepare()

    assert log_ids(tmp_path) == ["task/t-1:1:0", "task/t-1:2:0"]
    assert files(tmp_path) == [TOMORROW]


def test_what_retention_dropped_does_not_come_back(tmp_path: Path, store: HomeStore) -> None:
    for day in (1, 2):
        do(open_home(tmp_path, FakeClock(at(day * DAY))), "t-1", comment())
    store.log.drop_before("2026-11-22")
    cut(tmp_path, 0)

    booted(tmp_path, day=2).prepare()

    assert log_ids(tmp_path) == ["task/t-1:2:0", "task/t-1:3:0"]


def test_events_that_left_the_history_were_safe_and_the_rest_is_given_back(tmp_path: Path, store: HomeStore) -> None:
    do(store, "t-1", *[comment()] * (HISTORY_LIMIT - 1))
    do(store, "t-1", comment())
    cut(tmp_path, HISTORY_LIMIT)

    booted(tmp_path).prepare()

    assert check_agreement(tmp_path, store) == HISTORY_LIMIT + 1


def test_a_reader_misses_and_repeats_nothing_over_a_power_loss(tmp_path: Path, store: HomeStore) -> None:
    """What it had read was synced, so the cut lies behind its cursor."""
    _, cursor = store.log.read_from(None)
    do(store, "t-1", comment())
    seen, cursor = store.log.read_from(cursor)
    do(store, "t-1", comment())
    cut(tmp_path, 2)

    after = booted(tmp_path)
    do(after, "t-1", comment())

    assert ids(seen + after.log.read_from(cursor)[0]) == [f"task/t-1:{version}:0" for version in (2, 3, 4)]


def test_a_mark_from_before_the_boot_does_not_double_what_was_given_back(
    tmp_path: Path, faults: Faults, store: HomeStore
) -> None:
    """It names a place in a log that was longer: what is given back may come to lie before that place."""
    store.log.note("command_refused", {"reason": "x" * 2000})
    faults.watch(tmp_path)
    faults.fail("write", "log", errno.EIO)
    warnings: list[str] = []
    do(open_home(tmp_path, warn=warnings.append), "t-1", comment())
    assert (faults.fired, len(warnings)) == (1, 1)
    faults.rest()
    cut(tmp_path, 0)

    do(booted(tmp_path), "t-1", comment())

    assert check_agreement(tmp_path, store) == 3


def test_a_log_that_cannot_be_repaired_lets_nobody_write(tmp_path: Path, faults: Faults, store: HomeStore) -> None:
    do(store, "t-1", comment())
    cut(tmp_path, 1)
    after = booted(tmp_path)

    faults.watch(tmp_path)
    faults.fail("write", "log", errno.EIO)
    with pytest.raises(StorageError):
        do(after, "t-1", comment())
    assert faults.fired == 1
    faults.rest()

    do(after, "t-1", comment())
    assert check_agreement(tmp_path, store) == 3


# -- many at once -------------------------------------------------------------------------------------------------


def test_eight_processes_that_append_tear_and_lose_nothing(tmp_path: Path, store: HomeStore) -> None:
    sizes = (1, 50, 500, 5_000, 70_000)

    def writer(name: int) -> Callable[[], None]:
        def work() -> None:
            log = open_home(tmp_path).log
            for number in range(100):
                log.append([event(f"{name}:{number}", sizes[(name + number) % len(sizes)])])

        return work

    in_processes(*(writer(name) for name in range(8)))

    assert all(line.endswith(b"}\n") for line in log_lines(tmp_path))
    told = log_ids(tmp_path)[1:]
    assert len(told) == 800
    for name in range(8):
        assert [id for id in told if id.startswith(f"{name}:")] == [f"{name}:{number}" for number in range(100)]


def test_a_reader_beside_writers_whose_clocks_disagree_sees_everything_once_and_in_order(
    tmp_path: Path, store: HomeStore
) -> None:
    def writer(name: int) -> Callable[[], None]:
        def work() -> None:
            clock = FakeClock()
            log = open_home(tmp_path, clock).log
            for number in range(150):
                clock.at = at((number * 7 % 30 - name) * DAY / 8)
                log.append([event(f"{name}:{number}", 300)])

        return work

    def reader() -> None:
        log = open_home(tmp_path).log
        cursor: tuple[str, int] = (TODAY, 0)
        seen: list[str] = []
        while len(seen) < 601:
            events, cursor = log.read_from(cursor)
            seen += ids(events)
        assert seen == log_ids(tmp_path)

    in_processes(reader, *(writer(name) for name in range(4)))

    assert len(files(tmp_path)) > 2
