"""Install agent programs, and run the tests that need them: ``python -m tests.real_clis [NAME,NAME] [--long] [WORD]...``

What is not to be had here is left out, and said. Further words are pytest's. Run by ``scripts/test --real-clis``.
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
LONG = "--long"


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
        marked = "real_clis" if LONG in words else "real_clis and not long"
        pytest = [sys.executable, "-m", "pytest", "-m", marked, "-k", " or ".join(names), f"--basetemp={scratch}/tests"]
        shown = ["-rs", "--durations=0", "--durations-min=1"]
        environ = os.environ | {INSTALLED: json.dumps(runnable)}
        rest = [word for word in words[1:] if word != LONG]
        return subprocess.run([*pytest, *shown, *rest, *_where(rest)], env=environ, check=False).returncode


def say(what: str) -> None:
    """Say a line beside the tests' own."""
    print(f"real-clis: {what}", file=sys.stderr, flush=True)


def _where(words: list[str]) -> list[str]:
    """All the tests there are, where the caller has named none."""
    return [] if any(Path(word.partition("::")[0]).exists() for word in words) else [str(HERE)]


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
