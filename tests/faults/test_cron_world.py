"""The sweep in the world it lives in: the crontab's own line, an empty environment, a pipe, others at the same time.

The points of the kills are printed; one alone is tried again by

    BATON_FAULT_POINT=rename:3 scripts/test tests/faults/test_cron_world.py -k any_call

and ``BATON_FAULT_SEED`` chooses them as it did.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.test_notify import Chat
from tests.engine.homes import ScratchHome, scratch_home
from tests.faults.arrears import DONE, SETTINGS, all_is_made_good, fall_behind
from tests.faults.cron import Cron, mail_of
from tests.faults.machine_clock import clocked_home

SWEEPS = 16
DAY = 86400.0
SEED = int(os.environ.get("BATON_FAULT_SEED") or random.randrange(1_000_000))
POINT = os.environ.get("BATON_FAULT_POINT", "")
CHANGING = ("rename", "unlink", "rmdir", "mkdir", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "fcntl")


def cron_of(home: ScratchHome, **machine: str) -> Cron:
    """The cron of whoever put the lines into the crontab that the home was made with."""
    if not (home.root / "crontab.example").exists():
        assert home.run("init_home.py", str(home.root)).code == 0
    return Cron((home.root / "crontab.example").read_text(), home.root, machine)


@pytest.fixture
def chat() -> Iterator[Chat]:
    with Chat() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def let_tell(home: ScratchHome, chat: Chat) -> None:
    """Give the home what it needs to tell people, where a job of cron finds it."""
    (home.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in chat.environ.items()))


def told(chat: Chat) -> Counter[str]:
    """How often each task's completion was told."""
    lines = [line for text in chat.texts for line in text.splitlines()]
    return Counter(task for line in lines for task in DONE if line.startswith(f"Task {task} is completed"))


# -- one line -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["home", "a home", "50% of 'a home'"])
def test_cron_is_told_nothing_and_waits_for_no_agent(tmp_path: Path, name: str) -> None:
    for home in scratch_home(tmp_path / name):
        home.agent("writer", 'note pids $$; note path "$PATH"; wait_for go')
        home.task("t", "writer")
        cron = cron_of(home)
        assert cron.environ.keys() - {"BATON_HOME", "MAILTO"} == {"HOME", "LOGNAME", "SHELL", "PATH"}
        assert cron.minute() == ("", 0)
        (agent,) = home.processes_in("pids")  # cron is done with its job, and the agent is still at work
        assert home.lines("path")[0].startswith(cron.environ["PATH"] + ":")
        assert cron.minute() == ("", 0)
        assert agent.is_alive
        home.touch("go")
        home.becomes_quiet()
        assert home.outcomes("t") == ["completed"]


def test_a_sweep_that_cannot_begin_is_mailed(tmp_path: Path) -> None:
    for home in scratch_home(tmp_path / "home"):
        cron = cron_of(home)
        (home.root / "config/baton.yaml").write_text("concurrency: {agent: 3}\n")
        said, code = cron.minute()
        assert said.startswith("check_pipeline.py: cannot sweep home: ")
        assert "concurrency.agent" in said
        assert (code, len(said.splitlines())) == (1, 2)  # what it is, and its cure


def test_a_repair_that_fails_is_mailed(tmp_path: Path) -> None:
    for home in scratch_home(tmp_path / "home"):
        cron = cron_of(home)
        (home.root / "state/tasks/new.json").write_text('{"schema": 99, "id": "new"}')
        said, code = cron.minute()
        assert said.startswith("check_pipeline.py: warning: ")
        assert "schema 99" in said
        assert code == 0


# -- many at once, killed, missed ---------------------------------------------------------------------------------


def test_sixteen_sweeps_at_once_do_everything_once(tmp_path: Path, chat: Chat) -> None:
    for home in scratch_home(tmp_path / "home", **SETTINGS):
        cron = cron_of(home)
        fall_behind(home)
        let_tell(home, chat)
        for _ in range(2):  # the arrears, then what became of them
            jobs = [cron.start() for _ in range(SWEEPS)]
            assert {mail_of(job) for job in jobs} == {("", 0)}
            home.becomes_quiet()
        report = home.sweep()
        assert (report["found"], report["errors"]) == ([], [])
        all_is_made_good(home)
        assert told(chat) == dict.fromkeys(DONE, 1)


@pytest.fixture
def behind(tmp_path: Path, chat: Chat) -> Iterator[ScratchHome]:
    """A home with arrears, to be copied."""
    if shutil.which("strace") is None:
        pytest.skip("STRACE IS MISSING (apt install strace): NO SWEEP WAS KILLED")
    for home in scratch_home(tmp_path / "behind", **SETTINGS):
        fall_behind(home)
        let_tell(home, chat)
        yield home


