"""Everything put together, each part made when it is first asked for: a script pays only for what it uses.

Late imports here are for start-up: a call of an agent must not load what only a supervisor or the sweep needs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from baton.cli.configuration import HomeAgents, HomeConfig
from baton.domain.environment import DEFAULT_PATH
from baton.domain.errors import BatonError, CampaignNotFound, InvalidInput, InvalidWord, TaskNotFound
from baton.store.layout import Home, toolkit_path

if TYPE_CHECKING:
    from baton.adapters.clock import SystemClock
    from baton.adapters.launcher import LocalLauncher
    from baton.adapters.notifiers.telegram import Notifier
    from baton.adapters.skill_links import SkillLinks
    from baton.adapters.workspaces import Workspaces
    from baton.cli.own_trees import OwnTrees
    from baton.domain.campaigns import Campaign
    from baton.domain.pipelines import Template
    from baton.domain.records import Task
    from baton.domain.services import Registry
    from baton.domain.skills import Skill
    from baton.engine.dispatch import Dispatched
    from baton.engine.door import Door
    from baton.engine.parking import Parking
    from baton.engine.reasons import Reasons
    from baton.store.home_store import HomeStore

SCRIPTS = toolkit_path("scripts")
# How long a command waits for a run that it revoked, beyond the run's own grace.
SETTLE_SECONDS = 5.0


def find_home(option: str | None, environ: Mapping[str, str], *, must_exist: bool = True) -> Home:
    """Return the home: ``--home``, else ``BATON_HOME``, else the toolkit's own folder."""
    root = option or environ.get("BATON_HOME") or toolkit_path()
    home = Home(root)
    if must_exist and root != toolkit_path() and not home.is_home():
        kind = InvalidWord if option else InvalidInput
        raise kind(f"there is no home at {home.root}", cure=f"make one with: init_home.py {home.root}")
    return home


