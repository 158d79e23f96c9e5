"""``memory.py``, and memory on its way through runs and sweeps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.cli.homes import Home

SECRET = "s3cret-value-of-a-key"
READER = """\
#!/bin/sh
mkdir -p research
cp "$BATON_PROMPT_FILE" research/$BATON_TASK.md
memory.py note "The operator likes short titles" || :
"""


def working(home: Home, agent: str = "alpha") -> Path:
    return home.root / f"memory/WORKING/{agent}.md"


def prompt_of(home: Home, agent: str = "alpha", task: str = "t-1") -> str:
    home.wake()
    home.run("invoke_agent", agent, task)
    home.settle()
    return (home.workspace(task) / f"research/{task}.md").read_text()


def test_an_agent_is_given_its_memory_and_leaves_a_line_in_it(home: Home) -> None:
    home.agent("alpha", READER)
    working(home).write_text("- British spelling\n")
    home.make_task(agents=["alpha"])
    prompt = prompt_of(home)
    assert "\n## Your working memory\n" in prompt and "\n> - British spelling\n" in prompt
    assert working(home).read_text() == "- British spelling\n- The operator likes short titles\n"


def test_a_memory_of_ten_megabytes_breaks_no_run_and_does_not_reach_the_prompt(home: Home) -> None:
    home.agent("alpha", READER)
    working(home).write_bytes(b"\xff\x00 begin\n" + b"x" * 10_000_000)
    home.make_task(agents=["alpha"])
    prompt = prompt_of(home)
    assert len(prompt) < 25_000
    assert "it is 10000009 bytes long, and 16384 were given" in prompt
    assert home.record()["status"] == "completed"
    [run] = (home.state / "runs/t-1").glob("*.json")
    assert '"bytes_left_out"' in run.read_text()


def test_a_secret_in_memory_reaches_no_prompt_and_the_operator_is_told_which_file(home: Home) -> None:
    home.agent("alpha", READER)
    (home.root / ".env").write_text(f"SEO_API_KEY={SECRET}\n")
    (home.root / ".env").chmod(0o600)
    working(home).write_text(f"- the key is {SECRET}\n")
    home.make_task(agents=["alpha"])
    assert home.ok("memory", "list", "--json").json[0]["problem"] == "holds secrets"
    prompt = prompt_of(home)
    assert SECRET not in prompt and "> - the key is ***" in prompt
    assert SECRET not in working(home).read_text()
    told = next(event for event in home.events() if event["type"] == "memory_redacted")
    assert (told["task"], told["data"]["file"]) == ("t-1", "memory/WORKING/alpha.md")


def test_what_was_sent_back_is_a_lesson_in_the_next_prompt(home: Home) -> None:
    home.agent("alpha", READER)
    home.make_task(agents=["alpha", "beta"])
    home.make_task("t-2", agents=["alpha"])
    home.complete("t-1", "alpha")
    home.acquire("t-1", "beta")
    home.ok("request_revision", "t-1", "--agent", "beta", "--to-step", "0", "--notes", "Name every source")
    home.ok("check_pipeline")
    [lesson] = home.ok("memory", "show", "alpha", "--json").json["lessons"]
    assert lesson.endswith("task t-1, sent back by beta: Name every source")
    assert f"\n> {lesson}\n" in prompt_of(home, task="t-2")
    [page] = (home.root / "memory/daily").iterdir()
    assert "Task t-1 was sent back to step 0 by beta: Name every source" in page.read_text()
    assert home.ok("memory", "show", page.stem).out == page.read_text()


def test_a_memory_that_leads_out_of_the_folder_is_not_given(home: Home) -> None:
    home.agent("alpha", READER)
    theirs = Path(home.file("theirs.md", "private words"))
    working(home).symlink_to(theirs)
    home.make_task(agents=["alpha"])
    prompt = prompt_of(home)
    assert "private words" not in prompt and "leads out of" in prompt
    assert (theirs.read_text(), home.record()["status"]) == ("private words", "completed")


def test_pages_older_than_retention_are_removed(home: Home) -> None:
    old = home.root / "memory/daily/2020-01-01.md"
    old.write_text("# 2020-01-01\n")
    mine = home.root / "memory/daily/notes.md"
    mine.write_text("mine\n")
    home.ok("check_pipeline")
    assert (old.exists(), mine.exists()) == (False, True)


# -- the script ---------------------------------------------------------------------------------------------------


def test_a_note_is_added_once_and_never_a_secret(home: Home) -> None:
    (home.root / ".env").write_text(f"SEO_API_KEY={SECRET}\n")
    first = home.ok("memory", "note", "use", SECRET, "--agent", "alpha", "--json").json
    again = home.ok("memory", "note", "use", SECRET, "--agent", "alpha", "--json").json
    assert [(one["added"], one["masked"]) for one in (first, again)] == [(True, 1), (False, 1)]
    assert working(home).read_text() == "- use ***\n"


def test_a_note_for_which_there_is_no_room_is_refused_with_the_cure(home: Home) -> None:
    working(home).write_text("x" * 16_380)
    done = home.call("memory", "note", "one more line", "--agent", "alpha")
    assert done.code == 1
    assert "would be longer than 16384 bytes" in done.err and "memory.py forget alpha" in done.err
    assert working(home).stat().st_size == 16_380


@pytest.mark.parametrize(
    "words",
    [
        ["note", "x"],
        ["note", "x", "--agent", "../x"],
        ["note", " ", "--agent", "alpha"],
        ["note", "x" * 1001, "--agent", "alpha"],
        ["forget", "alpha"],
        ["forget", "alpha", "--all", "--containing", "x"],
        ["forget", "../x", "--all"],
    ],
)
def test_wrong_words_are_refused(home: Home, words: list[str]) -> None:
    assert home.call("memory", *words, "--json").refusal == (2, "invalid_input")


@pytest.mark.parametrize("name", ["2026-01-01", "WORKING/nobody.md", "../.env", "long-term/../../.env", "/etc/passwd"])
def test_a_page_that_is_not_there_or_not_in_memory_is_not_shown(home: Home, name: str) -> None:
    (home.root / ".env").write_text("A_KEY=1\n")
    assert home.call("memory", "show", name, "--json").refusal == (1, "invalid_input")


def test_forgetting_lines_and_all(home: Home) -> None:
    working(home).write_text("- Short titles\n- British\n")
    lessons = home.root / "memory/long-term/LESSONS_LEARNED.md"
    lessons.write_text("## alpha\n\n- short is good\n- long is bad\n\n## beta\n- short\n")
    some = home.ok("memory", "forget", "alpha", "--containing", "short", "--json").json
    assert (some["removed"], some["lessons"]) == (1, 1)
    assert working(home).read_text() == "- British\n"
    everything = home.ok("memory", "forget", "alpha", "--all", "--json").json
    assert (everything["removed"], everything["lessons"]) == (1, 1)
    assert (working(home).exists(), "## beta\n- short\n" in lessons.read_text()) == (False, True)
    assert home.call("memory", "forget", "alpha", "--all", "--json").refusal == (1, "invalid_input")


def test_the_list_says_what_is_wrong_with_a_file(home: Home) -> None:
    working(home, "big").write_text("x" * 20_000)
    os.mkfifo(working(home, "pipe"))
    working(home).write_text("- fine\n")
    found = {one["name"]: one["problem"] for one in home.ok("memory", "list", "--json").json}
    assert found["WORKING/alpha.md"] is None
    assert found["WORKING/big.md"] == "too long: a prompt takes 16384 bytes"
    assert found["WORKING/pipe.md"].endswith("is no file")


def test_a_note_is_kept_under_a_broken_settings_file(home: Home) -> None:
    home.settings("concurency: 2\n")
    home.ok("memory", "note", "hello", "--agent", "alpha")
    assert working(home).read_text() == "- hello\n"


def test_doctor_warns_of_memory_that_is_too_long_or_holds_a_secret(home: Home) -> None:
    working(home, "big").write_text("x" * 20_000)
    working(home).write_text(f"ghp_{'a' * 36}\n")
    found = {one["message"] for one in home.call("doctor", "--json").json["warnings"] if one["check"] == "memory"}
    assert found == {
        "memory/WORKING/alpha.md: holds secrets",
        "memory/WORKING/big.md: too long: a prompt takes 16384 bytes",
    }
