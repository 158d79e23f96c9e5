"""A status in words: one screen, sections that have nothing to say left out, long ones cut."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from baton.cli.paint import Paint, lasting, paint_of_stdout, plain
from baton.cli.status_values import CampaignLine, Cost, Running, Status, Waiting
from baton.cli.tables import amounts, table
from baton.domain.times import seconds_between

T = TypeVar("T")

SHOWN = 15
FAILURES_SHOWN = 5
TEXT_LIMIT = 90
CAMPAIGNS = ("campaign", "status", "done", "", "tasks")
RUNNING = ("agent", "task", "step", "attempt", "for", "last line")
READY = ("task", "step", "agent", "priority")
WAITING = ("task", "step", "agent", "waits")


def words(status: Status, paint: Paint | None = None) -> str:
    """Return the whole screen."""
    paint = paint or paint_of_stdout()
    parts = [_head(status, paint)]
    parts += _section("Campaigns", status.campaigns, CAMPAIGNS, _campaign, paint)
    running = f"Running {len(status.running)}, slots in use: {status.slots.used} of {status.slots.limit}"
    parts += _section(running, status.running, RUNNING, lambda one: _run(one, status.at), paint, color=paint.green)
    parts += _section(_counted("Ready", status.ready), status.ready, READY, _ready, paint)
    parts += _section(_counted("Waiting", status.waiting), status.waiting, WAITING, _wait(status.at), paint)
    parts += _blocked(status, paint)
    parts += _spoiled(status, paint)
    parts += _failures(status, paint)
    parts.append(_foot(status, paint))
    return "\n".join(parts) + "\n"


def gist(status: Status) -> str:
    """Return the status in one line, without anything that changes by itself as time goes by."""
    counts = {
        "running": len(status.running),
        "ready": len(status.ready),
        "waiting": len(status.waiting),
        "blocked": len(status.blocked),
        "damaged": len(status.damaged),
    }
    parts = [", ".join(f"{count} {what}" for what, count in counts.items() if count or what == "running")]
    parts += [f"{one.agent} on {one.task} (step {one.step}, attempt {one.attempt})" for one in status.running]
    for one in status.campaigns:
        if one.status != "completed":
            parts.append(f"{one.slug} {one.status} {one.progress.completed}/{one.progress.total}")
    if status.failures:
        parts.append(f"last failure {status.failures[0].at} {plain(status.failures[0].text, TEXT_LIMIT)}")
    return "; ".join([*(["STOPPED"] if status.stopped else []), *parts, *map(plain, status.warnings)])


# -- sections -----------------------------------------------------------------------------------------------------


def _head(status: Status, paint: Paint) -> str:
    lines = [f"{paint.bold('Baton')}  {plain(status.home)}  {paint.faint(status.at)}"]
    if status.stopped:
        stop = shlex.quote(f"{status.home}/state/stop")
        lines.append(paint.red(f"STOPPED: nothing new is started. To go on: rm {stop}"))
    lines += [paint.red(f"warning: {plain(text, 300)}") for text in status.warnings]
    if status.sweep.is_late:
        age = status.sweep.age_seconds
        last = "no sweep has run yet" if age is None else f"the last sweep was {lasting(age)} ago"
        lines.append(paint.red(f"warning: {last}. Does cron run it? See doctor.py"))
    if not status.campaigns and not status.tasks and not status.damaged:
        lines.append("Nothing here yet: make a campaign with campaign.py, or a task with task.py.")
    return "\n".join(lines)


def _section(
    title: str,
    items: Sequence[T],
    heads: Sequence[str],
    row: Callable[[T], Sequence[object]],
    paint: Paint,
    color: Callable[[str], str] = str,
) -> list[str]:
    if not items:
        return []
    lines = table(heads, [[plain(str(cell)) for cell in row(one)] for one in items[:SHOWN]]).split("\n")
    told = [paint.faint(f"  {lines[0]}"), *(f"  {color(line)}" for line in lines[1:])]
    return ["", paint.bold(title), *told, *_more(items)]


def _blocked(status: Status, paint: Paint) -> list[str]:
    if not status.blocked:
        return []
    lines = ["", paint.bold(_counted("Blocked", status.blocked))]
    for one in status.blocked[:SHOWN]:
        lines.append(f"  {paint.red(one.task)}  {one.kind}: {plain(one.reason, TEXT_LIMIT)}")
        lines.append(f"    {paint.faint(one.cure)}")
    return [*lines, *_more(status.blocked)]


def _spoiled(status: Status, paint: Paint) -> list[str]:
    if not status.damaged:
        return []
    lines = [
        f"  {paint.red(f'{one.kind} {plain(one.id)}')}  {one.state}: {plain(one.reason, 160)}"
        for one in status.damaged[:SHOWN]
    ]
    return ["", paint.bold(_counted("Damaged", status.damaged)), *lines, *_more(status.damaged)]


def _failures(status: Status, paint: Paint) -> list[str]:
    if not status.failures:
        return []
    lines = [
        f"  {lasting(seconds_between(one.at, status.at))} ago  {plain(one.task or '-')}  {plain(one.text, TEXT_LIMIT)}"
        for one in status.failures[:FAILURES_SHOWN]
    ]
    return ["", paint.bold("Last failures"), *lines]


def _foot(status: Status, paint: Paint) -> str:
    sweep = "never" if status.sweep.age_seconds is None else f"{lasting(status.sweep.age_seconds)} ago"
    tasks, runs = _counts(status.tasks), _counts(status.runs_today)
    names = ("live tasks", tasks), ("runs today", runs), ("used", _cost(status.cost)), ("last sweep", sweep)
    return "\n".join(["", *(f"{paint.faint(f'{name:10}')}  {text}" for name, text in names)])


# -- rows ---------------------------------------------------------------------------------------------------------


def _campaign(one: CampaignLine) -> Sequence[object]:
    tasks = _counts(one.tasks) if one.status != "planning" else f"activate_campaign.py {one.slug}"
    done = one.progress
    return one.slug, one.status, f"{done.completed}/{done.total}", f"{done.percent} %", tasks


def _run(one: Running, now: str) -> Sequence[object]:
    last = plain(one.last_line, 60)
    return one.agent, one.task, one.step, one.attempt, lasting(seconds_between(one.since, now)), last


def _ready(one: Waiting) -> Sequence[object]:
    return one.task, one.step, one.agent, one.priority


def _wait(now: str) -> Callable[[Waiting], Sequence[object]]:
    def row(one: Waiting) -> Sequence[object]:
        left = f" (in {lasting(seconds_between(now, one.until))})" if one.until else ""
        return one.task, one.step, one.agent, plain(one.text, TEXT_LIMIT) + left

    return row


def _cost(cost: Cost) -> str:
    """What was used; where nobody said, that is not nothing."""
    if cost.total is None and cost.today is None:
        return "unknown: no agent has reported any cost"
    return f"{_usage(cost.total)}; today {_usage(cost.today)}"


def _usage(usage: dict[str, float] | None) -> str:
    if usage is None:
        return "unknown"
    return amounts(usage)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in counts.items()) or "none"


def _counted(title: str, items: Sequence[object]) -> str:
    return f"{title} {len(items)}"


def _more(items: Sequence[object]) -> Iterable[str]:
    return [f"  and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
