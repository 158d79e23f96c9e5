"""Scratch homes for the tests of the scripts: made by the scripts themselves, and used through them alone.

``Home.call`` runs a script's own command in this process, for the many small cases; ``Home.run`` starts the real
program. Both see an environment built from nothing. A home is quiet (``state/stop`` stands in it, so that no command
starts a supervisor) until ``Home.wake``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
# What each command is called by: those that always answer in JSON, the others, and the verbs of those that have some.
ALWAYS_JSON = (
    "acquire_lock", "activate_campaign", "check_pipeline", "complete_branch", "complete_step", "release_lock",
    "request_revision", "resolve_service",
)  # fmt: skip
FOR_PEOPLE = ("call_model", "cost", "init_home", "invoke_agent", "notify", "review", "run_service", "serve_runs", "why")
VERBS = {
    "assignment": (
        "create", "queue", "list", "show", "jobs", "job", "insert-job", "update", "complete", "block", "unblock",
        "align", "clean",
    ),
    "agent": ("list", "show", "heartbeat", "stop", "unpark"),
    "backup": ("create", "check", "restore"),
    "campaign": (
        "create", "list", "show", "update", "pause", "resume", "complete", "extend", "preflight", "timeline",
    ),
    "key": ("set", "list", "remove", "rotate", "check"),
    "memory": ("list", "show", "note", "forget"),
    "pipeline": ("list", "show", "create", "validate", "rename", "fork", "remove", "set-model"),
    "service": ("list", "toggle", "reorder", "health"),
    "stream_run": ("create", "start", "show", "list", "delete", "follow", "retry"),
    "focus_group": ("create", "import", "list", "show", "update", "archive", "unarchive"),
    "product": ("create", "list", "show", "update", "archive", "unarchive"),
    "project": ("create", "list", "show", "update", "archive", "unarchive"),
    "task": (
        "create", "list", "ready", "show", "steps", "assign", "subscribe", "label", "prioritize", "comment", "block",
        "unblock", "cancel", "retry", "publish", "delete", "retrigger", "clear", "timeline",
    ),
    "transfer": ("export", "import"),
}  # fmt: skip
LINE = ("alpha", "beta", "gamma")
FOLDERS = ("research", "drafts", "reviewed")
SETTINGS = """\
harness: {default: script}
retry: {backoff: 20ms, backoff_max: 100ms}
timeouts: {grace: 300ms}
lease: {heartbeat: 100ms}
notify: {channels: []}
"""
# An agent that writes what its step should leave, and says so.
AGENT = """\
#!/bin/sh
case $BATON_STEP in 0) folder=research;; 1) folder=drafts;; *) folder=reviewed;; esac
mkdir -p $folder
echo "$BATON_AGENT on $BATON_TASK" > $folder/$BATON_TASK.md
echo "did $BATON_TASK"
"""


class Done:
    """How a script ended: exit code, and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        """The one JSON document on stdout; more or less than one fails the test."""
        assert self.out.endswith("\n"), self
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """What stands under ``error`` in the answer."""
        found: dict[str, Any] = self.json["error"]
        return found

    @property
    def refusal(self) -> tuple[int, str]:
        """Exit code and error code."""
        return self.code, self.error["code"]

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


