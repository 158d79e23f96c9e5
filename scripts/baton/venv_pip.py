"""Run pip in .venv: where it comes from, what its failures mean, and whether what it left is whole.

Knows nothing of stamps and locks (that is ``bootstrap``). Standard library only, and readable by a Python that is too
old to go on.
"""

from __future__ import annotations

import csv
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from baton import pip_wheel

ROOM = "Make room (the test set takes about 200 MB), then run this again."
ELSEWHERE = "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN"
"""Settings that would send an installation to another place than .venv, or nowhere."""
QUIET = "--quiet", "--no-input", "--disable-pip-version-check", "--no-warn-script-location"
AWAY = "NewConnectionError", "ConnectTimeout", "Max retries exceeded", "No matching distribution"


class InstallError(Exception):
    """A sentence for the user, and what to do about it."""

    def __init__(self, sentence: str, cure: str) -> None:
        super().__init__(sentence)
        self.cure = cure


def install(python: Path, requirements: Path, site_packages: Path, lock: int) -> None:
    """Install what a file of requirements names, and see that every file of every package is there.

    ``lock`` is a descriptor that pip inherits, so that a lock lasts as long as a pip whose parent was killed.
    """
    with tempfile.TemporaryDirectory(prefix="baton-pip-") as folder:
        pip, besides = _pip(python, Path(folder), lock)
        _run_pip([*pip, "install", *besides, "--requirement", str(requirements)], lock)
        if broken := damaged(site_packages):
            say(f"repairing what an interrupted installation left: {' '.join(broken)}")
            _run_pip([*pip, "install", "--ignore-installed", "--no-deps", *broken], lock)
    if broken := damaged(site_packages):
        raise InstallError(
            f"files are missing of {', '.join(broken)}", f"Remove {python.parents[1]}, then run this again."
        )


def damaged(site_packages: Path) -> list[str]:
    """Return the packages, as name==version, that pip believes to be installed though files of theirs are missing.

    A pip that was killed can leave this behind: it goes by the folder of metadata, which need not come last. RECORD,
    the list of files with hash and size (PEP 376), does. Folders with a ``~`` are what pip set aside.
    """
    found = []
    for metadata in sorted(site_packages.glob("[!~]*.dist-info")):
        record = metadata / "RECORD"
        if not (record.exists() and _is_whole(record)):
            found.append("==".join(metadata.name[: -len(".dist-info")].rsplit("-", 1)))
    return found


def say(line: str) -> None:
    """Tell the user what is being done, on stderr."""
    sys.stderr.write(f"baton: {line}\n")
    sys.stderr.flush()


def run(command: list[str], environment: dict[str, str] | None = None, *locks: int) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, both its streams in ``stdout``."""
    return subprocess.run(
        command,
        env=environment,
        pass_fds=locks,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def explained(what: str, output: str) -> InstallError:
    """Put a program's many lines into one sentence: its last line that speaks of an error, and the usual cure."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if line.lower().startswith("error")), lines[-1] if lines else "")
    if os.strerror(errno.ENOSPC) in output or os.strerror(errno.EDQUOT) in output:
        return InstallError("the disk is full", ROOM)
    if any(word in output for word in AWAY):
        return InstallError(
            f"the package index could not be reached, or lacks a package ({said})",
            "Check the network, or name an index that can be reached in PIP_INDEX_URL, then run this again.",
        )
    return InstallError(f"{what} ({said})", "Mend what it says, then run this again.")


def _is_whole(record: Path) -> bool:
    """Compare the files that a RECORD lists with those on disk; only lines with a hash, compiled files come and go."""
    rows = [row for row in csv.reader(record.read_text(encoding="utf-8").splitlines()) if len(row) == 3 and row[1]]
    files = [(record.parents[1] / name, size) for name, _, size in rows]
    return all(file.is_file() and (not size or file.stat().st_size == int(size)) for file, size in files)


def _pip(python: Path, folder: Path, lock: int) -> tuple[list[str], list[str]]:
    """Return the command that runs pip in .venv, and what it should install besides: itself, if it is not there."""
    isolated = [str(python), "-I"]
    # Asked again after ensurepip, which is content with the folder of metadata that an interrupted one has left.
    for program in (["pip", "--version"], ["ensurepip", "--default-pip"], ["pip", "--version"]):
        if run([*isolated, "-m", *program], None, lock).returncode == 0 and program[0] == "pip":
            return [*isolated, "-m", "pip"], []
    say("this Python has no ensurepip; fetching pip's wheel from where pip would look")
    try:
        wheel = pip_wheel.fetch(folder, pip_wheel.sources(dict(os.environ)))
    except pip_wheel.WheelNotFound as error:
        raise InstallError(
            f"this Python has no ensurepip, and pip could not be fetched ({error})",
            "Check the network, name an index that can be reached in PIP_INDEX_URL, or install ensurepip (Debian: "
            "apt install python3-venv).",
        ) from None
    return [*isolated, str(wheel / "pip")], [str(wheel)]


def _run_pip(command: list[str], lock: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    done = run([*command, *QUIET], {**environment, "PIP_USER": "0"}, lock)
    if done.returncode:
        raise explained("pip failed", done.stdout)
