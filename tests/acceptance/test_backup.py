"""A home is backed up again and again while its campaign runs and everything is killed; each backup becomes a home that
finishes the work: no task is missing, half or twice, and log, records and index tell one story.

The seed is printed; ``BATON_SOAK_SEED`` sets it.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest
from tests.acceptance.test_soak import Killer, end
from tests.cli.homes import Home, base_environ, call, wait_for

SEED = int(os.environ.get("BATON_SOAK_SEED") or random.randrange(1_000_000))
TASKS = 12
BACKUPS = 4
SECONDS = 120.0
SETTINGS = """\
harness: {default: script}
concurrency: {agents: 3}
retry: {max_attempts: 1000, max_interruptions: 1000, backoff: 2ms, backoff_max: 10ms}
timeouts: {grace: 200ms}
lease: {heartbeat: 100ms}
notify: {channels: []}
"""
WORKS = """\
#!/bin/sh
mkdir -p step$BATON_STEP
sleep 0.1
echo text > step$BATON_STEP/$BATON_TASK.md
"""
REPORTS = WORKS + "complete_step.py --output step$BATON_STEP/$BATON_TASK.md --summary done || exit 1\nsleep 0.05\n"


@pytest.fixture
def busy(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.settings(SETTINGS)
    for agent, program in (("alpha", WORKS), ("beta", REPORTS), ("gamma", WORKS)):
        home.agent(agent, program)
    steps = [{"agent": agent, "output_dir": f"step{step}"} for step, agent in enumerate(("alpha", "beta", "gamma"))]
    home.ok("pipeline", "create", home.file("my-line.json", {"slug": "my-line", "name": "L", "main_steps": steps}))
    home.make_campaign("soak", target_article_count=TASKS)
    home.ok("activate_campaign", "soak")
    home.wake()
    return home


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_backup_of_a_home_that_runs_and_is_killed_becomes_a_home_that_finishes(busy: Home) -> None:
    print(f"BATON_SOAK_SEED={SEED}")
    chance = random.Random(SEED)
    killer = Killer(busy, chance)
    made: list[Path] = []
    try:
        start = time.monotonic()
        while busy.campaign("soak")["status"] != "completed":
            assert time.monotonic() - start < SECONDS
            busy.run("check_pipeline")
            if len(made) < BACKUPS:
                killer.strike()
                made.append(busy.root.parent / f"backup-{len(made)}.tar.gz")
                done = busy.run("backup", "create", str(made[-1]), "--json")
                assert (done.code, done.json["left_out"]) == (0, [])
            time.sleep(chance.uniform(0.0, 0.3))
    finally:
        end(busy, killer)
    assert killer.hits.total() > 0

    stages = []
    for number, archive in enumerate(made):
        home = restored(archive, busy.root.parent / f"restored-{number}")
        stages.append(len(list((home.state / "archive/tasks").iterdir())))
        finish(home)
        check(home)
    print(f"tasks that were done in each backup: {stages}")
    assert min(stages) < TASKS


@pytest.mark.timeout(300)
def test_a_home_restored_beside_the_one_that_runs_leaves_its_agents_alone(busy: Home, tmp_path: Path) -> None:
    busy.agent(
        "alpha",
        "#!/bin/sh\necho $$ >> $BATON_HOME/../begun\nuntil [ -e $BATON_HOME/../go ]; do sleep 0.05; done\n"
        + WORKS[10:],
    )
    killer = Killer(busy, random.Random(SEED))
    try:
        busy.run("check_pipeline")
        begun = tmp_path / "begun"
        wait_for(lambda: begun.exists() and len(begun.read_text().split()) == 3)
        before = {int(pid) for pid in begun.read_text().split()}
        before |= {pid for pid, kind in killer.victims().items() if kind == "supervisor"}
        archive = tmp_path / "b.tar.gz"
        busy.ok("backup", "create", str(archive))
        home = restored(archive, tmp_path / "restored")
        swept = home.run("check_pipeline").json  # stopped as it is, it ends what ran, and starts nothing

        assert (swept["stale_released"], swept["errors"], swept["health"]["running"]) == (3, [], 0)
        assert before <= set(killer.victims())
        (tmp_path / "go").touch()
        finish(home)
        check(home)
    finally:
        (tmp_path / "go").touch()
        end(busy, killer)


def restored(archive: Path, root: Path) -> Home:
    done = call("backup", "restore", str(archive), str(root), "--json", environ=base_environ())
    assert done.code == 0, done
    home = Home.__new__(Home)
    home.root, home.state, home.environ = root, root / "state", base_environ(root)
    report = home.run("doctor", "--json").json
    assert {one["check"] for one in (*report["errors"], *report["warnings"])} <= {
        "stop",
        "cron",
        "cron_path",
        "sweep",
        "dead_runs",
    }
    return home


def finish(home: Home) -> None:
    home.wake()
    killer = Killer(home, random.Random(0))
    limit = time.monotonic() + SECONDS
    try:
        while home.campaign("soak")["status"] != "completed":
            assert time.monotonic() < limit, home.run("status").out
            assert home.run("check_pipeline").json["errors"] == []
            time.sleep(0.1)
    finally:
        end(home, killer)
    home.ok("check_pipeline")


def check(home: Home) -> None:
    records = {path.stem: json.loads(path.read_text()) for path in (home.state / "archive/tasks").glob("*.json")}
    assert sorted(records) == [f"soak-{number:03d}" for number in range(1, TASKS + 1)]
    assert [*(home.state / "tasks").iterdir(), *(home.state / "quarantine/tasks").iterdir()] == []
    assert [path for path in (home.state / "ready").rglob("*") if path.is_file()] == []
    told: dict[str, list[tuple[int, ...]]] = {}
    for event in home.events():
        if not event["id"].startswith("refused/"):
            name, *place = event["id"].split(":")
            told.setdefault(name, []).append(tuple(map(int, place)))
    everything = {f"task/{id}": record for id, record in records.items()} | {"campaign/soak": home.campaign("soak")}
    everything["project/acme"] = json.loads((home.state / "projects/acme.json").read_text())
    assert set(told) == set(everything)
    for name, record in everything.items():
        assert told[name] == sorted(set(told[name])), name
        assert {version for version, _ in told[name]} == set(range(1, record["version"] + 1)), name
    for record in records.values():
        assert (record["status"], record["leases"]) == ("completed", [])
        for step in record["pipeline"]:
            (output,) = step["result"]["outputs"]
            assert (home.root / "projects/acme/campaigns/soak" / output).read_text() == "text\n"
