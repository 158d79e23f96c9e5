"""One commit of each kind, its system calls recorded, and every disk that power loss may have left of them.

A disk may lose any part of what nobody synced. On each that may be left, the next boot must find: records whole, and
as new as was acknowledged; every event of them in the log, once; and a home that goes on. ``BATON_SEED`` repeats it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import ROOT
from tests.faults.commits import KINDS
from tests.faults.disks import in_memory
from tests.faults.reordering import Data, Names, Recording, Sync, write_tree
from tests.faults.seeds import seed
from tests.store.homes import FakeClock, comment, do, do_campaign, open_home

from baton.domain import campaigns
from baton.domain.readiness import Entry, waiting
from baton.domain.records import Task
from baton.ports import Damage
from baton.store.deliveries import DeliveryFiles
from baton.store.home_store import HomeStore

PROMISED = (
    "state/tasks/", "state/campaigns/", "state/archive/", "state/quarantine/", "state/waits/", "state/channels/",
    "config/", "projects/", "crontab.example",
)  # fmt: skip


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in which syncing costs nothing."""
    with in_memory() as folder:
        yield folder


# -- the model ----------------------------------------------------------------------------------------------------


def crashed_writer(memory: Path, program: str) -> set[str]:
    """What may be in the file ``new`` when a small program was recorded over a file ``old``; ``-`` for no file."""
    home = memory / "home"
    home.mkdir()
    (home / "new").write_text("old")
    recording = Recording(home)
    lines = f"import os; os.chdir({str(home)!r}); f = os.open('t', os.O_CREAT | os.O_WRONLY); os.write(f, b'data'); "
    recording.run(sys.executable, "-I", "-c", lines + program + "; os.write(1, b'done')", log=memory / "log")
    found = set()
    for told, tree in recording.crashes(random.Random(1)):
        content = tree.get("new")
        found.add(("done " if told else "") + ("-" if content is None else content.decode()))
    return found


def test_a_rename_without_a_sync_may_leave_an_empty_file(memory: Path) -> None:
    program = f"os.rename({str(memory)!r} + '/home/t', {str(memory)!r} + '/home/new')"
    assert crashed_writer(memory, program) == {"old", "", "data", "done old", "done ", "done data"}


def test_a_rename_of_what_was_synced_leaves_the_old_or_the_new(memory: Path) -> None:
    program = f"os.fsync(f); os.rename({str(memory)!r} + '/home/t', {str(memory)!r} + '/home/new')"
    assert crashed_writer(memory, program) == {"old", "data", "done old", "done data"}


def test_what_was_synced_with_its_folder_is_there(memory: Path) -> None:
    home = str(memory / "home")
    program = f"os.fsync(f); os.rename('{home}/t', '{home}/new'); d = os.open('{home}', os.O_RDONLY); os.fsync(d)"
    assert crashed_writer(memory, program) == {"old", "data", "done data"}


# -- the product --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_power_loss_leaves_of_a_commit_is_whole_and_goes_on(memory: Path, kind: str) -> None:
    home = memory / "home"
    home.mkdir()
    KINDS[kind].arrange(open_home(home))
    recording = Recording(home)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}", "PYTHONDONTWRITEBYTECODE": "1"}
    program = (sys.executable, "-m", "tests.faults.commits", kind, str(home))
    recording.run(*program, log=memory / "log", env=environ, cwd=ROOT)
    final = recording.tree_of(recording.live)
    count = 0
    for told, tree in recording.crashes(random.Random(seed())):
        count += 1
        root = memory / "crashed"
        write_tree(tree, root)
        try:
            check(root, [json.loads(text) for text in told], final if told == recording.told else None)
        except Exception as error:
            raise AssertionError(f"{kind}, crash {count}, told {told}: {sorted(tree)}") from error
        shutil.rmtree(root)

    kinds = Counter(type(one) for one in recording.operations)
    print(f"{kind}: {count} disks of {kinds[Data]} writes and {kinds[Names]} names, {kinds[Sync]} syncs")
    assert count > 1


