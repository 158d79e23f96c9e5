"""From how a run ended to the command that ends it: its session, and of what it used what is its own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from baton.domain import commands as c
from baton.domain.retry import RetryPolicy
from baton.domain.sessions import Session, added_by, session_after
from baton.engine.granting import Granted
from baton.engine.judging import Watched


def counted_once(granted: Granted, watched: Watched, facts: Mapping[str, Any]) -> tuple[Watched, Session | None]:
    """Return the end of a run with what it used by itself, and the session that it leaves, if it has told of one."""
    last = granted.unit.session
    resumed = last if last is not None and facts.get("resumed") == last.id else None
    used = added_by(watched.usage, watched.session_usage, resumed)
    session = None
    if watched.session is not None and facts.get("harness"):
        session = session_after(facts["harness"], watched.session, used, watched.session_usage, resumed)
    return structs.replace(watched, usage=used), session


def end_run(
    granted: Granted,
    watched: Watched,
    policy: RetryPolicy,
    *,
    harness: str | None,
    session: Session | None,
    outputs: tuple[str, ...],
    max_revisions: int,
    is_parked: bool,
) -> c.EndRun:
    """Return the command that ends this run as it was seen to end."""
    return c.EndRun(
        token=granted.lease.token,
        run=granted.lease.run or "",
        outcome=watched.outcome,
        kind=watched.kind,
        policy=policy,
        jitter=random.random(),
        message=watched.message,
        exit_code=watched.exit_code,
        outputs=outputs,
        summary=watched.summary,
        harness=harness,
        session=session,
        usage=watched.usage,
        resets_at=watched.resets_at,
        is_parked=is_parked,
        max_revisions=max_revisions,
    )
