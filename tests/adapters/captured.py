"""The captured runs of agent programs, and the table of what is to be made of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from baton.adapters.harnesses.agent_cli import AgentCli
from baton.cli.preparing import harness_named
from baton.domain.exchange import Ending, Job, Verdict
from baton.domain.harness_settings import HarnessSettings
from baton.domain.records import Unit
from baton.domain.skills import Skill

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
TABLE: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((HERE / "captured_cases.yaml").read_text("utf-8"))
CASES = [(program, case) for program, cases in TABLE.items() for case in cases]
ENDED_AT = "2026-11-21T00:00:00.000Z"


def stream(program: str, case: str) -> bytes:
    """The standard output of a captured run."""
    return next((SAMPLES / program).glob(f"{case}.*json")).read_bytes()


def ending(program: str, case: str) -> Ending:
    """How a captured run ended."""
    stderr = SAMPLES / program / f"{case}.stderr.txt"
    said = stderr.read_text("utf-8") if stderr.exists() else ""
    code = TABLE[program][case]["exit"]
    return an_end(code if code >= 0 else None, said, signal=-code if code < 0 else None)


def an_end(
    exit_code: int | None = 0, stderr: str = "", *, signal: int | None = None, at: str | None = ENDED_AT
) -> Ending:
    """An end of a program."""
    return Ending(exit_code=exit_code, signal=signal, stdout_tail="not looked at", stderr_tail=stderr, at=at)


def a_job(path: str = "/nowhere", model: str | None = None, resume: str | None = None, **environ: str) -> Job:
    """A job of the agent ``writer``."""
    return Job(
        run="r-1",
        skill=Skill(name="writer", description="Writes.", folder="/skills/writer", shipped=False),
        unit=Unit(step=0, key="s1", agent="writer"),
        model=model,
        workspace="/workspace",
        prompt_file="/logs/r-1.prompt.md",
        environ={"PATH": path, "BATON_TASK": "t", "BATON_HOME": "/home-of-baton", **environ},
        readable=("/skills/writer", "/skills/protocol"),
        writable=("/home-of-baton/memory/WORKING",),
        resume=resume,
    )


def made(program: str, **settings: Any) -> AgentCli:
    """The harness of this program under these settings of its own."""
    named = type(getattr(HarnessSettings(), program))
    found = harness_named(program, HarnessSettings(**{program: named(**settings)}))
    assert isinstance(found, AgentCli)
    return found


def judged(program: str, *pieces: bytes, by: Ending | None = None) -> Verdict:
    """The verdict on a run of this program that printed this, in these pieces."""
    harness = made(program)
    heard = harness.listener()
    for piece in pieces:
        heard.feed(piece)
    return harness.verdict(a_job(), by or an_end(), heard)
