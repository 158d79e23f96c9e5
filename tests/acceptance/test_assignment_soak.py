"""A soak of assignments: their PMs, workers, supervisors and the sweep are killed at random, the PMs while they insert.

No job may be inserted twice or lost, nothing that a run did may happen unless it ended well, no two jobs of a line may
overlap unless they are a group, no two assignments of one namespace may be at work at once, and a late PM is always
refused. The seed is printed; ``BATON_SOAK_SEED`` sets it.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.test_soak import Killer, end
from tests.cli.homes import Home

SEED = int(os.environ.get("BATON_SOAK_SEED") or random.randrange(1_000_000))
NAMESPACES = ("shop", "blog")
ASSIGNMENTS = [f"{space}-{number}" for space in NAMESPACES for number in (1, 2, 3)]
KILLS = 60
HITS_WANTED = 20
MOST = {"supervisor": 12, "sweep": 6, "pm": 12, "deciding": 8, "other": 0}
KILLING_SECONDS = 45.0
SECONDS = 200.0
# What the PM decides each time follows from the line alone: whoever is run again decides the same.
LINE = ["plan", "pm", "implement", "pm", "document", "pm", "review", "review", "pm"]
SETTINGS = """\
harness: {default: script}
concurrency: {agents: 4}
retry: {max_attempts: 1000, max_interruptions: 1000, backoff: 2ms, backoff_max: 10ms}
timeouts: {grace: 200ms}
lease: {heartbeat: 100ms}
notify: {channels: []}
"""
# The ledger stands outside every record: who begins holds its locks as long as it lives, and says whom it meets.
BEGIN = """\
#!/bin/sh
held="$BATON_HOME/../held" ledger="$BATON_HOME/../ledger" space=${BATON_TASK%-*}
exec 9>> "$held/$BATON_TASK.line"
flock -n -E 77 MODE 9 || [ $? != 77 ] || echo "overlap $BATON_TASK $BATON_AGENT $BATON_RUN" >> "$ledger"
exec 8>> "$held/$space/$BATON_TASK"
flock -s 8
for other in "$held/$space"/*; do
    [ "$other" = "$held/$space/$BATON_TASK" ] || flock -n -x -E 77 "$other" true || [ $? != 77 ] ||
        echo "out-of-turn $BATON_TASK $BATON_AGENT $BATON_RUN" >> "$ledger"
done
echo "begin $BATON_TASK $BATON_AGENT $BATON_RUN $BATON_LEASE" >> "$ledger"
"""
WORKER = BEGIN.replace("MODE", "-x") + "sleep 0.4\necho done\n"
REVIEWER = BEGIN.replace("MODE", "-s") + "sleep 0.4\ncomplete_step.py --summary fine || exit 1\nsleep 0.05\n"
PM = (
    BEGIN.replace("MODE", "-x")
    + """\
line=$(assignment.py jobs --json | tr '{' '\\n' | sed -n 's/.*"type":"\\([a-z]*\\)","status":"\\([a-z]*\\)".*/\\1:\\2/p')
case $(echo "$line" | grep -vc '^pm:') in
    1)
        assignment.py update --decisions 'Two steps' --artifacts 'plan.md: the plan' || exit 1
        assignment.py insert-job --type implement || exit 1
        sleep 0.3
        assignment.py insert-job --type document || exit 1
        sleep 0.2;;
    3)
        if echo "$line" | grep -q document:complete; then
            assignment.py insert-job --jobs '[{"type": "review"}, {"type": "review"}]' || exit 1
            sleep 0.1
        fi;;
    *)
        assignment.py complete --summary 'It works' || exit 1;;
