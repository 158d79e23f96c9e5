"""The commit protocol: one rename is the change; what a crash or an error leaves behind is finished by the next holder.

The process is ended at every single call that changes a file (:mod:`tests.store.faults`), for each shape of commit.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.builders import STOCKED, cancel, end_run, grant
from tests.store.faults import SHORT, Call, Died, Faults
from tests.store.homes import (
    FIX,
    TO_THE_END,
    check_agreement,
    comment,
    do,
    do_campaign,
    do_project,
    ids_on,
    leftovers,
    log_ids,
    open_home,
    small_campaign,
    small_project,
    small_task,
    stripe,
)

from baton.domain import campaign_commands
from baton.domain import commands as c
from baton.domain.errors import BatonError, DiskFull, PermissionRefused, StorageError
from baton.domain.readiness import waiting
from baton.domain.records import HISTORY_KEPT, HISTORY_LIMIT, Task
from baton.domain.statuses import Outcome
from baton.domain.tasks import decide
from baton.ports import Commit, Damage
from baton.store.home_store import HomeStore
from baton.store.marks import Mark, Marks

Act = Callable[[HomeStore], Any]
UNTIL_RENAME: tuple[Call, ...] = (
    ("open", "lock"),
    ("open", "mark"),
    ("write", "mark"),
    ("open", "temporary"),
    ("write", "temporary"),
    ("fsync", "temporary"),
    ("rename", "record"),
)
AFTER_RENAME: tuple[Call, ...] = (
    ("fsync", "folder"),
    ("open", "log lock"),
    ("open", "log"),
    ("write", "log"),
    ("open", "index"),
    ("unlink", "index"),
    ("rmdir", "index"),
    ("pwrite", "mark"),
)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """The hook, not watching yet."""
    return Faults(monkeypatch)


def made(root: Path, *steps: Any) -> Task:
    """A home with one task that has been through these commands."""
    return do(open_home(root), "t-1", small_task("t-1"), *steps)


def urgent(store: HomeStore) -> Task:
    """A commit that moves the task's place in line."""
    return do(store, "t-1", c.UpdateTask(by="ann", fields={"priority": "urgent"}))


def mark_of(root: Path, id: str = "t-1", kind: str = "task") -> Mark | None:
    return Marks(str(root / "state" / "locks"), kind).read(stripe(id, kind))


# -- the order of things ------------------------------------------------------------------------------------------


def test_a_commit_goes_through_its_stages_in_this_order(tmp_path: Path, faults: Faults) -> None:
    made(tmp_path)
    store = open_home(tmp_path)

    faults.watch(tmp_path)
    urgent(store)

    calls = [call for call in faults.calls if call[0] != "mkdir"]  # a bucket that is missing is made on the way
    assert sorted(set(calls), key=calls.index) == [*UNTIL_RENAME, *AFTER_RENAME]


def test_the_mark_tells_of_the_commit_from_before_the_rename_until_all_is_done(tmp_path: Path, faults: Faults) -> None:
    before = made(tmp_path, comment())
    store = open_home(tmp_path)
    position = store.log.position()
    told: dict[Call, Mark | None] = {}

    faults.watch(tmp_path)
    faults.before = lambda call: told.setdefault(call, mark_of(tmp_path))
    do(store, "t-1", comment(), comment())

    was = tuple(entry.path for entry in waiting(before))
    mark = Mark(id="t-1", version=4, since=2, position=position, was=was)
    assert told["write", "mark"] is None
    assert [told[call] for call in (("open", "temporary"), ("rename", "record"), ("pwrite", "mark"))] == [mark] * 3
    assert mark_of(tmp_path) is None


def test_the_mark_keeps_its_room_on_the_disk(tmp_path: Path) -> None:
    made(tmp_path)
    path = tmp_path / "state" / "locks" / f"{stripe('t-1')}.task"
    size = path.stat().st_size

    do(open_home(tmp_path), "t-1", comment())

    assert path.stat().st_size == size >= 1024


