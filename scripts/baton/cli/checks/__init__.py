"""What ``doctor`` looks at: one function a check, in a file for each part. What they share stands here.

A check gets a :class:`Patient` and yields findings; it may raise, that is caught around it. It changes nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cached_property

from msgspec import Struct

from baton.adapters.processes import become_subreaper
from baton.cli.checks.crontab import Crontab, Entry, read_crontab
from baton.cli.checks.locking import RIVAL
from baton.cli.checks.timers import SYSTEM, Timer, read_timers
from baton.cli.configuration import SHIPPED_SKILLS
from baton.cli.wiring import SCRIPTS, Wiring
from baton.domain.environment import DEFAULT_PATH
from baton.domain.errors import BatonError
from baton.domain.settings import Settings
from baton.domain.skills import Skill
from baton.engine.survey import Survey, survey_of
from baton.store.skills import list_skills

ERROR = "error"
WARNING = "warning"
NOTE = "note"
PASSED = "passed"


class Finding(Struct, frozen=True, kw_only=True):
    """What a check found. An error stops work; a warning does not; a note only tells."""

    level: str
    message: str
    cure: str = ""


Check = Callable[["Patient"], Iterator[Finding]]


def error(message: str, cure: str) -> Finding:
    """Something that stops work."""
    return Finding(level=ERROR, message=message, cure=cure)


def warning(message: str, cure: str) -> Finding:
    """Something to mend that does not stop work."""
    return Finding(level=WARNING, message=message, cure=cure)


def note(message: str) -> Finding:
    """Something to know."""
    return Finding(level=NOTE, message=message)


def passed(message: str) -> Finding:
    """Something that is as it should be."""
    return Finding(level=PASSED, message=message)


def refused(found: BatonError) -> Finding:
    """An error of ours, word for word."""
    return error(found.message, found.cure or "mend the file")


class Machine:
    """What is asked of the machine itself, each in one place, so that a test can answer instead."""

    proc = "/proc"
    lock_rival = RIVAL
    units = SYSTEM

    @property
    def version(self) -> tuple[int, ...]:
        """The interpreter's version."""
        return tuple(sys.version_info[:3])

    def kernel(self) -> tuple[str, str]:
        """The kernel's name and release."""
        name = os.uname()
        return name.sysname, name.release

    def signal_by_pidfd(self) -> None:
        """Send a signal that does nothing to ourselves, through a pidfd; ``OSError`` or ``AttributeError`` if not."""
        fd = os.pidfd_open(os.getpid())
        try:
            signal.pidfd_send_signal(fd, 0)
        finally:
            os.close(fd)

    def become_subreaper(self) -> None:
        """Adopt what our children leave behind; ``OSError`` when we may not."""
        become_subreaper()

    def room(self, path: str) -> os.statvfs_result:
        """The room on the disk that holds this path."""
        return os.statvfs(path)


class Patient:
    """A home and the machine it is on, and what several checks want to know, found out once."""

    def __init__(self, wiring: Wiring, machine: Machine | None = None) -> None:
        self.wiring = wiring
        self.home = wiring.home
        self.machine = machine or Machine()
        self.path = wiring.environ.get("PATH") or DEFAULT_PATH

    @property
    def sweep_line(self) -> str:
        """The one crontab line that runs the sweep for this home."""
        words = (sys.executable, os.path.join(SCRIPTS, "check_pipeline.py"), "--home", self.home.root)
        return f"* * * * * {' '.join(map(quoted, words))} >/dev/null"

    @cached_property
    def settings(self) -> Settings:
        """The settings in force; the defaults where they cannot be read, which a check of its own says."""
        try:
            return self.wiring.config.settings()
        except BatonError:
            return Settings()

    @cached_property
    def skills(self) -> tuple[list[Skill], list[tuple[str, str]]]:
        """The agents, and the folders that are none, with the problem."""
        return list_skills(self.home.skills, SHIPPED_SKILLS, None)

    @cached_property
    def crontab(self) -> Crontab:
        """The crontab of this user."""
        return read_crontab(self.wiring.environ, self.path)

    @cached_property
    def timers(self) -> list[Timer]:
        """The systemd timers that sweep this home."""
        return [timer for timer in read_timers(self.wiring.environ, self.machine.units) if self._is_ours(timer.entry)]

    @cached_property
    def sweeps(self) -> list[Entry]:
        """What sweeps this home by itself: lines of the crontab, then enabled timers."""
        lines = [entry for entry in self.crontab.entries if self._is_ours(entry)]
        return [*lines, *(timer.entry for timer in self.timers if timer.is_enabled)]

    def _is_ours(self, entry: Entry) -> bool:
        return os.path.realpath(entry.home) == os.path.realpath(self.home.root)

    @cached_property
    def survey(self) -> Survey:
        """What the records say, read once."""
        return survey_of(self.wiring.store)

    def which(self, program: str, path: str | None = None) -> str | None:
        """Find a program as an agent would: ours come last."""
        return shutil.which(program, path=f"{path or self.path}:{SCRIPTS}")

    def read(self, *parts: str) -> str:
        """Read a file below ``/proc``."""
        with open(os.path.join(self.machine.proc, *parts), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()


def quoted(word: str) -> str:
    """Quote a word for a crontab: for the shell, and ``%``, which cron takes for the end of the line."""
    safe = word if re.fullmatch(r"[\w@%+=:,./-]+", word, re.ASCII) else "'" + word.replace("'", "'\"'\"'") + "'"
    return safe.replace("%", "\\%")


def listed(names: list[str], most: int = 3) -> str:
    """Return some names in words, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
