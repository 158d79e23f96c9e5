"""Doctor: every check by itself, so that one which fails says so and stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from baton.cli.checks import ERROR, NOTE, PASSED, WARNING, Check, Finding, Machine, Patient, cron, machine, place, state
from baton.cli.checks import written as w
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
    "secrets": w.secrets,
    "cron": cron.cron,
    "cron_path": cron.cron_path,
    "records": state.records,
    "quarantine": state.quarantine,
    "stop": state.stop,
    "sweep": state.sweep,
    "clock": state.clock,
    "dead_runs": state.dead_runs,
    "log": state.log,
}


class Result(Struct, frozen=True, kw_only=True):
    """One finding, with the name of its check."""

    check: str
    level: str
    message: str
    cure: str


class Report(Struct, frozen=True):
    """All findings, in the order of the checks."""

    home: str
    results: tuple[Result, ...]

    @property
    def is_ok(self) -> bool:
        """Tell whether nothing stops work."""
        return not self.of(ERROR)

    def of(self, *levels: str) -> list[Result]:
        """The findings of these levels."""
        return [result for result in self.results if result.level in levels]

    def as_json(self) -> dict[str, Any]:
        """The report as the script prints it; what is merely told stands among what has passed."""
        return {
            "ok": self.is_ok,
            "home": self.home,
            "errors": [_with_cure(result) for result in self.of(ERROR)],
            "warnings": [_with_cure(result) for result in self.of(WARNING)],
            "passed": [{"check": result.check, "message": result.message} for result in self.of(NOTE, PASSED)],
        }


def examine(wiring: Wiring, machine: Machine | None = None) -> Report:
    """Make every check; where there is no home, only those of the machine."""
    patient = Patient(wiring, machine)
    results = [result for name, check in OF_MACHINE.items() for result in carry_out(name, check, patient)]
    if patient.home.is_home():
        results += [result for name, check in OF_HOME.items() for result in carry_out(name, check, patient)]
    return Report(patient.home.root, tuple(results))


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


def _with_cure(result: Result) -> dict[str, str]:
    return {"check": result.check, "message": result.message, "cure": result.cure}
