"""A full disk and a read-only one: said in words, nothing damaged, and all is well again when there is room.

The mounts are made in a mount namespace of their own: they end with the process that made them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import ROOT, Home, run

# Runs below ``unshare``: mounts 64 KB over the home's state, fills it but for a number of pages, and works in it.
FULL = """
import json, os, subprocess, sys
from pathlib import Path

sys.path[:0] = [{root!r}, {root!r} + "/scripts"]
from tests.cli.homes import Home

home = Home.__new__(Home)
home.root, home.state = Path({home!r}), Path({home!r}) / "state"
home.environ = {environ!r}
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes={inodes},mode=700", "tmpfs", home.state], check=True)
home.ok("init_home", str(home.root))
home.stop()
home.make_task("t-1", agents=["alpha", "beta"])
home.acquire("t-1")

def fill(pages):
    # In small files, since the last page of a large one may be had while others are not.
    names = []
    try:
        for number in range(64):
            names.append(home.state / f"fill-{{number}}")
            names[-1].write_bytes(b"x" * 4096)
    except OSError:
        pass
    for name in names[len(names) - pages:]:
        name.unlink(missing_ok=True)

def clear():
    for path in home.state.glob("fill-*"):
        path.unlink()

said = []
fill({pages})
before = home.record("t-1")
done = home.run("complete_step", "t-1", "--agent", "alpha", "--summary", "Done")
said.append({{"code": done.code, "answer": done.json, "err": done.err, "same": home.record("t-1") == before}})
said.append(home.run("task", "show", "t-1", "--json").code)
clear()
if not done.code:
    home.acquire("t-1", "beta")
words = ["complete_step", "t-1", "--agent", "alpha" if done.code else "beta"]
said.append(home.run(*words).code)
said.append(home.run("task", "cancel", "t-1").code if done.code else 0)
report = home.run("check_pipeline").json
said.append([report["errors"], report["quarantined"]])
record = home.record("t-1")
told = [event["id"] for event in home.events() if event["task"] == "t-1" and event["type"] != "command_refused"]
said.append([record["status"], told == [event["id"] for event in record["history"]]])
said.append(sorted(path.name for path in (home.state / "tmp").iterdir()))
print(json.dumps(said))
"""
READ_ONLY = """
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
shift
exec "$@"
"""


@cache
def why_not() -> str:
    """Why no mounts can be made here; empty when they can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if shutil.which("unshare") is None:
        return "there is no unshare"
    words = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"mounting is not allowed: {tried.stderr.strip()}" if tried.returncode else ""


@pytest.fixture
def mounts() -> None:
    if why_not():
        pytest.skip(why_not())


def on_a_full_disk(home: Home, pages: int, inodes: int = 200) -> list[Any]:
    """What happened on a disk with so many free pages."""
    text = FULL.format(root=str(ROOT), home=str(home.root), environ=home.environ, pages=pages, inodes=inodes)
    done = run("unshare", "-m", sys.executable, "-c", text, environ=home.environ)
    assert done.code == 0, done
    found: list[Any] = json.loads(done.out)
    return found


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("pages", range(7))
def test_a_full_disk_is_said_and_damages_nothing(home: Home, pages: int) -> None:
    completion, shown, again, cancelled, swept, told, left = on_a_full_disk(home, pages)
    if completion["code"] == 0:
        assert (completion["answer"]["completed"], told) == (True, ["completed", True])
    else:
        assert (completion["code"], completion["answer"]["error"]["code"]) == (1, "disk_full")
        assert (completion["same"], told) == (True, ["cancelled", True])
    assert "Traceback" not in completion["err"]
    assert (shown, again, cancelled, swept, left) == (0, 0, 0, [[], 0], [])


@pytest.mark.usefixtures("mounts")
def test_a_disk_without_room_for_anything_was_really_full(home: Home) -> None:
    assert on_a_full_disk(home, 0)[0]["answer"]["error"]["code"] == "disk_full"


@pytest.mark.usefixtures("mounts")
def test_a_disk_with_room_enough_was_really_not_full(home: Home) -> None:
    assert on_a_full_disk(home, 6)[0]["code"] == 0


# -- read-only --------------------------------------------------------------------------------------------------------


def read_only(home: Home, folder: Path, *words: str) -> Any:
    """Run a real script while a folder of the home is read-only."""
    from tests.cli.homes import SCRIPTS

    command = [str(SCRIPTS / f"{words[0]}.py"), *words[1:]]
    if os.geteuid() == 0:
        return run("unshare", "-m", "sh", "-c", READ_ONLY, "sh", folder, *command, environ=home.environ)
    folders = [path for path in (folder, *folder.rglob("*")) if path.is_dir()]
    try:
        for path in folders:
            path.chmod(0o500)
        return run(*command, environ=home.environ)
    finally:
        for path in folders:
            path.chmod(0o700)


@pytest.fixture
def guarded(home: Home) -> Home:
    if os.geteuid() == 0 and why_not():
        pytest.skip(why_not())
    home.make_campaign()
    home.make_task()
    home.acquire()
    return home


@pytest.mark.parametrize(
    "words",
    [
        "complete_step t-1 --agent alpha",
        "acquire_lock t-1 --agent alpha",
        "release_lock t-1 --agent alpha",
        "request_revision t-1 --agent alpha --to-step 0 --notes x",
        "activate_campaign spring",
        "check_pipeline",
        "task cancel t-1 --json",
        "task comment t-1 x --json",
        "task create {file} --json",
        "campaign update spring --name x --json",
        "review t-1 rethink --to-step 0 --notes x --json",
        "invoke_agent alpha t-1 --json",
    ],
)
def test_a_read_only_state_is_said_and_nothing_is_changed(guarded: Home, words: str) -> None:
    guarded.wake()
    before = guarded.record()
    file = guarded.file("x.json", {"title": "x", "pipeline": [{"agent": "alpha"}]})
    done = read_only(guarded, guarded.state, *words.format(file=file).split())
    if words.startswith("invoke_agent"):
        assert done.code == 75  # held: nothing had to be written to see that
    else:
        assert done.refusal == (1, "permission_denied")
        assert str(guarded.state) in done.error["message"]
    assert "Traceback" not in done.err
    assert guarded.record() == before


@pytest.mark.parametrize(
    "words",
    [
        "task list",
        "task show t-1",
        "task ready",
        "campaign list",
        "campaign show spring",
        "review t-1",
        "why",
        "why t-1",
        "cost",
    ],
)
def test_looking_needs_no_writing(guarded: Home, words: str) -> None:
    (guarded.state / "cache/settings.json").unlink(missing_ok=True)
    done = read_only(guarded, guarded.state, *words.split(), "--json")
    assert (done.code, done.err) == (0, "")


def test_a_home_that_cannot_be_made_is_said(guarded: Home) -> None:
    done = read_only(guarded, guarded.root, "init_home", str(guarded.root / "new"))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"init_home.py: cannot make home '{guarded.root}/new': ")


def test_a_campaign_whose_folder_cannot_be_made_is_not_made(guarded: Home) -> None:
    file = guarded.file("x.json", {"project": "acme", "slug": "new", "name": "x", "pipeline": "my-line"})
    done = read_only(guarded, guarded.root / "projects", "campaign", "create", file, "--json")
    assert (done.code, done.error["code"] in ("permission_denied", "io_error")) == (1, True)
    assert not (guarded.state / "campaigns/new.json").exists()
