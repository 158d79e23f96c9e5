"""How a task is made and moves along its line: keys, statuses, steps without an agent, the way back."""

from __future__ import annotations

import pytest
from msgspec import structs
from tests.builders import (
    NOW,
    acquire,
    after,
    at,
    complete,
    create_task,
    end_run,
    following,
    grant,
    policy,
    report,
    revise,
    send_back,
    task,
    unit,
)

from baton.domain.errors import InvalidInput
from baton.domain.records import SCHEMA, Blocked, Event, Result, Task, Unit
from baton.domain.statuses import BlockKind, Outcome, ReportKind, TaskStatus, UnitStatus
from baton.domain.tasks import decide

LATER = at(60)
DONE_BY_HAND = (acquire(), complete())


def statuses(task: Task) -> list[UnitStatus]:
    return [step.status for step in task.pipeline]


def test_a_new_task_waits_at_its_first_step_with_keys_and_numbers_given() -> None:
    command = create_task(unit("keyword-researcher", "research"), unit("content-writer"), priority="high")
    created = Event(
        id="task/spring-001:1:0",
        at=NOW,
        type="task_created",
        task="spring-001",
        campaign="spring",
        version=1,
        data={"title": "Rye bread", "steps": 2},
    )
    assert decide(None, command, NOW) == (
        Task(
            schema=SCHEMA,
            id="spring-001",
            version=1,
            token=0,
            next_key=3,
            project="acme",
            campaign="spring",
            title="Rye bread",
            priority="high",
            pipeline=(
                Unit(step=0, key="s1", agent="keyword-researcher", output_dir="research", ready_at=NOW),
                Unit(step=1, key="s2", agent="content-writer"),
            ),
            created_at=NOW,
            updated_at=NOW,
            history=(created,),
        ),
        [created],
    )


def test_a_task_without_any_agent_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none of the task's steps has an agent"):
        decide(None, create_task(unit(None), unit(None)), NOW)


def test_a_task_that_waits_for_itself_is_refused() -> None:
    with pytest.raises(InvalidInput):
        decide(None, create_task(depends_on=("spring-001",)), NOW)


def test_a_new_task_has_met_none_of_its_dependencies() -> None:
    made = task(depends_on=("winter-001", "winter-002"))
    assert made.unmet == made.depends_on == ("winter-001", "winter-002")


@pytest.mark.parametrize(("written", "kept"), [(0, "urgent"), (5, "high"), ("low", "low"), (7, 7)])
def test_a_priority_is_kept_as_the_word_that_stands_for_it(written: str | int, kept: str | int) -> None:
    assert task(priority=written).priority == kept


def test_completing_a_step_makes_the_next_one_current() -> None:
    before = after(task(), acquire("keyword-researcher"))
    result = Result(at=LATER, agent="keyword-researcher", outputs=("research/spring-001.md",), summary="ten words")
    first = structs.replace(
        before.pipeline[0], status=UnitStatus.COMPLETED, result=result, completed_at=LATER, started_at=NOW
    )
    second = structs.replace(before.pipeline[1], status=UnitStatus.IN_PROGRESS, ready_at=LATER)
    command = complete("keyword-researcher", outputs=("research/spring-001.md",), summary="ten words")
    data = {
        "unit": "s1",
        "step": 0,
        "agent": "keyword-researcher",
        "outputs": ["research/spring-001.md"],
        "summary": "ten words",
    }
    assert decide(before, command, LATER) == following(
        before,
        ("step_completed", None, data),
        now=LATER,
        status=TaskStatus.RESEARCHED,
        pipeline=(first, second, before.pipeline[2]),
        pipeline_step=1,
        leases=(),
        lease=None,
        locked_by=None,
        locked_at=None,
    )


def test_completing_the_last_step_completes_the_task() -> None:
    before = after(task(unit("content-writer", "drafts"), quality_score=None), acquire())
    record, events = decide(before, complete(quality_score=90.0), LATER)
    assert [(event.type, event.data) for event in events] == [
        (
            "step_completed",
            {"unit": "s1", "step": 0, "agent": "content-writer", "outputs": [], "quality_score": 90.0},
        ),
        ("task_completed", {"title": "Rye bread", "quality_score": 90.0}),
    ]
    assert (record.status, record.completed_at, record.pipeline_step) == (TaskStatus.COMPLETED, LATER, 0)
    assert statuses(record) == [UnitStatus.COMPLETED]