def copied(behind: ScratchHome, root: Path) -> Iterator[ScratchHome]:
    """A copy of the arrears, in a home of its own."""
    for home in scratch_home(root, **SETTINGS):
        shutil.rmtree(root)
        shutil.copytree(behind.root, root)
        yield home


def traced(home: ScratchHome, *words: str) -> tuple[Cron, Path]:
    """The cron of this home, whose sweep is watched by strace, and what that writes."""
    cron, log = cron_of(home), home.root.parent / f"{home.root.name}.trace"
    (command,) = cron.commands
    cron.commands[:] = [f"exec strace -qq -o '{log}' {' '.join(words)} {command}"]
    return cron, log


def points_of(behind: ScratchHome, root: Path) -> list[str]:
    """Every call by which a sweep of the arrears changes something: its name, and the how manieth of that name."""
    for home in copied(behind, root):
        cron, log = traced(home, "-e", f"trace={','.join(CHANGING)}")
        assert cron.minute() == ("", 0)
        seen = Counter(found[1] for line in log.read_text().splitlines() if (found := re.match(r"(\w+)\(", line)))
        home.becomes_quiet()
    return [f"{call}:{number}" for call, count in sorted(seen.items()) for number in range(1, count + 1)]


def killed_at(behind: ScratchHome, root: Path, point: str, chat: Chat) -> bool:
    """Kill a sweep at this point; tell whether it was. Whatever was left undone, the next sweeps make good."""
    chat.asked.clear()
    call, number = point.split(":")
    for home in copied(behind, root):
        cron, log = traced(home, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
        cron.minute()
        was_killed = "+++ killed by SIGKILL" in log.read_text()
        fresh = cron_of(home)
        for _ in range(2):
            assert fresh.minute() == ("", 0), point
            home.becomes_quiet()
        report = home.sweep()
        assert (report["found"], report["errors"]) == ([], []), point
        all_is_made_good(home)
        assert set(told(chat)) == set(DONE), point  # at least once: between sending and noting it, it may be killed
    shutil.rmtree(root)
    return was_killed


def kill_everywhere(behind: ScratchHome, folder: Path, chat: Chat, count: int) -> None:
    print(f"BATON_FAULT_SEED={SEED}")
    points = points_of(behind, folder / "clean")
    chosen = [POINT] if POINT else random.Random(SEED).sample(points, min(count, len(points)))
    hits = 0
    for point in chosen:
        print(f"BATON_FAULT_POINT={point}", end=" ", flush=True)
        hits += killed_at(behind, folder / "killed", point, chat)
    print(f"\n{hits} of {len(chosen)} kills hit, of {len(points)} points")
    # Sweeps differ a little, so that the last call of a name is not always made; most must have been.
    assert hits >= len(chosen) * 3 // 4


def test_a_sweep_killed_at_any_call_is_made_good_by_the_next(behind: ScratchHome, tmp_path: Path, chat: Chat) -> None:
    kill_everywhere(behind, tmp_path, chat, 3)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_sweep_killed_at_forty_calls_is_made_good_by_the_next(
    behind: ScratchHome, tmp_path: Path, chat: Chat
) -> None:
    kill_everywhere(behind, tmp_path, chat, 40)


def test_after_three_missed_days_one_sweep_makes_everything_good(tmp_path: Path, chat: Chat) -> None:
    # The evening before: what was left that evening is three dates old when cron comes back.
    with clocked_home(tmp_path, "2027-01-15T22:00:00.000Z", **SETTINGS) as home:
        cron = cron_of(home, **home.clock.environ)
        fall_behind(home)
        let_tell(home, chat)
        home.clock.put(3 * DAY)
        before = home.run("check_pipeline.py", "--dry-run").json["health"]
        assert before["oldest_ready_seconds"] == pytest.approx(3 * DAY, abs=60)
        assert cron.minute() == ("", 0)
        home.becomes_quiet()
        assert told(chat) == {"elder": 1}
        assert cron.minute() == ("", 0)
        all_is_made_good(home)
        assert told(chat) == dict.fromkeys(DONE, 1)
        report = home.sweep()
        assert (report["found"], report["errors"], report["health"]["tasks"]) == (
            [],
            [],
            {"blocked": 1},
        )  # no editor here
        days = sorted(path.stem for path in (home.root / "state/events").glob("*.ndjson"))
        assert days == ["2027-01-15", "2027-01-18"]
