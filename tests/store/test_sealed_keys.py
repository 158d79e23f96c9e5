"""Keys are kept sealed: opened by what lies outside the home, whole after any crash, and never shown."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baton.domain.errors import (
    BatonError,
    InvalidInput,
    KeyNotFound,
    MissingCredentials,
    PermissionRefused,
    StateDamaged,
    StateNewer,
)
from baton.store.sealed_keys import SealedKeys, fingerprint_of

VALUE, OTHER = "sk-test-0123456789-first", "sk-test-0123456789-other"
NOW, LATER = "2026-11-21T10:00:00.000Z", "2026-11-22T10:00:00.000Z"
CHANGING = ("open", "write", "fsync", "rename", "unlink", "mkdir")


class Died(BaseException):
    """The process ended here. Not an ``Exception``: nothing may catch it."""


class Place:
    """A home's folder of settings, and the user's own."""

    def __init__(self, root: Path) -> None:
        self.file = root / "home/config/keys.json"
        self.environ = {"HOME": str(root / "user")}
        self.file.parent.mkdir(parents=True)

    def keys(self, **environ: str) -> SealedKeys:
        return SealedKeys(str(self.file), self.environ | environ)

    @property
    def master(self) -> Path:
        path = self.keys().master_path()
        assert path is not None
        return Path(path)

    def values(self) -> list[str | None]:
        keys = self.keys()
        return [keys.open(name) for name in keys.names()]

    def ring(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    def masters(self) -> list[str]:
        return [line.split()[1] for line in self.master.read_text().splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def kept(place: Place) -> Place:
    place.keys().set("FIRST_KEY", VALUE, NOW)
    place.keys().set("OTHER_KEY", OTHER, LATER)
    return place


# -- keeping --------------------------------------------------------------------------------------------------------


def test_without_a_file_there_is_no_key(place: Place) -> None:
    keys = place.keys()
    assert (keys.names(), keys.open("FIRST_KEY"), keys.shown()) == ([], None, [])
    assert keys.master_path() is None
    assert not place.file.exists()


def test_a_key_is_opened_as_it_was_set(kept: Place) -> None:
    keys = kept.keys()
    assert {name: keys.open(name) for name in keys.names()} == {"FIRST_KEY": VALUE, "OTHER_KEY": OTHER}


def test_a_key_that_is_set_again_is_replaced(kept: Place) -> None:
    assert kept.keys().set("FIRST_KEY", OTHER, LATER) is True
    assert kept.keys().open("FIRST_KEY") == OTHER


def test_nothing_on_disk_holds_a_key(kept: Place, tmp_path: Path) -> None:
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(texts) == 2
    assert not any(value.encode()[:12] in text for text in texts for value in (VALUE, OTHER))


def test_both_files_are_private_and_so_is_the_folder_outside(kept: Place) -> None:
    modes = [path.stat().st_mode & 0o777 for path in (kept.file, kept.master, kept.master.parent)]
    assert modes == [0o600, 0o600, 0o700]


def test_what_opens_them_lies_outside_the_home(kept: Place) -> None:
    assert kept.master == Path(kept.environ["HOME"]) / ".config/baton" / f"{kept.ring()['id']}.key"


def test_a_user_who_keeps_settings_elsewhere_has_it_there(place: Place, tmp_path: Path) -> None:
    place.keys(XDG_CONFIG_HOME=str(tmp_path / "xdg")).set("FIRST_KEY", VALUE, NOW)
    assert place.master.parent == tmp_path / "xdg/baton"
    assert place.keys().open("FIRST_KEY") == VALUE  # cron knows nothing of XDG_CONFIG_HOME


def test_the_variable_says_where_it_is_to_lie_and_it_is_found_there_without(place: Place, tmp_path: Path) -> None:
    place.keys(BATON_KEY_FILE=str(tmp_path / "stick/baton.key")).set("FIRST_KEY", VALUE, NOW)
    assert place.master == tmp_path / "stick/baton.key"
    assert place.keys().open("FIRST_KEY") == VALUE


def test_a_relative_place_is_refused_and_nothing_is_left(place: Place) -> None:
    with pytest.raises(InvalidInput):
        place.keys(BATON_KEY_FILE="baton.key").set("FIRST_KEY", VALUE, NOW)
    assert not place.file.exists()


def test_a_moved_master_key_is_found_by_the_variable(kept: Place, tmp_path: Path) -> None:
    kept.master.rename(tmp_path / "moved.key")
    assert kept.keys(BATON_KEY_FILE=str(tmp_path / "moved.key")).open("FIRST_KEY") == VALUE


def test_what_is_shown_of_a_key_is_name_time_and_fingerprint(kept: Place) -> None:
    first, other = kept.keys().shown()
    assert (first.name, first.set_at, first.fingerprint, first.problem) == (
        "FIRST_KEY",
        NOW,
        fingerprint_of(VALUE),
        None,
    )
    assert first.fingerprint != other.fingerprint


def test_a_removed_key_is_gone(kept: Place) -> None:
    kept.keys().remove("FIRST_KEY")
    assert kept.keys().names() == ["OTHER_KEY"]
    with pytest.raises(KeyNotFound):
        kept.keys().remove("FIRST_KEY")


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_master_key_that_others_may_reach_is_refused_with_the_cure(kept: Place, mode: int) -> None:
    kept.master.chmod(mode)
    for act in (lambda: kept.keys().open("FIRST_KEY"), kept.keys().rotate, lambda: kept.keys().set("A", VALUE, NOW)):
        with pytest.raises(PermissionRefused) as caught:
            act()
        assert f"mode {mode:04o}" in caught.value.message
        assert caught.value.cure.startswith(f"chmod 600 {kept.master}")


def test_a_master_key_of_another_user_is_refused(kept: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(PermissionRefused, match="belongs to another user"):
        kept.keys().open("FIRST_KEY")


def test_a_pipe_in_its_place_is_refused_and_waited_for_by_nobody(kept: Place) -> None:
    path = kept.master
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(PermissionRefused, match="is no file"):
        kept.keys().open("FIRST_KEY")


def test_a_master_key_that_is_gone_is_said_and_none_is_made_in_its_place(kept: Place) -> None:
    path = kept.master
    path.unlink()
    for act in (lambda: kept.keys().open("FIRST_KEY"), kept.keys().rotate, lambda: kept.keys().set("A", VALUE, NOW)):
        with pytest.raises(MissingCredentials) as caught:
            act()
        assert str(path) in caught.value.message
    assert not path.exists()
    assert [key.problem is None for key in kept.keys().shown()] == [False, False]


@pytest.mark.parametrize("text", ["", "no key\n", "baton-master-1 0123456789abcdef c2hvcnQ=\n"])
def test_a_damaged_master_key_is_said_without_a_trace(kept: Place, text: str) -> None:
    kept.master.write_text(text)
    with pytest.raises((StateDamaged, MissingCredentials)):
        kept.keys().open("FIRST_KEY")


def test_a_key_in_the_place_of_another_is_not_opened(kept: Place) -> None:
    ring = kept.ring()
    ring["keys"]["FIRST_KEY"] = ring["keys"]["OTHER_KEY"]
    kept.file.write_text(json.dumps(ring))
    with pytest.raises(MissingCredentials, match="FIRST_KEY cannot be opened"):
        kept.keys().open("FIRST_KEY")
    assert kept.keys().open("OTHER_KEY") == OTHER


@pytest.mark.parametrize("sealed", ["", "!", "AAAA", "A" * 120])
def test_a_key_that_was_changed_is_not_opened(kept: Place, sealed: str) -> None:
    ring = kept.ring()
    ring["keys"]["FIRST_KEY"]["sealed"] = sealed
    kept.file.write_text(json.dumps(ring))
    with pytest.raises(MissingCredentials, match="was changed"):
        kept.keys().open("FIRST_KEY")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": "x"}', "\xff"])
def test_a_damaged_file_is_said(kept: Place, text: str) -> None:
    kept.file.write_text(text, "latin-1")
    with pytest.raises(StateDamaged):
        kept.keys().names()


def test_a_key_that_was_set_at_no_time_is_damage(kept: Place) -> None:
    kept.file.write_text(kept.file.read_text().replace(NOW, NOW.replace("-11-", "-1r-")))
    with pytest.raises(StateDamaged):
        kept.keys().names()


def test_a_file_of_a_newer_baton_is_refused_and_left(kept: Place) -> None:
    kept.file.write_text('{"schema": 2, "more": true}')
    for act in (kept.keys().names, lambda: kept.keys().set("A", VALUE, NOW)):
        with pytest.raises(StateNewer):
            act()
    assert kept.file.read_text() == '{"schema": 2, "more": true}'


def test_without_the_extra_a_kept_key_is_said_to_need_it(kept: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.store.sealed_keys.find_spec", lambda name: None)
    with pytest.raises(MissingCredentials) as caught:
        kept.keys().open("FIRST_KEY")
    assert caught.value.cure == "python3 scripts/baton/bootstrap.py keys"
    assert kept.keys().names() == ["FIRST_KEY", "OTHER_KEY"]
    assert kept.keys().open("NONE") is None


def test_without_the_extra_nothing_is_kept_and_nothing_left(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.store.sealed_keys.find_spec", lambda name: None)
    with pytest.raises(MissingCredentials):
        place.keys().set("FIRST_KEY", VALUE, NOW)
    assert not place.file.exists()
    assert not Path(place.environ["HOME"]).exists()


# -- rotation -------------------------------------------------------------------------------------------------------


def test_a_rotation_seals_every_key_anew_and_ends_the_old_master_key(kept: Place) -> None:
    before, old = kept.ring(), kept.masters()
    assert kept.keys().rotate() == 2
    after, new = kept.ring(), kept.masters()
    assert (len(old), len(new), set(old) & set(new)) == (1, 1, set())
    assert all(before["keys"][name]["sealed"] != key["sealed"] for name, key in after["keys"].items())
    assert [key["set_at"] for _, key in sorted(after["keys"].items())] == [NOW, LATER]
    assert kept.values() == [VALUE, OTHER]


def test_what_was_sealed_before_cannot_be_opened_afterwards(kept: Place) -> None:
    before = kept.file.read_bytes()
    kept.keys().rotate()
    kept.file.write_bytes(before)
    with pytest.raises(MissingCredentials):
        kept.keys().open("FIRST_KEY")


def test_with_no_key_there_is_nothing_to_rotate(place: Place) -> None:
    with pytest.raises(KeyNotFound):
        place.keys().rotate()


def test_one_key_that_cannot_be_opened_stops_a_rotation_before_it_changes_anything(kept: Place) -> None:
    ring = kept.ring()
    ring["keys"]["FIRST_KEY"]["sealed"] = "AAAA"
    kept.file.write_text(json.dumps(ring))
    before = (kept.file.read_bytes(), kept.master.read_bytes())
    with pytest.raises(MissingCredentials):
        kept.keys().rotate()
    assert (kept.file.read_bytes(), kept.master.read_bytes()) == before


def dying(monkeypatch: pytest.MonkeyPatch, number: int, *, halfway: bool) -> list[str]:
    """End the process at its call of this number that changes a file; the list grows with each call."""
    calls: list[str] = []

    def hooked(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if name == "open" and not args[1] & (os.O_CREAT | os.O_TRUNC):
                return real(*args, **named)
            calls.append(name)
            if len(calls) > number:
                if len(calls) == number + 1 and halfway and name == "write":
                    real(args[0], args[1][: len(args[1]) // 2])
                raise Died
            return real(*args, **named)

        return call

    for name in CHANGING:
        monkeypatch.setattr(os, name, hooked(name, getattr(os, name)))
    return calls


@pytest.mark.parametrize("halfway", [False, True])
@pytest.mark.parametrize("act", ["rotate", "set", "remove"])
def test_killed_anywhere_every_key_stays_readable_and_the_next_one_mends(
    tmp_path: Path, act: str, halfway: bool
) -> None:
    for number in range(40):
        place = Place(tmp_path / str(number))
        place.keys().set("FIRST_KEY", VALUE, NOW)
        place.keys().set("OTHER_KEY", OTHER, NOW)
        acts: dict[str, Callable[[], Any]] = {
            "rotate": place.keys().rotate,
            "set": lambda place=place: place.keys().set("THIRD_KEY", VALUE, NOW),
            "remove": lambda place=place: place.keys().remove("OTHER_KEY"),
        }
        with pytest.MonkeyPatch.context() as patch:
            calls = dying(patch, number, halfway=halfway)
            try:
                acts[act]()
                ended = False
            except Died:
                ended = True
        opened = {name: place.keys().open(name) for name in place.keys().names()}
        assert opened.pop("FIRST_KEY") == VALUE, number
        assert act == "remove" or opened.pop("OTHER_KEY") == OTHER, number
        assert set(opened.values()) <= {VALUE, OTHER}
        place.keys().rotate()
        assert (len(place.masters()), place.keys().is_unfinished()) == (1, False)
        assert place.keys().open("FIRST_KEY") == VALUE
        if not ended:
            assert number == len(calls) > 3
            return
    raise AssertionError("it never came to its end")


def test_killed_anywhere_while_the_first_key_is_set_the_next_try_keeps_it(tmp_path: Path) -> None:
    for number in range(40):
        place = Place(tmp_path / str(number))
        with pytest.MonkeyPatch.context() as patch:
            dying(patch, number, halfway=False)
            try:
                place.keys().set("FIRST_KEY", VALUE, NOW)
                return
            except Died:
                pass
        place.keys().set("FIRST_KEY", VALUE, NOW)
        assert place.keys().open("FIRST_KEY") == VALUE
        assert len(list(place.master.parent.glob("*.key"))) == 1, number
    raise AssertionError("it never came to its end")


def test_a_rotation_that_was_ended_in_the_middle_is_known(kept: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.store.master_keys.MasterKeys.keep", lambda self, name: None)
    kept.keys().rotate()
    assert (len(kept.masters()), kept.keys().is_unfinished()) == (2, True)


def test_readers_see_every_key_while_rotations_go_on(kept: Place) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2] / "scripts")!r})
from baton.store.sealed_keys import SealedKeys
keys = SealedKeys({str(kept.file)!r}, {kept.environ!r})
print("ready", flush=True)
seen = 0
while True:
    assert keys.open("FIRST_KEY") == {VALUE!r}
    seen += 1
    if seen == 50: print("seen", flush=True)
"""
    reader = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    for _ in range(40):
        kept.keys().rotate()
    assert reader.stdout.readline() == "seen\n"
    assert reader.poll() is None
    reader.kill()
    reader.communicate()


