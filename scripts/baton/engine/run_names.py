"""The variables that tell the programs of a run where they are; ``BATON_LEASE`` and the prompt's file come beside them."""

from __future__ import annotations

import sys

from baton.domain.agent_records import Cause
from baton.domain.records import Task, Unit


def names_of_run(home: str, task: Task, unit: Unit, agent: str, run: str, workspace: str) -> dict[str, str]:
    """Return those of a run of a unit."""
    named = _names(home, agent, run, workspace) | {
        "BATON_TASK": task.id,
        "BATON_STEP": "" if unit.step is None else str(unit.step),
    }
    label = task.label_of(unit.key)
    return named if label is None else named | {"BATON_BRANCH": label}


def names_of_heartbeat(
    home: str, cause: Cause, agent: str, run: str, workspace: str, seen: str, project: str | None
) -> dict[str, str]:
    """Return those of a run without a task. ``seen``: the file with what it is shown of the home."""
    named = _names(home, agent, run, workspace) | {"BATON_HEARTBEAT": cause.value, "BATON_SIGHT_FILE": seen}
    return named if project is None else named | {"BATON_PROJECT": project}


def _names(home: str, agent: str, run: str, workspace: str) -> dict[str, str]:
    return {
        "BATON_HOME": home,
        "BATON_AGENT": agent,
        "BATON_RUN": run,
        "BATON_WORKSPACE": workspace,
        "BATON_PYTHON": sys.executable,
    }
