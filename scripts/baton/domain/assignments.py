"""What makes a task an assignment: its north star, what its jobs have found and decided, the rules that bound it.

An assignment is a task whose units are added while it runs; a *job* is such a unit, and its type is the agent's name.
"""

# No "from __future__ import annotations": the record's decoder reads these types as it starts (see records).
from enum import StrEnum

from msgspec import Struct

PM = "pm"
GUARDIAN = "guardian"
RETROSPECT = "retrospect"
FIRST_JOB = "plan"
JOB_TYPES = (
    FIRST_JOB, "implement", "refine", "review", "uat", "verify", "research", "document", PM, RETROSPECT, "chat", GUARDIAN,
)  # fmt: skip
# Who only looks at what the others did: no limit counts them, and no pm follows them.
LOOKERS = frozenset({PM, GUARDIAN})
# Who changes files: two of them at once would write over each other.
WRITERS = frozenset({"implement", "refine", "document"})
DECISIONS_KEPT = 100
ARTIFACTS_KEPT = 200
GROUP_LIMIT = 20


class Alignment(StrEnum):
    """Whether what the PM decides still leads to the north star, as the guardian sees it."""

    ALIGNED = "aligned"
    UNCERTAIN = "uncertain"
    MISALIGNED = "misaligned"


class ActKind(StrEnum):
    """What may be done to an assignment by its PM, its guardian, or a person."""

    INSERT = "insert"
    UPDATE = "update"
    COMPLETE = "complete"
    BLOCK = "block"
    ALIGN = "align"


# With one of these a PM has decided.
DECIDING = frozenset({ActKind.INSERT, ActKind.COMPLETE, ActKind.BLOCK})


class _Value(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value, strictly decoded."""


class NewJob(_Value, frozen=True, kw_only=True):
    """A job that is to be inserted. ``unit`` is the key that it will have, kept free for it."""

    type: str
    context: str = ""
    harness: str | None = None
    model: str | None = None
    unit: str = ""


class Act(_Value, frozen=True, kw_only=True, omit_defaults=True):
    """One thing done to an assignment; inside a run it is kept with the lease, and happens when the run has ended well.

    ``after`` is the job behind which ``jobs`` go; ``key`` makes that the same jobs are inserted once. ``text`` is the
    reason of a block, the summary of an end, the notes of an alignment.
    """

    kind: ActKind
    jobs: tuple[NewJob, ...] = ()
    after: str | None = None
    key: str | None = None
    artifacts: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    text: str | None = None
    alignment: Alignment | None = None


class JobFacts(_Value, frozen=True, kw_only=True):
    """What a unit is as a job: what is wanted of it, its group, who inserted it and under which key.

    ``tool_calls``: of all its runs, as far as their programs told.
    """

    context: str = ""
    group: str | None = None
    by: str = ""
    key: str | None = None
    tool_calls: int | None = None


class Decision(_Value, frozen=True, kw_only=True):
    """One decision that was recorded: when, by which job or person, in words."""

    at: str
    by: str
    text: str


class Rules(_Value, frozen=True, kw_only=True):
    """What the settings say for an assignment's namespace: by job type where they do, and the limits that stop a loop.

    ``alike``: so many jobs of one type in a row without a new artifact. ``cost_usd``: of all its runs.
    """

    timeout: str = "10m"
    timeouts: dict[str, str] = {}
    harnesses: dict[str, str] = {}
    models: dict[str, str] = {}
    jobs: int = 50
    alike: int = 5
    cost_usd: float | None = None
    guardian: bool = False


class Assignment(_Value, frozen=True, kw_only=True):
    """What a task has that is an assignment. ``north_star`` never changes; ``artifacts`` are ``path: description`` lines.

    ``turn``: it is the active one of its namespace; one that is ``independent`` needs none. ``artifacts_at``: the job
    at which the artifacts changed last. ``completion``: the PM has said that it is done, with this summary, and the
    guardian looks first. ``rules`` are read when it is made, and afresh whenever a person updates or unblocks it.
    ``worktree``: its jobs work in a worktree of their own of the task's repo, on the branch ``baton/<id>``.
    """

    namespace: str
    north_star: str
    independent: bool = False
    artifacts: tuple[str, ...] = ()
    artifacts_at: str | None = None
    decisions: tuple[Decision, ...] = ()
    alignment: Alignment | None = None
    alignment_notes: str | None = None
    completion: str | None = None
    turn: bool = False
    rules: Rules = Rules()
    worktree: bool = False
