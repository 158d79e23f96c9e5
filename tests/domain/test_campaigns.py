"""The campaign's state machine: its plan of tasks, pausing, completing, extending, reopening."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.builders import NOW, after, at, campaign, following, template

from baton.domain.campaign_commands import (
    ActivateCampaign,
    AddTask,
    CompleteCampaign,
    CreateCampaign,
    ExtendCampaign,
    FinishPlan,
    PauseCampaign,
    ReopenCampaign,
    ResumeCampaign,
    UpdateCampaign,
)
from baton.domain.campaigns import EDITABLE, Campaign, CampaignStatus, decide
from baton.domain.errors import IllegalTransition, InvalidInput
from baton.domain.pipelines import OnComplete
from baton.domain.records import SCHEMA, Event

LATER = at(60)


def active(**fields: Any) -> Campaign:
    """An active campaign with all its tasks made."""
    planned = after(campaign(**fields), ActivateCampaign())
    return after(planned, FinishPlan(count=len(planned.planned)))


def completion(found: Campaign) -> CompleteCampaign:
    return CompleteCampaign(seen_version=found.version, by="the sweep", counts={"completed": 3})


def test_a_new_campaign_is_planned_and_has_no_tasks_yet() -> None:
    fields = {"project": "acme", "name": "Spring launch", "pipeline": "content-draft", "snapshot": template()}
    created = Event(
        id="campaign/spring:1:0",
        at=NOW,
        type="campaign_created",
        campaign="spring",
        version=1,
        data={"name": "Spring launch"},
    )
    assert decide(None, CreateCampaign(id="spring", fields=fields), NOW) == (
        Campaign(schema=SCHEMA, id="spring", version=1, created_at=NOW, updated_at=NOW, history=(created,), **fields),
        [created],
    )


# -- the plan -----------------------------------------------------------------------------------------------------


def test_activating_commits_the_ids_of_all_tasks_before_any_is_made() -> None:
    before = campaign()
    data = {"name": "Spring launch", "tasks": 3, "pipeline": "content-draft"}
    assert decide(before, ActivateCampaign(), LATER) == following(
        before,
        ("campaign_activated", None, data),
        now=LATER,
        status=CampaignStatus.ACTIVE,
        planned=("spring-001", "spring-002", "spring-003"),
        generated=False,
        activated_at=LATER,
    )


def test_a_batch_campaign_plans_one_task_for_all() -> None:
    assert after(campaign(generate="batch"), ActivateCampaign()).planned == ("spring-001",)


@pytest.mark.parametrize("found", [after(campaign(), ActivateCampaign()), active()], ids=["planned", "made"])
def test_activating_again_changes_nothing(found: Campaign) -> None:
    assert decide(found, ActivateCampaign(), LATER) == (found, [])


def test_a_plan_is_finished_once() -> None:
    before = after(campaign(), ActivateCampaign())
    done, events = decide(before, FinishPlan(count=3), LATER)
    assert (done, events) == following(before, ("campaign_generated", None, {"tasks": 3}), now=LATER, generated=True)
    assert decide(done, FinishPlan(count=3), LATER) == (done, [])


def test_a_plan_that_grew_while_its_tasks_were_made_is_not_finished() -> None:
    before = after(campaign(), ActivateCampaign(), ExtendCampaign(count=2, by="ann"))
    assert decide(before, FinishPlan(count=3), LATER) == (before, [])


def test_extending_plans_the_next_numbers() -> None:
    before = active()
    assert decide(before, ExtendCampaign(count=2, by="ann"), LATER) == following(
        before,
        ("campaign_extended", None, {"by": "ann", "tasks": 2}),
        now=LATER,
        planned=(*before.planned, "spring-004", "spring-005"),
        generated=False,
    )


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_extending_by_none_or_by_too_many_is_refused(count: int) -> None:
    with pytest.raises(InvalidInput):
        decide(active(), ExtendCampaign(count=count, by="ann"), LATER)


def test_a_completed_campaign_that_is_extended_is_active_again() -> None:
    done = after(active(), completion)
    record = after(done, ExtendCampaign(count=1, by="ann"))
    assert (record.status, record.completed_at, record.generated) == (CampaignStatus.ACTIVE, None, False)


def test_a_paused_campaign_that_is_extended_stays_paused() -> None:
    record = after(active(), PauseCampaign(by="ann"), ExtendCampaign(count=1, by="ann"))
    assert (record.status, record.generated) == (CampaignStatus.PAUSED, False)


def test_a_task_of_a_persons_own_is_one_of_the_campaigns_once() -> None:
    before = active()
    command = AddTask(task="rye-bread", by="ann")
    record, events = decide(before, command, LATER)
    assert (record, events) == following(
        before,
        ("campaign_extended", None, {"by": "ann", "task": "rye-bread"}),
        now=LATER,
        added=("rye-bread",),
    )
    assert decide(record, command, LATER) == (record, [])


def test_the_numbers_of_later_tasks_pass_over_one_that_a_person_took() -> None:
    record = after(active(), AddTask(task="spring-005", by="ann"), ExtendCampaign(count=2, by="ann"))
    assert record.planned[3:] == ("spring-004", "spring-006")


def test_a_task_of_a_persons_own_takes_no_number_from_the_generated_ones() -> None:
    record = after(campaign(), AddTask(task="rye-bread", by="ann"), ActivateCampaign())
    assert (record.added, record.planned) == (("rye-bread",), ("spring-001", "spring-002", "spring-003"))


def test_more_than_999_tasks_have_longer_numbers() -> None:
    planned = after(campaign(target_article_count=1001), ActivateCampaign()).planned
    assert (planned[0], planned[998], planned[1000]) == ("spring-001", "spring-999", "spring-1001")


# -- pausing ------------------------------------------------------------------------------------------------------


def test_a_paused_campaign_starts_nothing_until_it_goes_on() -> None:
    before = active()
    paused, events = decide(before, PauseCampaign(by="ann"), LATER)
    assert (paused, events) == following(
        before, ("campaign_paused", None, {"by": "ann"}), now=LATER, status=CampaignStatus.PAUSED, paused_at=LATER
    )
    resumed, events = decide(paused, ResumeCampaign(by="ann"), LATER)
    assert (resumed, events) == following(
        paused, ("campaign_resumed", None, {"by": "ann"}), now=LATER, status=CampaignStatus.ACTIVE, paused_at=None
    )
    assert [one.is_dispatching for one in (before, paused, resumed)] == [True, False, True]


def test_pausing_twice_changes_nothing() -> None:
    paused = after(active(), PauseCampaign(by="ann"))
    assert decide(paused, PauseCampaign(by="bob"), LATER) == (paused, [])


def test_a_campaign_that_is_not_paused_is_not_resumed() -> None:
    with pytest.raises(IllegalTransition, match="the campaign is active; it cannot be resumed"):
        decide(active(), ResumeCampaign(by="ann"), LATER)


# -- the end ------------------------------------------------------------------------------------------------------


def test_a_campaign_is_completed_at_the_version_at_which_it_was_seen() -> None:
    before = active()
    data = {"by": "the sweep", "name": "Spring launch", "counts": {"completed": 3}, "telegram": True}
    assert decide(before, completion(before), LATER) == following(
        before, ("campaign_completed", None, data), now=LATER, status=CampaignStatus.COMPLETED, completed_at=LATER
    )


def test_a_campaign_says_whether_its_end_is_worth_a_message() -> None:
    quiet = active(snapshot=template(on_complete=OnComplete(telegram=False)))
    _, events = decide(quiet, completion(quiet), LATER)
    assert events[0].data["telegram"] is False


def test_a_campaign_that_changed_since_it_was_seen_is_not_completed() -> None:
    seen = active()
    extended = after(seen, ExtendCampaign(count=1, by="ann"), FinishPlan(count=4))
    assert decide(extended, completion(seen), LATER) == (extended, [])


def test_a_campaign_with_an_unfinished_plan_is_not_completed() -> None:
    extended = after(active(), ExtendCampaign(count=1, by="ann"))
    assert decide(extended, completion(extended), LATER) == (extended, [])


def test_a_paused_campaign_can_be_completed() -> None:
    paused = after(active(), PauseCampaign(by="ann"))
    record = after(paused, completion)
    assert (record.status, record.paused_at) == (CampaignStatus.COMPLETED, None)


def test_a_completed_campaign_is_completed_once() -> None:
    done = after(active(), completion)
    assert decide(done, completion(done), LATER) == (done, [])


def test_a_campaign_that_was_closed_wrongly_is_opened_again() -> None:
    before = after(active(), completion)
    assert decide(before, ReopenCampaign(task="spring-002"), LATER) == following(
        before,
        ("campaign_reopened", None, {"task": "spring-002"}),
        now=LATER,
        status=CampaignStatus.ACTIVE,
        completed_at=None,
    )


# -- the words that describe it -----------------------------------------------------------------------------------


def test_an_update_changes_what_differs_and_says_what() -> None:
    before = campaign()
    command = UpdateCampaign(by="ann", fields={"name": "Summer launch", "notes": "", "seed_keywords": ("rye",)})
    assert decide(before, command, LATER) == following(
        before,
        ("campaign_updated", None, {"by": "ann", "fields": ["name", "seed_keywords"]}),
        now=LATER,
        name="Summer launch",
        seed_keywords=("rye",),
    )


def test_an_update_that_changes_nothing_writes_nothing() -> None:
    made = campaign()
    assert decide(made, UpdateCampaign(by="ann", fields={"name": "Spring launch"}), LATER) == (made, [])


@pytest.mark.parametrize("name", ["status", "snapshot", "planned", "pipeline", "no_such_field"])
def test_what_is_frozen_is_not_updated(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} cannot be changed"):
        decide(campaign(), UpdateCampaign(by="ann", fields={name: "x"}), LATER)


def test_only_fields_of_the_record_are_editable() -> None:
    assert set(Campaign.__struct_fields__) >= EDITABLE


# -- the record ---------------------------------------------------------------------------------------------------


def test_stamps_never_go_back_when_the_clock_does() -> None:
    made = campaign(now=LATER)
    record, events = decide(made, ActivateCampaign(), NOW)
    assert (record.updated_at, record.activated_at, events[0].at) == (LATER, LATER, LATER)


def test_a_campaign_reads_back_as_it_was_written() -> None:
    made = structs.replace(active(seed_keywords=("rye",), services={"seo": ("a", "b")}), sources=("brief.md",))
    assert msgspec.json.decode(msgspec.json.encode(made), type=Campaign, strict=True) == made
