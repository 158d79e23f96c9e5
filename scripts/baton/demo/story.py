"""What the demo does, in its order. Every step says what it is for, shows the command, and looks at what came of it."""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from baton.demo import evidence, processes
from baton.demo.board import Board
from baton.demo.loopback import Telegram
from baton.demo.scratch import SCRIPTS, DemoFailed, Done, Scratch, shown
from baton.demo.screen import Screen

HERE = Path(__file__).resolve().parent
CAMPAIGN = "bread"
PAUSE_SECONDS = 0.2
PATIENCE_SECONDS = 90.0
# The agents of the demo work for about two seconds each: at this age one is in the middle of its step.
MIDDLE_SECONDS = 0.8
LOOK_SECONDS = 0.8
HELD_EXIT_CODE = 75
LINE_WIDTH = 96
ARTICLE_LINES = 8
FACTS = ("skipped", "stale_released", "redispatched", "archived", "found", "errors")


class Story:
    """One run of the demo in one home."""

    def __init__(self, home: Scratch, screen: Screen) -> None:
        self._home = home
        self._screen = screen
        self._began = time.monotonic()
        self._tasks: list[str] = []
        self._board = Board([], {})

    def tell(self) -> None:
        """Do all of it."""
        telegram = Telegram()
        try:
            self._home.environ |= telegram.environ
            self._make_home()
            self._make_campaign(telegram)
            self._activate()
            self._kill_one()
            self._sweep_twice()
            self._finish()
            self._show_files()
            self._show_message(telegram)
            self._check()
        finally:
            telegram.close()

    # -- before -------------------------------------------------------------------------------------------------

    def _make_home(self) -> None:
        path = self._home.path
        self._screen.step("Make a home: one folder of plain files that holds everything.")
        self._done("init_home.py", path)
        self._screen.command(f"export BATON_HOME={path}")
        self._screen.step(
            "Bring in three agents. An agent is a folder with a SKILL.md; these run a small Python program."
        )
        self._screen.command(f"cp -R {shown('baton/demo/skills')}/. $BATON_HOME/skills")
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(HERE / "skills", path / "skills", dirs_exist_ok=True, ignore=ignored)

    def _make_campaign(self, telegram: Telegram) -> None:
        self._screen.step("Make a pipeline of three steps, and a campaign: three articles from three source texts.")
        self._done("pipeline.py", "create", HERE / "pipeline.yaml")
        self._done("campaign.py", "create", HERE / "campaign.yaml")
        self._screen.step(
            "Sweep once, as cron will each minute. There is nothing to repair; from here on news is sent."
        )
        self._screen.note(f"Telegram is a stand-in on this machine: {telegram.environ['TELEGRAM_API_BASE']}", "dim")
        self._sweep(1)

    def _activate(self) -> None:
        self._screen.step("Activate the campaign: its tasks are made, and agents start in the background.")
        answer = self._done("activate_campaign.py", CAMPAIGN).json()
        self._tasks = answer["created"]
        if len(self._tasks) != 3 or not answer["dispatched"]:
            raise DemoFailed(f"three tasks should have been made and started, not {answer}")
        self._screen.note(f"made {', '.join(self._tasks)}; started {answer['dispatched']} supervisors")
        campaign = self._home.json("campaign.py", "show", CAMPAIGN, "--json")
        steps = [step["output_dir"] for step in campaign["snapshot"]["main_steps"]]
        self._board = Board(steps, dict(zip(self._tasks, campaign["seed_keywords"], strict=True)))
        self._screen.step("Watch them work.")
        self._screen.command(shown("task.py", "list"))

    # -- the fault ----------------------------------------------------------------------------------------------

    def _kill_one(self) -> None:
        """Kill a supervisor and its agent in the middle of a step; where one was quicker, try the next step."""
        for _ in self._watched():
            for worker in processes.workers(self._home.path):
                is_in_the_middle = worker.name != "source-reader" and processes.age(worker.agent) >= MIDDLE_SECONDS
                if is_in_the_middle and self._has_killed(worker):
                    return
        raise DemoFailed(
            "no agent could be killed in the middle of its step, so the demo has not shown what it promises"
        )

    def _has_killed(self, worker: processes.Worker) -> bool:
        count = processes.kill([worker.supervisor, worker.agent])
        lease = self._home.json("task.py", "show", worker.task, "--json")["lease"] or {}
        if count == 2 and lease.get("run") == worker.run and not lease.get("report"):
            self._tell_of_the_death(worker)
            return True
        if count:  # it had done its work already; what is left of its run has to be ended all the same
            self._screen.note(
                f"{worker.name} on {worker.task} was quicker than the kill; the next step is tried", "dim"
            )
            self._board.killed.add(worker.run)
            self._home.json("check_pipeline.py")
        return False

    def _tell_of_the_death(self, worker: processes.Worker) -> None:
        self._board.killed.add(worker.run)
        self._screen.step(f"Kill {worker.name} in the middle of its step, together with its supervisor.")
        self._screen.command(f"kill -9 {worker.supervisor.pid} {worker.agent.pid}")
        self._screen.note(f"{worker.task} stays held: until its run is proven dead, nobody else may work on it.")
        words = ("invoke_agent.py", worker.name, worker.task)
        self._screen.command(shown(*words))
        refused = self._home.run(*words)
        if refused.code != HELD_EXIT_CODE:
            raise DemoFailed(f"'{refused.command}' should have been refused, and ended with exit code {refused.code}")
        self._screen.note(f"exit code {refused.code}: {refused.err.splitlines()[0]}")
        end = time.monotonic() + LOOK_SECONDS
        for _ in self._watched():
            if time.monotonic() > end:
                return

    def _sweep_twice(self) -> None:
        self._screen.step("Two sweeps at once: one proves the death and starts an agent anew, the other steps aside.")
        answers = self._sweep(2)
        released = sum(answer.get("stale_released", 0) for answer in answers)
        if released < 1:
            raise DemoFailed("the sweep has not taken the killed task back")
        if not any("skipped" in answer for answer in answers):
            self._screen.note("(the other came when the first had ended, and found nothing left to do)", "dim")

    # -- after --------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        for _ in self._watched():
            pass
        self._screen.leave_table()
        self._screen.step("Everything is done, without another word from us.")
        answer = self._done("campaign.py", "show", CAMPAIGN, "--json").json()
        if answer["status"] != "completed" or answer["tasks"] != {"completed": len(self._tasks)}:
            raise DemoFailed(
                f"the campaign should be completed, and is {answer['status']} with tasks {answer['tasks']}"
            )
        self._screen.note(
            f"campaign {CAMPAIGN} is completed: {answer['progress']['completed']} of {len(self._tasks)} tasks"
        )
        if (SCRIPTS / "status.py").exists():
            self._screen.note(self._done("status.py").out)

    def _show_files(self) -> None:
        folder = self._home.path / "projects/bakery/campaigns" / CAMPAIGN
        self._screen.step("What they have written.")
        self._screen.command(f"ls -R $BATON_HOME/{folder.relative_to(self._home.path)}")
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.parent.name != "sources":
                self._screen.note(f"{path.stat().st_size:>7} bytes  {path.relative_to(folder)}")
        article = folder / "final" / f"{self._tasks[0]}.md"
        self._screen.step(f"How {article.relative_to(folder)} begins, and the manifest.")
        text = article.read_text(encoding="utf-8")
        lines = [part for line in text.splitlines() for part in textwrap.wrap(line, LINE_WIDTH)]
        self._screen.note("\n".join(f"| {line}" for line in lines[:ARTICLE_LINES]))
        manifest = evidence.manifest(folder)
        self._screen.note(f"manifest.json names {len(manifest)} files, and each is as it says:")
        for entry in manifest:
            self._screen.note(f"| {json.dumps(entry | {'sha256': entry['sha256'][:12] + '...'})}")

    def _show_message(self, telegram: Telegram) -> None:
        self._screen.step("One more sweep sends the rest of the news.")
        self._sweep(1)
        if not any(f"Campaign {CAMPAIGN} is completed" in text for text in telegram.texts):
            raise DemoFailed("no message arrived which says that the campaign is completed")
        self._screen.note(f"{len(telegram.texts)} messages arrived at the stand-in for Telegram:")
        for text in telegram.texts:
            self._screen.note("\n".join(f"| {line}" for line in text.splitlines()))

    def _check(self) -> None:
        self._screen.step("Check that nothing was lost, doubled or left behind.")
        while self._home.processes() and self._elapsed() < PATIENCE_SECONDS:
            time.sleep(PAUSE_SECONDS)
        records = [self._home.json("task.py", "show", task, "--json") for task in self._tasks]
        records.append(self._home.json("campaign.py", "show", CAMPAIGN, "--json"))
        events = evidence.events(self._home.path, records)
        evidence.nothing_is_held(self._home, records)
        again = self._home.json("check_pipeline.py")
        if again["found"] or again["errors"]:
            raise DemoFailed(f"the last sweep should have found nothing to do, and found {again}")
        self._screen.note(
            f"{events} events in the histories of {len(self._tasks)} tasks and the campaign, each in the log exactly "
            "once; no lease, no slot held, no process left; another sweep finds nothing to do.",
            "good",
        )
        self._screen.say()
        self._screen.say(("", f"All of that took {self._elapsed():.1f} seconds."))

    # -- the parts ----------------------------------------------------------------------------------------------

    def _watched(self) -> Iterator[None]:
        """Look at the tasks again and again, and show what has changed, until all are done."""
        while not self._board.is_finished:
            tasks = self._home.json("task.py", "list", "--all", "--json", "--campaign", CAMPAIGN)
            changes = self._board.update(tasks)
            if self._screen.is_live:
                self._screen.draw(self._board.rows(f"{self._elapsed():.1f} s"))
            for change in () if self._screen.is_live else changes:
                self._screen.note(f"{self._elapsed():5.1f} s  {change}")
            stuck = [task for task in tasks if task["status"] in ("blocked", "cancelled")]
            if stuck:
                raise DemoFailed(f"task {stuck[0]['id']} is {stuck[0]['status']}: {stuck[0]['waits']}")
            if self._elapsed() > PATIENCE_SECONDS:
                raise DemoFailed(f"the campaign was not completed within {PATIENCE_SECONDS:g} s")
            yield
            time.sleep(PAUSE_SECONDS)

    def _sweep(self, count: int) -> list[dict[str, Any]]:
        self._screen.command(" & ".join([shown("check_pipeline.py")] * count))
        answers = [done.json() for done in self._home.run_at_once(count, "check_pipeline.py")]
        for answer in answers:
            told = {name: answer[name] for name in FACTS if answer.get(name)}
            self._screen.note(json.dumps(told) if told else "nothing to repair, nothing to start")
            if answer.get("errors"):
                raise DemoFailed(f"the sweep could not do all of its work: {answer['errors'][0]}")
        return answers

    def _done(self, script: str, *words: str | Path) -> Done:
        """Show a command and run it; that it fails is the demo's failure."""
        self._screen.command(shown(script, *words))
        done = self._home.run(script, *words)
        done.check()
        return done

    def _elapsed(self) -> float:
        return time.monotonic() - self._began
