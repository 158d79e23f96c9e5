"""The power goes at once after a command was acknowledged, on a disk of our own: what it reported done is there.

``BATON_SEED=<seed> BATON_POINT=<round>`` repeats one round of a run that failed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home, call
from tests.faults.disks import Disk
from tests.faults.seeds import seed
from tests.store.homes import check_agreement, comment, do, open_home

from baton.adapters.clock import SystemClock
from baton.cli.sweeping import sweep_home
from baton.cli.wiring import Wiring
from baton.domain.records import HISTORY_LIMIT, Holder
from baton.ports import Damage
from baton.store import layout

FORK = multiprocessing.get_context("fork")
Files = dict[str, bytes]
# What is written to be there after a power loss; the rest of state/ is the programs' own, or given back by them.
PROMISED = (
    "state/tasks/", "state/campaigns/", "state/archive/", "state/quarantine/", "state/waits/", "config/", "projects/",
    "crontab.example",
)  # fmt: skip
ARCHIVE, LIVE = "state/archive/", "state/"
CANARY = "state/cache/canary"

# Each kind of command that changes something, on targets of its own in the home that `template` makes.
KINDS: dict[str, tuple[str, ...]] = {
    "make a campaign": ("campaign", "create", "{files}/autumn.json"),
    "activate": ("activate_campaign", "winter", "--no-dispatch"),
    "describe a campaign": ("campaign", "update", "winter", "--notes", "Name every source"),
    "pause": ("campaign", "pause", "spring"),
    "extend": ("campaign", "extend", "spring", "--count", "1"),
    "close a campaign": ("campaign", "complete", "summer", "--cancel-remaining"),
    "complete a campaign": ("complete_step", "ending-001", "--agent", "gamma", "--output", "reviewed/ending-001.md"),
    "make a task": ("task", "create", "{files}/new.json"),
    "make a task that waits": ("task", "create", "{files}/waiting.json"),
    "take a lease": ("acquire_lock", "free", "--agent", "alpha"),
    "renew a lease": ("acquire_lock", "held", "--agent", "alpha"),
    "give a lease back": ("release_lock", "held-2", "--agent", "alpha"),
    "complete a step": ("complete_step", "held-3", "--agent", "alpha", "--output", "research/held-3.md"),
    "complete what others wait for": ("complete_step", "awaited", "--agent", "alpha"),
    "send back": ("request_revision", "second", "--to-step", "0", "--notes", "dry", "--by-person"),
    "block": ("task", "block", "free-2", "--reason", "waits"),
    "unblock": ("task", "unblock", "blocked"),
    "cancel": ("task", "cancel", "free-3"),
    "retry": ("task", "retry", "blocked-2"),
    "delete": ("task", "delete", "free-4"),
    "comment": ("task", "comment", "free-5", "well done"),
    "comment where history is full": ("task", "comment", "long", "well done"),
    "prioritize": ("task", "prioritize", "free-6", "urgent"),
    "keep a pipeline": ("pipeline", "create", "{files}/other-line.json"),
    "make a home": ("init_home", "{home}/inner"),
    "sweep": ("check_pipeline",),
}


class NextBoot(SystemClock):
    """The clock of a machine that was started again."""

    def holder(self) -> Holder:
        me = super().holder()
        return Holder(machine=me.machine, boot="the next one", boot_seconds=60.0)


# -- a home in which everything is at hand ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a target for each kind of command, and beside it the files that some of them read."""
    home = Home(tmp_path_factory.mktemp("template") / "home")
    home.settings("harness: {default: script}\nnotify: {channels: []}\n")
    for name in ("free", "free-2", "free-3", "free-4", "free-5", "free-6", "held", "held-2", "held-3", "second"):
        home.make_task(name)
    for name in ("awaited", "blocked", "blocked-2", "long"):
        home.make_task(name, agents=("alpha",))
    home.make_task("waits", depends_on=["awaited"])
    for name in ("held", "held-2", "held-3", "awaited"):
        home.acquire(name)
    for name in ("blocked", "blocked-2"):
        home.ok("task", "block", name, "--reason", "waits")
    home.complete("second")
    home.ok("task", "comment", "long", "well done")
    do(open_home(home.root, SystemClock()), "long", *[comment()] * (HISTORY_LIMIT - 2))
    for slug, count in (("spring", 2), ("summer", 1), ("ending", 1), ("winter", 1)):
        home.make_campaign(slug, target_article_count=count)
    for slug in ("spring", "summer", "ending"):
        home.ok("activate_campaign", slug, "--no-dispatch")
    home.complete("ending-001", "alpha")
    home.complete("ending-001", "beta")
    home.acquire("ending-001", "gamma")
    (home.state / "tasks/damaged.json").write_text("{")
    home.file("notes.md", "Rye needs time.\n")
    home.file("autumn.json", {"slug": "autumn", "project": "acme", "name": "Autumn", "pipeline": "my-line"}
              | {"sources": ["notes.md"]})  # fmt: skip
    home.file("other-line.json", {"slug": "other-line", "name": "Other", "main_steps": [{"agent": "alpha"}]})
    steps = [{"agent": "alpha"}]
    home.file("new.json", {"id": "new", "title": "New", "pipeline": steps})
    home.file("waiting.json", {"id": "waiting", "title": "Waiting", "pipeline": steps, "depends_on": ["free"]})
    return home


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that can lose its power."""
    disk = Disk(tmp_path)
    disk.make()
    yield disk
    disk.end()


# -- one round ----------------------------------------------------------------------------------------------------


class Round:
    """A few commands on a fresh copy of the home; the power goes when the last of them has been acknowledged.

    ``goes_on``: others are being carried out at that moment, and may have happened or not.
    """

    def __init__(self, disk: Disk, template: Home, seed: int, number: int) -> None:
        choices = random.Random(f"{seed}/{number}")
        last = list(KINDS)[(seed + number) % len(KINDS)]
        others = [kind for kind in KINDS if kind != last]
        self.kinds = [*choices.sample(others, choices.randrange(4)), last]
        self.goes_on = choices.random() < 0.4
        self.later = choices.sample([kind for kind in others if kind not in self.kinds], 3) if self.goes_on else []
        self._disk = disk
        self._template = template
        self._root = disk.root / f"home-{number}"

    def __str__(self) -> str:
        return f"{', '.join(self.kinds)} | {', '.join(self.later)}"

    def run(self) -> None:
        shutil.copytree(self._template.root, self._root, symlinks=True)
        self._disk.settle()
        acknowledged, worker_end = FORK.Pipe(duplex=False)
        worker = FORK.Process(target=lambda: self._work(worker_end))
        worker.start()
        try:
            assert acknowledged.poll(60), "nothing was acknowledged"
            promised: Files | str = acknowledged.recv()
            self._disk.lose_power()
        finally:
            worker.kill()
            worker.join()
            acknowledged.close()
            worker_end.close()
        self._disk.restart()
        assert not isinstance(promised, str), promised
        check_fired(self._root)
        check_promised(promised, files_below(self._root), self.goes_on)
        check_goes_on(self._root, promised)
        shutil.rmtree(self._root)

    def _work(self, told: Any) -> None:
        try:
            # Never synced: when the power goes, it must be gone. So we see that what went was the power.
            (self._root / CANARY).write_text("alive")
            for kind in self.kinds:
                self._command(kind, must=True)
            told.send(files_below(self._root))
            with suppress(OSError):  # the power goes
                for kind in self.later:
                    self._command(kind, must=False)
        except BaseException as error:
            told.send(repr(error))
            raise

    def _command(self, kind: str, *, must: bool) -> None:
        root, files = str(self._root), str(self._template.root.parent)
        if kind in ("complete a step", "complete a campaign"):
            self._agent_writes(kind)
        words = [word.format(home=root, files=files) for word in KINDS[kind]]
        done = call(*words, environ=self._template.environ | {"BATON_HOME": root})
        if must and done.code:
            raise AssertionError(f"{words}: {done}")

    def _agent_writes(self, kind: str) -> None:
        """What a step leaves, as its agent wrote it: without a thought of power."""
        task, output = KINDS[kind][1], KINDS[kind][-1]
        place = "default/tasks/held-3" if task == "held-3" else "acme/campaigns/ending"
        path = self._root / "projects" / place / output
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"what {task} left\n")


def files_below(root: Path) -> Files:
    """What is promised of this home: content by path; for a folder, nothing."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root)) + ("/" if path.is_dir() else "")
        if name.removeprefix("inner/").startswith(PROMISED):
            found[name] = b"" if path.is_dir() else path.read_bytes()
    return found


