"""Every script on a full disk: run below ``unshare -m``, with a small file system of its own mounted over a home's folders.

``python -m tests.faults.full_disk HOME blocks|inodes`` prints what was wrong, one JSON list.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.cli.homes import Done, Home
from tests.faults import judging
from tests.faults.deeds import granted, held, task, to_be_made

# As small as may be, to be full soon; but an active campaign of two tasks, with all caches, takes 18 pages of it.
ROOM = {"blocks": "96k", "inodes": "1m"}
INODES = {"blocks": 200, "inodes": 72}
SMALL = ("state", "projects", "config/pipelines")  # each a file system of its own, with so much room
FILLERS = "fill-"


class Case(NamedTuple):
    """One call of a script. ``says``: it has something to write, and must say that it could not; ``None``: it may."""

    arrange: Callable[[Home], object]
    words: str
    says: bool | None = True


def made(home: Home) -> None:
    """A completed task, and what it has made."""
    home.make_task(agents=["alpha"])
    (home.workspace() / "piece.md").write_text("Rye needs time.\n")
    home.complete("t-1", "alpha", "--output", "piece.md")


def campaign(home: Home) -> None:
    """A campaign that is not active yet."""
    home.make_campaign()


def active(home: Home) -> None:
    """An active campaign."""
    home.make_campaign(target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")


def campaign_file(home: Home) -> None:
    """The file of a campaign to be made."""
    home.make_campaign()
    written = {"project": "acme", "slug": "new", "name": "New", "pipeline": "my-line"}
    home.file("campaign.json", written)


def pipeline_file(home: Home) -> None:
    """The file of a pipeline to be made."""
    home.file("pipeline.json", {"slug": "new", "name": "New", "main_steps": [{"agent": "alpha"}]})


def awake(home: Home) -> None:
    """A ready task in a home where agents are started."""
    home.make_task()
    home.wake()


CASES: dict[str, Case] = {
    "acquire": Case(task(), "acquire_lock t-1 --agent alpha"),
    "release": Case(held(), "release_lock t-1 --agent alpha"),
    "complete": Case(held(), "complete_step t-1 --agent alpha"),
    "complete the last step": Case(held(agents=["alpha"]), "complete_step t-1 --agent alpha"),
    "revise": Case(held(), "request_revision t-1 --agent alpha --to-step 0 --notes dry"),
    "activate": Case(campaign, "activate_campaign spring --no-dispatch"),
    "invoke": Case(awake, "invoke_agent alpha t-1 --json", says=None),
    "create a task": Case(to_be_made, "task create {beside}/second.json --json"),
    "cancel": Case(task(), "task cancel t-1 --json"),
    "comment": Case(task(), "task comment t-1 hello --json"),
    "block": Case(task(), "task block t-1 --reason later --json"),
    "delete": Case(task(), "task delete t-1 --json"),
    "create a campaign": Case(campaign_file, "campaign create {beside}/campaign.json --json"),
    "pause": Case(active, "campaign pause spring --json"),
    "create a pipeline": Case(pipeline_file, "pipeline create {beside}/pipeline.json --json"),
    "sweep": Case(granted, "check_pipeline"),
    "dry sweep": Case(granted, "check_pipeline --dry-run", says=None),
    "status": Case(task(), "status --json", says=False),
    "doctor": Case(task(), "doctor --json"),
    "list tasks": Case(task(), "task list --json", says=False),
    "show a task": Case(task(), "task show t-1 --json", says=False),
    "show a campaign": Case(campaign, "campaign show spring --json", says=False),
    "list agents": Case(task(), "agent list --json", says=False),
    "list services": Case(task(), "service list --json", says=False),
    "explain a task": Case(task(), "why t-1 --json", says=False),
    "explain all tasks": Case(task(), "why --json", says=False),
    "tell costs": Case(task(), "cost --json", says=False),
    "look at what was made": Case(made, "review t-1 --json", says=False),
    "approve": Case(made, "review t-1 approve --json"),
    "fix": Case(made, "review t-1 fix alpha --notes dry --json"),
    "rethink": Case(made, "review t-1 rethink --to-step 0 --notes dry --json"),
}


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


def empty(home: Home, folder: str) -> None:
    """Take everything away that a case has left."""
    for path in (home.root / folder).iterdir():
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
    words = [word.replace("{beside}", str(home.root.parent)) for word in case.words.split(" ")]
    home.stop()
    case.arrange(home)
    old = judging.records(home)
    for folder in SMALL:
        fill(home.root / folder, what)
    assert all(is_full(home.root / folder, what) for folder in SMALL)
    done = home.call(*words) if words[0] != "invoke_agent" else invoke(home, *words[1:])
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
    again = home.call(*words)
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
        words = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={ROOM[what]},nr_inodes={INODES[what]},mode=700",
            "tmpfs",
            root / folder,
        ]
        subprocess.run(words, check=True)
    wrong = []
    for name, case in CASES.items():
        home.ok("init_home", str(root))
        try:
            try_case(home, case, what)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
        for folder in SMALL:
            empty(home, folder)
        resize(home, ROOM[what])
    return wrong


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
