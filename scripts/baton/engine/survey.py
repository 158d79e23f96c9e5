"""What ``doctor`` wants to know of the records, read once and let go of."""

from __future__ import annotations

from msgspec import Struct

from baton.domain.records import Holder
from baton.domain.statuses import UnitStatus
from baton.ports import Damage, Store

DONE = (UnitStatus.COMPLETED, UnitStatus.SKIPPED)


class Survey(Struct, kw_only=True):
    """What the records say: ``agents`` and ``harnesses`` that live tasks name, each with one such task; who holds runs."""

    live: int = 0
    newest_at: str = ""
    damage: list[Damage]
    agents: dict[str, str]
    harnesses: dict[str, str]
    runs: dict[str, Holder]


def survey_of(store: Store) -> Survey:
    """Read all live records."""
    survey = Survey(damage=[], agents={}, harnesses={}, runs={})
    for task in store.tasks.live():
        if isinstance(task, Damage):
            survey.damage.append(task)
            continue
        survey.newest_at = max(survey.newest_at, task.updated_at)
        if task.is_finished:
            continue
        survey.live += 1
        survey.runs |= {lease.run: lease.holder for lease in task.leases if lease.run is not None}
        for unit in task.units():
            if unit.agent is not None and unit.status not in DONE:
                survey.agents.setdefault(unit.agent, task.id)
                if unit.harness is not None:
                    survey.harnesses.setdefault(unit.harness, task.id)
    for campaign in store.campaigns.live():
        if isinstance(campaign, Damage):
            survey.damage.append(campaign)
        else:
            survey.newest_at = max(survey.newest_at, campaign.updated_at)
    survey.damage += [one for one in store.projects.live() if isinstance(one, Damage)]
    for agent in store.agents.live():
        if isinstance(agent, Damage):
            survey.damage.append(agent)
        elif agent.lease is not None and agent.lease.run is not None:
            survey.runs[agent.lease.run] = agent.lease.holder
    return survey
