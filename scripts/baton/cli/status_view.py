"""A status in words: one screen, what needs a person first, sections that have nothing to say left out."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from msgspec import Struct

from baton.cli.amounts import amounts
from baton.cli.paint import Paint, cut, lasting, paint_of_stdout, plain, width_of_stdout, wrapped
from baton.cli.status_rows import (
    Row,
    blocked_rows,
    campaign_rows,
    clock_times,
    failure_rows,
    parked_rows,
    ready_rows,
    run_rows,
    waiting_rows,
)
from baton.cli.tables import columns
from baton.engine.glance_values import Status

SHOWN = 15
# In a pipe lines are for people too, and nobody scrolls to the right.
PIPE_WIDTH = 120
LEAST_LAST = 24


class Page(Struct, frozen=True, kw_only=True):
    """What is written on: ``width`` in columns; a line that does not fit on a terminal is cut, in a pipe it is not."""

    paint: Paint
    width: int
    is_terminal: bool

    def fit(self, line: str) -> str:
        """Return the line as long as it may be. Commands to be copied are not asked: the terminal folds them."""
        return cut(line, self.width) if self.is_terminal else line


def words(status: Status, paint: Paint | None = None, width: int | None = None) -> str:
    """Return the whole screen. ``width``: of the terminal, where there is one."""
    paint, width = paint or paint_of_stdout(), width or width_of_stdout()
    page = Page(paint=paint, width=width or PIPE_WIDTH, is_terminal=width is not None)
    used = f"Running {len(status.running)}, slots in use: {status.slots.used} of {status.slots.limit}"
    now = status.at
    lines = [
        *_head(status, page),
        *_section(_counted("Blocked", status.blocked), blocked_rows(status.blocked, now), page, paint.red),
        *_damaged(status, page),
        *_section(_counted("Parked", status.parked), parked_rows(status.parked, now), page, paint.yellow),
        *_section(used, run_rows(status.running, now), page, paint.green, lines=1),
        *_section(_counted("Ready", status.ready), ready_rows(status.ready), page),
        *_section(_counted("Waiting", status.waiting), waiting_rows(status.waiting, now), page, paint.yellow),
        *_section("Campaigns", campaign_rows(status.campaigns), page),
        *_section("Last failures", failure_rows(status), page, lines=1),
        *_foot(status, page),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


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
    parts += [
        f"{one.agent} on {one.task} (step {one.step}, attempt {one.attempt})"
        if one.task
        else f"{one.agent} (heartbeat)"
        for one in status.running
    ]
    for one in status.campaigns:
        if one.status != "completed":
            parts.append(f"{one.slug} {one.status} {one.progress.completed}/{one.progress.total}")
    if status.failures:
        parts.append(f"last failure {status.failures[0].at} {plain(status.failures[0].text, 90)}")
    return "; ".join([*(["STOPPED"] if status.stopped else []), *parts, *map(plain, status.warnings)])


# -- sections -----------------------------------------------------------------------------------------------------


def _head(status: Status, page: Page) -> list[str]:
    paint = page.paint
    when = f"{status.at[:19].replace('T', ' ')} UTC"
    of_project = f"  project {plain(status.project)}" if status.project is not None else ""
    lines = [page.fit(f"{paint.bold('Baton')}  {paint.faint(when)}  {plain(status.home)}{of_project}")]
    if status.stopped:
        stop = shlex.quote(f"{status.home}/state/stop")
        lines.append(paint.red(f"STOPPED: nothing new is started. To go on: rm {stop}"))
    lines.append(page.fit(_verdict(status, paint)))
    told = [plain(text, 300) for text in status.warnings]
    if status.sweep.is_late:
        last = "no sweep has run yet" if status.sweep.age_seconds is None else f"the last sweep was {_age(status)}"
        told.append(f"{last}. Does cron run it? See doctor.py")
    for text in told:
        first, *rest = wrapped(f"warning: {text}", page.width, 3)
        lines += [paint.red(first), *(paint.red(f"  {line}") for line in rest)]
    if not status.campaigns and not status.tasks and not status.damaged:
        lines.append("Nothing here yet: make a campaign with campaign.py, or a task with task.py.")
    return lines


def _verdict(status: Status, paint: Paint) -> str:
    """The answer, in one line: does this need me, does it work, is it looked after."""
    needs = {"blocked": len(status.blocked), "damaged": len(status.damaged)}
    needs["parked"] = sum(one.until is None for one in status.parked)
    some = " and ".join(f"{count} {what}" for what, count in needs.items() if count)
    if some:
        begin = paint.red(f"Needs you: {some}.")
    elif status.warnings or status.sweep.is_late:
        begin = paint.yellow("Look at the warning below.")
    else:
        begin = paint.green("Nothing needs you.")
    counts = {"running": len(status.running), "ready": len(status.ready), "waiting": len(status.waiting)}
    goes_on = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing to do"
    return f"{begin} {goes_on[0].upper()}{goes_on[1:]}; last sweep {_age(status)}."


def _age(status: Status) -> str:
    return "never" if status.sweep.age_seconds is None else f"{lasting(status.sweep.age_seconds)} ago"


def _damaged(status: Status, page: Page) -> list[str]:
    rows = [
        Row(cells=(f"{one.kind} {one.id}", one.state), last=clock_times(one.reason, status.at))
        for one in status.damaged
    ]
    lines = _section(_counted("Damaged", status.damaged), rows, page, page.paint.red)
    return [*lines, "    doctor.py says what can be done"] if lines else []


def _section(
    title: str,
    rows: Sequence[Row],
    page: Page,
    color: Callable[[str], str] | None = None,
    lines: int = 2,
) -> list[str]:
    """A heading and its rows: cells in columns, the first in colour, the last folded into so many lines."""
    if not rows:
        return []
    shown = rows[:SHOWN]
    paint = page.paint
    told = ["", (color or paint.bold)(title)]
    for row, cells in zip(shown, columns([list(map(plain, row.cells)) for row in shown]), strict=True):
        left = page.width - len(cells) - 4
        name = cells.split("  ")[0]
        begin = f"  {(color or str)(name)}{cells[len(name) :]}"
        if left >= LEAST_LAST:
            first, *rest = wrapped(plain(row.last, 1_000), left, lines) or [""]
            told.append(page.fit(f"{begin}  {first}"))
            told += [f"{' ' * (page.width - left)}{line}" for line in rest]
        else:
            rest = wrapped(plain(row.last, 1_000), page.width - 6, lines)
            told += [page.fit(begin), *(f"      {line}" for line in rest)]
        if row.command:
            told.append(f"    {paint.faint(f'{row.label}:')} {plain(row.command)}")
    return [*told, f"  and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else told


def _foot(status: Status, page: Page) -> list[str]:
    runs = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in status.runs_today.items())
    total = sum(status.runs_today.values())
    tasks = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in status.tasks.items()) or "none"
    told = {
        "today": f"{total} run{'' if total == 1 else 's'}{f' ({runs})' if runs else ''}; {amounts(status.cost.today)}",
        "in all": f"{tasks}; {amounts(status.cost.total)}" if status.tasks else amounts(status.cost.total),
    }
    return ["", *(page.fit(f"{page.paint.faint(f'{name:6}')}  {text}") for name, text in told.items())]


def _counted(title: str, items: Sequence[object]) -> str:
    return f"{title} {len(items)}"
