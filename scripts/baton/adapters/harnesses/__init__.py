"""One file a harness: it speaks to one agent program, and is found by its file name. What they share stands here."""

from __future__ import annotations

import os
import shutil

from baton.domain.errors import HarnessMissing
from baton.domain.statuses import FailureKind
from baton.ports import Ending, Job, Verdict

SUMMARY_LIMIT = 500
LINE_LIMIT = 200


def find_program(name: str, path: str, install: str) -> str:
    """Return where a program is; ``HarnessMissing``, with ``install`` as its cure, when it is nowhere in ``path``."""
    found = shutil.which(name, path=path)
    if found is not None:
        return os.path.abspath(found)
    places = [os.path.join(folder, name) for folder in path.split(":") if folder]
    there = next((place for place in places if os.path.lexists(place)), None)
    if there is None:
        what = f"the program {name} is not installed, or not in PATH"
    elif os.path.isdir(there):
        what = f"{there} is a folder, not the program {name}"
    else:
        what = f"{there} cannot be executed"
    raise HarnessMissing(what, cure=f"install it with: {install}")


class PlainListener:
    """Hears a program whose output means nothing in particular: only its last line is kept."""

    is_done = False  # only its exit says so
    tool_calls: int | None = None

    def __init__(self) -> None:
        self.progress = 0
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take a piece of standard output."""
        self.progress += len(data)
        self._tail = (self._tail + data)[-4 * LINE_LIMIT :]

    def last_line(self) -> str:
        """The last line that is not blank."""
        lines = self._tail.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:LINE_LIMIT] if lines else ""

    def tail(self, printed: str) -> str:
        """What it printed is what it said."""
        return printed

    def take_text(self) -> str:
        """It may print anything: nobody follows that word for word."""
        return ""


def plain_verdict(job: Job, ending: Ending) -> Verdict:
    """Judge a program that says nothing but an exit code.

    A clean exit completes the step, with the last line of output as its summary, unless the skill says that its agent
    reports by itself.
    """
    if ending.exit_code == 0 and not job.skill.completes:
        lines = ending.stdout_tail.strip().splitlines()
        return Verdict(completed=True, summary=lines[-1][:SUMMARY_LIMIT] if lines else None)
    if ending.exit_code == 0:
        return Verdict(completed=False, kind=FailureKind.NO_REPORT, message="it ended without calling complete_step")
    return Verdict(completed=False, kind=FailureKind.EXIT_CODE)
