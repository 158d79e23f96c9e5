"""Waiting and working time: what the events of a task come to. Random histories hold them against the record."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins
from tests.builders import acquire, at, block, cancel, complete, create_task, end_run, grant, report, send_back, unit

from baton.domain import commands as c
from baton.domain import tasks
from baton.domain.records import Task
from baton.domain.spells import UnitSpell, spells_of
from baton.domain.statuses import Outcome

Spent = dict[str, tuple[float, float, int]]


class Line:
    """A task of a writer and a reviewer, and all that happened to it."""

    def __init__(self, **fields: Any) -> None:
        line = (unit("writer"), unit("reviewer"))
        self.task, events = tasks.decide(None, create_task(*line, id="t", **fields), at(0))
        self.events = [to_builtins(event) for event in events]

    def do(self, seconds: float, command: Any) -> Task:
        """Let a command happen so many seconds after the task was made."""
        asked = command(self.task) if callable(command) else command
        self.task, events = tasks.decide(self.task, asked, at(seconds))
        self.events += [to_builtins(event) for event in events]
        return self.task

    def run(self, begin: float, end: float, outcome: Outcome = Outcome.COMPLETED) -> None:
        """Let a run work on the current step, and report if it completes."""
        self.do(begin, grant)
        if outcome is Outcome.COMPLETED:
            self.do(end, report)
        self.do(end, lambda task: end_run(task, outcome))

    def spent(self, seconds: float) -> Spent:
        """Waiting, working and runs by unit, as they are then."""
        found = spells_of(self.task, self.events, at(seconds))
        return {one.unit: (one.waited_seconds, one.worked_seconds, one.runs) for one in found}


def test_a_step_waits_until_it_is_granted_and_is_worked_on_until_its_run_has_ended() -> None:
    line = Line()
    line.run(10, 40)
    line.run(45, 50)
    assert spells_of(line.task, line.events, at(1000)) == [
        UnitSpell(unit="s1", step=0, branch=None, agent="writer", waited_seconds=10, worked_seconds=30, runs=1),
        UnitSpell(unit="s2", step=1, branch=None, agent="reviewer", waited_seconds=5, worked_seconds=5, runs=1),
    ]


def test_what_is_going_on_counts_up_to_now() -> None:
    line = Line()
    assert line.spent(7) == {"s1": (7, 0, 0)}
    line.do(10, grant)
    assert line.spent(25) == {"s1": (10, 15, 1)}


def test_a_failed_run_worked_and_its_back_off_is_waiting() -> None:
    line = Line()
    line.run(1, 5, Outcome.FAILED)
    line.run(65, 70)
    assert line.spent(70) == {"s1": (1 + 60, 4 + 5, 2)}


def test_a_hand_works_from_its_lease_to_its_completion() -> None:
    line = Line()
    line.do(3, acquire("ann"))
    line.do(9, complete("ann"))
    assert line.spent(10) == {"s1": (3, 6, 1), "s2": (1, 0, 0)}


def test_a_hand_that_gives_back_leaves_the_step_waiting() -> None:
    line = Line()
    line.do(3, acquire("ann"))
    line.do(9, c.ReleaseByHand(agent="ann"))
    assert line.spent(20) == {"s1": (3 + 11, 6, 1)}


def test_a_block_is_waiting_and_the_end_ends_it() -> None:
    line = Line()
    line.do(5, block())
    assert line.spent(20) == {"s1": (20, 0, 0)}
    line.do(30, cancel())
    assert line.spent(99) == {}  # nobody ever began; of a finished task nothing waits


def test_what_was_sent_back_waits_for_those_who_do_it_again() -> None:
    line = Line()
    line.run(0, 10)
    line.do(15, send_back())
    line.run(20, 24)
    line.run(25, 30)
    assert line.spent(99) == {"s1": (10, 14, 2), "s2": (1, 5, 1)}


def test_a_branch_waits_from_its_trigger_on_beside_the_line() -> None:
    line = Line(branches={"Hero": unit("artist", trigger_after_step=0)})
    line.run(0, 10)
    line.do(12, lambda task: grant(task, unit="b1", agent="artist"))
    assert line.spent(20) == {"s1": (0, 10, 1), "s2": (10, 0, 0), "b1": (2, 8, 1)}


def test_a_branch_that_was_let_go_waits_since_then() -> None:
    line = Line(branches={"Hero": unit("artist", trigger_after_step=0)})
    line.run(0, 10)
    line.do(10, lambda task: grant(task, unit="b1", agent="artist"))
    lease = line.task.lease_of("b1")
    assert lease is not None
    line.do(14, lambda task: end_run(task, token=lease.token, run=lease.run))
    line.do(20, lambda task: c.RetriggerBranches(by="ann"))
    line.do(50, lambda task: grant(task, unit="b1", agent="artist"))
    assert line.spent(51)["b1"] == (36, 5, 2)


def test_a_branch_that_is_done_without_waits_no_longer() -> None:
    line = Line(branches={"Hero": unit("artist", trigger_after_step=0)})
    line.do(0, lambda task: c.ClearBranches(by="ann", labels=("Hero",)))
    line.run(0, 10)
    assert line.spent(20) == {"s1": (0, 10, 1), "s2": (10, 0, 0)}


def test_of_a_log_that_begins_late_what_it_tells_is_counted() -> None:
    line = Line()
    line.run(1, 5)
    line.events = line.events[1:]
    assert line.spent(9) == {"s1": (0, 4, 1), "s2": (4, 0, 0)}