def test_scores_of_a_step_become_the_tasks_and_a_step_without_scores_keeps_them() -> None:
    made = after(task(), acquire(), complete(quality_score=81.5, readability_score=60.0), acquire(), complete())
    assert (made.quality_score, made.readability_score) == (81.5, 60.0)


# -- statuses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "status"),
    [
        ("research", TaskStatus.RESEARCHED),
        ("briefs", TaskStatus.BRIEFED),
        ("drafts", TaskStatus.DRAFTED),
        ("reviewed", TaskStatus.REVIEWED),
        ("final", TaskStatus.HUMANIZED),
    ],
)
def test_a_completed_step_stands_for_the_status_of_its_folder(folder: str, status: TaskStatus) -> None:
    assert after(task(unit("content-writer", folder), unit()), *DONE_BY_HAND).status is status


def test_a_status_that_a_step_names_itself_goes_before_that_of_its_folder() -> None:
    step = unit("content-writer", "research", task_status=TaskStatus.DRAFTED)
    assert after(task(step, unit()), *DONE_BY_HAND).status is TaskStatus.DRAFTED


def test_a_step_that_maps_to_nothing_keeps_the_last_mapped_status() -> None:
    made = task(unit("keyword-researcher", "research"), unit("content-writer", "elsewhere"), unit())
    assert after(made, *DONE_BY_HAND * 2).status is TaskStatus.RESEARCHED


def test_a_pipeline_that_maps_nothing_is_in_progress_from_its_first_grant_on() -> None:
    made = task(unit(), unit("content-reviewer", "elsewhere"))
    running = after(made, grant)
    assert [made.status, running.status] == [TaskStatus.BACKLOG, TaskStatus.IN_PROGRESS]
    assert after(running, end_run).status is TaskStatus.IN_PROGRESS


def test_a_pipeline_that_maps_something_stays_in_backlog_while_its_first_step_runs() -> None:
    assert after(task(unit(), unit("content-writer", "drafts")), grant).status is TaskStatus.BACKLOG


def test_a_revised_pipeline_that_maps_nothing_is_in_progress_again_with_the_next_grant() -> None:
    sent_back = after(task(unit(), unit()), *DONE_BY_HAND, send_back())
    assert sent_back.status is TaskStatus.REVISION_NEEDED
    assert after(sent_back, grant).status is TaskStatus.IN_PROGRESS


def test_a_revised_pipeline_that_maps_something_needs_revision_until_a_mapped_step_is_done() -> None:
    sent_back = after(task(), *DONE_BY_HAND, send_back())
    running = after(sent_back, grant)
    assert running.status is TaskStatus.REVISION_NEEDED
    assert after(running, report, end_run).status is TaskStatus.RESEARCHED


# -- steps without an agent ---------------------------------------------------------------------------------------


def test_a_first_step_without_an_agent_is_completed_when_the_task_is_made() -> None:
    made = task(unit(None, "research"), unit())
    assert statuses(made) == [UnitStatus.COMPLETED, UnitStatus.IN_PROGRESS]
    assert (made.pipeline_step, made.status) == (1, TaskStatus.RESEARCHED)
    assert [step.ready_at for step in made.pipeline] == [None, NOW]


def test_a_step_without_an_agent_in_the_middle_is_completed_by_itself_and_maps_its_status() -> None:
    made = after(task(unit(), unit(None, "drafts"), unit(None), unit("content-reviewer")), *DONE_BY_HAND, now=LATER)
    assert (made.pipeline_step, made.status) == (3, TaskStatus.DRAFTED)
    assert statuses(made) == [UnitStatus.COMPLETED] * 3 + [UnitStatus.IN_PROGRESS]
    assert made.pipeline[1].completed_at == LATER


def test_steps_without_an_agent_at_the_end_complete_the_task() -> None:
    made = after(task(unit(), unit(None), unit(None)), *DONE_BY_HAND)
    assert made.status is TaskStatus.COMPLETED
    assert made.pipeline_step == 2


