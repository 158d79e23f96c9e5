"""Starts supervisors as processes of their own: another session, no descriptor of ours but the slot."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from baton.domain.environment import SUPERVISOR_MARK
from baton.ports import Slot

# What belongs to the run in which a process lives; a supervisor belongs to none.
RUN_VARIABLES = (
    "BATON_TASK", "BATON_STEP", "BATON_AGENT", "BATON_RUN", "BATON_LEASE", "BATON_WORKSPACE", "BATON_PROMPT_FILE",
    "BATON_BRANCH", "BATON_HEARTBEAT", "BATON_PROJECT", "BATON_SIGHT_FILE",
)  # fmt: skip


class LocalLauncher:
    """Starts ``invoke_agent.py --next`` in the background, with the slot handed down."""

    def __init__(self, home: str, script: str, log: str) -> None:
        self._home = home
        self._script = script
        self._log = log
        # Kept so that a child which has ended is not collected twice; the supervisor reaps by itself.
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, slot: Slot, target: Sequence[str] | None = None) -> int:
        """Start a detached supervisor that inherits the slot; return its pid."""
        argv = supervisor_argv(self._script, self._home, slot, target)
        os.makedirs(os.path.dirname(self._log), 0o700, exist_ok=True)
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # Streams of its own: a pipe of cron's that is still open would keep cron waiting.
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=supervisor_environment(self._home),
                cwd="/",
                pass_fds=(slot.fileno,),
                start_new_session=True,
            )
        finally:
            os.close(log)
        self._started.append(process)
        return process.pid


def supervisor_argv(
    script: str, home: str, slot: Slot, target: Sequence[str] | None, supervisor_fileno: int | None = None
) -> Sequence[str]:
    """Return the command line of a supervisor that goes on with an inherited slot."""
    descriptors = f"{slot.number}:{slot.fileno}" + ("" if supervisor_fileno is None else f":{supervisor_fileno}")
    words = list(target) if target is not None else ["--next"]
    return [sys.executable, script, "--home", home, "--slot", descriptors, *words]


def supervisor_environment(home: str) -> dict[str, str]:
    """Return the environment of a supervisor: ours, without a run's names, with the mark."""
    environ = {name: value for name, value in os.environ.items() if name not in RUN_VARIABLES}
    return environ | {"BATON_HOME": home, "BATON_PYTHON": sys.executable, SUPERVISOR_MARK: "1"}
