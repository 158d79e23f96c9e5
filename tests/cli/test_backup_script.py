"""``backup.py``: what is in a backup, what moves while it is made, and what is never restored."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pty
import stat
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import SCRIPTS, Home, base_environ, call, tree, wait_for

from baton.store import archives, backups
from baton.store.files import read_bytes

PASSING = ("state/cache/", "state/locks/", "state/slots/", "crontab.example", "state/ready/", "state/stop")


def backup_of(home: Home, name: str = "b.tar.gz", *words: str) -> Path:
    path = home.root.parent / name
    home.ok("backup", "create", str(path), *words)
    return path


def restore(home: Home, archive: Path, name: str = "restored") -> Home:
    root = home.root.parent / name
    done = call("backup", "restore", str(archive), str(root), "--json", environ=base_environ())
    assert done.code == 0, done
    found = Home.__new__(Home)
    found.root, found.state, found.environ = root, root / "state", base_environ(root)
    return found


def refused(home: Home, archive: Path, name: str = "restored") -> tuple[int, str]:
    """Restore what must be refused, whatever looks at it; nothing of it may be left."""
    before = sorted(os.listdir(home.root.parent))
    done = call("backup", "restore", str(archive), str(home.root.parent / name), "--json", environ=base_environ())
    checked = call("backup", "check", str(archive), "--json", environ=base_environ())
    assert checked.refusal == done.refusal, (checked, done)
    assert sorted(os.listdir(home.root.parent)) == before
    return done.refusal


def members(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


# -- there and back -----------------------------------------------------------------------------------------------


def test_a_home_comes_back_as_it_was_and_is_stopped(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    home.complete("spring-001", "alpha")
    home.make_task()
    home.ok("task", "cancel", "t-1")
    home.ok("memory", "note", "hello", "--agent", "alpha")
    home.ok("check_pipeline")
    (home.root / "projects/acme/campaigns/spring/research/ä ö.md").parent.mkdir()
    (home.root / "projects/acme/campaigns/spring/research/ä ö.md").write_text("text")
    home.wake()

    found = restore(home, backup_of(home))

    assert tree(found.root, passing=PASSING) == tree(home.root, passing=PASSING)
    assert (found.state / "stop").exists()
    assert str(found.root) in (found.root / "crontab.example").read_text()
    assert found.events() == home.events()


def test_files_keep_their_modes_and_times_and_state_stays_private(home: Home) -> None:
    program = home.root / "skills/alpha/run.sh"
    os.utime(program, (1_600_000_000, 1_600_000_000))
    home.make_task()
    (home.state / "tasks/t-1.json").chmod(0o666)
    (home.root / "projects/mine.txt").write_text("x")
    (home.root / "projects/mine.txt").chmod(0o4777)
    found = restore(home, backup_of(home))
    restored = (found.root / "skills/alpha/run.sh").stat()
    assert (stat.S_IMODE(restored.st_mode), restored.st_mtime) == (0o755, 1_600_000_000)
    assert stat.S_IMODE((found.state / "tasks/t-1.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((found.root / "projects/mine.txt").stat().st_mode) == 0o755


def test_secrets_go_with_it_only_when_asked_for(home: Home) -> None:
    (home.root / ".env").write_text("A_KEY=secret\n")
    (home.root / ".env").chmod(0o600)
    (home.state / "serve.token").write_text("a-token\n")
    plain, whole = backup_of(home), backup_of(home, "c.tar.gz", "--with-secrets")
    for name in (".env", "state/serve.token"):
        assert (name in members(plain), name in members(whole)) == (False, True)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (plain, whole)] == [0o600, 0o600]
    env = restore(home, whole).root / ".env"
    assert (env.read_text(), stat.S_IMODE(env.stat().st_mode)) == ("A_KEY=secret\n", 0o600)


def test_logs_can_be_left_out(home: Home) -> None:
    (home.root / "logs/alpha").mkdir()
    (home.root / "logs/alpha/r-1.out").write_text("printed")
    assert "logs/alpha/r-1.out" in members(backup_of(home))
    assert not any(name.startswith("logs") for name in members(backup_of(home, "c.tar.gz", "--without-logs")))


def test_what_cannot_go_with_it_is_named(home: Home) -> None:
    place = home.root / "projects"
    (place / "out").symlink_to("/etc")
    (place / "in").symlink_to(home.root / "config")
    os.mkfifo(place / "pipe")
    (home.root / "notes.txt").write_text("mine")
    done = home.ok("backup", "create", str(home.root.parent / "b.tar.gz"), "--json").json
    assert done["left_out"] == [
        "projects/out: a link that leads out of the home", "projects/pipe: a pipe, a socket or a device", "notes.txt",
    ]  # fmt: skip
    assert os.readlink(restore(home, Path(done["backup"])).root / "projects/in") == "../config"


def test_a_backup_that_lies_in_the_home_does_not_hold_itself(home: Home) -> None:
    home.ok("backup", "create", str(home.root / "projects/b.tar.gz"))
    assert not any("b.tar.gz" in name for name in members(home.root / "projects/b.tar.gz"))


def test_a_name_that_is_not_utf8_goes_there_and_back(home: Home) -> None:
    name = os.fsdecode(b"caf\xe9.md")
    (home.root / "projects" / name).write_text("x")
    assert (restore(home, backup_of(home)).root / "projects" / name).read_text() == "x"


# -- what moves meanwhile -----------------------------------------------------------------------------------------


class Meanwhile:
    """Does something the first time that a file is read for a backup."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, deed: Callable[[], object]) -> None:
        self._name, self._deed, self.happened = name, deed, 0
        monkeypatch.setattr(backups, "read_bytes", self)

    def __call__(self, path: str) -> bytes | None:
        if path.endswith(self._name) and not self.happened:
            self.happened += 1
            self._deed()
        return read_bytes(path)