def test_a_mark_that_is_torn_counts_as_none(tmp_path: Path) -> None:
    made(tmp_path)
    path = tmp_path / "state" / "locks" / f"{stripe('t-1')}.task"
    for torn in (b"", b"{", b'{"id":"t-1","version":', b"\0" * 1024, b'{"id":1}' + b" " * 1016):
        path.write_bytes(torn)
        assert mark_of(tmp_path) is None
        do(open_home(tmp_path), "t-1", comment())
    check_agreement(tmp_path, open_home(tmp_path))


def test_the_log_is_synced_before_history_is_trimmed(tmp_path: Path, faults: Faults) -> None:
    made(tmp_path, *[comment()] * (HISTORY_LIMIT - 1))
    store = open_home(tmp_path)

    faults.watch(tmp_path)
    task = do(store, "t-1", comment())

    assert len(task.history) == HISTORY_KEPT
    assert faults.calls.index(("fdatasync", "log")) < faults.calls.index(("rename", "record"))
    assert check_agreement(tmp_path, store) == HISTORY_LIMIT + 1


def test_history_that_cannot_be_made_safe_is_not_trimmed(tmp_path: Path, faults: Faults) -> None:
    before = made(tmp_path, *[comment()] * (HISTORY_LIMIT - 1))
    store = open_home(tmp_path)

    faults.watch(tmp_path)
    faults.fail("fdatasync", "log", errno.EIO)
    with pytest.raises(StorageError):
        do(store, "t-1", comment())

    assert faults.fired == 1
    assert open_home(tmp_path).tasks.read("t-1") == before


def test_the_log_is_synced_before_a_record_leaves_for_the_archive(tmp_path: Path, faults: Faults) -> None:
    made(tmp_path, cancel())
    store = open_home(tmp_path)

    faults.watch(tmp_path)
    assert store.tasks.archive("t-1", lambda task: task.is_finished)

    moves = [call for call in faults.calls if call[1] != "lock"]
    assert moves == [("fdatasync", "log"), ("rename", "archived")]


