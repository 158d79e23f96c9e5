"""Homes made ready for deeds: tasks held, runs whose supervisor is dead, what crashes and time have left."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any

from msgspec import structs
from tests.cli.homes import Home
from tests.faults.kept import Kept

from baton.cli.wiring import Wiring
from baton.domain import commands as c
from baton.domain.agent_commands import BeginHeartbeat, EndHeartbeat
from baton.domain.agent_records import Cause
from baton.domain.statuses import Outcome, ReportKind
from baton.engine.granting import Granter
from baton.store.layout import Home as Places

SETTINGS = """\
harness: {default: script}
concurrency: {agents: 2}
retry: {backoff: 20ms, backoff_max: 100ms}
timeouts: {grace: 5s}
lease: {heartbeat: 60s}
notify: {channels: []}
"""
ONE_STEP = {"slug": "one", "name": "One", "main_steps": [{"agent": "alpha", "output_dir": "research"}]}
KEPT = ("state", "projects", "logs", "memory")
Arrange = Callable[[Home], None]
RUN = {"BATON_TASK": "t-1", "BATON_AGENT": "alpha", "BATON_RUN": "r-1", "BATON_LEASE": "1"}
PM_RUN = RUN | {"BATON_AGENT": "pm"}


def keep(home: Home) -> Kept:
    """Remember the home as it is now, but for caches: they would be made anew at a time of their own."""
    shutil.rmtree(home.state / "cache")
    (home.state / "cache").mkdir(0o700)
    return Kept(*(home.root / name for name in KEPT))


def parts(home: Home) -> Wiring:
    """The parts of this home, as a process of its own would put them together."""
    return Wiring(
        Places(str(home.root)), home.environ, lambda said: print(f"warning: {said}", file=sys.stderr, flush=True)
    )


def task(**fields: Any) -> Arrange:
    """A task of three steps, or of what is said."""

    def arrange(home: Home) -> None:
        home.make_task(**fields)

    return arrange


def held(**fields: Any) -> Arrange:
    """The same, its first step held by hand, with an output to be named."""

    def arrange(home: Home) -> None:
        home.make_task(**fields)
        home.acquire()
        (home.workspace() / "research").mkdir(exist_ok=True)
        (home.workspace() / "research/t-1.md").write_text("text\n")

    return arrange


def granted(home: Home) -> None:
    """A task granted to a supervisor that is dead since."""
    home.make_task()
    wiring = parts(home)
    dead = structs.replace(wiring.clock.holder(), slot=0, instance="1.1", boot_seconds=None)
    Granter(wiring.door, wiring.clock, lambda agent: None, lambda: dead).grant("t-1")


def beating(home: Home) -> None:
    """An agent with a heartbeat whose supervisor is dead since."""
    wiring = parts(home)
    dead = structs.replace(wiring.clock.holder(), slot=0, instance="1.1", boot_seconds=None)
    begin = BeginHeartbeat(cause=Cause.HAND, run="r-1", holder=dead, deadline_seconds=60.0)
    wiring.door.agent("alpha", begin)


def awake(home: Home) -> None:
    """A home in which agents may be run."""
    home.wake()


def starving(home: Home) -> None:
    """A home in which an agent is due, and a project starves."""
    home.settings(SETTINGS + "heartbeats: {agents: {orchestrator: 1h}, min_backlog: {acme: 9}, refill: alpha}\n")
    wiring = parts(home)
    holder = structs.replace(wiring.clock.holder(), slot=0, instance="1.1", boot_seconds=None)
    limits = {"backoff_seconds": 3600.0, "backoff_max_seconds": 86400.0}
    for project in ("acme", "zoo"):
        begin = BeginHeartbeat(
            cause=Cause.BACKLOG, run=f"r-{project}", holder=holder, deadline_seconds=60.0, project=project, **limits
        )
        token = wiring.door.agent("alpha", begin).token
        wiring.door.agent("alpha", EndHeartbeat(token=token, run=f"r-{project}", outcome=Outcome.COMPLETED))
    home.wake()


def reported(home: Home) -> None:
    """The same, after the run's report."""
    granted(home)
    parts(home).door.task("t-1", c.ReportRun(token=1, kind=ReportKind.COMPLETED, agent="alpha"))


def assigned(home: Home) -> None:
    """An assignment whose pm is next, and which has had no turn yet."""
    home.ok("assignment", "create", "Fix the login", "--id", "t-1", "--jobs", '[{"type": "pm"}]')


def deciding(home: Home) -> None:
    """The same, its pm granted to a supervisor that is dead since."""
    assigned(home)
    take_turn(home)


def decided(home: Home) -> None:
    """The same, after the pm has inserted a group and reported."""
    deciding(home)
    jobs = '[{"type": "review"}, {"type": "review"}]'
    home.ok("assignment", "insert-job", "--jobs", jobs, **PM_RUN)
    home.ok("complete_step", **PM_RUN)


def second_step_held(home: Home) -> None:
    """A task in its second step, held by hand."""
    home.make_task()
    home.complete()
    home.acquire("t-1", "beta")


def completed(home: Home) -> None:
    """A task of one step that is completed, and archived."""
    home.make_task(agents=["alpha"])
    home.complete()


def dependent(home: Home) -> None:
    """A task of one step held by hand, and another one that waits for it."""
    held(agents=["alpha"])(home)
    home.make_task("t-2", agents=["beta"], depends_on=["t-1"])


