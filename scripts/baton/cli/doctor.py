"""Doctor: every check by itself, so that one which fails says so and stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from baton.cli.checks import (
    ERROR,
    NOTE,
    PASSED,
    WARNING,
    Check,
    Finding,
    Machine,
    Patient,
    cron,
    kept_keys,
    keys,
    machine,
    memory,
    place,
    state,
)
from baton.cli.checks import written as w
from baton.cli.checks.as_cron import Start, report_of, start_of
from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError

OF_MACHINE: Mapping[str, Check] = {
    "python": machine.python,
    "packages": machine.packages,
    "kernel": machine.kernel,
    "proc": machine.proc,
    "signals": machine.signals,
    "subreaper": machine.subreaper,
    "home": place.home,
}
OF_HOME: Mapping[str, Check] = {
    "private": place.private,
    "writable": place.writable,
    "file_system": place.file_system,
    "locks": place.locks,
    "disk": place.disk,
    "settings": w.settings,
    "services": w.services,
    "pipelines": w.pipelines,
    "prompts": w.prompts,
    "skills": w.skills,
    "agents": w.agents,
    "harnesses": w.harnesses,
    "keys": keys.keys,
    "kept_keys": kept_keys.kept_keys,
    "secrets": w.secrets,
    "memory": memory.memory,
    "cron": cron.cron,
    "cron_path": cron.cron_path,
    "records": state.records,
    "quarantine": state.quarantine,
    "stop": state.stop,
    "parked": state.parked,
    "sweep": state.sweep,
    "clock": state.clock,
    "dead_runs": state.dead_runs,
    "log": state.log,
}


# Of these nothing is asked in cron's environment: the crontab itself, and what a job really started tells better.
OF_CRON = ("cron", "cron_path")


class Result(Struct, frozen=True, kw_only=True):
    """One finding, with the name of its check; ``is_hidden``: cron's jobs meet it, an interactive shell does not."""

    check: str
    level: str
    message: str
    cure: str
    is_hidden: bool = False


class Report(Struct, frozen=True):
    """All findings, in the order of the checks; ``start`` is how it was started when that was as cron does."""

    home: str
    results: tuple[Result, ...]
    start: Start | None = None

    @property
    def is_ok(self) -> bool:
        """Tell whether nothing stops work."""
        return not self.of(ERROR)

    def of(self, *levels: str) -> list[Result]:
        """The findings of these levels."""
        return [result for result in self.results if result.level in levels]

    def as_json(self) -> dict[str, Any]:
        """The report as the script prints it; what is merely told stands among what has passed."""
        said: dict[str, Any] = {
            "ok": self.is_ok,
            "home": self.home,
            "errors": [self._with_cure(result) for result in self.of(ERROR)],
            "warnings": [self._with_cure(result) for result in self.of(WARNING)],
            "passed": [{"check": result.check, "message": result.message} for result in self.of(NOTE, PASSED)],
        }
        if self.start is not None:
            said["as_cron"] = {"source": self.start.source, "command": self.start.words()}
        return said

    def _with_cure(self, result: Result) -> dict[str, Any]:
        said: dict[str, Any] = {"check": result.check, "message": result.message, "cure": result.cure}
        return said if self.start is None else said | {"only_as_cron": result.is_hidden}


def examine(wiring: Wiring, machine: Machine | None = None) -> Report:
    """Make every check; where there is no home, only those of the machine."""
    patient = Patient(wiring, machine)
    results = [result for name, check in OF_MACHINE.items() for result in carry_out(name, check, patient)]
    if patient.home.is_home():
        results += [result for name, check in OF_HOME.items() for result in carry_out(name, check, patient)]
    return Report(patient.home.root, tuple(results))


def examine_as_cron(wiring: Wiring) -> Report:
    """Make every check as a job of cron would meet it; what only such a job meets is marked, and its cure is for it."""
    here = examine(wiring)
    patient = Patient(wiring)
    if not patient.home.is_home():
        return here
    start = start_of(patient)
    told, problem = report_of(start)
    if told is None:
        message = f"the sweep does not start as cron starts it ({start.source}): {problem}"
        cure = f"mend it there, or write instead: {patient.sweep_line}"
        failed = Result(check="as_cron", level=ERROR, message=message, cure=cure, is_hidden=True)
        return Report(here.home, (*here.results, failed), start)
    known = {(result.check, result.message) for result in here.results}
    cure_of_programs = ""
    if missing := cron.missing_programs(patient, start.environ["PATH"]):
        cure_of_programs = cron.cure_of_path(start.entry, list(missing.values()), start.environ["PATH"])
    found = [result for result in here.results if result.check == "cron" or result.level == NOTE]
    for level, name in ((ERROR, "errors"), (WARNING, "warnings"), (PASSED, "passed")):
        for one in told[name]:
            is_hidden = level != PASSED and (one["check"], one["message"]) not in known
            cure = one.get("cure", "")
            if is_hidden and one["check"] == "harnesses" and cure_of_programs:
                cure = cure_of_programs
            if one["check"] not in OF_CRON and (one["check"], one["message"]) not in {
                (r.check, r.message) for r in found
            }:
                found.append(
                    Result(check=one["check"], level=level, message=one["message"], cure=cure, is_hidden=is_hidden)
                )
    order = [*OF_MACHINE, *OF_HOME]
    return Report(here.home, tuple(sorted(found, key=lambda result: order.index(result.check))), start)


def carry_out(name: str, check: Check, patient: Patient) -> list[Result]:
    """Make one check. It has passed when it finds nothing; one that fails is a warning of its own."""
    found: list[Finding] = []
    try:
        found.extend(check(patient))
    except BatonError as problem:
        found.append(_failed(name, problem.message, problem.cure))
    except Exception as problem:  # noqa: BLE001 - whatever a check stumbles over, the others are still to be made
        found.append(_failed(name, f"{type(problem).__name__}: {problem}", ""))
    if any(finding.level in (ERROR, WARNING) for finding in found):
        found = [finding for finding in found if finding.level != PASSED]
    elif not found:
        found.append(Finding(level=PASSED, message=(check.__doc__ or name).splitlines()[0].rstrip(".")))
    return [Result(check=name, level=one.level, message=one.message, cure=one.cure) for one in found]


def _failed(name: str, what: str, cure: str) -> Finding:
    return Finding(
        level=WARNING,
        message=f"the check '{name}' could not be made: {what}",
        cure=cure or "mend what it names, and run doctor again",
    )
