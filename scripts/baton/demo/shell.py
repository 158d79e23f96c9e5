"""What a person types in the demo besides Baton's scripts: git, the tests of their repository, and the like."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from baton.demo.agents import Refused
from baton.demo.scene import Scene
from baton.demo.scratch import DemoFailed

TESTS = "python3 -m unittest"
SECONDS = 60.0


class Shell:
    """A shell beside the home of one demo: what is typed is shown, with what it prints."""

    def __init__(self, scene: Scene) -> None:
        self._home = scene.home
        self._screen = scene.screen

    def type(self, folder: Path, *words: str | Path, is_shown: bool = True, is_told: bool = True) -> str:
        """Run a command in a folder and return what it prints; that it fails is the demo's failure."""
        if is_shown:
            self._screen.command(shlex.join(str(word) for word in words))
        done = self._run(folder, words, self._home.environ)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise DemoFailed(f"'{words[0]} {words[1]}' ended with exit code {done.returncode}: {said[-1]}")
        if is_shown and is_told and done.stdout.strip():
            self._screen.note(done.stdout.rstrip(), lead="| ")
        return done.stdout

    def git(self, folder: Path, *words: str, is_shown: bool = True, is_told: bool = True) -> str:
        """Run git in a repository."""
        return self.type(folder, "git", *words, is_shown=is_shown, is_told=is_told)

    def test(self, folder: Path) -> str:
        """Run the tests of a folder of the home; show which fail, and the last line, which is returned."""
        self._screen.command(f"cd $BATON_HOME/{folder.relative_to(self._home.path)} && {TESTS}")
        environ = self._home.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        lines = self._run(folder, [sys.executable, "-m", "unittest"], environ).stderr.strip().splitlines()
        told = [line for line in lines if line.startswith(("FAIL:", "ERROR:")) or "Error:" in line]
        for line in [*told, lines[-1]]:
            self._screen.note(line, "good" if line == "OK" else "bad", lead="| ")
        return lines[-1]

    def _run(
        self, folder: Path, words: Sequence[str | Path], environ: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        try:
            # In a session of its own: a Ctrl-C is for the demo.
            return subprocess.run(
                [str(word) for word in words],
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Refused(f"cannot go on without the program {words[0]}", f"install {words[0]}") from None
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"'{words[0]}' did not end within {SECONDS:g} s") from None
