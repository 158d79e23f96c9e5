"""Checks of cron: that it runs, that it runs the sweep for this home, and that its jobs find what agents need."""

from __future__ import annotations

import os
from collections.abc import Iterator

from baton.cli.checks import Finding, Patient, passed, warning
from baton.cli.checks.crontab import CRON_PATH, Entry
from baton.cli.checks.programs import needed_programs, with_interpreter

DAEMONS = frozenset({"cron", "crond", "fcron", "bcron", "systemd-cron"})


def cron(patient: Patient) -> Iterator[Finding]:
    """cron runs the sweep for this home."""
    cure = f"run 'crontab -e' and add this line: {patient.sweep_line}"
    if not patient.crontab.is_installed:
        install = "install cron (apt install cron)"
        yield warning("cron is not installed: there is no program 'crontab'", f"{install}, {cure}")
        return
    if not _has_daemon(patient):
        start = "start it: service cron start, or systemctl enable --now cron (some systems call it crond)"
        yield warning("no cron daemon is running: nothing starts the sweep", start)
    entries = _ours(patient)
    if patient.crontab.problem:
        yield warning(f"the crontab cannot be read: {patient.crontab.problem}", cure)
    elif not entries:
        yield warning(f"no line of the crontab runs the sweep for {patient.home.root}", cure)
    for entry in entries:
        if not os.path.isfile(entry.script):
            instead = f"write instead: {patient.sweep_line}"
            yield warning(f"the crontab runs {entry.script}, which is not there", instead)
    yield passed(", ".join(entry.line for entry in entries))


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
    entry = next(iter(_ours(patient)), None)
    path = entry.path if entry is not None else patient.crontab.path
    if entry is not None and (problem := _python_problem(patient, entry, path)):
        yield warning(problem, f"write instead: {patient.sweep_line}")
    missing: dict[str, str] = {}
    for need in needed_programs(patient):
        here = patient.which(need.program)
        for program, where in with_interpreter(patient, here).items() if here else ():
            if patient.which(program, path) is None:
                missing[program] = where
    if missing:
        found = ", ".join(f"{program} ({where})" for program, where in missing.items())
        folders = dict.fromkeys([*map(os.path.dirname, missing.values()), *path.split(":"), *CRON_PATH.split(":")])
        yield warning(
            f"agents that a job of cron starts do not find {found}: its PATH is {path}",
            f"put this line at the top of the crontab: PATH={':'.join(folders)}",
        )
    yield passed(path)


def _ours(patient: Patient) -> list[Entry]:
    """The entries that sweep this home."""
    here = os.path.realpath(patient.home.root)
    return [entry for entry in patient.crontab.entries if os.path.realpath(entry.home) == here]


def _python_problem(patient: Patient, entry: Entry, path: str) -> str:
    """Say why a job could not start; the script looks for BATON_PYTHON, then for the .venv beside it."""
    own = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(entry.script))), ".venv", "bin", "python")
    python = entry.python or own
    if patient.which(python, path) is None:
        return f"a job of cron finds no Python at {python}"
    return ""
