"""One commit of each kind: how its home is arranged, and what a program does in it, telling of what is acknowledged.

``python -m tests.faults.commits KIND HOME`` is that program. Before the commit it makes a small one, unsynced but for
what was promised, so that there is something older to lose, too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.builders import STOCKED, cancel, end_run, grant
from tests.cli.homes import Home, call
from tests.store.homes import (
    FIX,
    TO_THE_END,
    FakeClock,
    comment,
    do,
    do_campaign,
    do_project,
    open_home,
    small_campaign,
    small_project,
    small_task,
)

from baton.domain import campaigns
from baton.domain import commands as c
from baton.domain.delivery import Delivery
from baton.domain.records import HISTORY_LIMIT
from baton.domain.statuses import Outcome
from baton.domain.times import later
from baton.engine.creation import create_task
from baton.engine.door import Door
from baton.store.deliveries import DeliveryFiles
from baton.store.home_store import HomeStore

Act = Callable[[HomeStore], Any]


class Kind(NamedTuple):
    """A kind of commit: ``arrange`` happens before, and is safe."""

    act: Act
    arrange: Act = lambda store: None
    small_first: bool = True


class Config:
    """No settings are needed to make a task."""

    def settings(self) -> Any:
        raise AssertionError

    def is_stopped(self) -> bool:
        return True

    def credential(self, name: str) -> str | None:
        return None


def finish(store: HomeStore) -> Any:
    """End a task for good; it is archived in the same commit."""
    return do(store, "t-1", cancel(), archive=True)


def make_waiting(store: HomeStore) -> Any:
    """Make a task that waits for another."""
    door = Door(store, Config(), lambda task: None)
    return create_task(door, small_task("t-2", depends_on=("t-1",)), "ann")


def trim(store: HomeStore) -> Any:
    """Fill a record's history, and have its oldest events leave it."""
    do(store, "t-1", small_task("t-1"), *[comment()] * (HISTORY_LIMIT - 1))
    return do(store, "t-1", comment())


def move_cursor(store: HomeStore) -> None:
    """Read the news, and keep the place up to which they are read. A refusal is in no record: nobody gives it back."""
    store.log.note("command_refused", {"reason": "somebody else holds it"})
    _, cursor = store.log.read_from(("", 0))
    DeliveryFiles(store.home.in_state("channels"), store.home.in_state("tmp")).write("post", Delivery(cursor=cursor))


def set_cursor(store: HomeStore) -> None:
    """Begin to read: keep the place where the log ends now."""
    store.log.note("command_refused", {"reason": "somebody else holds it"})
    _, cursor = store.log.read_from(None)
    DeliveryFiles(store.home.in_state("channels"), store.home.in_state("tmp")).write("post", Delivery(cursor=cursor))


def next_day(store: HomeStore) -> Any:
    """Write the first event of a day, and one more."""
    tomorrow = open_home(store.home.root, FakeClock(at=later(FakeClock().at, 86_400)))
    do(tomorrow, "t-1", comment())
    return do(tomorrow, "t-1", comment())


def move_cursor_to_new_day(store: HomeStore) -> None:
    """Keep a place in a file of the log that has just begun."""
    next_day(store)
    move_cursor(open_home(store.home.root, FakeClock(at=later(FakeClock().at, 86_400))))


def spoil(store: HomeStore) -> None:
    """Make a task whose record is none any more."""
    do(store, "t-2", small_task("t-2"))
    Path(store.home.in_state("tasks", "t-2.json")).write_text("{")


def archived_beside(store: HomeStore) -> None:
    """Make two tasks, one of them completed and archived; and the wreck that it may become."""
    make(store)
    do(store, "t-2", small_task("t-2"), *TO_THE_END, archive=True)
    Path(store.home.in_state("wreck")).write_text("{")


def return_and_break(store: HomeStore) -> Any:
    """Bring a task back from the archive; its record is none any more, and is set aside."""
    do(store, "t-2", FIX)
    os.rename(store.home.in_state("wreck"), store.home.in_state("tasks", "t-2.json"))
    return store.tasks.set_aside("t-2", "")


def in_next_boot(store: HomeStore) -> Any:
    """Change something for the first time in a boot; the log has lost its end in the last one."""
    return do(open_home(store.home.root, FakeClock(boot="b1.5")), "t-1", comment())


def lose_log(store: HomeStore) -> None:
    """Take the end of the log away."""
    make(store)
    (log,) = Path(store.home.in_state("events")).iterdir()
    log.write_bytes(log.read_bytes()[:100])


def make(store: HomeStore) -> None:
    """Make the task that the others are about."""
    do(store, "t-1", small_task("t-1"))


def at_last_step(store: HomeStore) -> None:
    """Make a task at whose last step a run is at work."""
    do(store, "t-1", small_task("t-1"), grant, lambda task: end_run(task, Outcome.COMPLETED), grant)


def say(*words: str) -> Act:
    """Give a command to a script of Baton, on this home."""

    def act(store: HomeStore) -> None:
        root = Path(store.home.root)
        environ = {"PATH": os.environ["PATH"], "BATON_HOME": str(root), "HOME": "/", "USER": "ann"}
        done = call(*(word.format(root=root) for word in words), environ=environ)
        assert done.code == 0, done

    return act


def at_home(*acts: Callable[[Home], Any]) -> Act:
    """Arrange a home as a person would."""

    def arrange(store: HomeStore) -> None:
        home = Home(Path(store.home.root))
        home.settings("harness: {default: script}\nnotify: {channels: []}\n")
        for act in acts:
            act(home)

    return arrange


