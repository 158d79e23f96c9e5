"""Installs the pinned agent programs with npm, each into a folder of its own below ``.venv``, and sees that they start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.real_clis.programs import Program, environ_for

INSTALL_SECONDS = 120.0
START_SECONDS = 60.0
QUIET = ("--no-fund", "--no-audit", "--no-update-notifier", "--no-package-lock", "--loglevel=error")


class NotInstalled(Exception):
    """The program is not to be had here; the text says why."""


def install(program: Program, root: Path) -> Path:
    """Return the folder in which a program can be started; it is installed if it is not there yet.

    What npm has not finished is never taken for good: it works in a folder beside, which is renamed when it is whole.
    Its cache lies there too, and goes with it, so that nothing is written but below ``root``.
    """
    folder = root / f"{program.name}-{program.version}"
    if not folder.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".new-") as new:
            _npm("install", "--prefix", f"{new}/whole", "--cache", f"{new}/cache", *QUIET, program.spec)
            if not Path(new, "whole/node_modules/.bin", program.name).exists():
                raise NotInstalled(f"npm installed {program.spec}, and there is no {program.name} in it")
            Path(new, "whole").rename(folder)
        for other in root.glob(f"{program.name}-*"):
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
    return folder / "node_modules/.bin"


def check(program: Program, folder: Path, scratch: Path) -> None:
    """See that a program starts and is the version that is pinned."""
    user = scratch / f"{program.name}-starts"
    user.mkdir()
    try:
        done = subprocess.run(
            [folder / program.name, "--version"],
            env=environ_for(str(folder), user, user),
            cwd=user,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"it does not start: {error}") from None
    if done.returncode or program.version not in done.stdout:
        raise NotInstalled(f"it does not start: exit code {done.returncode}: {_last(done.stderr or done.stdout)}")


def _npm(*words: str) -> None:
    """Run npm to its end, in a session of its own: when its time is over, what it has started is ended too."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("there is no npm")
    process = subprocess.Popen(
        [npm, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise NotInstalled(f"npm did not end within {INSTALL_SECONDS:g} s") from None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode:
        raise NotInstalled(f"npm: {_last(said)}")


def _last(text: str) -> str:
    """The line that says most: npm's first error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("npm error") and "code" not in line]
    return (errors or lines[-1:] or ["it said nothing"])[0][:300]
