"""Was it as if one call came after the other? A small search after Wing and Gong over the calls on one record.

A call happens at one instant between its start and its end. A history is linearizable when there is an order of such
instants in which a plain law, one call after the other, gives every answer that was given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Law = Callable[[Any, tuple[Any, ...]], tuple[Any, Any]]  # (state, words) -> (answer, state after)


class Call(NamedTuple):
    """One call. Without an answer its caller was killed: it happened before ``end``, when that one was dead, or never."""

    start: float
    end: float
    who: int
    words: tuple[Any, ...]
    answer: Any = None


def order_of(calls: Sequence[Call], law: Law, state: Any) -> list[Call] | None:
    """Return an order in which the law gives every answer; ``None`` when there is none."""
    everybody = frozenset(range(len(calls)))
    seen: set[tuple[frozenset[int], Any]] = set()
    stack: list[tuple[frozenset[int], Any, tuple[int, ...]]] = [(everybody, state, ())]
    while stack:
        left, state, order = stack.pop()
        answered = [number for number in left if calls[number].answer is not None]
        if not answered:
            return [calls[number] for number in order]
        if (left, state) in seen:
            continue
        seen.add((left, state))
        horizon = min(calls[number].end for number in answered)
        for number in sorted(left, key=lambda number: -calls[number].start):
            call = calls[number]
            if call.start > horizon:
                continue  # some other call had ended before this one began
            answer, after = law(state, call.words)
            if call.answer not in (None, answer):
                continue
            # Whoever was dead before this one began, and has not had his turn, never gets it.
            gone = {one for one in left if calls[one].answer is None and calls[one].end < call.start}
            stack.append((left - {number} - gone, after, (*order, number)))
    return None


def told(calls: Sequence[Call]) -> str:
    """A history for people: who asked for what, from when to when in milliseconds, and what was answered."""
    first = min((call.start for call in calls), default=0.0)
    return "\n".join(
        f"{1000 * (call.start - first):10.3f} .. {1000 * (call.end - first):10.3f}  {call.who:8}  {call.words}"
        f"  ->  {'killed' if call.answer is None else call.answer}"
        for call in sorted(calls)
    )
