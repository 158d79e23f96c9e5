"""What each program's counts mean: which tokens are part of which, what is told apart, and what stands in a file.

The files were written by Copilot CLI 1.0.102 against a model server of ours: two requests of 1200 tokens in, 42 out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.adapters.captured import SAMPLES, a_job, an_end, judged, made, stream
from tests.adapters.test_agent_programs import lines
from tests.engine.homes import ScratchHome, scratch_home

from baton.adapters.harnesses.copilot import USAGE
from baton.domain.exchange import Verdict

FILES = SAMPLES / "copilot-usage"
SAID = {"premium_requests": 0, "duration_seconds": 0.77}


def copilot(folder: Path, file: bytes | None, case: str = "success") -> Verdict:
    """The verdict on this captured run, when it left this file of usage."""
    job = msgspec.structs.replace(a_job(), prompt_file=str(folder / "r-1.prompt.md"))
    harness = made("copilot")
    heard = harness.listener()
    heard.feed(stream("copilot", case))
    if file is not None:
        (folder / f"r-1.{USAGE}").write_bytes(file)
    return harness.verdict(job, an_end(), heard)


def tokens(read: int, written: int, from_cache: int = 0, to_cache: int = 0) -> dict[str, Any]:
    return {
        "input_tokens": read,
        "output_tokens": written,
        "cache_read_tokens": from_cache,
        "cache_creation_tokens": to_cache,
    }


@pytest.mark.parametrize(
    ("file", "used"),
    [
        ("success", tokens(2000, 84, 400)),
        ("cached", tokens(2400, 84, 600, 200)),
        ("resumed", tokens(3600, 126)),  # with the two requests before it
    ],
)
def test_copilots_tokens_stand_in_its_file_by_model(tmp_path: Path, file: str, used: dict[str, Any]) -> None:
    verdict = copilot(tmp_path, (FILES / f"{file}.json").read_bytes())
    assert (verdict.usage, verdict.models) == (SAID | used, {"fake-model": used})


def test_copilots_time_is_of_the_whole_session_like_its_tokens(tmp_path: Path) -> None:
    """Seen of 1.0.102: 0.395 s, then 2.906 s for a run that resumed the session."""
    verdict = copilot(tmp_path, (FILES / "resumed.json").read_bytes())
    assert {*tokens(0, 0), "duration_seconds"} == {*(verdict.session_counts or ())}


@pytest.mark.parametrize("file", [None, b"", b"{", b"[]", b"null", b'{"modelMetrics": {"m": 7}}', b"[" * 100_000])
def test_of_a_copilot_without_a_sound_file_no_tokens_are_known(tmp_path: Path, file: bytes | None) -> None:
    assert copilot(tmp_path, file).usage == SAID


def test_a_copilot_that_came_to_no_answer_used_no_tokens_that_it_knows_of(tmp_path: Path) -> None:
    verdict = copilot(tmp_path, (FILES / "server_500.json").read_bytes(), "server_500")
    assert "input_tokens" not in verdict.usage
    assert verdict.models.get("fake-model", {}).keys() <= {"premium_requests", "duration_seconds"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ScratchHome]:
    yield from scratch_home(tmp_path / "home")


def test_copilot_is_told_where_to_leave_its_file_and_it_is_read(home: ScratchHome, tmp_path: Path) -> None:
    program = tmp_path / "bin/copilot"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\ncat >/dev/null\nwhile [ "$1" != --usage-output-file ]; do shift; done\n'
        f"complete_step.py >/dev/null\ncp '{FILES}/success.json' \"$2\"\ncat '{SAMPLES}/copilot/success.ndjson'\n"
    )
    program.chmod(0o755)
    home.agent("writer", harness="copilot")
    home.task("t", "writer")

    answer = home.run("invoke_agent.py", "writer", "t", "--json", PATH=f"{program.parent}:/usr/bin:/bin")

    (run,) = home.runs("t")
    assert (answer.json["outcome"], run["usage"]["models"]["fake-model"]["input_tokens"]) == ("completed", 2000)


def test_what_gemini_thought_is_paid_like_what_it_said() -> None:
    counts = {"total_tokens": 1300, "input_tokens": 1000, "output_tokens": 100, "cached": 400, "input": 600}
    ended = {"type": "result", "status": "success", "stats": counts | {"models": {"gemini-9": counts}}}
    used = {"input_tokens": 600, "output_tokens": 300, "cache_read_tokens": 400}
    verdict = judged("gemini", lines(ended))
    assert (verdict.usage, verdict.models) == (used, {"gemini-9": used})


def test_what_a_model_of_opencode_thought_is_paid_like_what_it_said() -> None:
    part = {"reason": "stop", "tokens": {"input": 10, "output": 5, "reasoning": 7, "cache": {"read": 3, "write": 2}}}
    verdict = judged("opencode", lines({"type": "step_finish", "part": part}))
    assert verdict.usage == tokens(10, 12, 3, 2) | {"turns": 1}
