"""Many real processes at one thing: exactly one wins, the others are told so, and nothing happens twice."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.cli.homes import Home, wait_for

from baton.store.locks import Locks

ROUNDS = 20
PROCESSES = 16
SWEEPS = 20


def wait_at_the_lock(processes: list[subprocess.Popen[str]]) -> None:
    """Wait until each was found asleep three times in a row; not for long, since nobody waits for a lock for ever."""
    in_a_row = dict.fromkeys(range(len(processes)), 0)
    end = time.monotonic() + 5
    while in_a_row and time.monotonic() < end:
        for number, looks in list(in_a_row.items()):
            in_a_row[number] = looks + 1 if is_waiting(processes[number]) else 0
            if in_a_row[number] == 3:
                del in_a_row[number]
        time.sleep(0.01)


def is_waiting(process: subprocess.Popen[str]) -> bool:
    """Tell whether a process sleeps, or has ended."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0] in "SZ"


def answers(processes: list[subprocess.Popen[str]]) -> list[tuple[int, dict[str, object]]]:
    """Exit code and answer of each, once all have ended; none may have said anything on stderr."""
    found = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert err == ""
        found.append((process.returncode, json.loads(out)))
    return found


@pytest.mark.timeout(240)
def test_of_sixteen_completions_of_one_step_exactly_one_wins(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make_task(pipeline=[{"agent": "alpha"}] * ROUNDS)
    locks = Locks(str(home.state / "locks"))
    stripe = locks.stripe_of("task", "t-1")
    for round_ in range(ROUNDS):
        home.acquire()
        # All are let start while the record is locked, and go at it together.
        with locks.hold(stripe):
            racing = [home.start("complete_step", "t-1", "--agent", "alpha") for _ in range(PROCESSES)]
            wait_at_the_lock(racing)
        told = answers(racing)
        won = [answer for code, answer in told if code == 0]
        lost = [(code, answer["error"]["code"]) for code, answer in told if code != 0]  # type: ignore[index]
        is_last = round_ == ROUNDS - 1
        assert won == [
            {
                "completed": True,
                "next_step": None if is_last else round_ + 1,
                "next_agent": None if is_last else "alpha",
                "new_status": "completed" if is_last else "in_progress",
            }
        ]
        assert lost == [(1, "illegal_transition" if is_last else "lease_mismatch")] * (PROCESSES - 1)
    assert Counter(home.told())["step_completed"] == ROUNDS
    assert home.record()["status"] == "completed"


def test_of_sixteen_that_take_one_lease_exactly_one_gets_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make_task()
    locks = Locks(str(home.state / "locks"))
    stripe = locks.stripe_of("task", "t-1")
    with locks.hold(stripe):
        racing = [home.start("acquire_lock", "t-1", "--agent", f"agent-{number}") for number in range(PROCESSES)]
        wait_at_the_lock(racing)
    told = answers(racing)
    holder = home.record()["locked_by"]
    assert sorted(code for code, _ in told) == [0] + [1] * (PROCESSES - 1)
    assert {answer["locked_by"] for code, answer in told if code} == {holder}
    assert told[int(holder.removeprefix("agent-"))] == (0, {"acquired": True, "token": 1})


def test_of_eight_activations_each_task_is_made_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make_campaign(target_article_count=20)
    told = answers([home.start("activate_campaign", "spring") for _ in range(8)])
    assert {code for code, _ in told} == {0}
    created = [task for _, answer in told for task in answer["created"]]  # type: ignore[attr-defined]
    assert sorted(created) == [f"spring-{number:03d}" for number in range(1, 21)]
    assert Counter(event["type"] for event in home.events())["task_created"] == 20


def test_of_eight_campaigns_of_one_slug_one_is_made_and_no_other_touches_its_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    files = []
    for number in range(8):
        home.file(f"{number}/brief.md", f"brief {number}\n" * 400_000)  # large, so that copying takes a while
        written = {"project": "acme", "slug": "spring", "name": f"Spring {number}", "pipeline": "content-draft"}
        files.append(home.file(f"{number}/spring.json", written | {"sources": ["brief.md"]}))
    told = answers([home.start("campaign", "create", file, "--json") for file in files])
    lost = [answer["error"]["code"] for code, answer in told if code]  # type: ignore[index]
    assert lost == ["already_exists"] * 7
    number = home.campaign()["name"].removeprefix("Spring ")
    sources = home.root / "projects/acme/campaigns/spring/sources"
    assert (sources / "brief.md").read_text().startswith(f"brief {number}\n")
    assert [path.name for path in sources.parents[1].iterdir()] == ["spring"]


def test_twenty_sweeps_at_once_repair_and_start_everything_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.settings(
        "harness: {default: script}\nconcurrency: {agents: 3}\nlease: {stale_after: 1h}\nnotify: {channels: []}\n"
    )
    for number in range(6):
        home.make_task(f"t-{number}")
    (home.state / "tasks/torn.json").write_text("{")
    home.wake()
    try:
        told = answers([home.start("check_pipeline") for _ in range(SWEEPS)])
        wait_for(lambda: all(home.record(f"t-{number}")["status"] == "completed" for number in range(6)), 60)
    finally:
        home.settle()
    assert {code for code, _ in told} == {0}
    reports = [answer for _, answer in told if "skipped" not in answer]
    assert reports
    assert {tuple(report["errors"]) for report in reports} == {()}  # type: ignore[arg-type]
    assert sum(report["quarantined"] for report in reports) == 1  # type: ignore[misc]
    for number in range(6):
        happened = Counter(home.told(f"t-{number}"))
        assert (happened["lease_granted"], happened["step_completed"], happened["task_completed"]) == (3, 3, 1)
