"""The skills of one run: which they are, and that the agent's program sees them while the run goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol

from baton.domain.campaigns import Campaign
from baton.domain.errors import AgentNotFound, BatonError, SkillNotFound
from baton.domain.records import Unit
from baton.domain.settings import Settings
from baton.domain.skill_lists import chosen
from baton.domain.skills import Skill
from baton.ports import Agents, Job


class SkillFolders(Protocol):
    """Shows skills to agent programs, each in the folder of the workspace in which the program looks."""

    def show(self, run: str, task: str, workspace: str, folder: str, skills: Sequence[Skill]) -> tuple[str, ...]:
        """Show these for the time of a run; return the names of those that could be shown.

        What is in the workspace is never overwritten or moved. Raises ``StorageError`` where nothing can be shown.
        """

    def put_away(self, run: str) -> bool:
        """Remove what was shown for this run alone; tell whether there was anything. What else is there is left."""


def further_skills(
    agents: Agents, skill: Skill, unit: Unit, campaign: Campaign | None, settings: Settings
) -> tuple[Skill, ...]:
    """Return the skills a run is given besides its agent's own: the agent's, step's, campaign's words, always-on.

    Raises ``SkillNotFound`` for one that is not there, ``InvalidInput`` for one that cannot be read.
    """
    number = () if unit.step is None else (str(unit.step),)
    of_campaign = campaign.skills.of(skill.name, *number, unit.label) if campaign is not None else ()
    names = chosen(skill.skills, unit.skills, of_campaign, settings.skills.always)
    return tuple(_found(agents, name, skill.name) for name in names if name != skill.name)


def told_of(skills: Sequence[Skill]) -> list[dict[str, str]]:
    """Return what an agent is told of its further skills."""
    return [
        {"name": one.name, "description": one.description, "file": os.path.join(one.folder, "SKILL.md")}
        for one in skills
    ]


def shown_to(folders: SkillFolders, task: str, job: Job, folder: str | None) -> dict[str, Any]:
    """Show a job's skills where its program looks; return what the run's record says of skills.

    A run works without: its prompt names every skill with its path.
    """
    facts: dict[str, Any] = {"skills": [one.name for one in job.skills[1:]]}
    if folder is None:
        return facts
    with_folder = tuple(one for one in job.skills if one.folder)  # that of a job's type may be made up
    try:
        return facts | {"skills_shown": folders.show(job.run, task, job.workspace, folder, with_folder)}
    except BatonError as error:
        return facts | {"skills_problem": error.message}


def _found(agents: Agents, name: str, agent: str) -> Skill:
    try:
        return agents.find(name)
    except AgentNotFound as error:
        cure = error.cure.replace(f"/{name}/SKILL.md", f"/{name}/SKILL.md, or take it out of the lists of skills")
        raise SkillNotFound(f"there is no skill '{name}', which {agent} is to be given", cure=cure) from None
