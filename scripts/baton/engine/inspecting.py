"""Looking for evidence: at the end of a run that says it is done, by its supervisor or by the sweep, and by hand.

Nothing here decides: what is missing goes into the command that ends the run, or completes by hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from baton.domain.errors import BatonError
from baton.domain.evidence import not_done
from baton.domain.records import Lease, Task, Unit
from baton.domain.statuses import FailureKind, Outcome, ReportKind
from baton.ports import Inspection, Store

if TYPE_CHECKING:
    from baton.engine.granting import Granted
    from baton.engine.judging import Watched
    from baton.engine.preparation import Preparation


class Evidence(Protocol):
    """Looks whether what a step must leave is there. It starts processes, and leaves none."""

    def missing(self, inspection: Inspection, is_given_up: Callable[[], bool]) -> tuple[str, ...] | None:
        """Say in words what is expected and is not there; ``None`` as soon as ``is_given_up``, asked now and then."""


class Inspector:
    """Looks for what the steps of one home must leave."""

    def __init__(self, evidence: Evidence, preparation: Preparation, store: Store) -> None:
        self._evidence = evidence
        self._preparation = preparation
        self._store = store

    def after_run(
        self, granted: Granted, watched: Watched, is_given_up: Callable[[], bool]
    ) -> tuple[Watched, tuple[str, ...] | None] | None:
        """Look, if the run says that its unit is done: how it ended then, and what is missing.

        ``None`` when it was given up. Nobody has looked (the second is ``None``) where nothing is expected, or the
        record could not be read: the end is refused then, and left to the sweep.
        """
        self._preparation.drop_copies(granted.task, granted.unit)
        if not granted.unit.expects:
            return watched, None
        try:
            task = self._store.tasks.read(granted.task.id)
            lease = task.lease_with(granted.lease.token) if task is not None else None
            if task is None or lease is None or not is_done(lease, watched.outcome):
                return watched, None
            missing = self._of_run(task, lease, is_given_up)
        except BatonError:
            return watched, None
        if missing is None:
            return None
        if missing:
            said = not_done(missing)
            watched = structs.replace(watched, outcome=Outcome.NOT_COMPLETED, kind=FailureKind.EVIDENCE, message=said)
        return watched, missing

    def of_run(self, task: Task, lease: Lease, is_given_up: Callable[[], bool]) -> tuple[str, ...] | None:
        """Say what a run that is over has left out; ``None`` when it was given up."""
        self._preparation.drop_copies(task, task.unit(lease.unit))
        return self._of_run(task, lease, is_given_up)

    def _of_run(self, task: Task, lease: Lease, is_given_up: Callable[[], bool]) -> tuple[str, ...] | None:
        return self._missing(task, task.unit(lease.unit), lease.agent, lease, lease.run or "", is_given_up)

    def by_hand(self, task: Task, unit: Unit, agent: str) -> tuple[str, ...]:
        """Say what is missing of a unit that is to be completed by hand. Files may be as old as they are."""
        run = f"by-hand-{task.id}-{os.getpid()}"  # only marks what is started, so that none of it stays
        return self._missing(task, unit, agent, None, run, lambda: False) or ()

    def _missing(
        self, task: Task, unit: Unit, agent: str, lease: Lease | None, run: str, is_given_up: Callable[[], bool]
    ) -> tuple[str, ...] | None:
        if not unit.expects:
            return ()
        inspection = self._preparation.inspection(task, unit, agent, lease, run)
        missing = self._evidence.missing(inspection, is_given_up)
        if missing is None:
            return None
        from baton.domain.redaction import is_secret, redact  # start-up: an idle sweep looks for nothing

        secrets = [value for name, value in inspection.environ.items() if is_secret(name)]
        return tuple(redact(one, secrets) for one in missing)


def is_done(lease: Lease, outcome: Outcome) -> bool:
    """Tell whether a run says that its unit is done: by its report, or by its end when it reported nothing."""
    if lease.void:
        return False
    if lease.report is not None:
        return lease.report.kind is ReportKind.COMPLETED
    return lease.revoked is None and outcome is Outcome.COMPLETED
