"""What the engine asks of the world: clocks, processes, agent programs, what the operator wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from baton.domain.exchange import Ending, Invocation, Job, Process, Verdict
    from baton.domain.records import Holder, Task
    from baton.domain.settings import Settings
    from baton.domain.skills import Skill
    from baton.ports.state import Slot


class Clock(Protocol):
    """Time, and who we are. ``now`` may jump; ``boot_seconds`` and ``monotonic`` never do."""

    def now(self) -> str:
        """The wall clock, as an instant."""

    def holder(self) -> Holder:
        """This machine, this boot, and the seconds since it began (sleep included)."""

    def monotonic(self) -> float:
        """Seconds that only pass while the machine is awake."""


class TaskWorktrees(Protocol):
    """Checkouts of their own for the assignments that want one."""

    def place(self, task: Task) -> str:
        """Where the worktree is, or will be."""

    def make(self, task: Task) -> str:
        """The worktree, made if it is not there."""

    def shared(self, task: Task) -> str:
        """The folder in which git keeps what all worktrees of the repository have in common."""


class Launcher(Protocol):
    """Starts supervisors that outlive us."""

    def start(self, slot: Slot, target: Sequence[str] | None = None) -> int:
        """Start a detached supervisor that inherits the slot; ``target``: the words for one unit to begin with."""


class Processes(Protocol):
    """Processes of this machine. A signal goes only to the very process that was found."""

    def of_run(self, run: str, session: Process | None) -> list[Process]:
        """Those which carry this run's id in their environment, or live in this session."""

    def holding(self, path: str) -> list[Process]:
        """Those, not being supervisors, which have this file open."""

    def kill(self, found: Iterable[Process]) -> int:
        """Send KILL to each that is still the one that was found; return to how many."""


class Listener(Protocol):
    """Hears what one run prints, while it runs; keeps what the verdict needs, and never much memory.

    ``progress`` grows with every sign that the agent gets on: that it waits for its provider is none. ``is_done``: its
    result was heard, and it has nothing to do but to end.
    """

    progress: int

    @property
    def is_done(self) -> bool: ...

    def feed(self, data: bytes) -> None:
        """Take a piece of standard output, cut anywhere."""

    def last_line(self) -> str:
        """What the agent said last, for people who watch."""

    @property
    def tool_calls(self) -> int | None:
        """How often a tool was used so far; ``None`` where the program does not tell."""

    def tail(self, printed: str) -> str:
        """What it said at the end, for the next attempt, given the end of what it printed."""

    def take_text(self) -> str:
        """What a model has said since this was asked last, word for word; nothing where words are not told as they come."""


class Harness(Protocol):
    """Speaks to one agent program. ``secrets`` are the variables its keys are in, ``variables`` others it gets by name.

    ``is_talkative``: it prints while it works, so that a long silence means that it hangs. ``is_free``: nothing is paid
    for its runs, so that one which tells nothing of money is not of unknown cost. In ``skills_folder`` it looks for skills.
    ``prompt`` names the template of what it is told: ``step`` sends it to files and scripts, ``question`` says everything.
    """

    name: str
    secrets: tuple[str, ...]
    variables: tuple[str, ...]
    is_talkative: bool
    skills_folder: str | None
    is_free: bool
    prompt: str

    def listener(self) -> Listener:
        """A listener for one run."""

    def invocation(self, job: Job) -> Invocation:
        """The command line for this job; ``HarnessMissing`` with the cure when the program is not there."""

    def verdict(self, job: Job, ending: Ending, heard: Listener) -> Verdict:
        """What a run that ended by itself amounts to, if it reported nothing; session and usage count in any case."""


class Agents(Protocol):
    """The agents this home knows."""

    def find(self, name: str) -> Skill:
        """The agent of this name, the home's own first; ``AgentNotFound`` with the cure."""


class Config(Protocol):
    """What the operator wrote, read afresh when it changes."""

    def settings(self) -> Settings:
        """The settings in force."""

    def is_stopped(self) -> bool:
        """Tell whether the stop file exists."""

    def credential(self, name: str) -> str | None:
        """The value of a secret: from the environment, else from ``.env``."""
