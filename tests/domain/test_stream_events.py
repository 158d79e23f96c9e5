"""The events of a streaming run: ids that are places, what is told twice and what is not, what compaction keeps."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.domain.stream_events import (
    Replay,
    StreamEvent,
    compacted,
    numbered,
    progress_of,
    since,
)

NOW = "2026-11-21T08:30:00.000Z"


def start(step: int = 0, attempt: int = 1) -> StreamEvent:
    return {"type": "step_start", "step": step, "agent": "writer", "attempt": attempt, "boot": "b"}


def delta(text: str, step: int = 0) -> StreamEvent:
    return {"type": "text_delta", "step": step, "text": text}


def done(output: str, step: int = 0) -> StreamEvent:
    return {"type": "step_complete", "step": step, "output": output}


END: StreamEvent = {"type": "pipeline_complete", "final_output": "x"}


def seen_by(events: list[StreamEvent], cursor: int = 0) -> list[StreamEvent]:
    """What a listener gets who has seen up to this place."""
    return [event for one in events if (event := since(one, cursor)) is not None]


def screen(events: list[StreamEvent], texts: dict[int, str] | None = None) -> dict[int, str]:
    """What a listener has on the screen: a step that begins (again) begins empty."""
    shown = dict(texts or {})
    for event in events:
        if event["type"] == "step_start":
            shown[event["step"]] = ""
        elif event["type"] == "text_delta":
            shown[event["step"]] += event["text"]
    return shown


def test_an_id_is_a_place_a_character_each_and_one_for_every_other_event() -> None:
    events = numbered([start(), delta("abc"), delta("🍞"), done("abc🍞"), END], 0, NOW)
    assert [event["id"] for event in events] == [1, 4, 5, 6, 7]
    assert all(list(event)[:3] == ["id", "at", "type"] for event in events)


@pytest.mark.parametrize(
    ("cursor", "text"), [(0, "abcdef"), (1, "abcdef"), (2, "bcdef"), (6, "f"), (7, None), (99, None)]
)
def test_a_cursor_in_the_middle_of_a_piece_gets_the_rest_of_it(cursor: int, text: str | None) -> None:
    _, event = numbered([start(), delta("abcdef")], 0, NOW)
    found = since(event, cursor)
    assert (found["text"] if found else None) == text
    assert found is None or found["id"] == 7


def test_pieces_are_joined_under_the_id_of_the_last() -> None:
    events = numbered([start(), delta("ab"), delta("cd"), done("abcd"), END], 0, NOW)
    assert [(event["id"], event.get("text")) for event in compacted(events)] == [
        (1, None),
        (5, "abcd"),
        (6, None),
        (7, None),
    ]


def test_the_text_of_a_beginning_that_led_nowhere_is_not_kept() -> None:
    events = numbered([start(), delta("wrong"), start(attempt=2), delta("right"), done("right"), END], 0, NOW)
    assert [event.get("text") for event in compacted(events)] == [None, None, "right", None, None]


def test_pieces_with_a_gap_between_them_are_not_joined() -> None:
    events = [*numbered([start(), delta("ab")], 0, NOW), *numbered([delta("cd")], 100, NOW)]
    assert [event["id"] for event in compacted(events)] == [1, 3, 102]


def a_history(random: random.Random) -> list[StreamEvent]:
    """Some run: steps that begin, are begun again, go on, end; an error that is tried again."""
    drafts: list[StreamEvent] = []
    for step in range(random.randint(1, 3)):
        for _ in range(random.randint(1, 3)):
            drafts.append(start(step))
            drafts += [delta("".join(random.choices("aé🍞\n", k=random.randint(1, 4))), step) for _ in range(4)]
            if random.random() < 0.2:
                drafts.append({"type": "error", "step": step, "message": "no"})
        drafts.append(done("x", step))
    return numbered([*drafts, END], 0, NOW)


@pytest.mark.parametrize("seed", range(100))
def test_over_compaction_a_listener_at_any_place_misses_nothing_and_gets_nothing_twice(seed: int) -> None:
    events = a_history(random.Random(seed))
    small = compacted(events)
    whole = screen(events)
    for cursor in range(events[-1]["id"] + 1):
        before = [
            event if event["id"] <= cursor else {**event, "text": event["text"][: cursor - event["id"]]}
            for event in events
            if event["id"] <= cursor or (event["type"] == "text_delta" and event["id"] - len(event["text"]) < cursor)
        ]
        for kept in (events, small):
            rest = seen_by(kept, cursor)
            ids = [event["id"] for event in rest]
            assert ids == sorted(set(ids)), f"seed {seed}"
            assert all(id > cursor for id in ids), f"seed {seed}"
            assert screen(rest, screen(before)) == whole, f"seed {seed}, cursor {cursor}"
    assert compacted(small) == small


def replayed(shown: str, pieces: list[str]) -> tuple[list[tuple[bool, str]], str]:
    """What is told of a new attempt, and what is on the screen then."""
    replay, told, on_screen = Replay(shown), [], shown
    for piece in pieces:
        begins_anew, text = replay.take(piece)
        told.append((begins_anew, text))
        on_screen = text if begins_anew else on_screen + text
    return told, on_screen


@pytest.mark.parametrize(
    ("shown", "pieces", "told"),
    [
        ("", ["a", "b"], [(False, "a"), (False, "b")]),
        ("abc", ["ab", "cd", "e"], [(False, ""), (False, "d"), (False, "e")]),
        ("abc", ["abc", "d"], [(False, ""), (False, "d")]),
        ("abc", ["ab", "x", "y"], [(False, ""), (True, "abx"), (False, "y")]),
        ("abc", ["x"], [(True, "x")]),
        ("abc", ["abcdef"], [(False, "def")]),
    ],
)
def test_what_was_shown_is_not_shown_again_unless_the_words_differ(shown: str, pieces: list[str], told: Any) -> None:
    assert replayed(shown, pieces)[0] == told


@given(shown=st.text("ab", max_size=6), pieces=st.lists(st.text("ab", min_size=1, max_size=3), max_size=6))
@settings(max_examples=300, deadline=None)
def test_whatever_was_shown_the_screen_has_the_new_words_as_soon_as_they_are_more(
    shown: str, pieces: list[str]
) -> None:
    fresh = "".join(pieces)
    told, on_screen = replayed(shown, pieces)
    if shown.startswith(fresh):
        assert (on_screen, any(text for _, text in told)) == (shown, False)
    else:
        assert on_screen == fresh
    # Of what was on the screen already nothing is said again, but after it was cleared.
    if not any(begins_anew for begins_anew, _ in told):
        assert shown + "".join(text for _, text in told) == on_screen


def test_progress_knows_the_step_that_is_open_and_what_was_shown_of_it() -> None:
    events = numbered([start(0), delta("a"), done("a"), start(1), delta("b", 1), delta("c", 1)], 0, NOW)
    progress = progress_of(events)
    assert (progress.open_step, progress.text, progress.completed, progress.last_id) == (1, "bc", {0}, 6)
