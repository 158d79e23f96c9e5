"""Live writers on one home while some of them are killed: afterwards log, records and index tell the same story.

``BATON_SEED=<number>`` repeats the choices of a run that failed (not the instants of its kills).
"""

from __future__ import annotations

import multiprocessing
import os
import random
import struct
import time
import traceback
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from tests.builders import block, cancel, create_task, end_run, grant, report, revoke, send_back, unit
from tests.store.homes import (
    all_ids_on,
    check_agreement,
    comment,
    do,
    ids_on,
    leftovers,
    log_ids,
    open_home,
    small_campaign,
)

from baton.adapters.clock import SystemClock
from baton.domain import campaign_commands, campaigns, tasks
from baton.domain import commands as c
from baton.domain.errors import AlreadyExists, IllegalTransition, LeaseHeld, LeaseMismatch, NotReady
from baton.domain.records import Event, Task
from baton.domain.statuses import Outcome, ReportKind, TaskStatus
from baton.ports import Commit, Damage
from baton.store.home_store import HomeStore
from baton.store.log import EventLog

FORK = multiprocessing.get_context("fork")
WRITERS = 8
STRIPES = ("10", "5b", "a0", "f3")
PLACES = 12
CAMPAIGNS = [ids_on(name, 1, kind="campaign", prefix="c")[0] for name in STRIPES]
IDS = [all_ids_on(STRIPES[place % len(STRIPES)], prefix=f"t{place}") for place in range(PLACES)]
NAMES: list[list[str]] = [[] for _ in range(PLACES)]
STEPS = 10
REFUSED = (IllegalTransition, LeaseMismatch, LeaseHeld, NotReady, AlreadyExists)


def name_of(place: int, generation: int) -> str:
    """The task that a place holds when so many before it have been finished."""
    names = NAMES[place]
    while len(names) <= generation:
        names.append(next(IDS[place]))
    return names[generation]


def seed() -> int:
    """The seed of this run, printed."""
    chosen = int(os.environ.get("BATON_SEED") or random.randrange(1_000_000))
    print(f"BATON_SEED={chosen}")
    return chosen


# -- what a writer does -------------------------------------------------------------------------------------------


class Finished(Exception):
    """Nothing can be asked of this task any more: its successor is next."""


class Writer:
    """A process that asks something of some record, for as long as it lives."""

    def __init__(self, root: Path, name: str, generations: Any) -> None:
        self.root = root
        self.choices = random.Random(name)
        self.generations = generations  # shared by all, so that a new writer need not find out what is finished
        self.store = open_home(root, SystemClock(), warn=self.complain)

    def complain(self, text: str) -> None:
        """Leave word of something that must not happen."""
        with (self.root / f"complaint-{os.getpid()}").open("a") as file:
            file.write(text + "\n")

    def work(self, done: Any, place: int) -> None:
        """Ask and ask again; our cell of ``done`` counts what was answered."""
        try:
            while True:
                try:
                    self.ask()
                except REFUSED as refused:
                    self.store.log.note("command_refused", {"reason": refused.message})
                done[place] += 1
        except BaseException:
            self.complain(traceback.format_exc())
            raise

    def ask(self) -> None:
        place = self.choices.randrange(PLACES)
        generation = self.generations[place]
        id = name_of(place, generation)
        what = self.choices.random()
        if what < 0.04:
            self.change_campaign(self.choices.choice(CAMPAIGNS))
        elif what < 0.08:
            self.store.tasks.resync(id, [entry for entry in self.store.ready.all() if f"~{id}~" in entry.name])
        else:
            try:
                self.store.tasks.update(id, lambda task, now: self.changed(id, task, now))
            except Finished:
                self.store.tasks.archive(id, lambda task: task.is_finished)
                self.generations[place] = generation + 1

    def changed(self, id: str, task: Task | None, now: str) -> Commit:
        """The task after one or two commands that suit it."""
        if task is not None and task.is_finished:
            raise Finished
        events: list[Event] = []
        for _ in range(self.choices.choice((1, 1, 2))):
            if task is None or not task.is_finished:
                task, news = tasks.decide(task, self.command(id, task), now)
                events += news
        assert task is not None
        return Commit(task, tuple(events), archive=task.is_finished and self.choices.random() < 0.5)

    def command(self, id: str, task: Task | None) -> Any:
        """Something that can be asked of this task."""
        if task is None:
            return create_task(*(unit(f"agent-{number}") for number in range(4)), id=id, campaign=None)
        if self.choices.random() < 0.01:
            return self.choice(cancel(), c.DeleteTask(by="ann"))
        if task.blocked is not None:
            return self.choice(c.UnblockTask(by="ann"), c.RetryTask(by="ann"), comment())
        if task.lease is not None:
            outcome = self.choice(Outcome.COMPLETED, Outcome.COMPLETED, Outcome.INTERRUPTED, Outcome.FAILED)
            return self.choice(
                report(task),
                report(task, ReportKind.SENT_BACK, to_step=0, notes="too dry"),
                *[end_run(task, outcome)] * 6,
                revoke(),
                comment("x" * self.choices.randrange(2000)),
            )
        return self.choice(
            *[grant(task)] * 5,
            c.UpdateTask(by="ann", fields={"priority": self.choices.randrange(20)}),
            c.RetryTask(by="ann"),
            send_back(to_step=self.choices.randrange(task.pipeline_step + 1)),
            block(),
            comment(),
        )

    def choice(self, *words: Any) -> Any:
        return self.choices.choice(words)

    def change_campaign(self, id: str) -> None:
        words = self.choices.randrange(1000)

        def change(campaign: Any, now: str) -> Commit:
            command: Any = campaign_commands.UpdateCampaign(by="ann", fields={"notes": f"words {words}"})
            return Commit(*campaigns.decide(campaign, small_campaign(id) if campaign is None else command, now))

        self.store.campaigns.update(id, change)