def check(root: Path, told: list[dict[str, int]], final: dict[str, bytes | None] | None) -> None:
    """Check what the next boot finds. ``final`` is what was there when all had been acknowledged."""
    if final is not None:
        promised = {path for path in final if path.removeprefix("inner/").startswith(PROMISED)}
        lost = [path for path in promised if not any(same(root / place, final[path]) for place in places_of(path))]
        assert lost == []
    if not (root / "state").is_dir():
        assert not told or not told[-1]
        return
    store = open_home(root, FakeClock(boot="b2"))
    for name, version in (told[-1] if told else {}).items():
        kind, id = name.split("/")
        record: Any = getattr(store, f"{kind}s").read(id)
        assert record is not None, f"{name} is lost"
        assert record.version >= version, name
    check_places(store)
    check_log(store)
    check_waits(store)
    check_cursor(store)
    go_on(store)
    check_log(store)


def places_of(path: str) -> tuple[str, str]:
    """Where a file may stand: the move of a record to the archive is no promise, and a sweep makes it again."""
    return path, path.replace("state/archive/", "state/")


def same(path: Path, data: bytes | None) -> bool:
    """Tell whether this is there with this content."""
    return path.is_dir() if data is None else path.is_file() and path.read_bytes() == data


def live(store: HomeStore) -> list[Any]:
    """All live records; of damaged ones only that which was so from the start."""
    found = [one for records in (store.tasks, store.campaigns) for one in records.live()]
    damaged = [one.id for one in found if isinstance(one, Damage)]
    assert damaged == [id for id in damaged if Path(store.home.in_state("tasks", f"{id}.json")).read_text() == "{"]
    return [one for one in found if not isinstance(one, Damage)]


def check_log(store: HomeStore) -> None:
    """Check that the log of this boot has each event of each record once, those of a record in order."""
    store.prepare()
    store.mend()
    events, _ = store.log.read_from(("", 0))
    ids = [event["id"] for event in events]
    archived = [store.tasks.read(id) for id in store.tasks.ids(archived=True)]
    for record in (*live(store), *archived):
        assert record is not None
        history = [event.id for event in record.history]
        assert [id for id in ids if id in set(history)] == history, record.id
        kind = "task" if isinstance(record, Task) else "campaign"
        versions = {int(id.split(":")[1]) for id in ids if id.startswith(f"{kind}/{record.id}:")}
        assert versions == set(range(1, record.version + 1)), record.id


def check_places(store: HomeStore) -> None:
    """Check that nothing stands in the archive, too, once the home is mended and what is damaged was set aside."""
    store.prepare()
    store.mend()
    for records in (store.tasks, store.campaigns):
        for one in list(records.live()):
            if isinstance(one, Damage):
                assert records.set_aside(one.id, "")
        archived = list(records.ids(archived=True))
        assert [id for id in archived if records.is_live(id) or records.is_set_aside(id)] == []


def check_waits(store: HomeStore) -> None:
    """Check that nobody waits unknown to the one he waits for."""
    for record in live(store):
        for dependency in getattr(record, "unmet", ()):
            assert record.id in store.waits.dependents(dependency)


def check_cursor(store: HomeStore) -> None:
    """Check that a reader's cursor stands at the end of a line that is there."""
    name, offset = DeliveryFiles(store.home.in_state("channels"), "").read("post").cursor or ("", 0)
    if name:
        data = Path(store.home.in_state("events", name)).read_bytes()
        assert len(data) >= offset
        assert data[:offset].endswith(b"\n")


def go_on(store: HomeStore) -> None:
    """Check that every record can be changed, and that the index can be brought into line."""
    for record in live(store):
        if isinstance(record, Task) and not record.is_finished:
            do(store, record.id, comment())
        elif not isinstance(record, Task) and record.status != "completed":
            do_campaign(store, record.id, campaigns.UpdateCampaign(by="ann", fields={"notes": "on"}))
    wanted: set[Entry] = set()
    for record in live(store):
        if isinstance(record, Task):
            store.tasks.resync(record.id, [entry for entry in store.ready.all() if f"~{record.id}~" in entry.name])
            wanted |= waiting(record)
    assert {entry for entry in store.ready.all() if entry in wanted} == wanted
