"""Every captured run of every agent program against its row in the table, however its bytes are cut."""

from __future__ import annotations

import random

import pytest
from tests.adapters.captured import CASES, SAMPLES, TABLE, an_end, ending, judged, made, stream

from baton.domain.statuses import FailureKind

every_case = pytest.mark.parametrize(("program", "case"), CASES)
COUNTS = {"claude": 43, "codex": 36, "gemini": 32, "opencode": 24, "copilot": 29}


@pytest.mark.parametrize("program", COUNTS)
def test_every_sample_has_its_row_and_every_row_its_sample(program: str) -> None:
    found = {path.name.partition(".")[0] for path in (SAMPLES / program).iterdir()}
    assert (found, len(TABLE[program])) == (set(TABLE[program]), COUNTS[program])


@every_case
def test_a_captured_run_is_judged_as_the_table_says(program: str, case: str) -> None:
    expected = TABLE[program][case]
    verdict = judged(program, stream(program, case), by=ending(program, case))

    found = {
        "exit": expected["exit"],
        "kind": verdict.kind.value if verdict.kind else None,
        "message": verdict.message[: len(expected["message"])],
        "summary": verdict.summary,
        "session": verdict.session,
        "usage": verdict.usage,
        **({"resets_at": verdict.resets_at} if verdict.resets_at else {}),
    }
    assert found == expected
    assert not verdict.completed
    assert len(verdict.message.splitlines()) == 1
    assert len(verdict.message) <= 330  # more than that is cut where a task says why it is blocked


@every_case
def test_where_the_stream_is_cut_makes_no_difference(program: str, case: str) -> None:
    data, by = stream(program, case), ending(program, case)
    whole = judged(program, data, by=by)
    marks = sorted(random.Random(case).sample(range(len(data) + 1), min(20, len(data))))
    pieces = [data[start:end] for start, end in zip([0, *marks], [*marks, len(data)], strict=True)]

    assert judged(program, *pieces, by=by) == whole
    assert judged(program, data.rstrip(b"\n"), by=by) == whole


@every_case
def test_a_stream_that_was_cut_off_is_never_a_success(program: str, case: str) -> None:
    data = stream(program, case)
    lines = data.splitlines(keepends=True)
    if not lines or TABLE[program][case]["kind"] != "no_report" or case == "json":
        return
    for count in range(len(lines)):
        verdict = judged(program, b"".join(lines[:count]), by=an_end())
        assert verdict.kind is not FailureKind.NO_REPORT, count


@every_case
def test_a_success_is_none_when_the_program_was_signalled_or_exited_otherwise(program: str, case: str) -> None:
    data = stream(program, case)
    assert judged(program, data, by=an_end(None, signal=15)).kind is FailureKind.SIGNAL
    assert judged(program, data, by=an_end(143)).kind is FailureKind.SIGNAL
    assert judged(program, data, by=an_end(1)).kind is not FailureKind.NO_REPORT


@every_case
def test_a_listener_is_done_when_the_terminal_event_came(program: str, case: str) -> None:
    listener = made(program).listener()
    listener.feed(stream(program, case))
    listener.finish()
    assert listener.is_done or TABLE[program][case]["kind"] != "no_report"


def test_waiting_for_the_provider_is_no_progress() -> None:
    listener = made("codex").listener()
    progress = []
    for line in stream("codex", "conn_refused").splitlines(keepends=True):
        listener.feed(line)
        progress.append(listener.progress)
    assert progress == [1, 2, 3, 3, 3, 3, 3, 3]
    assert listener.last_line().startswith("waits to ask the provider again: Reconnecting...")


def test_no_sample_names_a_place_of_a_person_or_a_key() -> None:
    for path in SAMPLES.rglob("*.*"):
        text = path.read_text("utf-8")
        for word in ("/home/", "/root/", "/Users/", "sk-ant-", "ghp_", "AIza", "Bearer "):
            assert word not in text, path
