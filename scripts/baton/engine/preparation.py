"""Everything before an agent is spawned: its skill, harness, workspace, prompt, environment. A failure blocks at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Struct, structs, to_builtins

from baton.domain.campaigns import Campaign
from baton.domain.comments import last_comments
from baton.domain.environment import CHECK_MARK, agent_environment
from baton.domain.errors import BatonError
from baton.domain.evidence import words_for
from baton.domain.records import Lease, Task, Unit
from baton.domain.retry import RetryPolicy
from baton.domain.settings import Settings
from baton.domain.skills import Skill
from baton.domain.times import epoch, parse_duration
from baton.domain.usage import NOTHING, UNKNOWN
from baton.engine.past_work import past_failures, previous_result
from baton.ports import Agents, Config, Harness, Inspection, Invocation, Job

PROTOCOL = "baton-protocol"


class Prompts(Protocol):
    """Writes what an agent is told."""

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """Fill the template of this name, the home's own if it has one."""


class Workplaces(Protocol):
    """Makes the folders agents work in."""

    def make(self, task: Task) -> str:
        """The workspace of this task, made if need be."""

    def files_below(self, root: str, folder: str) -> list[str]:
        """The files in one folder of a workspace."""


class Places(Struct, frozen=True, kw_only=True):
    """Paths that agents are told: the home, the scripts, the shipped skills, the logs, the memory."""

    home: str
    scripts: str
    skills: str
    logs: str
    memory: str


class Prepared(Struct, frozen=True, kw_only=True):
    """A run that is ready to be spawned."""

    job: Job
    harness: Harness
    invocation: Invocation
    log: str
    facts: dict[str, Any]


def known_skill(agents: Agents, agent: str) -> Skill | None:
    """Return the agent's skill, or ``None`` for one that cannot be read: that is said when a run of it is prepared."""
    try:
        return agents.find(agent)
    except BatonError:
        return None


def policy_for(unit: Unit, skill: Skill | None, settings: Settings) -> RetryPolicy:
    """Return the limits in force for a unit: the step's word, then the skill's, then the settings'."""
    return RetryPolicy(
        max_attempts=unit.max_attempts or (skill.max_attempts if skill else None) or settings.retry.max_attempts,
        max_interruptions=settings.retry.max_interruptions,
        backoff_seconds=settings.retry.backoff_seconds,
        backoff_max_seconds=settings.retry.backoff_max_seconds,
        outage_max_seconds=settings.retry.outage_max_seconds,
    )


def timeout_for(unit: Unit, skill: Skill | None, settings: Settings) -> float:
    """Return the seconds a run of this unit may take: the step's word, then the skill's, then the settings'."""
    if unit.timeout is not None:
        return parse_duration(unit.timeout)
    if skill is not None and skill.timeout_seconds is not None:
        return skill.timeout_seconds
    return settings.timeouts.step_seconds


def session_for(unit: Unit, harness: str, settings: Settings) -> str | None:
    """Return the session with which a run of this unit goes on, where that is wanted and the harness is the same."""
    session = unit.session
    return session.id if settings.retry.resume and session is not None and session.harness == harness else None


