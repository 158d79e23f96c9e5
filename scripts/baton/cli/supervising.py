"""Running agents from the command line: a supervisor put together, by hand, detached, or with an inherited slot."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial

from baton.adapters.launcher import supervisor_argv, supervisor_environment
from baton.adapters.prices import ListPrices
from baton.adapters.processes import LinuxProcesses, become_subreaper
from baton.cli.preparing import HARNESS_FILES, inspector, preparation
from baton.cli.running_code import RunningCode
from baton.cli.script import Answer
from baton.cli.wiring import SCRIPTS, Wiring
from baton.domain.errors import (
    Busy,
    IllegalTransition,
    InvalidInput,
    InvalidWord,
    NotReady,
    Stopped,
    StorageError,
    TaskNotFound,
)
from baton.domain.ids import check_agent, check_id
from baton.domain.readiness import Why
from baton.domain.records import Task, Unit
from baton.domain.statuses import Outcome
from baton.engine.granting import Granted
from baton.engine.registering import Registrar
from baton.engine.run_records import ended_as
from baton.engine.supervisor import Supervisor
from baton.ports import Slot

LOADED_LATE = (
    "adapters.prompts", "adapters.skill_links", "domain.assignment_acts", "domain.job_ends", "domain.registry_page",
    "domain.services", "engine.completion", "store.displays", "store.dotenv", "store.parking", "store.memory_files",
    "store.runs", "store.skills", "store.streams", "store.strict_yaml", "store.turns", "store.waits",
)  # fmt: skip
GOOD = frozenset({Outcome.COMPLETED, Outcome.SENT_BACK})


def invoke(
    wiring: Wiring,
    agent: str | None,
    task: str | None,
    *,
    branch: str | None,
    project: str | None,
    next_: bool,
    detach: bool,
    inherited: str | None,
) -> Answer:
    """Carry out one call of ``invoke_agent``."""
    check_outside_run(wiring)
    if project is not None:
        raise InvalidWord("--project is for --heartbeat", cure="a task has its project already")
    if next_:
        return _serve_next(wiring, inherited)
    if agent is None or task is None:
        raise InvalidWord("AGENT and TASK are needed", cure="name both, or use --next")
    check_agent(agent)
    if inherited is not None:
        return _serve_target(wiring, check_id(task), branch, adopt(wiring, inherited))
    unit = _check(wiring, agent, check_id(task), branch)
    slot = wiring.store.slots.take(wiring.config.settings().concurrency.agents)
    if slot is None:
        raise Busy("every slot is in use", cure="wait, or raise concurrency.agents")
    if detach:
        try:
            pid = wiring.launcher.start(slot, (agent, task) if branch is None else (agent, task, "--branch", branch))
        except BaseException:
            slot.free()
            raise
        slot.leave()
        return Answer({"detached": True, "pid": pid}, f"Started in the background (pid {pid}).")
    return _serve_one(wiring, agent, task, unit, slot)


def check_outside_run(wiring: Wiring) -> None:
    """Refuse to run an agent from inside a run."""
    if wiring.is_inside_run:
        raise IllegalTransition(
            "a run cannot start another agent: it would live in the run's own tree",
            cure="complete your step; what is ready is started by itself",
        )


def _serve_next(wiring: Wiring, inherited: str | None) -> Answer:
    if inherited is not None:
        slot: Slot | None = adopt(wiring, inherited)
    else:
        if wiring.config.is_stopped():
            raise Stopped(cure=f"remove {wiring.home.stop_file}")
        slot = wiring.store.slots.take(wiring.config.settings().concurrency.agents)
    if slot is None:
        raise Busy("every slot is in use", cure="wait, or raise concurrency.agents")
    supervisor(wiring, slot).serve()
    return Answer({"served": True})


def _serve_target(wiring: Wiring, task: str, branch: str | None, slot: Slot) -> Answer:
    """A detached start for one unit: run it if it still is ready, and go on with what is ready then."""
    served = supervisor(wiring, slot)
    served.begin()
    try:
        unit = _unit_of(wiring.task(task), branch).key if branch is not None else None
        first: Granted | None = served.granter.grant(task, unit)
    except (NotReady, IllegalTransition, TaskNotFound, InvalidInput):
        first = None  # somebody else was quicker, or has blocked, ended or deleted it
    served.serve(first)
    return Answer({"served": True})


def _serve_one(wiring: Wiring, agent: str, task: str, unit: Unit, slot: Slot) -> Answer:
    served = supervisor(wiring, slot)
    try:
        served.begin()
        granted = served.granter.grant(task, None if unit.step is not None else unit.key)
    except BaseException:
        slot.free()
        raise
    after, watched = served.serve_one(granted)
    outcome = ended_as(after, granted.lease, watched)
    data = {
        "task": task,
        "agent": agent,
        "run": granted.lease.run,
        "outcome": outcome,
        "status": after.status,
    }
    text = f"{agent} {outcome.replace('_', ' ')}; task {task} is {after.status}"
    if outcome not in GOOD and watched.message:
        text += f"\n{watched.message}"
        data["message"] = watched.message
    return Answer(data, text, 0 if outcome in GOOD else 1)


def _check(wiring: Wiring, agent: str, task: str, branch: str | None) -> Unit:
    """Refuse what can be refused before a slot is taken; the grant looks again, under the lock."""
    record = wiring.task(task)
    unit = _unit_of(record, branch)
    if not record.is_finished and unit.agent != agent:
        what, option = ("the current step", "") if branch is None else (f"branch '{branch}'", f" --branch '{branch}'")
        raise IllegalTransition(
            f"{what} of task '{task}' is {unit.agent}'s, not {agent}'s",
            cure=f"invoke_agent.py {unit.agent} {task}{option}",
            right_agent=unit.agent,
        )
    reason = wiring.reasons().standing(record, unit)
    if reason is not None and reason.why in (Why.FINISHED, Why.BLOCKED):
        raise IllegalTransition(reason.text, cure=reason.cure or "")
    if wiring.config.is_stopped():
        raise Stopped(cure=f"remove {wiring.home.stop_file}")
    if reason is not None:
        raise NotReady(reason.text, cure=reason.cure or "", why=reason.why.value)
    return unit


def _unit_of(record: Task, branch: str | None) -> Unit:
    if branch is None:
        return record.current
    if branch not in record.branches:
        known = ", ".join(record.branches)
        cure = f"choose from {known}" if known else "it has no branches"
        raise InvalidInput(f"task '{record.id}' has no branch '{branch}'", cure=cure)
    return record.branches[branch]


# -- putting a supervisor together --------------------------------------------------------------------------------


def supervisor(wiring: Wiring, slot: Slot) -> Supervisor:
    """Return a supervisor for this slot, with everything imported that a run needs."""
    become_subreaper()
    wiring.store.prepare()
    code = RunningCode()
    _import_everything()
    prepares = preparation(wiring)
    code.keep_what_was_read()
    return Supervisor(
        wiring.door,
        wiring.clock,
        prepares,
        wiring.launcher,
        LinuxProcesses(),
        slot,
        inspector(wiring, prepares),
        Registrar(wiring.workspaces, wiring.store),
        prices=ListPrices(),
        output_exists=partial(_is_kept, wiring),
        has_changed=code.has_changed,
        restart=partial(restart, wiring),
        warn=wiring.warn,
    )


def _is_kept(wiring: Wiring, task: Task, output: str) -> bool:
    """Tell whether a step left this file; if so it is on the disk by now, as one that is handed in would be."""
    if not wiring.workspaces.exists(task, output):
        return False
    try:
        wiring.workspaces.secure(task, output)
    except StorageError as error:
        wiring.warn(f"{error.message}; power loss may take it")
    return True


def _import_everything() -> None:
    """Import what other scripts load only when they need it: a run must end well on the code it began with."""
    from importlib import import_module  # start-up

    import_module("filelock")
    for name in LOADED_LATE:
        import_module(f"baton.{name}")
    for file in os.listdir(HARNESS_FILES):
        if file.endswith(".py") and not file.startswith("_"):
            # A harness that is broken breaks only the runs that ask for it, and is said there.
            with suppress(Exception):
                import_module(f"baton.adapters.harnesses.{file.removesuffix('.py')}")


def adopt(wiring: Wiring, inherited: str) -> Slot:
    """Go on with a slot that whoever started us handed down: ``number:descriptor[:supervisor's descriptor]``."""
    parts = [int(part) for part in inherited.split(":")]
    return wiring.store.slots.adopt(parts[1], parts[0], parts[2] if len(parts) > 2 else None)


def restart(wiring: Wiring, slot: Slot) -> None:
    """Become the program that stands on disk now, keeping slot and process."""
    os.set_inheritable(slot.fileno, True)
    if slot.supervisor_fileno is not None:
        os.set_inheritable(slot.supervisor_fileno, True)
    script = os.path.join(SCRIPTS, "invoke_agent.py")
    argv = supervisor_argv(script, wiring.home.root, slot, None, slot.supervisor_fileno)
    os.execve(sys.executable, list(argv), supervisor_environment(wiring.home.root))
