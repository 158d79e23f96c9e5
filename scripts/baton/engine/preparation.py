"""Everything before an agent is spawned: its skill, harness, workspace, prompt, environment. A failure blocks at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs, to_builtins

from baton.domain.campaigns import Campaign
from baton.domain.environment import CHECK_MARK, agent_environment
from baton.domain.errors import BatonError
from baton.domain.evidence import Expectation
from baton.domain.ids import place_of
from baton.domain.records import Lease, Task, Unit
from baton.domain.skills import Skill
from baton.domain.times import epoch
from baton.domain.usage import NOTHING, UNKNOWN
from baton.domain.versions import copies_of, expected_of
from baton.engine.job_facts import job_facts, template_of
from baton.engine.prepared import Prepared, Prompts, write_private
from baton.engine.prompt_facts import Places, heartbeat_facts, prompt_facts
from baton.engine.questions import asked_of_run, check_has_tools, material_for, skill_for
from baton.engine.recollection import Recollection
from baton.engine.run_names import names_of_heartbeat, names_of_run
from baton.engine.run_policies import known_skill, session_for
from baton.engine.run_skills import SkillFolders, further_skills, shown_to, told_of
from baton.engine.streaming import Telling
from baton.engine.targets import targeted
from baton.engine.workplaces import Workplaces
from baton.ports import Agents, Config, Harness, Inspection, Job

if TYPE_CHECKING:
    from baton.domain.agent_records import Cause
    from baton.domain.projects import Project


class Preparation:
    """Prepares runs for one home."""

    def __init__(
        self,
        places: Places,
        agents: Agents,
        config: Config,
        prompts: Callable[[], Prompts],
        workplaces: Workplaces,
        skill_folders: SkillFolders,
        recollection: Recollection,
        harness: Callable[[str], Harness],
        environ: Mapping[str, str],
        project: Callable[[str], Project | None],
        telling: Telling,
    ) -> None:
        self.telling = telling
        self._project = project
        self._places = places
        self._agents = agents
        self._config = config
        self._prompts = prompts
        self._workplaces = workplaces
        self._skill_folders = skill_folders
        self._recollection = recollection
        self._harness = harness
        self._environ = environ

    def skill(self, agent: str) -> Skill | None:
        """The agent's skill, if it can be read."""
        return known_skill(self._agents, agent)

    def prepare(self, task: Task, unit: Unit, lease: Lease, campaign: Campaign | None) -> Prepared:
        """Resolve, write the prompt, and build the environment; any of our errors means that a person is needed."""
        assert lease.run is not None
        settings = self._config.settings()
        skill = skill_for(task, unit, lease.agent, self._agents, self._places.skills)
        harness = self._harness(name := settings.harness.named(unit.harness, skill.harness))
        further = further_skills(self._agents, skill, unit, campaign, settings)
        workspace = self._workplaces.make(task)
        self.keep_earlier(task, unit)
        project = targeted(self._project, task, campaign)
        facts = prompt_facts(
            self._places, self._workplaces, task, unit, lease, campaign, project, skill, workspace, settings
        )
        baton = names_of_run(self._places.home, task, unit, lease.agent, lease.run, workspace) | {
            "BATON_LEASE": str(lease.token)
        }
        resume = session_for(unit, name, settings)
        facts["beside"] = self._workplaces.beside(task)
        template = harness.prompt
        if task.stream is not None:
            facts["system"], facts["question"] = asked_of_run(task, unit, self.telling)
        elif unit.job is not None:
            check_has_tools(harness, "a job of an assignment")
            facts |= job_facts(task, unit, lease, self._places.logs)
            template = template_of(lease.agent)
        elif template != "step":
            facts["material"] = material_for(task, unit, self._workplaces, facts)
        ready = self._ready(task.id, unit, lease, skill, harness, further, workspace, template, facts, baton, resume)
        if task.stream is None:
            return ready
        teller = self.telling.teller(task, unit)
        return structs.replace(ready, tell=teller.tell, put_away=teller.close)

    def prepare_heartbeat(self, lease: Lease, project: str | None, cause: Cause, sight: dict[str, Any]) -> Prepared:
        """Do the same for a run without a task: its own folder, its own prompt, and no lease to present.

        ``sight`` is what the agent is shown of the home: the template's facts, and a file of them for programs.
        """
        from baton.domain.agent_records import UNIT  # start-up: the sweep imports this room

        assert lease.run is not None
        settings = self._config.settings()
        unit = Unit(step=None, key=UNIT, agent=lease.agent)
        skill = self._agents.find(lease.agent)
        harness = self._harness(settings.harness.named(None, skill.harness))
        check_has_tools(harness, "a heartbeat")
        further = further_skills(self._agents, skill, unit, None, settings)
        workspace = os.path.join(self._places.home, "projects", project or "default", "agents", lease.agent)
        os.makedirs(workspace, 0o700, exist_ok=True)
        seen = f"{self._log(lease)}.sight.json"
        write_private(seen, msgspec.json.format(msgspec.json.encode(sight)).decode())
        facts = heartbeat_facts(self._places, lease, skill, workspace, settings) | sight
        facts |= {"project": project, "cause": cause.value}
        baton = names_of_heartbeat(self._places.home, cause, lease.agent, lease.run, workspace, seen, project)
        place = place_of(lease.agent)
        return self._ready(place, unit, lease, skill, harness, further, workspace, "heartbeat", facts, baton, None)

    def _log(self, lease: Lease) -> str:
        """How the paths of a run's logs begin."""
        return os.path.join(self._places.logs, lease.agent, lease.run or "")

    def _ready(
        self,
        place: str,
        unit: Unit,
        lease: Lease,
        skill: Skill,
        harness: Harness,
        further: tuple[Skill, ...],
        workspace: str,
        template: str,
        facts: dict[str, Any],
        baton: dict[str, str],
        resume: str | None,
    ) -> Prepared:
        """Write the prompt, and all that must be there before the agent is spawned."""
        assert lease.run is not None
        word = unit.model or skill.model
        models = self._config.settings().harness.models.get(harness.name, {})
        model = models.get(word, word) if word else None
        log = self._log(lease)
        prompt_file = f"{log}.prompt.md"
        limit = self._config.settings().memory.prompt_bytes
        memory = self._recollection.of(lease.agent, limit, task=baton.get("BATON_TASK"), run=lease.run)
        facts |= {"skills": told_of(further), "memory": memory, "memory_file": memory.file}
        write_private(prompt_file, facts.get("question") or self._prompts().render(template, facts))
        environ = self._environment(baton | {"BATON_PROMPT_FILE": prompt_file}, skill, harness)
        protocol = os.path.dirname(facts["protocol_file"])
        job = Job(
            run=lease.run,
            skill=skill,
            unit=unit,
            model=model,
            workspace=workspace,
            prompt_file=prompt_file,
            environ=environ,
            readable=(
                *([skill.folder] if skill.folder else []),
                protocol,
                *memory.readable,
                *(one.folder for one in further),
            ),
            writable=(*memory.writable, *facts.get("beside", ())),
            resume=resume,
            skills=(skill, *further),
            output=facts.get("output", ""),
            system=facts.get("system"),
        )
        invocation = harness.invocation(job)
        if invocation.scratch is not None:
            os.makedirs(invocation.scratch, 0o700, exist_ok=True)
        for path, text in invocation.files.items():
            write_private(path, text)
        # The very last thing: whatever fails before leaves nothing in a workspace.
        given = shown_to(self._skill_folders, place, job, harness.skills_folder)
        return Prepared(
            job=structs.replace(job, environ=environ | invocation.environ),
            harness=harness,
            invocation=invocation,
            log=log,
            facts={
                "harness": harness.name,
                "model": model,
                "workspace": workspace,
                "log": log,
                "resumed": job.resume,
                "scratch": invocation.scratch,
                **given,
                **({"memory": told} if (told := memory.as_facts()) else {}),
                # What is known until it has ended; the sweep takes it where nobody lives to say more.
                "usage": to_builtins(NOTHING if harness.is_free else UNKNOWN),
            },
            put_away=partial(self._skill_folders.put_away, lease.run) if "skills_shown" in given else bool,
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
            expects=self._expected(task, unit, workspace),
            task=task.id,
            run=run,
            workspace=workspace,
            environ=self._environment(
                names_of_run(self._places.home, task, unit, agent, run, workspace), skill, harness
            )
            | {CHECK_MARK: "1"},
            since_ns=since_ns,
            begun_ns=begun_ns,
        )

    def keep_earlier(self, task: Task, unit: Unit) -> None:
        """Keep a copy of what the unit left in earlier versions, in case its agent writes over it."""
        if copies := copies_of(task, unit):
            self._workplaces.keep(task, copies)

    def drop_copies(self, task: Task, unit: Unit) -> None:
        """Remove the copies of earlier versions that nobody has written over."""
        if copies := copies_of(task, unit):
            self._workplaces.drop_same(task, copies)

    def _expected(self, task: Task, unit: Unit, workspace: str) -> tuple[Expectation, ...]:
        """What is expected, by its version's name, or the plain one where the agent went on in the same file."""
        pairs = zip(expected_of(task, unit), unit.expects, strict=True)
        return tuple(
            one if one.file is None or os.path.exists(os.path.join(workspace, one.file)) else plain
            for one, plain in pairs
        )

    def _environment(self, baton: dict[str, str], skill: Skill | None, harness: Harness | None) -> dict[str, str]:
        allowed = self._config.settings().env
        allowed += skill.env if skill is not None else ()
        allowed += (*harness.secrets, *harness.variables) if harness is not None else ()
        return agent_environment(
            self._environ, self._config.credential, allowed=allowed, scripts=self._places.scripts, baton=baton
        )
