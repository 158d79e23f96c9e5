"""Files that people write: what they are read as, what is said of a wrong one, and when the cache answers."""

from __future__ import annotations

import enum
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from baton.domain.errors import BatonError, InvalidInput, PermissionRefused, StorageError
from baton.store import documents
from baton.store.documents import load, load_text, nearest_cure

SCRIPTS = str(Path(__file__).parents[2] / "scripts")


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Wheel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size: int
    colour: Colour = Colour.RED
    brand: Literal["acme", "globex"] = "acme"
    pause: Annotated[str, Meta(examples=["30s"])] = "1s"
    spokes: Annotated[int, Meta(ge=3)] = 20

    def __post_init__(self) -> None:
        if self.size > 100:
            raise ValueError(f"size: {self.size} is too large") from InvalidInput("", cure="buy a smaller one")
        if self.size < 0:
            raise ValueError("size must not be negative")
        if self.pause == "never":
            raise ValueError("pause: 'never' is no pause") from InvalidInput("", word="nver", known=["never", "now"])
        if self.pause == "odd":
            raise ValueError("nothing of ours: begins it")


class Car(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = "car"
    wheels: tuple[Wheel, ...] = ()
    parts: dict[str, Wheel | list[Wheel]] = {}
    notes: dict[str, dict[str, str]] = {}
    owner: str | None = None


class Named(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file count as unchanged for long: the change time of a file cannot be set."""
    monkeypatch.setattr(documents, "_SETTLED_NS", -1)


def written(tmp_path: Path, text: str, name: str = "car.yaml") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def refusal(text: str, type: Any = Car) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        load_text(text, type, "car.yaml")
    return caught.value.message, caught.value.cure


def swapped(entry: Path, before: bytes, after: bytes) -> None:
    """Change what a cache entry holds, so that an answer from it can be told from one of the file."""
    data = entry.read_bytes()
    assert before in data
    entry.write_bytes(data.replace(before, after))


# -- reading ------------------------------------------------------------------------------------------------------


def test_yaml_is_read_as_the_type(tmp_path: Path) -> None:
    path = written(tmp_path, "name: x\nwheels:\n- {size: 3, colour: green}\n")

    assert load(path, Car, None, name="car") == Car(name="x", wheels=(Wheel(size=3, colour=Colour.GREEN),))


def test_json_is_read_wherever_yaml_is(tmp_path: Path) -> None:
    assert load(written(tmp_path, '{"name": "x"}'), Car, None, name="car") == Car(name="x")
    assert load(written(tmp_path, '{"name": "y"}', "car.json"), Car, None, name="car") == Car(name="y")


def test_a_missing_file_gives_the_default(tmp_path: Path, cache: Path) -> None:
    missing = str(tmp_path / "missing.yaml")

    assert load(missing, Car, str(cache), name="car") is None
    assert load(missing, Car, str(cache), name="car", default=Car(name="none")) == Car(name="none")
    assert list(cache.iterdir()) == []


def test_a_file_of_comments_is_a_mapping_without_keys(tmp_path: Path) -> None:
    assert load(written(tmp_path, "# name: x\n"), Car, None, name="car") == Car()


def test_an_empty_file_is_refused_where_a_key_must_be_there() -> None:
    assert refusal("# words\n", Named) == ("car.yaml: the file is empty", "write the document, or remove the file")


def test_only_the_prepared_part_is_read_and_its_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "first\nnmae: x\nlast\n")

    with pytest.raises(InvalidInput) as caught:
        load(path, Car, None, name="car", prepare=lambda source, name: b"\n" + source.split(b"\n")[1])

    assert caught.value.message == f"{path}:2: nmae: unknown key"


# -- what cannot be read ------------------------------------------------------------------------------------------


def io_refusal(path: str) -> tuple[type[BatonError], str, str]:
    with pytest.raises(BatonError) as caught:
        load(path, Car, None, name="car")
    return caught.value.__class__, caught.value.message, caught.value.cure


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert io_refusal(str(tmp_path)) == (
        StorageError,
        f"{tmp_path}: is a folder, not a file",
        "put a file in its place",
    )


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)

    assert io_refusal(path)[:2] == (StorageError, f"{path}: is a pipe, a socket or a device, not a file")


def test_a_link_to_nothing_is_not_a_missing_file(tmp_path: Path) -> None:
    link = tmp_path / "car.yaml"
    link.symlink_to("gone.yaml")

    assert io_refusal(str(link)) == (StorageError, f"{link}: the link leads to nothing", "mend or remove it")


def test_a_link_to_itself_is_one_sentence(tmp_path: Path) -> None:
    link = tmp_path / "car.yaml"
    link.symlink_to(link)

    assert io_refusal(str(link))[:2] == (StorageError, f"{link}: {os.strerror(errno.ELOOP)}")


def test_a_file_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "car.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)

    assert io_refusal(str(path)) == (
        InvalidInput,
        f"{path}: the file is larger than 1048576 bytes",
        "keep only what belongs in it",
    )


@pytest.fixture
def unreadable(tmp_path: Path) -> Iterator[str]:
    """A file that we may not read; root, whom no mode refuses, is nobody for as long."""
    path = written(tmp_path, "name: x")
    Path(path).chmod(0)
    tmp_path.chmod(0o700)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield path
    finally:
        os.seteuid(user)


def test_a_file_that_may_not_be_read_is_a_refused_permission(unreadable: str) -> None:
    assert io_refusal(unreadable) == (
        PermissionRefused,
        f"{unreadable}: {os.strerror(errno.EACCES)}",
        "check the owner and the mode of the home",
    )


# -- the words for a wrong value ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "cure"),
    [
        (
            "name: x\nownr: y",
            "car.yaml:2: ownr: unknown key",
            "did you mean 'owner'? known: name, notes, owner, parts, wheels",
        ),
        ("zzz: y", "car.yaml:1: zzz: unknown key", "known: name, notes, owner, parts, wheels"),
        (
            "wheels:\n- size: 3\n- size: 4\n  color: red",
            "car.yaml:4: wheels[1].color: unknown key",
            "did you mean 'colour'? known: brand, colour, pause, size, spokes",
        ),
        (
            "parts:\n  a: {size: 1}\n  b:\n  - {size: 2}\n  - {siz: 3}",
            "car.yaml:5: parts.b[1].siz: unknown key",
            "did you mean 'size'? known: brand, colour, pause, size, spokes",
        ),
        ("wheels:\n- {}", "car.yaml:2: wheels[0]: the key 'size' is missing", "add 'size: ...'"),
        ("name: 3", "car.yaml:1: name: expected text, got a whole number", "put the value in quotes"),
        ("owner: [a]", "car.yaml:1: owner: expected text or nothing, got a list", "correct the value"),
        ("name:", "car.yaml:1: name: expected text, got nothing", "write a value, or remove the key"),
        ("wheels:\n  size: 3", "car.yaml:1: wheels: expected a list, got a mapping", "correct the value"),
        ("wheels:\n- size: big", "car.yaml:2: wheels[0].size: expected a whole number, got text", "correct the value"),
        (
            "notes:\n  a: {x: y}\n  b:\n    x: y\n    z: 1.5",
            "car.yaml:5: notes.b.z: expected text, got a number",
            "put the value in quotes",
        ),
        (
            "wheels:\n- {size: 3,\n   pause: 5}",
            "car.yaml:3: wheels[0].pause: expected text, got a whole number",
            "write it like 30s",
        ),
        (
            "wheels:\n- {size: 3, spokes: 2}",
            "car.yaml:2: wheels[0].spokes: expected a whole number >= 3",
            "correct the value",
        ),
        (
            "wheels:\n- {size: 3, colour: gren}",
            "car.yaml:2: wheels[0].colour: invalid enum value 'gren'",
            "did you mean 'green'? known: green, red",
        ),
        (
            "wheels:\n- {size: 3, brand: acne}",
            "car.yaml:2: wheels[0].brand: invalid enum value 'acne'",
            "did you mean 'acme'? known: acme, globex",
        ),
        ("- a", "car.yaml:1: expected a mapping, got a list", "correct the value"),
        ("\n\nfoo", "car.yaml:3: expected a mapping, got text", "correct the value"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_by_file_line_and_path(text: str, message: str, cure: str) -> None:
    assert refusal(text) == (message, cure)


@pytest.mark.parametrize(
    ("wheel", "message", "cure"),
    [
        ("size: 101", "car.yaml:2: wheels[0].size: 101 is too large", "buy a smaller one"),
        ("size: -1", "car.yaml:2: wheels[0].size: must not be negative", "correct it"),
        (
            "size: 1\n  pause: never",
            "car.yaml:3: wheels[0].pause: 'never' is no pause",
            "did you mean 'never'? known: never, now",
        ),
        ("size: 1\n  pause: odd", "car.yaml:2: wheels[0]: nothing of ours: begins it", "correct it"),
    ],
)  # fmt: skip
def test_what_the_type_itself_refuses_names_its_key(wheel: str, message: str, cure: str) -> None:
    assert refusal(f"wheels:\n- {wheel}") == (message, cure)


def test_the_nearest_word_is_named_and_few_are_all_shown() -> None:
    many = [f"agent-{number}" for number in range(20)]

    assert nearest_cure("agnt-7", many) == "did you mean 'agent-7'?"
    assert nearest_cure("b", ["c", "a"]) == "known: a, c"


# -- the cache ----------------------------------------------------------------------------------------------------


def test_a_fresh_cache_answers(tmp_path: Path, cache: Path, settled: None) -> None:
    path = written(tmp_path, "name: file")
    load(path, Car, str(cache), name="car")
    swapped(cache / "car.json", b'"file"', b'"cache"')

    assert load(path, Car, str(cache), name="car") == Car(name="cache")


def test_the_entry_is_one_private_file(tmp_path: Path, cache: Path, settled: None) -> None:
    load(written(tmp_path, "name: file"), Car, str(cache), name="car")

    assert [one.name for one in cache.iterdir()] == ["car.json"]
    assert (cache / "car.json").stat().st_mode & 0o777 == 0o600


def test_the_format_of_an_entry_is_known(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path, "name: file")
    found = os.stat(path)
    mark = f"baton-document-1 {found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino}"
    (cache / "car.json").write_text(f'{mark} settled\n{{"name": "sample"}}\n')

    assert load(path, Car, str(cache), name="car") == Car(name="sample")


def test_an_edit_is_seen_at_once(tmp_path: Path, cache: Path, settled: None) -> None:
    load(written(tmp_path, "name: one"), Car, str(cache), name="car")

    assert load(written(tmp_path, "name: twelve"), Car, str(cache), name="car") == Car(name="twelve")


def test_an_edit_of_the_same_size_and_modification_time_is_seen(tmp_path: Path, cache: Path, settled: None) -> None:
    path = written(tmp_path, "name: one")
    load(path, Car, str(cache), name="car")
    before = os.stat(path)
    written(tmp_path, "name: two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(path).st_mtime_ns == before.st_mtime_ns

    assert load(path, Car, str(cache), name="car") == Car(name="two")


def test_a_file_put_in_its_place_is_seen(tmp_path: Path, cache: Path, settled: None) -> None:
    path = written(tmp_path, "name: one")
    load(path, Car, str(cache), name="car")
    before = os.stat(path)
    other = written(tmp_path, "name: two", "other.yaml")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    Path(other).replace(path)

    assert load(path, Car, str(cache), name="car") == Car(name="two")


def test_an_entry_made_just_after_an_edit_counts_only_while_the_bytes_agree(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path, "name: one")
    load(path, Car, str(cache), name="car")
    swapped(cache / "car.json", b'"one"', b'"cache"')
    assert load(path, Car, str(cache), name="car") == Car(name="cache")

    # The same stamps over other bytes: what an edit within the clock's grain leaves behind.
    swapped(cache / "car.json", b"name: one", b"name: two")

    assert load(path, Car, str(cache), name="car") == Car(name="one")


def test_an_entry_made_just_after_an_edit_settles_later_without_parsing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "name: one")
    load(path, Car, str(cache), name="car")
    swapped(cache / "car.json", b'"one"', b'"cache"')
    assert b" recent\n" in (cache / "car.json").read_bytes()
    monkeypatch.setattr(documents, "_SETTLED_NS", -1)

    assert load(path, Car, str(cache), name="car") == Car(name="cache")
    assert b" settled\n" in (cache / "car.json").read_bytes()
    assert b"name: one" not in (cache / "car.json").read_bytes()


@pytest.mark.parametrize("ahead_seconds", [-3600, 3600])
def test_a_file_with_an_odd_modification_time_is_cached_and_read(
    tmp_path: Path, cache: Path, ahead_seconds: int
) -> None:
    path = written(tmp_path, "name: one")
    now = os.stat(path).st_mtime
    os.utime(path, (now + ahead_seconds, now + ahead_seconds))

    assert [load(path, Car, str(cache), name="car") for _ in range(2)] == [Car(name="one")] * 2
    assert b" recent\n" in (cache / "car.json").read_bytes()  # its change time is that of today


def test_a_file_that_changes_while_it_is_read_is_not_cached(tmp_path: Path, cache: Path, settled: None) -> None:
    path = written(tmp_path, "name: one")

    def meddle(source: bytes, name: str) -> bytes:
        written(tmp_path, "name: other")
        return source

    assert load(path, Car, str(cache), name="car", prepare=meddle) == Car(name="one")
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("settled")
def test_a_truncated_entry_is_ignored_and_made_anew(tmp_path: Path, cache: Path) -> None:
    path, entry = written(tmp_path, "name: one"), cache / "car.json"
    load(path, Car, str(cache), name="car")
    whole = entry.read_bytes()

    for length in range(len(whole) - 1):  # without its last line end it is still whole
        entry.write_bytes(whole[:length])
        assert load(path, Car, str(cache), name="car") == Car(name="one")
        assert entry.read_bytes() == whole


@pytest.mark.parametrize(
    "rest", [b"", b"null", b"{", b"[]", b'{"name": 3}', b'{"name": "\xff"}', b"\0" * 40, b"[" * 9999]
)
def test_an_entry_that_holds_something_else_is_ignored(tmp_path: Path, cache: Path, settled: None, rest: bytes) -> None:
    path, entry = written(tmp_path, "name: one"), cache / "car.json"
    load(path, Car, str(cache), name="car")
    mark = entry.read_bytes().partition(b"\n")[0]
    entry.write_bytes(mark + b"\n" + rest)

    assert load(path, Car, str(cache), name="car") == Car(name="one")
    assert entry.read_bytes() == mark + b'\n{"name":"one"}\n'


def test_an_entry_of_another_format_is_ignored(tmp_path: Path, cache: Path, settled: None) -> None:
    path = written(tmp_path, "name: one")
    load(path, Car, str(cache), name="car")
    swapped(cache / "car.json", b"baton-document-1", b"baton-document-0")
    swapped(cache / "car.json", b'"one"', b'"old"')

    assert load(path, Car, str(cache), name="car") == Car(name="one")


def test_a_type_that_became_stricter_refuses_by_line_in_spite_of_the_cache(
    tmp_path: Path, cache: Path, settled: None
) -> None:
    path = written(tmp_path, "name: one\nowner: me")
    load(path, Car, str(cache), name="car")

    with pytest.raises(InvalidInput) as caught:
        load(path, Named, str(cache), name="car")

    assert caught.value.message == f"{path}:2: owner: unknown key"


def test_a_wrong_file_is_told_each_time(tmp_path: Path, cache: Path, settled: None) -> None:
    path = written(tmp_path, "nme: one")

    for _ in range(2):
        with pytest.raises(InvalidInput):
            load(path, Car, str(cache), name="car")
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path, "name: one")
    (cache / "car.json").mkdir()

    assert load(path, Car, str(tmp_path / "missing"), name="car") == Car(name="one")
    assert not (tmp_path / "missing").exists()
    assert load(path, Car, str(cache), name="car") == Car(name="one")
    assert [one.name for one in cache.iterdir()] == ["car.json"]


# -- what it costs ------------------------------------------------------------------------------------------------

IMPORTED = """
import sys
from baton.domain.settings import Settings
from baton.store.documents import load
print(load(sys.argv[1], Settings, sys.argv[2], name="settings").concurrency.agents)
print(*sorted({"yaml", "difflib", "json", "baton.store.strict_yaml"} & set(sys.modules)))
"""


def run_program(program: str, path: str, cache: Path) -> list[str]:
    command = [sys.executable, "-c", program, path, str(cache)]
    environ = {**os.environ, "PYTHONPATH": SCRIPTS}
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout.split("\n")


def test_a_call_with_a_fresh_cache_imports_no_yaml(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path, "concurrency: {agents: 7}\n", "baton.yaml")

    first, second = run_program(IMPORTED, path, cache), run_program(IMPORTED, path, cache)

    assert first[0] == second[0] == "7"
    assert "yaml" in first[1].split()
    assert second[1] == ""


OPENED = """
import sys
from baton.domain.settings import Settings
from baton.store import documents
documents._SETTLED_NS = -1
documents.load(sys.argv[1], Settings, sys.argv[2], name="settings")
opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)
documents.load(sys.argv[1], Settings, sys.argv[2], name="settings")
print(*opened, sep="\\n", end="")
"""


def test_with_a_fresh_cache_nothing_but_its_entry_is_opened(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path, "concurrency: {agents: 7}\n", "baton.yaml")

    assert run_program(OPENED, path, cache) == [str(cache / "settings.json")]


def test_the_cached_data_is_what_was_written_not_what_it_was_read_as(tmp_path: Path, cache: Path) -> None:
    load(written(tmp_path, "name: one"), Car, str(cache), name="car")

    data = (cache / "car.json").read_bytes().split(b"\n")[1]

    assert msgspec.json.decode(data) == {"name": "one"}