def agrees(home: Home) -> dict[str, Any]:
    """Each event once, in order, without a gap, up to each record's version; return the records of the tasks."""
    home.ok("check_pipeline")
    records = {path.stem: json.loads(path.read_text()) for path in home.state.glob("**/tasks/*.json")}
    told: dict[str, list[tuple[int, ...]]] = {}
    for event in home.events():
        if event["id"].startswith("task/"):
            name, *place = event["id"].removeprefix("task/").split(":")
            told.setdefault(name, []).append(tuple(map(int, place)))
    assert set(told) == set(records)
    for name, places in told.items():
        assert places == sorted(set(places)), name
        assert {version for version, _ in places} == set(range(1, records[name]["version"] + 1)), name
    return records


def test_a_task_that_moves_to_the_archive_meanwhile_is_there_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.make_task()
    moving = Meanwhile(monkeypatch, "tasks/t-1.json", lambda: home.ok("task", "cancel", "t-1"))
    archive = backup_of(home)
    assert moving.happened == 1
    assert [name for name in members(archive) if "t-1" in name] == ["state/archive/tasks/t-1.json"]
    assert agrees(restore(home, archive))["t-1"]["status"] == "cancelled"


def test_a_task_that_comes_back_from_the_archive_meanwhile_is_there_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.make_task(agents=["alpha"])
    home.complete("t-1", "alpha")
    moving = Meanwhile(
        monkeypatch, "state/tasks/t-1.json", lambda: home.ok("review", "t-1", "fix", "alpha", "--notes", "shorter")
    )
    archive = backup_of(home)
    assert moving.happened == 1
    assert [name for name in members(archive) if "t-1.json" in name] == ["state/tasks/t-1.json"]
    assert agrees(restore(home, archive))["t-1"]["status"] == "revision_needed"


