"""``python -m tests.real_clis [NAME,NAME] [pytest's arguments]``: install agent programs, and run the tests that need them.

What is not to be had here is left out, and said. Run by ``scripts/test --real-clis``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.real_clis.installing import NotInstalled, check, install
from tests.real_clis.loopback import enter
from tests.real_clis.programs import INSTALLED, PROGRAMS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1] / ".venv/real-clis"
# Codex's sandbox lets it write below /tmp, and will not work with a HOME that lies there.
SCRATCH = "/var/tmp"


def main(words: list[str]) -> int:
    """Return pytest's exit code; 2 when a program is named that there is not."""
    names = words[0].split(",") if words and words[0] else list(PROGRAMS)
    for name in names:
        if name not in PROGRAMS:
            say(f"there is no agent program '{name}'; there are {', '.join(PROGRAMS)}")
            return 2
    folders = {name: folder for name in names if (folder := _installed(name)) is not None}
    reason = enter()
    if reason is None:
        say("the agent programs have no network but loopback")
    else:
        say(f"NO NETWORK NAMESPACE IS ALLOWED HERE ({reason}): the agent programs keep this machine's network")
    with tempfile.TemporaryDirectory(dir=SCRATCH, prefix="baton-real-clis-") as scratch:
        runnable = {name: str(folder) for name, folder in folders.items() if _starts(name, folder, Path(scratch))}
        pytest = [sys.executable, "-m", "pytest", "-m", "real_clis", "-rs", "--durations=0", "--durations-min=1"]
        chosen = ["-k", " or ".join(names), f"--basetemp={scratch}/tests", *words[1:], str(HERE)]
        environ = os.environ | {INSTALLED: json.dumps(runnable)}
        return subprocess.run([*pytest, *chosen], env=environ, check=False).returncode


def say(what: str) -> None:
    """Say a line beside the tests' own."""
    print(f"real-clis: {what}", file=sys.stderr, flush=True)


def _installed(name: str) -> Path | None:
    program, began = PROGRAMS[name], time.monotonic()
    try:
        folder = install(program, ROOT)
    except (NotInstalled, OSError) as error:
        say(f"{name.upper()} {program.version} IS NOT RUN: {error}")
        return None
    seconds = time.monotonic() - began
    say(f"{name} {program.version}: " + (f"installed with npm in {seconds:.0f} s" if seconds >= 0.5 else "was there"))
    return folder


def _starts(name: str, folder: Path, scratch: Path) -> bool:
    try:
        check(PROGRAMS[name], folder, scratch)
    except (NotInstalled, OSError) as error:
        say(f"{name.upper()} {PROGRAMS[name].version} IS NOT RUN: {error}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
