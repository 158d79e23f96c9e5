"""Every timer, under every jump of the wall clock: neither two runs nor none, and nothing stranded afterwards.

One scene sets every timer there is, at one instant. Then the clock jumps; then it is right again; then two hours pass.
What each timer did in these three phases is compared with a table, whole. Timers that measure (the time of a run, a
supervisor's silence, the age of a lease taken by hand) must not notice a jump at all. Timers that name an instant (a
back-off, ``not_before``, ages of files) go by the real clock, and so a clock that is a day ahead fires them; what
bounds them when it is behind is the longest wait that the settings allow.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import structs
from tests.cli.test_notify import Chat
from tests.engine.homes import eventually, living
from tests.faults.machine_clock import NAMES, ClockedHome, clocked_home

from baton.domain import commands as c
from baton.domain.pipelines import Step
from baton.domain.times import epoch, later

HOUR, DAY = 3600.0, 86400.0
SETTINGS: dict[str, dict[str, Any]] = {
    "concurrency": {"agents": 5},
    "lease": {"heartbeat": "200ms", "steal_after": "10m", "stale_after": "30m"},
    "retry": {"backoff": "10m", "backoff_max": "30m"},
    "timeouts": {"grace": "1s"},
    "sweep": {"archive_after": "1h"},
    "retention": {"logs": "30d"},
    "notify": {"channels": ["telegram"], "events": ["task_completed"]},
}
RUN_SECONDS = 3.0
SLACK_SECONDS = 30.0
FAILS_ONCE = 'note ran "$BATON_TASK"; [ "$(grep -c "^$BATON_TASK$" "$BATON_HOME/ran")" -gt 1 ]'
# Its own heartbeat, by a clock that nobody can set.
ENDLESS = "note limited $$; while :; do note uptimes \"$(cut -d' ' -f1 /proc/uptime)\"; sleep 0.1; done"
REPORTS = 'note ran "$BATON_TASK"; complete_step.py --summary done >/dev/null'


# The rules themselves: a machine may have no time zones installed.
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


class Jump(NamedTuple):
    """Where the clock stands, in which zone, by how much it jumps, and whether it is put right again."""

    at: str
    seconds: float
    zone: str = "UTC"
    is_mistake: bool = True


JUMPS = {
    "-2 h": Jump("2027-01-15T00:30:00.000Z", -2 * HOUR),
    "+1 d": Jump("2027-01-15T00:30:00.000Z", DAY),
    # The clocks of Berlin are put forward at 01:00 UTC of the one night, back at 01:00 UTC of the other.
    "into summer time": Jump("2027-03-28T00:59:30.000Z", 60, BERLIN, is_mistake=False),
    "out of summer time": Jump("2026-10-25T00:59:30.000Z", 60, BERLIN, is_mistake=False),
}
# One of the two nights is enough for each day.
CASES = [*list(JUMPS)[:3], pytest.param("out of summer time", marks=pytest.mark.long)]
TIMERS = (
    "back-off", "back-off begun under the jump", "not_before", "time of a run", "run that goes on",
    "silent supervisor", "lease by hand: the sweep", "lease by hand: another agent", "archive_after", "retention",
    "file of the log", "message held back by the service", "sweeps one at a time", "run of another boot",
)  # fmt: skip
# What each timer did: under the jump; with the clock right again; two hours later.
EXPECTED: dict[str, dict[str, tuple[Any, Any, Any]]] = {
    "-2 h": {
        "back-off": (2, 2, 2),  # further ahead than any back-off can be: over
        "back-off begun under the jump": (1, 2, 2),
        "not_before": (0, 0, 1),
        "archive_after": (True, True, True),  # finished in the future: no reason to keep it
        "retention": (True, True, True),
        "file of the log": (["2027-01-15"],) * 3,  # never back to the day before
        "message held back by the service": (0, 0, 1),
    },
    "+1 d": {
        "back-off": (2, 2, 2),
        "back-off begun under the jump": (1, 2, 2),  # further ahead than any back-off can be: over
        "not_before": (1, 1, 1),
        "archive_after": (True, True, True),
        "retention": (False, False, False),
        "file of the log": (["2027-01-15", "2027-01-16"],) * 3,  # a name that was reached is kept
        "message held back by the service": (1, 1, 1),
    },
    "into summer time": {
        "back-off": (1, 1, 2),
        "back-off begun under the jump": (1, 1, 2),
        "not_before": (0, 0, 1),
        "archive_after": (False, False, True),
        "retention": (True, True, True),
        "file of the log": (["2027-03-28"],) * 3,
        "message held back by the service": (0, 0, 1),
    },
}
EXPECTED["out of summer time"] = EXPECTED["into summer time"] | {"file of the log": (["2026-10-25"],) * 3}
# These measure, and notice nothing.
MEASURED = {
    "time of a run": (True, True, True),
    "run that goes on": ([], [], ["completed"]),
    "silent supervisor": (True, True, True),
    "lease by hand: the sweep": ("editor",) * 3,
    "lease by hand: another agent": (1, 1, 1),
    "sweeps one at a time": (True, True, True),
    "run of another boot": (["interrupted", "completed"],) * 3,
}


class Scene:
    """One home in which every timer runs."""

    def __init__(self, home: ClockedHome, chat: Chat, jump: Jump) -> None:
        self.home = home
        self.chat = chat
        self.told: dict[str, Any] = chat.environ | {"TZ": jump.zone}
        self.begins = jump.at
        self.logs = home.root / "logs/writer"

    def sweep(self) -> dict[str, Any]:
        """Sweep as cron would, on this machine."""
        report: dict[str, Any] = self.home.run("check_pipeline.py", **self.told).json
        assert report.get("errors") == [], report
        return report

    def arrange(self) -> None:
        """Set every timer."""
        home = self.home
        home.agent("fails-once", FAILS_ONCE)
        home.agent("writer", 'note ran "$BATON_TASK"')
        home.agent("reporter", REPORTS, env=" ".join(NAMES))
        home.agent("endless", ENDLESS)
        home.agent("long", 'note ran "$BATON_TASK"; note long $$; note above $PPID; wait_for go-long')
        self.sweep()  # the channel begins at the end of the log
        home.task("finished", "reporter")
        assert home.run("invoke_agent.py", "reporter", "finished", **self.told).code == 0
        home.task("backoff", "fails-once")
        assert home.run("invoke_agent.py", "fails-once", "backoff", **self.told).code == 1
        home.task("timed", "writer", not_before=later(self.begins, HOUR))
        home.task("hand", "editor")
        assert home.run("acquire_lock.py", "hand", "--agent", "editor").code == 0
        self.logs.mkdir(parents=True, exist_ok=True)
        old = self.logs / "r-old.out"
        old.touch()
        born = epoch(self.begins) - 30 * DAY + 12 * HOUR
        os.utime(old, (born, born))
        self.chat.status = 429
        self.chat.answer = {"ok": False, "description": "slowly", "parameters": {"retry_after": 3600}}
        assert self.home.run("check_pipeline.py", **self.told).json["errors"] != []
        self.chat.status, self.chat.answer = 200, {"ok": True, "result": {}}
        self.chat.asked.clear()
        home.task("boot", "writer")
        former = structs.replace(home.clock.holder(), boot="another-boot", slot=0, instance="1.1", boot_seconds=None)
        grant = c.GrantLease(
            unit="s1", agent="writer", run="r-former", holder=former, deadline_seconds=60.0, backoff_max_seconds=1800.0
        )
        home.do("boot", grant)
        home.task("long", "long")
        self.supervisor = home.start("invoke_agent.py", "long", "long", **self.told)
        home.task("limited", Step(agent="endless", timeout=f"{RUN_SECONDS:g}s", max_attempts=1))
        home.processes_in("limited")
        home.processes_in("long")
        home.beats(1)

    def under_the_jump(self) -> None:
        """What a machine does while its clock is wrong: its supervisor hangs for a while, sweeps run, work begins."""
        self.supervisor.send_signal(signal.SIGSTOP)
        eventually(lambda: state_of(self.supervisor.pid) == "T", "a supervisor that hangs")
        self.sweep()
        self.sweep()
        assert living(self.supervisor.pid) is not None
        self.supervisor.send_signal(signal.SIGCONT)
        eventually(lambda: self.home.outcomes("limited"), f"the end of the run with a limit; {self.home.story()}")
        self.home.task("late", "fails-once")
        self.settle()
        assert self.home.outcomes("late") == ["failed"]

    def settle(self) -> None:
        """Sweep until nothing is ready, and nothing runs but what goes on; then once more, for the news of it."""
        going = 1 if self.supervisor.poll() is None else 0

        def is_settled() -> bool:
            # Between freeing its slot and looking once more, a supervisor holds none: what is ready counts, too.
            health = self.sweep()["health"]
            held = sum(one.held or one.supervised for one in self.home.wiring.store.slots.states())
            return (health["ready"], health["running"], held) == (0, going, going)

        eventually(is_settled, f"a home at rest; {self.home.story()}", 60)
        self.sweep()

    def seen(self) -> dict[str, Any]:
        """What each timer has done so far."""
        home, ran = self.home, Counter(self.home.lines("ran"))
        return {
            "back-off": ran["backoff"],
            "back-off begun under the jump": ran["late"],
            "not_before": ran["timed"],
            "time of a run": home.outcomes("limited") == ["timed_out"] and self.ran_its_time(),
            "run that goes on": home.outcomes("long"),
            "silent supervisor": ran["long"] == 1,
            "lease by hand: the sweep": home.read("hand").locked_by,
            "lease by hand: another agent": home.run("acquire_lock.py", "hand", "--agent", "rival").code,
            "archive_after": not home.wiring.store.tasks.is_live("finished"),
            "retention": (self.logs / "r-old.out").exists(),
            "file of the log": sorted(path.stem for path in (home.root / "state/events").glob("*.ndjson")),
            "message held back by the service": sum("finished" in text for text in self.chat.texts),
            "sweeps one at a time": self.is_alone(),
            "run of another boot": home.outcomes("boot"),
        }

    def ran_its_time(self) -> bool:
        """Tell whether the run with a limit ended when its own time was over, and not when the clock's was."""
        alive = [float(line) for line in self.home.lines("uptimes")]
        return RUN_SECONDS - 1 < alive[-1] - alive[0] < RUN_SECONDS + SLACK_SECONDS

    def zone(self) -> str:
        """What the machine's local time differs from UTC."""
        environ = self.home.environ(**self.told)
        return subprocess.run(["date", "+%z"], env=environ, capture_output=True, text=True, check=True).stdout.strip()

    def is_alone(self) -> bool:
        """Tell whether a sweep is skipped while another one is at it, however old that one seems."""
        with (self.home.root / "state/locks/sweep.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return "skipped" in self.home.run("check_pipeline.py", **self.told).json


def state_of(pid: int) -> str:
    """The state of a process, as /proc has it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def scene(folder: Path, jump: Jump) -> Iterator[Scene]:
    """A home in which every timer has been set."""
    with Chat() as chat, clocked_home(folder, jump.at, **SETTINGS) as home:
        thread = threading.Thread(target=chat.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            made = Scene(home, chat, jump)
            made.arrange()
            yield made
        finally:
            chat.shutdown()
            thread.join()


@pytest.mark.parametrize("name", CASES)
def test_every_timer_under_a_clock_that_jumps(tmp_path: Path, name: str) -> None:
    jump = JUMPS[name]
    with scene(tmp_path, jump) as made:
        home = made.home
        before, zone = home.clock.now(), made.zone()
        home.clock.put(jump.seconds)
        assert abs(epoch(home.clock.now()) - epoch(before) - jump.seconds) < 5
        assert (made.zone() == zone) == jump.is_mistake
        made.under_the_jump()
        phases = [made.seen()]
        if jump.is_mistake:
            home.clock.put(-jump.seconds)
        made.settle()
        phases.append(made.seen())
        home.clock.put(2 * HOUR)
        made.settle()
        home.touch("go-long")
        assert home.end_of(made.supervisor).code == 0
        made.settle()
        phases.append(made.seen())

        assert {timer: tuple(phase[timer] for phase in phases) for timer in TIMERS} == MEASURED | EXPECTED[name]
        done = ["backoff", "boot", "finished", "late", "long", "timed"]
        assert {task: home.read(task).status for task in done} == dict.fromkeys(done, "completed")
        # Each was told once, whichever way the clock went.
        told = Counter(
            task for text in made.chat.texts for line in text.splitlines() for task in done if f" {task} " in line
        )
        assert told == dict.fromkeys(done, 1)
        for task in [*done, "hand", "limited"]:
            stamps = [event["at"] for event in home.events(task) if event["version"]]
            assert stamps == sorted(stamps), task
