"""What the operator may set about heartbeats: which agents are run without a task, when, and when a project starves."""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
from typing import Annotated

from msgspec import Meta, Struct

from baton.domain.errors import InvalidInput
from baton.domain.ids import is_agent_name, is_id
from baton.domain.refusals import MAX_COUNT, check_durations, refuse_key
from baton.domain.times import parse_duration

Duration = Annotated[str, Meta(examples=["30s"])]


class HeartbeatSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each heartbeat is a run, and costs what a run costs: none happens by itself unless it is named here.

    ``agents``: those that are run without a task, with their schedule (nothing: what their SKILL.md says).
    ``min_backlog``: a project's own number in place of ``sweep.min_backlog``. ``refill`` is the agent that is asked when
    there is less to do than that; again after ``backoff``, which doubles up to ``backoff_max``.
    """

    agents: dict[str, str | None] = {}
    min_backlog: dict[str, int] = {}
    refill: str = "keyword-researcher"
    backoff: Duration = "1h"
    backoff_max: Duration = "24h"

    def __post_init__(self) -> None:
        for key, agent in (*(("agents", name) for name in self.agents), ("refill", self.refill)):
            if not is_agent_name(agent):
                cure = "use a-z and 0-9 joined by single '-', at most 64 characters"
                refuse_key(key, f"{agent[:80]!r} is not an agent's name", cure=cure)
        for agent, schedule in self.agents.items():
            if schedule is not None:
                check_schedule(f"agents.{agent}", schedule)
        for project, count in self.min_backlog.items():
            if not is_id(project):
                refuse_key("min_backlog", f"{project[:80]!r} is not a project's slug", cure="write its slug")
            check_backlog(f"min_backlog.{project}", count)
        check_durations(self, "backoff", "backoff_max", above_zero=True)

    @property
    def backoff_seconds(self) -> float:
        """The wait before a project's agent is asked a second time."""
        return parse_duration(self.backoff)

    @property
    def backoff_max_seconds(self) -> float:
        """The longest such wait."""
        return parse_duration(self.backoff_max)


def check_schedule(key: str, text: str) -> None:
    """Refuse what is no schedule."""
    from baton.domain.schedules import parse_schedule  # start-up: few homes have one

    try:
        parse_schedule(text)
    except InvalidInput as error:
        raise ValueError(f"{key}: {error.message}") from error


def check_backlog(key: str, count: int) -> None:
    """Refuse a number of tasks that makes no sense."""
    if not 0 <= count <= MAX_COUNT:
        refuse_key(key, f"{count} is not between 0 and {MAX_COUNT}", cure=f"write a whole number from 0 to {MAX_COUNT}")
