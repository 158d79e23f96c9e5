"""The walk over the tables: every (status, command) pair is in the table and has an example here, or is refused.

Whoever adds a command adds a row to a table, a verb, and an example below; until then the walk fails and names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec import structs
from tests.builders import (
    NOW,
    acquire,
    after,
    at,
    block,
    campaign,
    cancel,
    complete,
    create_task,
    end_run,
    expire,
    grant,
    project,
    report,
    revise,
    revoke,
    send_back,
    task,
    unit,
)
from tests.domain.test_histories import check_change, check_record

from baton.domain import campaign_commands, campaigns, commands, project_table, tasks, units
from baton.domain import project_commands as p
from baton.domain.assignments import Act, ActKind, Assignment
from baton.domain.campaigns import CAMPAIGN_TABLE, Campaign, CampaignStatus
from baton.domain.errors import AlreadyExists, CampaignNotFound, IllegalTransition, ProjectNotFound, TaskNotFound
from baton.domain.products import Standing
from baton.domain.project_table import PROJECT_TABLE
from baton.domain.records import Blocked, Failure, Result, Task, Unit
from baton.domain.statuses import FINISHED, BlockKind, FailureKind, Outcome, TaskStatus, UnitStatus
from baton.domain.stream_runs import StreamRun
from baton.domain.tasks import TASK_TABLE
from baton.domain.units import UNIT_TABLE

LATER = at(60)
Table = dict[Any, dict[type, Any]]


def pairs(table: Table, examples: Iterable[type]) -> list[Any]:
    """Every (status, command), with a readable name."""
    return [
        pytest.param(status, command, id=f"{status}-{command.__name__}") for status in table for command in examples
    ]


def gaps(base: type, table: Table, examples: Iterable[type], verbs: Iterable[type], creating: str = "") -> list[str]:
    """What is missing for a command somewhere: a row, an example or a verb."""
    known = {"row": {command for row in table.values() for command in row}, "example": examples, "verb": verbs}
    return [
        f"{command.__name__} has no {what}"
        for command in base.__subclasses__()
        for what, commands in known.items()
        if command not in set(commands) and command.__name__ != creating
    ]


# -- tasks --------------------------------------------------------------------------------------------------------


def a_task_that_is(status: TaskStatus) -> Task:
    """A task of three steps and a branch that has begun, in this status, held by nobody."""
    mapped = status if status in _MAPPED else TaskStatus.RESEARCHED
    line = (
        unit(None),
        unit("keyword-researcher", task_status=mapped),
        unit("content-writer"),
        unit("content-reviewer"),
    )
    made = task(*line, branches=BRANCHES)
    if status is TaskStatus.REVISION_NEEDED:
        return after(made, send_back(to_step=1))
    if status is TaskStatus.BLOCKED:
        return after(made, block())
    if status is TaskStatus.CANCELLED:
        return after(made, cancel())
    if status is TaskStatus.DELETED:
        return after(made, commands.DeleteTask(by="ann"))
    steps = {TaskStatus.BACKLOG: 0, TaskStatus.COMPLETED: 3}.get(status, 1)
    done = after(made, *(acquire(), complete()) * steps)
    return after(done, commands.ClearBranches(by="ann", labels=("Image",))) if steps == 3 else done


_MAPPED = frozenset(set(TaskStatus) - FINISHED - {TaskStatus.BACKLOG, TaskStatus.BLOCKED, TaskStatus.REVISION_NEEDED})


BRANCHES = {"Image": unit("image-director", trigger_after_step=0)}


def runs(found: Task) -> Task:
    return _while_open(found, lambda task: after(task, grant(task)))


def has_reported(found: Task) -> Task:
    return _while_open(found, lambda task: after(task, grant(task), report))


def is_held_by_hand(found: Task) -> Task:
    return _while_open(found, lambda task: after(task, acquire()))


def backs_off_for_ever(found: Task) -> Task:
    waiting = structs.replace(found.current, not_before=at(1_000_000), status=UnitStatus.IN_PROGRESS)
    steps = tuple(waiting if step.key == waiting.key else step for step in found.pipeline)
    return structs.replace(found, pipeline=steps)


def waits_for_another(found: Task) -> Task:
    return structs.replace(found, depends_on=("winter-001",), unmet=("winter-001",))


def was_sent_back_too_often(found: Task) -> Task:
    if found.blocked is None:
        return found
    return structs.replace(found, blocked=structs.replace(found.blocked, kind=BlockKind.REVIEW))


def is_an_assignment(found: Task) -> Task:
    return structs.replace(found, assignment=Assignment(namespace="shop", north_star="Sell more bread"))


def is_free(found: Task) -> Task:
    return found


def is_a_run_when_it_is_finished(found: Task) -> Task:
    return structs.replace(found, stream=StreamRun(pipeline="summary")) if found.is_finished else found


def _while_open(found: Task, arrange: Callable[[Task], Task]) -> Task:
    """Arrange something that a blocked task forbids as if it had begun before the block."""
    if found.is_finished:
        return found
    if found.blocked is None:
        return arrange(found)
    arranged = arrange(after(found, commands.UnblockTask(by="ann")))
    blocked = structs.replace(found.blocked, was=arranged.status)
    return structs.replace(arranged, status=TaskStatus.BLOCKED, blocked=blocked)


Example = tuple[Callable[[Task], Task], Callable[[Task], Any]]
TASK_EXAMPLES: dict[type, Example] = {
    commands.GrantLease: (is_free, grant),
    commands.AcquireByHand: (is_free, lambda task: acquire()),
    commands.ReleaseByHand: (is_held_by_hand, lambda task: commands.ReleaseByHand(agent="content-writer")),
    commands.ExpireLease: (is_held_by_hand, expire),
    commands.CompleteByHand: (is_held_by_hand, lambda task: complete()),
    commands.ReportRun: (runs, report),
    commands.EndRun: (has_reported, end_run),
    commands.ReviseByHand: (is_held_by_hand, lambda task: revise(to_step=1)),
    commands.ReviseByPerson: (is_free, lambda task: send_back(to_step=1)),
    commands.FixTask: (
        is_free,
        lambda task: commands.FixTask(by="ann", agents=("content-writer",), notes="shorter"),
    ),
    commands.RethinkTask: (is_free, lambda task: commands.RethinkTask(by="ann", to_step=1, notes="shorter")),
    commands.ApproveTask: (was_sent_back_too_often, lambda task: commands.ApproveTask(by="ann")),
    commands.RevokeLease: (runs, lambda task: revoke()),
    commands.CancelTask: (is_free, lambda task: cancel()),
    commands.BlockTask: (is_free, lambda task: block()),
    commands.UnblockTask: (is_free, lambda task: commands.UnblockTask(by="ann")),
    commands.RetryTask: (is_free, lambda task: commands.RetryTask(by="ann")),
    commands.DeleteTask: (is_a_run_when_it_is_finished, lambda task: commands.DeleteTask(by="ann")),
    commands.UpdateTask: (is_free, lambda task: commands.UpdateTask(by="ann", fields={"title": "Sourdough"})),
    commands.PublishTask: (is_free, lambda task: commands.PublishTask(by="ann", url="https://example.org/rye")),
    commands.Comment: (is_free, lambda task: commands.Comment(by="ann", text="nice")),
    commands.MeetDependency: (waits_for_another, lambda task: commands.MeetDependency(dependency="winter-001")),
    commands.FailDependency: (
        waits_for_another,
        lambda task: commands.FailDependency(dependency="winter-001", reason="winter-001 was cancelled"),
    ),
    commands.CompleteBranch: (
        is_free,
        lambda task: commands.CompleteBranch(label="Image", agent="image-director"),
    ),
    commands.RetriggerBranches: (is_free, lambda task: commands.RetriggerBranches(by="ann")),
    commands.ClearBranches: (is_free, lambda task: commands.ClearBranches(by="ann", labels=("Image",))),
    commands.ActOnAssignment: (
        is_an_assignment,
        lambda task: commands.ActOnAssignment(by="ann", act=Act(kind=ActKind.UPDATE, decisions=("Rye first",))),
    ),
    commands.TakeTurn: (is_an_assignment, lambda task: commands.TakeTurn()),
    commands.EndBackoff: (backs_off_for_ever, lambda task: commands.EndBackoff(backoff_max_seconds=1800.0)),
}
# A second block does not replace the first: legal, and nothing to do.
CHANGES_NOTHING = {(TaskStatus.BLOCKED, commands.FailDependency)}


@pytest.mark.parametrize(("status", "command_type"), pairs(TASK_TABLE, TASK_EXAMPLES))
def test_a_task_obeys_a_command_of_its_table_and_refuses_any_other(status: TaskStatus, command_type: type) -> None:
    arrange, command_for = TASK_EXAMPLES[command_type]
    before = arrange(a_task_that_is(status))
    assert before.status is status
    command = command_for(before)
    if command_type not in TASK_TABLE[status]:
        with pytest.raises(IllegalTransition):
            tasks.decide(before, command, LATER)
        return
    record, events = tasks.decide(before, command, LATER)
    assert bool(events) == ((status, command_type) not in CHANGES_NOTHING)
    check_change(before, record, events, command, LATER)


def test_every_task_status_has_a_row_and_only_finished_ones_are_empty() -> None:
    assert set(TASK_TABLE) == set(TaskStatus)
    assert {status for status, row in TASK_TABLE.items() if not row} == {TaskStatus.DELETED}
    reviewing = {commands.FixTask, commands.RethinkTask, commands.ApproveTask, commands.PublishTask}
    assert set(TASK_TABLE[TaskStatus.COMPLETED]) == reviewing | {commands.DeleteTask}
    assert set(TASK_TABLE[TaskStatus.CANCELLED]) == {commands.DeleteTask}


def test_every_task_command_has_a_row_a_verb_and_an_example() -> None:
    assert gaps(commands._Command, TASK_TABLE, TASK_EXAMPLES, tasks.VERBS, creating="CreateTask") == []


@pytest.mark.parametrize("status", TaskStatus)
def test_a_task_is_made_once_whatever_became_of_it(status: TaskStatus) -> None:
    with pytest.raises(AlreadyExists):
        tasks.decide(a_task_that_is(status), create_task(), LATER)


@pytest.mark.parametrize("command_type", TASK_EXAMPLES)
def test_a_task_that_does_not_exist_obeys_nothing(command_type: type) -> None:
    arrange, command_for = TASK_EXAMPLES[command_type]
    with pytest.raises(TaskNotFound):
        tasks.decide(None, command_for(arrange(task())), NOW)


@pytest.mark.parametrize("status", TaskStatus)
def test_the_tasks_of_this_walk_keep_the_invariants_themselves(status: TaskStatus) -> None:
    check_record(a_task_that_is(status))


def test_a_refusal_says_what_the_task_is_and_why() -> None:
    blocked = a_task_that_is(TaskStatus.BLOCKED)
    with pytest.raises(IllegalTransition, match="the task is blocked: waits for a photo; it cannot be acquired"):
        tasks.decide(blocked, acquire(), LATER)


# -- units --------------------------------------------------------------------------------------------------------

FAILURE = Failure(run="r-1", at=LATER, outcome=Outcome.FAILED, kind=FailureKind.EXIT_CODE)
UNIT_EXAMPLES: dict[type, Any] = {
    units.Enter: units.Enter(at=LATER),
    units.Grant: units.Grant(at=LATER, counts=True),
    units.Complete: units.Complete(at=LATER, result=Result(at=LATER, agent="content-writer")),
    units.Defer: units.Defer(at=LATER, failure=FAILURE, not_before=at(90)),
    units.Exhaust: units.Exhaust(at=LATER, failure=FAILURE),
    units.GiveBack: units.GiveBack(at=LATER, interrupted=True),
    units.Outlast: units.Outlast(at=LATER, not_before=at(90), since=LATER),
    units.Reset: units.Reset(at=LATER, is_target=True),
    units.Reopen: units.Reopen(at=LATER, now=True),
    units.Skip: units.Skip(at=LATER),
    units.Supersede: units.Supersede(at=LATER, result=Result(at=LATER, agent="content-writer", version=2)),
}
LEADS_TO: dict[type, set[UnitStatus]] = {
    units.Enter: {UnitStatus.IN_PROGRESS},
    units.Grant: {UnitStatus.IN_PROGRESS},
    units.Complete: {UnitStatus.COMPLETED},
    units.Defer: {UnitStatus.IN_PROGRESS},
    units.Exhaust: {UnitStatus.FAILED},
    units.GiveBack: {UnitStatus.IN_PROGRESS},
    units.Outlast: {UnitStatus.IN_PROGRESS},
    units.Reset: {UnitStatus.PENDING},
    units.Reopen: {UnitStatus.PENDING, UnitStatus.IN_PROGRESS},
    units.Skip: {UnitStatus.SKIPPED},
    units.Supersede: {UnitStatus.COMPLETED, UnitStatus.SKIPPED},
}


def a_unit_that_is(status: UnitStatus) -> Unit:
    """A unit in its second attempt."""
    return unit(step=1, key="s2", status=status, attempts=2, ready_at=NOW, not_before=at(30))


@pytest.mark.parametrize(("status", "command_type"), pairs(UNIT_TABLE, UNIT_EXAMPLES))
def test_a_unit_obeys_a_command_of_its_table_and_refuses_any_other(status: UnitStatus, command_type: type) -> None:
    before = a_unit_that_is(status)
    if command_type not in UNIT_TABLE[status]:
        with pytest.raises(IllegalTransition, match=f"unit s2 is {status}"):
            units.change(before, UNIT_EXAMPLES[command_type])
        return
    changed = units.change(before, UNIT_EXAMPLES[command_type])
    assert changed.status in LEADS_TO[command_type]
    assert (changed.step, changed.key, changed.agent) == (1, "s2", "content-writer")
    assert changed.attempts >= 0


def test_every_unit_status_has_a_row_and_none_is_terminal() -> None:
    assert set(UNIT_TABLE) == set(UnitStatus)
    assert all(UNIT_TABLE.values())


def test_every_unit_command_has_a_row_and_an_example() -> None:
    assert gaps(units._UnitCommand, UNIT_TABLE, UNIT_EXAMPLES, UNIT_EXAMPLES) == []
    assert set(LEADS_TO) == set(UNIT_EXAMPLES)


# -- campaigns ----------------------------------------------------------------------------------------------------

ACTIVATED = (campaign_commands.ActivateCampaign(), campaign_commands.FinishPlan(count=3))


def a_campaign_that_is(status: CampaignStatus) -> Campaign:
    """A campaign in this status, with its tasks made unless it is still being planned."""
    if status is CampaignStatus.PLANNING:
        return campaign()
    active = after(campaign(), *ACTIVATED)
    if status is CampaignStatus.PAUSED:
        return after(active, campaign_commands.PauseCampaign(by="ann"))
    if status is CampaignStatus.COMPLETED:
        return after(active, completion(active))
    return structs.replace(active, status=status)


def completion(found: Campaign) -> campaign_commands.CompleteCampaign:
    return campaign_commands.CompleteCampaign(seen_version=found.version, by="the sweep", counts={"completed": 3})


def is_unfinished_plan(found: Campaign) -> Campaign:
    return structs.replace(found, generated=False)


def as_it_is(found: Campaign) -> Campaign:
    return found


CAMPAIGN_EXAMPLES: dict[type, tuple[Callable[[Campaign], Campaign], Callable[[Campaign], Any]]] = {
    campaign_commands.ActivateCampaign: (as_it_is, lambda found: campaign_commands.ActivateCampaign()),
    campaign_commands.FinishPlan: (is_unfinished_plan, lambda found: campaign_commands.FinishPlan(count=3)),
    campaign_commands.ExtendCampaign: (as_it_is, lambda found: campaign_commands.ExtendCampaign(count=2, by="ann")),
    campaign_commands.AddTask: (as_it_is, lambda found: campaign_commands.AddTask(task="rye-bread", by="ann")),
    campaign_commands.PauseCampaign: (as_it_is, lambda found: campaign_commands.PauseCampaign(by="ann")),
    campaign_commands.ResumeCampaign: (as_it_is, lambda found: campaign_commands.ResumeCampaign(by="ann")),
    campaign_commands.CompleteCampaign: (as_it_is, completion),
    campaign_commands.ReopenCampaign: (as_it_is, lambda found: campaign_commands.ReopenCampaign(task="spring-001")),
    campaign_commands.ReviseCampaign: (
        as_it_is,
        lambda found: campaign_commands.ReviseCampaign(task="spring-001", by="ann"),
    ),
    campaign_commands.UpdateCampaign: (
        as_it_is,
        lambda found: campaign_commands.UpdateCampaign(by="ann", fields={"name": "Summer launch"}),
    ),
}
CAMPAIGN_STAYS = {
    (CampaignStatus.ACTIVE, campaign_commands.ActivateCampaign),
    (CampaignStatus.PAUSED, campaign_commands.PauseCampaign),
    (CampaignStatus.COMPLETED, campaign_commands.CompleteCampaign),
    (CampaignStatus.ACTIVE, campaign_commands.ReopenCampaign),
    (CampaignStatus.PAUSED, campaign_commands.ReopenCampaign),
    (CampaignStatus.IN_REVISION, campaign_commands.ReopenCampaign),
    (CampaignStatus.ACTIVE, campaign_commands.ReviseCampaign),
    (CampaignStatus.PAUSED, campaign_commands.ReviseCampaign),
    (CampaignStatus.IN_REVISION, campaign_commands.ReviseCampaign),
}


@pytest.mark.parametrize(("status", "command_type"), pairs(CAMPAIGN_TABLE, CAMPAIGN_EXAMPLES))
def test_a_campaign_obeys_a_command_of_its_table_and_refuses_any_other(
    status: CampaignStatus, command_type: type
) -> None:
    arrange, command_for = CAMPAIGN_EXAMPLES[command_type]
    before = arrange(a_campaign_that_is(status))
    command = command_for(before)
    if command_type not in CAMPAIGN_TABLE[status]:
        with pytest.raises(IllegalTransition, match=f"the campaign is {status}; it cannot be "):
            campaigns.decide(before, command, LATER)
        return
    record, events = campaigns.decide(before, command, LATER)
    if (status, command_type) in CAMPAIGN_STAYS:
        assert record is before
        assert events == []
        return
    assert (record.version, record.updated_at) == (before.version + 1, LATER)
    assert [event.id for event in events] == [f"campaign/spring:{record.version}:0"]
    assert [(event.at, event.task, event.campaign) for event in events] == [(LATER, None, "spring")]
    assert record.history == (*before.history, *events)
    assert record.planned[: len(before.planned)] == before.planned
    assert (record.status is CampaignStatus.COMPLETED) == (record.completed_at is not None)
    assert (record.status is CampaignStatus.PAUSED) == (record.paused_at is not None)


def test_every_campaign_status_has_a_row_and_none_is_terminal() -> None:
    assert set(CAMPAIGN_TABLE) == set(CampaignStatus)
    assert all(CAMPAIGN_TABLE.values())


def test_every_campaign_command_has_a_row_a_verb_and_an_example() -> None:
    table = CAMPAIGN_TABLE
    found = gaps(campaign_commands._Command, table, CAMPAIGN_EXAMPLES, campaigns.VERBS, creating="CreateCampaign")
    assert found == []


@pytest.mark.parametrize("status", CampaignStatus)
def test_a_campaign_is_made_once_whatever_became_of_it(status: CampaignStatus) -> None:
    again = campaign_commands.CreateCampaign(id="spring", fields={})
    with pytest.raises(AlreadyExists):
        campaigns.decide(a_campaign_that_is(status), again, LATER)


@pytest.mark.parametrize("command_type", CAMPAIGN_EXAMPLES)
def test_a_campaign_that_does_not_exist_obeys_nothing(command_type: type) -> None:
    with pytest.raises(CampaignNotFound):
        campaigns.decide(None, CAMPAIGN_EXAMPLES[command_type][1](campaign()), NOW)


# -- projects -----------------------------------------------------------------------------------------------------

PROJECT_EXAMPLES: dict[type, Any] = {
    p.UpdateProject: p.UpdateProject(by="ann", fields={"name": "Acme Bread"}),
    p.ArchiveProject: p.ArchiveProject(by="ann"),
    p.UnarchiveProject: p.UnarchiveProject(by="ann"),
    p.AddProduct: p.AddProduct(by="ann", slug="knife", fields={"name": "Bread knife"}),
    p.UpdateProduct: p.UpdateProduct(by="ann", slug="loaf", fields={"name": "Rye loaf"}),
    p.ArchiveProduct: p.ArchiveProduct(by="ann", slug="loaf"),
    p.UnarchiveProduct: p.UnarchiveProduct(by="ann", slug="knife"),
    p.AddFocusGroup: p.AddFocusGroup(by="ann", product="loaf", fields={"name": "Restaurants"}),
    p.UpdateFocusGroup: p.UpdateFocusGroup(by="ann", slug="home-bakers", fields={"nickname": "The patient"}),
    p.ArchiveFocusGroup: p.ArchiveFocusGroup(by="ann", slug="home-bakers"),
    p.UnarchiveFocusGroup: p.UnarchiveFocusGroup(by="ann", slug="shops"),
    p.ImportFocusGroups: p.ImportFocusGroups(by="ann", product="loaf", groups=({"name": "Restaurants"},)),
}
# What is put away before, so that it can be taken out again.
ARRANGED: dict[type, tuple[Any, ...]] = {
    p.UnarchiveProduct: (PROJECT_EXAMPLES[p.AddProduct], p.ArchiveProduct(by="ann", slug="knife")),
    p.UnarchiveFocusGroup: (
        p.AddFocusGroup(by="ann", product="loaf", fields={"name": "Shops"}),
        p.ArchiveFocusGroup(by="ann", slug="shops"),
    ),
}
PROJECT_STAYS = {(Standing.ACTIVE, p.UnarchiveProject), (Standing.ARCHIVED, p.ArchiveProject)}


@pytest.mark.parametrize(("status", "command_type"), pairs(PROJECT_TABLE, PROJECT_EXAMPLES))
def test_a_project_obeys_a_command_of_its_table_and_refuses_any_other(status: Standing, command_type: type) -> None:
    shelved = (p.ArchiveProject(by="ann"),) if status is Standing.ARCHIVED else ()
    before = project(*ARRANGED.get(command_type, ()), *shelved)
    command = PROJECT_EXAMPLES[command_type]
    if command_type not in PROJECT_TABLE[status]:
        with pytest.raises(IllegalTransition, match=f"the project is {status}; it.* cannot be "):
            project_table.decide(before, command, LATER)
        return
    record, events = project_table.decide(before, command, LATER)
    if (status, command_type) in PROJECT_STAYS:
        assert record is before
        assert events == []
        return
    assert (record.version, record.updated_at) == (before.version + 1, LATER)
    assert [event.id for event in events] == [f"project/acme:{record.version}:0"]
    assert [(event.at, event.task, event.campaign) for event in events] == [(LATER, None, None)]
    assert (events[0].data["project"], events[0].data["by"]) == ("acme", "ann")
    assert record.history == (*before.history, *events)


def test_every_project_status_has_a_row_and_none_is_terminal() -> None:
    assert set(PROJECT_TABLE) == set(Standing)
    assert all(PROJECT_TABLE.values())


def test_every_project_command_has_a_row_a_verb_and_an_example() -> None:
    found = gaps(p._Command, PROJECT_TABLE, PROJECT_EXAMPLES, project_table.VERBS, creating="CreateProject")
    assert found == []


def test_a_project_is_made_once() -> None:
    with pytest.raises(AlreadyExists):
        project_table.decide(project(), p.CreateProject(by="ann", id="acme"), LATER)


@pytest.mark.parametrize("command_type", PROJECT_EXAMPLES)
def test_a_project_that_does_not_exist_obeys_nothing(command_type: type) -> None:
    with pytest.raises(ProjectNotFound):
        project_table.decide(None, PROJECT_EXAMPLES[command_type], NOW)


# -- the walk itself ----------------------------------------------------------------------------------------------


def test_the_walk_names_a_command_that_is_nowhere() -> None:
    class Base:
        pass

    class Known(Base):
        pass

    class Forgotten(Base):
        pass

    table: Table = {"open": {Known: None}}
    assert gaps(Base, table, {Known}, {Known}) == [
        "Forgotten has no row",
        "Forgotten has no example",
        "Forgotten has no verb",
    ]


def test_blocks_in_this_walk_are_real_ones() -> None:
    blocked = has_reported(a_task_that_is(TaskStatus.BLOCKED)).blocked
    assert blocked == Blocked(
        kind=BlockKind.PERSON, reason="waits for a photo", unit=None, at=NOW, was=TaskStatus.BACKLOG
    )
