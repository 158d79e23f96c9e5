"""``check_pipeline.py``: what the sweep repairs, what it starts, what it says, and that it may run at any time."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home, tree, wait_for

LINGERS = "#!/bin/sh\ntouch here\nwhile [ ! -e go ]; do sleep 0.02; done\n"
COUNTS = (
    "stale_released",
    "redispatched",
    "branches_redispatched",
    "campaigns_completed",
    "blocked",
    "quarantined",
    "archived",
    "starving",
)
# The sweep's own notes: what it saw of beats, and that it looked for old files today.
OWN = ("state/cache/", "state/locks/", "state/channels", "state/slots")


def counts(report: dict[str, Any]) -> dict[str, int]:
    """Those of the contract's counts that are not 0."""
    return {name: report[name] for name in COUNTS if report[name]}


def test_an_idle_sweep_answers_every_key_of_the_contract(home: Home) -> None:
    done = home.call("check_pipeline")
    assert (done.code, done.err) == (0, "")
    assert {name: done.json[name] for name in COUNTS} == dict.fromkeys(COUNTS, 0)
    assert done.json["health"] == {
        "tasks": {},
        "leases": 0,
        "running": 0,
        "ready": 0,
        "oldest_ready_seconds": 0,
    }


def test_an_idle_sweep_changes_nothing(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    home.acquire("spring-001")
    home.ok("check_pipeline")
    before = tree(home.root, passing=OWN)
    assert counts(home.ok("check_pipeline").json) == {}
    assert tree(home.root, passing=OWN) == before


def test_a_dry_run_leaves_what_has_grown_old_to_the_next_sweep_of_the_day(home: Home) -> None:
    old = home.root / "logs/alpha/r-old.out"
    old.parent.mkdir(parents=True)
    old.touch()
    os.utime(old, (0, 0))
    found = home.ok("check_pipeline", "--dry-run").json["found"]
    assert (found, old.exists()) == ([f"{old}: older than retention"], True)
    assert (home.ok("check_pipeline").json["found"], old.exists()) == (found, False)


def test_a_folder_that_an_agent_program_left_goes_when_nothing_in_it_has_changed_for_so_long(home: Home) -> None:
    old, used, other = (home.root / "logs/alpha" / name for name in ("a.s1.x.scratch", "b.s1.x.scratch", "notes"))
    for folder in (old, used, other):
        (folder / "deep").mkdir(parents=True)
        (folder / "deep/file").touch()
        for path in (folder / "deep/file", folder / "deep", folder):
            os.utime(path, (0, 0))
    (used / "deep/file").touch()
    found = home.ok("check_pipeline").json["found"]
    assert found == [f"{old}: older than retention"]
    assert [path.exists() for path in (old, used, other)] == [False, True, True]


def test_what_a_sweep_cannot_do_is_said_on_stderr_too_since_cron_throws_its_answer_away(home: Home) -> None:
    (home.state / "tasks/t-1.json").write_text('{"schema": 99, "id": "t-1"}')
    done = home.call("check_pipeline")
    assert (done.code, done.err) == (0, f"check_pipeline.py: warning: {done.json['errors'][0]}\n")
    home.settings("concurrency: {agent: 3}\n")
    done = home.call("check_pipeline")
    message, cure = done.error["message"], done.error["cure"]
    assert (done.code, done.err) == (1, f"check_pipeline.py: cannot sweep home: {message}\n  {cure}\n")


def test_health_tells_where_the_tasks_stand(home: Home) -> None:
    for number in range(4):
        home.make_task(f"t-{number}")
    home.complete("t-0")
    home.acquire("t-1")
    home.ok("task", "block", "t-2", "--reason", "x")
    health = home.ok("check_pipeline").json["health"]
    assert health["tasks"] == {"researched": 1, "backlog": 2, "blocked": 1}
    assert (health["leases"], health["running"], health["ready"]) == (1, 0, 2)
    assert 0 < health["oldest_ready_seconds"] < 60


def test_what_is_ready_is_started(live: Home) -> None:
    live.stop()
    live.make_task()
    live.wake()
    assert counts(live.ok("check_pipeline").json) == {"redispatched": 1}
    wait_for(lambda: live.record()["status"] == "completed")


def test_no_more_is_started_than_there_are_slots(live: Home) -> None:
    live.settings("harness: {default: script}\nconcurrency: {agents: 2}\n")
    live.stop()
    for number in range(5):
        live.make_task(f"t-{number}", agents=["alpha"])
    live.wake()
    assert counts(live.ok("check_pipeline").json) == {"redispatched": 2}
    wait_for(lambda: all(live.record(f"t-{number}")["status"] == "completed" for number in range(5)))


def test_under_a_stop_it_starts_nothing_and_is_content(home: Home) -> None:
    home.make_task()
    done = home.call("check_pipeline")
    assert (done.code, counts(done.json), done.json["health"]["ready"]) == (0, {}, 1)


def test_under_a_stop_it_still_repairs(home: Home) -> None:
    home.settings("lease: {stale_after: 1ms}\n")
    home.make_task()
    home.acquire()
    assert wait_for(lambda: counts(home.ok("check_pipeline").json)) == {"stale_released": 1}
    assert home.record()["locked_by"] is None


def test_a_hand_lease_that_is_renewed_in_time_stays(home: Home) -> None:
    home.make_task()
    home.acquire()
    assert counts(home.ok("check_pipeline").json) == {}
    assert home.record()["locked_by"] == "alpha"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(home: Home) -> None:
    home.settings("lease: {stale_after: 1ms}\n")
    home.make_task()
    home.acquire()
    (home.state / "tasks/broken.json").write_text("{")
    home.ok("check_pipeline", "--dry-run")
    before = tree(home.root, passing=OWN)
    report = home.ok("check_pipeline", "--dry-run").json
    assert counts(report) == {"stale_released": 1, "quarantined": 1}
    assert tree(home.root, passing=OWN) == before


def test_a_dry_run_starts_nothing(live: Home) -> None:
    live.stop()
    live.make_task()
    live.wake()
    assert counts(live.ok("check_pipeline", "--dry-run").json) == {}
    assert (live.slots(), live.record()["token"]) == ([], 0)


def test_a_second_sweep_at_the_same_time_is_skipped(home: Home) -> None:
    home.ok("check_pipeline")
    with (home.state / "locks/sweep.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = home.call("check_pipeline")
    assert (done.code, done.err) == (0, "")
    assert list(done.json) == ["skipped"]
    assert done.json["skipped"].startswith("another sweep is running since 20")
    assert "skipped" not in home.ok("check_pipeline").json


def test_a_run_whose_supervisor_was_killed_is_started_anew_in_the_same_sweep(live: Home) -> None:
    live.agent("alpha", LINGERS)
    live.make_task(agents=["alpha"])
    wait_for((live.workspace() / "here").exists)
    (slot,) = live.slots()
    os.kill(slot.facts["pid"], signal.SIGKILL)
    wait_for(lambda: not any(slot.supervised for slot in live.slots()))
    (live.workspace() / "go").touch()

    report = wait_for(lambda: (found := live.ok("check_pipeline").json)["stale_released"] and found)

    assert (report["stale_released"], report["redispatched"]) == (1, 1)
    wait_for(lambda: live.record()["status"] == "completed")
    step = live.record()["pipeline"][0]
    assert (step["attempts"], step["interruptions"]) == (1, 1)


def test_a_task_that_was_interrupted_too_often_is_blocked(live: Home) -> None:
    live.settings("harness: {default: script}\nretry: {max_interruptions: 1}\n")
    live.agent("alpha", LINGERS)
    live.make_task(agents=["alpha"])
    for _ in range(2):
        wait_for((live.workspace() / "here").exists)
        (slot,) = wait_for(lambda: [slot for slot in live.slots() if slot.supervised])
        (live.workspace() / "here").unlink()
        os.kill(slot.facts["pid"], signal.SIGKILL)
        wait_for(lambda: live.ok("check_pipeline").json["stale_released"])
    assert (live.record()["status"], live.record()["blocked"]["kind"]) == ("blocked", "interruptions")


@pytest.mark.parametrize("content", [b"", b"{", b"\0\0\0", b"[]", b"{}", b'{"schema": 1, "id": "other"}'])
def test_a_record_that_cannot_be_read_is_set_aside_with_the_reason(home: Home, content: bytes) -> None:
    home.make_task()
    (home.state / "tasks/broken.json").write_bytes(content)
    assert counts(home.ok("check_pipeline").json) == {"quarantined": 1}
    aside = home.state / "quarantine/tasks"
    assert (aside / "broken.json").read_bytes() == content
    assert "broken" in (aside / "broken.reason.txt").read_text()
    assert counts(home.ok("check_pipeline").json) == {}
    assert home.record()["status"] == "backlog"


def test_a_record_of_a_newer_version_is_named_and_left(home: Home) -> None:
    home.make_task()
    path = home.state / "tasks/t-1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99, "new_key": 1}))
    before = path.read_bytes()
    report = home.ok("check_pipeline").json
    assert counts(report) == {}
    assert any("newer" in error for error in report["errors"])
    assert path.read_bytes() == before


def test_a_finished_task_is_archived_when_its_time_has_come(home: Home) -> None:
    home.settings("sweep: {archive_after: 1h}\n")
    home.make_task(agents=["alpha"])
    home.complete()
    assert (home.state / "tasks/t-1.json").exists()
    assert counts(home.ok("check_pipeline").json) == {}
    home.settings("sweep: {archive_after: 0s}\n")
    assert counts(home.ok("check_pipeline").json) == {"archived": 1}
    assert (home.state / "archive/tasks/t-1.json").exists()


def test_a_campaign_that_nobody_closed_is_completed(home: Home) -> None:
    home.make_campaign(target_article_count=1)
    home.ok("activate_campaign", "spring")
    path = home.state / "campaigns/spring.json"
    active = json.loads(path.read_text())
    for agent in ("alpha", "beta", "gamma"):
        home.complete("spring-001", agent)
    path.write_text(json.dumps(active))  # as if whoever ended the last task had died before it looked
    assert counts(home.ok("check_pipeline").json) == {"campaigns_completed": 1}
    assert home.campaign()["status"] == "completed"


def test_an_activation_that_was_cut_short_is_finished(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    (home.state / "tasks/spring-002.json").unlink()
    path = home.state / "campaigns/spring.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"generated": False}))
    home.ok("check_pipeline")
    assert (home.record("spring-002")["status"], home.campaign()["generated"]) == ("backlog", True)


def test_a_place_in_the_ready_index_that_is_wrong_or_missing_is_mended(home: Home) -> None:
    home.make_task()
    (entry,) = [path for path in (home.state / "ready").rglob("*") if path.is_file()]
    stale = entry.with_name("000000~t-2~s1")
    entry.rename(stale)
    home.ok("check_pipeline")
    assert [path for path in (home.state / "ready").rglob("*") if path.is_file()] == [entry]


def test_a_temporary_file_of_a_dead_process_is_removed(home: Home) -> None:
    dead, alive = home.state / "tmp/task-t-1-99999999", home.state / f"tmp/task-t-1-{os.getpid()}"
    dead.touch()
    alive.touch()
    home.ok("check_pipeline")
    assert (dead.exists(), alive.exists()) == (False, True)


@pytest.mark.parametrize("cwd", ["/", "home"])
def test_cron_may_run_it_with_an_empty_environment(home: Home, cwd: str, tmp_path: Path) -> None:
    from tests.cli.homes import SCRIPTS, run

    home.make_task()
    line = (home.root / "crontab.example").read_text().splitlines()[-1]
    command = line.removeprefix("* * * * * ").removesuffix(" >/dev/null")
    assert str(SCRIPTS / "check_pipeline.py") in command
    folder = home.root if cwd == "home" else Path(cwd)
    done = run("/bin/sh", "-c", command, environ={"BATON_HOME": str(home.root)}, cwd=folder)
    assert (done.code, done.json["health"]["ready"], done.err) == (0, 1, "")