def with_files(home: Home) -> None:
    """Put the files into the home that some of the scripts read."""
    pipeline = {"name": "My line", "main_steps": [{"agent": "alpha", "output_dir": "research"}]}
    (home.root / "notes.md").write_text("Rye needs time.\n")
    (home.root / "other.json").write_text(json.dumps(pipeline | {"slug": "other"}))
    (home.root / "config/pipelines/my-line.yaml").write_text(json.dumps(pipeline | {"slug": "my-line"}))
    campaign = {"slug": "autumn", "project": "acme", "name": "Autumn", "pipeline": "my-line"}
    (home.root / "autumn.json").write_text(json.dumps(campaign | {"sources": ["notes.md"], "target_article_count": 1}))


def almost_done(home: Home) -> None:
    """Bring a campaign to where only the completion of its last step is missing."""
    with_files(home)
    home.ok("campaign", "create", str(home.root / "autumn.json"))
    home.ok("activate_campaign", "autumn", "--no-dispatch")
    home.acquire("autumn-001", "alpha")


def write_and_complete(store: HomeStore) -> None:
    """Write what the step should leave, as an agent does, and complete it."""
    folder = Path(store.home.root) / "projects/acme/campaigns/autumn/research"
    folder.mkdir()
    (folder / "autumn-001.md").write_text("what the step left\n")
    say("complete_step", "autumn-001", "--agent", "alpha", "--output", "research/autumn-001.md")(store)


def write_folder_and_complete(store: HomeStore) -> None:
    """Write a folder, and name it as what the step left."""
    folder = Path(store.home.root) / "projects/acme/campaigns/autumn/pictures/large"
    folder.mkdir(parents=True)
    (folder / "1.txt").write_text("a picture\n")
    say("complete_step", "autumn-001", "--agent", "alpha", "--output", "pictures")(store)


KINDS: dict[str, Kind] = {
    "the first of a home": Kind(make, small_first=False),
    "a change": Kind(lambda store: do(store, "t-1", grant), make),
    "an end and a grant": Kind(
        lambda store: do(store, "t-1", lambda task: end_run(task, Outcome.COMPLETED), grant),
        lambda store: do(store, "t-1", small_task("t-1"), grant),
    ),
    "a completion": Kind(lambda store: do(store, "t-1", lambda task: end_run(task, Outcome.COMPLETED), archive=True),
                         at_last_step),
    "a cancellation": Kind(finish, make),
    "a change that trims history": Kind(trim, HomeStore.prepare, small_first=False),
    "a campaign": Kind(lambda store: do_campaign(store, "spring", small_campaign("spring")), make),
    "an activation": Kind(
        lambda store: do_campaign(store, "spring", campaigns.ActivateCampaign()),
        lambda store: (make(store), do_campaign(store, "spring", small_campaign("spring"))),
    ),
    "a project": Kind(lambda store: do_project(store, "acme", small_project("acme")), make),
    "a product and its focus group": Kind(
        lambda store: do_project(store, "acme", *STOCKED),
        lambda store: (make(store), do_project(store, "acme", small_project("acme"))),
    ),
    "a task that waits": Kind(make_waiting, make),
    "a move to the archive": Kind(
        lambda store: store.tasks.archive("t-2", lambda task: task.is_finished),
        lambda store: (make(store), do(store, "t-2", small_task("t-2"), cancel())),
    ),
    "a return from the archive": Kind(lambda store: do(store, "t-2", FIX), archived_beside),
    "a change in the archive": Kind(
        lambda store: do(store, "t-2", c.ApproveTask(by="ann"), archive=True), archived_beside
    ),
    "a damaged record that had returned": Kind(return_and_break, archived_beside, small_first=False),
    "a damaged record": Kind(
        lambda store: store.tasks.set_aside("t-2", ""), lambda store: (make(store), spoil(store))
    ),
    "a new day": Kind(next_day, make),
    "a reader's cursor": Kind(move_cursor, make),
    "a new reader's cursor": Kind(set_cursor, make),
    "a reader's cursor on a new day": Kind(move_cursor_to_new_day, make),
    "the first of a boot": Kind(in_next_boot, lose_log, small_first=False),
    "init_home": Kind(say("init_home", "{root}/inner"), small_first=False),
    "pipeline create": Kind(say("pipeline", "create", "{root}/other.json"), at_home(with_files), small_first=False),
    "campaign create": Kind(say("campaign", "create", "{root}/autumn.json"), at_home(with_files), small_first=False),
    "complete_step of a campaign's last": Kind(write_and_complete, at_home(almost_done), small_first=False),
    "complete_step with a folder": Kind(write_folder_and_complete, at_home(almost_done), small_first=False),
}  # fmt: skip


def versions(store: HomeStore) -> dict[str, int]:
    """The versions of all records that can be read."""
    found = {}
    for records in (store.tasks, store.campaigns, store.projects):
        for archived in (False, True):
            for id in records.ids(archived=archived):
                if not store.tasks.is_set_aside(id):
                    try:
                        record: Any = records.read(id)
                    except Exception:  # noqa: BLE001 - the damaged one; it is somebody else's business
                        continue
                    found[f"{records.kind}/{id}"] = record.version
    return found


def main(kind: str, root: str) -> None:
    """Do it, and tell after each commit which versions are acknowledged by then."""
    chosen = KINDS[kind]
    store = open_home(root)
    if chosen.small_first:
        do(store, "t-1", comment())
        os.write(1, json.dumps(versions(store)).encode())
    chosen.act(store)
    os.write(1, json.dumps(versions(store)).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
