"""What is done again, and what it is called: fixes, rethinks, approvals, and the versions they leave."""

from __future__ import annotations

import pytest
from msgspec import structs
from tests.builders import acquire, after, block, complete, grant, revise, task, unit

from baton.domain import commands as c
from baton.domain.errors import AgentNotFound, IllegalTransition, InvalidInput
from baton.domain.evidence import Expectation
from baton.domain.records import Task
from baton.domain.statuses import UnitStatus
from baton.domain.versions import copies_of, copy_name, expected_of, next_version, output_of, versioned

AGENTS = ("keyword-researcher", "content-writer", "content-reviewer")


def by_hand(record: Task, agent: str) -> Task:
    """The record after this agent completed the current step, leaving what it should."""
    held = after(record, acquire(agent))
    return after(held, complete(agent, outputs=(held.current.output,)))


def completed(record: Task | None = None) -> Task:
    record = record or task()
    for agent in AGENTS:
        record = by_hand(record, agent)
    assert record.status == "completed"
    return record


def fix(*agents: str, parallel: bool = False) -> c.FixTask:
    return c.FixTask(by="ann", agents=agents, notes="shorter", parallel=parallel)


def outputs(record: Task) -> list[tuple[str, ...]]:
    return [step.result.outputs if step.result else () for step in record.pipeline]


# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "version", "name"),
    [
        ("drafts/t.md", 1, "drafts/t.md"),
        ("drafts/t.md", 2, "drafts/t.v2.md"),
        ("drafts/t", 3, "drafts/t.v3"),
        (".hidden", 2, ".hidden.v2"),
        ("drafts/t.tar.gz", 2, "drafts/t.tar.v2.gz"),
    ],
)
def test_a_version_has_its_number_before_the_ending(path: str, version: int, name: str) -> None:
    assert versioned(path, version) == name


def test_a_copy_never_has_the_name_of_a_version_that_is_there() -> None:
    assert copy_name("drafts/t.md", 1) == "drafts/t.v1.md"
    assert copy_name("drafts/t.v2.md", 2) == "drafts/t.v2.old.md"


def test_the_first_version_bears_the_plain_name_and_each_revision_makes_the_next() -> None:
    record = completed()
    names = [record.pipeline[1].result.outputs[0]]
    for _ in range(2):
        record = by_hand(after(record, fix("content-writer")), "content-writer")
        names.append(record.pipeline[1].result.outputs[0])
    assert names == ["drafts/spring-001.md", "drafts/spring-001.v2.md", "drafts/spring-001.v3.md"]


def test_steps_that_share_a_file_share_its_version_within_a_round() -> None:
    line = (unit("content-writer", "drafts"), unit("editor", "drafts"))
    first = by_hand(by_hand(task(*line), "content-writer"), "editor")
    assert outputs(first) == [("drafts/spring-001.md",)] * 2
    again = by_hand(after(first, fix("content-writer", "editor")), "content-writer")
    assert outputs(by_hand(again, "editor")) == [("drafts/spring-001.v2.md",)] * 2
    assert output_of(after(by_hand(again, "editor"), fix("editor")), again.pipeline[1]) == "drafts/spring-001.v3.md"


def test_a_step_that_sent_back_and_never_completed_makes_a_first_version() -> None:
    record = after(by_hand(by_hand(task(), AGENTS[0]), AGENTS[1]), acquire(AGENTS[2]), revise(AGENTS[2], 1))
    record = by_hand(by_hand(record, AGENTS[1]), AGENTS[2])
    assert outputs(record)[1:] == [("drafts/spring-001.v2.md",), ("reviewed/spring-001.md",)]


def test_the_name_is_settled_by_the_first_grant_of_a_round() -> None:
    record = after(completed(), fix("content-writer"))
    granted = after(record, grant(record))
    later = structs.replace(granted, revision_count=9)
    assert output_of(later, later.pipeline[1]) == "drafts/spring-001.v2.md"


def test_earlier_results_are_kept_without_their_data() -> None:
    record = after(task(unit("content-writer", "drafts")), acquire(), complete(data={"words": 900}))
    record = after(record, fix("content-writer"), acquire(), complete(data={"words": 800}))
    (step,) = record.pipeline
    assert [(one.version, one.data) for one in (*step.earlier, step.result)] == [(1, None), (2, {"words": 800})]


def test_what_is_expected_of_a_later_version_bears_its_name() -> None:
    wanted = (Expectation(file="drafts/{task}.md"), Expectation(file="notes.txt"), Expectation(command="true"))
    record = after(completed(), fix("content-writer"))
    steps = tuple(structs.replace(step, expects=wanted) for step in record.pipeline)
    record = structs.replace(record, pipeline=steps)
    found = [(one.file, one.command) for one in expected_of(record, record.pipeline[1])]
    assert found == [("drafts/spring-001.v2.md", None), ("notes.txt", None), (None, "true")]


def test_what_is_kept_are_the_files_of_earlier_versions_but_none_in_a_repository() -> None:
    record = after(completed(), fix("content-writer"))
    assert copies_of(record, record.pipeline[1]) == (("drafts/spring-001.md", "drafts/spring-001.v1.md"),)
    assert copies_of(structs.replace(record, repo="/src/x"), record.pipeline[1]) == ()


# -- fixes --------------------------------------------------------------------------------------------------------


