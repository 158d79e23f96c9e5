"""Streaming runs: what a task holds that is a run over a pipeline of prompts, and how a task reads as one."""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
import re
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.statuses import TaskStatus, UnitStatus

if TYPE_CHECKING:
    from baton.domain.records import Task, Unit

# The harness of every step: no other tells the model's words one by one.
HARNESS = "api"
# Why a run waits that was made and not begun; until somebody starts it, its task is blocked with these words.
NOT_STARTED = "not started yet"
INPUT_FILE = "input.md"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PLACE = re.compile(r"\{\{([^{}]*)\}\}")


class RunStatus(StrEnum):
    """Where a run is, or one of its steps."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class StreamRun(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a task a streaming run. Its input lies in the workspace, in ``INPUT_FILE``: it may be large."""

    pipeline: str
    owner: str | None = None
    variables: dict[str, str] = {}


def check_variable(name: str) -> str:
    """Return the name of a variable; refuse one that could not stand between ``{{`` and ``}}``."""
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(f"{name[:80]!r} is not a name for a variable", cure="use letters, digits, _ and -")
    return name


def unknown_names(instructions: str, variables: dict[str, str]) -> list[str]:
    """Return the names between ``{{`` and ``}}`` that no variable has, each once, in order."""
    named = (found[1].strip() for found in _PLACE.finditer(instructions))
    return list(dict.fromkeys(name for name in named if name not in variables))


def filled(instructions: str, variables: dict[str, str]) -> str:
    """Put each variable's text in its places. What is put in is text, whatever it looks like: it is not looked at again."""
    return _PLACE.sub(lambda found: variables.get(found[1].strip(), found[0]), instructions)


def output_folder(step: int) -> str:
    """Return the folder of the workspace in which a step's output lies."""
    return f"step-{step}"


def has_begun(task: "Task") -> bool:
    """Tell whether any step of the run was ever worked on."""
    return any(unit.started_at is not None for unit in task.pipeline)


def is_waiting_to_start(task: "Task") -> bool:
    """Tell whether the run was made and nobody has said yet that it may begin."""
    return task.blocked is not None and task.blocked.reason == NOT_STARTED and not has_begun(task)


def status_of(task: "Task") -> RunStatus:
    """Return where the run is. A run that waits between two attempts, or for a parked harness, is running."""
    if task.status is TaskStatus.COMPLETED:
        return RunStatus.COMPLETED
    if is_waiting_to_start(task):
        return RunStatus.PENDING
    if task.is_finished or task.blocked is not None:
        return RunStatus.FAILED
    return RunStatus.RUNNING if has_begun(task) else RunStatus.PENDING


def step_status_of(task: "Task", unit: "Unit") -> RunStatus:
    """Return where one step of the run is: of a failed run the step at which it stands has failed."""
    if unit.status in (UnitStatus.COMPLETED, UnitStatus.SKIPPED):
        return RunStatus.COMPLETED
    if unit.key != task.current.key or unit.started_at is None:
        return RunStatus.PENDING
    return RunStatus.FAILED if status_of(task) is RunStatus.FAILED else RunStatus.RUNNING


def error_of(task: "Task") -> str | None:
    """Return why the run has failed; ``None`` of one that has not."""
    if status_of(task) is not RunStatus.FAILED:
        return None
    if task.blocked is None:
        return f"the run was {task.status}"
    failures = task.current.failures
    said = failures[-1].message.strip().splitlines() if failures else []
    return f"{task.blocked.reason}: {said[-1]}" if said and said[-1] not in task.blocked.reason else task.blocked.reason


def failed_at(task: "Task") -> str | None:
    """Return the instant at which the run failed, which tells one failure from the next."""
    return task.blocked.at if task.blocked is not None else task.completed_at