# -- the one who kills, and the one who reads ---------------------------------------------------------------------


class Crowd:
    """Writers of one home. A killed one is replaced by another. ``done`` has a cell for each: no lock to die with."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.seed = seed
        self.choices = random.Random(seed)
        self.done = FORK.Array("q", WRITERS, lock=False)
        self.generations = FORK.Array("q", PLACES, lock=False)
        self.started = self.kills = 0
        self.writers = [self.start(place) for place in range(WRITERS)]

    def start(self, place: int) -> BaseProcess:
        self.started += 1
        name = f"{self.seed}/{self.started}"
        process = FORK.Process(target=lambda: Writer(self.root, name, self.generations).work(self.done, place))
        process.start()
        return process

    def wait(self, answers: int) -> None:
        """Wait until so many more commands have been answered."""
        goal, end = sum(self.done) + answers, time.monotonic() + 30
        while sum(self.done) < goal:
            assert all(writer.is_alive() for writer in self.writers), complaints(self.root)
            assert time.monotonic() < end, "the writers stand still"
            time.sleep(0.0005)

    def kill(self, place: int) -> None:
        """Kill one writer; count it if it was alive until then."""
        self.writers[place].kill()
        self.writers[place].join()
        self.kills += self.writers[place].exitcode == -9

    def live(self, seconds: float, kills: int) -> None:
        """Kill one after the other, for so long and so many at least."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or self.kills < kills:
            self.wait(self.choices.randrange(1, 30))
            place = self.choices.randrange(WRITERS)
            self.kill(place)
            self.writers[place] = self.start(place)

    def end(self) -> None:
        """Kill all that are left."""
        for writer in self.writers:
            writer.kill()
            writer.join()


class Reader:
    """A process that reads along: every event, and every record, which must always be whole."""

    def __init__(self, root: Path, crowd: Crowd) -> None:
        self._root = root
        self._done = crowd.done
        self._is_over = FORK.Value("b", 0, lock=False)
        self._ours, self._theirs = FORK.Pipe()
        self._process = FORK.Process(target=self._read)
        self._process.start()

    def _read(self) -> None:
        store = open_home(self._root, SystemClock())
        cursor, seen, looked = ("", 0), [], 0
        while True:
            is_last = self._is_over.value
            if is_last or sum(self._done) >= looked + 100:
                looked = sum(self._done)
                events, cursor = store.log.read_from(cursor)
                seen += [event["id"] for event in events]
                damaged = [record for record in store.tasks.live() if isinstance(record, Damage)]
                if damaged or is_last:
                    return self._theirs.send((seen, damaged))
            time.sleep(0.002)

    def result(self) -> tuple[list[str], list[Damage]]:
        """The ids of all it has read to the end, and the damage it has met."""
        self._is_over.value = 1
        assert self._ours.poll(30)
        told: tuple[list[str], list[Damage]] = self._ours.recv()
        return told

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def complaints(root: Path) -> list[str]:
    return [path.read_text() for path in root.glob("complaint-*")]


def heal_every_stripe(store: HomeStore) -> None:
    """What the next holder of each lock does."""
    for name in STRIPES:
        store.tasks.heal(ids_on(name, 1)[0])
        store.campaigns.heal(ids_on(name, 1, kind="campaign")[0])


