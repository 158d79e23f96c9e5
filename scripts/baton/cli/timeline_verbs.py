"""``task.py timeline`` and ``campaign.py timeline``: what happened in words, and where the time went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from baton.cli.paint import lasting, plain
from baton.cli.script import Answer, script
from baton.cli.tables import columns, table
from baton.cli.wiring import Wiring
from baton.domain.ids import check_id, check_slug

if TYPE_CHECKING:
    from baton.engine.timelines import Timeline


@script("show", "time line of task", name="timeline", example="task.py timeline spring-001", id_option="task")
@click.argument("task")
def of_task(wiring: Wiring, task: str) -> Answer:
    """Show what happened to a task, oldest first, and how long each step waited and was worked on."""
    from baton.engine.timelines import task_timeline  # start-up

    found = task_timeline(wiring.store, wiring.task(check_id(task)), wiring.clock.now())
    return Answer(found, lambda: _words(found))


@script(
    "show", "time line of campaign", name="timeline", example="campaign.py timeline spring-launch", id_option="slug"
)
@click.argument("slug")
def of_campaign(wiring: Wiring, slug: str) -> Answer:
    """Show what happened to a campaign and its tasks, oldest first, and how long each task waited and was worked on."""
    from baton.engine.timelines import campaign_timeline  # start-up

    found = campaign_timeline(wiring.store, wiring.campaign(check_slug(slug)), wiring.clock.now())
    return Answer(found, lambda: _words(found))


def _words(found: Timeline) -> str:
    lines = [] if found.is_whole else [f"{_beginning(found)}: what was before has been removed (retention: events)."]
    rows = [
        (_instant(one.at), one.type.value, *(() if found.task is not None else (one.task or "-",)))
        for one in found.activities
    ]
    begins = columns([list(row) for row in rows])
    lines += [f"{begin}  {plain(one.message, 1_000)}" for begin, one in zip(begins, found.activities, strict=True)]
    return "\n".join([*lines, "", _times(found)])


def _beginning(found: Timeline) -> str:
    return f"The log begins at {_instant(found.since)}" if found.since is not None else "The log tells nothing"


def _times(found: Timeline) -> str:
    """A table of what waited and worked how long, with the sum in its last line."""
    first = "step" if found.task is not None else "task"
    rows = [
        (
            unit.step if unit.branch is None else unit.branch,
            unit.agent,
            unit.runs,
            unit.waited_seconds,
            unit.worked_seconds,
        )
        for unit in found.units
    ] or [(task.task, task.status, task.runs, task.waited_seconds, task.worked_seconds) for task in found.tasks]
    total = ("in all", "", sum(row[2] for row in rows), found.waited_seconds, found.worked_seconds)
    shown = [(*row[:3], lasting(row[3]), lasting(row[4])) for row in (*rows, total)]
    return table((first, "agent" if found.task is not None else "status", "runs", "waited", "worked"), shown)


def _instant(at: str) -> str:
    return f"{at[:19].replace('T', ' ')}Z"
