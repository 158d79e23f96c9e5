"""The engine without a disk and without processes: a store in memory, a clock that is told the time, and stand-ins for
whatever starts, ends or describes something outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import structs
from tests.builders import NOW, create_task, template, unit

from baton.domain.campaign_commands import CreateCampaign
from baton.domain.campaigns import Campaign
from baton.domain.errors import AgentNotFound
from baton.domain.exchange import Display
from baton.domain.pipelines import Step
from baton.domain.records import Holder, Lease, Task
from baton.domain.settings import Settings
from baton.domain.skills import Skill
from baton.domain.times import later
from baton.engine.completion import look_at
from baton.engine.door import Door
from baton.engine.findings import Finding, Scene
from baton.engine.granting import Granter
from baton.engine.liveness import Beat, Undertaker
from baton.engine.reasons import Reasons
from baton.engine.sweep import split_damage
from baton.ports import Process, Slot
from baton.store.memory import MemoryStore


class Clock:
    """A clock that says what it is told; waiting lets time pass."""

    def __init__(self) -> None:
        self.at = NOW
        self.seconds = 1000.0
        self.boot = "b1"

    def now(self) -> str:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def holder(self) -> Holder:
        return Holder(machine="m1", boot=self.boot, boot_seconds=self.seconds)

    def passes(self, seconds: float) -> None:
        """Let time pass, by every clock."""
        self.seconds += seconds
        self.at = later(self.at, seconds)


class Config:
    """Settings in force, and the stop file."""

    def __init__(self) -> None:
        self.now = Settings()
        self.stopped = False

    def settings(self) -> Settings:
        return self.now

    def is_stopped(self) -> bool:
        return self.stopped

    def credential(self, name: str) -> str | None:
        return None

    def change(self, section: str, **keys: Any) -> None:
        """Change keys of one section."""
        self.now = structs.replace(self.now, **{section: structs.replace(getattr(self.now, section), **keys)})


class Agents:
    """The agents that the test says there are."""

    def __init__(self) -> None:
        self.skills: dict[str, Skill] = {}

    def find(self, name: str) -> Skill:
        if name not in self.skills:
            raise AgentNotFound(f"there is no agent '{name}'")
        return self.skills[name]


class Launcher:
    """Notes which slots were handed down; what is started holds them from then on."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.started: list[Slot] = []
        self.failure: BaseException | None = None

    def start(self, slot: Slot, target: Any = None) -> int:
        if self.failure is not None:
            raise self.failure
        self.started.append(self._store.slots.adopt(slot.fileno, slot.number))
        return 4711


class Processes:
    """Processes that are there because the test says so."""

    def __init__(self) -> None:
        self.runs: dict[str, list[Process]] = {}
        self.holders: list[Process] = []
        self.killed: list[Process] = []
        self.immortal: set[Process] = set()

    def of_run(self, run: str, session: Process | None) -> list[Process]:
        return list(self.runs.get(run, ()))

    def holding(self, path: str) -> list[Process]:
        return list(self.holders)

    def kill(self, found: Iterable[Process]) -> int:
        count = 0
        for one in found:
            self.killed.append(one)
            count += 1
            if one in self.immortal:
                continue
            for run in self.runs.values():
                if one in run:
                    run.remove(one)
            if one in self.holders:
                self.holders.remove(one)
        return count


class Papers:
    """Keeps what is written about a campaign; ``before_write`` happens just before."""

    def __init__(self) -> None:
        self.written: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.before_write: Callable[[], None] | None = None

    def campaign(self, project: str, campaign: str) -> str:
        return f"{project}/{campaign}"

    def path(self, task: Task) -> str:
        return f"{task.project}/{task.campaign}"

    def kept(self, task: Task, path: str, version: int) -> str:
        return path

    def describe(self, root: str, path: str) -> dict[str, Any] | None:
        data = self.files.get(path)
        return None if data is None else {"path": path, "bytes": len(data)}

    def files_below(self, root: str, folder: str) -> list[str]:
        return sorted(path for path in self.files if path.startswith(f"{folder}/"))

    def write(self, root: str, path: str, data: bytes) -> None:
        if self.before_write is not None:
            act, self.before_write = self.before_write, None
            act()
        self.written[f"{root}/{path}"] = data.decode()


