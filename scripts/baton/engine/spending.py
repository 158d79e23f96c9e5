"""What the runs in the event log have used, part by part, with what was wasted apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, structs

from baton.domain.statuses import Outcome
from baton.domain.usage import NOTHING, Usage, added
from baton.engine.accounting import usage_in

GOOD = frozenset({Outcome.COMPLETED.value, Outcome.SENT_BACK.value})
BY = ("agent", "model", "campaign", "outcome", "day")


class Part(Struct, frozen=True, kw_only=True):
    """So many runs, and what they used."""

    runs: int = 0
    usage: Usage = NOTHING

    def plus(self, usage: Usage) -> Part:
        """One run more."""
        return Part(runs=self.runs + 1, usage=added(self.usage, usage))


class Row(Struct, frozen=True, kw_only=True):
    """What is told of one agent, model, campaign, outcome or day; ``name`` is null where there is none.

    ``failed`` are the runs that did not do what they were started for, ``repeated`` those that completed a step which
    was completed once more later. Both are among ``runs``.
    """

    name: str | None = None
    runs: int = 0
    usage: Usage = NOTHING
    failed: Part = Part()
    repeated: Part = Part()


class Tally:
    """Adds runs up; rows come in the order of their first run."""

    def __init__(self) -> None:
        self._all: dict[str | None, Part] = {}
        self._failed: dict[str | None, Part] = {}
        self._repeated: dict[str | None, Part] = {}

    def count(self, share: Mapping[str | None, Usage], *, is_good: bool) -> None:
        """Count one run in each row that has a share of it."""
        for name, usage in share.items():
            self._all[name] = self._all.get(name, Part()).plus(usage)
            if not is_good:
                self._failed[name] = self._failed.get(name, Part()).plus(usage)

    def repeat(self, share: Mapping[str | None, Usage]) -> None:
        """Count a run, which was counted before, among those whose step was done again."""
        for name, usage in share.items():
            self._repeated[name] = self._repeated.get(name, Part()).plus(usage)

    def rows(self) -> list[Row]:
        """Return a row for each name."""
        return [
            Row(
                name=name,
                runs=part.runs,
                usage=part.usage,
                failed=self._failed.get(name, Part()),
                repeated=self._repeated.get(name, Part()),
            )
            for name, part in self._all.items()
        ]


def spending(events: Iterable[Mapping[str, Any]], since: str, by: str) -> tuple[Row, list[Row]]:
    """Read the ends of runs and return them all in one row, and a row for each value of ``by``. ``since``: an instant."""
    whole, parts = Tally(), Tally()
    last: dict[tuple[Any, Any], tuple[Mapping[str | None, Usage], Usage]] = {}
    for event in events:
        data = event.get("data")
        if not isinstance(data, dict) or str(event.get("at")) < since:
            continue
        usage = usage_in(data) or NOTHING
        share = _share(by, event, data, usage)
        outcome = data.get("outcome")
        whole.count({None: usage}, is_good=outcome in GOOD)
        parts.count(share, is_good=outcome in GOOD)
        if outcome == Outcome.COMPLETED.value:
            unit = (event.get("task"), data.get("unit"))
            if unit in last:
                before = last[unit]
                parts.repeat(before[0])
                whole.repeat({None: before[1]})
            last[unit] = (share, usage)
    found = whole.rows()
    return found[0] if found else Row(), parts.rows()


def _share(by: str, event: Mapping[str, Any], data: Mapping[str, Any], usage: Usage) -> dict[str | None, Usage]:
    """Return what of a run belongs to which row: all of it to one, or to each model its part."""
    if by == "model":
        if not usage.models:
            return {None: usage}
        return {name: Usage(**structs.asdict(part)) for name, part in usage.models.items()}
    values = {"agent": data.get("agent"), "outcome": data.get("outcome"), "campaign": event.get("campaign")}
    value = str(event.get("at"))[:10] if by == "day" else values[by]
    return {value if isinstance(value, str) else None: usage}
