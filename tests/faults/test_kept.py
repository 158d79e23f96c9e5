"""What the lab puts back between two faults is what stood there, whatever a fault has made of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.homes import tree
from tests.faults.kept import Kept


def _fill(root: Path) -> None:
    (root / "state/tasks").mkdir(parents=True)
    (root / "state/empty").mkdir(mode=0o700)
    (root / "state/tasks/t-1.json").write_text("{}")
    (root / "state/mark").write_bytes(b"\0" * 64)
    (root / "state/last").symlink_to("tasks/t-1.json")


def _same_length(root: Path) -> None:
    path = root / "state/mark"
    was = path.stat()
    path.write_bytes(b"\1" * 64)
    os.utime(path, ns=(was.st_mtime_ns, was.st_mtime_ns))


def _other_kinds(root: Path) -> None:
    shutil.rmtree(root / "state/tasks")
    (root / "state/tasks").write_text("a file")
    (root / "state/mark").unlink()
    (root / "state/mark").mkdir()
    (root / "state/last").unlink()
    (root / "state/last").mkdir()


def _more(root: Path) -> None:
    (root / "state/new/deep").mkdir(parents=True)
    (root / "state/new/deep/file").write_text("x")
    (root / "state/new/link").symlink_to("/")


CHANGES: dict[str, Callable[[Path], object]] = {
    "more": _more,
    "other kinds": _other_kinds,
    "the same length and time": _same_length,
    "another mode": lambda root: (root / "state/tasks/t-1.json").chmod(0o400),
    "another time": lambda root: os.utime(root / "state/mark", (1, 1)),
    "a file less": lambda root: (root / "state/mark").unlink(),
    "a link elsewhere": lambda root: [(root / "state/last").unlink(), (root / "state/last").symlink_to("/")],
    "nothing left": lambda root: shutil.rmtree(root / "state"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_put_back(tmp_path: Path, change: str) -> None:
    _fill(tmp_path)
    was = [(path, os.lstat(path).st_mtime_ns) for path in sorted((tmp_path / "state").rglob("*"))]
    before, kept = tree(tmp_path), Kept(tmp_path / "state")
    CHANGES[change](tmp_path)
    assert tree(tmp_path) != before or change == "another time"
    kept.restore()
    assert tree(tmp_path) == before
    found = {path: os.lstat(path).st_mtime_ns for path in sorted((tmp_path / "state").rglob("*"))}
    assert [(path, found[path]) for path, _ in was if not path.is_symlink()] == [
        (path, at) for path, at in was if not path.is_symlink()
    ]


def test_a_folder_that_was_not_there_goes_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "memory")
    (tmp_path / "memory/WORKING").mkdir(parents=True)
    (tmp_path / "memory/WORKING/alpha.md").write_text("x")
    kept.restore()
    assert not (tmp_path / "memory").exists()