esac
complete_step.py --summary decided || exit 1
sleep 0.05
"""
)


class PmKiller(Killer):
    """Knows the calls of ``assignment.py`` apart: they are what a PM is killed in."""

    def _kind(self, pid: str) -> str:
        kind = super()._kind(pid)
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return ""
        if kind == "agent" and b"assignment.py" in words:
            return "deciding"
        return "pm" if kind == "agent" and b"BATON_AGENT=pm" in environ else kind


@pytest.fixture
def soaked(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    for space in NAMESPACES:
        (tmp_path / "held" / space).mkdir(parents=True)
    home.settings(SETTINGS)
    for type in ("plan", "implement", "document"):
        home.agent(type, WORKER)
    home.agent("review", REVIEWER)
    home.agent("pm", PM)
    for number, id in enumerate(ASSIGNMENTS):
        home.ok("assignment", "create", f"Make {id}", "--id", id, "--namespace", id[:-2], "--priority", str(number % 3))
    home.wake()
    return home


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock (util-linux) tells whether two runs overlap")
@pytest.mark.timeout(SECONDS + 60)
def test_no_job_is_inserted_twice_or_lost_while_everything_is_killed(soaked: Home) -> None:
    print(f"BATON_SOAK_SEED={SEED}")
    killer = PmKiller(soaked, random.Random(SEED), MOST)
    ghosts: Counter[str] = Counter()
    try:
        run_through(soaked, killer, random.Random(SEED + 1), ghosts)
    finally:
        end(soaked, killer)

    print(f"kills that hit: {dict(killer.hits)}; late PMs refused: {dict(ghosts)}")
    assert killer.hits.total() > HITS_WANTED
    assert min(killer.hits[kind] for kind in ("supervisor", "sweep", "agent", "pm", "deciding")) > 0
    assert set(ghosts) == {"lease_mismatch"}
    check_records(soaked)
    check_ledger(soaked)
    check_log(soaked)


def run_through(home: Home, killer: PmKiller, chance: random.Random, ghosts: Counter[str]) -> None:
    """Sweep again and again, killing meanwhile, until every assignment is complete; the last part without kills."""
    start = time.monotonic()
    sweeping: subprocess.Popen[str] | None = None
    spared = True
    while any((home.state / "tasks").glob("*.json")):
        elapsed = time.monotonic() - start
        assert elapsed < SECONDS, f"not complete after {SECONDS:g} s; kills: {dict(killer.hits)}"
        if sweeping is None or sweeping.poll() is not None:
            if sweeping is not None:
                err = sweeping.communicate()[1]
                assert sweeping.returncode in (0, -9), err
                assert "Traceback" not in err
            spared = sweeping is not None and sweeping.returncode != 0
            sweeping = home.start("check_pipeline")
        time.sleep(chance.uniform(0.02, 0.15))
        if killer.hits.total() < KILLS and elapsed < KILLING_SECONDS:
            killer.strike(spare="sweep" if spared else "")
        if chance.random() < 0.1:
            haunt(home, chance, ghosts)
    assert sweeping is not None
    sweeping.communicate(timeout=60)


def haunt(home: Home, chance: random.Random, ghosts: Counter[str]) -> None:
    """Insert a job as a PM whose run was replaced or has ended."""
    begun = [line.split() for line in ledger(home) if line.split()[2] == "pm" and line.startswith("begin")]
    late = [(task, token) for _, task, _, _, token in begun if int(token) not in live_tokens(home, task)]
    if not late:
        return
    task, token = chance.choice(late)
    if home.record(task)["status"] == "completed":
        return
    environ = {"BATON_TASK": task, "BATON_AGENT": "pm", "BATON_LEASE": token, "BATON_RUN": "r-0"}
    done = home.call("assignment", "insert-job", "--type", "chat", "--json", **environ)
    if done.code == 1 and done.error["code"] == "illegal_transition":
        assert home.record(task)["status"] == "completed", done  # it was completed in this moment
        return
    assert done.code == 1, done
    ghosts[done.error["code"]] += 1


def live_tokens(home: Home, task: str) -> set[int]:
    return {lease["token"] for lease in home.record(task)["leases"]}


def ledger(home: Home) -> list[str]:
    path = home.root.parent / "ledger"
    return path.read_text().splitlines() if path.exists() else []


def check_records(home: Home) -> None:
    """Every assignment is complete, and its line is the one that its PM decided: nothing twice, nothing missing."""
    assert list((home.state / "quarantine/tasks").iterdir()) == []
    for id in ASSIGNMENTS:
        record = home.record(id)
        assert (record["status"], record["leases"], record["assignment"]["turn"]) == ("completed", [], False)
        assert [unit["agent"] for unit in record["pipeline"]] == LINE, id
        assert {unit["status"] for unit in record["pipeline"]} == {"completed"}
        assert [one["text"] for one in record["assignment"]["decisions"]] == ["Two steps"]
        assert record["assignment"]["artifacts"] == ["plan.md: the plan"]
        first, second = (unit["job"] for unit in record["pipeline"] if unit["agent"] == "review")
        assert first["group"] == second["group"] is not None
    assert [path for path in (home.state / "ready").rglob("*") if path.is_file()] == []


def check_ledger(home: Home) -> None:
    """Nothing overlapped, nobody worked out of turn; the run that completed a job was its last one."""
    runs: dict[tuple[str, str], list[str]] = {}
    for line in ledger(home):
        words = line.split()
        assert words[0] == "begin", line
        runs.setdefault((words[1], words[2]), []).append(words[3])
    for id in ASSIGNMENTS:
        for unit in home.record(id)["pipeline"]:
            assert unit["result"]["run"] in runs[id, unit["agent"]]
    print(f"runs: {sum(map(len, runs.values()))} for {len(ASSIGNMENTS) * len(LINE)} jobs")


def check_log(home: Home) -> None:
    """The log tells each insertion, completion and turn once, and without a gap."""
    told: dict[str, list[dict[str, Any]]] = {}
    for event in home.events():
        if not event["id"].startswith("refused/"):
            told.setdefault(event["task"], []).append(event)
    for id in ASSIGNMENTS:
        record = home.record(id)
        places = [tuple(map(int, event["id"].split(":")[1:])) for event in told[id]]
        assert places == sorted(set(places)), id
        assert {version for version, _ in places} == set(range(1, record["version"] + 1)), id
        inserted = [
            job["unit"] for event in told[id] if event["type"] == "jobs_inserted" for job in event["data"]["jobs"]
        ]
        assert sorted(inserted) == sorted(unit["key"] for unit in record["pipeline"][1:]), id
        completed = Counter(event["data"]["unit"] for event in told[id] if event["type"] == "step_completed")
        assert set(completed.values()) == {1}
        assert sum(event["type"] == "turn_taken" for event in told[id]) == 1
