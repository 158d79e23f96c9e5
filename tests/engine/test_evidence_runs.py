"""Runs that say they are done, with real agents: without their evidence they are not, whoever ends them."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from msgspec import structs
from tests.builders import at, unit
from tests.engine.homes import AT_ONCE, ScratchHome, are_gone, eventually
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.evidence import Expectation, WrittenExpectation
from baton.domain.pipelines import Step
from baton.domain.statuses import ReportKind
from baton.engine.repairs import dead_runs

DRAFT = WrittenExpectation(file="drafts/{task}.md", min_words=3)
WRITES = "mkdir -p drafts; echo one two three >drafts/$BATON_TASK.md; "
WAITS = WrittenExpectation(
    command='echo $$ >>"$BATON_HOME/checks"; until [ -e "$BATON_HOME/checked" ]; do sleep 0.02; done'
)


def step(*expects: WrittenExpectation, **fields: Any) -> Step:
    return Step(agent="writer", output_dir="drafts", expects=expects or (DRAFT,), **fields)


def failures(home: ScratchHome) -> list[tuple[str, str, str]]:
    return [(one.outcome, one.kind, one.message) for one in home.read("t").pipeline[0].failures]


NOT_DONE = "it is not done: what this step must leave is missing\n"


def test_an_agent_that_leaves_what_is_expected_has_completed_its_step(home: ScratchHome) -> None:
    home.agent("writer", f"{WRITES} complete_step.py --output drafts/$BATON_TASK.md >answer")
    home.task("t", step(DRAFT, WrittenExpectation(command="test $BATON_AGENT = writer")))
    home.serve()
    assert (home.read("t").status, home.outcomes("t")) == ("completed", ["completed"])


@pytest.mark.parametrize("last_act", ["complete_step.py >answer", "echo done"])
def test_an_agent_that_leaves_less_has_not_and_the_next_attempt_is_told(home: ScratchHome, last_act: str) -> None:
    home.agent("writer", f'[ "$BATON_LEASE" = 1 ] || {{ {WRITES} }}; {last_act}')
    home.settings(retry=AT_ONCE)
    home.task("t", step())
    home.serve()
    assert (home.read("t").status, home.outcomes("t")) == ("completed", ["not_completed", "completed"])
    first, second = home.runs("t")
    assert (first["status"], first["outcome"], first["kind"]) == ("failed", "not_completed", "evidence")
    assert first["error"] == f"{NOT_DONE}drafts/t.md is not there"
    assert (second["status"], second["kind"]) == ("completed", None)
    told, again = home.prompts("t")
    assert "- `drafts/t.md`, newer than the run, with at least 3 words" in told
    assert "drafts/t.md is not there" not in told
    assert "drafts/t.md is not there" in again


def test_what_an_earlier_round_left_is_no_evidence_for_this_one(home: ScratchHome) -> None:
    home.agent("writer", f'[ "$BATON_LEASE" != 1 ] || {{ {WRITES} }}; exit 0')
    home.agent("reviewer", '[ "$BATON_LEASE" != 2 ] || request_revision.py --to-step 0 --notes Again')
    home.task("t", step(), "reviewer")
    home.serve()
    old = f"{NOT_DONE}drafts/t.md is older than the run: it has to be written anew"
    assert failures(home) == [("not_completed", "evidence", old)]


def test_a_step_that_never_leaves_it_is_blocked_in_the_end(home: ScratchHome) -> None:
    home.agent("writer", "complete_step.py >answer")
    home.settings(retry=AT_ONCE)
    home.task("t", step(max_attempts=2))
    home.serve()
    blocked = home.read("t").blocked
    assert blocked is not None
    assert (blocked.kind, blocked.reason.rpartition(": ")[2]) == ("attempts", "drafts/t.md is not there")
    assert home.outcomes("t") == ["not_completed", "not_completed"]


def test_a_secret_that_a_check_prints_is_not_kept(home: ScratchHome) -> None:
    home.agent("writer", env="MY_TOKEN")
    home.task("t", step(WrittenExpectation(command="echo it is $MY_TOKEN; false")))
    supervisor = home.supervise(MY_TOKEN="s3cret-s3cret")
    assert home.end_of(supervisor).code == 0
    assert failures(home)[0][2] == f"{NOT_DONE}  it is ***\n`echo it is $MY_TOKEN; false` ended with exit code 1"


def test_a_check_has_no_lease_to_report_with(home: ScratchHome) -> None:
    home.agent("writer")
    home.task("t", step(WrittenExpectation(command="env >seen; complete_step.py; release_lock.py; true")))
    home.serve()
    seen = (home.root / "projects/default/tasks/t/seen").read_text()
    assert "BATON_TASK=t\n" in seen
    assert "BATON_LEASE=" not in seen
    assert home.outcomes("t") == ["completed"]


# -- who is killed, and when --------------------------------------------------------------------------------------


def checking(home: ScratchHome, *expects: WrittenExpectation, body: str = "complete_step.py >answer") -> Any:
    """A supervisor that looks for evidence of a run which has reported: it, and the process of the check."""
    home.agent("writer", body)
    home.task("t", step(WAITS, *expects))
    supervisor = home.supervise()
    return supervisor, home.processes_in("checks")[0]


def test_a_supervisor_lives_while_it_looks(home: ScratchHome) -> None:
    supervisor, _ = checking(home)
    home.beats(3)
    assert home.facts()["last_line"] == "looking for evidence"
    home.touch("checked")
    assert home.end_of(supervisor).code == 0
    assert home.outcomes("t") == ["completed"]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(f"{WRITES} complete_step.py >answer", "completed"), ("complete_step.py >answer", "not_completed")],
)
def test_after_a_kill_between_report_and_look_the_sweep_looks(home: ScratchHome, body: str, outcome: str) -> None:
    supervisor, check = checking(home, DRAFT, body=body)
    supervisor.kill()
    assert home.end_of(supervisor).code == -signal.SIGKILL
    lease = home.read("t").lease
    assert lease is not None
    assert lease.report is not None
    home.touch("stopped")
    (home.root / "state/stop").touch()
    home.touch("checked")
    report = home.sweep()
    assert (report["stale_released"], report["errors"]) == (1, [])
    are_gone([check])
    assert home.outcomes("t") == [outcome]
    assert home.runs("t")[0]["outcome"] == outcome
    assert len(home.lines("checks")) == 2
    if outcome == "not_completed":
        assert failures(home) == [("not_completed", "evidence", f"{NOT_DONE}drafts/t.md is not there")]


def test_a_supervisor_that_is_told_to_stop_leaves_the_look_to_the_sweep(home: ScratchHome) -> None:
    supervisor, check = checking(home)
    supervisor.send_signal(signal.SIGTERM)
    assert home.end_of(supervisor).code == 0
    are_gone([check])
    assert (home.outcomes("t"), home.read("t").lease is not None) == ([], True)
    home.touch("checked")
    assert home.sweep()["stale_released"] == 1
    assert home.outcomes("t") == ["completed"]


def test_a_person_who_cancels_while_it_is_looked_for_gets_their_way_afterwards(home: ScratchHome) -> None:
    home.agent("reviewer", "note reviewed 1")
    home.agent("writer", "complete_step.py >answer")
    home.task("t", step(WAITS), "reviewer")
    supervisor = home.supervise()
    home.processes_in("checks")
    home.do("t", c.CancelTask(by="ann", reason="not needed"))
    home.touch("checked")
    assert home.end_of(supervisor).code == 0
    assert (home.read("t").status, home.outcomes("t"), home.lines("reviewed")) == ("cancelled", ["completed"], [])


def test_what_an_agent_reports_first_stands_until_the_look_is_over(home: ScratchHome) -> None:
    supervisor, _ = checking(home)
    eventually(lambda: home.read("t").lease, "the lease")
    answer = (home.root / "projects/default/tasks/t/answer").read_text()
    assert '"completed":false,"recorded":true,"pending":["`echo' in answer
    assert home.read("t").current.status == "in_progress"
    home.touch("checked")
    assert home.end_of(supervisor).code == 0


# -- the sweep, in memory -----------------------------------------------------------------------------------------


def lost(world: World, *, reports: bool) -> str:
    """A run whose supervisor is gone, of a step that expects something."""
    world.door.create_if_absent(
        c.CreateTask(
            id="t",
            units=(structs.replace(unit("writer"), expects=(Expectation(file="a"),)),),
            fields={"title": "T", "project": None, "campaign": None},
        )
    )
    lease = world.granted("t")
    if reports:
        world.door.task("t", c.ReportRun(token=lease.token, kind=ReportKind.COMPLETED, agent="writer"))
    return lease.run or ""


def test_the_sweep_looks_for_a_dead_run_that_had_reported() -> None:
    world = World()
    run = lost(world, reports=True)
    world.missing = ("a is not there",)
    assert world.mend(dead_runs) == ["stale_released"]
    task = world.store.tasks.read("t")
    assert task is not None
    assert world.looked == [run]
    assert [(one.kind, one.outcome) for one in task.current.failures] == [("evidence", "not_completed")]
    assert (task.current.attempts, task.current.not_before) != (0, at(0))


def test_the_sweep_looks_for_nothing_where_nothing_was_reported() -> None:
    world = World()
    lost(world, reports=False)
    assert world.mend(dead_runs) == ["stale_released"]
    assert world.looked == []