def test_a_fix_in_turn_passes_over_the_steps_that_were_not_chosen() -> None:
    record = after(completed(), fix("content-reviewer", "keyword-researcher"))
    assert [(step.status, step.notes) for step in record.pipeline] == [
        (UnitStatus.PENDING, "shorter"),
        (UnitStatus.COMPLETED, None),
        (UnitStatus.PENDING, "shorter"),
    ]
    record = by_hand(record, "keyword-researcher")
    assert (record.current.agent, record.current.status) == ("content-reviewer", UnitStatus.IN_PROGRESS)
    assert by_hand(record, "content-reviewer").status == "completed"


def test_branches_come_one_after_the_other_behind_the_steps() -> None:
    painter, poster = unit("painter", trigger_after_step=1), unit("poster", trigger_after_step=1)
    record = task(branches={"Image": painter, "Social": poster})
    for agent in AGENTS:
        record = by_hand(record, agent)
    for label, agent in (("Image", "painter"), ("Social", "poster")):
        record = after(record, c.CompleteBranch(label=label, agent=agent))
    record = after(record, fix("poster", "content-writer", "painter"))
    waits = [record.pending_branches]
    record = by_hand(record, "content-writer")
    waits.append(record.pending_branches)
    record = after(record, c.CompleteBranch(label="Image", agent="painter"))
    waits.append(record.pending_branches)
    assert waits == [(), ("Image",), ("Social",)]
    assert after(record, c.CompleteBranch(label="Social", agent="poster")).status == "completed"


def test_a_fix_side_by_side_puts_branches_beside_a_line_that_is_done_and_leaves_none() -> None:
    record = after(completed(), fix("content-writer", "content-reviewer", parallel=True))
    labels = ("content-writer, revision 1", "content-reviewer, revision 1")
    assert (record.pending_branches, record.is_line_done) == (labels, True)
    for label, agent, path in zip(labels, AGENTS[1:], ("drafts/b.md", "reviewed/b.md"), strict=True):
        record = after(record, c.CompleteBranch(label=label, agent=agent, outputs=(path,)))
    assert (record.status, record.branches) == ("completed", {})
    assert outputs(record) == [("research/spring-001.md",), ("drafts/b.md",), ("reviewed/b.md",)]
    assert [len(step.earlier) for step in record.pipeline] == [0, 1, 1]


def test_a_rethink_does_without_what_a_fix_had_begun_beside_the_line() -> None:
    record = after(completed(), fix("content-writer", "content-reviewer", parallel=True))
    record = after(record, c.ReviseByPerson(by="ann", to_step=2, notes="again"))
    assert record.pending_branches == ()
    assert by_hand(record, "content-reviewer").branches == {}


def test_two_that_write_one_file_cannot_be_side_by_side() -> None:
    line = (unit("content-writer", "drafts"), unit("editor", "drafts"))
    record = by_hand(by_hand(task(*line), "content-writer"), "editor")
    with pytest.raises(InvalidInput, match="both write drafts/"):
        after(record, fix("content-writer", "editor", parallel=True))


def test_an_unknown_agent_is_refused_with_those_there_are() -> None:
    with pytest.raises(AgentNotFound, match="no step or branch of the task is nobody's") as refused:
        after(completed(), fix("content-writer", "nobody"))
    assert refused.value.cure == f"choose from {', '.join(AGENTS)}"


def test_a_fix_begins_anew_what_was_said_of_the_task() -> None:
    before = after(completed(), c.ApproveTask(by="ann"))
    record = after(before, fix("content-writer"))
    assert before.approved is not None
    assert (record.approved, record.completed_at, record.status) == (None, None, "revision_needed")
    assert (record.revision_count, record.revision.kind) == (1, "fix")


# -- approvals, blocks --------------------------------------------------------------------------------------------


def test_the_same_approval_again_changes_nothing() -> None:
    record = after(completed(), c.ApproveTask(by="ann", notes="fine"))
    assert after(record, c.ApproveTask(by="ann", notes="fine")) is record


def test_a_task_that_waits_for_a_person_is_not_approved_by_the_way() -> None:
    with pytest.raises(IllegalTransition, match="there is nothing to approve: it is blocked"):
        after(task(), block(), c.ApproveTask(by="ann"))


def test_a_block_that_a_person_lifted_is_remembered_until_the_next_step_is_done() -> None:
    record = after(task(), block(), c.UnblockTask(by="ann"))
    assert record.was_blocked is not None and record.was_blocked.reason == "waits for a photo"
    assert by_hand(record, AGENTS[0]).was_blocked is None


def test_a_branch_done_again_makes_its_next_version() -> None:
    record = task(branches={"Image": unit("painter", trigger_after_step=0)})
    record = after(by_hand(record, AGENTS[0]), c.CompleteBranch(label="Image", agent="painter", outputs=("a.png",)))
    record = after(record, c.RetriggerBranches(by="ann", labels=("Image",), also_done=True))
    assert next_version(record, record.branches["Image"]) == 2


@pytest.mark.parametrize(
    "command", [fix("content-writer"), fix("content-writer", parallel=True), c.ApproveTask(by="ann", notes="lovely")]
)
def test_who_subscribed_is_told_of_what_a_person_says_but_not_that_person(command: c.FixTask | c.ApproveTask) -> None:
    record = structs.replace(completed(), subscribers=("ann", "ben"))
    assert after(record, command).history[-1].data["for"] == ["ben"]