def test_a_revision_does_the_steps_without_an_agent_again() -> None:
    made = after(task(unit(), unit(None), unit("content-reviewer")), *DONE_BY_HAND, send_back())
    assert statuses(made) == [UnitStatus.PENDING] * 3
    assert statuses(after(made, *DONE_BY_HAND)) == [UnitStatus.COMPLETED] * 2 + [UnitStatus.IN_PROGRESS]


# -- the way back -------------------------------------------------------------------------------------------------


def test_a_revision_resets_every_step_from_its_target_on_and_keeps_the_last_results() -> None:
    before = after(task(), *DONE_BY_HAND * 2, acquire("content-reviewer"))
    reset = {
        "status": UnitStatus.PENDING,
        "ready_at": None,
        "started_at": None,
        "completed_at": None,
        "notes": None,
        "output": None,
    }
    target = structs.replace(before.pipeline[1], **reset | {"ready_at": LATER, "revisions": 1, "notes": "too dry"})
    last = structs.replace(before.pipeline[2], **reset)
    assert target.result is not None
    data = {
        "unit": "s2",
        "to_step": 1,
        "to_agent": "content-writer",
        "by": "content-reviewer",
        "notes": "too dry",
        "revision_count": 1,
    }
    assert decide(before, revise("content-reviewer", 1), LATER) == following(
        before,
        ("revision_requested", None, data),
        now=LATER,
        status=TaskStatus.REVISION_NEEDED,
        pipeline=(before.pipeline[0], target, last),
        pipeline_step=1,
        revision_count=1,
        rejection_notes="too dry",
        leases=(),
        lease=None,
        locked_by=None,
        locked_at=None,
    )


def test_a_revision_forgets_attempts_interruptions_failures_and_back_off() -> None:
    failing = after(task(), grant, lambda found: end_run(found, Outcome.KILLED), grant, end_run)
    assert (failing.current.attempts, failing.current.interruptions, len(failing.current.failures)) == (1, 1, 1)
    target = after(failing, send_back()).current
    assert (target.attempts, target.interruptions, target.failures, target.not_before) == (0, 0, (), None)


def test_a_revision_to_the_current_step_is_possible() -> None:
    made = after(task(), *DONE_BY_HAND, acquire(), revise(to_step=1))
    assert (made.pipeline_step, made.current.status, made.current.notes) == (1, UnitStatus.PENDING, "too dry")


@pytest.mark.parametrize("to_step", [-1, 2, 3])
def test_a_revision_to_a_step_ahead_or_to_none_is_refused(to_step: int) -> None:
    held = after(task(), *DONE_BY_HAND, acquire())
    with pytest.raises(InvalidInput, match=f"step {to_step} is not between 0 and the current step, 1"):
        decide(held, revise(to_step=to_step), LATER)
    with pytest.raises(InvalidInput, match=f"step {to_step} is not between"):
        decide(held, send_back(to_step, stop_run=True), LATER)


def test_a_revision_to_a_step_that_nobody_works_on_is_refused() -> None:
    held = after(task(unit(None), unit()), acquire())
    with pytest.raises(InvalidInput, match="step 0 has no agent"):
        decide(held, revise(to_step=0), LATER)


def test_the_notes_of_a_revision_are_gone_when_its_target_is_completed() -> None:
    made = after(task(), *DONE_BY_HAND, send_back(), *DONE_BY_HAND)
    assert made.pipeline[0].notes is None
    assert (made.revision_count, made.rejection_notes) == (1, "too dry")


def test_the_revision_after_the_last_allowed_one_blocks_the_task() -> None:
    made = task(unit("content-writer"), unit("content-reviewer"))
    for _ in range(3):
        made = after(made, *DONE_BY_HAND, acquire("content-reviewer"), revise("content-reviewer"))
    before = after(made, *DONE_BY_HAND, acquire("content-reviewer"))
    record, events = decide(before, revise("content-reviewer"), LATER)
    assert [event.type for event in events] == ["revision_requested", "task_blocked"]
    reason = "step 0 (content-writer) has been sent back 3 times already; last: too dry"
    assert record.blocked == Blocked(
        kind=BlockKind.REVIEW, reason=reason, unit="s1", at=LATER, was=TaskStatus.IN_PROGRESS
    )
    assert (record.status, record.pipeline_step, record.leases) == (TaskStatus.BLOCKED, 1, ())