class SkillFolders:
    """Skills that are shown because the test says so; each note is a run and its task."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def show(self, run: str, task: str, workspace: str, folder: str, skills: Sequence[Skill]) -> tuple[str, ...]:
        self.notes[run] = task
        return tuple(skill.name for skill in skills)

    def put_away(self, run: str) -> bool:
        return self.notes.pop(run, None) is not None

    def shown(self) -> list[Display]:
        return [Display(run=run, task=task) for run, task in self.notes.items()]


class World:
    """A home in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.config = Config()
        self.agents = Agents()
        self.store = MemoryStore(self.clock)
        self.papers = Papers()
        self.processes = Processes()
        self.launcher = Launcher(self.store)
        self.finished: list[str] = []
        self.door = Door(self.store, self.config, lambda task: self.finished.append(task.id))
        self.granter = Granter(self.door, self.clock, lambda agent: None, self.supervisor)
        self.beats: dict[int, Beat] = {}
        self.missing: tuple[str, ...] = ()
        self.looked: list[str | None] = []
        self.skill_folders = SkillFolders()

    # -- arranging ----------------------------------------------------------------------------------------------

    def supervisor(self) -> Holder:
        """Who grants: a supervisor in slot 0."""
        return Holder(machine="m1", boot=self.clock.boot, slot=0, instance="i1")

    def task(self, id: str, *agents: str, **fields: Any) -> Task:
        """Make a task, of no campaign unless one is named."""
        line = [unit(agent) for agent in agents or ("writer",)]
        return self.door.create_if_absent(create_task(*line, id=id, **{"campaign": None, "project": None} | fields))[0]

    def campaign(self, slug: str, *, count: int = 3, **fields: Any) -> Campaign:
        """Make a campaign of one step a task; it is not active yet."""
        line = template(Step(agent="writer", output_dir="drafts"))
        defaults = {"project": "acme", "name": "Spring", "pipeline": "content-draft", "snapshot": line}
        command = CreateCampaign(id=slug, fields=defaults | {"target_article_count": count} | fields)
        return self.door.campaign(slug, command)

    def granted(self, id: str, **holder: Any) -> Lease:
        """Grant the current step of a task to a supervisor; return the lease."""
        granter = Granter(self.door, self.clock, lambda agent: None, lambda: self._holder(holder))
        return granter.grant(id).lease

    def _holder(self, more: dict[str, Any]) -> Holder:
        return structs.replace(self.supervisor(), **more)

    def supervised(self, number: int = 0, instance: str = "i1", **facts: Any) -> Slot:
        """Let somebody hold a slot and supervise it."""
        slot = self.store.slots.take(number + 1)
        while slot is not None and slot.number < number:
            slot = self.store.slots.take(number + 1)
        assert slot is not None
        slot.supervise(instance)
        slot.beat({"instance": instance, "beat": 1.0, "pid": 4711, "started": 9} | facts)
        return slot

    # -- looking ------------------------------------------------------------------------------------------------

    def read(self, id: str) -> Task:
        """A task as it stands."""
        found = self.store.tasks.read(id)
        assert found is not None
        return found

    def read_campaign(self, slug: str) -> Campaign:
        """A campaign as it stands."""
        found = self.store.campaigns.read(slug)
        assert found is not None
        return found

    def events(self, *types: str) -> list[dict[str, Any]]:
        """What was logged, oldest first; of these types only, if any are named."""
        return [event for event in self.store.log.tail(10_000) if not types or event["type"] in types]

    def reasons(self, scene: Scene | None = None) -> Reasons:
        """What says why something does not run, as the world is now; with a scene's own campaigns, if there is one."""
        campaigns = None if scene is None else {one.id: one for one in scene.campaigns}
        stop_file = "/home/state/stop" if self.config.stopped else None
        return Reasons(
            self.store,
            self.clock,
            self.config.settings(),
            self.granter.parking,
            stop_file=stop_file,
            campaigns=campaigns,
        )

    # -- the sweep ----------------------------------------------------------------------------------------------

    def close(self, campaign: str) -> bool:
        """Complete a campaign if it is done."""
        return look_at(self.door, self.clock, self.papers, campaign) is not None

    def look_for(self, task: Task, lease: Lease) -> tuple[str, ...]:
        """Look for what a dead run must have left: what the test says is missing."""
        self.looked.append(lease.run)
        return self.missing

    def scene(self) -> Scene:
        """What a sweep would see now."""
        tasks, damaged_tasks = split_damage(self.store.tasks.live())
        campaigns, damaged_campaigns = split_damage(self.store.campaigns.live())
        return Scene(
            door=self.door,
            clock=self.clock,
            settings=self.config.settings(),
            agents=self.agents,
            tasks=tasks,
            campaigns=campaigns,
            damage=damaged_tasks + damaged_campaigns,
            slots={slot.number: slot for slot in self.store.slots.states()},
            beats=self.beats,
            undertaker=Undertaker(self.processes, self.clock, self.clock.passes),
            slot_path=lambda number: f"slots/{number:02d}",
            close=self.close,
            shown=tuple(self.skill_folders.shown()),
            put_away=self.skill_folders.put_away,
            resources=lambda task, lease: (),
            missing=self.look_for,
        )

    def mend(self, repair: Callable[[Scene], Iterable[Finding]], scene: Scene | None = None) -> list[str]:
        """Carry out one repair, on what it sees now or what it saw before; return as what each finding was counted."""
        return [finding.count for finding in list(repair(scene or self.scene())) if finding.act()]
