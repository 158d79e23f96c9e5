"""What a prompt is given of a memory file, whatever the file is; and the pages of days."""

from __future__ import annotations

import pytest

from baton.domain import memory
from baton.domain.memory import MORE, Given, Glimpse, day_lines, given, with_day_lines, without_lines

SECRET = "s3cret-value-of-a-key"
ANTHROPIC = "sk-ant-api03-" + "a1B2" * 8


def whole(text: str | bytes) -> Glimpse:
    data = text.encode() if isinstance(text, str) else text
    return Glimpse(size=len(data), head=data)


def ends(data: bytes, limit: int) -> Glimpse:
    window = limit // 2 + memory.MARGIN
    return Glimpse(size=len(data), head=data[:window], tail=data[-window:])


def told(text: str | bytes, limit: int = 1000) -> Given:
    return given(whole(text), [SECRET], limit, "/m/x.md")


def test_no_file_is_nothing_to_tell() -> None:
    assert given(None, [], 1000, "/m/x.md") == Given()


def test_a_short_file_is_told_whole_line_by_line() -> None:
    assert told("# Taste\n\n- short titles  \n") == Given(lines=("# Taste", "", "- short titles"))


def test_secrets_and_tokens_are_masked_and_counted() -> None:
    found = told(f"key {SECRET}, and {ANTHROPIC}")
    assert found == Given(lines=("key ***, and ***",), masked=2)


def test_damaged_bytes_and_control_characters_cannot_leave_their_line() -> None:
    found = told(b"a\xff\xfeb\x00\x1b[31m\r\nc\xe2\x80\xa8d")
    assert found.lines == ("a\ufffd\ufffdb\ufffd\ufffd[31m", "", "c", "d")


def test_a_file_that_is_too_long_keeps_both_ends_and_a_pointer_between_them() -> None:
    found = told("first\n" + "x" * 5000 + "\nlast", limit=100)
    assert found.lines[0] == "first" and found.lines[-1] == "last"
    assert [line for line in found.lines if "/m/x.md is too long" in line and "4911 bytes are left out" in line]
    assert (found.left_out, found.problem) == (4911, "it is 5011 bytes long, and 100 were given")


def test_of_ten_megabytes_a_prompt_takes_no_more_than_its_limit() -> None:
    data = b"begin\n" + b"filler filler\n" * 750_000 + b"end"
    found = given(ends(data, 2000), [], 2000, "/m/x.md")
    assert len(data) > 10_000_000
    assert sum(len(line) + 1 for line in found.lines) < 2300
    assert (found.lines[0], found.lines[-1]) == ("begin", "end")


@pytest.mark.parametrize("before", range(900, 1010, 3))
def test_a_secret_that_the_cut_goes_through_is_masked_whole(before: int) -> None:
    data = ("y" * before + SECRET + "z" * 40_000 + SECRET + "y" * before).encode()
    found = given(ends(data, 2000), [SECRET], 2000, "/m/x.md")
    shown = "".join(found.lines)
    assert not any(SECRET[place : place + 6] in shown for place in range(len(SECRET) - 5))


def test_a_cut_through_a_character_leaves_no_damage() -> None:
    found = given(whole("ä" * 1000), [], 101, "/m/x.md")
    assert set(found.lines[0] + found.lines[-1]) == {"ä"}


# -- the pages of days --------------------------------------------------------------------------------------------


def event(type: str = "step_completed", at: str = "2026-11-21T10:12:03.123Z", **data: object) -> dict[str, object]:
    return {"type": type, "at": at, "task": "spring-001", "campaign": "spring", "data": data}


def test_events_become_lines_on_the_pages_of_their_days() -> None:
    lines = day_lines(
        [
            event(agent="writer", step=1, summary=f"Wrote it with {SECRET}"),
            event("task_completed", "2026-11-22T00:00:01.000Z", title="Bread"),
        ],
        [SECRET],
    )
    assert lines == {
        "2026-11-21": ["- 10:12:03 Task spring-001: writer completed step 1: Wrote it with ***"],
        "2026-11-22": ["- 00:00:01 Task spring-001 is completed: Bread"],
    }


@pytest.mark.parametrize("type", sorted(memory.PASSED_OVER))
def test_what_only_says_that_the_machinery_turns_is_passed_over(type: str) -> None:
    assert day_lines([event(type)], []) == {}


@pytest.mark.parametrize("at", ["", "yesterday", "../../../etc/x", None])
def test_an_event_without_a_day_is_passed_over(at: str) -> None:
    assert day_lines([event(at=at)], []) == {}


def test_an_event_of_a_kind_that_is_added_later_is_told_by_its_name() -> None:
    assert day_lines([event("moon_reached")], []) == {"2026-11-21": ["- 10:12:03 Task spring-001: moon reached"]}


def test_a_line_that_stands_there_is_not_added_again_and_what_people_wrote_stays() -> None:
    page = with_day_lines("", "2026-11-21", ["- a", "- b"]) + "my own words"
    assert page.startswith("# 2026-11-21\n")
    assert with_day_lines(page, "2026-11-21", ["- a", "- b", "- c"]) == f"{page}\n- c\n"


def test_a_page_is_bounded_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "DAY_BYTES", 300)
    page = with_day_lines("", "2026-11-21", [f"- {number}" * 3 for number in range(100)])
    assert len(page) < 300 + len(MORE) + 2
    assert page.endswith(f"{MORE}\n")
    assert with_day_lines(page, "2026-11-21", ["- later"]) == page


def test_lines_are_forgotten_by_what_they_hold_in_any_case() -> None:
    assert without_lines("- Short titles\n- long\nSHORT\n", "short") == ("- long\n", 2)
