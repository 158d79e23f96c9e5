"""Checks of memory: what agents keep is given to models, so it is looked at for size, for secrets, and for where it leads."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from baton.cli.checks import Finding, Patient, warning
from baton.cli.remembered import described
from baton.domain.errors import BatonError
from baton.domain.memory import Layer


def memory(patient: Patient) -> Iterator[Finding]:
    """Memory holds no secrets, and fits into prompts."""
    try:
        patient.wiring.config.secrets()
    except BatonError:
        return  # which file cannot be read, another check says
    store = patient.wiring.store.memories
    for name in [name for layer in Layer for name in store.names(layer)]:
        if problem := described(patient.wiring, name)["problem"]:
            cure = f"look at it and mend it: {shlex.quote(store.path(name))}"
            yield warning(f"memory/{name}: {problem}", cure)
