"""What an agent is told: the facts that its prompt's template is filled with, gathered from records and folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from baton.domain.campaigns import Campaign
from baton.domain.comments import last_comments
from baton.domain.evidence import words_for
from baton.domain.records import Lease, Task, Unit
from baton.domain.settings import Settings
from baton.domain.skills import Skill
from baton.domain.versions import expected_of, listed, original_of, output_of, version_of
from baton.engine.past_work import lifted_block, past_failures, previous_result
from baton.engine.run_policies import policy_for, timeout_for
from baton.engine.workplaces import Workplaces

if TYPE_CHECKING:
    from baton.domain.projects import Project

PROTOCOL = "baton-protocol"


class Places(Struct, frozen=True, kw_only=True):
    """Paths that agents are told: the home, the scripts, the shipped skills, the logs.

    ``services_page`` is asked before each run: the page about services as they are now, ``None`` where there are none.
    """

    home: str
    scripts: str
    skills: str
    logs: str
    services_page: Callable[[], str | None]


def heartbeat_facts(places: Places, lease: Lease, skill: Skill, workspace: str, settings: Settings) -> dict[str, Any]:
    """Return the facts for the template of a heartbeat, but for what the agent is shown of the home."""
    seconds = lease.deadline_seconds or settings.timeouts.step_seconds
    return {
        "agent": lease.agent,
        "role": skill.role,
        "skill_file": os.path.join(skill.folder, "SKILL.md"),
        "protocol_file": os.path.join(places.skills, PROTOCOL, "SKILL.md"),
        "scripts": places.scripts,
        "workspace": workspace,
        "output": f"{lease.run}.md",
        "timeout": f"{seconds / 60:g} minutes",
        "now": lease.granted_at,
    }


def prompt_facts(
    places: Places,
    workplaces: Workplaces,
    task: Task,
    unit: Unit,
    lease: Lease,
    campaign: Campaign | None,
    project: Project | None,
    skill: Skill,
    workspace: str,
    settings: Settings,
) -> dict[str, Any]:
    """Return the facts for the template of a step's prompt; ``project`` is read where something of it is targeted."""
    return {
        **_targeted(task, campaign, project),
        "agent": lease.agent,
        "role": skill.role,
        "is_reviewer": "review" in f"{skill.role or ''} {lease.agent}",
        "skill_file": os.path.join(skill.folder, "SKILL.md") if skill.folder else None,
        "protocol_file": os.path.join(places.skills, PROTOCOL, "SKILL.md"),
        "services_file": places.services_page(),
        "capabilities": (*skill.requires, *skill.optional),
        "scripts": places.scripts,
        "workspace": workspace,
        "task": task,
        "campaign": campaign,
        "unit": unit,
        "steps": task.pipeline,
        "branch": task.label_of(unit.key),
        "attempt": unit.attempts,
        "max_attempts": policy_for(unit, skill, settings).max_attempts,
        "timeout": f"{timeout_for(unit, skill, settings) / 60:g} minutes",
        "sources": workplaces.files_below(workspace, "sources") if campaign is not None else [],
        "wanted": sorted(name for name, is_wanted in task.deliverables.items() if is_wanted),
        "output": (output := output_of(task, unit)),
        "version": version_of(task, unit),
        "made": listed(task, original_of(task, unit)),
        "was_blocked": lifted_block(task, unit),
        "pieces": task.pieces,
        "pieces_there": workplaces.files_below(workspace, output) if task.pieces is not None else [],
        "expects": [words_for(one, task.id) for one in expected_of(task, unit)],
        "previous": previous_result(task, unit),
        "comments": last_comments(task),
        "failures": past_failures(unit),
    }


def _targeted(task: Task, campaign: Campaign | None, project: Project | None) -> dict[str, Any]:
    """Return what the task is for, as the project's record says now; ``readers``: by name, also without a record."""
    told: dict[str, Any] = {"products": [], "groups": [], "readers": list(task.focus_groups)}
    if project is not None:
        from baton.domain import targeting  # start-up: most runs are for nothing that a project describes

        known, wanted = project.focus_groups, campaign.products if campaign is not None else ()
        told = {
            "products": [
                targeting.told_of_product(project.product(one.product), one.role, project.id) for one in wanted
            ],
            "groups": [targeting.told_of_group(known[word], project.id) for word in task.focus_groups if word in known],
            "readers": [known[word].name if word in known else word for word in task.focus_groups],
        }
    return told | {
        "publish": campaign.publish.lines() if campaign is not None and campaign.publish is not None else [],
    }
