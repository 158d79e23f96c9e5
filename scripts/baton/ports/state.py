"""What the engine asks of state: records, the log, the index, slots. Their law stands in the docstrings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from baton.domain.agent_records import AgentRecord
    from baton.domain.campaigns import Campaign
    from baton.domain.exchange import Commit, Damage, SlotState
    from baton.domain.memory import Glimpse
    from baton.domain.parking import Parked
    from baton.domain.projects import Project
    from baton.domain.readiness import Entry
    from baton.domain.records import Task
    from baton.domain.stream_events import Progress, StreamEvent

R = TypeVar("R", covariant=True)


class Kind(Protocol[R]):
    """Records of one kind: ``task``, ``campaign``, ``project`` or ``agent``."""

    def update(self, id: str, change: Callable[[R | None, str], Commit]) -> R:
        """Change one record, whole or not at all, and return it.

        ``change`` gets the record (an archived one too; ``None`` when there is none) and the time, under the record's
        lock; it must be pure and quick. What it raises leaves nothing changed. An archived record that changes is live
        again, unless it is archived once more. When this returns, the change survives power loss, and its events are in
        the log once, or will be before anybody else changes this record.
        """

    def read(self, id: str) -> R | None:
        """The record as last committed, live or archived; ``None`` is only said after a look under the lock."""

    def live(self) -> Iterator[R | Damage]:
        """All live records, in no order; what cannot be read comes as :class:`Damage`."""

    def ids(self, *, archived: bool = False) -> Iterator[str]:
        """The ids of all live (or archived) records, unread."""

    def is_live(self, id: str) -> bool:
        """Tell whether the record stands among the live ones, unread."""

    def archive(self, id: str, when: Callable[[R], bool]) -> bool:
        """Move a live record to the archive if ``when`` holds under the lock; tell whether it was moved."""

    def modified(self, id: str) -> tuple[int, ...] | None:
        """A cheap sign of a live record that differs after every commit."""

    def heal(self, id: str) -> None:
        """Finish what the last holder of this record's lock left undone."""

    def is_set_aside(self, id: str) -> bool:
        """Tell whether a damaged record of this id lies in quarantine."""

    def set_aside(self, id: str, reason: str) -> bool:
        """Move a damaged record (with its archived version) to quarantine, after a look under its lock; tell if it was."""

    def resync(self, id: str, entries: Collection[Entry] = ()) -> bool:
        """Bring the index into line with the record: what it waits under is there, of ``entries`` nothing else is."""


class Log(Protocol):
    """The event log: in order per record, each event once after healing."""

    def note(
        self,
        event: str,
        data: Mapping[str, Any],
        *,
        task: str | None = None,
        campaign: str | None = None,
        run: str | None = None,
    ) -> None:
        """Leave one line that belongs to no record (a refused command, a call of a service). Best effort: never raises."""

    def tail(self, count: int) -> list[dict[str, Any]]:
        """The newest ``count`` events, oldest first."""

    def since(self, day: str, type: str) -> Iterator[dict[str, Any]]:
        """The events of one type of this day (``YYYY-MM-DD``) and later, oldest first; some from before may come, too."""

    def first_day(self) -> str | None:
        """The day from which on the log is kept; ``None`` when it is empty."""

    def about(self, kind: str, id: str, since_day: str) -> Iterator[dict[str, Any]]:
        """The events about one ``task`` or ``campaign``, oldest first, from the day (``YYYY-MM-DD``) on when it was made.

        A campaign's are also those of its tasks. Retention may have taken the oldest.
        """

    def read_from(
        self, cursor: tuple[str, int] | None, most_bytes: int | None = None
    ) -> tuple[list[dict[str, Any]], tuple[str, int]]:
        """Events behind the cursor (all of the newest file's end for ``None``: none) and the cursor behind them.

        With ``most_bytes`` the first of them, of about so many bytes in the log; the cursor tells how far that was.
        What is returned has been synced: a cursor that is kept never stands behind a line that power loss can take.
        """


class Ready(Protocol):
    """The ready index: names of units that wait for nothing but a slot or a time. A cache: the record decides."""

    def groups(self) -> list[str]:
        """The groups that may hold entries: ``<campaign>~<harness>~<agent>``."""

    def first(self, groups: Iterable[str], now_seconds: float) -> Iterator[Entry]:
        """The due entries of these groups, most urgent first."""

    def all(self) -> Iterator[Entry]:
        """Every entry, in no order."""


class Waits(Protocol):
    """Who waits for whom: written before the dependent exists, so that no end of a task goes unheard."""

    def add(self, dependency: str, dependent: str) -> None:
        """Note that ``dependent`` waits for ``dependency``."""

    def dependents(self, dependency: str) -> list[str]:
        """Those that wait for this task."""

    def dependencies(self) -> list[str]:
        """Every task that somebody waits for."""

    def remove(self, dependency: str, dependent: str) -> None:
        """Forget one wait that is over."""