class Wiring:
    """The parts of one home."""

    def __init__(self, home: Home, environ: Mapping[str, str], warn: Callable[[str], None]) -> None:
        self.home = home
        self.environ = environ
        self.warn = warn
        self.config = HomeConfig(home, environ)
        self.agents = HomeAgents(home)

    @cached_property
    def clock(self) -> SystemClock:
        """The machine's clocks."""
        from baton.adapters.clock import SystemClock  # start-up

        return SystemClock()

    @cached_property
    def store(self) -> HomeStore:
        """The home's state."""
        from baton.store.home_store import HomeStore  # start-up: a question about services needs none

        return HomeStore(self.home, self.clock, self.warn)

    @cached_property
    def door(self) -> Door:
        """The one door to records."""
        from baton.engine.door import Door  # start-up

        return Door(self.store, self.config, self._on_finished)

    @cached_property
    def parking(self) -> Parking:
        """The parked harnesses."""
        from baton.engine.parking import Parking  # start-up

        def skill(agent: str) -> Skill | None:
            from baton.engine.run_policies import known_skill  # start-up: only when something is parked

            return known_skill(self.agents, agent)

        return Parking(self.store, self.config, skill, self.clock)

    @cached_property
    def workspaces(self) -> Workspaces:
        """The folders agents work in."""
        from baton.adapters.workspaces import Workspaces  # start-up

        return Workspaces(self.home.root, lambda: self.worktrees)

    @cached_property
    def worktrees(self) -> OwnTrees:
        """The worktrees of assignments that have one of their own."""
        from baton.cli.own_trees import OwnTrees  # start-up

        return OwnTrees(self.home.root, self.environ.get("PATH") or DEFAULT_PATH, self.warn)

    @cached_property
    def skill_folders(self) -> SkillLinks:
        """Shows skills in workspaces."""
        from baton.adapters.skill_links import SkillLinks  # start-up

        return SkillLinks(self.store.displays, self.environ.get("PATH") or DEFAULT_PATH)

    @cached_property
    def launcher(self) -> LocalLauncher:
        """Starts supervisors."""
        from baton.adapters.launcher import LocalLauncher  # start-up

        log = os.path.join(self.home.logs, "supervisors.log")
        return LocalLauncher(self.home.root, os.path.join(SCRIPTS, "invoke_agent.py"), log)

    @property
    def is_inside_run(self) -> bool:
        """Tell whether this process lives in an agent's run."""
        return bool(self.environ.get("BATON_RUN"))

    def check_settings(self) -> None:
        """Read the settings before anything is changed, so that a broken file is said while nothing has happened."""
        self.config.settings()

    def reasons(self) -> Reasons:
        """What says for any unit why it does not run, as the world is now."""
        from baton.engine.reasons import Reasons  # start-up

        stop_file = self.home.stop_file if self.config.is_stopped() else None
        return Reasons(self.store, self.clock, self.config.settings(), self.parking, stop_file=stop_file)

    def dispatch(self) -> Dispatched:
        """Start supervisors for what is ready, as far as there are slots."""
        from baton.engine.dispatch import dispatch  # start-up

        return dispatch(self.store, self.config, self.clock, _Late(self), self.parking, inside_run=self.is_inside_run)

    def dispatch_quietly(self) -> int:
        """Dispatch after a change that stands: what fails here the next sweep does. Return how many were started."""
        if self.is_inside_run:
            return 0  # as dispatch would say, without loading it: each agent ends with this
        try:
            return self.dispatch().started
        except (BatonError, OSError) as error:
            self.warn(f"nothing was started yet, the next sweep will: {error}")
            return 0

    def checked_outputs(self, task: str, outputs: tuple[str, ...]) -> tuple[str, ...]:
        """Outputs as paths relative to the task's workspace, each of which exists inside it, on the disk by now."""
        if not outputs:
            return ()
        from baton.engine.agent_calls import check_outputs  # start-up

        record = self.task(task)
        checked = check_outputs(lambda output: self.workspaces.resolve(record, output), outputs)
        for output in checked:
            self.workspaces.secure(record, output)
        return checked

    def task(self, id: str) -> Task:
        """A task by id; ``TaskNotFound`` for none, and for one that was deleted."""
        found = self.store.tasks.read(id) if os.path.isdir(self.home.state) else None
        if found is None or found.status == "deleted":
            raise TaskNotFound(
                f"task '{id}' was deleted" if found else f"there is no task '{id}'", cure="task.py list shows them"
            )
        return found

    def campaign(self, slug: str) -> Campaign:
        """A campaign by slug; ``CampaignNotFound`` for none."""
        found = self.store.campaigns.read(slug) if os.path.isdir(self.home.state) else None
        if found is None:
            raise CampaignNotFound(f"there is no campaign '{slug}'", cure="campaign.py list shows them")
        return found

    def settled(self, task: Task) -> Task:
        """Wait a little for a wish that a run is in the way of; return the task as it is then."""
        if task.asked is None:
            return task
        try:
            grace_seconds = self.config.settings().timeouts.grace_seconds
        except BatonError:
            grace_seconds = 0.0  # what was asked is recorded: a broken file of settings does not undo it
        end = self.clock.monotonic() + grace_seconds + SETTLE_SECONDS
        while task.asked is not None and self.clock.monotonic() < end:
            time.sleep(0.05)
            task = self.store.tasks.read(task.id) or task
        return task

    def notifier(self, name: str) -> Notifier:
        """A notifier by name, with its credentials from the environment, the encrypted keys, or ``.env``."""
        from baton.adapters.notifiers.telegram import Notifier  # start-up

        assert name == Notifier.name
        return Notifier(self.config.secret)

    def services(self) -> Registry:
        """The service registry; an empty one where there is no file."""
        from baton.domain.services import Registry  # start-up
        from baton.store.documents import load  # start-up

        return load(self.home.services_file, Registry, self.home.cache, name="services", default=Registry())

    def template(self, slug: str) -> Template:
        """A pipeline template by slug: the home's own or a preset."""
        from baton.cli.templates import find_template  # start-up

        return find_template(self.home, slug)

    def is_completed(self, campaign: str, by: str = "baton") -> bool:
        """Complete the campaign if it is done; tell whether it was completed by this."""
        from baton.engine.completion import look_at  # start-up

        return look_at(self.door, self.clock, self.workspaces, campaign, by) is not None

    def _on_finished(self, task: Task) -> None:
        if task.has_worktree:
            self.worktrees.put_away(task)
        if task.campaign is None:
            return
        try:
            self.is_completed(task.campaign)
        except Exception as error:  # noqa: BLE001 - the task is finished, whatever becomes of this; the sweep looks again
            self.warn(f"campaign '{task.campaign}' could not be completed yet: {error}")


class _Late:
    """A launcher that is made when something is really started."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def start(self, slot: Any, target: Sequence[str] | None = None) -> int:
        """Start a detached supervisor that inherits the slot."""
        return self._wiring.launcher.start(slot, target)
