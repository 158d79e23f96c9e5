"""Memory on disk: files that others change, too, and that may be anything."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from baton.domain.errors import BatonError, InvalidInput, PermissionRefused
from baton.domain.memory import LARGEST_BYTES, Glimpse
from baton.store.locks import Locks
from baton.store.memory_files import MemoryFiles

NAME = "WORKING/writer.md"


@pytest.fixture
def memory(tmp_path: Path) -> MemoryFiles:
    (tmp_path / "locks").mkdir()
    return MemoryFiles(str(tmp_path / "memory"), Locks(str(tmp_path / "locks")), lambda: None)


def adding(line: str) -> Callable[[str], str]:
    return lambda text: text + line


def put(memory: MemoryFiles, data: bytes, name: str = NAME) -> Path:
    path = Path(memory.path(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_missing_folder_is_an_empty_memory(memory: MemoryFiles) -> None:
    assert (memory.glimpse(NAME, 100), memory.text(NAME), memory.names("WORKING")) == (None, "", [])


def test_a_change_makes_folder_and_file_private(memory: MemoryFiles) -> None:
    assert memory.change(NAME, lambda text: f"{text}- a\n")
    path = Path(memory.path(NAME))
    assert path.read_text() == "- a\n"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, path.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]


def test_a_change_that_changes_nothing_writes_nothing(memory: MemoryFiles) -> None:
    before = put(memory, b"- a\n").stat()
    assert not memory.change(NAME, lambda text: text)
    assert Path(memory.path(NAME)).stat() == before


def test_bytes_that_are_no_text_go_back_as_they_were(memory: MemoryFiles) -> None:
    path = put(memory, b"caf\xe9\n")
    memory.change(NAME, lambda text: f"{text}- a\n")
    assert path.read_bytes() == b"caf\xe9\n- a\n"


def test_two_writers_at_once_lose_nothing(memory: MemoryFiles) -> None:
    def write(writer: int) -> None:
        for number in range(25):
            line = f"- {writer} {number}\n"
            memory.change(NAME, adding(line))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(memory.text(NAME).splitlines()) == sorted(f"- {w} {n}" for w in range(4) for n in range(25))


def test_of_a_long_file_only_the_ends_are_read(memory: MemoryFiles) -> None:
    path = put(memory, b"begin" + b"x" * 10_000_000 + b"end")
    found = memory.glimpse(NAME, 1000)
    assert found is not None
    assert (found.size, found.head[:5], found.tail[-3:]) == (path.stat().st_size, b"begin", b"end")
    assert len(found.head) + len(found.tail) < 10_000


def test_a_file_that_is_too_large_to_be_rewritten_is_refused_and_left(memory: MemoryFiles) -> None:
    path = put(memory, b"x" * (LARGEST_BYTES + 1))
    with pytest.raises(InvalidInput, match="larger than 1 MB"):
        memory.change(NAME, lambda text: "")
    assert path.stat().st_size == LARGEST_BYTES + 1


@pytest.mark.parametrize("place", ["file", "folder"])
@pytest.mark.parametrize("act", ["glimpse", "change", "remove"])
def test_a_link_out_of_the_folder_is_not_followed(memory: MemoryFiles, tmp_path: Path, place: str, act: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "writer.md").write_text("theirs")
    path = Path(memory.path(NAME))
    path.parent.parent.mkdir()
    if place == "folder":
        path.parent.symlink_to(outside)
    else:
        path.parent.mkdir()
        path.symlink_to(outside / "writer.md")

    acts = {
        "glimpse": lambda: memory.glimpse(NAME, 100),
        "change": lambda: memory.change(NAME, lambda text: "ours"),
        "remove": lambda: memory.remove(NAME),
    }
    if (place, act) == ("file", "remove"):
        assert memory.remove(NAME)  # the link goes, and nothing else
    else:
        with pytest.raises(PermissionRefused, match="leads out of"):
            acts[act]()
    assert (outside / "writer.md").read_text() == "theirs"


@pytest.mark.parametrize("name", ["../secret.md", "WORKING/../../secret.md", "{outside}", "../memory-of-others/a.md"])
def test_a_name_that_leads_out_of_the_folder_is_refused(memory: MemoryFiles, tmp_path: Path, name: str) -> None:
    put(memory, b"mine")
    for outside in (tmp_path / "secret.md", tmp_path / "memory-of-others/a.md"):
        outside.parent.mkdir(exist_ok=True)
        outside.write_text("theirs")
    with pytest.raises(PermissionRefused, match="leads out of"):
        memory.text(name.format(outside=tmp_path / "secret.md"))


def test_a_memory_on_another_disk_and_links_inside_it_are_followed(memory: MemoryFiles, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "long-term").mkdir(parents=True)
    (elsewhere / "WORKING").mkdir()
    (elsewhere / "long-term/shared.md").write_text("- ours\n")
    Path(memory.path("")).parent.joinpath("memory").symlink_to(elsewhere)
    Path(memory.path(NAME)).symlink_to("../long-term/shared.md")

    memory.change(NAME, lambda text: f"{text}- more\n")

    assert (elsewhere / "long-term/shared.md").read_text() == "- ours\n- more\n"
    assert Path(memory.path(NAME)).is_symlink()


def test_a_pipe_in_the_place_of_a_file_is_refused_and_nobody_waits(memory: MemoryFiles) -> None:
    Path(memory.path("WORKING")).mkdir(parents=True)
    os.mkfifo(memory.path(NAME))
    with pytest.raises(InvalidInput, match="is no file"):
        memory.glimpse(NAME, 100)


def test_a_folder_in_the_place_of_a_file_is_refused(memory: MemoryFiles) -> None:
    Path(memory.path(NAME)).mkdir(parents=True)
    with pytest.raises(BatonError):
        memory.glimpse(NAME, 100)


def test_what_a_killed_writer_left_is_in_nobodys_way(memory: MemoryFiles) -> None:
    put(memory, b"- a\n")
    put(memory, b"half", "WORKING/.writer.md.new")
    memory.change(NAME, lambda text: f"{text}- b\n")
    assert memory.names("WORKING") == [NAME]
    assert os.listdir(memory.path("WORKING")) == ["writer.md"]
    assert memory.text(NAME) == "- a\n- b\n"


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_on_a_failing_disk_the_old_file_stands(
    memory: MemoryFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = put(memory, b"- a\n")
    fired = []

    def fail(*_: object, **__: object) -> None:
        fired.append(call)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"baton.store.files.os.{call}", fail)
    with pytest.raises(BatonError):
        memory.change(NAME, lambda text: f"{text}- b\n")
    assert (path.read_bytes(), os.listdir(path.parent), fired) == (b"- a\n", ["writer.md"], [call])


def test_pages_of_days_before_a_day_are_known_by_their_names(memory: MemoryFiles) -> None:
    for name in ("2026-01-01", "2026-01-02", "2026-01-03", "notes", "2026-01-01.set-aside-2026-01-05"):
        put(memory, b"x", f"daily/{name}.md")
    assert [os.path.basename(path) for path in memory.days_before("2026-01-03")] == ["2026-01-01.md", "2026-01-02.md"]


def test_a_glimpse_of_a_short_file_is_all_of_it(memory: MemoryFiles) -> None:
    put(memory, b"- a\n")
    assert memory.glimpse(NAME, 100) == Glimpse(size=4, head=b"- a\n")
