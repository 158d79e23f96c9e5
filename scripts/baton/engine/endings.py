"""The command that ends a run: what was watched, judged and looked for, in one value for the record."""

from __future__ import annotations

import random

from baton.domain.commands import EndRun
from baton.domain.records import Lease
from baton.domain.resources import Resource
from baton.domain.retry import RetryPolicy
from baton.engine.judging import Watched


def end_of(
    lease: Lease,
    watched: Watched,
    policy: RetryPolicy,
    *,
    outputs: tuple[str, ...],
    missing: tuple[str, ...] | None,
    resources: tuple[Resource, ...],
    max_revisions: int,
) -> EndRun:
    """Return the command; ``missing`` is ``None`` when nobody has looked for evidence."""
    return EndRun(
        token=lease.token,
        run=lease.run or "",
        outcome=watched.outcome,
        kind=watched.kind,
        policy=policy,
        jitter=random.random(),
        message=watched.message,
        exit_code=watched.exit_code,
        outputs=outputs,
        summary=watched.summary,
        session=watched.session,
        usage=watched.usage,
        max_revisions=max_revisions,
        missing=missing,
        resources=resources,
    )
