"""The demo's home: a temporary folder, the real scripts run in it, and an end that leaves nothing of it behind."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baton.demo import processes

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPTS = REPOSITORY / "scripts"
INHERITED = ("HOME", "USER", "LANG", "TZ", "TMPDIR", "TERM")
SCRIPT_SECONDS = 60
END_SECONDS = 10.0


class DemoFailed(Exception):
    """Something did not happen as the demo promises; the text is a sentence."""


class Done:
    """What a script answered."""

    def __init__(self, command: str, process: subprocess.CompletedProcess[str]) -> None:
        self.command = command
        self.code = process.returncode
        self.out = process.stdout.strip()
        self.err = process.stderr.strip()

    def json(self) -> Any:
        """Return the answer as a document; a negative one is the demo's failure."""
        self.check()
        try:
            return json.loads(self.out)
        except ValueError:
            raise DemoFailed(f"'{self.command}' should answer in JSON, and said: {self.out[:200]}") from None

    def refusal(self) -> tuple[str, str]:
        """Return why it was not done, and the cure (which may be empty), from the document of a negative answer."""
        try:
            error = json.loads(self.out)["error"]
            return str(error["message"]), str(error.get("cure") or "")
        except (ValueError, KeyError, TypeError):
            return (self.err or self.out or "it said nothing").splitlines()[0], ""

    def check(self) -> None:
        """See that it did what it was told; else that is the demo's failure."""
        if self.code:
            lines = (self.err or self.out or "it said nothing").splitlines()
            said = lines[-1] if lines[0].startswith("Traceback") else lines[0]
            raise DemoFailed(f"'{self.command}' ended with exit code {self.code}: {said}")


class Scratch:
    """A home in a temporary folder. Its path is known before it is made, so that :meth:`end` can always remove it."""

    def __init__(self, environ: Mapping[str, str], allowed: Mapping[str, str]) -> None:
        """``allowed``: what agents need of a person's own environment."""
        self._mark = secrets.token_hex(8)
        self.path = Path(os.path.realpath(tempfile.gettempdir()), f"baton-demo-{self._mark[:8]}")
        # Made from nothing: neither a proxy nor somebody's own home, interpreter or bot must have a part in the demo.
        self.environ = {name: value for name, value in environ.items() if name in INHERITED or name.startswith("LC_")}
        self.environ |= allowed
        self.environ |= {
            # Agents begin with "#!/usr/bin/env python3".
            "PATH": f"{os.path.dirname(sys.executable)}:{environ.get('PATH') or os.defpath}",
            "BATON_PYTHON": sys.executable,
            "BATON_HOME": str(self.path),
            processes.MARK: self._mark,
        }

    def run(self, script: str, *words: str | Path) -> Done:
        """Run one of the scripts to its end."""
        return self.run_at_once(1, script, *words)[0]

    def run_at_once(self, count: int, script: str, *words: str | Path) -> list[Done]:
        """Start the same script several times before waiting for any of them."""
        command = shown(script, *words)
        started = []
        try:
            # In sessions of their own: a Ctrl-C is for the demo, which ends them in its own time.
            for _ in range(count):
                started.append(
                    subprocess.Popen(
                        [SCRIPTS / script, *words],
                        env=self.environ,
                        cwd=REPOSITORY,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        text=True,
                        errors="replace",
                        start_new_session=True,
                    )
                )
            done = []
            for process in started:
                out, err = process.communicate(timeout=SCRIPT_SECONDS)
                done.append(Done(command, subprocess.CompletedProcess(words, process.returncode, out, err)))
            return done
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"'{command}' did not end within {SCRIPT_SECONDS} s") from None
        finally:
            for process in started:
                if process.poll() is None:
                    process.kill()
                    process.wait()

    def json(self, script: str, *words: str | Path) -> Any:
        """Run a script and return the document it answers with."""
        return self.run(script, *words).json()

    def processes(self) -> list[processes.Process]:
        """The processes of this home that live now."""
        return processes.of_home(self.path, self._mark)

    def end_processes(self) -> bool:
        """Kill everything that was started in this home; tell whether two looks in a row then found nothing."""
        end = time.monotonic() + END_SECONDS
        empty_looks = 0
        while empty_looks < 2 and time.monotonic() < end:
            found = self.processes()
            empty_looks = 0 if found else empty_looks + 1
            processes.kill(found)
        return empty_looks == 2

    def remove(self) -> None:
        """Remove the home, if it was made at all."""
        shutil.rmtree(self.path, ignore_errors=True)


def shown(script: str, *words: str | Path) -> str:
    """Return a command as a person types it in the repository."""
    parts = [SCRIPTS / script, *words]
    return shlex.join(
        str(part.relative_to(REPOSITORY) if isinstance(part, Path) and part.is_relative_to(REPOSITORY) else part)
        for part in parts
    )
