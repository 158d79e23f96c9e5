"""Slots without locks, for tests of the engine: who holds what is written down instead of asked of the kernel.

A hold is known by its descriptor number, which a child that inherits the slot shares; it ends when it is freed, or
when the last that has it leaves. The death of a process is said by the test, with ``lose_supervisor``.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from baton.domain.errors import Busy
from baton.ports import Slot, Slots, SlotState


class _Place:
    """What is known of one slot."""

    def __init__(self) -> None:
        self.holder: int | None = None
        self.copies = 0
        self.supervisor: int | None = None
        self.facts: dict[str, Any] = {}

    def release(self) -> None:
        self.holder, self.copies = None, 0


class MemorySlot(Slot):
    """A slot held by this process."""

    def __init__(self, slots: MemorySlots, number: int, fileno: int, supervisor_fileno: int | None = None) -> None:
        self.number = number
        self.fileno = fileno
        self.supervisor_fileno = supervisor_fileno
        self.path = f"slots/{number:02d}"
        self._slots = slots

    def supervise(self, instance: str) -> None:
        with self._slots.lock:
            place = self._slots.places[self.number]
            if self.supervisor_fileno is None:
                if place.supervisor is not None:
                    raise Busy(f"{self.path} has a supervisor already")
                place.supervisor = self.supervisor_fileno = next(self._slots.numbers)
            self.beat({"instance": instance})

    def beat(self, facts: Mapping[str, Any]) -> bool:
        assert self.supervisor_fileno is not None
        self._slots.places[self.number].facts = msgspec.to_builtins(dict(facts))
        return True

    def free(self) -> None:
        with self._slots.lock:
            place = self._slots.places[self.number]
            if place.supervisor == self.supervisor_fileno:
                place.supervisor = None
            if place.holder == self.fileno:
                place.release()
            self.supervisor_fileno = None

    def leave(self) -> None:
        with self._slots.lock:
            place = self._slots.places[self.number]
            if place.holder == self.fileno:
                place.copies -= 1
                if place.copies == 0:
                    place.release()


class MemorySlots(Slots):
    """All slots; ``numbers`` stand for descriptors, far above those that a process really has."""

    def __init__(self, lock: threading.RLock) -> None:
        self.lock = lock
        self.places: dict[int, _Place] = {}
        self.numbers = itertools.count(1_000_000)

    def take(self, limit: int) -> MemorySlot | None:
        with self.lock:
            for number in range(limit):
                place = self.places.setdefault(number, _Place())
                if place.holder is None:
                    place.holder, place.copies = next(self.numbers), 1
                    return MemorySlot(self, number, place.holder)
            return None

    def adopt(self, fileno: int, number: int, supervisor_fileno: int | None = None) -> MemorySlot:
        with self.lock:
            place = self.places.setdefault(number, _Place())
            if place.holder == fileno:
                place.copies += 1
            return MemorySlot(self, number, fileno, supervisor_fileno)

    def states(self) -> list[SlotState]:
        with self.lock:
            return [
                SlotState(
                    number=number,
                    held=place.holder is not None,
                    supervised=place.supervisor is not None,
                    facts=dict(place.facts),
                )
                for number, place in sorted(self.places.items())
            ]

    def lose_supervisor(self, number: int, *, tree_lives: bool) -> None:
        """For tests: this slot's supervisor is gone; its tree still holds the slot, or is gone with it."""
        with self.lock:
            place = self.places[number]
            place.supervisor = None
            if not tree_lives:
                place.release()
