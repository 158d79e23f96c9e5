"""Checks of the keys that are kept encrypted: each can be opened, and by nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator

from baton.cli.checks import Finding, Patient, passed, warning
from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError
from baton.store.dotenv import read_env
from baton.store.sealed_keys import INSTALL, is_installed


def kept_keys(patient: Patient) -> Iterator[Finding]:
    """The keys that are kept encrypted can be opened, and by nobody else."""
    found = False
    for message, cure in problems_of(patient.wiring):
        found = True
        yield warning(message, cure)
    if not found:
        names = patient.wiring.config.keys.names()
        yield passed(f"keys that can be opened: {len(names)}" if names else "no key is kept encrypted")


def problems_of(wiring: Wiring) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the keys that are kept, and the cure of each."""
    keys = wiring.config.keys
    try:
        names = keys.names()
        master = keys.master_path()
        if not names or master is None:
            return
        if not is_installed():
            yield "keys are kept encrypted, and the extra that opens them is not installed", INSTALL
            return
        for name in names:
            keys.open(name)
        if keys.is_unfinished():
            yield "a rotation of the master key was ended in the middle: the old one still counts", "key.py rotate"
    except BatonError as error:
        yield error.message, error.cure
        return
    if os.path.realpath(master).startswith(os.path.realpath(wiring.home.root) + os.sep):
        cure = "move it away, and set BATON_KEY_FILE to where it lies for one 'key.py rotate'"
        yield f"{master} lies in the home: whoever has a copy of the home can open its keys", cure
    plain = _plain(wiring)
    for name in names:
        if name in plain:
            cure = f"remove it from {wiring.home.env_file}; if agents need it there, then: key.py remove {name}"
            yield f"{name} is kept encrypted, and stands in .env as plain text as well", cure


def _plain(wiring: Wiring) -> dict[str, str]:
    try:
        return read_env(wiring.home.env_file)
    except BatonError:
        return {}  # a check of its own says so