def last_of_campaign(home: Home) -> None:
    """The only task of an active campaign, its only step held by hand."""
    home.ok("pipeline", "create", home.file("one.json", ONE_STEP))
    home.make_campaign(pipeline="one", target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.acquire("spring-001")


def to_be_made(home: Home) -> None:
    """A task, and the file of one that will wait for it."""
    home.make_task()
    written = {"id": "t-2", "title": "Second", "depends_on": ["t-1"], "pipeline": [{"agent": "alpha"}]}
    home.file("second.json", written)


def line_awake(home: Home) -> None:
    """A task of three steps, in a home where agents are started."""
    home.make_task()
    home.wake()


def ready_and_awake(home: Home) -> None:
    """A task that is ready, in a home where agents are started."""
    home.make_task(agents=["alpha"])
    home.wake()


def torn_records(home: Home) -> None:
    """Two tasks and a campaign; of one task and of the campaign half is gone."""
    home.make_task("t-1")
    home.make_task("t-2")
    home.make_campaign()
    for name in ("tasks/t-1", "campaigns/spring"):
        path = home.state / f"{name}.json"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edited(arrange: Arrange, change: Callable[[dict[str, Any]], Any], name: str = "tasks/t-1") -> Arrange:
    """A record changed behind the store's back, the index brought into line."""

    def arranged(home: Home) -> None:
        arrange(home)
        path = home.state / f"{name}.json"
        record = json.loads(path.read_text())
        change(record)
        path.write_text(json.dumps(record, indent=2) + "\n")
        store = parts(home).store
        store.tasks.resync("t-1", tuple(store.ready.all()))

    return arranged


def another_boot(record: dict[str, Any]) -> None:
    """Let the hand lease be one of a boot that is over."""
    record["leases"][0]["holder"]["boot"] = "another"
    if record["lease"]:
        record["lease"]["holder"]["boot"] = "another"


def far_ahead(record: dict[str, Any]) -> None:
    """Let the first step wait for a time that a clock gone wrong has written."""
    record["pipeline"][0]["not_before"] = "2099-01-01T00:00:00.000Z"


def wrongly_closed(home: Home) -> None:
    """A campaign that is completed though a task of it is alive."""
    last_of_campaign(home)
    path = home.state / "campaigns/spring.json"
    path.write_text(path.read_text().replace('"status": "active"', '"status": "completed"'))


def wrong_index(home: Home) -> None:
    """Two tasks: of one the place in line is gone, of the other it is told twice."""
    home.make_task("t-1")
    home.make_task("t-2")
    places = sorted((home.state / "ready").rglob("*~s1"))
    places[0].rename(places[0].with_name(f"000001~{places[0].name.partition('~')[2]}"))
    shutil.copy(places[1], places[1].with_name(f"000001~{places[1].name.partition('~')[2]}"))


def with_a_product(home: Home) -> None:
    """A project with a product and one focus group, and a document about two."""
    home.ok("project", "create", home.file("p.json", {"slug": "acme", "name": "Acme"}))
    home.ok("product", "create", home.file("loaf.json", {"slug": "loaf", "name": "Loaf"}))
    home.ok("focus_group", "create", home.file("g.json", {"product": "loaf", "name": "Bakers"}))
    home.file("groups.md", "## Bakers\n- Fears: flat loaves\n## Shops\n- Hooks: Out of bread?\n")


def grown_old(home: Home) -> None:
    """What upkeep takes away: a temporary file of a dead process, a log and a run's record from long ago."""
    home.make_task()
    (home.state / "tmp/task-t-1-999999999").write_text("half")
    for path in (home.root / "logs/alpha/r-1.out", home.state / "runs/t-0/r-1.json"):
        path.parent.mkdir(parents=True)
        path.write_text("{}")
        os.utime(path, (0, 0))


def with_a_channel(home: Home) -> None:
    """A home that tells of what happens, without credentials to do so."""
    home.settings(SETTINGS.replace("channels: []", "channels: [telegram]"))
    home.make_task()


# -- steps in a process -----------------------------------------------------------------------------------------------


def take_turn(home: Home, id: str = "t-1") -> None:
    """The grant of an assignment's first job, which takes the turn of its namespace."""
    wiring = parts(home)
    dead = structs.replace(wiring.clock.holder(), slot=0, instance="1.1", boot_seconds=None)
    Granter(wiring.door, wiring.clock, lambda agent: None, lambda: dead).grant(id)


def shown(home: Home) -> None:
    """A workspace in which a skill is shown for a run that is over."""
    home.make_task()
    (skill,) = [parts(home).agents.find("alpha")]
    assert parts(home).skill_folders.show("r-9", "t-1", str(home.workspace()), ".claude/skills", (skill,)) == ("alpha",)


def to_be_added(home: Home) -> None:
    """The file of a task to be made for an active campaign."""
    home.make_campaign(target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    written = {"id": "t-1", "title": "One more", "campaign": "spring", "pipeline": [{"agent": "alpha"}]}
    home.file("more.json", written)


def untold(home: Home) -> None:
    """A streaming run that has completed, and of which nothing was told."""
    step = {"agent": "outliner", "instructions": "Outline it.", "model": "haiku"}
    prompts = {"slug": "two", "name": "Prompts", "main_steps": [step]}
    (home.root / "config/pipelines/two.yaml").write_text(json.dumps(prompts))
    home.ok("stream_run", "create", "two", "--id", "r", "--input", "x", "--start")
    home.complete("r", "outliner")
