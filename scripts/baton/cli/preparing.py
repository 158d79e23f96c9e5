"""What prepares runs, speaks to agent programs, and looks for evidence, put together for one home."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from baton.adapters.evidence import EvidenceChecks
from baton.adapters.processes import LinuxProcesses
from baton.cli.configuration import SHIPPED_SKILLS
from baton.cli.service_page import page_for_run
from baton.cli.wiring import SCRIPTS, Wiring
from baton.domain.errors import HarnessMissing
from baton.domain.harness_names import HARNESSES, is_own_name
from baton.domain.records import Task, Unit
from baton.domain.settings import HarnessSettings
from baton.engine.inspecting import Inspector
from baton.engine.preparation import Preparation
from baton.engine.prepared import Prompts
from baton.engine.prompt_facts import Places
from baton.engine.recollection import Recollection
from baton.engine.streaming import Telling
from baton.ports import Harness
from baton.store.layout import toolkit_path

HARNESS_FILES = toolkit_path("scripts", "baton", "adapters", "harnesses")


def inspector(wiring: Wiring, prepares: Preparation | None = None) -> Inspector:
    """Return what looks for evidence in this home."""
    return Inspector(EvidenceChecks(LinuxProcesses()), prepares or preparation(wiring), wiring.store)


def missing_by_hand(wiring: Wiring, task: Task, unit: Unit, agent: str) -> tuple[str, ...]:
    """Say what a unit that is to be completed by hand must leave and has not."""
    return inspector(wiring).by_hand(task, unit, agent)


def preparation(wiring: Wiring) -> Preparation:
    """Return what prepares runs in this home."""
    home = wiring.home
    places = Places(
        home=home.root,
        scripts=SCRIPTS,
        skills=SHIPPED_SKILLS,
        logs=home.logs,
        services_page=partial(page_for_run, wiring),
    )

    def harness(name: str) -> Harness:
        return harness_named(name, wiring.config.settings().harness)

    return Preparation(
        places,
        wiring.agents,
        wiring.config,
        _prompts(wiring),
        wiring.workspaces,
        wiring.skill_folders,
        recollection(wiring),
        harness,
        wiring.environ,
        lambda slug: wiring.store.projects.read(slug),  # start-up: most runs are for nothing that a project describes
        Telling(wiring.store.streams, wiring.store.tasks.read, wiring.workspaces, wiring.clock),
    )


def recollection(wiring: Wiring) -> Recollection:
    """Return what remembers for the agents of this home."""
    return Recollection(wiring.store.memories, wiring.config.secrets, wiring.store.log)


def _prompts(wiring: Wiring) -> Callable[[], Prompts]:
    made: list[Prompts] = []

    def prompts() -> Prompts:
        from baton.adapters.prompts import JinjaPrompts  # start-up: 20 ms that only a run needs

        if not made:
            made.append(JinjaPrompts(os.path.join(wiring.home.config, "prompts")))
        return made[0]

    return prompts


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
