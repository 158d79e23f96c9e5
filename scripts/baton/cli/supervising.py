"""Running agents from the command line: a supervisor put together, by hand, detached, or with an inherited slot."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from baton.adapters.launcher import supervisor_argv, supervisor_environment
from baton.adapters.processes import LinuxProcesses, become_subreaper
from baton.cli.script import Answer
from baton.cli.wiring import SCRIPTS, SHIPPED_SKILLS, Wiring
from baton.domain.errors import (
    Busy,
    HarnessMissing,
    IllegalTransition,
    InvalidInput,
    InvalidWord,
    NotReady,
    Stopped,
    StorageError,
    TaskNotFound,
)
from baton.domain.harness_names import HARNESSES, is_own_name
from baton.domain.ids import check_agent, check_id
from baton.domain.readiness import not_ready
from baton.domain.records import Task, Unit
from baton.domain.settings import HarnessSettings
from baton.domain.statuses import Outcome
from baton.engine.dispatch import is_dispatching
from baton.engine.granting import Granted
from baton.engine.preparation import Places, Preparation
from baton.engine.run_records import ended_as
from baton.engine.supervisor import Supervisor
from baton.ports import Harness, Prompts, Slot
from baton.store.layout import toolkit_path

HARNESS_FILES = toolkit_path("scripts", "baton", "adapters", "harnesses")
LOADED_LATE = (
    "engine.completion", "store.dotenv", "store.runs", "store.skills", "store.strict_yaml", "store.waits",
)  # fmt: skip
GOOD = frozenset({Outcome.COMPLETED, Outcome.SENT_BACK})


def invoke(
    wiring: Wiring,
    agent: str | None,
    task: str | None,
    *,
    branch: str | None,
    heartbeat: bool,
    next_: bool,
    detach: bool,
    inherited: str | None,
) -> Answer:
    """Carry out one call of ``invoke_agent``."""
    if heartbeat:
        raise InvalidInput("heartbeat mode is not built yet", cure="name a task")
    if wiring.is_inside_run:
        raise IllegalTransition(
            "a run cannot start another agent: it would live in the run's own tree",
            cure="complete your step; what is ready is started by itself",
        )
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
    data = {"task": task, "agent": agent, "run": granted.lease.run, "outcome": outcome, "status": after.status}
    text = f"{agent} {outcome.replace('_', ' ')}; task {task} is {after.status}"
    if outcome not in GOOD and watched.message:
        text += f"\n{watched.message}"
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
    if record.is_finished or record.blocked is not None:
        raise IllegalTransition(_standing(wiring, record, unit))
    if wiring.config.is_stopped():
        raise Stopped(cure=f"remove {wiring.home.stop_file}")
    if not is_dispatching(wiring.store, record.campaign):
        raise NotReady(f"campaign '{record.campaign}' is not active", cure=f"campaign.py resume {record.campaign}")
    reason = _standing(wiring, record, unit)
    if reason:
        raise NotReady(reason)
    parked = wiring.parking.reason(unit)
    if parked is not None:
        raise NotReady(parked.text)
    return unit


def _unit_of(record: Task, branch: str | None) -> Unit:
    if branch is None:
        return record.current
    if branch not in record.branches:
        known = ", ".join(record.branches)
        cure = f"choose from {known}" if known else "it has no branches"
        raise InvalidInput(f"task '{record.id}' has no branch '{branch}'", cure=cure)
    return record.branches[branch]


def _standing(wiring: Wiring, record: Task, unit: Unit) -> str:
    limit = wiring.config.settings().retry.backoff_max_seconds
    reason = not_ready(record, unit, wiring.clock.now(), limit)
    return reason.text if reason is not None else ""


# -- putting a supervisor together --------------------------------------------------------------------------------


def supervisor(wiring: Wiring, slot: Slot) -> Supervisor:
    """Return a supervisor for this slot, with everything imported that a run needs."""
    become_subreaper()
    wiring.store.prepare()
    files = code_files()
    code = fingerprint(files)
    _import_everything()
    return Supervisor(
        wiring.door,
        wiring.clock,
        preparation(wiring),
        wiring.launcher,
        LinuxProcesses(),
        slot,
        output_exists=partial(_is_kept, wiring),
        has_changed=lambda: fingerprint(files) != code,
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


def preparation(wiring: Wiring) -> Preparation:
    """Return what prepares runs in this home."""
    home = wiring.home
    memory = os.path.join(home.root, "memory")
    places = Places(home=home.root, scripts=SCRIPTS, skills=SHIPPED_SKILLS, logs=home.logs, memory=memory)

    def harness(name: str) -> Harness:
        return harness_named(name, wiring.config.settings().harness)

    return Preparation(
        places, wiring.agents, wiring.config, _prompts(wiring), wiring.workspaces, harness, wiring.environ
    )


def _prompts(wiring: Wiring) -> Callable[[], Prompts]:
    from baton.adapters.prompts import JinjaPrompts  # start-up: 20 ms that only a supervisor needs

    prompts = JinjaPrompts(os.path.join(wiring.home.config, "prompts"))
    return lambda: prompts


def harness_named(name: str, settings: HarnessSettings | None = None) -> Harness:
    """Return the harness in the file of this name, or described by the settings; any other is refused by name."""
    from importlib import import_module  # start-up

    known = settings or HarnessSettings()
    if name in known.own:
        from baton.adapters.harnesses.described import DescribedHarness  # start-up

        return DescribedHarness(name, known.own[name])
    if is_own_name(name):
        names = ", ".join(sorted(known.own)) or "none"
        raise HarnessMissing(
            f"the settings do not describe the harness '{name}'; they describe {names}",
            cure=f"add {name} under harness.own in config/baton.yaml (docs/harnesses.md)",
        )
    if name not in HARNESSES or not os.path.exists(os.path.join(HARNESS_FILES, f"{name}.py")):
        raise HarnessMissing(
            f"the harness '{name}' is not built yet", cure="set harness: {default: script} in config/baton.yaml"
        )
    made: Harness = import_module(f"baton.adapters.harnesses.{name}").Harness(known)
    return made


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


def code_files() -> list[str]:
    """Return the files of the toolkit; they are listed once, since a supervisor has read nothing that is added later."""
    folders = ((folder, names) for folder, _, names in os.walk(SCRIPTS) if not folder.endswith("__pycache__"))
    return [os.path.join(folder, name) for folder, names in folders for name in names if name.endswith((".py", ".j2"))]


def fingerprint(files: list[str]) -> list[Any]:
    """Return a sign of the code on disk: it differs when one of these files was changed or removed."""
    found: list[Any] = []
    for file in files:
        try:
            stat = os.stat(file)
            found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except OSError:  # gone, or just being replaced: a change like any other, and no reason to die
            found.append(None)
    return found
