"""The deeds whose every call is put to the test: a home made ready for each, and one command or one step in a process."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import structs
from tests.cli.homes import SCRIPTS, Home, call, module
from tests.faults.tracing import Call, is_changing, trace

from baton.cli import heartbeating, supervising
from baton.cli.script import main as run_script
from baton.cli.wiring import Wiring
from baton.domain import commands as c
from baton.domain.agent_commands import BeginHeartbeat, EndHeartbeat
from baton.domain.agent_records import Cause
from baton.domain.errors import BatonError
from baton.domain.statuses import Outcome, ReportKind
from baton.engine import endings
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
KEPT = ("state", "projects", "logs")
Arrange = Callable[[Home], None]


class Deed(NamedTuple):
    """``words`` of a script, or ``step`` in a process. ``main``: tried at each run of the tests.

    ``aside``: records that it sets aside. ``promised``: the record it speaks of, where it takes several ``commits``; what
    else follows from it may be left to the sweep. ``leaves``: the events of the record that it changes, so that a deed
    that was refused is not taken for one that was done. ``may_fail``: an agent is run, which an error may keep from it.
    """

    arrange: Arrange
    words: tuple[str, ...] = ()
    step: Callable[[Home], None] | None = None
    environ: Mapping[str, str] = {}
    aside: tuple[str, ...] = ()
    main: bool = False
    commits: int = 1
    promised: str = ""
    again: bool = True
    leaves: tuple[str, ...] = ()
    may_fail: bool = False

    @property
    def is_sweep(self) -> bool:
        """Tell whether the deed is a repair: then every later sweep ends where this one would have."""
        return self.words[:1] == ("check_pipeline",)

    def act(self, home: Home) -> int:
        """Carry it out in this process, and return its exit code; to be called in a fork."""
        hide_others()
        if self.step is None:
            sys.argv = [str(SCRIPTS / f"{self.words[0]}.py"), *self._filled(home)[1:]]
            run_script(module(self.words[0]).command)
        try:
            self.step(home)
        except (BatonError, OSError) as error:  # as every script does
            print(f"{type(error).__name__}: {error}")
            return 1
        return 0

    def repeat(self, home: Home) -> int:
        """Do the same again, without faults."""
        words = self._filled(home)
        return call(*words, environ=home.environ | self.environ).code

    def _filled(self, home: Home) -> list[str]:
        return [word.replace("{beside}", str(home.root.parent)) for word in self.words]


def hide_others() -> None:
    """Let this process see no other in ``/proc``: how many there are must not decide which call is the hundredth."""
    real, me = os.listdir, str(os.getpid())

    def listdir(path: Any = ".") -> Any:
        return [name for name in real(path) if path != "/proc" or name == me or not name.isdigit()]

    os.listdir = listdir


# -- arranging --------------------------------------------------------------------------------------------------------


def keep(home: Home) -> None:
    """Remember the home as it is now, but for caches: they would be made anew at a time of their own."""
    shutil.rmtree(home.state / "cache")
    (home.state / "cache").mkdir(0o700)
    for name in KEPT:
        shutil.rmtree(home.root.parent / "kept" / name, ignore_errors=True)
        shutil.copytree(home.root / name, home.root.parent / "kept" / name, symlinks=True)


def restore(home: Home) -> None:
    """Bring the home back to what it was when it was kept."""
    for name in KEPT:
        shutil.rmtree(home.root / name, ignore_errors=True)
        shutil.copytree(home.root.parent / "kept" / name, home.root / name, symlinks=True, dirs_exist_ok=True)


def parts(home: Home) -> Wiring:
    """The parts of this home, as a process of its own would put them together."""
    return Wiring(
        Places(str(home.root)), home.environ, lambda said: print(f"warning: {said}", file=sys.stderr, flush=True)
    )


def killed(deed: Deed, at: Callable[[Call], bool]) -> Arrange:
    """Arrange a deed, and kill it at the first call of which ``at`` is true."""

    def arrange(home: Home) -> None:
        deed.arrange(home)
        keep(home)
        folder = home.root.parent
        clean = trace(lambda: deed.act(home), home.environ | deed.environ, folder)
        wanted = next(call for call in clean.calls if is_changing(call) and at(call))
        restore(home)
        fault = f"{wanted.name}:signal=KILL:when={wanted.number}"
        assert trace(lambda: deed.act(home), home.environ | deed.environ, folder, [fault]).code == -9

    return arrange


def renames(path: str) -> Callable[[Call], bool]:
    """True of the renaming that puts a file in its place."""
    return lambda call: call.name == "rename" and call.text.endswith(f'{path}"')


def writes(path: str) -> Callable[[Call], bool]:
    """True of a writing to a file whose path ends so."""
    return lambda call: call.name == "write" and path in call.text


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


def after_a_boot(home: Home) -> None:
    """A home as a loss of power left it: the log has lost its end, and a mark is still there."""
    killed(COMPLETE, writes("events/"))(home)
    (home.state / "locks/boot").write_text("another")
    (log,) = (home.state / "events").glob("*.ndjson")
    log.write_bytes(log.read_bytes()[:-100])


# -- steps in a process -----------------------------------------------------------------------------------------------


def run_once(home: Home) -> None:
    """A supervisor's round: slot, grant, prepare, spawn, end of the run with the grant of the successor."""
    endings.RETRY_SECONDS = 0.02
    wiring = parts(home)
    slot = wiring.store.slots.take(2)
    if slot is None:
        raise BatonError("no slot")
    served = supervising.supervisor(wiring, slot)
    served.begin()
    served.carry(served.granter.grant("t-1"), goes_on=True)


