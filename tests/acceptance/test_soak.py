"""A soak: sixty tasks of three steps, while supervisors, agents and sweeps are killed at random.

Nothing may be lost, nothing that was completed may run again, no two runs of one task may overlap, and in the end log,
records, ready index, slots and processes must tell the same story. The seed is printed; ``BATON_SOAK_SEED`` sets it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home

SEED = int(os.environ.get("BATON_SOAK_SEED") or random.randrange(1_000_000))
TASKS = 60
KILLS = 120
HITS_WANTED = 30
MOST = {
    "supervisor": 40,
    "agent": 45,
    "sweep": 20,
}  # where these are killed faster than they start, no agent would ever be seen
SECONDS = 240.0
FINISH = 100.0
SETTINGS = """\
harness: {default: script}
concurrency: {agents: 4}
retry: {max_attempts: 1000, max_interruptions: 1000, backoff: 2ms, backoff_max: 10ms}
timeouts: {grace: 200ms}
lease: {heartbeat: 100ms}
notify: {channels: []}
"""
# The ledger stands outside every record. Whoever finds another run of its task alive says so.
BEGIN = """\
#!/bin/sh
exec 9> "$BATON_HOME/../held/$BATON_TASK"
flock -n -E 77 9 || [ $? != 77 ] || echo "overlap $BATON_TASK $BATON_STEP $BATON_RUN" >> "$BATON_HOME/../ledger"
echo "begin $BATON_TASK $BATON_STEP $BATON_RUN" >> "$BATON_HOME/../ledger"
mkdir -p step$BATON_STEP
"""
# The first tasks are urgent, and long at their first step: what a killed supervisor leaves of them is still alive when
# they are the next to be started.
WORKS = (
    BEGIN
    + """\
