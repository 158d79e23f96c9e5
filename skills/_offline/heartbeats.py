"""A heartbeat, as an offline agent sees it: a run without a task, and what it is shown of the home."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from _offline.scripts import say
from _offline.sources import Trouble


class Heartbeat:
    """What a run without a task is told: ``sight`` is the file that says what the home looks like."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        missing = [name for name in ("BATON_HOME", "BATON_RUN", "BATON_SIGHT_FILE") if not environ.get(name)]
        if missing:
            raise Trouble(f"{missing[0]} is not set: this program is started by invoke_agent.py, not by hand")
        self.home = Path(environ["BATON_HOME"])
        self.project = environ.get("BATON_PROJECT")
        self.workspace = Path(environ.get("BATON_WORKSPACE") or os.getcwd())
        self.output = f"{environ['BATON_RUN']}.md"
        try:
            self.sight: dict[str, Any] = json.loads(Path(environ["BATON_SIGHT_FILE"]).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise Trouble(f"{environ['BATON_SIGHT_FILE']} cannot be read: {error}") from None

    def write(self, text: str, name: str | None = None) -> Path:
        """Write a file into the workspace, by default the report; return its path."""
        target = self.workspace / (name or self.output)
        try:
            target.write_text(text, "utf-8")
        except OSError as error:
            raise Trouble(f"{target.name} cannot be written: {error.strerror}") from None
        return target


def is_heartbeat(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this program was started without a task."""
    return bool(environ.get("BATON_HEARTBEAT"))


def beat(work: Callable[[Heartbeat], str]) -> NoReturn:
    """Do what there is to do and exit: 0 with one sentence about it, 1 with one about what is in the way."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        say(work(Heartbeat(os.environ)))
    except Trouble as trouble:
        sys.stderr.write(f"{os.environ.get('BATON_AGENT') or os.path.basename(sys.argv[0])}: {trouble}\n")
        sys.exit(1)
    sys.exit(0)
