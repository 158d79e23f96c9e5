"""Everything at a glance: what is told, in words and as JSON, and that telling it changes nothing."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.builders import end_run, grant, policy
from tests.cli.homes import SCRIPTS, Home, base_environ, run, tree, wait_for
from tests.store.homes import do, open_home, small_task

from baton.adapters.clock import SystemClock
from baton.domain import tasks
from baton.domain.readiness import waiting
from baton.domain.records import Task
from baton.domain.usage import reported
from baton.store.codec import Codec

KEYS = [
    "home", "at", "stopped", "slots", "campaigns", "tasks", "running", "ready", "waiting", "blocked", "failures",
    "runs_today", "cost", "sweep", "damaged", "parked", "warnings", "project",
]  # fmt: skip
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
# An agent that says a line and works until it is told to end.
SLOW = "#!/bin/sh\necho 'chapter one'\nwhile [ ! -e done ]; do sleep 0.02; done\n"
FAILING = "#!/bin/sh\necho 'no such model' >&2\nexit 3\n"


def shown(home: Home, *words: str) -> dict[str, Any]:
    """The status as JSON."""
    document: dict[str, Any] = home.ok("status", "--json", *words).json
    return document


def text(home: Home) -> str:
    """The status in words."""
    return home.ok("status").out


def section(words: str, title: str) -> list[str]:
    """The lines under a heading."""
    lines = words.split("\n")
    start = next(place for place, line in enumerate(lines) if line.startswith(title))
    end = next((place for place in range(start, len(lines)) if not lines[place].strip()), len(lines))
    return lines[start + 1 : end]


# -- homes with little in them ------------------------------------------------------------------------------------


def test_an_empty_home_shows_every_key_and_nothing_in_them(home: Home) -> None:
    home.wake()

    status = shown(home)

    assert list(status) == KEYS
    assert status["home"] == str(home.root)
    assert status["stopped"] is False
    assert status["slots"] == {"limit": 4, "used": 0}
    empty = ("campaigns", "running", "ready", "waiting", "blocked", "failures", "damaged", "parked", "warnings")
    assert {key: status[key] for key in empty} == {key: [] for key in empty}
    assert (status["tasks"], status["runs_today"]) == ({}, {})
    assert status["cost"] == {"total": {}, "today": {}}
    assert status["sweep"] == {"last_at": None, "age_seconds": None, "is_late": False}


def test_an_empty_home_says_how_to_begin(home: Home) -> None:
    home.wake()
    assert re.fullmatch(
        rf"Baton  \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC  {home.root}\n"
        r"Nothing needs you. Nothing to do; last sweep never.\n"
        r"Nothing here yet: make a campaign with campaign.py, or a task with task.py.\n\n"
        r"today   0 runs; no cost reported\n"
        r"in all  no cost reported\n",
        text(home),
    )


def test_a_home_without_state_is_shown_and_none_is_made(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()

    done = run(SCRIPTS / "status.py", "--json", environ=base_environ(tmp_path))

    assert (done.code, done.err) == (0, "")
    assert done.json["tasks"] == {}
    assert list(tree(tmp_path, passing=())) == ["config"]


def test_a_home_that_is_not_there_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = run(SCRIPTS / "status.py", "--home", tmp_path / "none", environ=base_environ())
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[0] == f"status.py: cannot show status: there is no home at {tmp_path}/none"


def test_help_has_an_example_and_the_exit_codes(home: Home) -> None:
    done = home.run("status", "--help")
    assert (done.code, done.err) == (0, "")
    assert "status.py --watch" in done.out
    assert "Exit codes:" in done.out


# -- what is told -------------------------------------------------------------------------------------------------


def test_a_stopped_home_says_so_and_how_to_go_on(home: Home) -> None:
    home.make_task("t-1")

    status = shown(home)

    assert status["stopped"] is True
    assert status["ready"] == []
    (waits,) = status["waiting"]
    assert (waits["task"], waits["why"], waits["place"]) == ("t-1", "stopped", 1)
    assert waits["text"] == "state/stop exists; place 1 in line"
    assert f"STOPPED: nothing new is started. To go on: rm {home.root}/state/stop" in text(home)


def test_campaigns_come_with_their_progress_and_open_ones_first(home: Home) -> None:
    home.make_campaign("autumn")
    home.make_campaign("spring")
    home.ok("activate_campaign", "autumn", "--no-dispatch")
    home.ok("campaign", "complete", "autumn", "--cancel-remaining")
    home.ok("activate_campaign", "spring", "--no-dispatch")
    for agent in ("alpha", "beta", "gamma"):
        home.complete("spring-001", agent)
    home.make_campaign("winter")

    status = shown(home)

    assert [(one["slug"], one["status"], one["progress"], one["tasks"]) for one in status["campaigns"]] == [
        ("spring", "active", {"completed": 1, "total": 2, "percent": 50}, {"backlog": 1, "completed": 1}),
        ("winter", "planning", {"completed": 0, "total": 0, "percent": 0}, {}),
        ("autumn", "completed", {"completed": 0, "total": 2, "percent": 100}, {"cancelled": 2}),
    ]
    assert section(text(home), "Campaigns") == [
        "  spring  active     1/2  50 %   1 backlog, 1 completed",
        "  winter  planning   0/0  0 %",
        "    to start it: activate_campaign.py winter",
        "  autumn  completed  0/2  100 %  2 cancelled",
    ]


def test_a_run_shows_its_agent_task_step_attempt_and_last_line(live: Home) -> None:
    live.agent("slow", SLOW)
    live.make_task("t-1", agents=["slow"])
    wait_for(lambda: any(run["last_line"] for run in shown(live)["running"]))

    status = shown(live)
    words = text(live)

    record = live.record("t-1")
    assert status["running"] == [
        {
            "task": "t-1",
            "campaign": None,
            "agent": "slow",
            "step": 0,
            "branch": None,
            "unit": "s1",
            "run": record["lease"]["run"],
            "attempt": 1,
            "since": record["lease"]["granted_at"],
            "slot": 0,
            "last_line": "chapter one",
        }
    ]
    assert status["slots"] == {"limit": 4, "used": 1}
    assert (status["ready"], status["waiting"]) == ([], [])
    assert "Running 1, slots in use: 1 of 4" in words
    assert re.fullmatch(r"  t-1  slow  step 0  \d+s  chapter one", section(words, "Running")[0])
    (live.workspace("t-1") / "done").touch()


def test_a_run_whose_supervisor_is_gone_waits_for_the_sweep(live: Home) -> None:
    live.agent("slow", SLOW)
    live.make_task("t-1", agents=["slow"])
    (slot,) = wait_for(lambda: [slot for slot in live.slots() if slot.facts.get("agent_pid")])
    os.kill(slot.facts["pid"], signal.SIGKILL)
    (live.workspace("t-1") / "done").touch()
    wait_for(lambda: not live.slots())

    status = shown(live)

    assert status["running"] == []
    (waits,) = status["waiting"]
    run_id = live.record("t-1")["lease"]["run"]
    assert (waits["task"], waits["why"]) == ("t-1", "lost")
    assert waits["text"] == f"run {run_id} of slow has lost its supervisor; the next sweep ends it"


def test_slots_that_cannot_be_read_are_said_and_nobody_is_called_dead(live: Home) -> None:
    live.agent("slow", SLOW)
    live.make_task("t-1", agents=["slow"])
    wait_for(lambda: live.record("t-1")["lease"])
    (live.state / "slots/99").symlink_to("99")
    try:
        status = shown(live)
    finally:
        (live.state / "slots/99").unlink()
        (live.workspace("t-1") / "done").touch()

    assert [f"{live.state}/slots/99" in text for text in status["warnings"]] == [True]
    assert [(one["task"], one["slot"]) for one in status["running"]] == [("t-1", None)]
    assert status["waiting"] == []


def test_what_is_ready_stands_in_the_order_in_which_it_is_started_and_the_rest_waits_for_a_slot(home: Home) -> None:
    home.settings("concurrency: {agents: 2}\n")
    for id, priority in (("t-1", "low"), ("t-2", "medium"), ("t-3", "urgent"), ("t-4", "high")):
        home.make_task(id, priority=priority)
    home.wake()

    status = shown(home)

    assert [(one["task"], one["place"], one["why"]) for one in status["ready"]] == [("t-3", 1, None), ("t-4", 2, None)]
    assert [(one["task"], one["place"], one["why"], one["text"]) for one in status["waiting"]] == [
        ("t-2", 1, "no_slot", "no free slot (2 in all); place 1 in line"),
        ("t-1", 2, "no_slot", "no free slot (2 in all); place 2 in line"),
    ]
    assert section(text(home), "Ready 2") == ["  t-3  alpha  step 0  urgent", "  t-4  alpha  step 0  high"]
    assert section(text(home), "Waiting 2") == ["  t-2 and 1 more  alpha  no free slot (2 in all)"]


def test_what_waits_says_why(home: Home) -> None:
    home.make_campaign("spring", target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.ok("campaign", "pause", "spring")
    home.make_task("later", not_before="2200-01-01T00:00:00Z")
    home.make_task("first")
    home.make_task("second", depends_on=["first"])
    home.acquire("first")
    home.wake()

    status = shown(home)

    since = home.record("first")["locked_at"]
    assert [(one["task"], one["why"], one["text"], one["until"]) for one in status["waiting"]] == [
        ("later", "not_before", "not before 2200-01-01T00:00:00.000Z", "2200-01-01T00:00:00.000Z"),
        ("first", "held", f"held by alpha by hand since {since}", None),
        ("spring-001", "campaign", "campaign spring is paused", None),
        ("second", "dependency", f"waits for first: held by alpha by hand since {since}", None),
    ]
    assert [one["cure"] for one in status["waiting"]] == [
        "acquire_lock.py later --agent alpha",
        "release_lock.py first --force",
        "campaign.py resume spring",
        "release_lock.py first --force",
    ]
    assert status["ready"] == []


def test_a_back_off_says_until_when(home: Home) -> None:
    home.settings("retry: {backoff_max: 30m}\n")
    store = open_home(home.root, SystemClock())
    do(store, "t-1", small_task("t-1"), grant, end_run)
    home.wake()

    (waits,) = shown(home)["waiting"]

    until = home.record("t-1")["pipeline"][0]["not_before"]
    assert (waits["why"], waits["until"], waits["text"]) == ("backoff", until, f"backs off until {until}")
    assert re.search(r"backs off until \d\d:\d\d:\d\d \(in \d+s\)$", section(text(home), "Waiting 1")[0])


def test_a_blocked_task_names_its_reason_and_the_command_that_cures_it(home: Home) -> None:
    home.make_task("a")
    home.ok("task", "block", "a", "--reason", "waits for a photo")
    home.make_task("b")
    home.make_task("c", depends_on=["b"])
    home.ok("task", "cancel", "b")
    store = open_home(home.root, SystemClock())
    steps = [step for _ in range(3) for step in (grant, lambda task: end_run(task, policy=policy(backoff_seconds=0.0)))]
    do(store, "d", small_task("d"), *steps)

    status = shown(home)

    assert [(one["task"], one["kind"], one["cure"]) for one in status["blocked"]] == [
        ("a", "person", "task.py unblock a"),
        ("c", "dependency", "task.py cancel c"),
        ("d", "attempts", "task.py retry d"),
    ]
    assert status["blocked"][0]["reason"] == "waits for a photo"
    assert section(text(home), "Blocked 3")[:2] == [
        "  a  person      waits for a photo",
        "    cure: task.py unblock a",
    ]


def test_the_last_failures_stand_newest_first(live: Home) -> None:
    live.settings("harness: {default: script}\nretry: {max_attempts: 1}\nnotify: {channels: []}\n")
    live.agent("failing", FAILING)
    live.make_task("t-1", agents=["failing"])
    wait_for(lambda: live.record("t-1")["status"] == "blocked")
    live.call("acquire_lock", "t-1", "--agent", "failing")

    status = shown(live)

    assert [(one["type"], one["task"], one["text"]) for one in status["failures"]] == [
        (
            "command_refused",
            "t-1",
            "AcquireByHand refused: " + live.events()[-1]["data"]["reason"],
        ),
        (
            "task_blocked",
            "t-1",
            "the task is blocked (attempts): failing failed; that was attempt 1 of 1: no such model",
        ),
        ("agent_crashed", "t-1", "failing failed with exit code 3: no such model"),
    ]
    assert status["runs_today"] == {"failed": 1}
    # What is blocked stands above, with its cure.
    refused, failed = section(text(live), "Last failures")
    assert re.match(r"  t-1  \d+s ago  AcquireByHand refused: the task is blocked", refused)
    assert re.fullmatch(r"  t-1  \d+s ago  failing failed with exit code 3: no such model", failed)


def test_runs_of_today_are_counted_by_outcome_and_those_of_yesterday_are_not(home: Home) -> None:
    store = open_home(home.root, SystemClock())
    do(store, "t-1", small_task("t-1"), grant, lambda task: end_run(task))
    home.complete("t-1", "content-writer")
    events = home.state / "events"
    yesterday = {
        "id": "task/x:1:0",
        "at": "2001-01-01T00:00:00.000Z",
        "type": "run_ended",
        "data": {"outcome": "failed"},
    }
    (events / "2001-01-01.ndjson").write_text(json.dumps(yesterday) + "\n")

    assert shown(home)["runs_today"] == {"failed": 1}


def test_cost_is_summed_where_it_was_reported(home: Home) -> None:
    store = open_home(home.root, SystemClock())
    told = {"t-1": {"cost_usd": 1.25, "output_tokens": 1200}, "t-2": {"cost_usd": 0.5}, "t-3": {}}
    for id, usage in ((id, reported(counts, {}, None)) for id, counts in told.items()):
        do(store, id, small_task(id), grant, lambda task, usage=usage: end_run(task, usage=usage))

    status = shown(home)

    used = {"runs": 3, "unpriced_runs": 1, "cost_usd": 1.75, "output_tokens": 1200}
    assert status["cost"] == {"total": used, "today": used}
    told = "$1.75 at least, 1 run of unknown cost; tokens 1.2k out"
    assert text(home).endswith(f"\ntoday   3 runs (3 failed); {told}\nin all  3 backlog; {told}\n")


def test_work_that_waits_without_a_sweep_is_a_warning(home: Home) -> None:
    home.make_task("t-1")
    home.ok("check_pipeline")
    on_time = shown(home)["sweep"]
    (home.state / "locks/sweep.lock").write_text("2001-01-01T00:00:00.000Z")

    late = shown(home)["sweep"]

    assert (on_time["is_late"], on_time["age_seconds"] < 60) == (False, True)
    assert (late["last_at"], late["is_late"]) == ("2001-01-01T00:00:00.000Z", True)
    assert re.search(r"warning: the last sweep was \d+d \d+h ago\. Does cron run it\? See doctor\.py", text(home))


def test_a_late_sweep_is_no_warning_where_nothing_waits(home: Home) -> None:
    (home.state / "locks/sweep.lock").write_text("2001-01-01T00:00:00.000Z")
    assert shown(home)["sweep"]["is_late"] is False
    assert "warning" not in text(home)


def test_damaged_newer_and_quarantined_records_are_named_and_the_rest_is_shown(home: Home) -> None:
    home.make_task("good")
    for id in ("bad", "newer", "aside"):
        home.make_task(id)
    (home.state / "tasks/aside.json").write_text("no json")
    home.ok("check_pipeline")
    (home.state / "tasks/bad.json").write_text("{")
    record = home.record("newer") | {"schema": 99}
    (home.state / "tasks/newer.json").write_text(json.dumps(record))

    status = shown(home)

    assert sorted((one["kind"], one["id"], one["state"]) for one in status["damaged"]) == [
        ("task", "aside", "quarantined"),
        ("task", "bad", "damaged"),
        ("task", "newer", "newer"),
    ]
    assert all(one["reason"] for one in status["damaged"])
    assert [one["task"] for one in status["waiting"]] == ["good"]
    assert any(
        re.match(r"  task bad +damaged +the record of task 'bad'", line) for line in section(text(home), "Damaged")
    )


def test_settings_that_cannot_be_read_are_said_and_the_rest_is_shown(home: Home) -> None:
    home.make_task("t-1")
    home.settings("concurency: {agents: 2}\n")

    status = shown(home)

    assert len(status["warnings"]) == 1
    assert "concurency: unknown key" in status["warnings"][0]
    assert [one["task"] for one in status["waiting"]] == ["t-1"]


def test_long_lists_are_cut_on_the_screen_and_whole_in_json(home: Home) -> None:
    for number in range(20):
        home.make_task(f"t-{number:02d}")
        home.ok("task", "block", f"t-{number:02d}", "--reason", "waits for a photo")

    lines = section(text(home), "Blocked 20")

    assert len(lines) == 2 * 15 + 1
    assert lines[-1] == "  and 5 more"
    assert len(shown(home)["blocked"]) == 20


def test_tasks_that_wait_for_the_same_thing_stand_in_one_line(home: Home) -> None:
    for number in range(20):
        home.make_task(f"t-{number:02d}")
    assert section(text(home), "Waiting 20") == ["  t-00 and 19 more  alpha  state/stop exists"]
    assert [one["place"] for one in shown(home)["waiting"]] == list(range(1, 21))


def test_of_many_complete_campaigns_the_names_are_enough(home: Home) -> None:
    for slug in ("a", "b", "c", "d"):
        home.make_campaign(slug, target_article_count=1)
        home.ok("activate_campaign", slug, "--no-dispatch")
        home.ok("campaign", "complete", slug, "--cancel-remaining")
    home.make_campaign("open")
    lines = section(text(home), "Campaigns")
    assert [" ".join(line.split()) for line in lines] == [
        "open planning 0/0 0 %",
        "to start it: activate_campaign.py open",
        "4 completed a, b, c, d",
    ]


def test_the_same_failure_again_is_counted(home: Home) -> None:
    store = open_home(home.root, SystemClock())
    limits = policy(backoff_seconds=0.0, max_attempts=9)
    steps = [step for _ in range(3) for step in (grant, lambda task: end_run(task, policy=limits))]
    do(store, "t-1", small_task("t-1"), *steps)
    (line,) = section(text(home), "Last failures")
    assert re.fullmatch(r"  t-1  \d+s ago  content-writer failed \(3 times\)", line)


def needy(home: Home) -> None:
    """Something in each section that may be long."""
    home.make_task("a-task-with-a-rather-long-name-that-somebody-gave-it")
    home.acquire("a-task-with-a-rather-long-name-that-somebody-gave-it")
    home.make_task("photo")
    home.ok("task", "block", "photo", "--reason", "waits for a photo of the bakery that only Ann has, " * 8)
    home.make_campaign("a-campaign-with-a-rather-long-name")
    home.make_task("bad")
    (home.state / "tasks/bad.json").write_text("{")
    home.wake()


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_on_a_terminal_every_line_fits_but_for_commands_to_copy(home: Home, columns: int) -> None:
    needy(home)
    terminal = Terminal(home)
    terminal.resize(40, columns)
    assert terminal.end() == 0
    lines = re.sub(r"\x1b\[[\d;]*m", "", terminal.seen.decode()).replace("\r", "").split("\n")
    assert [line for line in lines if len(line) > columns and ".py " not in line] == []
    assert "    cure: task.py unblock photo" in lines
    assert any(line.startswith("Needs you: 1 blocked and 1 d") for line in lines)


def test_in_a_pipe_nothing_is_cut_but_what_would_fill_lines(home: Home) -> None:
    needy(home)
    words = home.run("status").out
    assert "a-task-with-a-rather-long-name-that-somebody-gave-it  alpha  held by alpha by hand since" in words
    assert "Needs you: 1 blocked and 1 damaged. 1 waiting; last sweep never." in words
    assert section(words, "Blocked 1")[1].endswith("...")


def test_the_verdict_says_when_nothing_needs_a_person(home: Home) -> None:
    home.make_task("t-1")
    home.ok("check_pipeline")
    home.wake()
    assert re.search(r"^Nothing needs you\. 1 ready; last sweep \d+s ago\.$", text(home), re.MULTILINE)


def test_nothing_that_a_terminal_would_obey_reaches_the_screen(home: Home) -> None:
    home.make_task("t-1")
    home.ok("task", "block", "t-1", "--reason", "no \x1b[31mphoto\x07\x1b]0;owned\x07 yet\u202e")

    words = text(home)

    assert section(words, "Blocked 1")[0] == "  t-1  person  no photo yet"
    assert not [one for one in words if not one.isprintable() and one != "\n"]


# -- looking changes nothing --------------------------------------------------------------------------------------


def test_looking_writes_nothing(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.make_task("bad")
    (home.state / "tasks/bad.json").write_text("{")
    (home.state / "tasks/spring-002.json").unlink()
    home.settings("concurrency: {agents: 3}\n")
    before = tree(home.root, passing=())

    done = home.run("status")
    home.run("status", "--json")

    assert (done.code, done.err) == (0, "")
    assert tree(home.root, passing=()) == before


def test_a_read_only_home_can_be_looked_at(home: Home) -> None:
    home.make_task("t-1")
    mount = f"mount --bind {home.root} {home.root} && mount -o remount,bind,ro {home.root}"
    prefix = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if run(*prefix, "true", environ=base_environ()).code != 0:
        pytest.skip("file systems may not be mounted here")

    done = run(*prefix, SCRIPTS / "status.py", "--json", environ=home.environ)

    assert (done.code, done.err) == (0, "")
    assert [one["task"] for one in done.json["waiting"]] == ["t-1"]


def test_looking_waits_for_no_lock(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring", "--no-dispatch")
    names = [f"{number:02x}" for number in range(256)] + ["log.lock", "sweep.lock"]
    held = [os.open(home.state / "locks" / name, os.O_RDWR | os.O_CREAT, 0o600) for name in names]
    try:
        for fd in held:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        began = time.monotonic()
        done = home.run("status", "--json")
        took = time.monotonic() - began
    finally:
        for fd in held:
            os.close(fd)
    assert (done.code, len(done.json["waiting"])) == (0, 2)
    assert took < 9, "a lock is waited for 10 s"


def test_a_home_of_10000_live_tasks_is_shown_in_reasonable_time(home: Home) -> None:
    made = tasks.decide(None, small_task("t-00000"), SystemClock().now())[0]
    record = Codec("task", Task, waiting).encode(made)
    for number in range(10_000):
        id = f"t-{number:05d}"
        (home.state / f"tasks/{id}.json").write_bytes(record.replace(b"t-00000", id.encode()))
    home.wake()

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = home.run("status", "--json")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    status = done.json
    assert (len(status["ready"]), len(status["waiting"]), status["tasks"]) == (4, 9_996, {"backlog": 10_000})
    # Processor time: how long it takes by the clock is the other tests' doing.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 4


# -- staying ------------------------------------------------------------------------------------------------------


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, home: Home, *words: str, **environ: str) -> None:
        self.seen = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            script = str(SCRIPTS / "status.py")
            os.execve(script, [script, *words], home.environ | {"TERM": "xterm"} | environ)

    def wait_for(self, pattern: bytes, seconds: float = 20.0) -> bytes:
        """Read until the pattern has been printed; return everything printed so far."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            assert time.monotonic() < end, self.seen
            self._read(end - time.monotonic())
        return self.seen

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def resize(self, rows: int, columns: int = 120) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self) -> int:
        """Read to the end; return how the program ended."""
        while self._read(20.0):
            pass
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            raise AssertionError(f"nothing was printed any more: {self.seen!r}")
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            return False
        self.seen += data
        return bool(data)


