"""Values that cross from one room to another: what a change leaves, what a look at a slot or a process tells, a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from baton.domain.evidence import Expectation
    from baton.domain.records import Event, Unit
    from baton.domain.skills import Skill
    from baton.domain.statuses import FailureKind


class Commit(Struct, frozen=True):
    """What a change leaves: the record, its new events (none: nothing changed), whether it belongs in the archive."""

    record: Any
    events: Sequence[Event] = ()
    archive: bool = False


class Damage(Struct, frozen=True, kw_only=True):
    """A record that could not be had: its kind and id, and the reason.

    ``state`` is ``damaged`` (its bytes are wrong: it is set aside), ``newer`` (a newer Baton wrote it) or
    ``unreadable`` (the disk or the file's mode is in the way); the last two stay where they are.
    """

    kind: str
    id: str
    reason: str
    state: Literal["damaged", "newer", "unreadable"] = "damaged"

    @property
    def is_damaged(self) -> bool:
        """Tell whether its bytes are wrong, so that it can only be set aside."""
        return self.state == "damaged"


class SlotState(Struct, frozen=True, kw_only=True):
    """What a look at a slot tells, without taking it."""

    number: int
    held: bool
    supervised: bool
    facts: dict[str, Any]


class Process(Struct, frozen=True, kw_only=True):
    """A process, beyond doubt: its id and when it started, in ticks since boot."""

    pid: int
    started: int


class Job(Struct, frozen=True, kw_only=True):
    """What a harness is asked to run: one agent on one unit, in a prepared workspace.

    ``readable`` and ``writable`` are folders beside the workspace: its instructions, its working memory. A program that
    asks before it leaves its working directory has to be told of them.
    ``resume`` is the program's own id of a session to go on with. ``skills`` are those it may be shown, its own first.
    ``output`` is where it writes by default, below the workspace. ``system`` is what it is told to be, instead of what its
    skill says; ``None``: its skill says it.
    """

    run: str
    skill: Skill
    unit: Unit
    model: str | None
    workspace: str
    prompt_file: str
    environ: dict[str, str]
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    skills: tuple[Skill, ...] = ()
    resume: str | None = None
    output: str = ""
    system: str | None = None


# How the names of folders end in which agent programs keep what they would leave elsewhere.
SCRATCH = ".scratch"


class Invocation(Struct, frozen=True, kw_only=True):
    """A command line, what it adds to the environment, and the texts of files that must be there, by their paths.

    ``scratch`` is a folder that must be there: what the program keeps of the runs of this unit, and nobody else needs.
    """

    argv: tuple[str, ...]
    environ: dict[str, str]
    files: dict[str, str] = {}
    scratch: str | None = None


class Display(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run's skills put into a workspace, written down before any of it is there.

    ``links`` are paths and what they lead to; ``folders`` were made for them, outer ones first. ``excluded`` is the
    text that keeps git from seeing them, in the file ``exclude_file`` (which was ``made`` for it, or was there).
    """

    run: str
    task: str
    links: dict[str, str] = {}
    folders: tuple[str, ...] = ()
    exclude_file: str | None = None
    excluded: str = ""
    made: bool = False


class Ending(Struct, frozen=True, kw_only=True):
    """How the agent's process ended, as seen: exit code or signal, the ends of what it printed, and the instant."""

    exit_code: int | None
    signal: int | None
    stdout_tail: str
    stderr_tail: str
    at: str | None = None


class Inspection(Struct, frozen=True, kw_only=True):
    """What is to be looked for in a workspace, for one unit of a task.

    ``since_ns``: files must have been written since then, in the file system's time; ``begun_ns`` is when the first
    attempt of this round began. ``None``: by hand, when they may be as old as they are. ``run`` marks what is started.
    """

    expects: tuple[Expectation, ...]
    task: str
    run: str
    workspace: str
    environ: dict[str, str]
    since_ns: int | None = None
    begun_ns: int | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """What a harness makes of an ending when the agent did not report. ``completed`` means the step is done.

    ``usage`` is what the program told of what it used, under the names of :mod:`baton.domain.usage`; ``models`` the same
    by model. ``session_counts`` names those that it told of the whole session, resumed runs included: none of a run that
    came to no such count, and ``None`` of a program that counts each run by itself. ``resets_at`` is the instant at which
    a rate limit ends, where the program said it. ``is_waiting``: the last of it was that it asks its provider again.
    """

    completed: bool
    kind: FailureKind | None = None
    summary: str | None = None
    message: str = ""
    session: str | None = None
    usage: dict[str, int | float] = {}
    models: dict[str, dict[str, int | float]] = {}
    session_counts: tuple[str, ...] | None = None
    resets_at: str | None = None
    is_waiting: bool = False
