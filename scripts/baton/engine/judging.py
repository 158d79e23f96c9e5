"""How a run ended, in one value: from why it was ended, what it reported, its exit, and its harness's verdict."""

from __future__ import annotations

import errno
import signal

from msgspec import Struct, structs

from baton.domain.errors import BatonError, HarnessMissing, NotFound, StorageError
from baton.domain.exchange import Ending, Verdict
from baton.domain.records import Report
from baton.domain.redaction import is_secret, redact
from baton.domain.statuses import FailureKind, Hang, Outcome, ReportKind
from baton.domain.usage import NOTHING, Usage, reported
from baton.engine.hangs import KINDS, Limits
from baton.engine.prepared import Prepared
from baton.ports import Listener

MESSAGE_LINES = 20
MESSAGE_LIMIT = 4000
# What a machine is short of passes; another attempt may have it.
FOR_NOW = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.ETXTBSY})
FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class Watched(Struct, frozen=True, kw_only=True):
    """How a run ended: the outcome if the agent reported nothing, and what there is to tell about it.

    ``hang``: it was ended at this limit. ``resets_at``: the instant at which the rate limit ends that it ran into.
    ``session_counts``: those of ``usage`` that are the whole session's; ``None``: the program counts each run.
    ``answer`` is its last message, ``tool_calls`` how often it used a tool, where its program tells.
    """

    outcome: Outcome
    kind: FailureKind | None = None
    message: str = ""
    exit_code: int | None = None
    summary: str | None = None
    session: str | None = None
    usage: Usage = NOTHING
    session_counts: tuple[str, ...] | None = None
    hang: Hang | None = None
    resets_at: str | None = None
    answer: str = ""
    tool_calls: int | None = None


