"""The fault lab: record a deed's calls, put a fault at each of those that change something, judge what is left.

A fault's name replays it: ``BATON_FAULT=rename-1 scripts/test tests/faults/test_kill_points.py -k complete``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.cli.homes import Home, wait_for
from tests.faults import judging
from tests.faults.arrangements import SETTINGS, keep
from tests.faults.deeds import Deed
from tests.faults.judging import Wrong
from tests.faults.tracing import Call, Ended, is_changing, trace

CHANGING = ("openat", "write", "pwrite64", "rename", "unlink", "rmdir", "mkdir", "ftruncate", "fsync", "fdatasync")
# What each error can be said to. Only making a file takes room or an inode; all else may fail on a failing disk.
ERRORS = {
    "ENOSPC": ("openat", "write", "pwrite64", "mkdir", "rename"),
    "EIO": (*CHANGING, "flock"),
    "EROFS": ("openat", "mkdir", "rename", "unlink", "rmdir", "ftruncate"),
    "EMFILE": ("openat",),
}
# From here on for good. That reading fails for want of room, or of a right to write, is no fault there is.
LASTING = {"ENOSPC": ("write", "pwrite64", "mkdir", "rename"), "EIO": ERRORS["EIO"], "EMFILE": ("openat",)} | {
    "EROFS": ERRORS["EROFS"][1:]
}

TRIES = 8


class Fault(NamedTuple):
    """One fault: a kill where there is no ``error``; ``lasting``: this call and all later ones that can fail so."""

    call: Call
    error: str = ""
    lasting: bool = False

    @property
    def name(self) -> str:
        """Its name, by which it is replayed."""
        words = [self.call.name, str(self.call.number), *([self.error] if self.error else [])]
        return "-".join(words) + ("+" if self.lasting else "")


class Bench:
    """One deed in one home, done once without a fault; then as often as wanted with one."""

    def __init__(self, folder: Path, deed: Deed) -> None:
        self.deed = deed
        self.home = Home(folder / "home")
        self.home.settings(SETTINGS)
        self._folder = folder
        deed.arrange(self.home)
        self._kept = keep(self.home)
        if deed.step is None:
            deed.repeat(self.home)  # for what it imports: a fork must not have to
            self._kept.restore()
        self.old = judging.records(self.home)
        clean = self._carry_out()
        assert clean.code == 0, clean
        self.calls = clean.calls
        judging.check_locks(self.home)
        self.new = judging.records(self.home)
        judging.check_events(self.old, self.new, deed.leaves)
        judging.check_healed(self.home, aside=deed.aside)
        self.healed = judging.records(self.home)

    @property
    def points(self) -> list[Call]:
        """The calls that change something."""
        return [call for call in self.calls if is_changing(call)]

    def kills(self) -> list[Fault]:
        """A kill at each point."""
        return [Fault(call) for call in self.points]

    def failures(self, errors: tuple[str, ...] = tuple(ERRORS), *, lasting: bool) -> list[Fault]:
        """Each error at each point that can meet it, once or from there on."""
        told = LASTING if lasting else ERRORS
        points = [call for call in self.points if "LOCK_UN" not in call.text]  # to unlock never fails
        return [Fault(call, error, lasting) for error in errors for call in points if call.name in told[error]]

    def try_all(self, faults: list[Fault]) -> list[str]:
        """Try these faults; return what was wrong, each with the words that replay it."""
        wanted = os.environ.get("BATON_FAULT")
        wrong = []
        for fault in faults:
            if wanted is None or fault.name == wanted:
                try:
                    self.try_one(fault)
                except AssertionError as error:
                    wrong.append(f"BATON_FAULT={fault.name} ({fault.call.text[:160]}): {error}")
        return wrong

    def try_one(self, fault: Fault) -> None:
        """Try one fault; what is not as promised is raised."""
        ended = self._meet(fault)
        found = judging.records(self.home)
        standing = judging.standing(self.old, self.new, found, may_fail=self.deed.may_fail and bool(fault.error))
        promised = self.deed.promised
        if promised and judging.plain(found[promised]) == judging.plain(self.new[promised]):
            standing = "new" if standing == "new" else "promised"
        self._check_told(fault, ended, standing)
        judging.check_locks(self.home)
        judging.check_healed(self.home, aside=self.deed.aside)
        if self.deed.is_sweep or (self.deed.again and standing != "new"):
            self._check_arrived(standing)
        if fault.lasting:
            judging.check_work_goes_on(self.home)
            judging.check_healed(self.home, aside=self.deed.aside)

    def _meet(self, fault: Fault) -> Ended:
        """Do the deed with this fault.

        Where it met another call than the one that was planned, it is done again: how many calls come before is not
        always our doing (files of ``/proc`` that are opened), and a path may hold a time.
        """
        planned, calls, hits = fault.call, self.calls, []
        for number in range(TRIES):
            self._reset()
            ended = self._carry_out(fault, planned, calls, at_path=number == 0)
            hits = [call.text for call in ended.hits]
            if (hits and fault.lasting) or hits == [fault.call.text]:
                if not fault.error and ended.code != -9:
                    raise Wrong(f"it was not killed: {ended.code}")
                return ended
            self._reset()
            others = self._carry_out().calls
            if (same := _same(fault.call, self.calls, others)) is not None:
                planned, calls = same, others
        raise Wrong(f"the fault never fired there, but at {hits}: {ended.code} {ended.err[-500:]}")

    def _reset(self) -> None:
        wait_for(lambda: not self.home.slots())
        self._kept.restore()

    def _carry_out(
        self,
        fault: Fault | None = None,
        planned: Call | None = None,
        calls: Sequence[Call] = (),
        *,
        at_path: bool = False,
    ) -> Ended:
        environ, act = self.home.environ | self.deed.environ, lambda: self.deed.act(self.home)
        if fault is None or planned is None:
            return trace(act, environ, self._folder)
        if fault.lasting:
            before = Counter(one.name for one in calls[: calls.index(planned)])
            words = [f"{name}:error={fault.error}:when={before[name] + 1}+" for name in LASTING[fault.error]]
            return trace(act, environ, self._folder, words, gives_up=True)
        path = planned.path if at_path else ""
        what = f"error={fault.error}" if fault.error else "signal=KILL"
        word = f"{planned.name}:{what}:when={planned.opening if path else planned.number}"
        return trace(act, environ, self._folder, [word], path=path)

    def _check_told(self, fault: Fault, ended: Ended, standing: str) -> None:
        if not fault.error:
            return
        if ended.code < 0 or judging.said_badly(ended.out, ended.err):
            raise Wrong(f"it broke down: {ended.code} {ended.out[-200:]} {ended.err[-1500:]}")
        if self.deed.is_sweep or self.deed.step is not None:
            return
        if ended.code == 0 and standing not in ("new", "promised"):
            raise Wrong(f"it said that it was done, and all is {standing}: {ended.out}")
        # After a folder could not be synced the change stands, and is said not to be sure.
        unsure = fault.call.name == "fsync" or (fault.error in ("EIO",) and fault.lasting)
        untold = fault.lasting or "/out>" in fault.call.text or self.deed.commits > 1
        if ended.code != 0 and standing == "new" and not (unsure or untold):
            raise Wrong(f"it said that it failed, and all is new: {ended.out}")

    def _check_arrived(self, standing: str) -> None:
        if not self.deed.is_sweep:
            code = self.deed.repeat(self.home)
            if code and standing == "old":
                raise Wrong(f"all was {standing}, and doing it again ended with {code}")
            judging.check_healed(self.home, aside=self.deed.aside)
        found = {name: judging.plain(data) for name, data in judging.records(self.home).items()}
        wanted = {name: judging.plain(data) for name, data in self.healed.items()}
        if found != wanted:
            differing = [name for name in {*found, *wanted} if found.get(name) != wanted.get(name)]
            raise Wrong(f"all was {standing}, and in the end it is not what it should be: {differing}")


def _same(call: Call, calls: list[Call], others: list[Call]) -> Call | None:
    """The call of another run that is the same as this one."""
    alike = [one for one in calls if (one.name, one.text) == (call.name, call.text)].index(call)
    found = [one for one in others if (one.name, one.text) == (call.name, call.text)]
    return found[alike] if alike < len(found) else None