def test_watching_has_a_screen_of_its_own_and_ctrl_c_gives_the_terminal_back(home: Home) -> None:
    terminal = Terminal(home, "--watch")
    terminal.wait_for(rb"last sweep")

    terminal.press(b"\x03")
    code = terminal.end()

    assert code == 0
    assert terminal.seen.startswith(ENTER)
    assert terminal.seen.endswith(b"\x1b[?7h\x1b[?25h" + LEAVE)
    assert (terminal.seen.count(ENTER), terminal.seen.count(LEAVE)) == (1, 1)
    assert b"Traceback" not in terminal.seen


def test_watching_shows_what_has_changed_meanwhile(home: Home) -> None:
    terminal = Terminal(home, "--watch")
    terminal.wait_for(rb"Nothing here yet")

    home.make_task("made-meanwhile")

    terminal.wait_for(rb"made-meanwhile")
    terminal.press(b"\x03")
    assert terminal.end() == 0


def test_watching_fits_the_screen_and_follows_its_size(home: Home) -> None:
    for number in range(16):
        home.make_task(f"t-{number:02d}")
        home.ok("task", "block", f"t-{number:02d}", "--reason", "waits for a photo")
    terminal = Terminal(home, "--watch")
    terminal.resize(20)
    terminal.wait_for(rb"\.\.\. \d+ more lines\x1b\[K\x1b\[J$")

    terminal.resize(100)

    terminal.wait_for(rb"in all\S*  16 blocked; no cost reported\x1b\[K\x1b\[J$")
    terminal.press(b"\x03")
    assert terminal.end() == 0


