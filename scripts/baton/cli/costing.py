"""What ``cost.py`` tells: which part of the log it reads, and its answer in words."""

from __future__ import annotations

import re
from datetime import datetime
from importlib.util import find_spec

from msgspec import Struct

from baton.cli.amounts import amounts, dollars, money, short
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.service_calls import ATTEMPTED
from baton.domain.times import later, parse_duration
from baton.domain.usage import TOKENS, Usage
from baton.engine.belonging import Belonging
from baton.engine.service_spending import ServiceRow, service_costs
from baton.engine.spending import Part, Row, spending

NO_NAME = {"model": "(not said)", "campaign": "(none)"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Costs(Struct, frozen=True, kw_only=True):
    """The answer. ``since`` is what was asked for, ``log_from`` the day from which on the log is kept."""

    project: str | None = None
    since: str | None
    log_from: str | None
    by: str | None
    total: Row
    rows: list[Row]
    services: list[ServiceRow]


def costs(wiring: Wiring, by: str | None, since: str | None, project: str | None = None) -> Costs:
    """Read the log and add up; of all projects, or of one."""
    start = instant(since, wiring.clock.now()) if since is not None else None
    log = wiring.store.log
    events = log.since((start or "")[:10], "run_ended")
    if project is not None:
        events = filter(Belonging(wiring.store, project).has, events)
    total, rows = spending(events, start or "", by or "day")
    key = (lambda row: row.name or "") if by in ("day", None) else _order
    attempts = log.since((start or "")[:10], ATTEMPTED)
    if project is not None:
        attempts = filter(Belonging(wiring.store, project).has, attempts)
    return Costs(
        project=project,
        since=start,
        log_from=log.first_day(),
        by=by,
        total=total,
        rows=sorted(rows, key=key) if by else [],
        services=service_costs(attempts, start or ""),
    )


def instant(word: str, now: str) -> str:
    """Return since when: a day, or a duration back from now."""
    if _DAY.fullmatch(word):
        try:
            datetime.fromisoformat(word)
        except ValueError:
            raise InvalidWord(f"there is no day {word}") from None
        return f"{word}T00:00:00.000Z"
    try:
        return later(now, -parse_duration(word))
    except OverflowError:
        return "0001-01-01T00:00:00.000Z"
    except InvalidInput:
        raise InvalidWord(f"--since {word[:40]!r} is no day and no duration", cure="write 7d or 2026-11-01") from None


def words(found: Costs) -> str:
    """Return the answer for people."""
    of_project = f", project {found.project}" if found.project is not None else ""
    lines = [f"{_when(found)}{of_project}: {_runs(found.total.runs)}"]
    if found.total.runs:
        lines += _summary(found.total) if found.by is None else [_table(found.by, found)]
    lines += _services(found.services)
    usage = found.total.usage
    if usage.unpriced_runs and usage.has_tokens and find_spec("genai_prices") is None:
        lines.append("For estimates of later runs by list prices: python3 scripts/baton/bootstrap.py prices")
    return "\n".join(lines)


def _services(rows: list[ServiceRow]) -> list[str]:
    """What calls of services cost, apart from the runs that made them."""
    cells = [
        (
            row.service,
            row.calls,
            ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in row.statuses.items()),
            _service_money(row),
        )
        for row in rows
    ]
    return ["", table(("service", "calls", "", "cost"), cells)] if rows else []


def _service_money(row: ServiceRow) -> str:
    parts = [
        *([dollars(row.cost_usd)] if row.cost_usd else []),
        *([f"{dollars(row.list_price_usd)} by the registry's price"] if row.list_price_usd else []),
        *([f"{row.unpriced_calls} of unknown cost"] if row.unpriced_calls else []),
    ]
    return ", ".join(parts) or "free"


def _when(found: Costs) -> str:
    kept = f"the log is kept from {found.log_from} on" if found.log_from else "the log is empty"
    if found.since is None:
        return f"All runs ({kept})"
    is_short = found.log_from is None or found.since[:10] < found.log_from
    return f"Since {found.since[:16].replace('T', ' ')} UTC{f' ({kept})' if is_short else ''}"


def _summary(row: Row) -> list[str]:
    wasted = [
        f"{_spent(part)} on {_runs(part.runs)} {why}"
        for part, why in ((row.failed, "that failed"), (row.repeated, "whose step was done again"))
        if part.runs
    ]
    return [f"  used    {amounts(row.usage)}", f"  wasted  {'; '.join(wasted) or 'nothing'}"]


def _table(by: str, found: Costs) -> str:
    heads = (by, "runs", "in", "out", "cached", "cost", "failed", "repeated")
    rows = [(_name(by, row), *_cells(row)) for row in found.rows]
    # A run with several models is in several rows, and once in the last.
    return table(heads, [*rows, ("in all", *_cells(found.total))])


def _name(by: str, row: Row) -> str:
    return (row.name or NO_NAME.get(by, "-")).replace("_", " ") if by == "outcome" else row.name or NO_NAME.get(by, "-")


def _cells(row: Row) -> tuple[object, ...]:
    used = row.usage
    cached = [value for value in (used.cache_read_tokens, used.cache_creation_tokens) if value is not None]
    return (
        row.runs,
        *(short(value) if value is not None else "-" for value in (used.input_tokens, used.output_tokens)),
        short(sum(cached)) if cached else "-",
        money(used) or "-",
        _part(row.failed),
        _part(row.repeated),
    )


def _part(part: Part) -> str:
    return f"{part.runs}: {_spent(part)}" if part.runs else ""


def _spent(part: Part) -> str:
    return money(part.usage) or "no cost reported"


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"


def _order(row: Row) -> tuple[float, int, int, str]:
    """The dearest first; where no money is known, whatever used the most tokens."""
    used: Usage = row.usage
    tokens = sum(getattr(used, name) or 0 for name in TOKENS)
    return -((used.cost_usd or 0) + (used.list_price_usd or 0)), -tokens, -row.runs, row.name or ""
