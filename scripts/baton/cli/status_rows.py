"""The rows of a status's sections: what belongs together in one, times as a clock on the wall has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from baton.cli.paint import lasting
from baton.domain.readiness import Why
from baton.domain.times import seconds_between
from baton.engine.glance_values import BlockedTask, CampaignLine, ParkedHarness, Running, Status, Waiting

# Of many campaigns that are complete, their names are enough.
DONE_SHOWN = 3
FAILURES_SHOWN = 5
_TIME = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)(?:\.\d+)?Z")
_PLACE = re.compile(r"; place \d+ in line$")


class Row(Struct, frozen=True, kw_only=True):
    """One row: cells in columns, then a text that may be folded; a command, with its label, stands below."""

    cells: Sequence[str]
    last: str
    command: str = ""
    label: str = "cure"


def blocked_rows(blocked: Iterable[BlockedTask], now: str) -> list[Row]:
    """What needs a person, and the command that cures it."""
    return [Row(cells=(one.task, one.kind), last=clock_times(one.reason, now), command=one.cure) for one in blocked]


def parked_rows(parked: Iterable[ParkedHarness], now: str) -> list[Row]:
    """What no agent can be run by, until when, and the command that ends it."""
    rows = []
    for one in parked:
        end = f"until {clock_times(one.until, now)}" if one.until is not None else "until it is freed"
        label = "at once" if one.until is not None else "when mended"
        rows.append(Row(cells=(one.harness, end), last=clock_times(one.text, now), command=one.cure, label=label))
    return rows


def run_rows(running: Iterable[Running], now: str) -> list[Row]:
    """Task, agent, step, for how long, and what the agent printed last."""
    rows = []
    for one in running:
        step = _step(one)
        tried = f" (attempt {one.attempt})" if one.attempt > 1 else ""
        cells = (one.task or "-", one.agent, step + tried, lasting(seconds_between(one.since, now)))
        rows.append(Row(cells=cells, last=one.last_line))
    return rows


def ready_rows(ready: Iterable[Waiting]) -> list[Row]:
    """What starts next, in this order."""
    return [Row(cells=(one.task, one.agent or "-", _step(one)), last=f"{one.priority}") for one in ready]


def _step(one: Running | Waiting) -> str:
    if one.branch is not None:
        return one.branch
    return "heartbeat" if one.task is None else f"step {one.step}"


def waiting_rows(waiting: Iterable[Waiting], now: str) -> list[Row]:
    """What waits, and why; tasks that wait for the same thing in one row."""
    groups: dict[tuple[str | None, str], list[Waiting]] = {}
    for one in waiting:
        groups.setdefault((one.agent, _reason(one, now)), []).append(one)
    return [
        Row(cells=(ones[0].task + (f" and {len(ones) - 1} more" if len(ones) > 1 else ""), agent or "-"), last=text)
        for (agent, text), ones in groups.items()
    ]


def campaign_rows(campaigns: Sequence[CampaignLine]) -> list[Row]:
    """Open campaigns with how far they are; of the complete ones, when there are many, the names.

    Of which project one is stands there when there are several.
    """
    is_mixed = len({one.project for one in campaigns}) > 1
    done = [one for one in campaigns if one.status == "completed"]
    told = [one for one in campaigns if one not in done] if len(done) > DONE_SHOWN else campaigns
    rows = []
    for one in told:
        counts = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in one.tasks.items())
        done_of = f"{one.progress.completed}/{one.progress.total}"
        command = f"activate_campaign.py {one.slug}" if one.status == "planning" else ""
        cells = (one.slug, *([one.project] * is_mixed), one.status, done_of, f"{one.progress.percent} %")
        rows.append(Row(cells=cells, last=counts, command=command, label="to start it"))
    if len(done) > DONE_SHOWN:
        names = ", ".join(one.slug for one in done)
        rows.append(Row(cells=(f"{len(done)} completed", *[""] * (3 + is_mixed)), last=names))
    return rows


def failure_rows(status: Status) -> list[Row]:
    """The last failures; what is blocked stands above already, and the same failure again is only counted."""
    blocked = {one.task for one in status.blocked}
    told = [one for one in status.failures if not (one.type == "task_blocked" and one.task in blocked)]
    times = Counter((one.task, one.text) for one in told)
    newest = {(one.task, one.text): one for one in reversed(told)}
    rows = []
    for key, one in reversed(newest.items()):
        again = f" ({times[key]} times)" if times[key] > 1 else ""
        ago = f"{lasting(seconds_between(one.at, status.at))} ago"
        rows.append(Row(cells=(one.task or "-", ago), last=clock_times(one.text, status.at) + again))
    return rows[:FAILURES_SHOWN]


# -- words --------------------------------------------------------------------------------------------------------


def _reason(one: Waiting, now: str) -> str:
    if one.why == Why.STOPPED or one.why == Why.NO_SLOT:
        return without_place(one.text)
    left = f" (in {lasting(seconds_between(now, one.until))})" if one.until else ""
    cure = f" ({one.cure})" if one.why == Why.CAMPAIGN else ""  # the only one that is the same for a whole group
    return clock_times(one.text, now) + left + cure


def without_place(text: str) -> str:
    """Return a reason without the place in line, so that it is the same for all who stand there."""
    return _PLACE.sub("", text)


def clock_times(text: str, now: str) -> str:
    """Return a text with its instants as a clock has them: today's without the date, others without the seconds."""
    return _TIME.sub(lambda found: found[2] + found[3] if found[1] == now[:10] else f"{found[1]} {found[2]}", text)
