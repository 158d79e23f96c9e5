"""A demo that is started as a newcomer does it, and what it has told when it has ended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.processes import processes_below

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts/baton/demo/__main__.py"
PROMISED_SECONDS = 30
PATIENCE_SECONDS = 100
WIDTH = 100


class Place:
    """A folder for temporary files, and a demo that is started with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "TERM": "xterm",
            # What must have no part in it: another home, another bot, a proxy that is not there.
            "BATON_HOME": "/nowhere",
            "BATON_PYTHON": "/nowhere/python",
            "TELEGRAM_API_BASE": "http://127.0.0.1:9",
            "TELEGRAM_BOT_TOKEN": "somebody:else",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the demo with its output in pipes."""
        return subprocess.Popen(
            [sys.executable, DEMO, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def homes(self) -> list[Path]:
        """The temporary homes there are."""
        return sorted(self.folder.glob("baton-demo-*"))

    def processes(self) -> list[str]:
        """The command lines of the processes that work in one of its homes."""
        return processes_below(self.folder)


class Told:
    """What a demo has printed, and what it left when it had ended."""

    def __init__(self, place: Place, *words: str) -> None:
        began = time.monotonic()
        demo = place.start(*words)
        self.out, self.err = demo.communicate(timeout=PATIENCE_SECONDS)
        self.seconds = time.monotonic() - began
        # What is promised of a machine that is free, each of many at work on this one has a share of.
        self.promised_seconds = PROMISED_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        self.code = demo.returncode
        self.left = (place.processes(), place.homes())

    def part(self, heading: str) -> str:
        """The text below the numbered heading that begins so."""
        found = re.search(rf"^\d+\. {heading}.*?(?=\n\n|\Z)", self.out, re.MULTILINE | re.DOTALL)
        assert found is not None, self.out
        return found[0]