def check_fired(root: Path) -> None:
    """Check that the power was really lost: what was never synced is not there."""
    canary = root / CANARY
    assert not canary.exists() or canary.read_text() != "alive"


def check_promised(promised: Files, found: Files, goes_on: bool) -> None:
    """Check that all that was acknowledged is there, to the byte; what was under way may be there instead of it."""
    if not goes_on:
        # A wait that is over may come back: it is forgotten by the sweep.
        back = {name for name in found if name.startswith("state/waits/") and name not in promised}
        kept = {name: data for name, data in found.items() if name not in back}
        assert differences(anywhere(promised), anywhere(kept)) == []
        return
    versions = {record["id"]: record["version"] for record in records(found)}
    lost = [record["id"] for record in records(promised) if versions.get(record["id"], 0) < record["version"]]
    assert lost == []
    written = {name: data for name, data in promised.items() if not name.startswith("state/")}
    assert differences(written, {name: data for name, data in found.items() if name in written}) == []


def anywhere(files: Files) -> Files:
    """These files, and no word of which records are archived: the move to the archive is no promise.

    A record lies in one place only.
    """
    moved = {name: data for name, data in files.items() if not is_archived(name)}
    for name, data in files.items():
        if is_archived(name):
            live = name.replace(ARCHIVE, LIVE)
            assert live not in moved, f"{name} lies in two places"
            moved[live] = data
    return moved


