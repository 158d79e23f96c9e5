"""Lessons: which news teaches whom, and a page that people and Baton both write in."""

from __future__ import annotations

from typing import Any

import pytest

from baton.domain.lessons import HEAD, LINE_LIMIT, lessons_for, lessons_of, with_lessons, without_lessons
from baton.domain.statuses import FailureKind

AT = "2026-11-21T10:12:03.123Z"


def event(type: str, **data: Any) -> dict[str, Any]:
    return {"type": type, "at": AT, "task": "spring-001", "data": data}


def failed(**data: Any) -> dict[str, Any]:
    return event(
        "run_ended", **{"agent": "writer", "outcome": "failed", "kind": "exit_code", "message": "no file"} | data
    )


def test_a_revision_teaches_the_agent_it_is_sent_back_to() -> None:
    news = event("revision_requested", to_step=1, to_agent="writer", by="reviewer", notes="Name\nevery  source")
    line = "- 2026-11-21 10:12 task spring-001, sent back by reviewer: Name every source"
    assert lessons_of(news) == [("writer", line)]


def test_a_fix_teaches_each_agent_that_was_chosen_once() -> None:
    news = event("revision_requested", agents=["writer", "editor", "writer"], by="ann", notes="Shorter")
    assert [agent for agent, _ in lessons_of(news)] == ["writer", "editor"]


def test_a_failed_attempt_teaches_its_agent() -> None:
    assert lessons_of(failed()) == [("writer", "- 2026-11-21 10:12 task spring-001, failed: no file")]


def test_a_heartbeat_that_failed_teaches_its_agent() -> None:
    news = failed() | {"task": None}
    assert lessons_of(news) == [("writer", "- 2026-11-21 10:12 a heartbeat, failed: no file")]


@pytest.mark.parametrize(
    "news",
    [
        failed(outcome="interrupted"),
        failed(outcome="completed"),
        failed(message=""),
        failed(kind="rate_limit"),
        failed(kind="overloaded"),
        failed(kind="harness_missing"),
        failed(agent=None),
        failed(agent="../../etc"),
        event("revision_requested", to_step=1, by="reviewer", notes="an event from before agents were named"),
        event("revision_requested", to_agent="writer", by="reviewer", notes=""),
        event("task_completed", title="x"),
        {"type": "run_ended"},
        {"type": "run_ended", "at": "soon", "data": []},
    ],
)
def test_what_is_nobodys_doing_teaches_nothing(news: dict[str, Any]) -> None:
    assert lessons_of(news) == []


def test_a_kind_of_failure_that_is_not_known_counts_as_an_attempt() -> None:
    assert "moonstruck" not in set(FailureKind)
    assert lessons_of(failed(kind="moonstruck")) != []


def test_a_lesson_is_one_line_of_bounded_length_whatever_was_written() -> None:
    [(_, line)] = lessons_of(event("revision_requested", to_agent="writer", by="r", notes="## editor\n" + "x " * 5000))
    assert "\n" not in line and len(line) == LINE_LIMIT and line.endswith("...")


# -- the page -----------------------------------------------------------------------------------------------------


def lines(count: int, start: int = 0) -> list[tuple[str, str]]:
    return [
        ("writer", f"- 2026-11-{day:02d} 10:00 task t, failed: {day}") for day in range(start + 1, start + count + 1)
    ]


def test_a_new_page_has_a_heading_for_each_agent() -> None:
    page = with_lessons("", [("writer", "- 2026-11-21 10:12 a"), ("editor", "- 2026-11-21 10:12 b")], 20)
    assert page == f"{HEAD}\n## writer\n\n- 2026-11-21 10:12 a\n\n## editor\n\n- 2026-11-21 10:12 b\n"


def test_a_lesson_that_stands_there_is_not_added_again() -> None:
    page = with_lessons("", lines(3), 20)
    assert with_lessons(page, lines(3), 20) == page


def test_the_oldest_lessons_of_an_agent_go_and_peoples_lines_stay() -> None:
    page = with_lessons("", lines(3), 3).replace("## writer\n", "## writer\n- Ann: never say 'delve'\n")
    after = with_lessons(page, lines(2, start=3), 3)
    assert lessons_for(after, "writer").splitlines() == [
        "- Ann: never say 'delve'",
        *(line for _, line in lines(3, start=2)),
    ]


def test_an_agent_is_told_what_is_for_everybody_and_its_own_alone() -> None:
    page = "# Mine\nintro\n## Everybody\n- British spelling\n\n## editor\n- not for writers\n##  writer \r\n- short\r\n"
    assert lessons_for(page, "writer").splitlines() == ["- British spelling", "- short"]


def test_what_people_wrote_survives_byte_for_byte() -> None:
    page = "\ufeffodd \udcff bytes\n\n\n## writer\n\n- mine\n\n\n## Other words\ntext\n"
    after = with_lessons(page, lines(1), 20)
    assert after == page.replace("- mine\n", f"- mine\n{lines(1)[0][1]}\n")


def test_lessons_are_forgotten_by_what_they_hold_or_all() -> None:
    page = with_lessons("", [*lines(3), ("editor", "- 2026-11-21 10:12 b")], 20)
    fewer, count = without_lessons(page, "writer", "FAILED: 2")
    assert (count, lessons_for(fewer, "writer").splitlines()) == (
        1,
        [line for _, line in (*lines(1), *lines(1, start=2))],
    )
    none, count = without_lessons(page, "writer", "")
    assert (count, lessons_for(none, "writer"), lessons_for(none, "editor")) == (3, "", "- 2026-11-21 10:12 b")
    assert without_lessons(page, "stranger", "") == (page, 0)
