"""Instants and durations as text, and what a name may look like."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import NOW

from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.ids import check_agent, check_id, check_slug, is_agent_name, is_id
from baton.domain.times import epoch, later, parse_duration, parse_instant, seconds_between, stamp

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
milliseconds = st.integers(0, 4_000_000_000_000)

# -- instants -----------------------------------------------------------------------------------------------------


def test_an_instant_is_utc_with_milliseconds_and_z() -> None:
    assert stamp(1795249800.25) == "2026-11-21T08:30:00.250Z"
    assert epoch("2026-11-21T08:30:00.250Z") == 1795249800.25


@settings(deadline=None)
@given(milliseconds)
def test_an_instant_reads_back_as_it_was_written(count: int) -> None:
    text = stamp(count / 1000)
    assert INSTANT.fullmatch(text)
    assert round(epoch(text) * 1000) == count
    assert stamp(epoch(text)) == text


@settings(deadline=None)
@given(milliseconds, milliseconds)
def test_instants_sort_as_text(one: int, other: int) -> None:
    assert (stamp(one / 1000) < stamp(other / 1000)) == (one < other)


@settings(deadline=None)
@given(milliseconds, st.integers(-1_000_000_000, 1_000_000_000))
def test_later_and_seconds_between_are_each_others_inverse(start: int, seconds: int) -> None:
    begin = stamp(start / 1000)
    assert seconds_between(begin, later(begin, seconds)) == seconds


def test_later_counts_milliseconds() -> None:
    assert later(NOW, 0.25) == "2026-11-21T08:30:00.250Z"
    assert later(NOW, -0.001) == "2026-11-21T08:29:59.999Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T08:30:00Z",
        "2026-11-21T09:30:00+01:00",
        "2026-11-21 08:30:00.000999Z",
        "20261121T083000Z",
        "2026-11-21T00:30-08:00",
    ],
)
def test_an_instant_that_a_person_wrote_is_kept_in_our_form(text: str) -> None:
    assert parse_instant(text) == NOW


@settings(deadline=None)
@given(
    st.datetimes(
        min_value=datetime(1000, 1, 2),
        max_value=datetime(9999, 12, 30),
        timezones=st.sampled_from((UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-12)))),
    )
)
def test_any_instant_with_an_offset_is_read(instant: datetime) -> None:
    text = parse_instant(instant.isoformat())
    assert INSTANT.fullmatch(text)
    assert 0 <= (instant - datetime.fromisoformat(text)).total_seconds() < 0.001


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T00:00:00Z", "2026-11-21T25:00:00Z", "1795249800"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an instant"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["2026-11-21", "2026-11-21T08:30:00"])
def test_an_instant_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="has no time zone"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_an_instant_out_of_range_is_refused_and_not_a_crash(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_instant(text)


def test_an_early_year_keeps_its_four_digits() -> None:
    assert parse_instant("0987-01-01T00:00:00Z") == "0987-01-01T00:00:00.000Z"


# -- durations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("15s", 15.0), ("1.5m", 90.0), ("2h", 7200.0), ("0.5d", 43200.0), ("0s", 0.0), ("007s", 7.0)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "15", "1.5", "s", "-1s", "+1s", "1e3s", ".5s", "5.s", "1 s", "1s\n", "1w", "1S", "1h30m", "nan", "１s"],
)
def test_a_bare_number_and_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a duration"):
        parse_duration(text)


@settings(deadline=None)
@given(st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d)", fullmatch=True))
def test_every_number_with_a_unit_is_a_duration(text: str) -> None:
    assert 0 <= parse_duration(text) <= 1e9 * 86_400


def test_a_duration_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(InvalidInput):
        parse_duration("9" * 400 + "s")


# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", "0", "spring-001", "a.b_c-d", "a..b", "a" * 128])
def test_an_id_is_lower_case_letters_digits_and_a_few_signs(text: str) -> None:
    assert check_id(text) == text


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "-a", "_a", ".a", "A", "a/b", "a\\b", "a b", "a\n", "a\0", "ä", "a" * 129, "../a", "٣", "a~b"],
)
def test_anything_else_is_refused_before_a_path_is_built(text: str) -> None:
    with pytest.raises(InvalidWord, match="is not a valid task id") as refused:
        check_id(text)
    assert refused.value.exit_code == 2
    assert refused.value.cure


@settings(deadline=None)
@given(st.text(max_size=140))
def test_an_id_is_a_plain_file_name(text: str) -> None:
    if is_id(text):
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,127}", text)
        assert not {"/", "\\", "\0", "\n", "~"} & set(text)
    else:
        with pytest.raises(InvalidWord):
            check_id(text)


def test_a_refused_id_is_shown_cut_short() -> None:
    with pytest.raises(InvalidWord) as refused:
        check_id("A" * 10_000, "campaign")
    assert len(refused.value.message) < 120


def test_a_slug_leaves_room_for_the_numbers_of_its_tasks() -> None:
    assert check_slug("a" * 100) == "a" * 100
    with pytest.raises(InvalidWord, match="the campaign slug is 101 characters long"):
        check_slug("a" * 101)


@pytest.mark.parametrize("text", ["a", "content-writer", "a-1-b", "9", "a" * 64])
def test_an_agents_name_is_words_joined_by_single_hyphens(text: str) -> None:
    assert check_agent(text) == text


@pytest.mark.parametrize(
    "text", ["", "-", "-a", "a-", "a--b", "A", "a_b", "a.b", "a b", "a\n", "a" * 65, "content-writer/.."]
)
def test_anything_else_is_no_agents_name(text: str) -> None:
    assert not is_agent_name(text)
    with pytest.raises(InvalidWord, match="is not a valid agent name"):
        check_agent(text)
