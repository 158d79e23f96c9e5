"""The deeds whose every call is put to the test: a home made ready for each, and one command or one step in a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests.cli.homes import SCRIPTS, Home, call, module
from tests.faults.arrangements import (
    PM_RUN,
    RUN,
    Arrange,
    another_boot,
    assigned,
    awake,
    beating,
    completed,
    decided,
    deciding,
    dependent,
    edited,
    far_ahead,
    granted,
    grown_old,
    held,
    keep,
    last_of_campaign,
    line_awake,
    parts,
    ready_and_awake,
    reported,
    second_step_held,
    shown,
    starving,
    take_turn,
    task,
    to_be_added,
    to_be_made,
    torn_records,
    untold,
    with_a_channel,
    with_a_product,
    wrong_index,
    wrongly_closed,
)
from tests.faults.tracing import Call, is_changing, trace

from baton.cli import heartbeating, supervising
from baton.cli.script import main as run_script
from baton.domain.agent_records import Cause
from baton.domain.errors import BatonError
from baton.engine import endings, run


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


def killed(deed: Deed, at: Callable[[Call], bool]) -> Arrange:
    """Arrange a deed, and kill it at the first call of which ``at`` is true."""

    def arrange(home: Home) -> None:
        deed.arrange(home)
        kept = keep(home)
        folder = home.root.parent
        clean = trace(lambda: deed.act(home), home.environ | deed.environ, folder)
        wanted = next(call for call in clean.calls if is_changing(call) and at(call))
        kept.restore()
        fault = f"{wanted.name}:signal=KILL:when={wanted.number}"
        assert trace(lambda: deed.act(home), home.environ | deed.environ, folder, [fault]).code == -9

    return arrange


def renames(path: str) -> Callable[[Call], bool]:
    """True of the renaming that puts a file in its place."""
    return lambda call: call.name == "rename" and call.text.endswith(f'{path}"')


def writes(path: str) -> Callable[[Call], bool]:
    """True of a writing to a file whose path ends so."""
    return lambda call: call.name == "write" and path in call.text


def run_once(home: Home) -> None:
    """A supervisor's round: slot, grant, prepare, spawn, end of the run with the grant of the successor."""
    endings.RETRY_SECONDS, run.FIRST_BEAT_SECONDS = 0.02, 0.0  # so that it beats the same number of times each time
    wiring = parts(home)
    slot = wiring.store.slots.take(2)
    if slot is None:
        raise BatonError("no slot")
    served = supervising.supervisor(wiring, slot)
    served.begin()
    served.carry(served.granter.grant("t-1"), goes_on=True)


def beat_once(home: Home) -> None:
    """A supervisor's heartbeat: slot, grant, prepare, spawn, end."""
    endings.RETRY_SECONDS, run.FIRST_BEAT_SECONDS = 0.02, 0.0  # so that it beats the same number of times each time
    wiring = parts(home)
    slot = wiring.store.slots.take(2)
    if slot is None:
        raise BatonError("no slot")
    served = supervising.supervisor(wiring, slot)
    heartbeating.carried(wiring, served, "alpha", Cause.HAND, None)
    served.seat.slot.free()


def dispatch(home: Home) -> None:
    """A supervisor started for what is ready."""
    parts(home).dispatch_quietly()


DONE = ("--output", "research/t-1.md", "--summary", "Done", "--result", '{"words": 900}')
COMPLETE = Deed(held(), ("complete_step", "t-1", "--agent", "alpha", *DONE), main=True)
ARCHIVE = Deed(held(agents=["alpha"]), ("complete_step", "t-1", "--agent", "alpha"), main=True)
DEPENDENCY = Deed(dependent, ("complete_step", "t-1", "--agent", "alpha"), main=True, commits=2, promised="tasks/t-1")
CLOSE = Deed(
    last_of_campaign, ("complete_step", "spring-001", "--agent", "alpha"), commits=2, promised="tasks/spring-001"
)
ACTIVATE = Deed(Home.make_campaign, ("activate_campaign", "spring", "--no-dispatch"), main=True, commits=5)
ADD = Deed(to_be_added, ("task", "create", "{beside}/more.json", "--json"), commits=2)
SWEEP = ("check_pipeline",)


def after_a_boot(home: Home) -> None:
    """A home as a loss of power left it: the log has lost its end, and a mark is still there."""
    killed(COMPLETE, writes("events/"))(home)
    (home.state / "locks/boot").write_text("another")
    (log,) = (home.state / "events").glob("*.ndjson")
    log.write_bytes(log.read_bytes()[:-100])


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
    "sweep-left-skills": sweep(shown),
    "sweep-unlisted-task": sweep(killed(ADD, renames("campaigns/spring.json"))),
    "sweep-untold-end": sweep(untold),
    "sweep-upkeep": sweep(grown_old),
    "sweep-channel": sweep(with_a_channel),
}