def count_healed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep, in the file ``healed``, a byte for each commit that somebody found half told."""
    append_missing = EventLog.append_missing

    def counted(log: EventLog, events: Sequence[Event], since: tuple[str, int]) -> None:
        with (root / "healed").open("ab", buffering=0) as file:
            file.write(b".")
        append_missing(log, events, since)

    monkeypatch.setattr(EventLog, "append_missing", counted)


@pytest.mark.parametrize(
    ("seconds", "kills"),
    [(8, 100), pytest.param(100, 2000, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
    ids=["normal", "bigger"],
)
def test_killed_writers_lose_and_double_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, kills: int
) -> None:
    count_healed(tmp_path, monkeypatch)
    open_home(tmp_path, SystemClock()).prepare()
    crowd = Crowd(tmp_path, seed())
    reader = Reader(tmp_path, crowd)
    try:
        crowd.live(seconds, kills)
        crowd.end()
        after = open_home(tmp_path, SystemClock())
        heal_every_stripe(after)
        seen, damaged = reader.result()
    finally:
        crowd.end()
        reader.end()

    assert complaints(tmp_path) == []
    assert damaged == []
    events = check_agreement(tmp_path, after)
    assert seen == log_ids(tmp_path)
    known = {id for archived in (False, True) for id in after.tasks.ids(archived=archived)}
    assert known <= {name_of(place, one) for place in range(PLACES) for one in range(crowd.generations[place] + 1)}
    healed = len((tmp_path / "healed").read_bytes())
    print(
        f"{crowd.kills} kills: {healed} commits left half told, {len(leftovers(tmp_path))} temporary files; "
        f"{sum(crowd.done)} answers, {events} events of {len(known)} tasks"
    )
    assert crowd.kills >= kills
    assert healed > 0


# -- one step, sixteen who would complete it ----------------------------------------------------------------------


class Race:
    """Sixteen warm processes; each round, all of them end the same run and grant its successor to themselves."""

    def __init__(self, root: Path, racers: int) -> None:
        self._root = root
        self._racers = racers
        self._home = open_home(root, SystemClock())
        self._home.prepare()
        self._answers, self._answer = os.pipe()
        self._starts: list[int] = []
        self._processes = [self._start() for _ in range(racers)]

    def _start(self) -> BaseProcess:
        line, start = os.pipe()
        process = FORK.Process(target=lambda: self._compete(line, start))
        process.start()
        os.close(line)
        self._starts.append(start)
        return process

    def _compete(self, line: int, start: int) -> None:
        for inherited in (*self._starts, start):
            os.close(inherited)  # else the end of the parent would not be seen
        store = open_home(self._root, SystemClock())
        store.prepare()
        while word := os.read(line, 4):
            os.write(self._answer, bytes([self._complete(store, *struct.unpack("<HH", word))]))

    def _complete(self, store: HomeStore, number: int, token: int) -> bool:
        """End the run that has this token; tell whether it was we who ended it."""

        def successor(task: Task) -> Any:
            return grant(task) if not task.is_finished else comment("done")

        try:
            do(
                store,
                name(number),
                lambda task: end_run(task, Outcome.COMPLETED, token=token, run=f"r-{token}"),
                *(() if token == STEPS else (successor,)),
            )
        except (LeaseMismatch, IllegalTransition):
            return False
        return True

    def run(self, number: int, token: int) -> int:
        """One round; return how many have won."""
        word = struct.pack("<HH", number, token)
        for start in self._starts:
            os.write(start, word)
        told = b""
        while len(told) < self._racers:
            told += os.read(self._answers, self._racers)
        return sum(told)

    def end(self) -> None:
        for fd in (*self._starts, self._answers, self._answer):
            os.close(fd)
        for process in self._processes:
            process.join(10)


def name(number: int) -> str:
    return f"race-{number}"


def test_of_sixteen_that_complete_one_step_one_wins(tmp_path: Path) -> None:
    rounds = 1000
    race = Race(tmp_path, 16)
    store = open_home(tmp_path, SystemClock())
    try:
        for number in range(rounds // STEPS):
            steps = (unit(f"agent-{step}") for step in range(STEPS))
            do(store, name(number), create_task(*steps, id=name(number), campaign=None), grant)
            wins = [race.run(number, token) for token in range(1, STEPS + 1)]
            assert wins == [1] * STEPS
    finally:
        race.end()

    for number in range(rounds // STEPS):
        task = store.tasks.read(name(number))
        assert task is not None and task.status is TaskStatus.COMPLETED
        assert [step.attempts for step in task.pipeline] == [1] * STEPS
    completed = [id for id in log_types(store) if id == "step_completed"]
    assert len(completed) == rounds
    check_agreement(tmp_path, store)


def log_types(store: HomeStore) -> list[str]:
    return [event["type"] for event in store.log.tail(1_000_000)]