def test_watching_is_ended_by_sigterm_and_gives_the_terminal_back(home: Home) -> None:
    terminal = Terminal(home, "--watch")
    terminal.wait_for(rb"last sweep")

    os.kill(terminal.pid, signal.SIGTERM)

    assert terminal.end() == 128 + signal.SIGTERM
    assert terminal.seen.endswith(LEAVE)


def test_watching_gives_the_terminal_back_while_it_is_suspended(home: Home) -> None:
    terminal = Terminal(home, "--watch")
    terminal.wait_for(rb"last sweep")

    terminal.press(b"\x1a")
    _, how = os.waitpid(terminal.pid, os.WUNTRACED)
    terminal.wait_for(re.escape(LEAVE))
    os.kill(terminal.pid, signal.SIGCONT)

    assert os.WIFSTOPPED(how)
    terminal.wait_for(re.escape(LEAVE) + rb".*" + re.escape(ENTER) + rb"(?s:.*)last sweep")
    terminal.press(b"\x03")
    assert terminal.end() == 0


@pytest.mark.parametrize(
    ("environ", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)], ids=str
)
def test_colour_is_for_terminals_that_want_it(home: Home, environ: dict[str, str], colours: bool) -> None:
    terminal = Terminal(home, **environ)
    assert terminal.end() == 0
    assert (b"\x1b[" in terminal.seen) is colours
    assert "\x1b" not in home.run("status").out


