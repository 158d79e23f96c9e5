"""What steps left, looked for in real files and by real commands: what is missing is said, and no process stays."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baton.adapters.evidence import EvidenceChecks
from baton.adapters.json_schemas import fault_of
from baton.adapters.processes import LinuxProcesses
from baton.domain.evidence import Expectation
from baton.domain.exchange import Inspection

RUN = f"r-{os.getpid()}"  # tests may run side by side, and a check kills what bears its run's name
START_NS = 1_700_000_000_500_000_000
NUMBERS = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def look(
    root: Path,
    *expects: Expectation,
    is_given_up: Callable[[], bool] = lambda: False,
    reader_seconds: float = 60.0,
    **fields: Any,
) -> tuple[str, ...] | None:
    environ = {"PATH": "/usr/bin:/bin", "BATON_RUN": RUN, "MINE": "yes"}
    asked = Inspection(expects=expects, task="t-1", run=RUN, workspace=str(root), environ=environ, **fields)
    return EvidenceChecks(LinuxProcesses(), reader_seconds).missing(asked, is_given_up)


def write(root: Path, name: str, text: str = "", at_ns: int | None = None) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if at_ns is not None:
        os.utime(path, ns=(at_ns, at_ns))
    return path


def file(path: str = "drafts/{task}.md", **fields: Any) -> Expectation:
    return Expectation(file=path, **fields)


def left() -> list[Any]:
    return LinuxProcesses().of_run(RUN, None)


def test_what_is_there_is_not_missing(tmp_path: Path) -> None:
    write(tmp_path, "drafts/t-1.md", "intro\n# Rye bread\nthree more words")
    write(tmp_path, "data.json", '{"n": 1}')
    found = look(
        tmp_path,
        file(min_words=6, matches="^# "),
        file("data.json", schema=NUMBERS),
        Expectation(command='[ "$MINE" = yes ] && test -e drafts'),
    )
    assert found == ()


@pytest.mark.parametrize(
    ("expects", "said"),
    [
        (file("none.md"), "none.md is not there"),
        (file("drafts"), "drafts is not a file"),
        (file("pipe"), "pipe is not a file"),
        (file("outside"), "outside leads out of the workspace"),
        (file(min_words=7), "drafts/t-1.md has 6 words, and 7 are wanted"),
        (file(matches="^Bread"), "drafts/t-1.md has nothing that matches /^Bread/"),
        (file(schema=NUMBERS), "drafts/t-1.md is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            file("data.json", schema=NUMBERS),
            "data.json does not follow its schema at $.n: 'one' is not of type 'integer'",
        ),
        (Expectation(folder="drafts", count=2), "drafts/ has 1 files, and 2 are wanted"),
        (Expectation(folder="nowhere/{task}", count=1), "nowhere/t-1/ has 0 files, and 1 are wanted"),
        (Expectation(folder="drafts", count=1, min_words=9), "drafts/t-1.md has 6 words, and 9 are wanted"),
        (Expectation(command="exit 3"), "`exit 3` ended with exit code 3"),
        (Expectation(command="kill -9 $$"), "`kill -9 $$` was ended by SIGKILL"),
        (
            Expectation(command="echo first; echo wrong >&2; false"),
            "  first\n  wrong\n`echo first; echo wrong >&2; false` ended with exit code 1",
        ),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, expects: Expectation, said: str) -> None:
    root = tmp_path / "workspace"
    write(root, "drafts/t-1.md", "intro\n# Rye bread\nmore words")
    write(root, "drafts/.hidden", "no result")
    write(root, "data.json", '{"n": "one"}')
    os.mkfifo(root / "pipe")
    (root / "outside").symlink_to(write(tmp_path, "secret.md"))
    assert look(root, expects) == (said,)


def test_everything_that_is_missing_is_said_files_first(tmp_path: Path) -> None:
    found = look(tmp_path, Expectation(command="false"), file("a"), file("b"))
    assert found == ("a is not there", "b is not there", "`false` ended with exit code 1")


@pytest.mark.parametrize(
    ("at_ns", "is_new"),
    [
        (START_NS - 1, False),
        (START_NS, True),
        (START_NS + 1, True),
        (START_NS - 500_000_000, True),  # a file system of whole seconds
        (START_NS - 1_500_000_000, False),
    ],
)
def test_a_file_has_to_be_newer_than_the_run(tmp_path: Path, at_ns: int, is_new: bool) -> None:
    write(tmp_path, "drafts/t-1.md", at_ns=at_ns)
    old = "drafts/t-1.md is older than the run: it has to be written anew"
    assert look(tmp_path, file(), since_ns=START_NS) == (() if is_new else (old,))


def test_by_hand_a_file_may_be_as_old_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "drafts/t-1.md", at_ns=0)
    assert look(tmp_path, file()) == ()


def test_in_a_folder_what_an_earlier_attempt_left_counts_and_what_is_older_does_not(tmp_path: Path) -> None:
    for name, at_ns in (("before", START_NS - 9 * 10**9), ("earlier", START_NS - 10**9), ("now", START_NS)):
        write(tmp_path, f"out/{name}.md", at_ns=at_ns)
    expects = (Expectation(folder="out", count=2), Expectation(folder="out", count=3))
    found = look(tmp_path, *expects, since_ns=START_NS, begun_ns=START_NS - 2 * 10**9)
    assert found == ("out/ has 2 files newer than the run, and 3 are wanted",)


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    command = "echo began; setsid sleep 60 & env -i sleep 61 & sleep 62"
    start = time.monotonic()
    found = look(tmp_path, Expectation(command=command, timeout="500ms"))
    assert found == (f"  began\n`{command}` did not end within 0.5 s",)
    assert time.monotonic() - start < 10
    assert left() == []


def test_what_a_command_leaves_running_goes_with_it(tmp_path: Path) -> None:
    command = "setsid sh -c 'echo $$ >pid; exec sleep 60' & until [ -s pid ]; do :; done"
    assert look(tmp_path, Expectation(command=command)) == ()
    pid = int((tmp_path / "pid").read_text())
    assert (left(), LinuxProcesses().identify(pid)) == ([], None)


def test_a_command_may_print_without_end(tmp_path: Path) -> None:
    found = look(tmp_path, Expectation(command="yes", timeout="300ms"))
    assert found is not None
    assert found[0].endswith("\n`yes` did not end within 0.3 s")
    assert len(found[0]) < 1000


def test_a_command_gets_the_agents_environment_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "1")
    assert look(tmp_path, Expectation(command="env >env; pwd >>env")) == ()
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "BATON_RUN", "MINE", str(tmp_path)}


def test_a_look_that_is_given_up_leaves_no_answer_and_no_process(tmp_path: Path) -> None:
    asked: list[int] = []

    def is_given_up() -> bool:
        asked.append(1)
        return len(asked) > 1

    assert look(tmp_path, Expectation(command="sleep 60"), is_given_up=is_given_up) is None
    assert (len(asked), left()) == (2, [])


def test_a_pattern_without_an_end_is_ended(tmp_path: Path) -> None:
    write(tmp_path, "drafts/t-1.md", "a" * 60 + "!")
    found = look(tmp_path, file(matches="^(a+)+$"), reader_seconds=0.7)
    assert found == ("the files could not be looked at within 0.7 s; look for a pattern without an end",)
    assert left() == []


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    found = look(tmp_path / "gone", file())
    assert found is not None
    assert "could not be started" in found[0]


def test_a_huge_file_is_not_looked_into(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate((16 << 20) + 1)
    assert look(tmp_path, file("huge", min_words=1)) == ("huge is larger than 16 MB, and cannot be looked into",)


def test_only_so_much_is_said(tmp_path: Path) -> None:
    found = look(tmp_path, *(file(f"f{number}") for number in range(30)))
    assert found is not None
    assert (len(found), found[-1]) == (21, "and 10 more")


# -- schemas ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {},
        NUMBERS,
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        {"$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}},
        {"properties": {"self": {"$ref": "#"}}},
    ],
)
def test_a_schema_that_is_whole_is_accepted(schema: dict[str, Any]) -> None:
    assert fault_of(schema) is None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "text"}, "$.type: 'text' is not valid under any of the given schemas"),
        ({"properties": []}, "$.properties: [] is not of type 'object'"),
        ({"pattern": "(unclosed"}, "is not a 'regex'"),
        ({"$ref": "#/$defs/none"}, "$ref '#/$defs/none' leads to nothing"),
        ({"items": [{"$ref": "https://example.com/x.json"}][0]}, "leads elsewhere"),
        ({"items": {"$ref": "other.json"}}, "leads elsewhere"),
    ],
)
def test_a_broken_schema_is_refused_with_the_reason(schema: dict[str, Any], said: str) -> None:
    assert said in (fault_of(schema) or "")


def test_a_file_may_be_held_against_definitions(tmp_path: Path) -> None:
    write(tmp_path, "a.json", json.dumps({"n": "x"}))
    schema = {"$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}}
    found = look(tmp_path, file("a.json", schema=schema))
    assert found == ("a.json does not follow its schema at $.n: 'x' is not of type 'integer'",)
