"""Files that people write, changed by scripts: whole or not at all, and never over somebody else's change."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from baton.domain.errors import AlreadyExists, StorageError
from baton.store.written_files import put_in_place, put_new, take_away

SCRIPTS = str(Path(__file__).parents[2] / "scripts")
# Writes more than it may: what a full disk does, without one.
TOO_LARGE = """
import resource, signal, sys
sys.path.insert(0, {scripts!r})
from baton.domain.errors import StorageError
from baton.store.written_files import put_in_place, put_new
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    {call}
except StorageError as error:
    sys.exit(7)
"""


def test_a_new_file_is_not_put_over_another(tmp_path: Path) -> None:
    path = tmp_path / "folder/x.yaml"
    put_new(str(path), b"mine")
    with pytest.raises(AlreadyExists):
        put_new(str(path), b"yours")
    assert [(one.name, one.read_bytes()) for one in path.parent.iterdir()] == [("x.yaml", b"mine")]


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"before")
    path.chmod(0o604)
    put_in_place(str(path), b"before", b"after")
    assert (path.read_bytes(), path.stat().st_mode & 0o777, len(list(tmp_path.iterdir()))) == (b"after", 0o604, 1)


def test_what_an_editor_has_changed_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"by an editor")
    with pytest.raises(StorageError, match="was changed by somebody else meanwhile"):
        put_in_place(str(path), b"before", b"after")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x.yaml", b"by an editor")]


def test_a_file_that_is_gone_cannot_be_taken_away(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        take_away(str(tmp_path / "x.yaml"))


@pytest.mark.parametrize(
    "call", ["put_in_place({path!r}, b'before', b'x' * 101)", "put_new({path!r} + '2', b'x' * 101)"]
)
def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path, call: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"before")
    program = TOO_LARGE.format(scripts=SCRIPTS, call=call.format(path=str(path)))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (7, "")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x.yaml", b"before")]


def change_for_ever(path: str, pages: list[bytes]) -> None:
    while True:
        for before, after in zip(pages, [*pages[1:], pages[0]], strict=True):
            put_in_place(path, before, after)


def test_a_writer_that_is_killed_leaves_one_version_or_the_other(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    path = tmp_path / "x.yaml"
    pages = [bytes([65 + number]) * 50_000 for number in range(3)]
    seen = set()
    for _ in range(25):
        path.write_bytes(pages[0])
        writer = multiprocessing.get_context("fork").Process(target=change_for_ever, args=(str(path), pages))
        writer.start()
        time.sleep(chance.uniform(0.0, 0.03))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert path.read_bytes() in pages
        seen.add(path.read_bytes())
    assert len(seen) > 1, "nobody was at work when it was killed"