def beat_once(home: Home) -> None:
    """A supervisor's heartbeat: slot, grant, prepare, spawn, end."""
    endings.RETRY_SECONDS = 0.02
    wiring = parts(home)
    slot = wiring.store.slots.take(2)
    if slot is None:
        raise BatonError("no slot")
    served = supervising.supervisor(wiring, slot)
    heartbeating.carried(wiring, served, "alpha", Cause.HAND, None)
    served.seat.slot.free()


def take_turn(home: Home, id: str = "t-1") -> None:
    """The grant of an assignment's first job, which takes the turn of its namespace."""
    wiring = parts(home)
    dead = structs.replace(wiring.clock.holder(), slot=0, instance="1.1", boot_seconds=None)
    Granter(wiring.door, wiring.clock, lambda agent: None, lambda: dead).grant(id)


def dispatch(home: Home) -> None:
    """A supervisor started for what is ready."""
    parts(home).dispatch_quietly()


ONE_STEP = {"slug": "one", "name": "One", "main_steps": [{"agent": "alpha", "output_dir": "research"}]}
DONE = ("--output", "research/t-1.md", "--summary", "Done", "--result", '{"words": 900}')
RUN = {"BATON_TASK": "t-1", "BATON_AGENT": "alpha", "BATON_RUN": "r-1", "BATON_LEASE": "1"}
PM_RUN = RUN | {"BATON_AGENT": "pm"}
COMPLETE = Deed(held(), ("complete_step", "t-1", "--agent", "alpha", *DONE), main=True)
ARCHIVE = Deed(held(agents=["alpha"]), ("complete_step", "t-1", "--agent", "alpha"), main=True)
DEPENDENCY = Deed(dependent, ("complete_step", "t-1", "--agent", "alpha"), main=True, commits=2, promised="tasks/t-1")
CLOSE = Deed(
    last_of_campaign, ("complete_step", "spring-001", "--agent", "alpha"), commits=2, promised="tasks/spring-001"
)
ACTIVATE = Deed(Home.make_campaign, ("activate_campaign", "spring", "--no-dispatch"), main=True, commits=5)
SWEEP = ("check_pipeline",)


def sweep(arrange: Arrange, *aside: str, main: bool = False) -> Deed:
    """A sweep that has something to repair."""
    return Deed(arrange, SWEEP, aside=aside, main=main, commits=2)


DEEDS: dict[str, Deed] = {
    "acquire": Deed(task(), ("acquire_lock", "t-1", "--agent", "alpha")),
    "complete": COMPLETE,
    "report": Deed(granted, ("complete_step",), environ=RUN, main=True, again=False),
    "turn": Deed(assigned, step=take_turn, main=True, again=False),
    "insert": Deed(
        deciding,
        ("assignment", "insert-job", "--type", "implement", "--json"),
        environ=PM_RUN,
        main=True,
        again=False,
    ),
    "run": Deed(
        line_awake,
        step=run_once,
        main=True,
        commits=2,
        again=False,
        leaves=("lease_granted", "run_ended", "step_completed", "lease_granted"),
        may_fail=True,
    ),
    "hear": Deed(task(), ("agent", "heartbeat", "alpha", "--note", "here", "--json")),
    "heartbeat": Deed(
        awake, step=beat_once, commits=2, again=False, leaves=("run_started", "run_ended"), may_fail=True
    ),
    "revise": Deed(
        second_step_held, ("request_revision", "t-1", "--agent", "beta", "--to-step", "0", "--notes", "dry"), main=True
    ),
    "fix": Deed(completed, ("review", "t-1", "fix", "alpha", "--notes", "shorter"), main=True),
    "create": Deed(to_be_made, ("task", "create", "{beside}/second.json", "--json"), commits=2),
    "import": Deed(
        with_a_product, ("focus_group", "import", "{beside}/groups.md", "--product", "loaf", "--json"), main=True
    ),
    "activate": ACTIVATE,
    "dispatch": Deed(ready_and_awake, step=dispatch, again=False),
    "archive": ARCHIVE,
    "dependency-met": DEPENDENCY,
    "close-campaign": CLOSE,
    "heal": Deed(killed(COMPLETE, writes("events/")), ("task", "comment", "t-1", "Hello", "--json"), main=True),
    "boot": Deed(after_a_boot, ("task", "comment", "t-1", "Hello", "--json")),
    "sweep-damaged-files": sweep(torn_records, "task/t-1", "campaign/spring"),
    "sweep-dead-run": sweep(granted, main=True),
    "sweep-dead-run-that-reported": sweep(reported),
    "sweep-dead-heartbeat": sweep(beating, main=True),
    "sweep-pulse": sweep(starving),
    "sweep-dead-pm-that-decided": sweep(decided, main=True),
    "sweep-old-hand-lease": sweep(edited(held(), another_boot)),
    "sweep-far-backoff": sweep(edited(task(), far_ahead)),
    "sweep-unfinished-plan": sweep(killed(ACTIVATE, renames("tasks/spring-001.json"))),
    "sweep-unheard-end": sweep(killed(DEPENDENCY, renames("tasks/t-2.json"))),
    "sweep-finished-task": sweep(killed(ARCHIVE, renames("archive/tasks/t-1.json"))),
    "sweep-done-campaign": sweep(killed(CLOSE, writes("manifest.json"))),
    "sweep-wrongly-closed-campaign": sweep(wrongly_closed),
    "sweep-wrong-index": sweep(wrong_index),
    "sweep-upkeep": sweep(grown_old),
    "sweep-channel": sweep(with_a_channel),
}
