"""Eight processes on one home, each of them a supervisor, a hand, a person and a sweep in turn; some are killed.

Every request goes through the engine, on a real store; each process writes down what it asks before it asks, and what
it was answered after, in a file of its own, so that a killed one has left word of the call that killed it.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec
from tests.builders import create_task, policy, unit
from tests.faults.law import LINE, look
from tests.faults.linearizability import Call

from baton.cli.sweeping import sweep_home
from baton.cli.wiring import Wiring
from baton.domain import commands as c
from baton.domain.errors import BatonError
from baton.domain.records import Holder, Task
from baton.domain.statuses import LeaseKind, Outcome
from baton.engine import agent_calls as calls
from baton.engine.agent_calls import Caller, Done
from baton.engine.door import Door
from baton.engine.granting import Granter
from baton.store.layout import Home

FORK = multiprocessing.get_context("fork")
PROCESSES = 8
PLACES = 4
CALLS = 30
HANDS = ("ann", "alpha")
# Nothing is started by a sweep (state/stop), and nothing is given up for being interrupted too often.
SETTINGS = "retry: {max_interruptions: 1000, max_revisions: 1000}\nnotify: {channels: []}\n"


def nothing(*words: Any) -> tuple[()]:
    """Look for what a step must leave, and for what it has left: these have neither."""
    return ()


class Book:
    """What one process asked and was answered: a line before each call, and one after it."""

    def __init__(self, root: Path) -> None:
        self._fd = os.open(root / f"book-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *entry: Any) -> None:
        os.write(self._fd, msgspec.json.encode(entry) + b"\n")

    def call(self, id: str, words: tuple[Any, ...], act: Callable[[], Task | None]) -> Task | None:
        """Do it, with its beginning, its end and its answer written down."""
        self.write(time.monotonic(), id, words)
        try:
            found = act()
        except BatonError as error:
            self.write(time.monotonic(), ("refused", type(error).__name__))
            raise
        self.write(time.monotonic(), ("done", look(found)))
        return found


class BookedDoor(Door):
    """The door, with a book: ``words`` are those of the next request; a sweep's own requests are spelled here."""

    book: Book
    words: tuple[Any, ...] | None = None

    def task(self, id: str, *steps: Any) -> Task:
        """The same, written down."""
        words, self.words = self.words or spelled(steps[0]), None
        found = self.book.call(id, words, lambda: super(BookedDoor, self).task(id, *steps))
        assert found is not None
        return found


def spelled(command: Any) -> tuple[Any, ...]:
    """The words for what a sweep asks for by itself; anything but the end of a dead run is not expected of it."""
    assert isinstance(command, c.EndRun), command
    return ("end", command.token, command.outcome.value, False)