def test_files_and_folders_of_the_state_are_private(tmp_path: Path) -> None:
    made(tmp_path)
    do(open_home(tmp_path), "t-2", small_task("t-2"), cancel(), archive=True)

    state = tmp_path / "state"
    modes = {path: path.stat().st_mode & 0o777 for path in (state, *state.rglob("*"))}
    assert {path: mode for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


# -- a crash at every call ----------------------------------------------------------------------------------------


def task_then(*before: Any) -> Act:
    """Arrange a task that has been through these commands."""
    return lambda store: do(store, "t-1", small_task("t-1"), *before)


def nothing_before(store: HomeStore) -> None:
    store.prepare()


def twice(task: Task) -> c.EndRun:
    return end_run(task, Outcome.INTERRUPTED)


COMMITS: dict[str, tuple[Act, Act]] = {
    "create": (nothing_before, lambda store: do(store, "t-1", small_task("t-1"))),
    "change": (task_then(), lambda store: do(store, "t-1", comment())),
    "move in line": (task_then(), urgent),
    "leave the line": (task_then(), lambda store: do(store, "t-1", grant)),
    "join the line": (task_then(grant), lambda store: do(store, "t-1", twice)),
    "two commands": (task_then(grant), lambda store: do(store, "t-1", twice, grant)),
    "trim history": (task_then(*[comment()] * (HISTORY_LIMIT - 1)), lambda store: do(store, "t-1", comment())),
    "archive": (task_then(), lambda store: do(store, "t-1", cancel(), archive=True)),
    "archive later": (task_then(cancel()), lambda store: store.tasks.archive("t-1", lambda task: True)),
    "come back": (
        lambda store: do(store, "t-1", small_task("t-1"), *TO_THE_END, archive=True),
        lambda store: do(store, "t-1", FIX),
    ),
    "change in the archive": (
        lambda store: do(store, "t-1", small_task("t-1"), *TO_THE_END, archive=True),
        lambda store: do(store, "t-1", c.ApproveTask(by="ann"), archive=True),
    ),
    "campaign": (
        lambda store: do_campaign(store, "t-1", small_campaign("t-1")),
        lambda store: do_campaign(store, "t-1", campaign_commands.ActivateCampaign()),
    ),
    "project": (
        lambda store: do_project(store, "t-1", small_project("t-1")),
        lambda store: do_project(store, "t-1", *STOCKED),
    ),
}


def heal(store: HomeStore) -> None:
    """Finish what was left, as the next holders of the two locks do."""
    store.tasks.heal("t-1")
    store.campaigns.heal("t-1")
    store.projects.heal("t-1")


def state_of(store: HomeStore) -> tuple[Any, ...]:
    others = (store.campaigns.read("t-1"), store.projects.read("t-1"))
    return store.tasks.read("t-1"), store.tasks.is_live("t-1"), others


def count_calls(root: Path, faults: Faults, act: Act) -> list[Call]:
    """The calls of one undisturbed act."""
    store = open_home(root)
    store.prepare()
    faults.watch(root)
    act(store)
    faults.rest()
    return faults.calls


@pytest.mark.parametrize("shape", COMMITS)
@pytest.mark.parametrize("halfway", [False, True], ids=["before", "halfway"])
def test_a_crash_at_any_call_leaves_the_old_or_the_new_and_no_event_lost_or_doubled(
    tmp_path: Path, faults: Faults, shape: str, halfway: bool
) -> None:
    arrange, act = COMMITS[shape]
    arrange(open_home(tmp_path / "clean"))
    old = state_of(open_home(tmp_path / "clean"))
    calls = count_calls(tmp_path / "clean", faults, act)
    new = state_of(open_home(tmp_path / "clean"))

    for number, call in enumerate(calls):
        if halfway and call[0] not in ("write", "pwrite"):
            continue
        root = tmp_path / str(number)
        arrange(open_home(root))
        store = open_home(root)
        store.prepare()
        faults.watch(root)
        faults.die_at(number, halfway=halfway)
        with pytest.raises(Died):
            act(store)
        assert (faults.fired, faults.calls[number]) == (1, call)
        faults.rest()

        for _ in range(2):
            heal(open_home(root))
            check_agreement(root, open_home(root))
        seen = open_home(root).tasks
        assert not set(seen.ids()) & set(seen.ids(archived=True)), "live and archived at once"
        record, is_live, campaign = state_of(open_home(root))
        assert (record, campaign) in ((old[0], old[2]), (new[0], new[2]))
        if ("rename", "record") in calls:
            is_done = number > calls.index(("rename", "record"))
            assert (record, campaign) == ((new[0], new[2]) if is_done else (old[0], old[2]))
        assert is_live in (old[1], new[1]) or shape == "change in the archive"
        if record is not None and not record.is_finished:
            do(open_home(root), "t-1", comment("goes on"))
            check_agreement(root, open_home(root))


@pytest.mark.parametrize("shape", ["create", "move in line", "two commands", "archive", "come back"])
def test_a_crash_while_a_crash_is_healed_is_healed_as_well(tmp_path: Path, faults: Faults, shape: str) -> None:
    arrange, act = COMMITS[shape]

    def crashed(root: Path, at: int) -> None:
        """A home whose writer died when its record had just been renamed."""
        arrange(open_home(root))
        store = open_home(root)
        store.prepare()
        faults.watch(root)
        faults.die_at(at)
        with pytest.raises(Died):
            act(store)
        faults.rest()

    arrange(open_home(tmp_path / "clean"))
    at = count_calls(tmp_path / "clean", faults, act).index(("rename", "record")) + 1
    crashed(tmp_path / "healed", at)
    calls = count_calls(tmp_path / "healed", faults, heal)
    assert ("write", "log") in calls

    for number in range(len(calls)):
        root = tmp_path / str(number)
        crashed(root, at)
        store = open_home(root)
        store.prepare()
        faults.watch(root)
        faults.die_at(number, halfway=True)
        with pytest.raises(Died):
            heal(store)
        assert faults.fired == 1
        faults.rest()

        heal(open_home(root))
        check_agreement(root, open_home(root))


def crash_after(faults: Faults, root: Path, act: Act, call: Call) -> None:
    """End the process that acts just after its first call of this kind."""
    store = open_home(root)
    store.prepare()

    def look(now: Call) -> None:
        if call in faults.calls:
            faults.die_at(len(faults.calls))

    faults.watch(root)
    faults.before = look
    with pytest.raises(Died):
        act(store)
    assert faults.fired == 1
    faults.rest()


def test_what_was_left_of_a_task_does_not_disturb_a_campaign_behind_the_same_lock(
    tmp_path: Path, faults: Faults
) -> None:
    made(tmp_path)
    campaign = ids_on(stripe("t-1"), 1, kind="campaign", prefix="c")[0]
    crash_after(faults, tmp_path, urgent, ("rename", "record"))
    left = mark_of(tmp_path)
    assert left is not None

    do_campaign(open_home(tmp_path), campaign, small_campaign(campaign))

    assert mark_of(tmp_path) == left
    assert log_ids(tmp_path) == ["task/t-1:1:0", f"campaign/{campaign}:1:0"]
    do(open_home(tmp_path), "t-1", comment())
    assert log_ids(tmp_path)[2:] == ["task/t-1:2:0", "task/t-1:3:0"]
    check_agreement(tmp_path, open_home(tmp_path))


def test_what_was_left_of_one_task_is_finished_by_whoever_next_holds_the_lock(tmp_path: Path, faults: Faults) -> None:
    made(tmp_path)
    other = ids_on(stripe("t-1"), 1, prefix="other")[0]
    crash_after(faults, tmp_path, urgent, ("rename", "record"))

    do(open_home(tmp_path), other, small_task(other))

    assert log_ids(tmp_path) == ["task/t-1:1:0", "task/t-1:2:0", f"task/{other}:1:0"]
    check_agreement(tmp_path, open_home(tmp_path))


def test_looking_for_a_record_that_is_not_there_finishes_what_was_left_behind_its_lock(
    tmp_path: Path, faults: Faults
) -> None:
    made(tmp_path)
    crash_after(faults, tmp_path, urgent, ("rename", "record"))

    assert open_home(tmp_path).tasks.read(ids_on(stripe("t-1"), 1, prefix="other")[0]) is None

    assert log_ids(tmp_path) == ["task/t-1:1:0", "task/t-1:2:0"]


def test_mend_finishes_everything_that_was_left(tmp_path: Path, faults: Faults) -> None:
    made(tmp_path)
    do_campaign(open_home(tmp_path), "spring", small_campaign("spring"))
    crash_after(faults, tmp_path, urgent, ("rename", "record"))
    activate = campaign_commands.ActivateCampaign()
    crash_after(faults, tmp_path, lambda store: do_campaign(store, "spring", activate), ("rename", "record"))

    assert open_home(tmp_path).mend() == 2
    check_agreement(tmp_path, open_home(tmp_path))
    assert open_home(tmp_path).mend() == 0


def test_a_temporary_file_that_a_crash_left_is_no_record_and_in_nobodys_way(tmp_path: Path, faults: Faults) -> None:
    made(tmp_path)
    crash_after(faults, tmp_path, urgent, ("fsync", "temporary"))
    assert len(leftovers(tmp_path)) == 1

    store = open_home(tmp_path)
    assert list(store.tasks.ids()) == ["t-1"]
    assert [task.version for task in store.tasks.live() if isinstance(task, Task)] == [1]
    do(store, "t-1", comment())
    assert leftovers(tmp_path) == []
    check_agreement(tmp_path, store)


# -- errors before the rename -------------------------------------------------------------------------------------


BEFORE = [
    (call, error)
    for call in UNTIL_RENAME
    for error in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, SHORT)
    # Only what is written can be written in part; a lock that cannot be made is opened, if it is there.
    if (error != SHORT or call[0] == "write") and (error, call[1]) != (errno.EACCES, "lock")
]
BEHIND = [
    (call, error)
    for call in AFTER_RENAME
    for error in (errno.ENOSPC, errno.EIO, SHORT)
    # An empty folder that stays does no harm; that of the records has a test of its own.
    if (error != SHORT or call[0] == "write") and call not in (("rmdir", "index"), ("fsync", "folder"))
]


