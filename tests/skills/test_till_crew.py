"""The offline crew of examples/till: it works by what it finds, and its PM decides by what it reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import ROOT, SETTINGS, Home, wait_for

TILL = ROOT / "examples/till"
MENDED = "    share, rest = divmod(amount, people)\n    return [share + 1] * rest + [share] * (people - rest)\n"
LOSES = "    return [amount // people] * people\n"


class Shop:
    """A home with the crew, and a copy of the repository."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "home")
        self.home.environ["PATH"] = os.environ["PATH"]
        self.home.settings(SETTINGS.replace("backoff_max", "max_attempts: 1, backoff_max"))
        shutil.copytree(TILL / "skills", self.home.root / "skills", dirs_exist_ok=True)
        self.repo = root / "till"
        shutil.copytree(TILL / "repo", self.repo)

    def write(self, name: str, before: str, after: str) -> None:
        text = (self.repo / name).read_text()
        assert before in text
        (self.repo / name).write_text(text.replace(before, after))

    def git(self, *words: str) -> str:
        argv = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(argv, cwd=self.repo, check=True, capture_output=True, text=True).stdout

    def work(self) -> dict[str, Any]:
        """Commit what is there, let the crew work in this very folder, and return the record when it has ended."""
        self.git("init", "-q")
        self.git("add", ".")
        self.git("commit", "-qm", "first")
        self.home.wake()
        self.home.ok("assignment", "create", "All tests pass.", "--repo", str(self.repo), "--id", "fix")
        wait_for(lambda: self.home.record("fix")["status"] in ("completed", "blocked"), 90)
        return self.home.record("fix")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.home.settle()


# Behind a block waits a PM, which looks first when a person has answered.


def line(record: dict[str, Any]) -> list[str]:
    return [unit["agent"] for unit in record["pipeline"]]


def test_in_the_users_own_checkout_it_changes_files_and_commits_nothing(shop: Shop) -> None:
    record = shop.work()
    assert (record["status"], line(record)[-4:]) == ("completed", ["refine", "pm", "verify", "pm"])
    assert shop.git("status", "--porcelain") == " M test_till.py\n M till.py\n"
    assert MENDED in (shop.repo / "till.py").read_text()


def test_where_no_reviewer_finds_fault_nothing_is_sent_back(shop: Shop) -> None:
    guard = '    if people < 1:\n        raise ValueError("nobody pays")\n'
    shop.write("till.py", LOSES, guard + LOSES)
    record = shop.work()
    assert record["status"] == "completed"
    assert line(record) == ["plan", "pm", "implement", "pm", "review", "review", "pm", "verify", "pm"]


def test_a_change_that_no_test_notices_is_no_change_to_be_made(shop: Shop) -> None:
    shop.write("till.py", LOSES, MENDED)
    record = shop.work()
    assert (record["status"], line(record)) == ("completed", ["plan", "pm"])
    assert record["assignment"]["completion"].startswith("0 pieces; nothing fails")


def test_what_it_has_no_rule_for_it_leaves_to_a_person(shop: Shop) -> None:
    shop.write("till.py", LOSES, "    return [amount // people] * (people - 1)\n")
    record = shop.work()
    assert (record["status"], line(record)) == ("blocked", ["plan", "pm", "implement", "pm", "pm"])
    assert record["blocked"]["reason"].startswith("j3 could not mend it: Nothing was changed")


def test_a_job_that_fails_is_told_to_a_person(shop: Shop) -> None:
    shop.write("till.py", "def shares", "def shares(:\n    pass\n\n\ndef others")
    record = shop.work()
    assert (record["status"], line(record)) == ("blocked", ["plan", "retrospect", "pm", "pm"])
    assert "(plan) failed" in record["blocked"]["reason"]


# What a stand-in for assignment.py answers, call for call; the last of it lasts.
ANSWERS = """\
#!/bin/sh
echo asked >> {folder}/asked
asked=$(wc -l < {folder}/asked)
[ -e {folder}/$asked ] || asked=last
cat {folder}/$asked
"""
WAITS = """\
import sys
sys.path[:0] = [{skills!r}, {crew!r}]
from _crew import job
job.GROUP_SECONDS = {seconds}
job.Job().wait_for_group()
"""


def asked(folder: Path, group: str | None, statuses: list[str], *, seconds: float) -> int:
    """Let the second of two jobs wait for the first, whose status is told in turn; return how often it asked."""
    for number, status in enumerate(statuses, 1):
        jobs = [{"id": "j1", "group": group, "status": status}, {"id": "j2", "group": group, "status": "running"}]
        name = "last" if number == len(statuses) else str(number)
        (folder / name).write_text(json.dumps({"id": "fix", "jobs": jobs}))
    (folder / "bin").mkdir()
    script = folder / "bin/assignment.py"
    script.write_text(ANSWERS.format(folder=folder))
    script.chmod(0o755)
    environ = {
        "PATH": f"{folder}/bin:/usr/bin:/bin:{ROOT / 'scripts'}",
        "BATON_STEP": "1",
        "BATON_WORKSPACE": str(folder),
    }
    program = WAITS.format(skills=str(ROOT / "skills"), crew=str(TILL / "skills"), seconds=seconds)
    subprocess.run([sys.executable, "-c", program], env=environ, check=True, timeout=60)
    return (folder / "asked").read_text().count("asked")


def test_a_reviewer_waits_until_the_other_has_begun(tmp_path: Path) -> None:
    assert asked(tmp_path, "g1", ["pending", "pending", "pending", "running"], seconds=50) == 4


def test_a_reviewer_goes_on_where_there_is_no_slot_for_the_other(tmp_path: Path) -> None:
    assert asked(tmp_path, "g1", ["pending"], seconds=0.3) > 1


def test_a_job_of_no_group_waits_for_nobody(tmp_path: Path) -> None:
    assert asked(tmp_path, None, ["pending"], seconds=50) == 1
