"""What the demo does up to the end of the work: a home, a campaign, agents at work, one of them killed."""

from __future__ import annotations

import time
from pathlib import Path

from baton.demo import agents, processes, results
from baton.demo.board import Board
from baton.demo.loopback import Telegram
from baton.demo.scene import Scene
from baton.demo.scratch import REPOSITORY, DemoFailed, shown
from baton.demo.screen import counted

EXAMPLE = REPOSITORY / "examples/bread/campaign.yaml"
HELD_EXIT_CODE = 75
START_SECONDS = 60.0


class Story:
    """One run of the demo: ``file`` is the campaign, ``must_ask`` whether a person has to say yes before it costs."""

    def __init__(self, scene: Scene, file: Path, *, must_ask: bool) -> None:
        self._scene = scene
        self._home = scene.home
        self._screen = scene.screen
        self._file = file
        self._must_ask = must_ask

    def tell(self) -> None:
        """Do all of it."""
        telegram = Telegram()
        try:
            self._home.environ |= telegram.environ
            self._make_home()
            self._make_campaign()
            if self._must_ask:
                self._ask()
            self._begin_news(telegram)
            self._activate()
            self._kill_one()
            self._sweep_twice()
            for _ in self._scene.watch():
                pass
            self._screen.leave_table()
            results.show(self._scene, telegram, is_example=self._file == EXAMPLE)
        finally:
            telegram.close()

    # -- before -------------------------------------------------------------------------------------------------

    def _make_home(self) -> None:
        path = self._home.path
        self._screen.step("Make a home: one folder of plain files that holds everything.")
        self._scene.done("init_home.py", path)
        self._screen.command(f"export BATON_HOME={path}")
        settings = "\n".join(self._scene.agents.settings)
        (path / "config/baton.yaml").write_text(f"{settings}\n", encoding="utf-8")
        self._screen.command("cat > $BATON_HOME/config/baton.yaml")
        self._screen.note(settings, lead="| ")

    def _make_campaign(self) -> None:
        self._screen.step("Make a campaign: what to write about, from which texts, in which steps.")
        self._screen.command(shown("campaign.py", "create", self._file))
        made = self._home.run("campaign.py", "create", self._file, "--json")
        if made.code:
            message, cure = made.refusal()
            name = self._file.name
            raise agents.Refused(
                f"cannot create a campaign from {name}: {message.replace(str(self._file), name)}", cure
            )
        scene = self._scene
        scene.look_at_campaign(made.json()["id"])
        named = [scene.campaign["harness"], *(one.get("harness") for one in [*scene.steps, *scene.branches])]
        other = next((harness for harness in named if harness not in (None, scene.agents.harness)), None)
        if other:  # it would count more than the settings do, and run what nobody was asked about
            raise agents.Refused(
                f"cannot run {self._file.name}: it names the harness {other}, and this demo runs {scene.agents.harness}",
                "remove 'harness' from it; --agent says who works",
            )
        texts = [path.read_text("utf-8", "replace") for path in (scene.folder / "sources").rglob("*") if path.is_file()]
        topics = ", ".join(scene.campaign["seed_keywords"][: scene.count])
        words = sum(len(text.split()) for text in texts)
        source = f"{counted(len(texts), 'source text')} ({counted(words, 'word')} in all)"
        self._screen.note(f"{counted(scene.count, 'article')} ({topics or 'no keywords'}) from {source}")
        self._screen.note("each goes through: " + " > ".join(step["agent"] for step in scene.steps))
        if scene.branches:
            self._screen.note("beside it: " + ", ".join(branch["agent"] for branch in scene.branches))

    def _ask(self) -> None:
        """Say what Claude Code will do and cost; go on only after a yes."""
        scene = self._scene
        self._screen.step("Before it costs anything: this is what Claude Code will do.")
        units = [*scene.steps, *scene.branches]
        runs = scene.count * len(units)
        models = list(dict.fromkeys(one["model"] for one in units if one.get("model")))
        words = "claude -p --output-format stream-json --verbose --permission-mode acceptEdits"
        words += " --settings={its skill to read, its memory to write} --allowedTools=Bash"
        steps = f"{counted(scene.count, 'task')}, {counted(len(units), 'step')} each"
        self._screen.note(
            f"It will be run {runs} times ({steps}), {agents.SLOTS} at once, and again for what is sent back"
        )
        self._screen.note("and for the run that is killed:")
        model = f" --model {models[0]}" if models else ""
        self._screen.command(f"{words}{model} --max-budget-usd {agents.RUN_DOLLARS:.2f}")
        self._screen.note(
            f"It works in {scene.folder}, as you and with your login or key; it edits files and uses the shell unasked."
        )
        self._screen.note(
            f"This costs tokens, and how many nobody can say beforehand. A run is stopped when it has used "
            f"{agents.RUN_DOLLARS:.2f} dollars by list prices. Expect minutes for each step."
        )
        if self._screen.ask("Go on? [y/N]").lower() not in ("y", "yes"):
            raise agents.Refused("nothing was run, since you did not say yes")
        scene.began = time.monotonic()

    def _begin_news(self, telegram: Telegram) -> None:
        self._screen.step("Sweep once, as cron will each minute. From here on, news is sent.")
        self._scene.sweep(1)
        base = telegram.environ["TELEGRAM_API_BASE"]
        self._screen.note(f"(a stand-in for Telegram listens on this machine: {base})", "dim")

    def _activate(self) -> None:
        scene = self._scene
        self._screen.step("Activate the campaign: its tasks are made, and agents start in the background.")
        answer = scene.done("activate_campaign.py", scene.slug).json()
        tasks, started = answer["created"], answer["dispatched"]
        scene.tasks = tasks
        if not tasks or not started:
            raise DemoFailed(f"tasks should have been made and started, not {answer}")
        self._screen.note(f"made {', '.join(tasks)}; started {counted(started, 'supervisor')}")
        keywords = scene.campaign["seed_keywords"] or [""]
        topics = {task: keywords[number % len(keywords)] for number, task in enumerate(tasks)}
        folders = [step.get("output_dir") or str(number) for number, step in enumerate(scene.steps)]
        scene.board = Board([step["agent"] for step in scene.steps], folders, topics)
        end = time.monotonic() + START_SECONDS
        while len(scene.journal.of("lease_granted")) < min(agents.SLOTS, len(tasks)):
            if time.monotonic() > end:
                raise DemoFailed(f"no agent has started within {START_SECONDS:g} s")
            time.sleep(scene.agents.pause_seconds)
            scene.journal.news()
        self._screen.step(f"No more than {agents.SLOTS} agents may work at once here. What does the rest wait for?")
        scene.tell_what_waits()
        self._screen.step("Watch them work: the event log, in words.")
        self._screen.command("tail -f $BATON_HOME/state/events/*.ndjson")

    # -- the fault ----------------------------------------------------------------------------------------------

    def _kill_one(self) -> None:
        """Kill a supervisor and its agent in the middle of a step; where one was quicker, try the next step."""
        first = self._scene.steps[0]["agent"] if len(self._scene.steps) > 1 else ""
        for _ in self._scene.watch():
            for worker in processes.workers(self._home.path):
                is_in_the_middle = processes.age(worker.agent) >= self._scene.agents.middle_seconds
                if worker.name != first and is_in_the_middle and self._has_killed(worker):
                    return
        if not self._scene.board.blocked:
            raise DemoFailed("no agent could be killed in the middle of its step, which the demo has promised")

    def _has_killed(self, worker: processes.Worker) -> bool:
        # Stopped first: what has reported, or reports just now, has done its work, and its kill would show nothing.
        with processes.paused(worker.agent) as is_there:
            if not is_there or processes.is_completing(worker.run):
                return False
            lease = self._home.json("task.py", "show", worker.task, "--json").get("lease") or {}
            if lease.get("run") != worker.run or lease.get("report"):
                return False
            if processes.kill([worker.supervisor, worker.agent]) < 2:
                raise DemoFailed(f"{worker.name} has lost its supervisor by something else than the demo")
            self._scene.killed[worker.run] = time.time()
        self._scene.look()
        record = self._home.json("task.py", "show", worker.task, "--json")
        self._scene.board.kill(worker.task, record["pipeline_step"])
        self._tell_of_the_death(worker)
        return True

    def _tell_of_the_death(self, worker: processes.Worker) -> None:
        self._screen.step(f"Kill {worker.name} in the middle of its step, and its supervisor with it. What waits now?")
        self._screen.command(f"kill -9 {worker.supervisor.pid} {worker.agent.pid}")
        self._scene.tell_what_waits()
        words = ("invoke_agent.py", worker.name, worker.task)
        self._screen.command(shown(*words))
        refused = self._home.run(*words)
        if refused.code != HELD_EXIT_CODE:
            raise DemoFailed(f"'{refused.command}' should have been refused, and ended with exit code {refused.code}")
        self._screen.note(f"exit code {refused.code}: {refused.err.splitlines()[0]}")
        self._screen.note("Until its run is proven dead, nobody else may work on it: no step is ever done by two.")
        self._scene.look()

    def _sweep_twice(self) -> None:
        if not self._scene.killed:
            return
        self._screen.step("Two sweeps at once: one proves the death and frees the task, the other steps aside.")
        answers = self._scene.sweep(2)
        released = sum(answer.get("stale_released", 0) for answer in answers)
        if released != 1:
            raise DemoFailed(f"the sweeps should have taken back the killed task once, and did it {released} times")
        if not any("skipped" in answer for answer in answers):
            self._screen.note("(the other came when the first had ended, and found nothing left to do)", "dim")
        self._scene.look()