class Preparation:
    """Prepares runs for one home."""

    def __init__(
        self,
        places: Places,
        agents: Agents,
        config: Config,
        prompts: Callable[[], Prompts],
        workplaces: Workplaces,
        harness: Callable[[str], Harness],
        environ: Mapping[str, str],
    ) -> None:
        self._places = places
        self._agents = agents
        self._config = config
        self._prompts = prompts
        self._workplaces = workplaces
        self._harness = harness
        self._environ = environ

    def skill(self, agent: str) -> Skill | None:
        """The agent's skill, if it can be read."""
        return known_skill(self._agents, agent)

    def prepare(self, task: Task, unit: Unit, lease: Lease, campaign: Campaign | None) -> Prepared:
        """Resolve, write the prompt, and build the environment; any of our errors means that a person is needed."""
        assert lease.run is not None
        settings = self._config.settings()
        skill = self._agents.find(lease.agent)
        name = settings.harness.named(unit.harness, skill.harness)
        harness = self._harness(name)
        word = unit.model or skill.model
        model = settings.harness.models.get(name, {}).get(word, word) if word else None
        workspace = self._workplaces.make(task)
        folder = os.path.join(self._places.logs, lease.agent)
        os.makedirs(folder, 0o700, exist_ok=True)
        log = os.path.join(folder, lease.run)
        prompt_file = f"{log}.prompt.md"
        facts = self._prompt_facts(task, unit, lease, campaign, skill, workspace, settings)
        # Agent programs that are let into a folder refuse to start when it is not there.
        os.makedirs(os.path.dirname(facts["memory_file"]), 0o700, exist_ok=True)
        write_private(prompt_file, self._prompts().render("step", facts))
        ours = {"BATON_LEASE": str(lease.token), "BATON_PROMPT_FILE": prompt_file}
        environ = self._environment(task, unit, lease.agent, lease.run, workspace, skill, harness) | ours
        job = Job(
            run=lease.run,
            skill=skill,
            unit=unit,
            model=model,
            workspace=workspace,
            prompt_file=prompt_file,
            environ=environ,
            readable=(skill.folder, os.path.dirname(facts["protocol_file"])),
            writable=(os.path.dirname(facts["memory_file"]),),
            resume=session_for(unit, name, settings),
        )
        invocation = harness.invocation(job)
        if invocation.scratch is not None:
            os.makedirs(invocation.scratch, 0o700, exist_ok=True)
        for path, text in invocation.files.items():
            write_private(path, text)
        return Prepared(
            job=structs.replace(job, environ=environ | invocation.environ),
            harness=harness,
            invocation=invocation,
            log=log,
            facts={
                "harness": name,
                "model": model,
                "workspace": workspace,
                "log": log,
                "resumed": job.resume,
                "scratch": invocation.scratch,
                # What is known until it has ended; the sweep takes it where nobody lives to say more.
                "usage": to_builtins(NOTHING if harness.is_free else UNKNOWN),
            },
        )

    def inspection(self, task: Task, unit: Unit, agent: str, lease: Lease | None, run: str) -> Inspection:
        """Return what is to be looked for when a unit is said to be done; ``lease`` is that of a run.

        Commands get the environment of the agent, but for its lease: they look, and report nothing. The prompt was the
        last file written before the agent began, and has the time of file systems, which no clock of ours has.
        """
        skill = self.skill(agent)
        settings = self._config.settings()
        try:
            harness = self._harness(settings.harness.named(unit.harness, skill.harness if skill is not None else None))
        except BatonError:
            harness = None  # what cannot be started any more needs no keys
        workspace = self._workplaces.make(task)
        since_ns = begun_ns = None
        if lease is not None:
            try:
                since_ns = os.stat(os.path.join(self._places.logs, agent, f"{run}.prompt.md")).st_mtime_ns
            except OSError:
                since_ns = int(epoch(lease.granted_at) * 1e9)
            begun_ns = min(since_ns, int(epoch(unit.started_at or lease.granted_at) * 1e9))
        return Inspection(
            expects=unit.expects,
            task=task.id,
            run=run,
            workspace=workspace,
            environ=self._environment(task, unit, agent, run, workspace, skill, harness) | {CHECK_MARK: "1"},
            since_ns=since_ns,
            begun_ns=begun_ns,
        )

    def _environment(
        self,
        task: Task,
        unit: Unit,
        agent: str,
        run: str,
        workspace: str,
        skill: Skill | None,
        harness: Harness | None,
    ) -> dict[str, str]:
        allowed = self._config.settings().env
        allowed += skill.env if skill is not None else ()
        allowed += (*harness.secrets, *harness.variables) if harness is not None else ()
        baton = {
            "BATON_HOME": self._places.home,
            "BATON_TASK": task.id,
            "BATON_STEP": "" if unit.step is None else str(unit.step),
            "BATON_AGENT": agent,
            "BATON_RUN": run,
            "BATON_WORKSPACE": workspace,
            "BATON_PYTHON": sys.executable,
        }
        label = task.label_of(unit.key)
        if label is not None:
            baton["BATON_BRANCH"] = label
        return agent_environment(
            self._environ, self._config.credential, allowed=allowed, scripts=self._places.scripts, baton=baton
        )

    def _prompt_facts(
        self,
        task: Task,
        unit: Unit,
        lease: Lease,
        campaign: Campaign | None,
        skill: Skill,
        workspace: str,
        settings: Settings,
    ) -> dict[str, Any]:
        return {
            "agent": lease.agent,
            "role": skill.role,
            "is_reviewer": "review" in f"{skill.role or ''} {lease.agent}",
            "skill_file": os.path.join(skill.folder, "SKILL.md"),
            "protocol_file": os.path.join(self._places.skills, PROTOCOL, "SKILL.md"),
            "memory_file": os.path.join(self._places.memory, "WORKING", f"{lease.agent}.md"),
            "scripts": self._places.scripts,
            "workspace": workspace,
            "task": task,
            "campaign": campaign,
            "unit": unit,
            "steps": task.pipeline,
            "branch": task.label_of(unit.key),
            "attempt": unit.attempts,
            "max_attempts": policy_for(unit, skill, settings).max_attempts,
            "timeout": f"{timeout_for(unit, skill, settings) / 60:g} minutes",
            "sources": self._workplaces.files_below(workspace, "sources") if campaign is not None else [],
            "wanted": sorted(name for name, is_wanted in task.deliverables.items() if is_wanted),
            "output": default_output(task, unit),
            "expects": [words_for(one, task.id) for one in unit.expects],
            "previous": previous_result(task, unit),
            "comments": last_comments(task),
            "failures": past_failures(unit),
        }


def write_private(path: str, text: str) -> None:
    """Write a file for a run, which nobody else may read: whole or not at all, another run may be reading it."""
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    fd = os.open(f"{path}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(text.encode())
    os.replace(f"{path}.{os.getpid()}", path)


def default_output(task: Task, unit: Unit) -> str:
    """Return where a step writes by default, relative to the workspace."""
    if unit.output_dir:
        return f"{unit.output_dir}/{task.id}.md"
    return f"{task.id}.md" if unit.step is not None else f"{task.id}.{unit.key}.md"
