"""The reader of event streams: objects come out whole however the bytes are cut, and nothing else does harm."""

from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.adapters.harnesses.streams import (
    NAMES_LIMIT,
    NUMBER_LIMIT,
    OBJECT_LIMIT,
    Fields,
    ObjectReader,
    count_up,
    last_line,
    one_line,
    summed,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def read(*pieces: bytes) -> list[Any]:
    """What a reader makes of these pieces."""
    reader = ObjectReader()
    found = [one.data for piece in pieces for one in reader.feed(piece)]
    return found + [one.data for one in reader.end()]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The same bytes in pieces, cut at these places."""
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(marks)]


# -- lines --------------------------------------------------------------------------------------------------------


def test_each_line_that_holds_an_object_comes_out_once() -> None:
    assert read(b'{"a": 1}\n\n[1]\nnull\n7\n"x"\n  {"b": {}} \r\nwarning: {"c": 1}\n') == [{"a": 1}, {"b": {}}]


def test_the_last_line_may_lack_its_newline() -> None:
    assert read(b'{"a": 1}\n{"b": 2}') == [{"a": 1}, {"b": 2}]
    assert read(b'{"a": 1}\n{"b": ') == [{"a": 1}]


@settings(deadline=None)
@given(st.lists(JSON), st.lists(st.integers(min_value=0), max_size=20))
def test_where_the_bytes_are_cut_makes_no_difference(values: list[Any], places: list[int]) -> None:
    data = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    whole = read(data)

    assert repr(read(*cut(data, places))) == repr(whole)  # repr: NaN is not equal to itself
    assert repr(read(*(data[at : at + 1] for at in range(len(data))))) == repr(whole)
    assert len(whole) == sum(isinstance(value, dict) for value in values)


@settings(deadline=None)
@given(st.lists(st.binary() | st.just(b"\n")))
def test_no_bytes_at_all_make_it_raise(pieces: list[bytes]) -> None:
    read(*pieces)


@pytest.mark.parametrize(
    "line",
    [
        b"\x00\xff\xfe\x1b[31m",
        b'{"a": 1',
        b'{"a": 1}{"b": 2}',
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b"\xef\xbb\xbf[]",
    ],
    ids=["binary", "broken", "two in a line", "too deep", "a deep list", "a long number", "a mark"],
)
def test_what_is_no_object_is_passed_over(line: bytes) -> None:
    assert read(line + b'\n{"after": 1}\n') == [{"after": 1}]


@pytest.mark.parametrize("line", [b'{"a": "x\\ud83d"}', b'{"a": "x\xf0\x9f"}'], ids=["half a pair", "half its bytes"])
def test_half_a_character_does_not_cost_the_line(line: bytes) -> None:
    (found,) = ObjectReader().feed(line + b"\n")
    assert found.text("a")[0] == "x"
    assert found.text("a").encode()  # it can be stored


# -- length -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("more", "is_kept"), [(0, True), (1, False)])
def test_a_line_is_kept_up_to_the_limit(more: int, is_kept: bool) -> None:
    line = b'{"a": "' + b"x" * (OBJECT_LIMIT - 9 + more) + b'"}'
    reader = ObjectReader()

    found = [one for at in range(0, len(line), 1000) for one in reader.feed(line[at : at + 1000])]
    found += list(reader.feed(b'\n{"b": 1}\n'))
    assert (len(found), reader.skipped) == (2, 0) if is_kept else (1, 1)
    assert found[-1].data == {"b": 1}


def test_a_line_of_50_mb_costs_no_memory() -> None:
    reader = ObjectReader()
    piece = b'{"a": "' + b"x" * (1 << 16)
    tracemalloc.start()

    for _ in range(800):
        assert list(reader.feed(piece)) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 3 * OBJECT_LIMIT
    assert [one.data for one in reader.feed(b'"}\n{"b": 1}\n')] == [{"b": 1}]
    assert reader.skipped == 1


def test_a_last_line_that_is_too_long_counts_as_skipped() -> None:
    reader = ObjectReader()
    assert list(reader.feed(b"x" * (OBJECT_LIMIT + 1))) == list(reader.end()) == []
    assert reader.skipped == 1


# -- fields -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(JSON)
def test_fields_are_of_the_type_that_was_asked_for(value: Any) -> None:
    event = Fields({"key": value})

    assert event.text("key") == (value.encode("utf-8", "replace").decode() if isinstance(value, str) else "")
    assert event.fields("key").data == (value if isinstance(value, dict) else {})
    assert all(isinstance(one.data, dict) for one in event.all("key"))
    assert all(isinstance(one, str) for one in event.texts("key", 5))
    assert len(event.named("key")) <= NAMES_LIMIT
    number = event.number("key")
    assert number is None or (number == value and 0 <= number <= NUMBER_LIMIT)


@pytest.mark.parametrize(
    "value", [True, -1, -0.5, float("nan"), float("inf"), 10**400, NUMBER_LIMIT + 1, "1", None, []]
)
def test_what_cannot_be_counted_with_is_no_number(value: Any) -> None:
    assert Fields({"key": value}).number("key") is None
    assert Fields({"key": value}).counts({"ours": "key"}) == {}


def test_what_is_missing_is_empty() -> None:
    event = Fields(["no object"])
    assert (event.text("a"), event.number("a"), event.all("a"), event.fields("a").word("b")) == ("", None, [], "")


def test_counts_are_summed_by_their_names() -> None:
    assert summed([{"a": 1, "b": 2}, {}, {"a": 0.5, "c": 3}]) == {"a": 1.5, "b": 2, "c": 3}
    assert summed([]) == {}


def test_only_so_many_names_are_counted() -> None:
    counts: dict[str, int] = {}
    for number in range(1000):
        count_up(counts, f"tool {number}")
    assert count_up(counts, "tool 0") == "tool 0"
    assert count_up(counts, "\n") == "a tool"
    assert (len(counts), counts["tool 0"]) == (NAMES_LIMIT, 2)


# -- words --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_line_for_people_is_one_short_printable_line(text: str, limit: int) -> None:
    for line in (one_line(text, limit), last_line(text, limit)):
        assert len(line) <= limit
        assert line.isprintable()


def test_a_long_line_ends_with_a_sign_that_there_is_more() -> None:
    assert one_line("one  two\tthree\x1b[0m", 9) == "one two …"
    assert last_line("one\ntwo\n\n", 9) == "two"
    assert last_line(" \n", 9) == ""
