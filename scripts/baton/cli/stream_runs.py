"""Streaming runs put together for one home: what they look like to whoever asks, made, found, deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from baton.cli.caller import person
from baton.cli.wiring import Wiring
from baton.domain import commands as c
from baton.domain import tasks
from baton.domain.errors import (
    AgentNotFound,
    AlreadyExists,
    BatonError,
    IllegalTransition,
    InvalidInput,
    RunNotFound,
)
from baton.domain.ids import check_id
from baton.domain.pipelines import Template
from baton.domain.records import Blocked, Task, Unit
from baton.domain.run_statuses import RunStatus, error_of, is_waiting_to_start, status_of, step_status_of
from baton.domain.skills import body_of
from baton.domain.statuses import BlockKind, TaskStatus
from baton.domain.stream_runs import INPUT_FILE, NOT_STARTED, StreamRun
from baton.domain.stream_steps import run_units
from baton.engine.creation import create_task
from baton.engine.run_policies import known_skill
from baton.engine.streaming import Telling
from baton.store import upkeep
from baton.store.files import names_in

INPUT_LIMIT = 1 << 20
VARIABLES_LIMIT = 64 << 10


def streams(wiring: Wiring) -> Telling:
    """Return what tells the runs of this home."""
    return Telling(wiring.store.streams, wiring.store.tasks.read, wiring.workspaces, wiring.clock)


def create(
    wiring: Wiring, template: Template, *, owner: str | None, input: str, variables: dict[str, str], id: str | None
) -> Task:
    """Make a run that waits to be started. Everything is checked first: what is refused leaves nothing behind."""
    if not input.strip():
        raise InvalidInput("the input is empty", cure="give --input TEXT, or --input-file FILE")
    for what, size, limit in (
        ("input", len(input.encode()), INPUT_LIMIT),
        ("variables", sum(len(text.encode()) for text in variables.values()), VARIABLES_LIMIT),
    ):
        if size > limit:
            raise InvalidInput(f"the {what} is larger than {limit >> 10} KB", cure="shorten it")
    if "\0" in input + "".join(variables.values()):
        raise InvalidInput("there is a NUL in the input or in a variable", cure="give text alone")
    units = run_units(template, variables, lambda agent: _body(wiring, agent))
    _check_models(wiring, units)
    wiring.store.prepare()
    with wiring.workspaces.alone():  # of two that want one id, the second must not touch the first one's input
        return _made(
            wiring, template, units, StreamRun(pipeline=template.slug, owner=owner, variables=variables), input, id
        )


def _made(
    wiring: Wiring, template: Template, units: tuple[Unit, ...], stream: StreamRun, input: str, id: str | None
) -> Task:
    run = id or _free_id(wiring, template.slug)
    if wiring.store.tasks.read(run) is not None or wiring.store.tasks.is_set_aside(run):
        raise AlreadyExists(f"the id '{run}' is taken", cure="choose another id")
    now = wiring.clock.now()
    waits = Blocked(kind=BlockKind.PERSON, reason=NOT_STARTED, unit=None, at=now, was=TaskStatus.BACKLOG)
    fields = {
        "title": template.name,
        "project": None,
        "campaign": None,
        "status": TaskStatus.BLOCKED,
        "blocked": waits,
        "stream": stream,
        "created_by": person(wiring.environ),
    }
    command = c.CreateTask(id=run, units=units, fields=fields)
    # Input and events are there before the record is: whoever reads it finds both.
    draft, _ = tasks.decide(None, command, now)
    try:
        wiring.workspaces.write(wiring.workspaces.make(draft), INPUT_FILE, input.encode())
        wiring.store.streams.make(run)
        return create_task(wiring.door, command, person(wiring.environ))
    except BaseException:
        if wiring.store.tasks.read(run) is None:
            upkeep.remove_folder(wiring.workspaces.path(draft))
            wiring.store.streams.remove(run)
        raise


def start(wiring: Wiring, run: str) -> Task:
    """Let a run begin that waits for it."""
    task = find(wiring, run)
    if not is_waiting_to_start(task):
        status = status_of(task)
        cure = f"stream_run.py retry {run}" if status is RunStatus.FAILED else f"stream_run.py follow {run}"
        raise IllegalTransition(f"it was started already, and is {status}", cure=cure)
    changed = wiring.door.task(run, c.UnblockTask(by=person(wiring.environ)))
    wiring.dispatch_quietly()
    return changed


def retry(wiring: Wiring, run: str) -> Task:
    """Let a failed run go on from the step at which it failed, with fresh attempts."""
    task = find(wiring, run)
    if status_of(task) is not RunStatus.FAILED:
        raise IllegalTransition(f"it is {status_of(task)}; only a failed run is tried again")
    if task.is_finished:
        raise IllegalTransition("it was cancelled", cure="create another run")
    changed = wiring.door.task(run, c.RetryTask(by=person(wiring.environ)))
    wiring.dispatch_quietly()
    return changed


def find(wiring: Wiring, run: str) -> Task:
    """Return a run by id; ``RunNotFound`` for none, for one that was deleted, and for a task that is none."""
    found = wiring.store.tasks.read(check_id(run)) if os.path.isdir(wiring.home.state) else None
    if found is None or found.stream is None or found.status is TaskStatus.DELETED:
        raise RunNotFound(f"there is no streaming run '{run}'", cure="stream_run.py list shows them")
    return found


def listed(wiring: Wiring, owner: str | None = None, pipeline: str | None = None) -> list[Task]:
    """Return the runs there are, oldest first: of this owner, of this pipeline."""
    found = [task for task in _all(wiring) if task.stream is not None]
    wanted = [
        task
        for task in found
        if task.stream is not None
        and (owner is None or task.stream.owner == owner)
        and (pipeline is None or task.stream.pipeline == pipeline)
    ]
    return sorted(wanted, key=lambda task: (task.created_at, task.id))


def delete(wiring: Wiring, task: Task) -> None:
    """Delete a run: end it if it goes on, then remove all that it has left but a tombstone."""
    by = person(wiring.environ)
    if task.leases:
        task = wiring.settled(wiring.door.task(task.id, c.CancelTask(by=by, reason="deleted")))
    if task.status is not TaskStatus.DELETED:
        wiring.door.task(task.id, c.DeleteTask(by=by))
    # Its place in the list goes last: what a crash leaves here can be deleted once more.
    for path in _left(wiring, task):
        upkeep.remove_file(path)
    upkeep.remove_folder(wiring.home.in_state("runs", task.id))
    upkeep.remove_folder(wiring.workspaces.path(task))
    wiring.store.streams.remove(task.id)


def delete_of(wiring: Wiring, *, owner: str | None = None, pipeline: str | None = None) -> list[str]:
    """Delete the runs of an owner, or of a pipeline; return their ids."""
    deleted = []
    for task in listed(wiring, owner, pipeline):
        delete(wiring, task)
        deleted.append(task.id)
    return deleted


def view(wiring: Wiring, task: Task) -> dict[str, Any]:
    """Return a run as it is shown: its record, and each step with what it was given and what it made."""
    telling, status = streams(wiring), status_of(task)
    steps, given = [], wiring.workspaces.text(task, INPUT_FILE)
    for unit in task.pipeline:
        output, step_status = telling.output_of(task, unit), step_status_of(task, unit)
        has_begun = step_status is not RunStatus.PENDING
        steps.append(
            {
                "run": task.id,
                "agent": unit.agent,
                "order": unit.step,
                "status": step_status,
                "input": given if has_begun else None,
                "output": output,
                "error": error_of(task) if step_status is RunStatus.FAILED else None,
                "started_at": unit.started_at,
                "completed_at": unit.completed_at,
            }
        )
        given = output
    return {
        **row(task),
        "input": wiring.workspaces.text(task, INPUT_FILE),
        "variables": task.stream.variables if task.stream is not None else {},
        "output": steps[-1]["output"] if status is RunStatus.COMPLETED else None,
        "steps": steps,
    }


def row(task: Task) -> dict[str, Any]:
    """Return a run as it stands in a list: without its texts."""
    assert task.stream is not None
    is_over = status_of(task) in (RunStatus.COMPLETED, RunStatus.FAILED)
    ended_at = task.completed_at or (task.blocked.at if task.blocked is not None else None)
    return {
        "id": task.id,
        "pipeline": task.stream.pipeline,
        "owner": task.stream.owner,
        "status": status_of(task),
        "error": error_of(task),
        "created_at": task.created_at,
        "completed_at": ended_at if is_over else None,
    }


def _all(wiring: Wiring) -> Iterator[Task]:
    if not os.path.isdir(wiring.home.state):
        return
    for run in wiring.store.streams.runs():
        with suppress(BatonError):  # one that is damaged is the sweep's, and hides no other
            task = wiring.store.tasks.read(run)
            if task is not None and task.status is not TaskStatus.DELETED:
                yield task


def _left(wiring: Wiring, task: Task) -> Iterator[str]:
    """Every log of a run's steps."""
    ids = [name.removesuffix(".json") for name in names_in(wiring.home.in_state("runs", task.id))]
    for agent in dict.fromkeys(unit.agent for unit in task.pipeline if unit.agent):
        folder = os.path.join(wiring.home.logs, agent)
        for name in names_in(folder):
            if any(name.startswith(f"{id}.") for id in ids):
                yield os.path.join(folder, name)


def _check_models(wiring: Wiring, units: tuple[Unit, ...]) -> None:
    """Refuse a run of which a step would not know which model to ask: better now than when the others are paid for."""
    if wiring.config.settings().harness.api.model is not None:
        return
    for unit in units:
        skill = known_skill(wiring.agents, unit.agent or "")
        if unit.model is None and (skill is None or skill.model is None):
            raise InvalidInput(
                f"no model is named for step {unit.step}", cure="name one in the step, or set harness.api.model"
            )


def _body(wiring: Wiring, agent: str) -> str:
    try:
        folder = wiring.agents.find(agent).folder
    except AgentNotFound:
        raise InvalidInput(
            f"the step of '{agent}' has no instructions, and there is no agent of this name",
            cure="write instructions into the step, or make the agent",
        ) from None
    with open(os.path.join(folder, "SKILL.md"), encoding="utf-8-sig") as file:
        return body_of(file.read())


def _free_id(wiring: Wiring, pipeline: str) -> str:
    while True:
        id = f"{pipeline[:100]}-{os.urandom(3).hex()}"
        if wiring.store.tasks.read(id) is None:
            return id
