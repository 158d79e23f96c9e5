"""A channel's state after each ending of an attempt, and the words in which events are told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from baton.domain.delivery import (
    Delivery,
    DeliveryFailed,
    Refusal,
    Rejected,
    RetryLater,
    Unreachable,
    after_failure,
    after_success,
    is_due,
    is_wanted,
    render,
    skip,
    take,
)
from baton.domain.errors import NotificationFailed
from baton.domain.news import News

NOW = "2026-11-21T08:00:00.000Z"
CURSOR = ("2026-11-21.ndjson", 420)
BEHIND = ("2026-11-21.ndjson", 999)
PENDING = Delivery(cursor=CURSOR, pending="Task spring-001 is blocked")
REFUSED = Rejected("chat not found")


def after(delivery: Delivery, **changed: Any) -> Delivery:
    return msgspec.structs.replace(delivery, **changed)


# -- failures -----------------------------------------------------------------------------------------------------


def test_asked_to_wait_the_channel_waits_that_long_and_counts_nothing() -> None:
    left = after_failure(PENDING, RetryLater("wait", seconds=17), NOW)

    assert left == (after(PENDING, not_before="2026-11-21T08:00:17.000Z"), [])


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1e18, "2026-11-22T08:00:00.000Z"), (-5.0, "2026-11-21T08:00:00.000Z")]
)
def test_a_senseless_wait_is_bounded(seconds: float, expected: str) -> None:
    left = after_failure(PENDING, RetryLater("wait", seconds=seconds), NOW)

    assert left == (after(PENDING, not_before=expected), [])


@pytest.mark.parametrize(
    ("outages", "expected"),
    [
        (0, "2026-11-21T08:00:30.000Z"),
        (1, "2026-11-21T08:01:00.000Z"),
        (6, "2026-11-21T08:32:00.000Z"),
        (7, "2026-11-21T09:00:00.000Z"),
        (100_000, "2026-11-21T09:00:00.000Z"),
    ],
)
def test_an_unreachable_service_is_tried_ever_more_rarely_up_to_an_hour(outages: int, expected: str) -> None:
    left = after_failure(after(PENDING, outages=outages), Unreachable("refused"), NOW)

    assert left == (after(PENDING, outages=outages + 1, not_before=expected), [])


def test_an_unreachable_service_never_loses_the_message_or_uses_up_its_tries() -> None:
    delivery = after(PENDING, tries=2)
    for _ in range(50):
        delivery, news = after_failure(delivery, Unreachable("refused"), NOW)
        assert news == []

    assert delivery == after(PENDING, tries=2, outages=50, not_before="2026-11-21T09:00:00.000Z")


def test_a_failure_of_no_known_kind_is_treated_as_unreachable() -> None:
    left = after_failure(PENDING, DeliveryFailed("?"), NOW)

    assert left == (after(PENDING, outages=1, not_before="2026-11-21T08:00:30.000Z"), [])


def test_an_answer_of_any_kind_ends_the_outage() -> None:
    left = after_failure(after(PENDING, outages=5), REFUSED, NOW)

    assert left == (after(PENDING, tries=1), [])


def test_a_refused_message_is_tried_again_in_the_next_sweep() -> None:
    left = after_failure(after(PENDING, not_before="2026-11-21T07:59:00.000Z"), REFUSED, NOW)

    assert left == (after(PENDING, tries=1), [])


def test_a_message_refused_three_times_is_dropped_and_that_is_told() -> None:
    left = after_failure(after(PENDING, tries=2, sent_parts=1), REFUSED, NOW)

    news = News("notification_dropped", None, {"reason": "chat not found", "tries": 3, "sent_parts": 1})
    assert left == (Delivery(cursor=CURSOR), [news])


def test_refused_credentials_keep_the_message_and_wait_an_hour() -> None:
    failure = Rejected("Unauthorized", kind=Refusal.CREDENTIALS)

    left = after_failure(after(PENDING, tries=2), failure, NOW)

    assert left == (after(PENDING, tries=2, not_before="2026-11-21T09:00:00.000Z"), [])


@pytest.mark.parametrize(
    "failure",
    [
        RetryLater(seconds=30, sent_parts=2),
        Unreachable(sent_parts=2),
        Rejected(sent_parts=2),
        Rejected(kind=Refusal.CREDENTIALS, sent_parts=2),
    ],
)
def test_parts_that_went_out_are_remembered(failure: DeliveryFailed) -> None:
    left, _ = after_failure(after(PENDING, sent_parts=1), failure, NOW)

    assert left.sent_parts == 2


def test_parts_once_sent_stay_sent_when_a_later_attempt_does_not_get_that_far() -> None:
    left, _ = after_failure(after(PENDING, sent_parts=2), Unreachable(), NOW)

    assert left.sent_parts == 2


# -- the other ways on --------------------------------------------------------------------------------------------


def test_taking_sets_the_message_and_moves_the_cursor_behind_it() -> None:
    assert take(Delivery(cursor=CURSOR), "news", BEHIND) == Delivery(cursor=BEHIND, pending="news")


def test_taking_nothing_moves_the_cursor_only() -> None:
    assert take(Delivery(cursor=CURSOR), "", BEHIND) == Delivery(cursor=BEHIND)


def test_a_pending_message_cannot_be_overwritten() -> None:
    with pytest.raises(ValueError, match="a message is pending"):
        take(PENDING, "news", BEHIND)


def test_success_leaves_the_cursor_and_nothing_else() -> None:
    sent = after(PENDING, tries=1, outages=3, sent_parts=1, not_before=NOW)

    assert after_success(sent) == Delivery(cursor=CURSOR)


def test_skipping_piles_nothing_up() -> None:
    assert skip(after(PENDING, tries=2, sent_parts=1, not_before=NOW), BEHIND) == Delivery(cursor=BEHIND)


@pytest.mark.parametrize(
    ("not_before", "expected"),
    [
        (None, True),
        ("2026-11-21T07:59:59.999Z", True),
        (NOW, True),
        ("2026-11-21T08:00:00.001Z", False),
        ("2026-11-22T08:00:00.000Z", False),
        ("2026-11-22T08:00:00.001Z", True),
    ],
)
def test_a_channel_is_due_when_its_wait_is_over_or_too_long_to_be_one(not_before: str | None, expected: bool) -> None:
    assert is_due(after(PENDING, not_before=not_before), NOW) is expected


@pytest.mark.parametrize(("now", "expected"), [("2026-11-21T07:59:00.000Z", False), ("2026-11-21T06:00:00.000Z", True)])
def test_a_clock_put_back_two_hours_does_not_silence_a_channel_after_an_outage(now: str, expected: bool) -> None:
    waiting, _ = after_failure(PENDING, Unreachable("no route"), NOW)
    assert is_due(waiting, now) is expected


def test_a_channel_survives_its_file() -> None:
    delivery = Delivery(cursor=CURSOR, tries=1, outages=2, not_before=NOW, sent_parts=3, pending="news")

    data = msgspec.json.encode(delivery)

    assert msgspec.json.decode(data) == {
        "cursor": ["2026-11-21.ndjson", 420],
        "tries": 1,
        "outages": 2,
        "not_before": NOW,
        "sent_parts": 3,
        "pending": "news",
    }
    assert msgspec.json.decode(data, type=Delivery) == delivery


def test_every_failure_is_a_notification_that_failed_and_says_what_it_knows() -> None:
    failures = [
        RetryLater(seconds=5, sent_parts=1),
        Rejected("no", kind=Refusal.CREDENTIALS, cure="check it"),
        Unreachable(),
    ]

    assert all(isinstance(failure, NotificationFailed) for failure in failures)
    assert [(failure.code, failure.message, failure.cure, failure.details) for failure in failures] == [
        (
            "notification_failed",
            "The service asks to wait before the next message.",
            "",
            {"sent_parts": 1, "retry_after_seconds": 5},
        ),
        ("notification_failed", "no", "check it", {"sent_parts": 0, "kind": "credentials"}),
        ("notification_failed", "The service could not be reached.", "", {"sent_parts": 0}),
    ]


# -- words --------------------------------------------------------------------------------------------------------


def event(kind: str, task: str | None = "spring-001", campaign: str | None = "spring", **data: Any) -> dict[str, Any]:
    return {"type": kind, "at": NOW, "task": task, "campaign": campaign, "data": data}


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        (event("campaign_activated", None, tasks=3), "Campaign spring is active: 3 tasks"),
        (event("campaign_activated", None, tasks=1), "Campaign spring is active: 1 task"),
        (
            event("campaign_completed", None, counts={"completed": 4, "cancelled": 1}),
            "Campaign spring is completed: 4 completed, 1 cancelled",
        ),
        (event("campaign_completed", None), "Campaign spring is completed"),
        (
            event("task_completed", title="Rye bread", quality_score=87.5),
            "Task spring-001 is completed: Rye bread (quality 87.5)",
        ),
        (event("task_completed"), "Task spring-001 is completed"),
        (event("task_blocked", reason="no attempts left"), "Task spring-001 is blocked: no attempts left"),
        (
            event("agent_crashed", agent="content-writer", outcome="timed_out"),
            "Task spring-001: content-writer timed out",
        ),
        (
            event("agent_crashed", agent="content-writer", outcome="failed", exit_code=3, message="no key"),
            "Task spring-001: content-writer failed with exit code 3: no key",
        ),
        (
            event("step_completed", agent="humanizer", step=3, summary="done"),
            "Task spring-001: humanizer completed step 3: done",
        ),
        (event("step_completed", agent="image-director"), "Task spring-001: image-director completed its part"),
        (
            event("revision_requested", by="content-reviewer", to_step=1, notes="too dry"),
            "Task spring-001 was sent back to step 1 by content-reviewer: too dry",
        ),
        (event("task_commented", by="ann", text="nice"), "Task spring-001: ann says: nice"),
        (
            event("task_commented", by="ann", text="nice", **{"for": ["ben", "eve"]}),
            "For ben, eve: Task spring-001: ann says: nice",
        ),
        (
            event("task_blocked", reason="no key", **{"for": ["ben"]}),
            "For ben: Task spring-001 is blocked: no key",
        ),
        (event("task_completed", **{"for": ["ben"]}), "For ben: Task spring-001 is completed"),
        (event("task_cancelled", reason="not needed"), "Task spring-001 was cancelled: not needed"),
        (event("sweep_late", None, None, reason="no cron"), "Baton: sweep late: no cron"),
    ],
)
def test_an_event_becomes_one_clear_line(happened: dict[str, Any], expected: str) -> None:
    assert render([happened]) == expected


@pytest.mark.parametrize(
    ("happened", "events", "wanted"),
    [
        (event("task_blocked"), ["task_blocked"], True),
        (event("task_commented", by="ann"), [], False),
        (event("task_commented", by="ann"), ["task_commented"], True),
        (event("task_commented", by="ann", **{"for": ["ben"]}), [], True),
        (event("task_updated", by="ann", subscribers=["ben"]), [], False),
        (event("campaign_completed", telegram=False), ["campaign_completed"], False),
    ],
    ids=["named", "not named", "comments named", "for ben", "ben subscribes", "told not to"],
)
def test_settings_say_what_is_told_and_what_is_for_subscribers_is_told_in_any_case(
    happened: dict[str, Any], events: list[str], wanted: bool
) -> None:
    assert is_wanted(happened, events) is wanted


def test_names_of_subscribers_cannot_begin_a_line() -> None:
    happened = event("task_blocked", reason="x", **{"for": ["ben\nTask other is completed"]})
    assert render([happened]) == "For ben Task other is completed: Task spring-001 is blocked: x"


def test_several_events_become_one_message_in_their_order() -> None:
    events = [event("task_completed"), event("task_blocked", task="spring-002", reason="why")]

    assert render(events) == "Task spring-001 is completed\nTask spring-002 is blocked: why"


def test_no_events_become_an_empty_text() -> None:
    assert render([]) == ""


def test_what_others_wrote_cannot_begin_a_line() -> None:
    forged = event("task_blocked", reason="why\r\nTask spring-002\tis\x0b completed\u2028now")

    assert render([forged]) == "Task spring-001 is blocked: why Task spring-002 is completed now"


def test_a_long_line_is_cut() -> None:
    line = render([event("task_blocked", reason="x" * 2000)])

    assert line == "Task spring-001 is blocked: " + "x" * 469 + "..."
    assert len(line) == 500


def test_an_event_without_data_is_still_told() -> None:
    assert render([{"type": "task_blocked", "task": "spring-001"}]) == "Task spring-001 is blocked"
