"""Parked harnesses, from the command line: a fake Claude Code prints what the real one printed, all the rest is real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home, wait_for

SAMPLES = Path(__file__).resolve().parents[1] / "adapters/samples/claude"
SETTINGS = """\
harness: {default: claude}
retry: {backoff: 20ms, backoff_max: 100ms}
timeouts: {grace: 300ms}
lease: {heartbeat: 100ms}
notify: {channels: []}
"""
CURE = "agent.py unpark claude"


@pytest.fixture
def parked(live: Home) -> Home:
    """A home with two tasks whose harness has been parked by a run of the first, and is mended meanwhile."""
    limited(live, "rate_limit_429")
    return live


def claude(home: Home, case: str, code: int, acts: str = "") -> None:
    """Put a claude into PATH that prints this captured stream."""
    program = home.root.parent / "bin/claude"
    program.parent.mkdir(exist_ok=True)
    new = program.with_suffix(".new")
    new.write_text(
        f"#!/bin/sh\ncat >/dev/null\necho \"$BATON_TASK\" >>'{home.root}/started'\n{acts}\n"
        f"cat '{SAMPLES}/{case}.ndjson'; exit {code}\n"
    )
    new.chmod(0o755)
    new.rename(program)
    home.environ["PATH"] = f"{program.parent}:/usr/bin:/bin"


def limited(home: Home, case: str) -> None:
    """Let a run of one of two tasks end as this captured one."""
    home.settings(SETTINGS)
    claude(home, case, 1)
    for task in ("t-1", "t-2"):
        home.stop()
        home.make_task(task, agents=["writer"])
    (home.root / "skills/writer").mkdir()
    (home.root / "skills/writer/SKILL.md").write_text("---\nname: writer\ndescription: Writes.\n---\nWrite.\n")
    home.wake()
    assert home.run("invoke_agent", "writer", "t-1").code == 1
    wait_for(lambda: not home.slots())
    claude(home, "success", 0, "complete_step.py --summary done >/dev/null")


def started(home: Home) -> list[str]:
    """The tasks of the runs that were started, by name."""
    return sorted((home.root / "started").read_text().split())


def news(home: Home) -> list[str]:
    """What was told about the harness."""
    return [event["type"] for event in home.events() if event["type"].startswith("harness_")]


def swept(home: Home) -> dict[str, Any]:
    """A sweep's report, once all that it started is over."""
    report: dict[str, Any] = home.run("check_pipeline").json
    wait_for(lambda: not home.slots())
    return report


def findings(home: Home) -> list[tuple[str, str]]:
    """What doctor says of parked harnesses."""
    report = home.call("doctor", "--json").json
    return [
        (level, one["message"]) for level in ("warnings", "passed") for one in report[level] if one["check"] == "parked"
    ]


# -- a rate limit -------------------------------------------------------------------------------------------------


def test_every_script_gives_the_same_reason_for_each_task_of_a_parked_harness(parked: Home) -> None:
    (status,) = parked.ok("status", "--json").json["parked"]
    text = f"harness claude is parked until {status['until']}: rate limit"
    expected = {"why": "parked", "text": text, "until": status["until"], "place": None, "cure": CURE}

    told = {task: parked.ok("why", task, "--json").json for task in ("t-1", "t-2")}

    assert {task: {key: one[key] for key in expected} for task, one in told.items()} == dict.fromkeys(told, expected)
    assert [one["waits"] for one in parked.ok("task", "list", "--json").json] == [text, text]
    assert [one["text"] for one in parked.ok("status", "--json").json["waiting"]] == [text, text]
    assert parked.ok("task", "ready", "--json").json == []
    assert (status["harness"], status["kind"], status["cure"]) == ("claude", "rate_limit", CURE)


def test_people_are_shown_until_when_and_the_command(parked: Home) -> None:
    words = parked.ok("status").out
    assert "Parked 1\n" in words
    assert f"at once: {CURE}" in words
    assert parked.ok("why").out.splitlines()[1] == f"    to change it: {CURE}"


def test_nothing_is_started_and_it_is_told_once(parked: Home) -> None:
    reports = [swept(parked) for _ in range(2)]
    again = parked.run("invoke_agent", "writer", "t-2", "--json")
    assert [(one["redispatched"], one["waits"]["counts"]) for one in reports] == [(0, {"parked": 2})] * 2
    assert (again.code, again.error["code"], again.error["cure"]) == (75, "not_ready", CURE)
    assert (started(parked), news(parked)) == (["t-1"], ["harness_parked"])
    assert parked.record("t-1")["pipeline"][0]["attempts"] == 0


def test_after_its_end_what_waited_runs_in_the_next_sweep(parked: Home) -> None:
    file = parked.state / "parked/claude.json"
    file.write_text(file.read_text().replace('"until": "2', '"until": "1'))
    swept(parked)
    assert [parked.record(task)["status"] for task in ("t-1", "t-2")] == ["completed"] * 2
    assert (started(parked), news(parked)) == (["t-1", "t-1", "t-2"], ["harness_parked", "harness_resumed"])


def test_a_person_ends_it_at_once_and_what_waited_is_started(parked: Home) -> None:
    answer = parked.run("agent", "unpark", "claude", "--json")
    wait_for(lambda: not parked.slots())
    assert (answer.code, answer.json["unparked"]) == (0, "claude")
    assert [parked.record(task)["status"] for task in ("t-1", "t-2")] == ["completed"] * 2
    assert parked.ok("status", "--json").json["parked"] == []


def test_what_is_not_parked_or_no_harness_cannot_be_freed(home: Home) -> None:
    assert home.call("agent", "unpark", "claude", "--json").refusal == (1, "invalid_input")
    assert home.call("agent", "unpark", "clod", "--json").refusal == (2, "invalid_input")
    assert not (home.state / "parked").exists()


# -- no login, no credit ------------------------------------------------------------------------------------------


def test_after_doctor_the_next_run_tries_again_and_nothing_is_told_twice(live: Home) -> None:
    limited(live, "auth_401")
    (live.root / ".env").write_text("ANTHROPIC_API_KEY=secret-secret\n")
    claude(live, "auth_401", 1)
    swept(live)
    before = started(live)
    found = findings(live)
    swept(live)
    assert [(level, text.partition(" since ")[0]) for level, text in found] == [("passed", "harness claude was parked")]
    assert found[0][1].endswith("; the next run tries it again")
    assert (before, len(started(live)) > 1, news(live)) == (["t-1"], True, ["harness_parked"])
    assert live.ok("why", "t-1", "--json").json["text"] == "harness claude is parked: no login"


def test_when_it_is_mended_the_run_after_doctor_frees_it(live: Home) -> None:
    limited(live, "billing")
    findings(live)
    swept(live)
    assert [live.record(task)["status"] for task in ("t-1", "t-2")] == ["completed"] * 2
    assert news(live) == ["harness_parked", "harness_resumed"]


def test_doctor_tries_nothing_while_the_key_is_missing(live: Home) -> None:
    limited(live, "auth_401")
    found = findings(live)
    swept(live)
    assert [(level, text.partition(" since ")[0]) for level, text in found] == [
        ("warnings", "harness claude is parked")
    ]
    assert started(live) == ["t-1"]
