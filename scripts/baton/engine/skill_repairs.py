"""The repair of workspaces: what a run was shown and a crash has left there is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from baton.domain.ids import agent_of_place
from baton.domain.records import Task
from baton.engine.findings import Finding, Scene


def left_skills(scene: Scene) -> Iterator[Finding]:
    """Take back the skills of runs that are over. A note is written under a lease: without one, nobody needs it."""
    known = {task.id: task for task in scene.tasks}
    for note in scene.shown:
        agent = agent_of_place(note.task)
        # Its run may have been ended by a repair before this one.
        was_held = agent is not None or _holds(known.get(note.task), note.run)
        if was_held and _is_held(scene, note.task, note.run):
            continue
        whose = f"task {note.task}" if agent is None else f"agent {agent}"
        text = f"{whose}: skills were still shown for run {note.run}, which is over"
        yield Finding(count="removed", text=text, act=partial(_put_away, scene, note.task, note.run))


def _put_away(scene: Scene, task: str, run: str) -> bool:
    # Look again: a run that was granted after the scene was read has a note, and a lease that the scene has not.
    if _is_held(scene, task, run):
        return False
    return scene.put_away(run)


def _is_held(scene: Scene, place: str, run: str) -> bool:
    agent = agent_of_place(place)
    if agent is None:
        return _holds(scene.door.store.tasks.read(place), run)
    found = scene.door.store.agents.read(agent)
    return found is not None and found.lease is not None and found.lease.run == run


def _holds(task: Task | None, run: str) -> bool:
    return task is not None and any(lease.run == run for lease in task.leases)
