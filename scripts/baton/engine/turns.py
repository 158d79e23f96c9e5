"""Turns: in each namespace one assignment is active at a time, unless it is independent.

Whoever grants the first job of an assignment takes its turn in the same commit. The turn stands in the record, and is
lost with the block or the end of the assignment, in that commit. Two records cannot be locked together; so turns are
taken under one lock, after a look at the one record that may have it: from then on it can only lose it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from baton.domain.errors import BatonError, NotReady
from baton.domain.readiness import Entry, Why, namespace_of_group

if TYPE_CHECKING:
    from baton.ports import Store


def active_in(store: Store, namespace: str) -> str | None:
    """Return the assignment that has the turn of this namespace; ``None`` when it is free."""
    last = store.turns.last(namespace)
    if last is None or not store.tasks.is_live(last):
        return None
    try:
        found = store.tasks.read(last)
    except BatonError:
        return last  # what cannot be read may be at work
    has_it = found is not None and found.assignment is not None and found.assignment.turn
    return last if has_it else None


@contextmanager
def turn_for(store: Store, namespace: str, task: str) -> Iterator[None]:
    """Let this assignment take the turn inside; ``NotReady`` when another one has it."""
    with store.turns.hold():
        active = active_in(store, namespace)
        if active not in (None, task):
            raise NotReady(f"{active} is the active assignment of namespace {namespace}", why=Why.TURN.value)
        store.turns.write(namespace, task)
        yield


def one_a_namespace(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Of the units that wait for a turn pass on the first of each namespace: it takes the turn."""
    seen = set()
    for entry in entries:
        namespace = namespace_of_group(entry.group)
        if namespace is not None:
            if namespace in seen:
                continue
            seen.add(namespace)
        yield entry