def fault_name(value: Any) -> str:
    """How a fault is called in a test's name."""
    if isinstance(value, int):
        return "SHORT" if value == SHORT else errno.errorcode[value]
    return " ".join(value)


@pytest.mark.parametrize(("call", "error"), BEFORE, ids=fault_name)
def test_an_error_before_the_rename_is_said_and_leaves_the_old_record_and_nothing_else(
    tmp_path: Path, faults: Faults, call: Call, error: int
) -> None:
    before = made(tmp_path)
    store = open_home(tmp_path)
    store.prepare()
    told = {errno.EIO: StorageError, errno.EACCES: PermissionRefused}.get(error, DiskFull)

    faults.watch(tmp_path)
    faults.fail(*call, error)
    with pytest.raises(BatonError) as raised:
        urgent(store)
    assert (faults.fired, type(raised.value)) == (1, told)
    faults.rest()

    assert leftovers(tmp_path) == []
    for again in (open_home(tmp_path), store):
        again.locks.timeout_seconds = 0.2
        assert again.tasks.read("t-1") == before
        again.tasks.heal("t-1")
    assert check_agreement(tmp_path, store) == 1
    urgent(store)
    assert check_agreement(tmp_path, store) == 2


@pytest.mark.parametrize("call", [("mkdir", "folder"), ("open", "temporary"), ("open", "log lock")], ids="-".join)
def test_a_first_change_that_found_no_room_prepares_the_home_when_it_is_tried_again(
    tmp_path: Path, faults: Faults, call: Call
) -> None:
    store = open_home(tmp_path)

    faults.watch(tmp_path)
    faults.fail(*call, errno.ENOSPC)
    with pytest.raises(DiskFull):
        do(store, "t-1", small_task("t-1"))
    assert faults.fired == 1
    faults.rest()

    do(store, "t-1", small_task("t-1"))
    assert (tmp_path / "state" / "locks" / "boot").read_bytes() == b"b1"
    assert check_agreement(tmp_path, store) == 1


