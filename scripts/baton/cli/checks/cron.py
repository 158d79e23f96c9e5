"""Checks of cron, or of a systemd timer: that the sweep is run for this home, and that its jobs find what agents need."""

from __future__ import annotations

import os
from collections.abc import Iterator

from baton.cli.checks import Finding, Patient, passed, warning
from baton.cli.checks.crontab import CRON_PATH, Entry
from baton.cli.checks.programs import needed_programs, with_interpreter

DAEMONS = frozenset({"cron", "crond", "fcron", "bcron", "systemd-cron"})


def cron(patient: Patient) -> Iterator[Finding]:
    """cron, or a systemd timer, runs the sweep for this home."""
    enabled = [timer for timer in patient.timers if timer.is_enabled]
    entries = patient.sweeps
    if not enabled:
        yield from _without_timer(patient, [entry for entry in entries if entry.place is None])
    for entry in entries:
        if not os.path.isfile(entry.script):
            where = "the crontab" if entry.place is None else entry.place
            yield warning(f"{where} runs {entry.script}, which is not there", _instead(patient, entry))
    yield passed(", ".join(entry.line for entry in entries))


def _without_timer(patient: Patient, entries: list[Entry]) -> Iterator[Finding]:
    cure = f"run 'crontab -e' and add this line: {patient.sweep_line}"
    for timer in patient.timers:
        told = f"{timer.name} would run the sweep, and is not enabled"
        yield warning(told, f"systemctl --user enable --now {timer.name} (without --user for one of the system)")
        return
    if not patient.crontab.is_installed:
        install = "install cron (apt install cron)"
        yield warning("cron is not installed: there is no program 'crontab'", f"{install}, {cure}")
        return
    if not _has_daemon(patient):
        start = "start it: service cron start, or systemctl enable --now cron (some systems call it crond)"
        yield warning("no cron daemon is running: nothing starts the sweep", start)
    if patient.crontab.problem:
        yield warning(f"the crontab cannot be read: {patient.crontab.problem}", cure)
    elif not entries:
        yield warning(f"no line of the crontab runs the sweep for {patient.home.root}", cure)


def _has_daemon(patient: Patient) -> bool:
    for pid in filter(str.isdigit, os.listdir(patient.machine.proc)):
        try:
            if patient.read(pid, "comm").strip() in DAEMONS:
                return True
        except OSError:
            continue  # it has ended since it was listed
    return False


def cron_path(patient: Patient) -> Iterator[Finding]:
    """Jobs of cron find Python and the agents' programs."""
    entry = next(iter(patient.sweeps), None)
    path = entry.path if entry is not None else patient.crontab.path
    if entry is not None and (problem := _python_problem(patient, entry, path)):
        yield warning(problem, _instead(patient, entry))
    missing = missing_programs(patient, path)
    if missing:
        found = ", ".join(f"{program} ({where})" for program, where in missing.items())
        yield warning(
            f"agents that a job of cron starts do not find {found}: its PATH is {path}",
            cure_of_path(entry, list(missing.values()), path),
        )
    yield passed(path)


def missing_programs(patient: Patient, path: str) -> dict[str, str]:
    """Return the programs that are found here and not in this PATH, with where they are."""
    missing: dict[str, str] = {}
    for need in needed_programs(patient):
        here = patient.which(need.program)
        for program, where in with_interpreter(patient, here).items() if here else ():
            if where is not None and patient.which(program, path) is None:
                missing[program] = where
    return missing


def cure_of_path(entry: Entry | None, programs: list[str], path: str) -> str:
    """Return the line that lets a job find these programs, in front of what it finds already."""
    folders = dict.fromkeys([*map(os.path.dirname, programs), *path.split(":"), *CRON_PATH.split(":")])
    line = ":".join(folders)
    return entry.path_line(line) if entry is not None else f"put this line at the top of the crontab: PATH={line}"


def _instead(patient: Patient, entry: Entry) -> str:
    if entry.place is not None:
        return f"mend ExecStart in {entry.place}"
    return f"write instead: {patient.sweep_line}"


def _python_problem(patient: Patient, entry: Entry, path: str) -> str:
    """Say why a job could not start; the script looks for BATON_PYTHON, then for the .venv beside it."""
    own = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(entry.script))), ".venv", "bin", "python")
    python = entry.python or own
    if patient.which(python, path) is None:
        return f"a job of cron finds no Python at {python}"
    return ""