def test_what_happens_to_a_task_after_it_was_copied_is_not_in_the_copied_log(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.make_task("a-1")
    home.make_task("b-1")

    def later() -> None:
        home.ok("task", "block", "a-1", "--reason", "later")
        home.make_task("a-0")

    moving = Meanwhile(monkeypatch, "tasks/b-1.json", later)
    found = restore(home, backup_of(home))
    assert moving.happened == 1
    # Made before the second look, it is there; what was copied at the first look is of the first look.
    records = agrees(found)
    assert (sorted(records), records["a-1"]["status"]) == (["a-0", "a-1", "b-1"], "backlog")
    assert "task_blocked" not in [event["type"] for event in found.events()]


def test_a_campaign_that_is_activated_meanwhile_has_all_its_tasks(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.make_campaign("autumn")
    home.make_task()

    def later() -> None:
        home.ok("activate_campaign", "autumn")
        home.make_campaign("spring")
        home.ok("activate_campaign", "spring")

    moving = Meanwhile(monkeypatch, "tasks/t-1.json", later)
    found = restore(home, backup_of(home))
    assert moving.happened == 1
    assert found.campaign("spring")["status"] == "active"
    assert set(found.campaign("spring")["planned"]) <= set(agrees(found))


def test_an_event_that_a_killed_writer_left_out_is_given_back(home: Home) -> None:
    home.make_task()
    [log] = (home.state / "events").iterdir()
    before = log.read_bytes()
    home.ok("task", "label", "t-1", "seo")
    log.write_bytes(before)
    assert agrees(restore(home, backup_of(home)))["t-1"]["version"] == 2


def test_a_hand_lease_goes_on_in_the_restored_home(home: Home) -> None:
    home.make_task()
    home.acquire()
    found = restore(home, backup_of(home))
    found.ok("check_pipeline")
    assert found.ok("complete_step", "t-1", "--agent", "alpha").json["completed"]


def test_a_damaged_record_is_copied_as_it_is(home: Home) -> None:
    home.make_task()
    (home.state / "tasks/t-1.json").write_text("{half")
    found = restore(home, backup_of(home))
    assert found.ok("check_pipeline").json["quarantined"] == 1


# -- what is refused ----------------------------------------------------------------------------------------------


def test_an_archive_that_is_there_is_not_written_over(home: Home) -> None:
    path = Path(home.file("b.tar.gz", "mine"))
    assert home.call("backup", "create", str(path), "--json").refusal == (1, "already_exists")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("call_", ["fsync", "link"])
def test_a_failing_disk_leaves_no_archive(home: Home, monkeypatch: pytest.MonkeyPatch, call_: str) -> None:
    fired = []

    def fail(*_: object) -> None:
        fired.append(call_)
        raise OSError(28, "No space left on device")

    before = sorted(os.listdir(home.root.parent))
    with monkeypatch.context() as broken:
        broken.setattr(f"baton.store.archives.os.{call_}", fail)
        done = home.call("backup", "create", str(home.root.parent / "b.tar.gz"), "--json")
    assert (done.refusal, fired) == ((1, "disk_full"), [call_])
    assert sorted(os.listdir(home.root.parent)) == before


def test_a_failing_disk_leaves_no_half_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.make_task()
    archive = backup_of(home)
    fired = []

    def fail(*_: object) -> None:
        fired.append(1)
        raise OSError(28, "No space left on device")

    before = sorted(os.listdir(home.root.parent))
    with monkeypatch.context() as broken:
        broken.setattr("baton.store.restoring.os.utime", fail)
        done = call("backup", "restore", str(archive), str(home.root.parent / "r"), "--json", environ=base_environ())
    assert (done.refusal, fired) == ((1, "disk_full"), [1])
    assert sorted(os.listdir(home.root.parent)) == before


def test_a_folder_with_anything_in_it_is_not_restored_into(home: Home) -> None:
    archive = backup_of(home)
    before = tree(home.root)
    done = call("backup", "restore", str(archive), str(home.root), "--json", environ=base_environ())
    assert (done.refusal, tree(home.root)) == ((1, "already_exists"), before)


def test_an_empty_folder_is_restored_into(home: Home) -> None:
    home.make_task()
    (home.root.parent / "restored").mkdir()
    assert restore(home, backup_of(home)).record()["id"] == "t-1"


def test_an_archive_cut_anywhere_is_refused(home: Home) -> None:
    home.make_task()
    data = backup_of(home).read_bytes()
    for length in [0, 1, 10, 20, *range(30, len(data), max(1, len(data) // 15)), len(data) - 8, len(data) - 1]:
        cut = Path(home.file("cut.tar.gz", data[:length]))
        assert refused(home, cut) == (1, "invalid_input"), length


def test_an_archive_damaged_anywhere_is_refused(home: Home) -> None:
    home.make_task()
    data = backup_of(home).read_bytes()
    for place in range(12, len(data), max(1, len(data) // 40)):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with contextlib.suppress(Exception):
            if gzip.decompress(bytes(damaged)) == gzip.decompress(data):
                continue  # a bit that says nothing
        code = refused(home, Path(home.file("damaged.tar.gz", bytes(damaged))))
        assert code == (1, "invalid_input"), place


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"no tar"), gzip.compress(b"\0" * 10240)],
    ids=str.split("empty text gzip nothing"),
)
def test_what_is_no_backup_is_refused(home: Home, content: bytes) -> None:
    assert refused(home, Path(home.file("x.tar.gz", content))) == (1, "invalid_input")


def test_a_backup_that_is_not_there_is_refused(home: Home) -> None:
    assert refused(home, home.root.parent / "nowhere.tar.gz") == (1, "io_error")


def forged(home: Home, *infos: tuple[tarfile.TarInfo, bytes], head: dict[str, Any] | None = None) -> Path:
    """An archive that is whole and says what a forger wants."""
    path = home.root.parent / "forged.tar.gz"
    path.unlink(missing_ok=True)
    told = {"format": 1, "schema": 1, "made_at": "x", "home": "/x", "with_secrets": False} | (head or {})
    with archives.ArchiveWriter(str(path), archives.msgspec.convert(told, archives.Head)) as writer:
        for info, data in infos:
            kinds = {tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link"}
            member = archives.Member(
                name=info.name, kind=kinds.get(info.type, "file"), mode=0o644, modified_at=0, size=len(data),
                target=info.linkname,
            )  # fmt: skip
            writer._add(member, io.BytesIO(data) if member.kind == "file" else None)
    return path


def entry(name: str, *, link: str = "", folder: bool = False) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.SYMTYPE if link else tarfile.DIRTYPE if folder else tarfile.REGTYPE
    info.linkname = link
    return info


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../evil")],
        [entry("/etc/evil")],
        [entry("projects/../../evil")],
        [entry("projects//evil")],
        [entry("elsewhere/evil")],
        [entry("projects/x"), entry("projects/x")],
        [entry("projects/out", link="/etc")],
        [entry("projects/out", link="../../etc")],
        [entry("projects/x", link="y"), entry("projects/x/evil")],
        [entry("projects/x/evil"), entry("projects/x", link="../config")],
        [entry("state", link="projects")],
        [entry("state/tasks/x.json", link="../stop")],
        [entry("state/locks/boot")],
        [entry("state/stop")],
        [entry(".env", folder=True), entry(".env/x", link="../../x")],
    ],
    ids=lambda entries: " ".join(one.name for one in entries),
)
def test_a_member_that_leads_out_or_hides_something_is_refused(home: Home, entries: list[tarfile.TarInfo]) -> None:
    archive = forged(home, *((one, b"evil" if one.isreg() else b"") for one in entries))
    assert refused(home, archive) == (1, "invalid_input")
    assert not (home.root.parent / "evil").exists()


def test_a_device_in_an_archive_is_refused(home: Home) -> None:
    path = home.root.parent / "device.tar.gz"
    head = {"format": 1, "schema": 1, "made_at": "x", "home": "/x", "with_secrets": False}
    with tarfile.open(path, "w:gz") as tar:
        first = tarfile.TarInfo(archives.HEAD)
        first.size = len(json.dumps(head))
        tar.addfile(first, io.BytesIO(json.dumps(head).encode()))
        pipe = tarfile.TarInfo("projects/pipe")
        pipe.type = tarfile.FIFOTYPE
        tar.addfile(pipe)
    assert refused(home, path) == (1, "invalid_input")


@pytest.mark.parametrize("head", [{"format": 2}, {"schema": 99}])
def test_a_backup_of_a_newer_baton_is_refused(home: Home, head: dict[str, Any]) -> None:
    assert refused(home, forged(home, head=head)) == (1, "state_newer")


def test_a_record_of_a_newer_baton_is_refused(home: Home) -> None:
    archive = forged(home, (entry("state/tasks/x.json"), b'{"schema":99,"id":"x","version":1}'))
    assert refused(home, archive) == (1, "state_newer")


def test_what_a_killed_backup_and_a_killed_restore_left_is_removed_by_the_next(home: Home) -> None:
    gone = 2**22 + 1  # no process can have this number
    part = Path(home.file(f"b.tar.gz.part-{gone}", "half"))
    (home.root.parent / f"restored.restoring-{gone}").mkdir()
    restore(home, backup_of(home))
    assert (part.exists(), (home.root.parent / f"restored.restoring-{gone}").exists()) == (False, False)


def test_progress_is_told_on_a_terminal_alone_and_nothing_of_it_stays(home: Home) -> None:
    for number in range(60):
        (home.root / f"projects/{number}").write_text("x")
    assert home.ok("backup", "create", str(home.root.parent / "b.tar.gz")).err == ""

    master, slave = pty.openpty()
    words = [str(SCRIPTS / "backup.py"), "check", str(home.root.parent / "b.tar.gz")]
    done = subprocess.run(words, env=home.environ, stdout=subprocess.DEVNULL, stderr=slave, timeout=60, check=True)
    os.close(slave)
    shown = os.read(master, 10_000).decode()
    os.close(master)
    assert done.returncode == 0
    assert shown.startswith("\r20 files checked\r40 files checked") and shown.endswith("\r\x1b[K")


def test_a_backup_that_is_told_to_end_leaves_nothing(home: Home) -> None:
    with (home.root / "projects/large").open("wb") as file:
        file.truncate(8 << 30)
    before = sorted(os.listdir(home.root.parent))
    started = home.start("backup", "create", str(home.root.parent / "b.tar.gz"))
    wait_for(lambda: any(".part-" in name for name in os.listdir(home.root.parent)))
    started.terminate()
    started.communicate(timeout=60)
    assert started.returncode == 143
    assert sorted(os.listdir(home.root.parent)) == before


def test_a_skill_that_a_run_is_shown_is_no_part_of_a_backup(home: Home) -> None:
    folder = home.root / "projects/default/tasks/t-1/.claude/skills"
    folder.mkdir(parents=True)
    for name in ("shown", "mine"):
        (folder / name).symlink_to(home.root / "skills/alpha")
    (home.state / "shown").mkdir()
    note = {"run": "r-1", "task": "t-1", "links": {str(folder / "shown"): str(home.root / "skills/alpha")}}
    (home.state / "shown/r-1.json").write_text(json.dumps(note))
    names = members(backup_of(home))
    assert [name for name in names if "/.claude/skills/" in name] == ["projects/default/tasks/t-1/.claude/skills/mine"]
    assert not any(name.startswith("state/shown") for name in names)