def base_environ(home: Path | None = None, **more: str) -> dict[str, str]:
    """A whole environment, with nothing of the caller's in it."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "BATON_PYTHON": sys.executable}
    if home is not None:
        environ |= {"HOME": str(home.parent), "BATON_HOME": str(home)}
    return environ | more


def call(script: str, *words: str, environ: dict[str, str], stdin: bytes = b"") -> Done:
    """Run a script's command in this process, as its last line would."""
    from baton.cli.script import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    read = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    with (
        mock.patch.dict(os.environ, environ, clear=True),
        mock.patch.object(sys, "argv", [str(SCRIPTS / f"{script}.py"), *words]),
        mock.patch.object(sys, "stdin", read),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(module(script).command)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Done(code, out.getvalue(), err.getvalue())


@cache
def module(script: str) -> ModuleType:
    """A script, imported."""
    spec = importlib.util.spec_from_file_location(f"script_{script}", SCRIPTS / f"{script}.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    with mock.patch.dict(os.environ):
        spec.loader.exec_module(found)
    return found


def run(*command: str | Path, environ: dict[str, str], cwd: Path | str = "/", stdin: str | None = None) -> Done:
    """Run a program to its end."""
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    done = subprocess.run(
        [str(word) for word in command],
        env=environ,
        cwd=cwd,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=60,
        **given,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Return what the condition says as soon as it is true; fail when it never is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not true within {seconds:g} s"
        time.sleep(0.01)
    return found


class Home:
    """One home, and what is done in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = base_environ(root)
        self.state = root / "state"
        done = call("init_home", str(root), environ=base_environ())
        assert done.code == 0, done
        self.settings(SETTINGS)
        for agent in LINE:
            self.agent(agent, AGENT)
        self.stop()

    # -- arranging ----------------------------------------------------------------------------------------------

    def settings(self, text: str) -> None:
        (self.root / "config/baton.yaml").write_text(text)

    def agent(self, name: str, program: str, **metadata: str) -> None:
        """Put an agent into the home: a program for the script harness."""
        folder = self.root / "skills" / name
        folder.mkdir(parents=True, exist_ok=True)
        ours = {"harness": "script", "command": "run.sh"} | metadata
        lines = "".join(f'  {key}: "{value}"\n' for key, value in ours.items())
        (folder / "SKILL.md").write_text(f"---\nname: {name}\ndescription: For a test.\nmetadata:\n{lines}---\nWork.\n")
        (folder / "run.sh").write_text(program)
        (folder / "run.sh").chmod(0o755)

    def file(self, name: str, content: Any) -> str:
        """Write a file beside the home: text, bytes, or data as JSON; return its path."""
        path = self.root.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def stop(self) -> None:
        (self.state / "stop").touch()

    def wake(self) -> None:
        (self.state / "stop").unlink(missing_ok=True)

    def make_task(self, id: str = "t-1", *, agents: Sequence[str] = LINE, **fields: Any) -> dict[str, Any]:
        """Make a task of these agents' steps with ``task.py create``."""
        steps = [{"agent": agent, "output_dir": folder} for agent, folder in zip(agents, FOLDERS, strict=False)]
        written = {"id": id, "title": f"Task {id}", "pipeline": steps} | fields
        record: dict[str, Any] = self.ok("task", "create", self.file(f"{id}.json", written), "--json").json
        return record

    def make_campaign(self, slug: str = "spring", **fields: Any) -> dict[str, Any]:
        """Make a campaign of two tasks, and its pipeline where it is missing, with the scripts."""
        if not (self.root / "config/pipelines/my-line.yaml").exists():
            self.ok("pipeline", "create", self.file("my-line.json", template()))
        written = campaign(slug=slug) | fields
        view: dict[str, Any] = self.ok("campaign", "create", self.file(f"{slug}.json", written), "--json").json
        return view

    # -- acting -------------------------------------------------------------------------------------------------

    def call(self, script: str, *words: str, stdin: bytes = b"", **environ: str) -> Done:
        """Run a script's command in this process."""
        return call(script, *words, environ=self.environ | environ, stdin=stdin)

    def ok(self, script: str, *words: str, **environ: str) -> Done:
        """The same; anything but success fails the test."""
        done = self.call(script, *words, **environ)
        assert done.code == 0, done
        return done

    def run(self, script: str, *words: str, stdin: str | None = None, **environ: str) -> Done:
        """Start the real script, and wait for its end."""
        return run(SCRIPTS / f"{script}.py", *words, environ=self.environ | environ, stdin=stdin)

    def start(self, script: str, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start the real script."""
        return subprocess.Popen(
            [SCRIPTS / f"{script}.py", *words],
            env=self.environ | environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def acquire(self, task: str = "t-1", agent: str = "alpha") -> int:
        """Take a lease by hand; return its token."""
        token: int = self.ok("acquire_lock", task, "--agent", agent).json["token"]
        return token

    def complete(self, task: str = "t-1", agent: str = "alpha", *words: str) -> dict[str, Any]:
        """Take the lease by hand, and complete the step."""
        self.acquire(task, agent)
        answer: dict[str, Any] = self.ok("complete_step", task, "--agent", agent, *words).json
        return answer

    # -- looking ------------------------------------------------------------------------------------------------

    def record(self, task: str = "t-1") -> dict[str, Any]:
        """A task's record, as its file says, live or archived."""
        for folder in ("tasks", "archive/tasks"):
            with contextlib.suppress(FileNotFoundError):
                found: dict[str, Any] = json.loads((self.state / folder / f"{task}.json").read_text())
                return found
        raise AssertionError(f"there is no task {task}")

    def campaign(self, slug: str = "spring") -> dict[str, Any]:
        """A campaign's record, as its file says."""
        found: dict[str, Any] = json.loads((self.state / f"campaigns/{slug}.json").read_text())
        return found

    def workspace(self, task: str = "t-1") -> Path:
        """The workspace of a task without project and campaign, made if need be."""
        path = self.root / "projects/default/tasks" / task
        path.mkdir(parents=True, exist_ok=True)
        return path

    def events(self) -> list[dict[str, Any]]:
        """Every event in the log, oldest first; a line that is being written is not there yet."""
        texts = [file.read_text() for file in sorted((self.state / "events").glob("*.ndjson"))]
        return [json.loads(line) for text in texts for line in text.split("\n")[:-1]]

    def await_event(self, kind: str, task: str = "t-1") -> dict[str, Any]:
        """The first event of this type about a task, as soon as it is there: the log follows the record."""
        found: dict[str, Any] = wait_for(
            lambda: next((event for event in self.events() if (event["type"], event["task"]) == (kind, task)), None)
        )
        return found

    def told(self, task: str = "t-1") -> list[str]:
        """The types of a task's events in the log."""
        return [event["type"] for event in self.events() if event["task"] == task]

    def slots(self) -> list[Any]:
        """The slots that are held."""
        from baton.store.slots import SlotFiles

        return [slot for slot in SlotFiles(str(self.state / "slots")).states() if slot.held or slot.supervised]

    def settle(self) -> None:
        """Start nothing more, and wait until no supervisor is left; one that will not go is killed with its agent."""
        self.stop()
        end = time.monotonic() + 10
        while (held := self.slots()) and time.monotonic() < end:
            time.sleep(0.02)
        for slot in held:
            # Whoever holds a slot is the one that its facts name: a lock ends with its process.
            with contextlib.suppress(ProcessLookupError, KeyError):
                os.kill(slot.facts["pid"], 9)
            with contextlib.suppress(ProcessLookupError, KeyError):
                os.killpg(slot.facts["agent_pid"], 9)
        assert not held, f"supervisors were left: {held}"


def template(**fields: Any) -> dict[str, Any]:
    """A pipeline's file."""
    steps = [{"agent": agent, "output_dir": folder} for agent, folder in zip(LINE, FOLDERS, strict=True)]
    return {"slug": "my-line", "name": "My line", "main_steps": steps} | fields


def campaign(**fields: Any) -> dict[str, Any]:
    """A campaign's file."""
    defaults = {"project": "acme", "slug": "spring", "name": "Spring launch", "pipeline": "my-line"}
    return defaults | {"target_article_count": 2} | fields


PASSING = ("state/cache/", "state/locks/")


def tree(root: Path, *, passing: tuple[str, ...] = PASSING) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder: mode and content by path; what begins with one of ``passing`` is left out."""
    return {path: (mode, data) for path, mode, data in _walk(root) if not any(part in path for part in passing)}


def _walk(root: Path) -> Iterator[tuple[str, int, bytes]]:
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                data = os.readlink(path).encode()
            else:
                data = Path(path).read_bytes() if stat.S_ISREG(mode) else b""
            yield os.path.relpath(path, root), mode, data
