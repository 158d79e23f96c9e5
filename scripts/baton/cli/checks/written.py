"""Checks of what the operator wrote: settings, services, pipelines, prompts, skills, secrets, and who they name."""

from __future__ import annotations

import os
from collections.abc import Iterator

from baton.cli.checks import Finding, Patient, error, passed, refused, warning
from baton.cli.checks.programs import needed_harnesses, needed_programs, with_interpreter
from baton.cli.configuration import SHIPPED_SKILLS
from baton.cli.templates import all_templates
from baton.domain.errors import BatonError
from baton.domain.lineups import agents_of
from baton.domain.pipelines import Template
from baton.domain.services import in_order
from baton.domain.settings import Settings
from baton.store.files import names_in
from baton.store.skills import FILE


def settings(patient: Patient) -> Iterator[Finding]:
    """config/baton.yaml can be read."""
    try:
        patient.wiring.config.settings()
    except BatonError as problem:
        yield refused(problem)


def services(patient: Patient) -> Iterator[Finding]:
    """config/services.yaml can be read, and every active service can work; keys are looked at by their own check."""
    from baton.cli.service_health import problems_of  # start-up

    try:
        registry = patient.wiring.services()
    except BatonError as problem:
        yield refused(problem)
        return
    active = [(key, one) for key, category in in_order(registry) for one in category.services if one.active]
    for key, service in active:
        for found in problems_of(patient.wiring, service, has_key=True):
            cure = found["cure"] or "service.py health"
            yield warning(f"service {service.name} ({key}): {found['message']}", cure)
    for key, category in in_order(registry):
        if category.required and not any(one.active for one in category.services):
            yield warning(f"no service is active for '{key}', which is required", "service.py toggle NAME --on")
    yield passed(f"{len(active)} services")


def pipelines(patient: Patient) -> Iterator[Finding]:
    """Every pipeline can be read."""
    found = all_templates(patient.home)
    for slug, _, template in found:
        if isinstance(template, str):
            yield error(f"pipeline {slug}: {template}", f"mend the file, then: pipeline.py show {slug}")
    yield passed(f"{len(found)} pipelines")


def prompts(patient: Patient) -> Iterator[Finding]:
    """Every prompt template of the home can be parsed, and takes the place of one."""
    from jinja2 import Environment, TemplateSyntaxError  # start-up: 20 ms, and few homes have any

    from baton.adapters.prompts import SHIPPED  # start-up

    folder = os.path.join(patient.home.config, "prompts")
    known = {name for name in names_in(SHIPPED) if name.endswith(".j2")}
    for name in sorted(name for name in names_in(folder) if name.endswith(".j2")):
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8") as file:
                Environment(autoescape=False).parse(file.read())
        except TemplateSyntaxError as problem:
            cure = "mend it, or remove it to use the shipped one"
            yield error(f"the prompt template {path}:{problem.lineno} is not valid: {problem.message}", cure)
        except (OSError, UnicodeDecodeError) as problem:
            yield error(f"the prompt template {path} cannot be read: {problem}", "save it as UTF-8 text")
        if name not in known:
            cure = f"name it like the one it should replace: {', '.join(sorted(known))}"
            yield warning(f"{path} takes no template's place: nothing uses it, unless another includes it", cure)


def skills(patient: Patient) -> Iterator[Finding]:
    """Every skill can be read."""
    found, problems = patient.skills
    for name, problem in problems:
        folder = os.path.join(patient.home.skills, name)
        if not os.path.isdir(folder):
            folder = os.path.join(SHIPPED_SKILLS, name)
        if os.path.lexists(os.path.join(folder, FILE)):
            yield error(f"skill {name}: {problem}", f"mend {folder}/{FILE}, then: agent.py show {name}")
        else:
            cure = f"write {folder}/{FILE}, or give the folder a name that begins with '_'"
            yield warning(f"skill {name}: {problem}", cure)
    yield passed(f"{len(found)} agents")


