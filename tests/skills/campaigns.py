"""The campaigns of the examples, run to their end by the shipped agents, offline."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SKILLS, SCRIPTS, EXAMPLES = ROOT / "skills", ROOT / "scripts", ROOT / "examples"
EXAMPLE = EXAMPLES / "bread"
sys.path.insert(0, str(SKILLS))
from _offline.sources import read_sources

SETTINGS = "harness: {default: script}\nnotify: {channels: []}\nretry: {backoff: 20ms, backoff_max: 100ms}\n"
DEADLINE_SECONDS = 90.0


def environ(home: Path | None = None) -> dict[str, str]:
    """A whole environment, with nothing of the caller's in it."""
    found = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "BATON_PYTHON": sys.executable}
    return found | ({"HOME": str(home.parent), "BATON_HOME": str(home)} if home else {})


class Ran:
    """A home in which an example has been run to its end.

    ``changes`` are lines of its file that are written otherwise, ``own`` the agents of which the home has its own copy:
    such a one finds what it shares with the others all the same.
    """

    def __init__(
        self,
        root: Path,
        changes: Mapping[str, str] = MappingProxyType({}),
        own: Sequence[str] = (),
        example: str = "bread",
    ) -> None:
        self.home = root / "home"
        self.example = root / example
        shutil.copytree(EXAMPLES / example, self.example)
        self.answer("init_home.py", str(self.home))
        (self.home / "config/baton.yaml").write_text(SETTINGS)
        for agent in own:
            shutil.copytree(SKILLS / agent, self.home / "skills" / agent)
        written = (self.example / "campaign.yaml").read_text("utf-8")
        for key, value in changes.items():
            written = re.sub(rf"^{key}:.*\n|\Z", f"{key}: {value}\n", written, count=1, flags=re.MULTILINE)
        (self.example / "campaign.yaml").write_text(written, "utf-8")
        self.answer("campaign.py", "create", str(self.example / "campaign.yaml"))
        self.answer("activate_campaign.py", example)
        end = time.monotonic() + DEADLINE_SECONDS
        while self.answer("campaign.py", "show", example)["status"] != "completed":
            blocked = [one for one in self.answer("task.py", "list") if one["status"] == "blocked"]
            assert not blocked and time.monotonic() < end, self.answer("status.py")
            time.sleep(0.2)
        self.folder = self.home / "projects/bakery/campaigns" / example
        self.sources = read_sources(self.folder)
        planned = self.answer("campaign.py", "show", example)["planned"]
        self.tasks: dict[str, dict[str, Any]] = {task: self.answer("task.py", "show", task) for task in planned}

    def answer(self, script: str, *words: str) -> Any:
        more = [] if script == "activate_campaign.py" else ["--json"]
        command = [str(SCRIPTS / script), *words, *more]
        done = subprocess.run(command, env=environ(self.home), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def outputs(self, folder: str, task: str) -> list[str]:
        """The newest version of what the last step, or the branch, with this folder has left: the record says where."""
        units = [*self.tasks[task]["pipeline"], *self.tasks[task]["branches"].values()]
        outputs: list[str] = [unit for unit in units if unit["output_dir"] == folder][-1]["result"]["outputs"]
        return outputs

    def path(self, folder: str, task: str) -> str:
        """The first of these files."""
        return self.outputs(folder, task)[0]

    def text(self, folder: str, task: str) -> str:
        return (self.folder / self.path(folder, task)).read_text("utf-8")

    def events(self, kind: str) -> list[dict[str, Any]]:
        files = sorted((self.home / "state/events").glob("*.ndjson"))
        events = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
        return [event for event in events if event["type"] == kind]

    def end(self) -> None:
        (self.home / "state/stop").touch()
        end = time.monotonic() + 10
        while self.answer("status.py")["slots"]["used"]:
            assert time.monotonic() < end, "a supervisor was left"
            time.sleep(0.1)
