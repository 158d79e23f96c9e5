"""Doctor's report in words: errors, warnings, what there is to know, what is in order, and a verdict."""

from __future__ import annotations

from collections.abc import Callable

from baton.cli.checks import ERROR, NOTE, PASSED, WARNING
from baton.cli.doctor import Report, Result
from baton.cli.paint import Paint, paint_of_stdout, plain

MESSAGE_LIMIT = 2_000


def words(report: Report, paint: Paint | None = None) -> str:
    """Return the whole report."""
    paint = paint or paint_of_stdout()
    errors, warnings = report.of(ERROR), report.of(WARNING)
    lines = [
        *_begin(report, paint),
        *_section("Errors: these stop work", errors, paint.red),
        *_section("Warnings", warnings, paint.yellow),
        *_section("To know", report.of(NOTE), paint.bold),
    ]
    passed = ", ".join(result.check for result in report.of(PASSED))
    lines += [f"{paint.green('ok')}  {passed}", ""] if passed else []
    return "\n".join([*lines, _verdict(len(errors), len(warnings), paint)])


def _begin(report: Report, paint: Paint) -> list[str]:
    """Say how it was started when that was as cron does, as a line that can be typed."""
    if report.start is None:
        return []
    return [f"As cron starts it ({report.start.source}):", f"  {paint.faint(report.start.words())}", ""]


def _section(title: str, results: list[Result], color: Callable[[str], str]) -> list[str]:
    if not results:
        return []
    lines = [color(title)]
    for result in results:
        seen = " (only a job of cron meets this)" if result.is_hidden else ""
        lines.append(f"  {color(result.check)}: {plain(result.message, MESSAGE_LIMIT)}{seen}")
        if result.cure:
            lines.append(f"    cure: {plain(result.cure, MESSAGE_LIMIT)}")
    return [*lines, ""]


def _verdict(errors: int, warnings: int, paint: Paint) -> str:
    some = f"{warnings} warning{'' if warnings == 1 else 's'}"
    if errors:
        beside = f", and {some}" if warnings else ""
        return paint.red(f"{errors} error{'' if errors == 1 else 's'} to mend before agents can work{beside}.")
    if warnings:
        return paint.yellow(f"Agents can work; {some} to look at.")
    return paint.green("Everything is in order.")