def test_writers_at_once_lose_no_key(place: Place) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2] / "scripts")!r})
from baton.store.sealed_keys import SealedKeys
keys = SealedKeys({str(place.file)!r}, {place.environ!r})
for n in range(10): keys.set(f"KEY_{{sys.argv[1]}}_{{n}}", {VALUE!r}, {NOW!r})
"""
    writers = [subprocess.Popen([sys.executable, "-c", program, str(number)]) for number in range(3)]
    while not place.keys().names():  # the first one of all is set by several at once
        assert any(writer.poll() is None for writer in writers)
    for _ in range(5):
        place.keys().rotate()
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert place.values() == [VALUE] * 30


# -- nothing left behind --------------------------------------------------------------------------------------------


def test_who_has_opened_a_key_leaves_no_core(kept: Place) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        kept.keys().open("FIRST_KEY")
        assert resource.getrlimit(resource.RLIMIT_CORE) == (1, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def test_no_error_of_the_store_holds_a_key(kept: Place) -> None:
    for value in (f"{VALUE} \n", f"{VALUE}\xe9"):
        with pytest.raises(BatonError) as caught:
            kept.keys().set("FIRST_KEY", value, NOW)
        whole = f"{caught.value!r} {caught.value.cure} {caught.value.__cause__!r} {caught.value.__context__!r}"
        assert VALUE not in whole
