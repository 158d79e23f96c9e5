"""What ``status.py --json`` prints, as values: the names of these fields are the document's keys, and stay."""

from __future__ import annotations

from msgspec import Struct

from baton.domain.usage import Usage


class Progress(Struct, frozen=True, kw_only=True):
    """How far a campaign is: ``percent`` counts what is finished, completed or not."""

    completed: int
    total: int
    percent: int


class CampaignLine(Struct, frozen=True, kw_only=True):
    """A campaign; ``tasks`` are its own by status."""

    slug: str
    project: str
    name: str
    status: str
    progress: Progress
    tasks: dict[str, int]


class Running(Struct, frozen=True, kw_only=True):
    """A run that goes on; ``slot`` is null on another machine, ``last_line`` empty until the agent has printed one.

    ``task`` is null for a heartbeat.
    """

    task: str | None
    campaign: str | None
    agent: str
    step: int | None
    branch: str | None
    unit: str
    run: str | None
    attempt: int
    since: str
    slot: int | None
    last_line: str


class Waiting(Struct, frozen=True, kw_only=True):
    """A unit that does not run. ``why`` is null for one that is ready; ``place`` is its place in line for a slot.

    ``cure`` is one command that would change it, where there is one.
    """

    task: str
    campaign: str | None
    agent: str | None
    step: int | None
    branch: str | None
    priority: str | int
    ready_at: str | None
    place: int | None = None
    why: str | None = None
    text: str = ""
    until: str | None = None
    cure: str | None = None


class BlockedTask(Struct, frozen=True, kw_only=True):
    """A task that needs a person, and the command that cures it."""

    task: str
    campaign: str | None
    kind: str
    reason: str
    since: str
    cure: str


class Failed(Struct, frozen=True, kw_only=True):
    """Something that went wrong, as the event log tells it."""

    at: str
    type: str
    task: str | None
    run: str | None
    text: str


class Slots(Struct, frozen=True, kw_only=True):
    """Places for runs: how many there may be, and how many are held."""

    limit: int
    used: int


class Cost(Struct, frozen=True, kw_only=True):
    """What agents used (:mod:`baton.domain.usage`); what nobody said is missing, which is not 0.

    ``total`` sums the live tasks and the finished ones of open campaigns, ``today`` the runs that ended today (UTC).
    """

    total: Usage
    today: Usage


class Sweep(Struct, frozen=True, kw_only=True):
    """When the last sweep began; ``is_late``: something waits for one that does not come."""

    last_at: str | None
    age_seconds: float | None
    is_late: bool


class Spoiled(Struct, frozen=True, kw_only=True):
    """A record that cannot be used; ``state``: ``damaged``, ``newer``, ``unreadable``, or ``quarantined`` already."""

    kind: str
    id: str
    state: str
    reason: str


class ParkedHarness(Struct, frozen=True, kw_only=True):
    """A harness that nothing may use; ``until`` is null where a person has to free it, with ``cure``."""

    harness: str
    kind: str
    since: str
    until: str | None
    text: str
    cure: str


class Status(Struct, frozen=True, kw_only=True):
    """Everything at a glance; lists are complete here, and cut only on the screen. ``project``: only of this one."""

    home: str
    at: str
    stopped: bool
    slots: Slots
    campaigns: list[CampaignLine]
    tasks: dict[str, int]
    running: list[Running]
    ready: list[Waiting]
    waiting: list[Waiting]
    blocked: list[BlockedTask]
    failures: list[Failed]
    runs_today: dict[str, int]
    cost: Cost
    sweep: Sweep
    damaged: list[Spoiled]
    parked: list[ParkedHarness]
    warnings: list[str]
    project: str | None = None
