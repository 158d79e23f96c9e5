"""What may be asked of a campaign. Imperative; each is legal where the table in ``campaigns`` has a handler for it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class _Command(Struct, frozen=True, kw_only=True):
    """A request to a campaign."""


class CreateCampaign(_Command, frozen=True, kw_only=True):
    """Make the record, with its pipeline frozen."""

    id: str
    fields: dict[str, Any]


class ActivateCampaign(_Command, frozen=True, kw_only=True):
    """Start it: the ids of its tasks are planned here, once; activating an active one changes nothing."""


class FinishPlan(_Command, frozen=True, kw_only=True):
    """All planned tasks have been made. ``count`` is how many there were: tasks planned meanwhile are not made yet."""

    count: int


class ExtendCampaign(_Command, frozen=True, kw_only=True):
    """Plan more tasks; a completed campaign is active again."""

    count: int
    by: str


class AddTask(_Command, frozen=True, kw_only=True):
    """Count a task that a person made for it among its own; a completed campaign is active again."""

    task: str
    by: str


class PauseCampaign(_Command, frozen=True, kw_only=True):
    """Start nothing new of it; what runs finishes its step."""

    by: str


class ResumeCampaign(_Command, frozen=True, kw_only=True):
    """Let it go on."""

    by: str


class CompleteCampaign(_Command, frozen=True, kw_only=True):
    """Close it. ``seen_version`` is the one at which every planned task was found finished."""

    seen_version: int
    by: str
    counts: dict[str, int]


class ReviseCampaign(_Command, frozen=True, kw_only=True):
    """A person wants a piece of it revised: a completed campaign is in revision until the last such piece is done."""

    task: str
    by: str


class ReopenCampaign(_Command, frozen=True, kw_only=True):
    """A live task was found in a completed campaign: it was closed wrongly. ``is_revised``: the task is in revision."""

    task: str
    is_revised: bool = False


class UpdateCampaign(_Command, frozen=True, kw_only=True):
    """Change words that describe it."""

    by: str
    fields: dict[str, Any]
