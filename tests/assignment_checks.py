"""What must hold of an assignment's record whatever was asked of it; ``check_record`` of the histories asks for it."""

from __future__ import annotations

from itertools import pairwise

from baton.domain.assignment_line import ENDED
from baton.domain.assignments import GUARDIAN, PM
from baton.domain.readiness import waiting
from baton.domain.records import Task
from baton.domain.statuses import TaskStatus, UnitStatus

OPEN = (UnitStatus.PENDING, UnitStatus.IN_PROGRESS)


def is_of_jobs(task: Task) -> bool:
    """Tell whether the units of a task are jobs."""
    return task.assignment is not None and all(unit.job is not None for unit in task.pipeline)


def check_jobs(task: Task) -> None:
    """Check the line of an assignment: its order, its one front, that something can always go on."""
    assert task.assignment is not None
    line = task.pipeline
    assert not task.branches
    assert [unit.step for unit in line] == list(range(len(line)))
    assert len({unit.key for unit in line}) == len(line), "two jobs with one key"
    assert all(int(unit.key[1:]) < task.next_key for unit in line), "a key could come again"
    front = {unit.key for unit in task.front}
    places = [place for place, unit in enumerate(line) if unit.key in front]
    assert places == list(range(places[0], places[0] + len(places))), "a group is torn apart"
    assert all(unit.status in ENDED for unit in line[: places[0]]), "the line has passed a job that had not ended"
    if not task.is_finished:
        assert all(unit.status is UnitStatus.PENDING for unit in line[places[-1] + 1 :]), "a job began before its turn"
        assert all(unit.ready_at is None for unit in line[places[-1] + 1 :])
        assert task.blocked or any(unit.status in OPEN for unit in task.front), "nothing could go on"
    for unit, behind in pairwise(line[: places[0] + 1]):
        is_last_of_group = (
            unit.job is None or unit.job.group is None or unit.job.group != getattr(behind.job, "group", None)
        )
        if (
            unit.agent not in (PM, GUARDIAN, "retrospect")
            and is_last_of_group
            and unit.status is not UnitStatus.SKIPPED
        ):
            assert behind.agent in (PM, "retrospect"), "no pm looked at a result"
    held = {lease.unit for lease in task.leases}
    assert held <= front, "a job that is not at the front is held"
    names = {entry.name.rsplit("~", 1)[1] for entry in waiting(task)}
    if task.blocked or task.asked or task.unmet or task.is_finished:
        assert not names
    else:
        assert names == {unit.key for unit in task.front if unit.status in OPEN} - held
    if task.status is TaskStatus.COMPLETED:
        assert all(unit.status in ENDED for unit in line)
    has_lost_turn = task.is_finished or (task.blocked is not None and not task.leases)
    assert not (task.assignment.turn and has_lost_turn), "a turn that nobody uses"
    assert not (task.leases and not task.assignment.turn and not task.assignment.independent), "it runs out of turn"