def test_the_limit_of_revisions_counts_for_each_target_apart() -> None:
    made = after(task(), *DONE_BY_HAND * 2, acquire(), revise(to_step=1, max_revisions=1))
    made = after(made, acquire(), revise(to_step=0, max_revisions=1))
    assert made.status is TaskStatus.REVISION_NEEDED
    assert [step.revisions for step in made.pipeline] == [1, 1, 0]


def test_a_person_may_send_back_as_often_as_they_like() -> None:
    made = task()
    for count in range(1, 8):
        made = after(made, *DONE_BY_HAND, send_back())
        assert (made.revision_count, made.status) == (count, TaskStatus.REVISION_NEEDED)
    assert made.pipeline[0].revisions == 0


# -- a block that stands while a step ends ------------------------------------------------------------------------


def blocked_while_it_runs() -> Task:
    """A block put on a task whose second step has reported and has yet to end."""
    running = after(task(), *DONE_BY_HAND, grant)
    block = Blocked(kind=BlockKind.BUDGET, reason="spent", unit=None, at=NOW, was=running.status)
    return structs.replace(running, status=TaskStatus.BLOCKED, blocked=block)


def test_a_step_that_ends_in_a_blocked_task_does_not_unblock_it() -> None:
    ended = after(blocked_while_it_runs(), report, end_run)
    assert (ended.status, ended.pipeline_step) == (TaskStatus.BLOCKED, 2)
    assert ended.blocked is not None
    assert ended.blocked.was is TaskStatus.DRAFTED


def test_an_agent_that_sends_a_blocked_task_back_does_not_unblock_it() -> None:
    said = after(blocked_while_it_runs(), lambda found: report(found, ReportKind.SENT_BACK, to_step=0, notes="too dry"))
    ended = after(said, end_run)
    assert (ended.status, ended.pipeline_step) == (TaskStatus.BLOCKED, 0)
    assert ended.blocked is not None
    assert ended.blocked.was is TaskStatus.REVISION_NEEDED


def test_the_first_block_stands_when_the_run_then_fails_for_the_last_time() -> None:
    ended = after(blocked_while_it_runs(), lambda found: end_run(found, policy=policy(max_attempts=1)))
    assert ended.blocked is not None
    assert (ended.blocked.kind, ended.current.status) == (BlockKind.BUDGET, UnitStatus.FAILED)


def test_a_blocked_task_whose_last_step_ends_is_completed() -> None:
    running = after(task(unit()), grant, report)
    block = Blocked(kind=BlockKind.BUDGET, reason="spent", unit=None, at=NOW, was=running.status)
    ended = after(structs.replace(running, status=TaskStatus.BLOCKED, blocked=block), end_run)
    assert (ended.status, ended.blocked) == (TaskStatus.COMPLETED, None)


def test_a_person_who_sends_a_blocked_task_back_unblocks_it() -> None:
    exhausted = after(task(), grant, lambda found: end_run(found, policy=policy(max_attempts=1)))
    assert exhausted.status is TaskStatus.BLOCKED
    made = after(exhausted, send_back())
    assert (made.status, made.blocked, made.current.status) == (TaskStatus.REVISION_NEEDED, None, UnitStatus.PENDING)


# -- stamps and events --------------------------------------------------------------------------------------------


def test_stamps_never_go_back_when_the_clock_does() -> None:
    before = after(task(), acquire(), now=LATER)
    record, events = decide(before, complete(), NOW)
    assert (record.updated_at, record.pipeline[0].completed_at) == (LATER, LATER)
    assert [event.at for event in events] == [LATER]


def test_a_history_that_grows_too_long_keeps_its_newest_events() -> None:
    made = task()
    events = list(made.history)
    for _ in range(70):
        made, new = decide(made, acquire(), NOW)
        events += new
        assert len(made.history) <= 64
        assert made.history == tuple(events[-len(made.history) :])
    assert len(made.history) >= 32


def test_the_keys_of_the_steps_stay_whatever_happens_to_them() -> None:
    made = after(task(), *DONE_BY_HAND * 2, send_back(), *DONE_BY_HAND)
    assert [step.key for step in made.pipeline] == ["s1", "s2", "s3"]
