"""The job an agent of the crew was started for: what is asked, what came before, and the ways to end it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.scripts import answer
from _offline.sources import Trouble

Record = dict[str, Any]

GROUP_SECONDS = 5.0
PAUSE_SECONDS = 0.05


class Job:
    """One job of one assignment, as its agent sees it. The prompt says the same in words, for those who can read."""

    def __init__(self) -> None:
        self.assignment: Record = answer("assignment.py", "show", "--json")
        self.folder = Path(os.environ["BATON_WORKSPACE"])
        jobs: list[Record] = self.assignment["jobs"]
        number = int(os.environ["BATON_STEP"])
        self._before, self._own, self.after = jobs[:number], jobs[number], jobs[number + 1 :]

    @property
    def context(self) -> str:
        """What the PM wants of this job."""
        return str(self._own["context"])

    @property
    def base(self) -> str:
        """The commit the assignment's branch began at; where there is no such branch, what the user stands on."""
        return f"refs/baton-base/{self.assignment['id']}" if self.is_on_its_branch else "HEAD"

    @property
    def is_on_its_branch(self) -> bool:
        """Tell whether the job works in a worktree of the assignment's own, where it may commit."""
        return bool(self.assignment.get("worktree"))

    def since_last_pm(self) -> list[Record]:
        """Return the jobs that have ended since a PM looked last."""
        places = [place for place, one in enumerate(self._before) if one["type"] == "pm"]
        return self._before[places[-1] + 1 if places else 0 :]

    def count_of(self, type: str) -> int:
        """Return how many jobs of a type there were."""
        return sum(one["type"] == type for one in self._before)

    def wait_for_group(self) -> None:
        """Let the others of the job's group begin first; not for long, as there may be no slot for them.

        What a person or a model needs minutes for takes these programs less time than the start of the next one: two
        that are to work at once would work one behind the other, or not, as it comes.
        """
        end = time.monotonic() + GROUP_SECONDS
        jobs = self.assignment["jobs"]
        while self._is_awaited(jobs) and time.monotonic() < end:
            time.sleep(PAUSE_SECONDS)
            jobs = answer("assignment.py", "show", "--json")["jobs"]

    def _is_awaited(self, jobs: list[Record]) -> bool:
        group = self._own["group"]
        return group is not None and any(one["group"] == group and one["status"] == "pending" for one in jobs)

    def complete(self, report: str) -> None:
        """Hand in the report; the last act."""
        answer("complete_step.py", "--summary", report)
        sys.stdout.write(f"{report.splitlines()[0]}\n")


def run(work: Callable[[Job], None]) -> NoReturn:
    """Do an agent's work and exit: 0 when the job was reported, 1 with one sentence when it could not be done."""
    try:
        work(Job())
    except (Trouble, OSError, SyntaxError, KeyError) as error:
        sys.stderr.write(f"{os.environ.get('BATON_AGENT', 'crew')}: {type(error).__name__}: {error}\n")
        sys.exit(1)
    sys.exit(0)
