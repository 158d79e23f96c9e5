"""The end of a run: what was watched, judged and looked for, in one command for the record, and its commit."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import structs

from baton.domain.commands import EndRun
from baton.domain.errors import BatonError, Busy, StorageError
from baton.domain.records import Lease
from baton.domain.resources import Resource
from baton.domain.retry import RetryPolicy
from baton.domain.sessions import Session, added_by, session_after
from baton.engine.granting import Granted
from baton.engine.job_facts import MESSAGE_FILE, TEXT_LIMIT, shortened
from baton.engine.judging import Watched
from baton.engine.parking import Parking
from baton.engine.prepared import write_private
from baton.engine.stop_signal import StopSignal

RETRY_SECONDS = 5.0

R = TypeVar("R")


def counted_once(granted: Granted, watched: Watched, facts: Mapping[str, Any]) -> tuple[Watched, Session | None]:
    """Return the end of a run with what it used by itself, and the session that it leaves, if it has told of one."""
    last = granted.unit.session
    resumed = last if last is not None and facts.get("resumed") == last.id else None
    used = added_by(watched.usage, watched.session_counts, resumed)
    session = None
    if watched.session is not None and facts.get("harness"):
        session = session_after(facts["harness"], watched.session, used, watched.session_counts, resumed)
    return structs.replace(watched, usage=used), session


def heeded(
    parking: Parking,
    task: str | None,
    run: str | None,
    watched: Watched,
    facts: Mapping[str, Any],
    warn: Callable[[str], None],
) -> bool:
    """Park the harness, if that follows; where it cannot be written down, the task has to back off by itself."""
    try:
        harness = facts.get("harness")
        return bool(harness) and parking.heed(str(harness), watched, task, run)
    except (BatonError, OSError) as error:
        warn(f"a harness could not be parked: {error}")
        return False


def end_of(
    lease: Lease,
    watched: Watched,
    policy: RetryPolicy,
    *,
    harness: str | None,
    session: Session | None,
    outputs: tuple[str, ...],
    missing: tuple[str, ...] | None,
    resources: tuple[Resource, ...],
    max_revisions: int,
    is_parked: bool,
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
        harness=harness,
        session=session,
        usage=watched.usage,
        resets_at=watched.resets_at,
        is_parked=is_parked,
        max_revisions=max_revisions,
        missing=missing,
        resources=resources,
        tool_calls=watched.tool_calls,
    )


def with_answer(granted: Granted, watched: Watched, facts: Mapping[str, Any], warn: Callable[[str], None]) -> Watched:
    """Keep the whole last message of a job's run in a file beside its log; its beginning goes into the record."""
    answer = watched.answer.strip()
    if granted.unit.job is None or not answer or "log" not in facts:
        return watched
    try:
        write_private(f"{facts['log']}{MESSAGE_FILE}", answer + "\n")
    except OSError as error:
        warn(f"the last message of run {granted.lease.run} could not be kept: {error}")
    return structs.replace(watched, summary=shortened(answer, TEXT_LIMIT))


def cleared(facts: dict[str, Any]) -> dict[str, Any]:
    """Remove what the agent program has kept of the unit's runs, which no retry will need; return what there is now."""
    scratch = facts.get("scratch")
    if scratch is None:
        return facts
    shutil.rmtree(scratch, ignore_errors=True)
    return facts | {"scratch": scratch if os.path.lexists(scratch) else None}


def commit_end(
    commit: Callable[..., R],
    what: str,
    steps: tuple[Any, ...],
    stop: StopSignal,
    beat: Callable[[], None],
    warn: Callable[[str], None],
) -> R | None:
    """End a run durably. A full disk is waited for: the work is done, and the slot is held by it.

    ``steps`` are the command and what comes next in the same commit. ``None``: the end was refused.
    """
    said = False
    while True:
        try:
            return commit(*steps)
        except (StorageError, Busy) as error:
            if stop.is_set:
                raise
            if not said:
                warn(f"the end of a run of {what} waits: {error.message}")
            said = True
            # A supervisor that waits is no silent one: the sweep would end it, and do its work once more.
            beat()
            stop.wait(RETRY_SECONDS)
            steps = steps[:1]
        except BatonError as refused:
            if len(steps) > 1:
                steps = steps[:1]  # what would come next must not keep the end back
                continue
            warn(f"the end of a run of {what} was refused: {refused.message}")
            return None
