"""The one door: nothing but ``Door`` changes a record. What a finished task sets off follows here, a command a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from baton.domain import tasks
from baton.domain.commands import FailDependency, MeetDependency
from baton.domain.errors import (
    BatonError,
    CampaignNotFound,
    IllegalTransition,
    LeaseHeld,
    LeaseMismatch,
    ProjectNotFound,
    TaskNotFound,
)
from baton.domain.exchange import Commit
from baton.domain.records import Event, Task
from baton.domain.statuses import TaskStatus

if TYPE_CHECKING:
    from baton.domain.agent_records import AgentRecord
    from baton.domain.campaigns import Campaign
    from baton.domain.projects import Project
    from baton.ports import Config, Kind, Store

R = TypeVar("R")
Step = Any  # a command, or a function of the record that returns one (or None)


class Door:
    """Applies commands to records. ``on_finished`` is told of each task of a campaign that has just finished."""

    def __init__(self, store: Store, config: Config, on_finished: Callable[[Task], None]) -> None:
        self.store = store
        self.config = config
        self._on_finished = on_finished

    def task(self, id: str, *steps: Step) -> Task:
        """Apply commands to one task in one commit, then tell those who wait for its end.

        A step may be a function of the record so far: what it returns is applied, ``None`` is passed over. A refused
        command changes nothing and leaves a line in the log.
        """
        events: list[Event] = []

        def change(task: Task | None, now: str) -> Commit:
            events.clear()
            for step in steps:
                command = step(task) if callable(step) else step
                if command is not None:
                    task, news = tasks.decide(task, command, now)
                    events.extend(news)
            assert task is not None
            return Commit(task, tuple(events), archive=task.is_finished and self._archives_at_once())

        try:
            task = self.store.tasks.update(id, change)
        except TaskNotFound:
            raise TaskNotFound(f"there is no task '{id}'", cure="task.py list shows those there are") from None
        except (IllegalTransition, LeaseMismatch, LeaseHeld) as refused:
            self._note(refused, task=id, command=steps[0])
            raise
        if task.is_finished and events:
            self.tell_dependents(task)
            self._on_finished(task)
        return task

    def campaign(self, id: str, command: Any) -> Campaign:
        """Apply one command to a campaign."""
        from baton.domain.campaigns import decide  # start-up: an agent's last act changes no campaign

        try:
            return self._other(self.store.campaigns, decide, id, command)
        except CampaignNotFound:
            raise CampaignNotFound(f"there is no campaign '{id}'", cure="campaign.py list shows them") from None

    def project(self, id: str, command: Any) -> Project:
        """Apply one command to a project."""
        from baton.domain.project_table import decide  # start-up: only people change projects

        try:
            return self._other(self.store.projects, decide, id, command)
        except ProjectNotFound:
            raise ProjectNotFound(f"there is no project '{id}'", cure="project.py list shows them") from None

    def _other(self, records: Kind[R], decide: Callable[[R | None, Any, str], Any], id: str, command: Any) -> R:
        try:
            return records.update(id, lambda record, now: Commit(*decide(record, command, now)))
        except IllegalTransition as refused:
            self._note(refused, task=None, command=command)
            raise

    def agent(self, id: str, command: Any) -> AgentRecord:
        """Apply one command, or what a function of the record returns, to what is kept of an agent."""
        from baton.domain import agents  # start-up: few calls are about an agent

        def change(record: AgentRecord | None, now: str) -> Commit:
            return Commit(*agents.decide(record, id, command(record) if callable(command) else command, now))

        return self.store.agents.update(id, change)

    def create_if_absent(self, command: Any) -> tuple[Task, bool]:
        """Make a task unless its id was ever used; tell whether it was made."""
        made: list[bool] = []

        def change(task: Task | None, now: str) -> Commit:
            made.clear()
            if task is not None:
                return Commit(task)
            made.append(True)
            return Commit(*tasks.decide(None, command, now))

        return self.store.tasks.update(command.id, change), bool(made)

    def tell_dependents(self, task: Task) -> None:
        """Tell each task that waits for this finished one; what fails here the sweep says again."""
        for dependent in self.store.waits.dependents(task.id):
            try:
                self._tell(task, dependent)
            except BatonError as error:
                self._note(error, task=dependent, command=MeetDependency(dependency=task.id))

    def _tell(self, task: Task, dependent: str) -> None:
        command: MeetDependency | FailDependency = MeetDependency(dependency=task.id)
        if task.status is not TaskStatus.COMPLETED:
            command = FailDependency(dependency=task.id, reason=f"it waits for {task.id}, which was {task.status}")
        found = self.store.tasks.read(dependent)
        if found is not None and not found.is_finished:
            self.task(dependent, command)
        if found is not None and task.status is TaskStatus.COMPLETED:
            self.store.waits.remove(task.id, dependent)

    def _archives_at_once(self) -> bool:
        try:
            return self.config.settings().sweep.archive_after_seconds == 0
        except BatonError:
            return False  # the operator's file is broken: no reason to refuse a change; the sweep archives it

    def _note(self, refused: BatonError, *, task: str | None, command: Any) -> None:
        name = type(command).__name__ if hasattr(command, "__struct_fields__") else "EndRun"
        self.store.log.note("command_refused", {"command": name, "reason": refused.message}, task=task)
