"""Every script on a full disk: run below ``unshare -m``, with a small file system of its own mounted over a home's folders.

``python -m tests.faults.full_disk HOME blocks|inodes`` prints what was wrong, one JSON list.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cli.homes import SETTINGS, Done, Home
from tests.faults import judging
from tests.faults.full_disk_cases import CASES, Case

# As small as may be, to be full soon; but an active campaign of two tasks, with all caches, takes 18 pages of it.
ROOM = {"blocks": "128k", "inodes": "1m"}
INODES = {"blocks": 200, "inodes": 72}
SMALL = ("state", "projects", "memory", "config", "../full")  # each a file system of its own, with so much room
FILLERS = "fill-"


def fill(folder: Path, what: str) -> None:
    """Leave no room: not a page, or not a file. In small files, since a large one cannot have the last page."""
    number = 0
    try:
        while True:
            (folder / f"{FILLERS}{number}").write_bytes(b"x" * 4096 if what == "blocks" else b"")
            number += 1
    except OSError:
        pass
    if what == "blocks":
        (folder / f"{FILLERS}{number}").unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Make room."""
    for path in folder.glob(f"{FILLERS}*"):
        path.unlink()


def resize(home: Home, size: str) -> None:
    """Give the state another size."""
    subprocess.run(["mount", "-o", f"remount,size={size}", home.state], check=True)


def empty(folder: Path) -> None:
    """Remove what is in a folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def is_full(folder: Path, what: str) -> bool:
    """Tell whether there is really no room."""
    found = os.statvfs(folder)
    return (found.f_bfree if what == "blocks" else found.f_ffree) == 0


def said(done: Done) -> bool:
    """Tell whether the script said that the disk is full, and nothing that it should not."""
    words = ("the disk is full", "No space left", "is full: ", "room for 0 more files")
    return any(word in done.out + done.err for word in words)


def invoke(home: Home, *words: str) -> Done:
    """Run an agent. If the grant could still be written, the end of the run waits for room: it is made then."""
    with home.start("invoke_agent", *words) as process:
        assert process.stdout is not None and process.stderr is not None
        first = process.stderr.readline()
        if "waits: the disk is full" in first:
            for folder in SMALL:
                clear(home.root / folder)
        out, rest = process.stdout.read(), process.stderr.read()
    if "waits:" in first and process.returncode:
        raise judging.Wrong(f"the end of the run had room again: {out} {rest}")
    done = Done(process.returncode, out, first + rest)
    if not said(done):
        raise judging.Wrong(f"on a full disk: {done}")
    return done


def try_case(home: Home, case: Case, what: str) -> None:
    """Carry out one case, and judge it."""
    beside = str(home.root.parent)
    words = shlex.split(case.words.replace("{beside}", beside).replace("{full}", f"{beside}/full"))
    home.stop()
    case.arrange(home)
    old = judging.records(home)
    for folder in SMALL:
        fill(home.root / folder, what)
    assert all(is_full(home.root / folder, what) for folder in SMALL)
    if words[0] == "invoke_agent":
        done = invoke(home, *words[1:])
    else:
        done = home.call(*words, stdin=case.stdin, **case.environ)
    for folder in SMALL:
        clear(home.root / folder)
    if judging.said_badly(done.out, done.err):
        raise judging.Wrong(f"it broke down: {done}")
    if case.says is not None and (said(done), bool(done.code) or words[0] == "check_pipeline") != (
        case.says,
        case.says,
    ):
        raise judging.Wrong(f"on a full disk: {done}")
    if done.code and judging.records(home) != old:
        raise judging.Wrong(f"it was refused, and has changed something: {done}")
    judging.check_locks(home)
    again = home.call(*words, stdin=case.stdin, **case.environ)
    if again.code and done.code and words[0] != "doctor":
        raise judging.Wrong(f"with room again: {again}")
    home.stop()
    resize(home, "1m")  # for the judge's own tasks
    judging.check_healed(home)
    judging.check_work_goes_on(home)
    judging.check_healed(home)


def main(root: Path, what: str) -> list[str]:
    """Try every case on a disk of its own; return what was wrong."""
    home = Home(root)
    for folder in SMALL:
        (root / folder).mkdir(exist_ok=True)
        options = f"size={ROOM[what]},nr_inodes={INODES[what]},mode=700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", root / folder], check=True)
    wrong = []
    for case in CASES:
        home.ok("init_home", str(root))
        home.settings(SETTINGS)
        try:
            try_case(home, case, what)
        except AssertionError as error:
            wrong.append(f"{case.words}: {error}")
        start_anew(home, what)
    return wrong


def start_anew(home: Home, what: str) -> None:
    """Take everything away that a case has left."""
    for folder in SMALL:
        empty(home.root / folder)
    for path in home.root.parent.iterdir():
        if path.name not in (home.root.name, "full"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    resize(home, ROOM[what])


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
