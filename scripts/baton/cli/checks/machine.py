"""Checks of the machine: interpreter, packages, kernel, /proc, signals."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib import import_module, metadata, util

from baton import start
from baton.cli.checks import Finding, Patient, error, passed, warning
from baton.store.layout import toolkit_path

OLDEST_PYTHON = (3, 11)
OLDEST_KERNEL = (5, 4)
# Packages whose module has another name; and those that only the tests import.
MODULES = {"pyyaml": "yaml"}
FOR_TESTS = frozenset({"pytest"})
SANDBOX = "run Baton outside of this container or sandbox, or allow it there"


def python(patient: Patient) -> Iterator[Finding]:
    """Python is new enough."""
    version = ".".join(map(str, patient.machine.version))
    if patient.machine.version < OLDEST_PYTHON:
        yield error(
            f"this is Python {version} ({sys.executable}); Baton needs 3.11 or newer",
            "install a newer Python, remove .venv, and run scripts/test or scripts/demo once to make it again",
        )
    else:
        yield passed(f"Python {version}, {sys.executable}")


def packages(patient: Patient) -> Iterator[Finding]:
    """Every package of requirements.txt is there, new enough, and can be imported."""
    start.show_hidden()
    file = toolkit_path("requirements.txt")
    cure = f"{sys.executable} -m pip install -r {file}"
    seen = []
    with open(file, encoding="utf-8") as lines:
        wanted = [match for line in lines if (match := re.match(r"([\w.-]+)\s*>=\s*([\d.]+)", line.strip()))]
    for name, least in (match.groups() for match in wanted):
        told = warning if name in FOR_TESTS else error
        try:
            version = metadata.version(name)
            _load(MODULES.get(name, name), completely=name not in FOR_TESTS)
        except metadata.PackageNotFoundError:
            yield told(f"the package {name} is not installed", cure)
        except Exception as problem:  # noqa: BLE001 - a package may break in any way while it is imported
            yield told(f"the package {name} cannot be imported: {type(problem).__name__}: {problem}", cure)
        else:
            if _numbers(version) < _numbers(least):
                yield told(f"the package {name} is {version}; {least} or newer is needed", cure)
            seen.append(f"{name} {version}")
    yield passed(", ".join(seen))


def kernel(patient: Patient) -> Iterator[Finding]:
    """The kernel is Linux, and new enough."""
    name, release = patient.machine.kernel()
    if name != "Linux":
        yield error(f"this is {name}; agents can be supervised on Linux only", "run Baton on Linux (or in WSL 2)")
    elif _numbers(release)[:2] < OLDEST_KERNEL:
        yield error(f"the kernel is {release}; 5.4 or newer is needed", "update the system")
    else:
        yield passed(f"Linux {release}")


def proc(patient: Patient) -> Iterator[Finding]:
    """/proc tells what a supervisor must know of processes."""
    if not patient.read("sys", "kernel", "random", "boot_id").strip():
        yield error("the boot id is empty: nothing can tell a reboot", SANDBOX)
    for file, why in (
        ("self/stat", "when a process was started"),
        ("self/environ", "which run a process belongs to"),
        (f"self/task/{os.getpid()}/children", "what an agent leaves behind"),
    ):
        path = os.path.join(patient.machine.proc, file)
        if not os.access(path, os.R_OK):
            yield error(f"{path} cannot be read: nothing can tell {why}", f"mount /proc; {SANDBOX}")


def signals(patient: Patient) -> Iterator[Finding]:
    """A signal can be sent to the very process that was found."""
    try:
        patient.machine.signal_by_pidfd()
    except (OSError, AttributeError) as problem:
        yield error(f"pidfd_open does not work here ({problem}): agents could not be ended", SANDBOX)


def subreaper(patient: Patient) -> Iterator[Finding]:
    """A supervisor can adopt what its agent leaves behind."""
    try:
        patient.machine.become_subreaper()
    except OSError as problem:
        yield error(f"PR_SET_CHILD_SUBREAPER does not work here ({problem}): processes would be left behind", SANDBOX)


def _load(module: str, *, completely: bool) -> None:
    """Import a module, or only find it: what the tests alone need takes long to load."""
    if completely:
        import_module(module)
    elif util.find_spec(module) is None:
        raise ImportError(module)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
