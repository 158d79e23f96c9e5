"""What the sweep looks at, and what it finds there: a finding says what is wrong, and can be acted on alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from baton.domain.campaigns import Campaign
from baton.domain.errors import IllegalTransition
from baton.domain.exchange import Display
from baton.domain.readiness import Entry, waiting
from baton.domain.records import Lease, Task
from baton.domain.resources import Resource
from baton.domain.settings import Settings
from baton.engine.door import Door
from baton.engine.liveness import Beat, Undertaker
from baton.ports import Agents, Clock, Damage, SlotState

if TYPE_CHECKING:
    from baton.domain.agent_records import AgentRecord


class Finding(Struct, frozen=True, kw_only=True):
    """Something that is not as it should be. ``count`` names what it is counted as; ``act`` mends it, and tells if so."""

    count: str
    text: str
    act: Callable[[], bool]


class Scene(Struct, frozen=True, kw_only=True, dict=True):
    """What one sweep looks at: read once, at its beginning. Every act looks again, under the record's lock."""

    door: Door
    clock: Clock
    settings: Settings
    agents: Agents
    tasks: tuple[Task, ...]
    campaigns: tuple[Campaign, ...]
    damage: tuple[Damage, ...]
    slots: dict[int, SlotState]
    beats: dict[int, Beat]
    undertaker: Undertaker
    slot_path: Callable[[int], str]
    close: Callable[[str], bool]
    shown: tuple[Display, ...]
    put_away: Callable[[str], bool]
    resources: Callable[[Task, Lease], tuple[Resource, ...]]
    missing: Callable[[Task, Lease], tuple[str, ...] | None]
    heard: tuple[AgentRecord, ...] = ()

    @cached_property
    def entries(self) -> dict[str, frozenset[Entry]]:
        """By task, what of it should stand in the ready index; asked for twice in a sweep."""
        return {task.id: waiting(task) for task in self.tasks}


def bind(function: Callable[..., Any], *arguments: Any) -> Callable[[], bool]:
    """Return an act: the function with its arguments, told as whether it changed anything."""
    return lambda: bool(function(*arguments))


def apply(door: Door, task: Task, command: Any) -> bool:
    """Send one command to a task, and tell whether it changed it."""
    # What it was under the lock counts: others may have changed it since the scene was read.
    before: list[Task | None] = []

    def step(found: Task | None) -> Any:
        before.append(found)
        return command

    try:
        return door.task(task.id, step) is not before[-1]
    except IllegalTransition:
        return False  # it was finished or blocked since
