"""The repository a job works in: its tests, which are really run, its changes, and Python code as a tree."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from _offline.sources import Trouble

TEST_COMMAND = "python3 -m unittest"
SECONDS = 60
_FAILED = re.compile(r"^(?:FAIL|ERROR): (\w+) \(([\w.]+)\)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What a run of the tests printed."""

    code: int
    printed: str

    @property
    def last_line(self) -> str:
        """The line that says how it went."""
        return (self.printed.strip().splitlines() or ["nothing was printed"])[-1]

    @property
    def failed(self) -> list[str]:
        """The names of the tests that failed."""
        return [name for name, _ in _FAILED.findall(self.printed)]


def run_tests(folder: Path) -> Tested:
    """Run the tests of a folder in an interpreter of their own."""
    done = _run(folder, sys.executable, "-m", "unittest")
    return Tested(code=done.returncode, printed=done.stderr + done.stdout)


def tests_at(folder: Path, commit: str) -> Tested:
    """Run the tests of today on the code of an earlier commit, in a copy."""
    with tempfile.TemporaryDirectory(prefix="crew-") as place:
        for path in folder.glob("*.py"):
            data = path.read_bytes()
            if not path.name.startswith("test"):
                data = git(folder, "show", f"{commit}:{path.name}").encode()
            Path(place, path.name).write_bytes(data)
        return run_tests(Path(place))


def git(folder: Path, *words: str) -> str:
    """Return what git prints."""
    done = _run(folder, "git", *words)
    if done.returncode:
        raise Trouble(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout


def tell(folder: Path, code: str) -> str:
    """Run a line of Python in the folder; return what came of it, in a few words."""
    done = _run(folder, sys.executable, "-c", f"print({code})")
    return (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()[-1]


def changed_files(folder: Path, base: str) -> list[Path]:
    """Return the Python files that differ from the base, tests apart."""
    names = git(folder, "diff", "--name-only", base, "--", "*.py").split()
    return [folder / name for name in names if not name.startswith("test")]


def functions(path: Path) -> list[ast.FunctionDef]:
    """Return the functions of a file, from the top."""
    return [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]


def called_in(path: Path, test: str) -> list[str]:
    """Return the names that a test calls as ``module.name(...)``, outermost first."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == test:
            calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
            owned = [one for one in calls if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name)]
            return [one.attr for one in owned if isinstance(one.value, ast.Name) and one.value.id != "self"]
    return []


def replace_lines(path: Path, first: int, last: int, lines: list[str]) -> None:
    """Put other lines in the place of some, counted from 1, both included."""
    old = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*old[: first - 1], *lines, *old[last:]]) + "\n", "utf-8")


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "GIT_OPTIONAL_LOCKS": "0"}
    return subprocess.run(
        words,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