class Slot(Protocol):
    """A slot held by this process; its proof of life goes down with it."""

    number: int
    fileno: int
    path: str
    supervisor_fileno: int | None

    def supervise(self, instance: str) -> None:
        """Take the supervisor's half, which no child inherits."""

    def beat(self, facts: Mapping[str, Any]) -> bool:
        """Write what the supervisor does now and the time since boot, without sync. False: the home is gone."""

    def free(self) -> None:
        """Give both halves back."""

    def leave(self) -> None:
        """Forget our copy: a process that inherited the slot keeps it."""


class Slots(Protocol):
    """The places in which runs happen. A lock says who is alive; looking never takes it."""

    def take(self, limit: int) -> Slot | None:
        """Take a free slot below ``limit``; ``None`` when all are held."""

    def adopt(self, fileno: int, number: int, supervisor_fileno: int | None = None) -> Slot:
        """Go on with a slot whose descriptors were inherited."""

    def states(self) -> list[SlotState]:
        """All slots that were ever used."""


class Runs(Protocol):
    """Run records: one a run, for people and statistics; never the truth about a task."""

    def write(self, task: str, run: str, facts: Mapping[str, Any]) -> None:
        """Write or replace the record. Best effort: never raises."""

    def read(self, task: str, run: str) -> dict[str, Any] | None:
        """The record, if there is a readable one."""


class Parkings(Protocol):
    """Which harnesses are parked: small values beside the records. Who loses them parks the harness once more."""

    def all(self) -> list[Parked]:
        """What is written of any harness, by name, parks that are over too."""

    def update(self, harness: str, change: Callable[[Parked | None, str], Parked | None]) -> Parked | None:
        """Put what ``change`` makes of it and the time in place of it; it may log: one change goes on at a time."""


class StreamWriter(Protocol):
    """The one who writes a streaming run's events now; ``progress`` is what they say so far."""

    progress: Progress

    def append(self, drafts: Iterable[StreamEvent], now: str, *, durable: bool = False) -> bool:
        """Append events, numbered here. What cannot be written is written first the next time; tell whether all is."""

    def mark_open(self) -> None:
        """Note that an end is to be told."""

    def end(self) -> None:
        """Join the pieces of an ended run, ids kept; its end has been told."""

    def close(self) -> None:
        """Let others write."""


class Streams(Protocol):
    """The events of streaming runs, a file each, beside the shared log: many, and soon of no use."""

    def writer(self, run: str, *, waits: bool = True) -> StreamWriter | None:
        """Take a run's events to write; ``None`` when somebody else has them and we do not wait."""

    def open_runs(self) -> list[str]:
        """The ids of the runs whose end has not been told."""


class Memories(Protocol):
    """What agents remember: files that they and people change, too. A name is a path below ``memory/``."""

    def path(self, name: str) -> str:
        """Where a file stands, or would stand."""

    def names(self, layer: str) -> list[str]:
        """The files of a layer, by name."""

    def make_layer(self, layer: str) -> str:
        """Make the folder of a layer if it is missing; return it. One that leads out of the memory is refused."""

    def glimpse(self, name: str, limit: int) -> Glimpse | None:
        """Read a file, or as much of its ends as a prompt with this limit needs; ``None`` when there is none."""

    def text(self, name: str) -> str:
        """A whole file, empty when there is none; one that is too large to be rewritten is refused."""

    def change(self, name: str, change: Callable[[str], str]) -> bool:
        """Put what ``change`` makes of a file's text in its place, whole; tell whether that is something else."""

    def set_aside(self, name: str, as_name: str) -> None:
        """Give a file that nobody can go on with another name."""


class Turns(Protocol):
    """Which assignment had the turn of a namespace last; whether it still has it, its record says."""

    def last(self, namespace: str) -> str | None:
        """The assignment that had the turn last; ``None`` when none ever had."""

    def hold(self) -> Any:
        """Hold the one lock under which turns are taken: before any record's lock, never inside one."""

    def write(self, namespace: str, task: str) -> None:
        """Name the assignment that takes the turn, durably, before its record says so; under the lock."""


class Store(Protocol):
    """A home's state, as the engine sees it."""

    @property
    def tasks(self) -> Kind[Task]: ...
    @property
    def campaigns(self) -> Kind[Campaign]: ...
    @property
    def projects(self) -> Kind[Project]: ...
    @property
    def agents(self) -> Kind[AgentRecord]: ...
    @property
    def log(self) -> Log: ...
    @property
    def ready(self) -> Ready: ...
    @property
    def waits(self) -> Waits: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def parking(self) -> Parkings: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def slots(self) -> Slots: ...