case $BATON_TASK-$BATON_STEP in soak-00?-0) sleep 2;; *) sleep 0.02;; esac
echo text > step$BATON_STEP/$BATON_TASK.md
"""
)
# This one reports by itself, and is still there for a while after its report.
REPORTS = WORKS + "complete_step.py --output step$BATON_STEP/$BATON_TASK.md --summary done || exit 1\nsleep 0.05\n"


class Killer:
    """Kills processes of one home, and of no other: each is known by the home in its environment."""

    def __init__(self, home: Home, chance: random.Random, most: dict[str, int] = MOST) -> None:
        self._mark = f"BATON_HOME={home.root}".encode()
        self._chance = chance
        self._most = most
        self.hits: Counter[str] = Counter()

    def victims(self) -> dict[int, str]:
        """Everything that lives for this home: what it is, by its pid."""
        found = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid() and (kind := self._kind(name)):
                found[int(name)] = kind
        return found

    def strike(self, *, spare: str = "") -> None:
        """Kill one of them, if there is any: first the kind is chosen, so that the many do not hide the few."""
        victims = {
            pid: kind
            for pid, kind in self.victims().items()
            if kind != spare and self.hits[kind] < self._most.get(kind, KILLS)
        }
        if not victims:
            return
        kind = self._chance.choice(sorted(set(victims.values())))
        pid = self._chance.choice(sorted(pid for pid, one in victims.items() if one == kind))
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            if self._kind(str(pid)) == kind:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                self.hits[kind] += 1
        except ProcessLookupError:
            return
        finally:
            os.close(fd)

    def _kind(self, pid: str) -> str:
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        if self._mark not in environ or not words:
            return ""
        if b"check_pipeline.py" in words:
            return "sweep"
        if any(entry.startswith(b"BATON_RUN=") for entry in environ):
            return "report" if b"complete_step.py" in words else "agent"
        return "supervisor" if b"invoke_agent.py" in words else "other"


@pytest.fixture
def soaked(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    (tmp_path / "held").mkdir()
    home.settings(SETTINGS)
    for agent, program in (("alpha", WORKS), ("beta", REPORTS), ("gamma", WORKS)):
        home.agent(agent, program)
    steps = [{"agent": agent, "output_dir": f"step{step}"} for step, agent in enumerate(("alpha", "beta", "gamma"))]
    pipeline = {"slug": "my-line", "name": "My line", "main_steps": steps}
    home.ok("pipeline", "create", home.file("my-line.json", pipeline))
    home.make_campaign("soak", target_article_count=TASKS)
    home.ok("activate_campaign", "soak")
    for number in range(1, 10):
        home.ok("task", "prioritize", f"soak-{number:03d}", "urgent")
    home.wake()
    return home


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock (util-linux) tells whether two runs overlap")
@pytest.mark.timeout(SECONDS + 60)
def test_nothing_is_lost_or_done_twice_while_everything_is_killed(soaked: Home) -> None:
    print(f"BATON_SOAK_SEED={SEED}")
    killer = Killer(soaked, random.Random(SEED))
    try:
        run_through(soaked, killer, random.Random(SEED + 1))
        time_out = time.monotonic() + 15
        while killer.victims() and time.monotonic() < time_out:
            time.sleep(0.05)
        left = killer.victims()
        soaked.ok("check_pipeline")
    finally:
        end(soaked, killer)

    print(f"kills that hit: {dict(killer.hits)}")
    assert killer.hits.total() > HITS_WANTED
    assert min(killer.hits[kind] for kind in ("supervisor", "agent", "sweep")) > 0
    assert left == {}
    assert soaked.campaign("soak")["status"] == "completed"
    check_tasks(soaked)
    check_ledger(soaked)
    check_log(soaked)
    check_left(soaked)


def run_through(home: Home, killer: Killer, chance: random.Random) -> None:
    """Sweep again and again, killing meanwhile, until the campaign is completed; the last part without kills.

    After a sweep that was killed the next one is spared: where all are, nothing is repaired, and nothing is proved.
    """
    start = time.monotonic()
    spared = True
    sweeping: subprocess.Popen[str] | None = None
    while home.campaign("soak")["status"] != "completed":
        elapsed = time.monotonic() - start
        assert elapsed < SECONDS, f"not completed after {SECONDS:g} s; kills: {dict(killer.hits)}"
        if sweeping is None or sweeping.poll() is not None:
            if sweeping is not None:
                out, err = sweeping.communicate()
                assert sweeping.returncode in (0, -9), err
                assert "Traceback" not in err
                assert sweeping.returncode or not json.loads(out).get("errors"), out
            spared = sweeping is not None and sweeping.returncode != 0
            sweeping = home.start("check_pipeline")
        time.sleep(chance.uniform(0.02, 0.15))
        if killer.hits.total() < KILLS and elapsed < FINISH:
            killer.strike(spare="sweep" if spared else "")
    assert sweeping is not None
    sweeping.communicate(timeout=60)


def end(home: Home, killer: Killer) -> None:
    """Leave no process behind, however the test went."""
    home.stop()
    limit = time.monotonic() + 20
    while (left := killer.victims()) and time.monotonic() < limit:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def check_tasks(home: Home) -> None:
    """Every task is completed, every step of it with what it should have left."""
    assert list((home.state / "tasks").iterdir()) == []
    assert list((home.state / "quarantine/tasks").iterdir()) == []
    records = tasks_of(home)
    assert len(records) == TASKS
    workspace = home.root / "projects/acme/campaigns/soak"
    for record in records.values():
        assert (record["status"], record["leases"], record["blocked"]) == ("completed", [], None)
        assert [step["status"] for step in record["pipeline"]] == ["completed"] * 3
        for step in record["pipeline"]:
            (output,) = step["result"]["outputs"]
            assert (workspace / output).read_text() == "text\n"


def check_ledger(home: Home) -> None:
    """No two runs of a task overlapped; the run that completed a step, or reported it durably, was its last one."""
    runs: dict[tuple[str, int], list[str]] = {}
    for line in (home.root.parent / "ledger").read_text().splitlines():
        what, task, step, run = line.split()
        assert what == "begin", line
        runs.setdefault((task, int(step)), []).append(run)
    reported = [event for event in home.events() if event["type"] == "run_reported"]
    assert len(reported) >= TASKS
    step_of = {"s1": 0, "s2": 1, "s3": 2}
    for event in reported:
        assert runs[event["task"], step_of[event["data"]["unit"]]][-1] == event["run"]
    for id, record in tasks_of(home).items():
        for step in record["pipeline"]:
            assert runs[id, step["step"]][-1] == step["result"]["run"]
    reruns = sum(len(set(found)) - 1 for found in runs.values())
    print(f"steps run again after a kill: {reruns} of {len(runs)}")


def check_log(home: Home) -> None:
    """The log has each event once, those of a record in order and without a gap, and ends as the record's history."""
    told: dict[str, list[str]] = {}
    for event in home.events():
        if not event["id"].startswith("refused/"):
            told.setdefault(event["id"].partition(":")[0], []).append(event["id"])
    records = {f"task/{id}": record for id, record in tasks_of(home).items()}
    records["campaign/soak"] = home.campaign("soak")
    records["project/acme"] = json.loads((home.state / "projects/acme.json").read_text())
    assert set(told) == set(records)
    for name, record in records.items():
        ids = told[name]
        places = [tuple(map(int, id.split(":")[1:])) for id in ids]
        assert places == sorted(set(places)), name
        assert {version for version, _ in places} == set(range(1, record["version"] + 1)), name
        history = [event["id"] for event in record["history"]]
        assert ids[-len(history) :] == history, name
    completed = Counter(
        (event["task"], event["data"]["unit"]) for event in home.events() if event["type"] == "step_completed"
    )
    assert set(completed.values()) == {1}
    assert len(completed) == TASKS * 3


def check_left(home: Home) -> None:
    """Nothing waits, no slot is held, no temporary file is left whose writer's number nobody bears any more."""
    assert [path for path in (home.state / "ready").rglob("*") if path.is_file()] == []
    assert home.slots() == []
    home.ok("check_pipeline")
    writers = [path.name.rpartition("-")[2] for path in (home.state / "tmp").iterdir()]
    assert [pid for pid in writers if not Path("/proc", pid).exists()] == []


def tasks_of(home: Home) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in (home.state / "archive/tasks").glob("*.json")}
