"""What the shipped agents do in a heartbeat, offline: the researcher makes tasks, the orchestrator reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import wait_for
from tests.skills.alone import agent
from tests.skills.campaigns import EXAMPLE, SCRIPTS, SETTINGS, SKILLS, environ

sys.path.insert(0, str(SKILLS / "keyword-researcher"))
from _offline.sources import all_sentences, read_sources
from more_tasks import new_keywords

from baton.store.slots import SlotFiles

STARVES = SETTINGS + "heartbeats: {agents: {orchestrator: }, min_backlog: {bakery: 2}}\n"


class Home:
    """A home with the example's campaign, active, with nothing started."""

    def __init__(self, root: Path) -> None:
        self.root = root / "home"
        self.answer("init_home.py", str(self.root))
        (self.root / "config/baton.yaml").write_text(STARVES)
        self.answer("campaign.py", "create", str(EXAMPLE / "campaign.yaml"))
        self.answer("activate_campaign.py", "bread", "--no-dispatch")

    def run(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPTS / script, *words],
            env=environ(self.root),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def answer(self, script: str, *words: str) -> Any:
        done = self.run(script, *words, "--json") if script != "activate_campaign.py" else self.run(script, *words)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def beat(self, name: str, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = self.answer("invoke_agent.py", name, "--heartbeat", *words)
        return found

    def block_all(self) -> None:
        """Keep what there is from being started, so that only the heartbeat works."""
        stop = self.root / "state/stop"
        stop.touch()  # else the others may begin while one is blocked
        for task in self.answer("task.py", "list"):
            if task["status"] == "blocked":
                continue
            self.answer("task.py", "block", task["id"], "--reason", "waits for a photo")
        stop.unlink()

    def settle(self) -> None:
        """Start nothing more, and wait until the agents that work on what was made have ended."""
        (self.root / "state/stop").touch()
        slots = SlotFiles(str(self.root / "state/slots"))
        wait_for(lambda: not any(slot.held or slot.supervised for slot in slots.states()))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.settle()


def test_the_researcher_makes_tasks_of_keywords_that_nobody_has_used(home: Home) -> None:
    home.block_all()
    (home.root / "config/baton.yaml").write_text(STARVES.replace("bakery: 2", "bakery: 5"))
    done = home.beat("keyword-researcher", "--project", "bakery")
    assert done["summary"].startswith("Made 2 tasks for project bakery: bread-at-home-")
    made = [task for task in home.answer("task.py", "list") if task["id"].startswith("bread-at-home-")]
    records = [home.answer("task.py", "show", task["id"]) for task in made]
    assert len(records) == 2
    for record in records:
        assert (record["project"], record["campaign"], record["created_by"]) == (
            "bakery",
            "bread",
            "keyword-researcher",
        )
        assert record["title"] == f"Bread at home: {record['keywords'][0]}"
        assert next(step["agent"] for step in record["pipeline"]) == "keyword-researcher"
    assert not {record["keywords"][0] for record in records} & {"sourdough starter", "rye bread", "bread crust"}


def test_asked_again_it_makes_others(home: Home) -> None:
    home.block_all()
    for _ in range(2):
        home.beat("keyword-researcher", "--project", "bakery")
        home.block_all()
    titles = [task["title"] for task in home.answer("task.py", "list")]
    assert len(set(titles)) == len(titles) == 5


def test_without_a_project_it_has_nothing_to_research(home: Home) -> None:
    assert home.beat("keyword-researcher")["summary"].startswith("No project was named")


def test_sources_that_give_nothing_new_are_told_and_nothing_is_made(home: Home) -> None:
    home.block_all()
    sources = home.root / "projects/bakery/campaigns/bread/sources"
    first, *others = sorted(sources.iterdir())
    for file in others:
        file.unlink()
    first.write_text("# Bread\n\nThe bread is in the oven and it is warm there.\n")
    done = home.beat("keyword-researcher", "--project", "bakery")
    assert done["summary"] == "Made no task for project bakery: its sources give no further keyword."
    assert len(home.answer("task.py", "list")) == 3


def test_new_keywords_are_none_that_was_used_nor_a_part_of_one() -> None:
    texts = [one.text for one in all_sentences(read_sources(EXAMPLE))]
    first = new_keywords(texts, ["rye bread", "sourdough starter"], 4)
    again = new_keywords(texts, ["rye bread", "sourdough starter", *first], 4)
    assert len(first) == len(again) == 4
    assert not set(first) & set(again) and not {"rye", "bread", "starter"} & {*first, *again}


def test_the_orchestrator_reports_what_needs_judgement(home: Home) -> None:
    home.block_all()
    done = home.beat("orchestrator")
    report = (home.root / f"projects/default/agents/orchestrator/{done['run']}.md").read_text()
    assert done["summary"] == f"Reported 3 matters in {done['run']}.md."
    assert [line for line in report.splitlines() if line.startswith("#")][1:] == [
        "## Needs a person",
        "## Done by me",
        "## Seen",
    ]
    assert "(person): waits for a photo | `task.py unblock bread-001` |" in report
    assert "- campaign bread: active, 0 of 3" in report
    assert all(task["status"] == "blocked" for task in home.answer("task.py", "list"))


def test_it_tries_again_only_what_interruptions_have_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    orchestrator = agent("orchestrator")
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(orchestrator, "answer", lambda *words: called.append(words) or {})
    kinds = ("attempts", "interruptions", "person", "review")
    blocked = [{"task": f"t-{kind}", "kind": kind, "reason": "x", "cure": "y"} for kind in kinds]
    assert orchestrator.retried(blocked) == [("`task.py retry t-interruptions`", "done")]
    assert called == [("task.py", "retry", "t-interruptions", "--json")]


def test_a_sight_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    own = {"BATON_HEARTBEAT": "hand", "BATON_AGENT": "orchestrator", "BATON_HOME": str(tmp_path), "BATON_RUN": "r-1"}
    for more, said in (
        ({}, "BATON_SIGHT_FILE is not set"),
        ({"BATON_SIGHT_FILE": "/nowhere"}, "/nowhere cannot be read"),
    ):
        done = subprocess.run(
            [SKILLS / "orchestrator/offline_orchestrator.py"],
            env={"PATH": os.defpath, "BATON_PYTHON": sys.executable, **own, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith(f"orchestrator: {said}")
