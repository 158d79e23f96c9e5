"""What ``why.py`` says: a sentence and a command a task; what waits for the same thing in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from baton.cli.paint import plain
from baton.cli.script import Answer
from baton.cli.status_rows import clock_times, without_place
from baton.cli.task_views import tasks_of
from baton.cli.wiring import Wiring
from baton.domain.ids import check_id
from baton.domain.readiness import Why, open_units
from baton.domain.records import Task, Unit
from baton.engine.waiting_units import WaitingUnit, all_that_waits, waiting_unit

NAMED = 3
SHOWN = 2_000


def why_task(wiring: Wiring, id: str) -> Answer:
    """Say why the current step of a task does not run; what is open beside it comes below, each with its own reason."""
    task = wiring.task(check_id(id))
    reasons = wiring.reasons()
    units = [task.current] if task.blocked is not None else [task.current, *_open_beside(task)]
    found = [waiting_unit(task, unit, reasons.of(task, unit)) for unit in units]
    branches = [one for one in found if one.unit != task.current.key]
    data = msgspec.to_builtins(found[0]) | ({"branches": branches} if branches else {})
    now = wiring.clock.now()
    return Answer(data, "\n".join(_sentence([_named(task, one)], one, now) for one in found))


def why_all(wiring: Wiring, project: str | None = None) -> Answer:
    """Say why each unit that waits does so, most urgent first; of all projects, or of one."""
    tasks = {task.id: task for task in tasks_of(wiring) if project in (None, task.project)}
    found = all_that_waits(tasks.values(), wiring.reasons())
    now = wiring.clock.now()
    return Answer(found, lambda: _grouped(tasks, found, now) or "Nothing waits.")


def _open_beside(task: Task) -> list[Unit]:
    """Return what is open beside the current unit: branches, and the other jobs of its group."""
    return [unit for unit in open_units(task) if unit.key != task.current.key]


def _grouped(tasks: dict[str, Task], found: Iterable[WaitingUnit], now: str) -> str:
    groups: dict[tuple[str, str], list[WaitingUnit]] = {}
    for one in found:
        groups.setdefault((one.why, without_place(one.text)), []).append(one)
    return "\n".join(
        _sentence([_named(tasks[one.task], one) for one in ones], ones[0], now) for ones in groups.values()
    )


def _sentence(names: Sequence[str], first: WaitingUnit, now: str) -> str:
    """One sentence, and the command for the first of those that it is about."""
    more = len(names) - NAMED
    who = ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
    text = f"nothing: {first.text}" if first.why == Why.FINISHED else first.text
    text = without_place(text) if names[1:] else text
    line = plain(f"{who}: {clock_times(text, now)}", SHOWN)
    return line if first.cure is None else f"{line}\n    to change it: {first.cure}"


def _named(task: Task, one: WaitingUnit) -> str:
    if task.assignment is not None and task.front[1:]:
        return f"{one.task} (job {one.unit})"
    label = task.label_of(one.unit)
    return one.task if label is None else f"{one.task} ({label})"
