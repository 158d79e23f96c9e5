"""One agent alone: a workspace, and scripts that are stand-ins. And which agents there are, and their programs."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.skills.campaigns import EXAMPLE, SKILLS

CREW = {
    "keyword-researcher": "offline_researcher.py",
    "content-writer": "offline_writer.py",
    "content-reviewer": "offline_reviewer.py",
    "humanizer": "offline_humanizer.py",
}
# They make something of a draft, beside the main line.
BESIDE = {
    "image-director": "offline_director.py",
    "social-writer": "offline_social.py",
    "content-repurposer": "offline_repurposer.py",
    "landing-page-writer": "offline_landing.py",
    "email-writer": "offline_email.py",
    "ad-writer": "offline_ads.py",
}
AUDIENCE = {
    "serp-analyzer": "offline_serp.py",
    "audience-researcher": "offline_audience.py",
    "audience-enricher": "offline_enricher.py",
}
PROGRAMS = CREW | BESIDE | AUDIENCE | {"orchestrator": "offline_orchestrator.py"}
FOLDERS = ("research", "drafts", "reviewed", "final")


def agent(name: str) -> ModuleType:
    """An offline agent, imported."""
    return _module(SKILLS / name / PROGRAMS[name])


@cache
def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = found  # dataclasses look their module up
    spec.loader.exec_module(found)
    return found


class Alone:
    """A workspace, and scripts that answer what a test wants and write down how they were called."""

    def __init__(self, root: Path) -> None:
        self.root, self.workspace, self.bin = root, root / "workspace", root / "bin"
        self.workspace.mkdir()
        self.bin.mkdir()
        steps = [
            {"step": number, "agent": name, "output_dir": folder, "notes": None, "result": None, "revisions": 0}
            for number, (name, folder) in enumerate(zip(CREW, FOLDERS, strict=True))
        ]
        self.record: dict[str, Any] = {
            "title": "On rye bread",
            "keywords": ["rye bread"],
            "brief": "",
            "campaign": None,
            "focus_groups": [],
            "branches": {},
        }
        self.record["pipeline"] = steps
        self.stand_in("task.py", f"cat {root}/record.json")
        for script in ("complete_step.py", "complete_branch.py", "request_revision.py"):
            self.stand_in(script, f"""printf '%s\\n' "$0" "$@" >>{root}/called; echo '{{}}'""")

    def stand_in(self, script: str, body: str) -> None:
        (self.bin / script).write_text(f"#!/bin/sh\n{body}\n")
        (self.bin / script).chmod(0o755)

    def write(self, path: str, data: str | bytes) -> None:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data.encode())

    def copy_sources(self) -> None:
        shutil.copytree(EXAMPLE / "sources", self.workspace / "sources")

    def branch(self, name: str, folder: str | None, **fields: Any) -> None:
        """Let this agent work beside the main line, after the draft."""
        unit = {"key": "b1", "agent": name, "output_dir": folder, "notes": None, "trigger_after_step": 1}
        self.record["branches"][name] = unit | fields

    def step(self, name: str, folder: str | None, **fields: Any) -> None:
        """Let this agent work after the last step of the main line."""
        steps = self.record["pipeline"]
        steps.append({"step": len(steps), "agent": name, "output_dir": folder, "notes": None, "result": None} | fields)

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        (self.root / "record.json").write_text(json.dumps(self.record))
        own = {"BATON_TASK": "x-001", "BATON_AGENT": name, "BATON_LEASE": "1"}
        own |= {"BATON_WORKSPACE": str(self.workspace), "BATON_PYTHON": sys.executable}
        if name in self.record["branches"]:
            own |= {"BATON_BRANCH": name, "BATON_STEP": ""}
        else:
            own["BATON_STEP"] = str([step["agent"] for step in self.record["pipeline"]].index(name))
        command = str(SKILLS / name / PROGRAMS[name])
        path = f"{self.bin}:{os.defpath}"
        return subprocess.run(
            [command], env={"PATH": path, **own}, cwd=self.workspace, capture_output=True, text=True, check=False
        )

    def called(self) -> list[str]:
        """The scripts that change something, and their words."""
        file = self.root / "called"
        return (
            [Path(line).name if line.startswith("/") else line for line in file.read_text().splitlines()]
            if file.exists()
            else []
        )

    def refusal(self, name: str) -> str:
        """The one line an agent says before it exits with 1, having reported nothing."""
        done = self.run(name)
        assert (done.returncode, done.stdout, self.called()) == (1, "", []), done
        assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"{name}: "), done.stderr
        return done.stderr.removeprefix(f"{name}: ").rstrip("\n")
