"""Which further skills a run is given. They are named in four places; a later one adds, or with a ``-`` takes away."""

# No "from __future__ import annotations": the record's decoder reads these types as it starts (see records).
from collections.abc import Iterable

from msgspec import Struct

from baton.domain.ids import is_agent_name
from baton.domain.refusals import refuse_key

AWAY = "-"
MOST_SKILLS = 30


class CampaignSkills(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a campaign changes: for all its agents, for one by name, for a step by its number or label."""

    all: tuple[str, ...] = ()
    agents: dict[str, tuple[str, ...]] = {}
    steps: dict[str, tuple[str, ...]] = {}

    def __post_init__(self) -> None:
        check_skills("all", self.all)
        for agent, words in self.agents.items():
            check_skills(f"agents.{agent}", words)
        for step, words in self.steps.items():
            check_skills(f"steps.{step}", words)

    def of(self, agent: str, *names_of_step: str) -> tuple[str, ...]:
        """What is said for this agent in this step: the narrower word comes later, and wins."""
        words = (*self.all, *self.agents.get(agent, ()))
        for name in names_of_step:
            words += self.steps.get(name, ())
        return words


def check_skills(key: str, words: Iterable[str], *, may_take_away: bool = True) -> None:
    """Refuse what cannot be the name of a skill, with or without a ``-`` before it."""
    found = tuple(words)
    if len(found) > MOST_SKILLS:
        refuse_key(key, f"names {len(found)} skills, {MOST_SKILLS} are allowed", cure="each costs every run its room")
    for word in found:
        is_away = word.startswith(AWAY)
        if is_away and not may_take_away:
            refuse_key(key, f"{word[:80]!r} takes a skill away, and nothing stands before this", cure="remove it")
        if not is_agent_name(word.removeprefix(AWAY)):
            refuse_key(key, f"{word[:80]!r} is not a skill's name", cure="use a-z and 0-9 joined by single '-'")


def chosen(*layers: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are left, in order; who names one again puts it behind what was named before."""
    found: dict[str, None] = {}
    for layer in layers:
        for word in layer:
            name = word.removeprefix(AWAY)
            found.pop(name, None)
            if not word.startswith(AWAY):
                found[name] = None
    return tuple(found)
