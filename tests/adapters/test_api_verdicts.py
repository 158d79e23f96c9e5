"""What the harness ``api`` makes of an end: every trouble of both wires, in the words that our program prints."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.real_clis.acts import Trouble
from tests.real_clis.model_server import WIRES

from baton.adapters.harnesses.api import Harness
from baton.domain.exchange import Ending, Job, Verdict
from baton.domain.records import Unit
from baton.domain.settings import HarnessSettings
from baton.domain.skills import Skill
from baton.domain.statuses import FailureKind

AT = "2026-11-21T08:30:00.000Z"
KINDS = {
    Trouble.AUTH: FailureKind.AUTH,
    Trouble.FORBIDDEN: FailureKind.AUTH,
    Trouble.CREDIT: FailureKind.CREDIT,
    Trouble.RATE_LIMIT: FailureKind.RATE_LIMIT,
    Trouble.OVERLOADED: FailureKind.OVERLOADED,
    Trouble.SERVER: FailureKind.SERVER,
    Trouble.TOO_LONG: FailureKind.CONTEXT_TOO_LONG,
    Trouble.MODEL: FailureKind.MODEL_UNKNOWN,
}


def verdict(*events: dict[str, object], exit_code: int | None = 1, signal: int | None = None) -> Verdict:
    harness = Harness(HarnessSettings())
    heard = harness.listener()
    for event in events:
        heard.feed(msgspec.json.encode(event) + b"\n")
    skill = Skill(name="writer", description="Writes.", folder="/nowhere", shipped=False)
    job = Job(
        run="r-1",
        skill=skill,
        unit=Unit(step=0, key="s1", agent="writer"),
        model=None,
        workspace="/nowhere",
        prompt_file="/nowhere/p.prompt.md",
        environ={},
    )
    ending = Ending(exit_code=exit_code, signal=signal, stdout_tail="", stderr_tail="", at=AT)
    return harness.verdict(job, ending, heard)


def failed(*words: str, text: str = "it did not work", **more: object) -> Verdict:
    return verdict({"type": "failure", "text": text, "words": words, "status": None, **more})


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize("name", ["messages", "chat"])
def test_every_trouble_of_an_api_is_known(name: str, trouble: Trouble) -> None:
    error = next(wire for wire in WIRES if wire.name == name).errors[trouble]
    found = failed(error.word, text=error.message, status=error.status)
    assert (found.completed, found.kind) == (False, KINDS[trouble])
    assert error.message[:60] in found.message


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("connection_lost", FailureKind.TRANSPORT),
        ("malformed", FailureKind.SERVER),
        ("redirected", FailureKind.HARNESS_MISSING),
        ("tls", FailureKind.HARNESS_MISSING),
        ("missing_credentials", FailureKind.AUTH),
        ("max_tokens", FailureKind.EXIT_CODE),
        ("refusal", FailureKind.EXIT_CODE),
        ("empty", FailureKind.EXIT_CODE),
    ],
)
def test_every_word_of_ours_is_known(word: str, kind: FailureKind) -> None:
    assert failed(word).kind is kind


def test_a_rate_limit_ends_when_the_api_says() -> None:
    found = failed("rate_limit_error", status=429, wait_seconds=90)
    assert (found.kind, found.resets_at) == (FailureKind.RATE_LIMIT, "2026-11-21T08:31:30.000Z")


def test_an_answer_completes_the_step_with_its_first_words_and_what_it_used() -> None:
    found = verdict(
        {"type": "asked", "model": "m"},
        {"type": "usage", "model": "m-1", "input_tokens": 7},
        {"type": "text", "text": "Rye "},
        {"type": "text", "text": "bread."},
        {"type": "usage", "model": "m-1", "input_tokens": 7, "output_tokens": 3},
        {"type": "result", "is_good": True},
        exit_code=0,
    )
    assert (found.completed, found.kind, found.summary) == (True, None, "Rye bread.")
    assert (found.usage, found.models) == (
        {"input_tokens": 7, "output_tokens": 3},
        {"m-1": {"input_tokens": 7, "output_tokens": 3}},
    )


@pytest.mark.parametrize(
    ("events", "exit_code", "signal"),
    [
        ([{"type": "text", "text": "Rye"}], 0, None),
        ([{"type": "result", "is_good": True}], 0, None),
        ([{"type": "text", "text": "Rye"}, {"type": "result", "is_good": True}], 1, None),
        ([{"type": "text", "text": "Rye"}, {"type": "result", "is_good": True}], None, 9),
        ([], 0, None),
    ],
)
def test_less_than_a_whole_answer_and_a_good_end_is_no_completion(
    events: list[dict[str, object]], exit_code: int | None, signal: int | None
) -> None:
    assert verdict(*events, exit_code=exit_code, signal=signal).completed is False


def test_what_was_said_is_taken_once_piece_by_piece_and_cut_anywhere() -> None:
    listener = Harness(HarnessSettings()).listener()
    data = msgspec.json.encode({"type": "text", "text": "Rye 🍞"}) + b"\n"
    taken = []
    for byte in data * 2:
        listener.feed(bytes([byte]))
        taken.append(listener.take_text())
    assert [text for text in taken if text] == ["Rye 🍞", "Rye 🍞"]


def test_nothing_of_a_key_is_passed_on(tmp_path: Path) -> None:
    harness = Harness(HarnessSettings())
    assert harness.secrets == ()
    assert not any("KEY" in name or "TOKEN" in name for name in harness.variables)
