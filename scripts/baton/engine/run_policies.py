"""What holds for one run: the step's word, then the skill's, then the settings'."""

from __future__ import annotations

from baton.domain.errors import BatonError
from baton.domain.records import Unit
from baton.domain.retry import RetryPolicy
from baton.domain.settings import Settings
from baton.domain.skills import Skill
from baton.domain.times import parse_duration
from baton.ports import Agents


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