@contextmanager
def watching(home: Home, *words: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """``status.py --watch`` in a pipe, and what reads its next line."""
    process = home.start("status", "--watch", *words)
    assert process.stdout is not None
    stdout = process.stdout

    def line() -> str:
        assert select.select([stdout], [], [], 20)[0], "no line came"
        return stdout.readline()

    try:
        yield process, line
    finally:
        process.kill()
        process.communicate()


def test_watching_in_a_pipe_prints_a_line_for_each_change_and_no_other(home: Home) -> None:
    with watching(home) as (process, line):
        first = line()
        assert process.stdout is not None
        assert not select.select([process.stdout], [], [], 2.5)[0], "a refresh that changes nothing prints nothing"
        home.make_task("t-1")
        second = line()
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=20)

    assert re.fullmatch(r"\S+Z  STOPPED; 0 running\n", first)
    assert re.fullmatch(r"\S+Z  STOPPED; 0 running, 1 waiting\n", second)
    assert (process.returncode, rest, err) == (0, "", "")


def test_watching_as_json_prints_a_document_a_line(home: Home) -> None:
    with watching(home, "--json") as (process, line):
        first = json.loads(line())
        home.make_task("t-1")
        second = json.loads(line())
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=20)

    assert list(first) == list(second) == KEYS
    assert [len(one["waiting"]) for one in (first, second)] == [0, 1]
    assert (process.returncode, rest, err) == (0, "", "")


def test_watching_ends_when_its_reader_has_gone(home: Home) -> None:
    with watching(home) as (process, line):
        line()
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(20) == 1  # nothing changes any more: it is told, it does not find out by writing
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_watching_does_not_spin(home: Home) -> None:
    with watching(home) as (process, line):
        line()
        before = cpu_seconds(process.pid)
        assert process.stdout is not None
        assert not select.select([process.stdout], [], [], 1.5)[0]
        assert cpu_seconds(process.pid) - before < 0.2


def cpu_seconds(pid: int) -> float:
    """The processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
