"""Scratch homes with real agents: fast settings, agents from a few lines of shell, scripts run in an environment made
from nothing, conditions waited for with a deadline, and an end that leaves no process behind and notices any that is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from baton.cli.wiring import Wiring
from baton.domain.campaign_commands import CreateCampaign
from baton.domain.campaigns import Campaign
from baton.domain.commands import CreateTask
from baton.domain.pipelines import OnComplete, Step, Template, units_of
from baton.domain.records import Task
from baton.store.layout import Home

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
PATH = "/usr/local/bin:/usr/bin:/bin"
DEADLINE_SECONDS = 30.0
LOOK_SECONDS = 0.01

FAST: dict[str, dict[str, Any]] = {
    "concurrency": {"agents": 2},
    "harness": {"default": "script"},
    "lease": {"heartbeat": "200ms", "stale_after": "60s"},
    "timeouts": {"step": "60s", "grace": "5s"},
    "retry": {"backoff": "1h", "backoff_max": "1h"},
    "notify": {"channels": []},
}
AT_ONCE = {"backoff": "0s", "backoff_max": "0s"}
"""Retry settings under which a supervisor goes on with the next attempt at once."""

SHELL = """\
#!/bin/sh
wait_for() { until [ -e "$BATON_HOME/$1" ]; do sleep 0.02; done; }
note() { printf '%s\\n' "$2" >>"$BATON_HOME/$1"; }
"""
PRELUDE = """\
import os, sys, time
sys.path.insert(0, {scripts!r})
from baton.cli import supervising
from baton.cli.wiring import Wiring
from baton.store.layout import Home
wiring = Wiring(Home(os.environ["BATON_HOME"]), dict(os.environ), lambda said: print("warning:", said, flush=True))
store, door = wiring.store, wiring.door
def take():
    return store.slots.take(wiring.config.settings().concurrency.agents)
"""

T = TypeVar("T")


class Ended(NamedTuple):
    """A script that has ended: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on its standard output."""
        return json.loads(self.out)


class Living(NamedTuple):
    """A process beyond doubt: its id and when it began."""

    pid: int
    started: int

    @property
    def is_alive(self) -> bool:
        """Tell whether it still runs; one that has ended and was not collected does not."""
        return living(self.pid) == self

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, to this very process or to none."""
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(self.pid)
            try:
                if self.is_alive:
                    signal.pidfd_send_signal(fd, number)
            finally:
                os.close(fd)


