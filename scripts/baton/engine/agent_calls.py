"""What agents (and hands) say to Baton: take the lease, give it back, complete, send back. Each is one command."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from baton.domain import commands as c
from baton.domain.errors import InvalidInput, InvalidWord, LeaseMismatch
from baton.domain.evidence import words_for
from baton.domain.readiness import namespace_of, needs_turn
from baton.domain.records import Task, Unit
from baton.domain.resources import Resource
from baton.domain.statuses import LeaseKind, ReportKind
from baton.domain.task_runs import preview
from baton.engine.door import Door

if TYPE_CHECKING:
    from baton.domain.settings import Settings
    from baton.ports import Clock

Look = Callable[[Task, Unit], tuple[str, ...]]
# What a unit that is completed by hand has left, given what is named of it.
Left = Callable[[Task, Unit, tuple[str, ...]], tuple[Resource, ...]]

RESULT_LIMIT = 64 * 1024
RESULT_DEPTH = 100


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls: the agent's name, and the token of the run it is in, when it is in one on this very task."""

    agent: str
    token: int | None = None


class Done(Struct, frozen=True, kw_only=True):
    """What an agent hands in with its step. ``outputs`` are relative to the workspace and have been checked."""

    outputs: tuple[str, ...] = ()
    summary: str | None = None
    quality_score: float | None = None
    readability_score: float | None = None
    data: dict[str, Any] | None = None


def acquire(door: Door, clock: Clock, settings: Settings, task: str, caller: Caller) -> Task:
    """Take or renew the lease of the current step by hand."""
    command = c.AcquireByHand(
        agent=caller.agent,
        holder=clock.holder(),
        steal_after_seconds=settings.lease.steal_after_seconds,
        token=caller.token,
    )
    found = door.store.tasks.read(task)
    if found is not None and needs_turn(found):
        from baton.engine.turns import turn_for  # start-up: most tasks are no assignments

        with turn_for(door.store, namespace_of(found), task):
            return door.task(task, c.TakeTurn(), command)
    return door.task(task, command)


def release(door: Door, task: str, caller: Caller, *, notes: str = "") -> Task:
    """Give the lease back: inside a run as its report, by hand at once."""
    if caller.token is not None:
        report = c.ReportRun(token=caller.token, kind=ReportKind.RELEASED, agent=caller.agent, notes=notes or None)
        return door.task(task, report)
    return door.task(task, c.ReleaseByHand(agent=caller.agent))


def revoke(door: Door, task: str, by: str) -> Task:
    """Take the lease away, as a person, from whoever holds it."""

    def command(found: Task | None) -> c.RevokeLease:
        if found is not None and not found.is_finished and found.lease is None:
            raise LeaseMismatch("nobody holds the lease of the current step")
        return c.RevokeLease(by=by, reason="taken away with --force")

    return door.task(task, command)


def complete(door: Door, task: str, caller: Caller, done: Done, look: Look, left: Left) -> tuple[Task, Task]:
    """Complete the current step. Returns the record, and the record as it will be once the run has ended.

    By hand ``look`` is asked first what is missing of it; of a run that is looked for when it has ended.
    """
    fields: dict[str, Any] = {name: getattr(done, name) for name in done.__struct_fields__}
    if caller.token is None:
        found = door.store.tasks.read(task)
        lease = found.lease if found is not None else None
        is_theirs = lease is not None and (lease.kind, lease.agent) == (LeaseKind.HAND, caller.agent)
        missing = look(found, found.current) if found is not None and is_theirs and found.current.expects else None
        resources = left(found, found.current, done.outputs) if found is not None and is_theirs else ()
        record = door.task(task, c.CompleteByHand(agent=caller.agent, missing=missing, resources=resources, **fields))
        return record, record
    kind = ReportKind.COMPLETED
    record = door.task(task, c.ReportRun(token=caller.token, kind=kind, agent=caller.agent, **fields))
    return record, preview(record, caller.token)


