"""The files of streaming runs: one writer, any readers, over torn lines, full disks and the joining of pieces."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from baton.domain.errors import StorageError
from baton.domain.stream_events import StreamEvent
from baton.store.streams import StreamFiles, StreamWriter

NOW = "2026-11-21T08:30:00.000Z"
START: StreamEvent = {"type": "step_start", "step": 0, "agent": "writer", "attempt": 1, "boot": "b"}
END: StreamEvent = {"type": "pipeline_complete", "final_output": "abc"}


def delta(text: str) -> StreamEvent:
    return {"type": "text_delta", "step": 0, "text": text}


@pytest.fixture
def files(tmp_path: Path) -> StreamFiles:
    (tmp_path / "tmp").mkdir()
    found = StreamFiles(str(tmp_path / "streams"), str(tmp_path / "tmp"))
    found.make("r")
    return found


def writer_of(files: StreamFiles) -> StreamWriter:
    writer = files.writer("r")
    assert writer is not None
    return writer


def told(files: StreamFiles, *drafts: StreamEvent) -> None:
    writer = writer_of(files)
    assert writer.append(drafts, NOW)
    writer.close()


def texts(events: list[StreamEvent]) -> str:
    return "".join(event.get("text", "") for event in events)


def test_a_run_that_was_made_is_open_private_and_has_no_events(files: StreamFiles, tmp_path: Path) -> None:
    assert (files.runs(), files.open_runs(), files.all("r")) == (["r"], ["r"], [])
    for path in (tmp_path / "streams").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "streams").stat().st_mode) == 0o700


def test_a_run_without_a_file_reads_as_one_that_has_said_nothing(files: StreamFiles) -> None:
    reader = files.reader("none")
    assert (reader.has_news(), reader.read()) == (False, [])


def test_a_reader_gets_what_is_new_and_nothing_twice(files: StreamFiles) -> None:
    reader = files.reader("r")
    told(files, START, delta("ab"))
    first = reader.read()
    assert ([event["id"] for event in first], reader.has_news(), reader.read()) == ([1, 3], False, [])
    told(files, delta("cd"))
    assert (reader.has_news(), [event["id"] for event in reader.read()], reader.last_id) == (True, [5], 5)


def test_a_second_writer_waits_or_is_told(files: StreamFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.store.streams.WAIT_SECONDS", 0.05)
    writer = writer_of(files)
    assert files.writer("r", waits=False) is None
    with pytest.raises(StorageError, match="by somebody else"):
        files.writer("r")
    writer.close()
    assert files.writer("r", waits=False) is not None


def test_the_lock_of_a_writer_goes_with_its_process_and_not_to_its_children(files: StreamFiles) -> None:
    writer = writer_of(files)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=True)
    try:
        writer.close()
        again = files.writer("r", waits=False)
        assert again is not None
    finally:
        child.communicate(b"\n", timeout=10)


def test_a_torn_line_is_no_event_and_is_cut_by_the_next_writer(files: StreamFiles, tmp_path: Path) -> None:
    told(files, START, delta("ab"))
    path = tmp_path / "streams/r.ndjson"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id":9,"type":"text_de')
    assert texts(files.all("r")) == "ab"
    told(files, delta("cd"))
    assert path.read_bytes().startswith(whole + b'{"id":5,')


def test_every_byte_of_a_crash_in_the_middle_of_an_append_leaves_a_prefix(files: StreamFiles, tmp_path: Path) -> None:
    told(files, START, delta("ab"), delta("é🍞"))
    path = tmp_path / "streams/r.ndjson"
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert "abé🍞".startswith(texts(files.all("r")))
        writer = writer_of(files)
        writer.close()
        assert writer.progress.last_id in (0, 1, 3, 5)


@pytest.mark.parametrize("fault", ["none", "short", "error"])
def test_what_a_full_disk_did_not_take_is_written_first_the_next_time(
    fault: str, files: StreamFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writer_of(files)
    assert writer.append([START, delta("ab")], NOW)
    real = os.pwrite
    fired: list[str] = []

    def failing(fd: int, data: bytes, offset: int) -> int:
        fired.append(fault)
        if fault == "short":
            return real(fd, data[:5], offset)
        if fault == "error":
            raise OSError(errno.ENOSPC, "full")
        return real(fd, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr("baton.store.streams.os.pwrite", failing)
        assert writer.append([delta("cd")], NOW) is (fault == "none")
    assert fired == [fault]
    assert writer.append([delta("ef")], NOW)
    writer.close()
    assert [(event["id"], event.get("text")) for event in files.all("r")] == [
        (1, None),
        (3, "ab"),
        (5, "cd"),
        (7, "ef"),
    ]


def test_the_end_joins_pieces_and_says_that_nothing_is_left_to_tell(files: StreamFiles) -> None:
    writer = writer_of(files)
    writer.append([START, delta("a"), delta("b"), delta("c"), END], NOW)
    writer.end()
    writer.close()
    assert [(event["id"], event.get("text")) for event in files.all("r")] == [(1, None), (4, "abc"), (5, None)]
    assert files.open_runs() == []


@pytest.mark.parametrize("read", range(7))
def test_a_reader_goes_on_over_the_moment_when_pieces_are_joined(files: StreamFiles, read: int) -> None:
    drafts = [START, delta("ab"), delta("cd"), delta("ef"), END]
    reader = files.reader("r")
    got: list[StreamEvent] = []
    writer = writer_of(files)
    for number, draft in enumerate(drafts):
        writer.append([draft], NOW)
        if number < read:
            got += reader.read()
    writer.end()
    writer.close()
    got += reader.read()
    assert (texts(got), got[-1]["type"]) == ("abcdef", "pipeline_complete")
    ids = [event["id"] for event in got]
    assert ids == sorted(set(ids))
    assert reader.read() == []


def test_a_writer_that_waited_while_pieces_were_joined_writes_to_the_new_file(files: StreamFiles) -> None:
    import threading

    writer = writer_of(files)
    writer.append([START, delta("a"), delta("b"), END], NOW)
    found: list[StreamWriter | None] = []
    waiting = threading.Thread(target=lambda: found.append(files.writer("r")))
    waiting.start()
    writer.end()
    writer.close()
    waiting.join(10)
    assert found[0] is not None
    found[0].append([START], NOW)
    assert [event["type"] for event in files.all("r")][-2:] == ["pipeline_complete", "step_start"]


def test_a_line_longer_than_a_read_is_read_whole(files: StreamFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.store.streams.READ_LIMIT", 64)
    told(files, START, delta("x" * 5000), delta("y"))
    assert texts(files.all("r")) == "x" * 5000 + "y"


def test_half_a_character_is_written_as_something_that_can_be_read(files: StreamFiles) -> None:
    told(files, START, delta("a\ud800b"))
    assert texts(files.all("r")) == "a?b"


def test_a_hole_that_power_loss_left_hides_nothing_behind_it(files: StreamFiles, tmp_path: Path) -> None:
    told(files, START, delta("ab"))
    path = tmp_path / "streams/r.ndjson"
    path.write_bytes(path.read_bytes() + b"\0" * 40 + b"\n")
    told(files, delta("cd"))
    assert texts(files.all("r")) == "abcd"


def test_a_run_that_is_removed_leaves_nothing(files: StreamFiles, tmp_path: Path) -> None:
    told(files, START)
    assert files.remove("r")
    assert os.listdir(tmp_path / "streams") == []


def test_a_hundred_readers_cost_the_writer_nothing_it_waits_for(files: StreamFiles) -> None:
    readers = [files.reader("r") for _ in range(100)]
    writer = writer_of(files)
    got: list[list[StreamEvent]] = [[] for _ in readers]
    for number in range(50):
        writer.append([delta("word ")] if number else [START], NOW)
        for place, reader in enumerate(readers[:: 1 + number % 3]):
            got[place * (1 + number % 3)] += reader.read()
    for place, reader in enumerate(readers):
        got[place] += reader.read()
    whole: Any = files.all("r")
    assert all(one == whole for one in got)