class Worker:
    """One process of the herd."""

    def __init__(self, root: Path, name: str, generations: Any, counts: Any, sweeps: Any) -> None:
        self.root = root
        self.choices = random.Random(name)
        self.generations, self.counts, self.sweeps = generations, counts, sweeps
        self.wiring = Wiring(Home(str(root)), {}, self.complain)
        self.store, self.clock = self.wiring.store, self.wiring.clock
        self.door = BookedDoor(self.store, self.wiring.config, lambda task: None)
        self.door.book = Book(root)
        self.wiring.__dict__["door"] = self.door
        self.instance = f"{os.getpid()}.1"
        self.granter = Granter(self.door, self.clock, lambda agent: None, self.holder)
        self.runs: dict[str, list[tuple[int, str, str]]] = {}  # token, agent and run of those heard of last, by task

    def complain(self, text: str) -> None:
        """Leave word of something that must not happen."""
        with (self.root / f"complaint-{os.getpid()}").open("a") as file:
            file.write(text + "\n")

    def holder(self) -> Holder:
        """Who grants to itself: a supervisor, with a slot that dies with it."""
        me = self.clock.holder()
        return Holder(machine=me.machine, boot=me.boot, slot=self.slot.number, instance=self.instance)

    def work(self) -> None:
        """Ask, and ask again, until killed."""
        try:
            self.store.prepare()
            slot = None
            while slot is None:
                slot = self.store.slots.take(2 * PROCESSES)
            self.slot = slot
            slot.supervise(self.instance)
            while True:
                if self.choices.random() < 0.04:
                    self.sweep()
                else:
                    self.ask()
        except BaseException:
            self.complain(traceback.format_exc())
            raise

    def sweep(self) -> None:
        """Sweep the home; what it ends is written down by the door."""
        report = sweep_home(self.wiring, dry_run=False)
        assert not report.get("errors"), report
        self.sweeps[0] += "skipped" not in report
        self.sweeps[1] += report.get("stale_released", 0)

    def ask(self) -> None:
        place = self.choices.randrange(PLACES)
        id = f"h{place}-{self.generations[place]}"
        self.counts[place] += 1
        try:
            found = self.door.book.call(id, ("read",), lambda: self.store.tasks.read(id))
            if found is not None and (found.is_finished or self.counts[place] > CALLS):
                # Nobody waits for anybody: some may still ask something of the task before.
                self.counts[place], self.generations[place] = 0, self.generations[place] + 1
                if not found.is_finished:
                    self.request(id, found, ("cancel",))
                return
            self.request(id, found, self.words(found))
        except BatonError:
            return

    def words(self, task: Task | None) -> tuple[Any, ...]:
        """Something that can be asked of this task, mostly something that suits it."""
        if task is None:
            return ("create",)
        say = self.choices.choice
        lease = task.lease
        runs = self.runs.setdefault(task.id, [])
        if lease is not None and lease.run is not None:
            runs.append((lease.token, lease.agent, lease.run))
        step = self.choices.randrange(task.pipeline_step + 1)
        hand = say(HANDS)
        if self.choices.random() < 0.12:
            return say((("stop",), ("cancel",), ("block",), ("unblock",), ("send_back", step, say((True, False)))))
        if task.blocked is not None:
            return ("unblock",)
        if runs and (lease is None or lease.kind is LeaseKind.RUN or self.choices.random() < 0.2):
            # Now and then one of long ago: a late result.
            token, agent, _ = runs[-1] if self.choices.random() < 0.8 else say(runs)
            outcome = say((Outcome.COMPLETED, Outcome.INTERRUPTED, Outcome.NEVER_STARTED)).value
            if lease is not None or self.choices.random() < 0.3:
                return say(
                    (
                        ("renew", agent, token),
                        ("report", token, agent, "completed"),
                        ("report", token, agent, "completed"),
                        ("report", token, agent, "sent_back", step),
                        ("end", token, outcome, False),
                        ("end", token, outcome, True),
                    )
                )
        if lease is not None and lease.kind is LeaseKind.HAND:
            hand = say((lease.agent, lease.agent, hand))
            verbs = (("complete", hand), ("complete", hand), ("release", hand), ("revise", hand, step))
            return say((*verbs, ("acquire", hand), ("acquire", hand), ("grant",)))
        return say((("grant",), ("grant",), ("acquire", hand), ("acquire", hand), ("complete", hand)))

    def request(self, id: str, task: Task | None, words: tuple[Any, ...]) -> None:
        """Ask it, the way its script or its supervisor does."""
        self.door.words = words
        verb, *rest = words
        door, settings = self.door, self.wiring.config.settings()
        ways: dict[str, Callable[..., Any]] = {
            "create": lambda: door.task(id, new_task(id)),
            "grant": lambda: self.granter.grant(id),
            "renew": lambda agent, token: calls.acquire(
                door, self.clock, settings, id, Caller(agent=agent, token=token)
            ),
            "report": lambda token, agent, kind, *to: self.report(id, Caller(agent=agent, token=token), *to),
            "end": lambda token, outcome, goes_on: self.end(id, token, outcome, goes_on=goes_on),
            "acquire": lambda agent: calls.acquire(door, self.clock, settings, id, Caller(agent=agent)),
            "release": lambda agent: calls.release(door, id, Caller(agent=agent)),
            "complete": lambda agent: calls.complete(door, id, Caller(agent=agent), Done(), nothing, nothing),
            "revise": lambda agent, to: calls.request_revision(door, id, Caller(agent=agent), settings, to, "dry"),
            "send_back": lambda to, stop: calls.revise_by_person(door, id, "ann", to, "dry", stop_run=stop),
            "stop": lambda: calls.revoke(door, id, "ann"),
            "cancel": lambda: door.task(id, c.CancelTask(by="ann", reason="not needed")),
            "block": lambda: door.task(id, c.BlockTask(by="ann", reason="waits")),
            "unblock": lambda: door.task(id, c.UnblockTask(by="ann")),
        }
        ways[verb](*rest)

    def report(self, id: str, caller: Caller, *to_step: int) -> None:
        if to_step:
            calls.request_revision(self.door, id, caller, self.wiring.config.settings(), to_step[0], "dry")
        else:
            calls.complete(self.door, id, caller, Done(), nothing, nothing)

    def end(self, id: str, token: int, outcome: str, *, goes_on: bool) -> None:
        run = next(run for known, _, run in self.runs[id] if known == token)
        steps: list[Any] = [
            c.EndRun(
                token=token,
                run=run,
                outcome=Outcome(outcome),
                kind=None,
                policy=policy(max_interruptions=1000),
                jitter=0.5,
                max_revisions=1000,
            )
        ]
        if goes_on:
            steps.append(lambda task: self.granter.successor(task, None))
        self.door.task(id, *steps)


