"""Harnesses that the settings describe: the worked examples of the page run as they stand there; rules one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.adapters.captured import a_job, an_end
from tests.engine.homes import PATH, ScratchHome, scratch_home

from baton.cli.preparing import harness_named
from baton.domain.errors import HarnessMissing
from baton.domain.exchange import Verdict
from baton.domain.harness_settings import HarnessSettings
from baton.domain.statuses import FailureKind
from baton.ports import Harness

PAGE = (Path(__file__).resolve().parents[2] / "docs/harnesses.md").read_text("utf-8")
SCRIBE, POET = (yaml.safe_load(block)["harness"] for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    """A home that is empty."""
    yield from scratch_home(tmp_path / "home")


def program(home: ScratchHome, name: str, acts: str) -> str:
    """Put a program of this name into PATH that does this; return that PATH."""
    path = home.root / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{acts}\n")
    path.chmod(0o755)
    return f"{path.parent}:{PATH}"


def described(**how: Any) -> Harness:
    """A harness described like this."""
    settings = msgspec.convert({"own": {"x-mine": {"argv": ["mine"], **how}}}, HarnessSettings)
    return harness_named("x-mine", settings)


def judged(printed: str, exit_code: int = 0, stderr: str = "", **how: Any) -> Verdict:
    """The verdict on a run that printed this, under this description."""
    harness = described(**how)
    heard = harness.listener()
    heard.feed(printed.encode())
    return harness.verdict(a_job(), an_end(exit_code, stderr), heard)


# -- the page -----------------------------------------------------------------------------------------------------


def test_the_program_of_the_page_that_prints_json_runs_as_it_is_described(home: ScratchHome) -> None:
    events = [
        {"event": "begin", "session": {"id": "s-77"}},
        {"event": "waiting", "reason": "busy"},
        {"event": "tool", "tool": {"name": "shell", "reason": "write"}},
        {"event": "said", "message": {"text": "It is written."}},
        {"event": "end", "usage": {"read": 12, "written": 34}},
    ]
    prints = "\n".join(f"echo '{json.dumps(event)}'" for event in events)
    acts = 'cat >"$BATON_HOME/stdin"; echo "$@" >"$BATON_HOME/argv"; echo "$SCRIBE_KEY" >"$BATON_HOME/key"\n'
    path = program(home, "scribe", f"{acts}echo text >out.md; complete_step.py --output out.md >/dev/null\n{prints}")
    home.settings(harness=SCRIBE)
    home.agent("writer", model="quill")
    home.task("t", "writer")

    answer = home.run("invoke_agent.py", "writer", "t", "--json", PATH=path, SCRIBE_KEY="key-of-a-test")

    assert (answer.code, answer.json["outcome"]) == (0, "completed")
    (run,) = home.runs("t")
    assert (run["harness"], run["session"]) == ("x-scribe", "s-77")
    used = {"runs": 1, "unpriced_runs": 1, "input_tokens": 12, "output_tokens": 34}
    assert run["usage"] == {**used, "models": {"quill": used}}
    assert (home.lines("argv"), home.lines("key")) == (["--json --model quill"], ["key-of-a-test"])
    assert (home.root / "stdin").read_text() == home.prompts("t")[0]


@pytest.mark.parametrize(
    ("acts", "kind"),
    [
        ('echo \'{"event": "error", "error": {"message": "No ink left"}}\'; exit 1', "credit"),
        ('echo \'{"event": "error", "error": {"message": "Hm", "code": 429}}\'; exit 1', "rate_limit"),
        ("echo 'cannot log in' >&2; exit 7", "auth"),
        ('echo \'{"event": "said", "message": {"text": "I am"}}\'', "no_result"),
        ('echo \'{"event": "said", "message": {"text": "I am"}}\'; echo \'{"event": "end"}\'', "no_report"),
        ('echo \'{"event": "end"}\'', "no_result"),
    ],
)
def test_the_program_of_the_page_fails_as_it_is_described(home: ScratchHome, acts: str, kind: str) -> None:
    path = program(home, "scribe", f"cat >/dev/null; {acts}")
    home.settings(harness=SCRIBE)
    home.agent("writer")
    home.task("t", "writer")
    assert home.run("invoke_agent.py", "writer", "t", "--json", PATH=path).code == 1
    assert [run["kind"] for run in home.runs("t")] == [kind]


@pytest.mark.parametrize(
    ("acts", "outcome", "kind"),
    [
        ("echo 'Roses are red.'; echo 'THE END'", "completed", None),
        ("echo 'Roses are red.'", "not_completed", "no_result"),
        ("echo 'out of rhymes' >&2; exit 1", "failed", "rate_limit"),
        ("echo 'Out of rhymes'; exit 1", "failed", "rate_limit"),
        ("exit 4", "failed", "exit_code"),
    ],
)
def test_the_program_of_the_page_that_prints_text_is_judged_by_its_words(
    home: ScratchHome, acts: str, outcome: str, kind: str | None
) -> None:
    path = program(home, "poet", f'test -s "$1" || exit 9\n{acts}')
    home.settings(harness=POET)
    home.agent("writer")
    home.task("t", "writer")
    home.run("invoke_agent.py", "writer", "t", "--json", PATH=path)
    (run,) = home.runs("t")
    assert (run["outcome"], run["kind"]) == (outcome, kind)


def test_the_tables_of_the_page_name_what_each_harness_gets_and_how_it_is_installed() -> None:
    for name in ("claude", "codex", "gemini", "opencode", "copilot", "cursor"):
        harness: Any = harness_named(name)
        rows = [row.split(" | ") for row in PAGE.splitlines() if row.startswith(f"| `{name}` |")]
        install, given, left = (row for row in rows)
        assert harness.install.replace("|", "\\|") in " | ".join(install)
        cells = [tuple(re.findall(r"`([^`]+)`", cell)) for cell in given[1:]]
        assert cells == [harness.secrets, harness.variables, harness.home], name
        assert tuple(re.findall(r"`([A-Z_]+(?:KEY|TOKEN))`", left[1])) == harness.keys, name


# -- rules --------------------------------------------------------------------------------------------------------


def argv(words: list[str], **job: Any) -> list[str]:
    path = "/usr/bin:/bin"
    return list(described(argv=["true", *words]).invocation(a_job(path, **job)).argv[1:])


@pytest.mark.parametrize(
    ("words", "job", "filled"),
    [
        (["--model", "{model}", "-"], {"model": "m"}, ["--model", "m", "-"]),
        (["--model", "{model}", "-"], {}, ["-"]),
        (["-", "{model}"], {}, ["-"]),
        (["run", "{resume}"], {}, ["run"]),
        (["--model={model}", "x"], {}, ["x"]),
        (["--model={model}"], {"model": "a b"}, ["--model=a b"]),
        (["{{}}", "{task}/{agent}"], {}, ["{}", "t/writer"]),
    ],
)
def test_a_word_without_a_value_goes_with_its_option(words: list[str], job: dict[str, Any], filled: list[str]) -> None:
    assert argv(words, **job) == filled


def test_a_missing_program_is_said_with_the_line_that_installs_it() -> None:
    with pytest.raises(HarnessMissing) as caught:
        described(install="pip install mine").invocation(a_job("/nowhere"))
    assert caught.value.cure == "install it with: pip install mine"


def test_what_is_given_leaves_what_the_operator_lets_through() -> None:
    harness = described(argv=["true"], environ={"A": "1", "B": "2"})
    assert harness.invocation(a_job("/usr/bin:/bin", A="theirs")).environ == {"B": "2"}


STREAM = {"text": {"text": "said"}, "failure": {"when": {"ok": False}, "text": "why"}, "result": {"when": {"ok": True}}}


@pytest.mark.parametrize(
    ("printed", "kind"),
    [
        ('{"said": "x"}\n{"ok": true}', FailureKind.NO_REPORT),
        ('{"said": "x"}\n{"ok": 1}', FailureKind.NO_RESULT),
        ('{"said": "x"}\n{"ok": false, "why": "Overloaded"}\n{"ok": true}', FailureKind.OVERLOADED),
        ('{"said": {"no": "text"}}\n{"ok": true}', FailureKind.NO_RESULT),
        ("Traceback (most recent call last)", FailureKind.NO_RESULT),
    ],
)
def test_objects_are_told_apart_by_their_values(printed: str, kind: FailureKind) -> None:
    assert judged(printed, parser="ndjson", stream=STREAM, success={"result": True}).kind is kind


def test_an_answer_is_asked_for_unless_the_rule_does_without() -> None:
    assert judged("").kind is FailureKind.NO_RESULT
    verdict = judged("", success={"text": False, "completes_step": True})
    assert (verdict.completed, verdict.summary) == (True, "")


def test_counts_are_summed_where_the_rule_says_so() -> None:
    usage = {"counts": {"input_tokens": "in"}, "adds": True}
    assert judged('{"in": 5}\n{"in": 6}\n{"in": "x"}', parser="ndjson", stream={"usage": usage}).usage == {
        "input_tokens": 11
    }


def test_a_skill_that_reports_by_itself_is_not_completed_by_the_rule() -> None:
    harness = described(success={"completes_step": True})
    heard = harness.listener()
    heard.feed(b"Done.")
    job = a_job()
    job = msgspec.structs.replace(job, skill=msgspec.structs.replace(job.skill, completes="agent"))
    assert harness.verdict(job, an_end(), heard).kind is FailureKind.NO_REPORT
