"""What the operator may set in ``config/baton.yaml``: every key has a default, and says no by itself.

Durations are kept as written and read as seconds (``settings.lease.heartbeat_seconds``). What a section refuses it
raises as ``ValueError("<key>: <what>")``, to which msgspec adds the section; the cause holds the cure.
"""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
from typing import Annotated

from msgspec import Meta, Struct

from baton.domain.assignment_settings import AssignmentSettings
from baton.domain.harness_settings import HarnessSettings as HarnessSettings
from baton.domain.heartbeat_settings import HeartbeatSettings as HeartbeatSettings
from baton.domain.heartbeat_settings import check_backlog
from baton.domain.memory_settings import MemorySettings as MemorySettings
from baton.domain.refusals import check_count, check_durations, check_variables, check_word
from baton.domain.skill_lists import check_skills
from baton.domain.times import parse_duration

Duration = Annotated[str, Meta(examples=["30s"])]

CHANNELS = ("telegram",)
EVENTS = (
    "campaign_activated",
    "campaign_completed",
    "task_completed",
    "task_blocked",
    "agent_crashed",
    "harness_parked",
    "memory_redacted",
    "step_completed",
    "revision_requested",
    "task_commented",
    "harness_resumed",
)
MAX_AGENTS = 100
# A supervisor must beat a few times before its silence means anything, whatever was written.
BEATS_BEFORE_STALE = 3


class Concurrency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many agents run at once in this home, all campaigns together."""

    agents: int = 4

    def __post_init__(self) -> None:
        check_count("agents", self.agents, most=MAX_AGENTS)


class LeaseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a lease is renewed, and when it may be taken from its holder."""

    heartbeat: Duration = "15s"
    steal_after: Duration = "10m"
    stale_after: Duration = "30m"

    def __post_init__(self) -> None:
        check_durations(self, "heartbeat", "steal_after", "stale_after", above_zero=True)

    @property
    def heartbeat_seconds(self) -> float:
        """Seconds between two beats of a supervisor: at most a third of ``stale_after``."""
        return min(parse_duration(self.heartbeat), self.stale_after_seconds / BEATS_BEFORE_STALE)

    @property
    def steal_after_seconds(self) -> float:
        """The age of a hand lease from which another agent may take it."""
        return parse_duration(self.steal_after)

    @property
    def stale_after_seconds(self) -> float:
        """The age of a hand lease, or of a supervisor's silence, from which the sweep ends it."""
        return parse_duration(self.stale_after)


class RetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a unit is tried, and how long it waits in between.

    ``outage_max``: for how long failures that are the provider's use up no attempt. ``resume``: a retry goes on with the
    session of the run before, where the agent program can.
    """

    max_attempts: int = 3
    max_interruptions: int = 10
    backoff: Duration = "30s"
    backoff_max: Duration = "30m"
    max_revisions: int = 3
    outage_max: Duration = "6h"
    resume: bool = False

    def __post_init__(self) -> None:
        for key in ("max_attempts", "max_interruptions", "max_revisions"):
            check_count(key, getattr(self, key))
        check_durations(self, "backoff", "backoff_max", "outage_max")

    @property
    def backoff_seconds(self) -> float:
        """The wait after the first failed attempt."""
        return parse_duration(self.backoff)

    @property
    def backoff_max_seconds(self) -> float:
        """The longest wait."""
        return parse_duration(self.backoff_max)

    @property
    def outage_max_seconds(self) -> float:
        """The time from which on an overloaded or unreachable provider uses up attempts."""
        return parse_duration(self.outage_max)


class Timeouts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a run may take, how long it may be silent, and how long its processes get to end.

    The three in the middle are for agent programs, which print while they work: until the first output, between two
    signs that the agent gets on, and from its result until it ends by itself.
    """

    step: Duration = "60m"
    first_output: Duration = "10m"
    silence: Duration = "20m"
    after_result: Duration = "60s"
    grace: Duration = "10s"

    def __post_init__(self) -> None:
        check_durations(self, "step", "first_output", "silence", above_zero=True)
        check_durations(self, "after_result")
        check_durations(self, "grace")

    @property
    def step_seconds(self) -> float:
        """The time a run may take where neither step nor skill says."""
        return parse_duration(self.step)

    @property
    def first_output_seconds(self) -> float:
        """The time until an agent program must have printed anything at all."""
        return parse_duration(self.first_output)

    @property
    def silence_seconds(self) -> float:
        """The time without a sign that the agent gets on; that it asks its provider again is none."""
        return parse_duration(self.silence)

    @property
    def after_result_seconds(self) -> float:
        """The time an agent program gets to end by itself when its result was heard."""
        return parse_duration(self.after_result)

    @property
    def grace_seconds(self) -> float:
        """The time between asking processes to end and killing them."""
        return parse_duration(self.grace)


class SweepSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the sweep does besides repairing. A project with fewer tasks to begin than ``min_backlog`` starves."""

    archive_after: Duration = "0s"
    min_backlog: int = 0

    def __post_init__(self) -> None:
        check_durations(self, "archive_after")
        check_backlog("min_backlog", self.min_backlog)

    @property
    def archive_after_seconds(self) -> float:
        """How long a finished task stays among the live ones."""
        return parse_duration(self.archive_after)


class NotifySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events are told, and where."""

    channels: tuple[str, ...] = CHANNELS
    events: tuple[str, ...] = EVENTS[:7]

    def __post_init__(self) -> None:
        for channel in self.channels:
            check_word("channels", channel, CHANNELS, "a channel that is built")
        for event in self.events:
            check_word("events", event, EVENTS, "an event to be told")


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the sweep keeps what is finished."""

    archive: Duration = "365d"
    runs: Duration = "90d"
    logs: Duration = "30d"
    events: Duration = "90d"
    memory: Duration = "90d"

    def __post_init__(self) -> None:
        check_durations(self, "archive", "runs", "logs", "events", "memory")

    @property
    def archive_seconds(self) -> float:
        """Of archived tasks."""
        return parse_duration(self.archive)

    @property
    def runs_seconds(self) -> float:
        """Of run records."""
        return parse_duration(self.runs)

    @property
    def logs_seconds(self) -> float:
        """Of what agents printed."""
        return parse_duration(self.logs)

    @property
    def events_seconds(self) -> float:
        """Of the event log."""
        return parse_duration(self.events)

    @property
    def memory_seconds(self) -> float:
        """Of daily memory."""
        return parse_duration(self.memory)


class SkillSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Skills that every run of an agent is given, whatever a step or a campaign says."""

    always: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_skills("always", self.always, may_take_away=False)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``config/baton.yaml``. ``env`` names the variables that every agent may inherit."""

    concurrency: Concurrency = Concurrency()
    lease: LeaseSettings = LeaseSettings()
    retry: RetrySettings = RetrySettings()
    timeouts: Timeouts = Timeouts()
    sweep: SweepSettings = SweepSettings()
    heartbeats: HeartbeatSettings = HeartbeatSettings()
    harness: HarnessSettings = HarnessSettings()
    notify: NotifySettings = NotifySettings()
    retention: Retention = Retention()
    skills: SkillSettings = SkillSettings()
    memory: MemorySettings = MemorySettings()
    assignments: AssignmentSettings = AssignmentSettings()
    env: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_variables("env", self.env)

    @property
    def has_backlogs(self) -> bool:
        """Tell whether any project can starve."""
        return bool(self.sweep.min_backlog or any(self.heartbeats.min_backlog.values()))
