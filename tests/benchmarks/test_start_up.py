"""Budgets 1 to 3: what a call costs as a whole process, in starts of a bare interpreter (P). CPU time, both in turn."""

from __future__ import annotations

import re
import subprocess
import venv
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.benchmarks.budgets import Budgets
from tests.benchmarks.measuring import Measured, cpu_of, in_turn
from tests.engine.homes import SCRIPTS, ScratchHome

from baton.engine.granting import Granter

ROUNDS = 25
SERVICES = """\
categories:
  seo_keywords:
    display_name: SEO and keywords
    services:
      - {name: dataforseo, active: true, priority: 1, api_key_env: DATAFORSEO_KEY, use_cases: [volumes]}
      - {name: free-suggest, active: true, priority: 2}
"""

pytestmark = pytest.mark.timeout(600)


class Bench:
    """A home with tasks at every stage of an agent's day, and a lean interpreter to compare with."""

    def __init__(self, home: ScratchHome, folder: Path) -> None:
        self.python = lean_venv(folder / "lean")
        self.lean = [self.python, "-c", "pass"]
        self.home = home
        self.number = 0
        home.settings(notify={"channels": ["telegram"]})
        (home.root / "config/services.yaml").write_text(SERVICES)
        # Nothing is ever sent: nothing new happens between two sweeps.
        (home.root / ".env").write_text(
            "TELEGRAM_BOT_TOKEN=1:dummy\nTELEGRAM_CHAT_ID=1\nTELEGRAM_API_BASE=http://127.0.0.1:9\n"
        )
        home.agent("writer")

    def against_lean(self, script: str, *words: str, code: int = 0, prepare: Any = None) -> Measured:
        """Measure a script, typed as an agent does (its path, no interpreter), against the bare interpreter."""
        path = str(SCRIPTS / f"{script}.py")

        def call() -> float:
            task, environ = prepare() if prepare else ("", {})
            argv = [path, *(word.replace("TASK", task) for word in words)]
            return cpu_of(argv, self.home.environ(BATON_PYTHON=self.python, **environ), code=code)

        def bare() -> float:
            return cpu_of(self.lean, self.home.environ())

        return in_turn({"bare before": bare, "call": call, "bare after": bare}, ROUNDS)

    def waiting(self) -> tuple[str, dict[str, str]]:
        """A new task."""
        self.number += 1
        return self.home.task(f"t-{self.number}", "writer").id, {}

    def running(self) -> tuple[str, dict[str, str]]:
        """A new task in a run, and the environment that the run gives its agent."""
        task, _ = self.waiting()
        wiring = self.home.wiring
        me = structs.replace(wiring.clock.holder(), slot=0, instance="bench", boot_seconds=None)
        lease = Granter(wiring.door, wiring.clock, lambda agent: None, lambda: me).grant(task).lease
        workspace = self.home.root / "projects/default/tasks" / task
        workspace.mkdir(parents=True)
        (workspace / "out.md").write_text("done")
        told = {"BATON_TASK": task, "BATON_AGENT": "writer", "BATON_LEASE": str(lease.token), "BATON_STEP": "0"}
        return task, told | {"BATON_RUN": str(lease.run), "BATON_WORKSPACE": str(workspace)}


def lean_venv(folder: Path) -> str:
    """Make a virtual environment that holds what Baton runs on and nothing of what its tests need; return its Python.

    The packages are links to the installed ones: some of them import more when they find more installed.
    """
    venv.create(folder)
    target = next(folder.glob("lib/python*/site-packages"))
    wanted = re.findall(r"^[a-z0-9]+", (SCRIPTS.parent / "requirements.txt").read_text(), re.MULTILINE)
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        with suppress(PackageNotFoundError):
            found = distribution(name)
            needed = [one for one in found.requires or () if "extra ==" not in one]
            wanted += [re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in needed]
            for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
                (target / top).symlink_to(Path(str(found.locate_file(top))))
    return str(folder / "bin/python")


@pytest.fixture
def bench(home: ScratchHome, tmp_path: Path) -> Bench:
    return Bench(home, tmp_path)


def judge(budgets: Budgets, budget: int, what: str, measured: Measured, *, must: float, goal: float | None) -> None:
    figure = (measured.ratio("call", "bare before") + measured.ratio("call", "bare after")) / 2
    took = f"{measured.median('call') * 1e3:.0f} ms against {measured.median('bare before') * 1e3:.1f}"
    budgets.judge(budget, what, figure, "P", must=must, goal=goal, detail=took)


def test_complete_step_as_an_agent_calls_it(bench: Bench, budgets: Budgets) -> None:
    words = ("--output", "out.md", "--summary", "Nine hundred words")
    measured = bench.against_lean("complete_step", *words, prepare=bench.running)
    judge(budgets, 1, "complete_step in a run", measured, must=7.5, goal=5.5)


def test_acquire_lock(bench: Bench, budgets: Budgets) -> None:
    measured = bench.against_lean("acquire_lock", "TASK", "--agent", "writer", prepare=bench.waiting)
    judge(budgets, 2, "acquire_lock", measured, must=7.5, goal=5.5)


def test_resolve_service(bench: Bench, budgets: Budgets) -> None:
    measured = bench.against_lean("resolve_service", "seo_keywords")
    judge(budgets, 2, "resolve_service", measured, must=7.5, goal=5.5)


def test_help(bench: Bench, budgets: Budgets) -> None:
    judge(budgets, 2, "complete_step --help", bench.against_lean("complete_step", "--help"), must=4.5, goal=None)


def test_bad_arguments(bench: Bench, budgets: Budgets) -> None:
    measured = bench.against_lean("complete_step", "--no-such-option", code=2)
    judge(budgets, 2, "complete_step, bad arguments", measured, must=4.5, goal=None)


def test_a_sweep_with_nothing_to_do(bench: Bench, budgets: Budgets) -> None:
    for _ in range(10):
        task, _ = bench.waiting()
        bench.home.run("acquire_lock.py", task, "--agent", "writer")
    report = bench.home.sweep()
    assert (report["health"]["leases"], report["redispatched"], report["errors"]) == (10, 0, [])
    measured = bench.against_lean("check_pipeline")
    judge(budgets, 3, "check_pipeline, idle", measured, must=7.5, goal=5.5)


def test_calls_find_their_modules_compiled(bench: Bench, budgets: Budgets) -> None:
    """Else every figure of this file would be that of the compiler: the table says so."""
    script = str(SCRIPTS / "complete_step.py")
    bench.home.run("complete_step.py", "--help")
    words = [bench.python, "-v", script, "no-such-task", "--agent", "writer"]
    told = subprocess.run(words, env=bench.home.environ(), capture_output=True, text=True, check=False).stderr
    cached = re.findall(r"^# \S+\.pyc matches ", told, re.MULTILINE)
    compiled: list[str] = re.findall(r"^# code object from '?([^'\n]+\.py)'?$", told, re.MULTILINE)
    budgets.note(f"Compiled modules found by a call: {len(cached)}; compiled anew: {', '.join(compiled) or 'none'}.")
    assert cached
    assert compiled == []
