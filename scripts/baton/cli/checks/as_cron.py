"""Doctor as cron would start it: the sweep's own line with ``doctor.py`` in its place, in an environment made of nothing.

What an interactive shell hides (a longer PATH, exported keys, another folder) is missing there, as it is for a job.
"""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from typing import Any

import msgspec
from msgspec import Struct

from baton.cli.checks import Patient
from baton.cli.checks.crontab import CRON_PATH, SCRIPT, Entry, parse_crontab
from baton.cli.homes import crontab
from baton.store.files import read_bytes

DOCTOR = "doctor.py"
SECONDS = 120.0
SHOWN = frozenset({"HOME", "LOGNAME", "SHELL", "PATH", "MAILTO", "BATON_HOME", "BATON_PYTHON", "LANG", "TZ"})


class Start(Struct, frozen=True, kw_only=True):
    """What would be started: the entry of which file, its whole environment, the shell, and the command for it."""

    source: str
    entry: Entry
    environ: dict[str, str]
    shell: str
    command: str

    @property
    def folder(self) -> str:
        """Where a job begins."""
        return self.environ["HOME"]

    def words(self) -> str:
        """The same as a line to type; of variables that may be secrets the names alone."""
        named = [f"{name}={shlex.quote(value) if name in SHOWN else '...'}" for name, value in self.environ.items()]
        return f"cd {shlex.quote(self.folder)}; env -i {' '.join(named)} {self.shell} -c {shlex.quote(self.command)}"


def start_of(patient: Patient) -> Start:
    """Return how cron starts the sweep of this home, with doctor in its place.

    It is the line that sweeps this home by itself; where there is none yet, the block that waits to be added.
    """
    source, entry = _entry(patient)
    user = pwd.getpwuid(os.geteuid())
    home = user.pw_dir if os.path.isdir(user.pw_dir) else "/"
    environ = {"HOME": home, "LOGNAME": user.pw_name, "SHELL": "/bin/sh", "PATH": CRON_PATH} | entry.environ
    environ["LOGNAME"] = user.pw_name  # cron lets nobody change this one
    at = entry.command.index(SCRIPT)
    behind = entry.command[at + len(SCRIPT) :]
    quote = behind[0] if behind[:1] in ("'", '"') else ""
    option = f" --home {shlex.quote(entry.option)}" if entry.option is not None else ""
    command = f"{entry.command[:at]}{DOCTOR}{quote} --json{option}"
    return Start(source=source, entry=entry, environ=environ, shell=environ["SHELL"], command=command)


def _entry(patient: Patient) -> tuple[str, Entry]:
    for entry in patient.sweeps:
        return entry.place or "your crontab", entry
    path = os.path.join(patient.home.root, "crontab.example")
    blocks = {
        path: (read_bytes(path) or b"").decode("utf-8", "surrogateescape"),
        "the lines that init_home.py prints": crontab(patient.home),
    }
    for source, text in blocks.items():
        for entry in parse_crontab(text, patient.wiring.environ.get("HOME", "/")).entries:
            if os.path.realpath(entry.home) == os.path.realpath(patient.home.root):
                return f"{source}, not in your crontab yet", entry
    raise AssertionError("our own block sweeps the home that it was made for")


def report_of(start: Start) -> tuple[dict[str, Any] | None, str]:
    """Start it; return the report of the doctor in there, or why there is none."""
    try:
        done = subprocess.run(
            [start.shell, "-c", start.command],
            env=start.environ,
            cwd=start.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {SECONDS:g} s"
    except OSError as problem:
        return None, f"{start.shell}: {problem.strerror}"
    said = done.stderr.decode("utf-8", "replace").strip()
    # What a command prints before it starts the sweep is not ours.
    last = done.stdout.decode("utf-8", "replace").strip().rpartition("\n")[2]
    try:
        report = msgspec.json.decode(last)
    except (msgspec.DecodeError, UnicodeDecodeError):
        report = None
    if isinstance(report, dict) and {"errors", "warnings", "passed"} <= report.keys():
        return report, ""
    if isinstance(report, dict) and isinstance(report.get("error"), dict):
        said = str(report["error"].get("message"))
    return None, said or f"it ended with code {done.returncode} and no report"