def agents(patient: Patient) -> Iterator[Finding]:
    """Every agent that is named anywhere has a skill."""
    found, problems = patient.skills
    known = {skill.name for skill in found} | {name for name, _ in problems}
    named: dict[str, list[str]] = {}
    for slug, _, template in all_templates(patient.home):
        for agent in () if isinstance(template, str) else _with_skills(template):
            named.setdefault(agent, []).append(f"pipeline {slug}")
    for agent, task in patient.survey.agents.items():
        named.setdefault(agent, []).append(f"task {task}")
    for agent in agents_by_themselves(patient.settings):
        named.setdefault(agent, []).append("heartbeats in config/baton.yaml")
    for agent in sorted(set(named) - known):
        where = " and ".join(dict.fromkeys(named[agent]))
        skill = os.path.join(patient.home.skills, agent, "SKILL.md")
        yield warning(f"{where}: there is no agent '{agent}'", f"write {skill}, or name another agent")


def agents_by_themselves(settings: Settings) -> tuple[str, ...]:
    """Return the agents that the sweep runs without a task."""
    beats = settings.heartbeats
    return (*beats.agents, *((beats.refill,) if settings.has_backlogs else ()))


def _with_skills(template: Template) -> list[str]:
    """Return a pipeline's agents without those that are only names: a prompt's instructions stand in its step."""
    steps = (*template.main_steps, *template.parallel_branches)
    needed = {step.agent for step in steps if step.harness != "api" or not step.instructions.strip()}
    return [agent for agent in agents_of(template) if agent in needed]


def harnesses(patient: Patient) -> Iterator[Finding]:
    """Every harness that agents need is built, and its program is installed."""
    from baton.cli.preparing import harness_named  # start-up

    seen, unbuilt = [], set()
    for name, by in needed_harnesses(patient).items():
        try:
            harness_named(name, patient.settings.harness)
        except BatonError as problem:
            unbuilt.add(name)
            yield error(f"{by}: {problem.message}", problem.cure)
        except Exception as problem:  # noqa: BLE001 - one that breaks while it is loaded must not hide the others
            what = f"{type(problem).__name__}: {problem}"
            yield error(f"{by}: the harness '{name}' cannot be loaded: {what}", "restore this checkout: git status")
    for need in needed_programs(patient):
        path = patient.which(need.program)
        other = "; or, without a model: harness: {default: script} in config/baton.yaml" if need.is_default else ""
        for program, where in with_interpreter(patient, path).items() if path is not None else ():
            if where is not None:
                seen.append(where)
            else:
                lack = f"{path} needs the program '{program}', which is not in PATH"
                yield error(f"{need.by}: {lack}", f"install it, or {need.cure}")
        if path is None and need.harness not in unbuilt:
            yield error(
                f"{need.by}: the program '{need.program}' (harness {need.harness}) is not in PATH", need.cure + other
            )
    yield passed(", ".join(seen) or "no program is needed")


def secrets(patient: Patient) -> Iterator[Finding]:
    """.env can be read, and what notifications need is kept where cron's jobs see it."""
    from baton.store.dotenv import read_env  # start-up

    try:
        kept = read_env(patient.home.env_file)
    except BatonError as problem:
        yield refused(problem)
        return
    sealed = patient.wiring.config.keys.names()
    channels = patient.settings.notify.channels if patient.settings.notify.events else ()
    for channel in channels:
        notifier = patient.wiring.notifier(channel)
        missing = notifier.missing()
        if missing:
            names = " and ".join(missing)
            lines = ", ".join(f"{name}=..." for name in missing)
            yield warning(
                f"nobody is told what happens: {names} {'is' if len(missing) == 1 else 'are'} not set for {channel}",
                f"write {lines} into {patient.home.env_file}, or set notify: {{channels: []}} in config/baton.yaml",
            )
        elif here := [name for name in notifier.variables if not kept.get(name) and name not in sealed]:
            yield warning(
                f"{' and '.join(here)} stand in this environment only: jobs of cron do not see them",
                f"write them into {patient.home.env_file}",
            )