def complete_branch(
    door: Door, task: str, label: str, caller: Caller, done: Done, look: Look, left: Left
) -> tuple[Task, Task]:
    """Complete a branch. Returns the record, and the record as it will be once the run has ended."""
    if caller.token is None:
        found = door.store.tasks.read(task)
        branch = found.branches.get(label) if found is not None else None
        missing: tuple[str, ...] | None = None
        resources: tuple[Resource, ...] = ()
        if found is not None and branch is not None and branch.agent == caller.agent and not found.lease_of(branch.key):
            missing = look(found, branch) if branch.expects else None
            resources = left(found, branch, done.outputs)
        command = c.CompleteBranch(
            label=label,
            agent=caller.agent,
            outputs=done.outputs,
            summary=done.summary,
            missing=missing,
            resources=resources,
        )
        record = door.task(task, command)
        return record, record
    token = caller.token

    def report(found: Task | None) -> c.ReportRun:
        lease = found.lease_with(token) if found is not None else None
        if found is not None and lease is not None and found.label_of(lease.unit) != label:
            raise LeaseMismatch(f"this run is not at work on branch '{label}'")
        return c.ReportRun(
            token=token, kind=ReportKind.COMPLETED, agent=caller.agent, outputs=done.outputs, summary=done.summary
        )

    record = door.task(task, report)
    return record, preview(record, token)


def to_be_checked(task: Task, token: int | None) -> list[str]:
    """Say what will be looked for before a run's report counts; nothing for a hand, where it has been looked for."""
    lease = task.lease_with(token) if token is not None else None
    return [words_for(one, task.id) for one in task.unit(lease.unit).expects] if lease is not None else []


def request_revision(
    door: Door, task: str, caller: Caller, settings: Settings, to_step: int, notes: str
) -> tuple[Task, Task]:
    """Send the task back. Returns the record, and the record as it will be once the run has ended."""
    limit = settings.retry.max_revisions
    if caller.token is None:
        record = door.task(task, c.ReviseByHand(agent=caller.agent, to_step=to_step, notes=notes, max_revisions=limit))
        return record, record
    report = c.ReportRun(
        token=caller.token, kind=ReportKind.SENT_BACK, agent=caller.agent, to_step=to_step, notes=notes
    )
    record = door.task(task, report)
    return record, preview(record, caller.token)


def revise_by_person(door: Door, task: str, by: str, to_step: int, notes: str, *, stop_run: bool) -> Task:
    """Send the task back, as a person."""
    return door.task(task, c.ReviseByPerson(by=by, to_step=to_step, notes=notes, stop_run=stop_run))


def is_run(task: Task, token: int | None) -> bool:
    """Tell whether this token is that of a run on the task."""
    lease = task.lease_with(token) if token is not None else None
    return lease is not None and lease.kind is LeaseKind.RUN


def check_score(name: str, value: float | None) -> float | None:
    """Return a score that is a finite number from 0 to 100; refuse any other."""
    if value is None or (math.isfinite(value) and 0 <= value <= 100):
        return value
    raise InvalidWord(f"--{name} {value} is not a number from 0 to 100")


def check_data(text: str | None) -> dict[str, Any] | None:
    """Return the object in ``--result``; refuse what is none, or is too large."""
    if text is None:
        return None
    if len(text.encode()) > RESULT_LIMIT:
        raise InvalidWord("--result is larger than 64 KB", cure="write it to a file and name it with --output")
    try:
        value = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidWord(f"--result is not JSON: {error}") from None
    except RecursionError:
        value, is_too_deep = {}, True
    else:
        is_too_deep = _is_deeper(value, RESULT_DEPTH)
    if not isinstance(value, dict):
        raise InvalidWord("--result is not a JSON object", cure="write it like '{\"words\": 900}'")
    if is_too_deep:
        # Whoever reads the record has a limit, too: ours, jq's, an editor's.
        raise InvalidWord(f"--result is nested deeper than {RESULT_DEPTH} levels", cure="write it to a file")
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inside)


def check_outputs(resolve: Callable[[str], str], outputs: Sequence[str]) -> tuple[str, ...]:
    """Return the outputs as paths relative to the workspace, each of which exists inside it."""
    checked = tuple(resolve(output) for output in outputs)
    if len(set(checked)) != len(checked):
        raise InvalidInput("--output names a file twice")
    return checked
