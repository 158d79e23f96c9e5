"""What the docstring of ``ports.Harness`` promises, held against every file of the folder: a new one is found by itself.

A file there is a harness, named after what people write in ``harness:``, or something that harnesses share.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import baton.adapters.harnesses
from baton.adapters.harnesses import LINE_LIMIT, SUMMARY_LIMIT
from baton.cli.preparing import harness_named
from baton.domain.errors import HarnessMissing
from baton.domain.exchange import Ending, Job, Verdict
from baton.domain.pipelines import HARNESSES
from baton.domain.records import Unit
from baton.domain.settings import HarnessSettings
from baton.domain.skills import Skill
from baton.domain.statuses import FailureKind
from baton.ports import Harness

FOLDER = Path(baton.adapters.harnesses.__file__).parent
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
NAMES = [name for name in FILES if name in HARNESSES]
ENDINGS = [
    Ending(exit_code=code, signal=number, stdout_tail=text, stderr_tail=text)
    for code, number in ((0, None), (1, None), (143, None), (None, 9))
    for text in ("", "one line\n", "\x00\udcff half \ufffd\n\n")
]

every_harness = pytest.mark.parametrize("name", NAMES)


def made(name: str) -> Harness:
    """The harness of this name, as everybody gets it."""
    return harness_named(name, HarnessSettings())


def program_of(name: str) -> str:
    """What the program of a harness is called; that of the plain ones stands in the skill."""
    return getattr(made(name), "program", "no-such-program")


def a_job(folder: Path, command: str = "no-such-program", completes: str | None = None) -> Job:
    """A job in an empty place: no program is there."""
    skill = Skill(
        name="writer", description="Writes.", command=command, completes=completes, folder=str(folder), shipped=False
    )
    (folder / "SKILL.md").write_text("---\nname: writer\ndescription: Writes.\n---\nWrite.\n")
    environ = {"PATH": str(folder), "BATON_TASK": "t", "BATON_STEP": "0", "BATON_HOME": str(folder)}
    return Job(
        run="r-1",
        skill=skill,
        unit=Unit(step=0, key="s1", agent="writer"),
        model="a-model",
        workspace=str(folder),
        prompt_file=str(folder / "prompt.md"),
        environ=environ,
    )


def test_the_harnesses_are_found() -> None:
    assert set(NAMES) == {"claude", "codex", "gemini", "opencode", "copilot", "cursor", "api", "command", "script"}


@pytest.mark.parametrize("name", [name for name in FILES if name not in HARNESSES])
def test_a_file_that_is_no_harness_does_not_look_like_one(name: str) -> None:
    assert not hasattr(import_module(f"baton.adapters.harnesses.{name}"), "Harness")


@pytest.mark.parametrize("name", sorted(set(HARNESSES) - set(FILES)))
def test_a_harness_without_a_file_is_refused_by_name(name: str) -> None:
    with pytest.raises(HarnessMissing, match=f"'{name}' is not built"):
        made(name)


@every_harness
def test_it_is_made_with_the_settings_of_harnesses_and_nothing_else(name: str) -> None:
    kind: Any = type(made(name))
    (parameter,) = inspect.signature(kind).parameters.values()
    assert (parameter.name, parameter.annotation) == ("settings", "HarnessSettings")


@every_harness
def test_it_bears_the_name_of_its_file(name: str) -> None:
    assert made(name).name == name


@every_harness
def test_its_secrets_are_names_of_variables(name: str) -> None:
    secrets = made(name).secrets
    assert isinstance(secrets, tuple)
    assert all(secret.isidentifier() and secret.isupper() for secret in secrets)


@every_harness
def test_what_it_is_given_by_name_is_no_secret_or_one_but_not_both(name: str) -> None:
    harness = made(name)
    assert not set(harness.secrets) & set(harness.variables)
    assert all(variable.isidentifier() and variable.isupper() for variable in harness.variables)


@every_harness
def test_what_is_done_and_gets_on_is_known_from_the_start(name: str) -> None:
    harness = made(name)
    listener = harness.listener()
    assert (listener.progress, listener.is_done) == (0, False)
    listener.feed(b'{"type": "never seen"}\n')
    assert listener.progress > 0
    assert isinstance(harness.is_talkative, bool)


@every_harness
def test_where_it_looks_for_skills_is_a_folder_inside_the_workspace_or_nowhere(name: str) -> None:
    folder = made(name).skills_folder
    assert folder is None or not {"", ".", "..", ".git"} & set(folder.split("/"))


@every_harness
def test_a_missing_program_is_said_with_its_cure_before_anything_starts(name: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessMissing) as caught:
        made(name).invocation(a_job(tmp_path))
    assert caught.value.cure
    assert "\n" not in caught.value.message + caught.value.cure


@every_harness
@pytest.mark.parametrize("spoil", ["folder", "mode"])
def test_what_cannot_be_executed_is_as_good_as_missing(name: str, spoil: str, tmp_path: Path) -> None:
    path = tmp_path / program_of(name)
    path.mkdir() if spoil == "folder" else path.write_text("#!/bin/false\n")
    with pytest.raises(HarnessMissing) as caught:
        made(name).invocation(a_job(tmp_path))
    assert caught.value.cure


@every_harness
def test_the_program_is_found_in_the_path_of_the_job(name: str, tmp_path: Path) -> None:
    path = tmp_path / program_of(name)
    path.write_text("#!/bin/false\n")
    path.chmod(0o755)
    invocation = made(name).invocation(a_job(tmp_path))
    assert invocation.argv[0] == str(path)
    assert all(isinstance(word, str) for word in (*invocation.argv, *invocation.environ, *invocation.environ.values()))
    assert not any(variable.startswith("BATON_") or variable == "PATH" for variable in invocation.environ)


@every_harness
def test_a_verdict_can_be_kept_and_says_why_where_it_is_not_completed(name: str, tmp_path: Path) -> None:
    harness = made(name)
    for ending in ENDINGS:
        for completes in (None, "agent"):
            verdict = harness.verdict(a_job(tmp_path, completes=completes), ending, harness.listener())
            assert isinstance(verdict, Verdict)
            assert verdict.completed or isinstance(verdict.kind, FailureKind)
            assert not (verdict.completed and (ending.exit_code != 0 or completes))
            assert len(verdict.summary or "") <= SUMMARY_LIMIT
            assert "\n" not in verdict.message
            assert all(isinstance(value, int | float) for value in verdict.usage.values())


@every_harness
def test_the_same_end_is_judged_the_same_twice(name: str, tmp_path: Path) -> None:
    harness = made(name)
    heard = harness.listener()
    heard.feed(b'{"type": "result"}\nno newline')
    verdicts = [harness.verdict(a_job(tmp_path), ENDINGS[0], heard) for _ in range(2)]
    assert verdicts[0] == verdicts[1]
    assert msgspec.json.encode(verdicts[0])


@every_harness
@given(pieces=st.lists(st.binary() | st.text().map(str.encode)))
@settings(max_examples=50, deadline=None)
def test_a_listener_takes_anything_and_its_last_line_is_one_line(name: str, pieces: list[bytes]) -> None:
    listener = made(name).listener()
    for piece in pieces:
        listener.feed(piece)
        line = listener.last_line()
        assert len(line) <= LINE_LIMIT
        assert len(line.splitlines()) <= 1


@every_harness
def test_each_run_has_a_listener_of_its_own(name: str) -> None:
    harness = made(name)
    first = harness.listener()
    first.feed(b"a line\n")
    assert harness.listener() is not first
    assert harness.listener().last_line() == ""
