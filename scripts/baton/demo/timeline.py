"""Who worked when, in characters: a row for each task, a letter for each step, marks for what came between.

What runs beside a task's line, its branches, has rows of its own below it.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence

from baton.demo.journal import Journal, seconds

WAITS, KILLED, HELD, SENT_BACK, FAILED, COMPLETED = ".", "X", "-", "<", "!", "|"
BESIDE, IDLE = "=", " "
MARKS = {
    WAITS: "waits",
    KILLED: "killed",
    HELD: "held by the dead run",
    SENT_BACK: "sent back",
    FAILED: "failed, tried again",
    COMPLETED: "completed",
    BESIDE: "works beside",
}
# What a run's end is drawn as; one of a branch is revoked when the step that began it is sent back.
ENDS = {"completed": "", "sent_back": SENT_BACK, "revoked": SENT_BACK}
SCALES = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
TICK = 10  # columns between two times on the axis
Span = tuple[float, float, str]


def timeline(
    journal: Journal,
    tasks: Sequence[str],
    labels: Sequence[str],
    branches: Mapping[str, str],
    kills: Mapping[str, float],
    width: int,
) -> list[str]:
    """Return axis, rows and legend.

    ``labels`` are those of the steps, ``branches`` those of the branches by unit. ``kills``: when a run was killed, in
    seconds since the epoch.
    """
    letters = letters_of(labels)
    lanes = [(task, unit, f"  {branches[unit]}" if unit else task) for task in tasks for unit in (None, *branches)]
    found = [(name, unit, list(_spans(journal, task, unit, letters, kills))) for task, unit, name in lanes]
    drawn = [(name, unit, spans) for name, unit, spans in found if spans]
    long = max((len(name) for name, _, _ in drawn), default=0)
    end = max((span[1] for _, _, spans in drawn for span in spans), default=1.0)
    room = max(TICK, width - long - 12)  # marks push a row a little to the right
    scale = next((one for one in SCALES if end / one <= room), end / room)
    rows = [(name, _row(spans, scale, IDLE if unit else WAITS)) for name, unit, spans in drawn]
    used = {mark for _, row in rows for mark in row}
    count = max((len(row) for _, row in rows), default=0)
    axis = "".join(f"{_time(scale * place):<{TICK}}" for place in range(0, count, TICK)).rstrip()
    steps = [f"{letter} {label}" for letter, label in zip(letters, labels, strict=True)]
    marks = [f"{mark} {meaning}" for mark, meaning in MARKS.items() if mark in used]
    return [
        f"{'':<{long}}  {axis}",
        *(f"{name:<{long}}  {row}" for name, row in rows),
        f"{'':<{long}}  {'   '.join(steps)}",
        f"{'':<{long}}  {'   '.join(marks)}",
    ]


def letters_of(labels: Iterable[str]) -> list[str]:
    """Return a small letter for each label: its own first one that is free, else any that is; ``?`` when none is."""
    found: list[str] = []
    for label in labels:
        own = [letter for letter in label.lower() if letter in string.ascii_lowercase]
        found.append(next((one for one in [*own, *string.ascii_lowercase] if one not in found), "?"))
    return found


def _spans(
    journal: Journal, task: str, unit: str | None, letters: Sequence[str], kills: Mapping[str, float]
) -> Iterable[Span]:
    """Yield what a task's line, or one branch of it, did from when to when; an instant's mark is a span of no length."""
    at, began, run, letter = 0.0, journal.began, "", ""
    for event in journal.events:
        if event["task"] != task:
            continue
        now, kind, data = seconds(event["at"]) - began, event["type"], event["data"]
        if kind == "lease_granted" and (data["step"] is not None if unit is None else data.get("unit") == unit):
            if now > at:
                yield at, now, IDLE if unit else WAITS
            at, run, letter = now, event["run"], BESIDE if unit else letters[data["step"]]
        elif kind == "run_ended" and event["run"] == run:
            killed_at = kills.get(run)
            if killed_at is not None:
                death = min(max(at, killed_at - began), now)
                yield at, death, letter
                yield death, death, KILLED
                yield death, now, HELD
            else:
                yield at, now, letter
                mark = ENDS.get(data["outcome"], FAILED)
                if mark:
                    yield now, now, mark
            at, run = now, ""
        elif kind == "task_completed" and unit is None:
            yield now, now, COMPLETED


def _row(spans: Iterable[Span], scale: float, idle: str) -> str:
    """Draw a row; every run has a column at least, so it may be a column or two later than its time."""
    row = ""
    for start, end, letter in spans:
        is_mark = start == end
        if letter in (idle, HELD) and end - start < scale:
            continue
        place = round(start / scale)
        row = row.ljust(place, row[-1:] or idle) if letter != idle else row
        row += letter * (1 if is_mark else max(1, round(end / scale) - len(row)))
    return row


def _time(at: float) -> str:
    return f"{at:g} s" if at < 600 else f"{at / 60:g} min"