@pytest.mark.parametrize("what", ["a file", "a link that leads nowhere"])
def test_what_stands_in_the_place_of_a_folder_is_said(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "state" / "tasks"
    folder.parent.mkdir()
    if what == "a file":
        folder.write_text("not a folder")
    else:
        folder.symlink_to(tmp_path / "nowhere")

    with pytest.raises(StorageError, match="state/tasks"):
        do(open_home(tmp_path), "t-1", small_task("t-1"))


def test_a_folder_may_be_a_link_to_another(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "tasks").symlink_to(tmp_path / "elsewhere")

    do(open_home(tmp_path), "t-1", small_task("t-1"))

    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["t-1.json"]


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES])
def test_a_record_that_cannot_be_read_now_is_said_and_not_taken_for_damaged(
    tmp_path: Path, faults: Faults, error: int
) -> None:
    before = made(tmp_path)
    store = open_home(tmp_path)
    acts: tuple[Act, ...] = (
        lambda store: store.tasks.read("t-1"),
        lambda store: do(store, "t-1", comment()),
        lambda store: store.tasks.archive("t-1", lambda task: True),
        lambda store: store.tasks.set_aside("t-1", "unreadable"),
        lambda store: store.tasks.resync("t-1"),
    )
    for act in acts:
        faults.watch(tmp_path)
        faults.fail("read", "record", error)
        with pytest.raises(StorageError):
            act(store)
        assert faults.fired == 1
        faults.rest()

    assert open_home(tmp_path).tasks.read("t-1") == before


