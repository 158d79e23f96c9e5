"""Scratch homes whose agents are real agent programs, led to a played model."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.engine.homes import AT_ONCE, ScratchHome
from tests.real_clis.programs import Program, bin_of, environ_for, filled

SKILL = """\
---
name: {agent}
description: An agent of a test.
metadata:
  harness: {program.name}
  model: {program.model}
---
Do your step, and then stop.
"""


class CliHome(ScratchHome):
    """A home for one program: its keys, its settings, its files in HOME. ``retry``: more of these settings."""

    def __init__(self, root: Path, program: Program, url: str, **retry: Any) -> None:
        self._user, self._temporary = root / "user", root / "tmp"
        self._program = program
        self._bin = bin_of(program) or "/nowhere"
        for folder in (self._user, self._temporary):
            folder.mkdir(parents=True)
        own = json.loads(filled(json.dumps(program.settings), url))
        super().__init__(root / "home", harness={"default": program.name, program.name: own}, retry=AT_ONCE | retry)
        for name, text in program.files.items():
            (self._user / name).parent.mkdir(parents=True, exist_ok=True)
            (self._user / name).write_text(filled(text, url))
        secrets = program.dotenv | program.passes
        (self.root / ".env").write_text("".join(f"{name}={filled(value, url)}\n" for name, value in secrets.items()))
        (self.root / ".env").chmod(0o600)

    def settings(self, **sections: dict[str, Any]) -> None:
        """The same, and what is let through to the program."""
        super().settings(**sections)
        path = self.root / "config/baton.yaml"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"env": list(self._program.passes)}))

    def environ(self, **more: str) -> dict[str, str]:
        """What whoever calls a script of this home has."""
        return super().environ(**environ_for(self._bin, self._user, self._temporary), **more)

    def make_campaign(self, slug: str, line: dict[str, str]) -> None:
        """Make and activate a campaign of one task, with the scripts; ``line``: what each agent is to write."""
        steps = []
        for agent, path in line.items():
            (self.root / "skills" / agent).mkdir()
            (self.root / "skills" / agent / "SKILL.md").write_text(SKILL.format(agent=agent, program=self._program))
            steps.append({"agent": agent, "output_dir": os.path.dirname(path)})
        self._ok("pipeline.py", "create", {"slug": "line", "name": "Line", "main_steps": steps})
        written = {"project": "acme", "slug": slug, "name": "Spring", "pipeline": "line", "target_article_count": 1}
        self._ok("campaign.py", "create", written)
        self._ok("activate_campaign.py", slug, "--no-dispatch")

    def text(self, path: str) -> str:
        """What stands in a file of the campaign's workspace."""
        (found,) = self.root.glob(f"projects/*/campaigns/*/{path}")
        return found.read_text()

    def _ok(self, script: str, verb: str, written: dict[str, Any] | str) -> None:
        file = self._user / "written.json"
        file.write_text(json.dumps(written))
        ended = self.run(script, verb, str(file) if isinstance(written, dict) else written)
        assert ended.code == 0, ended