def new_task(id: str) -> c.CreateTask:
    """A task of three steps, of no campaign."""
    return create_task(*(unit(*names) for names in LINE), id=id, campaign=None, project=None)


class Herd:
    """The processes, and the one who kills them."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.seed = seed
        self.choices = random.Random(seed)
        self.generations = FORK.Array("q", PLACES, lock=False)
        self.counts = FORK.Array("q", PLACES, lock=False)
        self.sweeps = FORK.Array("q", 2, lock=False)  # how many there were, and how many dead runs they ended
        self.deaths: dict[int, float] = {}
        self.kills = 0
        (root / "config").mkdir(parents=True)
        (root / "config/baton.yaml").write_text(SETTINGS)
        (root / "state").mkdir()
        (root / "state/stop").touch()
        self.workers = [self.start() for _ in range(PROCESSES)]

    def start(self) -> BaseProcess:
        name = f"{self.seed}/{len(self.deaths)}/{self.choices.random()}"
        shared = (self.generations, self.counts, self.sweeps)
        process = FORK.Process(target=lambda: Worker(self.root, name, *shared).work())
        process.start()
        return process

    def live(self, histories: int, *, seconds: float) -> None:
        """Kill one after the other until so many histories are written, and a sweep has ended a dead run."""
        end = time.monotonic() + seconds
        while sum(self.generations) < histories or not min(self.sweeps):
            assert time.monotonic() < end, (
                f"{sum(self.generations)} histories within {seconds:g} s, {list(self.sweeps)}"
            )
            time.sleep(self.choices.uniform(0, 0.08))
            place = self.choices.randrange(PROCESSES)
            self.kill(place)
            assert not self.complaints(), self.complaints()[0]
            self.workers[place] = self.start()

    def kill(self, place: int) -> None:
        worker = self.workers[place]
        worker.kill()
        worker.join()
        assert worker.pid is not None
        self.deaths[worker.pid] = time.monotonic()
        self.kills += worker.exitcode == -9

    def end(self) -> None:
        """Kill all that are left."""
        for place, worker in enumerate(self.workers):
            if worker.pid not in self.deaths:
                self.kill(place)

    def complaints(self) -> list[str]:
        """What went wrong in a process."""
        return [path.read_text() for path in self.root.glob("complaint-*")]

    def histories(self) -> dict[str, list[Call]]:
        """The calls on each task; those that their caller's death cut short are without an answer."""
        found: dict[str, list[Call]] = {}
        for pid, death in self.deaths.items():
            for id, call in entries(self.root / f"book-{pid}", pid, death):
                found.setdefault(id, []).append(call)
        return found


def entries(book: Path, pid: int, death: float) -> Iterator[tuple[str, Call]]:
    """Read one process's book. Its last line may be torn, and its last call unanswered."""
    lines = book.read_bytes().split(b"\n")[:-1] if book.exists() else []
    open_call: tuple[float, str, tuple[Any, ...]] | None = None
    for line in lines:
        at, *rest = msgspec.json.decode(line)
        if len(rest) == 2:
            open_call = at, rest[0], _frozen(rest[1])
        else:
            assert open_call is not None
            start, id, words = open_call
            open_call = None
            yield id, Call(start, at, pid, words, _answer(*rest[0]))
    if open_call is not None:
        start, id, words = open_call
        yield id, Call(start, death, pid, words)


def _answer(kind: str, what: Any) -> tuple[Any, ...]:
    return kind, _frozen(what)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
