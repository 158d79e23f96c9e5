"""What needs somebody's judgement: what the sweep can neither repair nor decide. No model is called to find that out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from baton.domain.parking import Parked
from baton.domain.readiness import is_due, waiting
from baton.domain.records import Task
from baton.domain.statuses import BlockKind
from baton.domain.times import epoch, seconds_between
from baton.engine.cures import cure_of_block, cure_of_park
from baton.engine.findings import Scene

# A unit that could start, and does not for so long, tells that nothing starts at all.
STUCK_SECONDS = 3600.0
CIRCLES = 2
FAILURES = 2
FIRST = 50
# What an agent was shown is kept in its record, which must stay small whatever becomes of ten thousand tasks.
MOST = 500


class Matter(Struct, frozen=True, kw_only=True):
    """Something to be judged. ``key`` is another one as soon as there is news of it."""

    key: str
    text: str
    cure: str | None = None


def matters_of(
    scene: Scene, parked: Iterable[Parked], starving: Mapping[str, str], *, is_stopped: bool
) -> list[Matter]:
    """Return what needs judgement, by what costs most, at most ``MOST``.

    ``starving``: projects whose agent was asked in vain, and how often.
    """
    if is_stopped:
        return []  # a person has stopped all this, and knows why
    found = [_of_damage(damage) for damage in scene.damage]
    limits = list(parked)
    found += [_of_park(one) for one in limits if one.until is None]
    tasks = sorted(scene.tasks, key=lambda task: task.id)
    for task in tasks:
        found += _of_task(task)
    found += [
        Matter(key=f"starving {project} {text}", text=f"project {project} has too little to do: {text}")
        for project, text in starving.items()
    ]
    # A limit that ends by itself, or slots that are all in use, hold things up as they should.
    is_idle = sum(slot.held or slot.supervised for slot in scene.slots.values()) < scene.settings.concurrency.agents
    return [*(_stuck(scene, tasks) if is_idle and not limits else []), *found][:MOST]


def unjudged(matters: Iterable[Matter], judged: Iterable[str]) -> list[Matter]:
    """Return the matters that were not shown before."""
    known = frozenset(judged)
    return [matter for matter in matters if matter.key not in known]


def told(matters: Iterable[Matter]) -> list[dict[str, Any]]:
    """Return matters as they are told."""
    return [{"text": one.text, "cure": one.cure} for one in matters]


def _of_damage(damage: Any) -> Matter:
    return Matter(key=f"damaged {damage.kind} {damage.id} {damage.state}", text=damage.reason)


def _of_park(one: Parked) -> Matter:
    said = f" ({one.reason})" if one.reason else ""
    text = f"harness {one.harness} is parked since {one.since}: {one.what}{said}"
    return Matter(key=f"parked {one.harness} {one.since}", text=text, cure=cure_of_park(one.harness))


def _of_task(task: Task) -> list[Matter]:
    blocked = task.blocked
    if blocked is not None:
        if blocked.kind is BlockKind.DEPENDENCY:
            return []  # the one that it waits for is told itself
        text = f"task {task.id} is blocked since {blocked.at} ({blocked.kind}): {blocked.reason}"
        return [Matter(key=f"blocked {task.id} {blocked.at}", text=text, cure=cure_of_block(task, blocked))]
    if task.is_finished:
        return []
    found = []
    if task.revision_count >= CIRCLES:
        text = f"task {task.id} was sent back {task.revision_count} times"
        found.append(Matter(key=f"circles {task.id} {task.revision_count}", text=text))
    for unit in task.units():
        if len(unit.failures) >= FAILURES and unit.failures[-1].message:
            text = f"task {task.id}: {unit.agent} failed {len(unit.failures)} times in step {unit.step}; the last: "
            last = unit.failures[-1]
            found.append(Matter(key=f"failing {task.id} {unit.key} {last.run}", text=text + _line(last.message)))
    return found


def _stuck(scene: Scene, tasks: Iterable[Task]) -> list[Matter]:
    """What could start and does not, told once for all: one cause holds all of it."""
    now, stuck = scene.clock.now(), []
    resting = {campaign.id for campaign in scene.campaigns if not campaign.is_dispatching}
    for task in tasks:
        if task.campaign in resting:
            continue
        for entry in waiting(task):
            if not is_due(entry.bucket, epoch(now)):
                continue
            ready_at = task.unit(entry.name.rsplit("~", 1)[1]).ready_at or task.created_at
            if seconds_between(ready_at, now) >= STUCK_SECONDS:
                stuck.append((ready_at, task.id))
    if not stuck:
        return []
    since, first = min(stuck)
    text = f"{len(stuck)} ready since {since} and not started; the first is task {first}"
    return [Matter(key=f"stuck {first} {since}", text=text, cure=f"why.py {first}")]


def _line(message: str) -> str:
    return (message.strip().splitlines() or [""])[-1][:200]
