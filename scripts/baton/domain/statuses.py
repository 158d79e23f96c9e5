"""The words for where things stand and how they end. A status and an outcome are two enums."""

from __future__ import annotations

from enum import StrEnum


class TaskStatus(StrEnum):
    """Where a task stands. The middle ones are mapped from the ``output_dir`` of the step that completed last."""

    BACKLOG = "backlog"
    IN_PROGRESS = "in_progress"
    RESEARCHED = "researched"
    BRIEFED = "briefed"
    DRAFTED = "drafted"
    REVIEWED = "reviewed"
    HUMANIZED = "humanized"
    REVISION_NEEDED = "revision_needed"
    BLOCKED = "blocked"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DELETED = "deleted"


FINISHED = frozenset({TaskStatus.COMPLETED, TaskStatus.CANCELLED, TaskStatus.DELETED})

STATUS_OF_OUTPUT_DIR = {
    "research": TaskStatus.RESEARCHED,
    "briefs": TaskStatus.BRIEFED,
    "drafts": TaskStatus.DRAFTED,
    "reviewed": TaskStatus.REVIEWED,
    "final": TaskStatus.HUMANIZED,
}


class UnitStatus(StrEnum):
    """Where a unit stands. ``pending``: before its turn, or after a revision; ``in_progress``: the current one."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    SENT_BACK = "sent_back"
    RELEASED = "released"
    NOT_COMPLETED = "not_completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    KILLED = "killed"
    INTERRUPTED = "interrupted"
    AGENT_MISSING = "agent_missing"
    REVOKED = "revoked"
    NEVER_STARTED = "never_started"


class FailureKind(StrEnum):
    """Why a run failed; what follows from a kind is in ``retry``. The second group is known from what a CLI agent says.

    ``timeout`` is the wall clock, ``no_output`` a run that never printed anything, ``silence`` one that no longer got on,
    ``signal`` any end from outside, ``no_result`` an agent that ended without an answer, ``evidence`` one that left less
    than its step expects, ``no_decision`` a PM that decided nothing, or a guardian that did not judge.
    """

    EXIT_CODE = "exit_code"
    NO_REPORT = "no_report"
    EVIDENCE = "evidence"
    TIMEOUT = "timeout"
    NO_OUTPUT = "no_output"
    SILENCE = "silence"
    SIGNAL = "signal"
    RELEASE = "release"
    SUPERVISOR_LOST = "supervisor_lost"
    STOPPED = "stopped"
    AGENT_MISSING = "agent_missing"
    HARNESS_MISSING = "harness_missing"
    NO_DECISION = "no_decision"

    AUTH = "auth"
    CREDIT = "credit"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER = "server"
    TRANSPORT = "transport"
    CONTEXT_TOO_LONG = "context_too_long"
    MODEL_UNKNOWN = "model_unknown"
    TURN_LIMIT = "turn_limit"
    BUDGET = "budget"
    TOOL_DENIED = "tool_denied"
    NO_RESULT = "no_result"


class Hang(StrEnum):
    """At which limit a run was ended that would not end by itself. After its result it counts as ended well."""

    NO_OUTPUT = "no_output"
    SILENCE = "silence"
    AFTER_RESULT = "after_result"
    WALL_CLOCK = "wall_clock"


class BlockKind(StrEnum):
    """Why a task is blocked, and so who can unblock it."""

    ATTEMPTS = "attempts"
    INTERRUPTIONS = "interruptions"
    GATE = "gate"
    REVIEW = "review"
    DISPUTE = "dispute"
    INPUT = "input"
    DEPENDENCY = "dependency"
    POLICY = "policy"
    BUDGET = "budget"
    PERSON = "person"
    AGENT = "agent"


class LeaseKind(StrEnum):
    """Whether a supervisor or a hand (a person, a script) holds the lease."""

    RUN = "run"
    HAND = "hand"


class ReportKind(StrEnum):
    """What an agent said as its last act."""

    COMPLETED = "completed"
    SENT_BACK = "sent_back"
    RELEASED = "released"


class RevisionKind(StrEnum):
    """What a person asked for of a piece that was complete: chosen agents redo theirs, or all from a step on."""

    FIX = "fix"
    RETHINK = "rethink"


class Wish(StrEnum):
    """What a person asked for while a run was going on; it happens when the revoked runs have ended."""

    CANCEL = "cancel"
    BLOCK = "block"
    REVISE = "revise"
    STOP = "stop"
