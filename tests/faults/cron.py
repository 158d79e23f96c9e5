"""A cron in small: it reads a crontab and runs its lines as Debian's does, and waits as that one does.

An environment of HOME, LOGNAME, SHELL and PATH, and what the crontab sets; ``/bin/sh -c``; the user's folder; output on
a pipe. It is done with a job when that pipe is closed by all who hold it: a job whose child keeps it open is never done.
"""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
SECONDS = 60.0


class Mail(NamedTuple):
    """What cron would mail of one job, and how the job ended."""

    text: str
    code: int


class Cron:
    """The crontab of a user whose own folder is ``folder``; ``machine`` is what every process of the machine is given."""

    def __init__(self, crontab: str, folder: Path, machine: dict[str, str] | None = None) -> None:
        user = pwd.getpwuid(os.getuid()).pw_name
        self._folder = folder
        self.environ = {"HOME": str(folder), "LOGNAME": user, "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
        self.environ |= machine or {}
        self.commands: list[str] = []
        for line in crontab.splitlines():
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if (assignment := ASSIGNMENT.fullmatch(line)) is not None:
                value = assignment[2]
                self.environ[assignment[1]] = value[1:-1] if value[:1] in "'\"" and value[:1] == value[-1:] else value
            else:
                # A bare % would end the command, and begin its input.
                command = re.split(r"(?<!\\)%", line.split(None, 5)[5])[0]
                self.commands.append(command.replace("\\%", "%"))

    def start(self) -> subprocess.Popen[str]:
        """Start the only job there is."""
        (command,) = self.commands
        return subprocess.Popen(
            ["/bin/sh", "-c", command],
            env=self.environ,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def minute(self) -> Mail:
        """Run the job, and wait until cron is done with it."""
        return mail_of(self.start())


def mail_of(job: subprocess.Popen[str]) -> Mail:
    """Wait until cron is done with a job; return its mail."""
    try:
        text = job.communicate(timeout=SECONDS)[0]
    except subprocess.TimeoutExpired:
        job.kill()
        raise AssertionError("cron still waits: somebody holds the job's output") from None
    return Mail(text, job.returncode)
