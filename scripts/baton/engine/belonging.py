"""What belongs to one project: tasks say it themselves, events by their campaign or their task."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from baton.domain.errors import BatonError
from baton.ports import Damage, Store


class Belonging:
    """Tells of events whether they are of one project. Only looks, and reads what it is asked about once."""

    def __init__(self, store: Store, project: str) -> None:
        self._store = store
        self._project = project
        self._tasks: dict[str, str | None] = {}

    def has(self, event: Mapping[str, Any]) -> bool:
        """Tell whether an event is the project's; one whose task was removed long ago is nobody's."""
        campaign, task = event.get("campaign"), event.get("task")
        if isinstance(campaign, str) and campaign in self._campaigns:
            return self._campaigns[campaign] == self._project
        if not isinstance(task, str):
            return False
        if task not in self._tasks:
            self._tasks[task] = self._project_of(task)
        return self._tasks[task] == self._project

    @cached_property
    def _campaigns(self) -> dict[str, str]:
        return {one.id: one.project for one in self._store.campaigns.live() if not isinstance(one, Damage)}

    @cached_property
    def _archived(self) -> frozenset[str]:
        return frozenset(self._store.tasks.ids(archived=True))

    def _project_of(self, task: str) -> str | None:
        # What stands nowhere is not asked for: only a lock makes "not found" true, and this only looks.
        if not self._store.tasks.is_live(task) and task not in self._archived:
            return None
        try:
            found = self._store.tasks.read(task)
        except BatonError:
            return None
        return found.project if found is not None else None
