"""What every part of the demo works with: the home, the screen, the log that is read, and the campaign in it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from baton.demo.agents import Agents
from baton.demo.board import Board
from baton.demo.journal import Journal, seconds
from baton.demo.scratch import DemoFailed, Done, Scratch, shown
from baton.demo.screen import Screen

DRAW_SECONDS = 0.1
FACTS = ("skipped", "stale_released", "redispatched", "archived", "found", "errors")


class Scene:
    """One run of the demo in one home."""

    def __init__(self, home: Scratch, screen: Screen, agents: Agents) -> None:
        self.home = home
        self.screen = screen
        self.agents = agents
        self.journal = Journal(home.path)
        self.board = Board([], [], {})
        self.campaign: dict[str, Any] = {}
        self.tasks: list[str] = []
        self.killed: dict[str, float] = {}
        """When a run was killed, in seconds since the epoch."""
        self.began = time.monotonic()
        self._told = 0
        self._drawn = 0.0

    @property
    def slug(self) -> str:
        """The campaign's id."""
        return str(self.campaign["id"])

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps of the campaign's pipeline."""
        return list(self.campaign["snapshot"]["main_steps"])

    @property
    def branches(self) -> list[dict[str, Any]]:
        """What is done beside the line: the branches of the pipeline that the campaign has not switched off."""
        wanted = self.campaign["deliverables"]
        found = self.campaign["snapshot"].get("parallel_branches") or []
        return [branch for branch in found if wanted.get(branch.get("deliverable") or "", True)]

    @property
    def folder(self) -> Path:
        """The campaign's folder: what its agents read and write."""
        return self.home.path.joinpath("projects", self.campaign["project"], "campaigns", self.slug)

    @property
    def count(self) -> int:
        """How many tasks the campaign is going to have."""
        return 1 if self.campaign["generate"] == "batch" else int(self.campaign["target_article_count"])

    def look_at_campaign(self, slug: str) -> None:
        """Read the campaign's record anew."""
        self.campaign = self.home.json("campaign.py", "show", slug, "--json")

    def project(self) -> dict[str, Any]:
        """Return the record of the campaign's project."""
        record: dict[str, Any] = self.home.json("project.py", "show", self.campaign["project"], "--json")
        return record

    def records(self) -> list[dict[str, Any]]:
        """Return the records of all tasks."""
        return [self.home.json("task.py", "show", task, "--json") for task in self.tasks]

    def elapsed(self) -> float:
        """Return for how many seconds the demo has been going on."""
        return time.monotonic() - self.began

    # -- commands -----------------------------------------------------------------------------------------------

    def done(self, script: str, *words: str | Path) -> Done:
        """Show a command and run it; that it fails is the demo's failure."""
        self.screen.command(shown(script, *words))
        done = self.home.run(script, *words)
        done.check()
        return done

    def sweep(self, count: int) -> list[dict[str, Any]]:
        """Sweep, ``count`` times at once, and say what came of it."""
        self.screen.command(" & ".join([shown("check_pipeline.py")] * count))
        answers = [done.json() for done in self.home.run_at_once(count, "check_pipeline.py")]
        for answer in answers:
            told = {name: answer[name] for name in FACTS if answer.get(name)}
            self.screen.note(json.dumps(told) if told else "nothing to repair, nothing to start")
            if answer.get("errors"):
                raise DemoFailed(f"the sweep could not do all of its work: {answer['errors'][0]}")
        return answers

    def tell_what_waits(self) -> None:
        """Ask why what does not run does not run, and say it in the dispatcher's words."""
        self.screen.command(shown("status.py"))
        status = self.home.json("status.py", "--json")
        reasons = [(one["task"], one["text"]) for one in status["waiting"]]
        reasons += [(one["task"], "ready: the next free slot is its own") for one in status["ready"]]
        for task, reason in reasons:
            self.screen.item(task, reason)
        if not reasons:
            self.screen.note("nothing waits")

    # -- watching -----------------------------------------------------------------------------------------------

    def watch(self) -> Iterator[None]:
        """Follow the event log, and show what has changed, until every task is completed or cannot go on."""
        swept = heard = time.monotonic()
        while True:
            if self.look():
                heard = time.monotonic()
            if self.board.is_finished:
                return
            yield
            now = time.monotonic()
            if now - swept > self.agents.sweep_seconds:
                self.home.json("check_pipeline.py")
                swept = now
            if now - heard > self.agents.silence_seconds:
                raise DemoFailed(f"nothing has happened for {self.agents.silence_seconds:g} s")
            time.sleep(self.agents.pause_seconds)

    def look(self) -> bool:
        """Take in what the log has told since the last look; tell whether there was anything."""
        self.journal.news()
        fresh, self._told = self.journal.events[self._told :], len(self.journal.events)
        for event in fresh:
            change = self.board.take(event)
            if change and not self.screen.is_live:
                self.screen.item(f"{seconds(event['at']) - self.journal.began:.1f} s", change)
        if self.screen.is_live and (fresh or time.monotonic() - self._drawn > DRAW_SECONDS):
            self._drawn = time.monotonic()
            hint = "" if self.board.is_finished else "; Ctrl-C ends it"
            footer = f"{time.time() - self.journal.began:.1f} s{hint}"
            self.screen.draw(self.board.rows(footer, self.screen.height - 2))
        return bool(fresh)