def is_archived(name: str) -> bool:
    """Tell whether this is a record in the archive."""
    return ARCHIVE in name and name.endswith(".json")


def differences(promised: Files, found: Files) -> list[str]:
    """The names of what is missing, other than it was, or should not be there."""
    return sorted(name for name in {*promised, *found} if promised.get(name) != found.get(name))


def records(files: Files) -> Iterator[dict[str, Any]]:
    for name, data in files.items():
        is_record = name.endswith(".json") and name.startswith(("state/tasks/", "state/archive/", "state/campaigns/"))
        if is_record and name != "state/tasks/damaged.json":
            yield json.loads(data)


def check_goes_on(root: Path, promised: Files) -> None:
    """Check that the home goes on: nothing is damaged, a sweep mends the rest, and all tells the same story.

    What was archived is so again, even if the move was lost.
    """
    warnings: list[str] = []
    wiring = Wiring(layout.Home(str(root)), {}, warnings.append)
    wiring.clock = NextBoot()
    damaged = [
        one.id for one in (*wiring.store.tasks.live(), *wiring.store.campaigns.live()) if isinstance(one, Damage)
    ]
    assert damaged in ([], ["damaged"])
    report = sweep_home(wiring, dry_run=False)
    assert (report["errors"], warnings) == ([], [])
    check_agreement(root, wiring.store)
    gone = [name for name in promised if is_archived(name) and not (root / name).is_file()]
    still = [name for name in promised if is_archived(name) and (root / name.replace(ARCHIVE, LIVE)).exists()]
    assert (gone, still) == ([], [])


# -- the tests ----------------------------------------------------------------------------------------------------


def test_what_was_never_synced_goes_with_the_power(disk: Disk) -> None:
    """The disk itself: without its crash, or with ``auto_da_alloc``, all that follows would prove nothing."""
    old, new = disk.root / "file", disk.root / "new"
    old.write_text("old")
    disk.settle()
    new.write_text("new")
    new.rename(old)
    fd = os.open(disk.root, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)

    disk.lose_power()
    disk.restart()

    assert old.read_text() == ""


@pytest.mark.parametrize(
    "rounds",
    [12, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
    ids=["normal", "bigger"],
)
def test_what_a_command_reported_done_survives_a_power_loss(disk: Disk, template: Home, rounds: int) -> None:
    chosen = seed()
    points = [int(os.environ["BATON_POINT"])] if "BATON_POINT" in os.environ else range(rounds)
    last: Counter[str] = Counter()
    went_on = 0
    for number in points:
        one = Round(disk, template, chosen, number)
        try:
            one.run()
        except Exception as error:
            raise AssertionError(f"BATON_SEED={chosen} BATON_POINT={number}: {one}") from error
        last[one.kinds[-1]] += 1
        went_on += one.goes_on
    print(f"{last.total()} power losses after {len(last)} kinds of commands, {went_on} with others under way")