# -- errors after the rename --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "error"), BEHIND, ids=fault_name)
def test_an_error_after_the_rename_is_a_warning_and_the_next_change_mends_it(
    tmp_path: Path, faults: Faults, call: Call, error: int
) -> None:
    made(tmp_path)
    warnings: list[str] = []
    store = open_home(tmp_path, warn=warnings.append)
    store.prepare()

    faults.watch(tmp_path)
    faults.fail(*call, error)
    changed = urgent(store)
    assert (faults.fired, len(warnings)) == (1, 1)
    faults.rest()

    assert "t-1" in warnings[0]
    assert open_home(tmp_path).tasks.read("t-1") == changed
    do(open_home(tmp_path), "t-1", comment())
    assert check_agreement(tmp_path, store) == 3


def test_a_log_held_by_somebody_else_is_a_warning_too(tmp_path: Path) -> None:
    made(tmp_path)
    warnings: list[str] = []
    store = open_home(tmp_path, warn=warnings.append)
    store.prepare()
    store.locks.timeout_seconds = 0.05

    with open_home(tmp_path).locks.hold("log.lock"):
        changed = urgent(store)

    assert len(warnings) == 1
    assert open_home(tmp_path).tasks.read("t-1") == changed
    store.tasks.heal("t-1")
    assert check_agreement(tmp_path, store) == 2


@pytest.mark.parametrize("call", [("fdatasync", "log"), ("rename", "archived")], ids="-".join)
def test_a_finished_record_that_could_not_be_moved_is_moved_when_it_is_tried_again(
    tmp_path: Path, faults: Faults, call: Call
) -> None:
    made(tmp_path)
    warnings: list[str] = []
    store = open_home(tmp_path, warn=warnings.append)

    faults.watch(tmp_path)
    faults.fail(*call, errno.EIO)
    cancelled = do(store, "t-1", cancel(), archive=True)
    assert (faults.fired, len(warnings)) == (1, 1)
    faults.rest()

    open_home(tmp_path).tasks.archive("t-1", lambda task: task.is_finished)
    assert list(store.tasks.ids(archived=True)) == ["t-1"]
    assert store.tasks.read("t-1") == cancelled
    assert check_agreement(tmp_path, store) == 2


def test_a_folder_that_cannot_be_synced_is_an_error_and_its_event_is_told_once(tmp_path: Path, faults: Faults) -> None:
    """The new name stands, but power loss may still take it: the caller must not hear that it is safe."""
    made(tmp_path)
    store = open_home(tmp_path)

    faults.watch(tmp_path)
    faults.fail("fsync", "folder", errno.EIO)
    with pytest.raises(StorageError):
        urgent(store)
    assert faults.fired == 1
    faults.rest()

    assert leftovers(tmp_path) == []
    store.locks.timeout_seconds = 0.2
    seen = open_home(tmp_path)
    assert seen.tasks.read("t-1") is not None
    do(seen, "t-1", comment())
    assert check_agreement(tmp_path, store) == 3


def test_a_failing_index_function_changes_nothing(tmp_path: Path) -> None:
    before = made(tmp_path)
    store = open_home(tmp_path)

    def change(task: Task | None, now: str) -> Commit:
        changed, events = decide(task, comment(), now)
        return Commit(structs.replace(changed, priority="soon"), events)

    with pytest.raises(ValueError, match="priority"):
        store.tasks.update("t-1", change)

    assert open_home(tmp_path).tasks.read("t-1") == before
    assert check_agreement(tmp_path, store) == 1


def test_a_record_that_the_disk_does_not_give_is_named_left_and_the_rest_goes_on(
    tmp_path: Path, faults: Faults
) -> None:
    store = open_home(tmp_path)
    for id in ("t-1", "t-2"):
        do(store, id, small_task(id))
    faults.watch(tmp_path)
    faults.fail("read", "record", errno.EIO)

    found = {record.id: record for record in store.tasks.live()}

    assert faults.fired == 1
    lost = [record for record in found.values() if isinstance(record, Damage)]
    assert [(one.state, one.is_damaged, "Input/output error" in one.reason) for one in lost] == [
        ("unreadable", False, True)
    ]
    assert len(found) == 2
