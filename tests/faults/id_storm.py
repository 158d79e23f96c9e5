"""A small world in which process ids are used again all the time: ``python id_storm.py FOLDER SEED ROUNDS``.

To be run in a PID namespace of its own (``unshare --pid --fork --mount-proc``), where the kernel takes its next id from
a few hundred, again and again. Strangers come and go meanwhile, each in a session of its own. In each round a run is
ended (well, or cancelled, or its supervisor and its whole tree are killed), and when it was killed, strangers are given
the very ids of supervisor, agent and escaped process before the sweep looks. The answer is one JSON document: how many
strangers there were, how many bore an id that Baton had known, and every one that did not end by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from tests.engine.homes import ScratchHome, are_gone, eventually, living, scratch_home

LAST = "/proc/sys/kernel/ns_last_pid"
LOWEST, HIGHEST = 100, 500
ALIVE_AT_ONCE = 20
WORK = """\
note runs "$BATON_LEASE $$ $PPID"
setsid sleep 300 & note runs "$BATON_LEASE $!"
sh -c 'trap "" TERM; exec sleep 300' & note runs "$BATON_LEASE $!"
note ready "$BATON_TASK $BATON_LEASE"
[ "$BATON_LEASE" != 1 ] || wait_for "go-$BATON_TASK"
"""


class Stranger:
    """A process that has nothing to do with Baton. It ends by itself, with its own code, unless somebody ends it."""

    def __init__(self, seconds: float | None) -> None:
        words = ["cat"] if seconds is None else ["sleep", f"{seconds:.3f}"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True, cwd="/",
            env={"PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        self.pid = self._process.pid

    @property
    def has_ended(self) -> bool:
        """Tell whether it has ended, however it did."""
        return self._process.poll() is not None

    def end(self) -> int:
        """Let it end (``cat`` when its input does); return its code, negative for a signal that came from somebody."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        return self._process.wait()


class Storm(threading.Thread):
    """Strangers come and go, and the kernel's next id falls back whenever it has risen."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self.is_over = threading.Event()
        self.ids: list[int] = []
        self.signalled: list[int] = []

    def run(self) -> None:
        """Until it is over."""
        alive: list[Stranger] = []
        while not self.is_over.is_set():
            if int(Path(LAST).read_text()) > HIGHEST:
                Path(LAST).write_text(str(LOWEST))
            while len(alive) < ALIVE_AT_ONCE:
                alive.append(Stranger(self._chance.uniform(0.005, 0.1)))
                self.ids.append(alive[-1].pid)
            for one in [one for one in alive if one.has_ended]:
                alive.remove(one)
                self.note(one)
            time.sleep(0.001)
        for one in alive:
            self.note(one)

    def note(self, stranger: Stranger) -> None:
        """Keep how it ended, if somebody ended it."""
        if stranger.end() != 0:
            self.signalled.append(stranger.pid)


def stranger_as(pid: int) -> Stranger | None:
    """A stranger that bears this very id; none when another process was quicker each time."""
    for _ in range(200):
        Path(LAST).write_text(str(pid - 1))
        stranger = Stranger(None)
        if stranger.pid == pid:
            return stranger
        stranger.end()
    return None


def known_to(home: ScratchHome) -> set[int]:
    """The ids of supervisors, agents and what escaped from them, so far."""
    return {int(word) for line in home.lines("runs") for word in line.split()[1:]}


def one_round(home: ScratchHome, task: str, how: str, storm: Storm) -> int:
    """Run a task to its end; return how many ids of a killed run strangers bore while the sweep looked."""
    home.task(task, "writer")
    before = known_to(home)
    supervisor = home.supervise()
    eventually(lambda: f"{task} 1" in home.lines("ready"), home.story())
    tree = [one for pid in known_to(home) - before if (one := living(pid)) is not None]
    if how != "killed":
        if how == "cancelled":
            home.run("task.py", "cancel", task)
        home.touch(f"go-{task}")
        home.end_of(supervisor)
        are_gone(tree)
        return 0
    home.beats(1)  # the agent's id stands in the slot now
    supervisor.kill()
    home.end_of(supervisor)
    for one in tree:
        one.kill()
    are_gone(tree)
    ids = [one.pid for one in tree]
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in ids if pid not in storm.ids), "free ids")
    strangers = [one for pid in ids if (one := stranger_as(pid)) is not None]
    report = home.sweep()
    assert (report["stale_released"], report["errors"]) == (1, []), report
    home.becomes_quiet()
    for one in strangers:
        storm.note(one)
    return len(strangers)


def main(folder: str, seed: str, rounds: str) -> dict[str, Any]:
    """Return what happened."""
    chance = random.Random(int(seed))
    storm = Storm(random.Random(int(seed) + 1))
    given, ended = 0, []
    for home in scratch_home(Path(folder), timeouts={"grace": "300ms"}):
        home.agent("writer", WORK)
        storm.start()
        try:
            for number in range(int(rounds)):
                how = ("killed", "ended", "cancelled")[number % 3]
                given += one_round(home, f"t-{number}", how, storm)
                ended.append(home.outcomes(f"t-{number}"))
                time.sleep(chance.uniform(0, 0.05))
        finally:
            storm.is_over.set()
            storm.join()
        known = known_to(home)
    met = [pid for pid in storm.ids if pid in known]
    return {
        "strangers": len(storm.ids),
        "ids": len(set(storm.ids)),
        "bore an id that Baton had known": len(met),
        "given the id of a killed run": given,
        "signalled": storm.signalled,
        "ended": ended,
    }


if __name__ == "__main__":
    assert os.getpid() < 50, "not in a PID namespace of its own"
    print(json.dumps(main(*sys.argv[1:])))
