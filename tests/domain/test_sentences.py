"""The words for what happened: a sentence for each event that there is, and its type as an activity."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders import NOW

from baton.domain.activities import Activity, ActivityType, activity_of, type_of
from baton.domain.sentences import sentence_of

A = ActivityType
RUN = {"unit": "s1", "step": 0, "agent": "writer"}


def told(kind: str, data: Any) -> dict[str, Any]:
    """An event of the log."""
    return {"id": "task/t:7:0", "at": NOW, "type": kind, "task": "t", "campaign": "c", "run": "r-1", "data": data}


@pytest.mark.parametrize(
    ("kind", "data", "type", "sentence"),
    [
        ("task_created", {"title": "Rye bread", "steps": 3}, A.INFO, "the task was made: Rye bread"),
        ("task_updated", {"by": "ann", "labels": ["a"]}, A.INFO, "the task was changed by ann: labels"),
        ("task_blocked", {"kind": "person", "reason": "no photo"}, A.ERROR, "the task is blocked (person): no photo"),
        ("task_unblocked", {"by": "ann"}, A.INFO, "the task was unblocked by ann"),
        ("task_retried", {"by": "ann"}, A.RETRY, "the task was set to be tried again by ann"),
        (
            "revision_requested",
            {"to_step": 1, "by": "ann", "notes": "too dry"},
            A.RETRY,
            "the task was sent back to step 1 by ann: too dry",
        ),
        ("task_completed", {"title": "Rye", "quality_score": 87.5}, A.COMPLETE, "the task is completed: Rye (quality 87.5)"),
        (
            "revision_requested",
            {"agents": ["writer", "editor"], "by": "ann", "notes": "too dry"},
            A.RETRY,
            "the task was sent back to writer, editor by ann: too dry",
        ),
        ("task_approved", {"by": "ann", "notes": "lovely"}, A.COMPLETE, "the task was found good by ann: lovely"),
        ("campaign_revised", {"by": "ann", "task": "t"}, A.RETRY, "the campaign is in revision by ann: task t"),
        ("task_cancelled", {"by": "ann", "reason": "late"}, A.WARNING, "the task was cancelled by ann: late"),
        ("task_published", {"by": "ann", "url": "https://x.example"}, A.COMPLETE, "the task was published by ann: https://x.example"),
        ("project_created", {"project": "p", "name": "P"}, A.INFO, "project p was made: P"),
        ("project_archived", {"project": "p", "by": "ann"}, A.INFO, "project p was archived by ann"),
        (
            "product_added",
            {"project": "p", "product": "loaf", "name": "Loaf"},
            A.INFO,
            "product loaf of project p was made: Loaf",
        ),
        (
            "focus_group_updated",
            {"project": "p", "group": "g", "by": "ann", "fields": ["fears"]},
            A.INFO,
            "focus group g of project p was changed by ann: fears",
        ),
        (
            "product_unarchived",
            {"project": "p", "product": "a", "by": "b"},
            A.INFO,
            "product a of project p is used again by b",
        ),
        (
            "focus_groups_imported",
            {"project": "p", "product": "loaf", "by": "ann", "added": ["a", "b"], "changed": ["c"]},
            A.INFO,
            "project p was given focus groups of product loaf by ann: 2 added, 1 changed",
        ),
        ("task_deleted", {"by": "ann"}, A.WARNING, "the task was deleted by ann"),
        ("campaign_created", {"name": "Spring"}, A.INFO, "the campaign was made: Spring"),
        ("campaign_updated", {"by": "ann", "fields": ["name"]}, A.INFO, "the campaign was changed by ann: name"),
        ("campaign_activated", {"tasks": 1}, A.START, "the campaign is active: 1 task"),
        ("campaign_generated", {"tasks": 3}, A.PROGRESS, "the campaign has all its tasks: 3"),
        ("campaign_extended", {"by": "ann", "tasks": 2}, A.INFO, "the campaign was extended by ann: 2 tasks"),
        ("campaign_extended", {"by": "ann", "task": "t"}, A.INFO, "the campaign was extended by ann: task t"),
        ("campaign_paused", {"by": "ann"}, A.WARNING, "the campaign was paused by ann"),
        ("campaign_resumed", {"by": "ann"}, A.INFO, "the campaign was resumed by ann"),
        ("campaign_reopened", {"task": "t"}, A.START, "the campaign was opened again for task t"),
        (
            "campaign_completed",
            {"counts": {"completed": 4, "cancelled": 1}},
            A.COMPLETE,
            "the campaign is completed: 4 completed, 1 cancelled",
        ),
        (
            "harness_parked",
            {"harness": "claude", "what": "rate limit", "reason": "429", "until": NOW},
            A.WARNING,
            f"harness claude is parked (rate limit: 429) until {NOW}",
        ),
        (
            "harness_parked",
            {"harness": "claude", "what": "no login", "reason": "", "until": None},
            A.WARNING,
            "harness claude is parked (no login); when it is mended: agent.py unpark claude",
        ),
        ("harness_resumed", {"harness": "claude", "why": "freed by a"}, A.INFO, "harness claude is used again: freed by a"),
        ("lease_granted", RUN | {"attempt": 1}, A.START, "writer began step 0"),
        ("lease_granted", RUN | {"attempt": 2}, A.RETRY, "writer began step 0, attempt 2"),
        ("lease_granted", RUN | {"step": None, "attempt": 1}, A.START, "writer began"),
        ("lease_granted", {"unit": "s1", "agent": "ann"}, A.START, "ann took it by hand"),
        ("lease_renewed", {"unit": "s1", "agent": "ann"}, A.INFO, "ann goes on with it by hand"),
        ("lease_released", {"unit": "s1", "agent": "ann", "by": "ben"}, A.INFO, "ann gave it back, asked by ben"),
        ("lease_expired", {"unit": "s1", "agent": "ann"}, A.WARNING, "ann held it by hand for too long"),
        ("lease_revoked", {"by": "ann", "reason": "stop"}, A.WARNING, "the run was told to end by ann: stop"),
        ("wish_changed", {"by": "ann", "wish": "cancel"}, A.WARNING, "ann asked for something else: cancel"),
        ("run_reported", RUN | {"kind": "sent_back"}, A.PROGRESS, "writer reported: sent back"),
        ("run_ended", RUN | {"outcome": "completed", "exit_code": 0}, A.PROGRESS, "the run of writer ended: completed"),
        (
            "run_ended",
            RUN | {"outcome": "failed", "exit_code": 3, "message": "no\nkey"},
            A.ERROR,
            "the run of writer ended: failed with exit code 3: no key",
        ),
        ("run_ended", RUN | {"outcome": "interrupted"}, A.WARNING, "the run of writer ended: interrupted"),
        ("agent_crashed", RUN | {"outcome": "timed_out"}, A.ERROR, "writer timed out"),
        ("step_completed", RUN | {"summary": "done"}, A.COMPLETE, "writer completed step 0: done"),
        ("branch_completed", {"agent": "artist", "branch": "Hero"}, A.COMPLETE, "artist completed branch 'Hero'"),
        ("branches_retriggered", {"by": "ann", "branches": ["A", "B"]}, A.RETRY, "ann started branches again: A, B"),
        ("branches_cleared", {"by": "ann", "branches": ["A"]}, A.WARNING, "ann did without branches: A"),
        ("dependency_met", {"dependency": "a"}, A.PROGRESS, "a, which it waited for, is completed"),
        ("backoff_ended", {}, A.INFO, "a back-off that no clock would reach was forgotten"),
        ("task_commented", {"by": "ann", "text": "nice\n\nwork"}, A.INFO, "ann says: nice work"),
        ("command_refused", {"command": "CancelTask", "reason": "no"}, A.WARNING, "CancelTask refused: no"),
        ("what_is_added_later", {"reason": "x"}, A.INFO, "what is added later: x"),
        ("task_commented", "damaged", A.INFO, "somebody says"),
    ],
)  # fmt: skip
def test_each_event_has_its_sentence_and_its_type(kind: str, data: Any, type: ActivityType, sentence: str) -> None:
    event = told(kind, data)
    assert (type_of(event), sentence_of(event, 300)) == (type, sentence)


def test_whom_it_is_about_is_named_where_nothing_around_does() -> None:
    blocked, began = told("task_blocked", {"reason": "x"}), told("lease_granted", RUN | {"attempt": 1})
    assert sentence_of(blocked, 300, "Task t") == "Task t is blocked: x"
    assert sentence_of(began, 300, "Task t") == "Task t: writer began step 0"


def test_a_sentence_is_cut_at_its_limit() -> None:
    assert sentence_of(told("task_commented", {"by": "ann", "text": "x" * 100}), 20) == "ann says: xxxxxxx..."


def test_an_activity_has_all_that_the_log_tells() -> None:
    data = RUN | {"attempt": 1}
    assert activity_of(told("lease_granted", data), "acme") == Activity(
        at=NOW,
        type=ActivityType.START,
        event="lease_granted",
        project="acme",
        campaign="c",
        task="t",
        agent="writer",
        run="r-1",
        message="writer began step 0",
        metadata=data,
    )
