"""Eight live processes ask everything of a few tasks at once, and are killed: each task's history is as if one call came
after the other. ``BATON_SEED=<number>`` repeats the choices of a run that failed (not the instants of its kills).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.disks import in_memory
from tests.faults.herd import Herd
from tests.faults.law import VERBS, Held, Seen, law, look
from tests.faults.linearizability import Call, order_of, told
from tests.faults.seeds import seed
from tests.store.homes import check_agreement, open_home

from baton.adapters.clock import SystemClock

# -- the search itself --------------------------------------------------------------------------------------------

NEW = Seen(version=1, status="backlog", step=0, token=0)
LENT = Seen(version=2, status="backlog", step=0, token=1, held=Held(1, "run", "alpha"))
DONE = Seen(version=3, status="researched", step=1, token=1)


def call(start: float, end: float, *words: Any, answer: Any = None) -> Call:
    return Call(start, end, 1, words, answer)


def done(seen: Seen | None) -> tuple[str, Seen | None]:
    return "done", seen


ENDED = call(4, 5, "end", 1, "completed", False, answer=done(DONE))
SOUND = [
    call(0, 1, "create", answer=done(NEW)),
    call(2, 9, "grant", answer=done(LENT)),
    call(2, 9, "grant", answer=("refused", "NotReady")),
    call(3, 4, "read", answer=done(LENT)),
    ENDED,
]


def test_a_sound_history_has_an_order() -> None:
    order = order_of(SOUND, law, None)
    assert order is not None
    assert [one.words[0] for one in order] in (
        ["create", "grant", "grant", "read", "end"],
        ["create", "grant", "read", "grant", "end"],
    )


@pytest.mark.parametrize("killed", ["before it happened", "after it happened"])
def test_a_call_whose_caller_was_killed_happened_or_not(killed: str) -> None:
    seen = LENT if killed == "after it happened" else NEW
    assert order_of([SOUND[0], call(2, 3, "grant"), call(4, 5, "read", answer=done(seen))], law, None)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param([*SOUND, call(6, 7, "read", answer=done(LENT))], id="a read of what had been changed before"),
        pytest.param([*SOUND, call(6, 7, "read", answer=done(None))], id="a task that was lost"),
        pytest.param([*SOUND, ENDED._replace(start=6, end=7)], id="a late result that was taken"),
        pytest.param(
            [SOUND[0], SOUND[1], call(2, 9, "grant", answer=done(LENT))], id="one step granted to two, the same token"
        ),
        pytest.param(
            [*SOUND[:2], call(2, 9, "acquire", "ann", answer=done(LENT._replace(held=Held(1, "hand", "ann"))))],
            id="one step held by a run and by a hand",
        ),
        pytest.param(
            [*SOUND[:2], call(10, 11, "cancel", answer=done(LENT._replace(status="cancelled", held=None, version=3)))],
            id="a cancellation that did not wait for the run",
        ),
        pytest.param(
            [
                SOUND[0],
                call(2, 3, "cancel"),
                call(4, 5, "read", answer=done(NEW)),
                call(6, 7, "read", answer=done(NEW._replace(status="cancelled", version=2))),
            ],
            id="a dead process whose call happened after all",
        ),
        pytest.param([call(0, 1, "create", answer=done(NEW)), call(2, 3, "create", answer=done(NEW))], id="made twice"),
    ],
)
def test_a_broken_history_is_refused(broken: list[Call]) -> None:
    assert order_of(broken, law, None) is None


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in which syncing costs nothing: so there is more happening at once."""
    with in_memory() as folder:
        yield folder


# -- the product --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("histories", "seconds"),
    [(60, 60), pytest.param(500, 500, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
    ids=["normal", "bigger"],
)
def test_every_history_is_as_if_one_call_came_after_the_other(memory: Path, histories: int, seconds: float) -> None:
    herd = Herd(memory / "home", seed())
    try:
        herd.live(histories + histories // 10, seconds=seconds)  # two may begin the same one
    finally:
        herd.end()
    assert herd.complaints() == []
    store = open_home(memory / "home", SystemClock())
    store.mend()
    found = herd.histories()
    assert len(found) >= histories

    answers: Counter[str] = Counter()
    killed = happened = 0
    for id, calls in found.items():
        now = time.monotonic()
        calls.append(Call(now, now, 0, ("read",), ("done", look(store.tasks.read(id)))))
        order = order_of(calls, law, None)
        assert order is not None, f"the history of {id} is not linearizable\n{told(calls)}"
        answers.update(f"{one.words[0]} {one.answer[0]}" for one in calls if one.answer is not None)
        killed += sum(one.answer is None for one in calls)
        happened += sum(one.answer is None for one in order)
    events = check_agreement(memory / "home", store)

    print(
        f"{len(found)} histories of {answers.total()} calls; {herd.kills} kills, {killed} within a call, of which "
        f"{happened} may have happened; {herd.sweeps[0]} sweeps ended {herd.sweeps[1]} dead runs; {events} events\n"
        f"{dict(sorted(answers.items()))}"
    )
    assert killed > 0
    assert min(herd.sweeps) > 0
    check_variety(answers)


def check_variety(answers: Counter[str]) -> None:
    """Check that everything was asked and done, and what is most in dispute was refused, too."""
    assert {f"{verb} done" for verb in (*VERBS, "create", "read")} <= set(answers)
    assert {f"{verb} refused" for verb in ("grant", "renew", "report", "end", "acquire", "complete")} <= set(answers)