def eventually(look: Callable[[], T], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """Look again and again until what is seen is true; return it. Fail with ``what`` when the time is over."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"within {seconds:g} s, never seen: {what}")
        time.sleep(LOOK_SECONDS)
    return seen


class ScratchHome:
    """A home below a test's own folder. ``scripts`` is the toolkit that works on it."""

    def __init__(self, root: Path, scripts: Path = SCRIPTS, **settings: dict[str, Any]) -> None:
        self.root = root
        self.scripts = scripts
        self.warnings: list[str] = []
        self._started: list[subprocess.Popen[str]] = []
        for folder in ("config/prompts", "skills", "logs", "state"):
            (root / folder).mkdir(parents=True)
        self.settings(**settings)

    # -- arranging ----------------------------------------------------------------------------------------------

    def settings(self, **sections: dict[str, Any]) -> None:
        """Write the settings: the fast ones, with these keys of these sections changed. Whole or not at all."""
        wanted = {name: FAST.get(name, {}) | sections.get(name, {}) for name in {**FAST, **sections}}
        new = self.root / "config/baton.yaml.new"
        new.write_text(json.dumps(wanted))
        new.rename(self.root / "config/baton.yaml")

    def agent(self, name: str, body: str = "", **metadata: str) -> Path:
        """Make an agent of the script harness; ``body`` is shell, unless it says otherwise in its first line."""
        folder = self.root / "skills" / name
        folder.mkdir(exist_ok=True)
        program = folder / "run"
        body = textwrap.dedent(body)
        program.write_text(body if body.startswith("#!") else SHELL + body)
        program.chmod(0o755)
        words = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in {"command": "run", **metadata}.items())
        (folder / "SKILL.md").write_text(
            f"---\nname: {name}\ndescription: An agent of a test.\nmetadata:\n{words}---\n"
        )
        return program

    def python_agent(self, name: str, body: str, **metadata: str) -> Path:
        """Make an agent of the script harness, in Python."""
        return self.agent(name, f"#!{sys.executable}\nimport os, sys, time\n{textwrap.dedent(body)}", **metadata)

    def task(self, id: str, *steps: str | Step, **fields: Any) -> Task:
        """Make a task; a step is an agent's name, or more."""
        line = tuple(Step(agent=step) if isinstance(step, str) else step for step in steps)
        defaults: dict[str, Any] = {"title": f"The task {id}", "project": None, "campaign": None}
        task, made = self.wiring.door.create_if_absent(
            CreateTask(id=id, units=units_of(line), fields=defaults | fields)
        )
        assert made
        return task

    def campaign(self, slug: str, *agents: str, count: int = 1, **fields: Any) -> Campaign:
        """Make a campaign whose tasks go through these agents; activate it with the script."""
        quiet = OnComplete(telegram=False)
        line = Template(
            slug="line", name="Line", main_steps=tuple(Step(agent=agent) for agent in agents), on_complete=quiet
        )
        defaults = {"project": "acme", "name": slug, "pipeline": "line", "snapshot": line}
        command = CreateCampaign(id=slug, fields=defaults | {"target_article_count": count} | fields)
        return self.wiring.door.campaign(slug, command)

    # -- acting -------------------------------------------------------------------------------------------------

    @property
    def wiring(self) -> Wiring:
        """The parts of this home, put together as a process of its own would."""
        return Wiring(Home(str(self.root)), self.environ(), self.warnings.append)

    def do(self, id: str, *commands: Any) -> Task:
        """Apply commands to a task, through the door, in one commit."""
        return self.wiring.door.task(id, *commands)

    def environ(self, **more: str) -> dict[str, str]:
        """The environment of whoever calls a script of this home: made from nothing."""
        own = {"PATH": PATH, "HOME": str(self.root), "LANG": "C.UTF-8"}
        return own | {"BATON_HOME": str(self.root), "BATON_PYTHON": sys.executable} | more

    def start(self, script: str, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start a script and return at once."""
        return self._popen([sys.executable, str(self.scripts / script), *words], environ)

    def run(self, script: str, *words: str, **environ: str) -> Ended:
        """Run a script to its end."""
        return self.end_of(self.start(script, *words, **environ))

    def invoke(self, agent: str, task: str) -> Ended:
        """Run one agent for the current step of a task, in the foreground."""
        return self.run("invoke_agent.py", agent, task, "--json")

    def supervise(self, **environ: str) -> subprocess.Popen[str]:
        """Start a supervisor for whatever is ready; it ends when nothing is."""
        return self.start("invoke_agent.py", "--next", **environ)

    def serve(self) -> None:
        """Run what is ready until nothing is."""
        ended = self.end_of(self.supervise())
        assert (ended.code, ended.err) == (0, ""), ended

    def sweep(self, *words: str) -> dict[str, Any]:
        """Sweep once; return the report."""
        ended = self.run("check_pipeline.py", *words)
        assert ended.code == 0, ended
        report: dict[str, Any] = ended.json
        return report

    def drive(self, program: str, **environ: str) -> Ended:
        """Run a small program with the parts of this home at hand (``wiring``, ``store``, ``door``, ``take``)."""
        source = PRELUDE.format(scripts=str(self.scripts)) + textwrap.dedent(program)
        return self.end_of(self._popen([sys.executable, "-c", source], environ))

    def end_of(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for the end of what :meth:`start` started."""
        try:
            out, err = process.communicate(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"it did not end: {process.args}; {self.story()}") from None
        return Ended(process.returncode, out, err)

    def touch(self, name: str) -> None:
        """Leave a sign that agents wait for (``wait_for NAME``)."""
        (self.root / name).touch()

    def _popen(self, argv: list[str], environ: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environ(**environ),
            cwd="/",
            text=True,
        )
        self._started.append(process)
        return process

    # -- looking ------------------------------------------------------------------------------------------------

    def read(self, id: str) -> Task:
        """A task as it stands, live or archived."""
        task = self.wiring.store.tasks.read(id)
        assert task is not None
        return task

    def events(self, task: str, *types: str) -> list[dict[str, Any]]:
        """The events of one task, oldest first; of these types only, if any are named."""
        files = sorted((self.root / "state/events").glob("*.ndjson"))
        events = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
        return [one for one in events if one["task"] == task and (not types or one["type"] in types)]

    def types(self, task: str) -> list[str]:
        """What happened to one task, in a word each."""
        return [event["type"] for event in self.events(task)]

    def outcomes(self, task: str) -> list[str]:
        """How the runs of a task ended, in order."""
        return [event["data"]["outcome"] for event in self.events(task, "run_ended")]

    def runs(self, task: str) -> list[dict[str, Any]]:
        """The records of a task's runs, oldest first."""
        return self.wiring.store.runs.of_task(task)

    def prompts(self, task: str) -> list[str]:
        """What the runs of a task were told, oldest first."""
        return [Path(f"{run['log']}.prompt.md").read_text() for run in self.runs(task)]

    def lines(self, name: str) -> list[str]:
        """What agents noted under this name, a whole line each."""
        try:
            text = (self.root / name).read_text()
        except FileNotFoundError:
            return []
        return text[: text.rfind("\n") + 1].splitlines()

    def noted(self, name: str, count: int = 1) -> list[str]:
        """What agents noted under this name, once there are ``count`` lines."""
        eventually(lambda: len(self.lines(name)) >= count, f"{count} lines in {name}; {self.story()}")
        return self.lines(name)

    def processes_in(self, name: str, count: int = 1) -> list[Living]:
        """The processes whose ids agents noted under this name; each must be alive when this is asked."""
        found = [living(int(line)) for line in self.noted(name, count)]
        alive = [one for one in found if one is not None]
        assert len(alive) == len(found) >= count
        return alive

    def facts(self, slot: int = 0) -> dict[str, Any]:
        """What the supervisor in this slot says of itself; nothing where there is none."""
        states = {state.number: state for state in self.wiring.store.slots.states()}
        return states[slot].facts if slot in states and states[slot].supervised else {}

    def task_in(self, slot: int) -> str:
        """The task that the supervisor in this slot says it works on, once it says so."""
        task: str = eventually(lambda: self.facts(slot).get("task"), f"a task in slot {slot}; {self.story()}")
        return task

    def beats(self, count: int, slot: int = 0) -> None:
        """Wait until the supervisor in this slot has beaten so many times more."""
        for _ in range(count):
            last = self.facts(slot).get("beat")
            eventually(lambda last=last: self.facts(slot).get("beat", last) != last, f"a beat in slot {slot}")

    def story(self) -> str:
        """What happened, for the words of a failure."""
        log = self.root / "logs/supervisors.log"
        files = sorted((self.root / "state/events").glob("*.ndjson"))
        told = "".join(file.read_text() for file in files)[-4000:]
        return f"{told}\n{log.read_text()[-2000:] if log.exists() else ''}\n{self.warnings}"

    # -- ending -------------------------------------------------------------------------------------------------

    def living(self) -> list[Living]:
        """Every process that has to do with this home: by its environment, its words, its folder or its files."""
        return [one for pid in _others() if _touches(pid, str(self.root)) and (one := living(pid)) is not None]

    def becomes_quiet(self, seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until no process has to do with this home any more."""
        eventually(lambda: not self.living(), f"a quiet home; {self.story()}", seconds)

    def end(self) -> list[str]:
        """Kill whatever is left; return what it was, in words. Those that are just ending are waited for."""
        with contextlib.suppress(AssertionError):
            self.becomes_quiet(3.0)
        left = []
        while found := self.living():
            left += [f"{one.pid}: {_words(one.pid)}" for one in found]
            for one in found:
                one.kill()
            eventually(lambda found=found: not any(one.is_alive for one in found), "the end of what was killed")
        for process in self._started:
            process.communicate()
        return left


def scratch_home(root: Path, **settings: dict[str, Any]) -> Iterator[ScratchHome]:
    """A home for one test; when the test is over, no process of it may be left."""
    home = ScratchHome(root, **settings)
    try:
        yield home
    finally:
        left = home.end()
    assert not left, f"the test left processes: {left}"


# -- processes ----------------------------------------------------------------------------------------------------


def living(pid: int) -> Living | None:
    """The process of this id, unless it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else Living(pid, int(fields[19]))


def parent_of(pid: int) -> int:
    """The id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])


def are_gone(found: list[Living], seconds: float = 5.0) -> None:
    """Wait until none of these processes is left."""
    eventually(lambda: not any(one.is_alive for one in found), f"the end of {found}", seconds)


def _others() -> list[int]:
    """All processes but ourselves and those above us."""
    mine, pid = set(), os.getpid()
    while pid > 0:
        mine.add(pid)
        pid = parent_of(pid)
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in mine]


def _touches(pid: int, root: str) -> bool:
    with contextlib.suppress(OSError):
        for name in ("environ", "cmdline"):
            if root.encode() in Path(f"/proc/{pid}/{name}").read_bytes():
                return True
        links = [f"/proc/{pid}/cwd", *(f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd"))]
        for link in links:
            with contextlib.suppress(OSError):
                if os.readlink(link).startswith(root):
                    return True
    return False


def _words(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:200]
    return "?"
