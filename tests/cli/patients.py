"""Homes that doctor examines, and its answers about them: what the tests of doctor share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.homes import AGENT, SCRIPTS, Home, wait_for

PRESET_AGENTS = ("keyword-researcher", "content-writer", "content-reviewer", "humanizer")
LINE = f"* * * * * {sys.executable} {SCRIPTS}/check_pipeline.py --home {{home}} >/dev/null"


@contextmanager
def well_home(home: Home, beside: Path) -> Iterator[Home]:
    """A home at which nothing is to be found: private, swept by a (false) cron that runs, every agent there."""
    for name in PRESET_AGENTS:
        home.agent(name, AGENT)
    for folder in (home.state, home.root / "logs"):
        subprocess.run(["chmod", "-R", "go=", folder], check=True)
    home.wake()
    programs = beside / "programs"
    programs.mkdir()
    home.environ["PATH"] = f"{programs}:/usr/bin:/bin"
    set_crontab(home, LINE.format(home=home.root))
    # A process may name itself; this one ends when its input does.
    daemon = subprocess.Popen(["sh", "-c", "printf cron > /proc/$$/comm; read line"], stdin=subprocess.PIPE)
    wait_for(lambda: Path(f"/proc/{daemon.pid}/comm").read_text() == "cron\n")
    yield home
    daemon.communicate()


def make(home: Home, *ids: str, **fields: Any) -> None:
    """Make tasks that nobody starts."""
    home.stop()
    for id in ids:
        home.make_task(id, **fields)
    home.wake()


def swept(home: Home) -> None:
    """Sweep the home, without starting anything."""
    home.stop()
    home.ok("check_pipeline")
    home.wake()


def program(home: Home, name: str, text: str) -> Path:
    """Put a program into the home's PATH."""
    path = Path(home.environ["PATH"].split(":")[0]) / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def set_crontab(home: Home, *lines: str) -> None:
    """Give the user this crontab."""
    file = home.root.parent / "crontab.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    program(home, "crontab", f'#!/bin/sh\n[ "$1" = -l ] && exec cat {file}\n')


def examined(home: Home) -> dict[str, Any]:
    """Doctor's answer as JSON; its exit code says whether there are errors."""
    done = home.call("doctor", "--json")
    report: dict[str, Any] = done.json
    assert done.code == (1 if report["errors"] else 0), done
    assert report["ok"] is (not report["errors"])
    return report


def errors(home: Home) -> list[tuple[str, str, str]]:
    """The errors, when there is no warning."""
    report = examined(home)
    assert report["warnings"] == []
    return [(one["check"], one["message"], one["cure"]) for one in report["errors"]]


def warnings(home: Home) -> list[tuple[str, str, str]]:
    """The warnings, when there is no error."""
    report = examined(home)
    assert report["errors"] == []
    return [(one["check"], one["message"], one["cure"]) for one in report["warnings"]]