class Judge:
    """Judges one run; ``listener`` has heard what it printed."""

    def __init__(self, prepared: Prepared, listener: Listener, limits: Limits) -> None:
        self._prepared = prepared
        self._listener = listener
        self._limits = limits

    def judge(self, stopped_for: Outcome | Hang | None, report: Report | None, ending: Ending) -> Watched:
        """Say how a run ended that was spawned: ``stopped_for`` is why it was ended, ``None`` when it ended by itself."""
        if stopped_for is Hang.AFTER_RESULT:
            # It had come to its result and only would not go: what our signal made of its exit says nothing.
            ending = structs.replace(ending, exit_code=0, signal=None)
        message = self._words(ending)
        verdict = self._prepared.harness.verdict(self._prepared.job, ending, self._listener)
        watched = self._outcome(stopped_for, report, ending, verdict, message)
        return structs.replace(
            watched,
            session=verdict.session,
            usage=self._used(verdict),
            session_counts=verdict.session_counts,
            hang=stopped_for if isinstance(stopped_for, Hang) else None,
            resets_at=verdict.resets_at if watched.kind is FailureKind.RATE_LIMIT else None,
            answer=self.clean(self._listener.tail(ending.stdout_tail)),
            tool_calls=self._listener.tool_calls,
        )

    def _used(self, verdict: Verdict) -> Usage:
        """What a program that was begun has used, as far as it told; of a free one that told nothing: nothing."""
        if not verdict.usage and self._prepared.harness.is_free:
            return NOTHING
        return reported(verdict.usage, verdict.models, self._prepared.job.model)

    def _outcome(
        self, stopped_for: Outcome | Hang | None, report: Report | None, ending: Ending, verdict: Verdict, message: str
    ) -> Watched:
        code = ending.exit_code
        if isinstance(stopped_for, Hang) and stopped_for is not Hang.AFTER_RESULT:
            # Some never give up asking a provider that does not answer: the fault is not the agent's.
            is_lost = stopped_for is Hang.SILENCE and verdict.is_waiting
            return Watched(
                outcome=Outcome.TIMED_OUT,
                kind=FailureKind.TRANSPORT if is_lost else KINDS[stopped_for],
                message=f"{message}\n{self._why(stopped_for)}".strip(),
                exit_code=code,
            )
        if stopped_for is Outcome.INTERRUPTED:
            return Watched(outcome=Outcome.INTERRUPTED, kind=FailureKind.STOPPED, message="the supervisor was stopped")
        if isinstance(stopped_for, Outcome):
            return Watched(outcome=stopped_for, exit_code=code)
        if ending.signal is not None:
            name = _signal_name(ending.signal)
            outcome = Outcome.KILLED if ending.signal in FROM_OUTSIDE else Outcome.FAILED
            said = f"{message}\nended by {name}".strip()
            return Watched(outcome=outcome, kind=FailureKind.SIGNAL, message=said)
        return self._from_verdict(verdict, report, ending, message)

    def _why(self, hang: Hang) -> str:
        """One line about a hang; what it did last helps to see whose fault it is."""
        if hang is Hang.WALL_CLOCK:
            return f"it did not end within {self._limits.wall_clock:g} s"
        if hang is Hang.NO_OUTPUT:
            return f"it printed nothing within {self._limits.no_output:g} s"
        last = self.clean(self._listener.last_line())
        return f"it did not get on for {self._limits.silence:g} s" + (f"; the last of it: {last}" if last else "")

    def _from_verdict(self, verdict: Verdict, report: Report | None, ending: Ending, message: str) -> Watched:
        if report is not None and ending.exit_code == 0:
            # It has said itself what it did; that it reported nothing is only what the harness had to think.
            said = message if report.kind is ReportKind.RELEASED else ""
            return Watched(outcome=Outcome(report.kind.value), message=said, exit_code=0)
        outcome = Outcome.FAILED if ending.exit_code else Outcome.NOT_COMPLETED
        if verdict.kind is FailureKind.SIGNAL:
            outcome = Outcome.KILLED  # some programs catch a signal, and end with a code of their own
        return Watched(
            outcome=Outcome.COMPLETED if verdict.completed else outcome,
            kind=verdict.kind,
            message="\n".join(filter(None, (message, self.clean(verdict.message)))) if not verdict.completed else "",
            exit_code=ending.exit_code,
            summary=self.clean(verdict.summary) if verdict.summary else None,
        )

    def not_spawned(self, error: OSError | ValueError) -> Watched:
        """Say why a run could not be spawned: a passing shortage, or something that a person must mend."""
        if isinstance(error, ValueError):  # a NUL in the command line or the environment
            message = f"the program could not be started: {error}; look for it in the model, the settings and .env"
            return Watched(outcome=Outcome.AGENT_MISSING, kind=FailureKind.HARNESS_MISSING, message=message)
        if error.errno in FOR_NOW:
            return Watched(outcome=Outcome.FAILED, kind=FailureKind.EXIT_CODE, message=f"not started: {error.strerror}")
        missing = HarnessMissing(
            f"the program {self._prepared.invocation.argv[0]} could not be started: {error.strerror}",
            cure="check that it is there, executable, and has an interpreter that exists",
        )
        message = f"{missing.message}; {missing.cure}"
        return Watched(outcome=Outcome.AGENT_MISSING, kind=FailureKind.HARNESS_MISSING, message=message)

    def _words(self, ending: Ending) -> str:
        """The last lines of stdout and stderr, with nothing in them that we know to be secret."""
        parts = []
        said = self._listener.tail(ending.stdout_tail)
        for name, text in (("stdout", said), ("stderr", ending.stderr_tail)):
            lines = text.strip().splitlines()[-MESSAGE_LINES:]
            if lines:
                # Searched before it is cut: of half a secret nobody would know the rest again.
                parts.append(self.clean("\n".join((f"[{name}]", *lines)))[-MESSAGE_LIMIT:])
        return "\n".join(parts)

    def clean(self, text: str) -> str:
        """Return the text with nothing in it that we know to be secret."""
        names = self._prepared.harness.secrets
        secrets = [value for name, value in self._prepared.job.environ.items() if name in names or is_secret(name)]
        return redact(text, secrets)


def not_prepared(error: BatonError | OSError) -> Watched:
    """Say why a run could not be prepared: the disk, which may pass, or something that a person must mend."""
    if isinstance(error, StorageError | OSError):
        message = error.message if isinstance(error, StorageError) else str(error)
        return Watched(outcome=Outcome.FAILED, kind=FailureKind.EXIT_CODE, message=message)
    kind = FailureKind.AGENT_MISSING if isinstance(error, NotFound) else FailureKind.HARNESS_MISSING
    message = f"{error.message}; {error.cure}" if error.cure else error.message
    return Watched(outcome=Outcome.AGENT_MISSING, kind=kind, message=message)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
