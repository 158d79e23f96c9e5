"""The files of parked harnesses: one writer at a time, and a damaged one is none."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.builders import NOW, at
from tests.store.homes import FakeClock, open_home

from baton.domain.parking import Parked
from baton.domain.statuses import FailureKind

PARK = Parked(harness="claude", kind=FailureKind.RATE_LIMIT, since=NOW, until=at(600))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def test_it_is_a_file_that_people_can_read(root: Path) -> None:
    open_home(root, FakeClock()).parking.update("claude", lambda before, now: PARK)
    text = (root / "state/parked/claude.json").read_text()
    assert text.startswith('{\n  "harness": "claude",\n  "kind": "rate_limit",\n')
    assert (root / "state/parked/claude.json").stat().st_mode & 0o777 == 0o600
    assert list((root / "state/tmp").iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"harness": "codex"}', '{"harness": "claude", "more": 1}', "\xff"])
def test_a_damaged_file_is_none_and_is_replaced(root: Path, text: str) -> None:
    store = open_home(root, FakeClock())
    (root / "state/parked").mkdir(parents=True)
    (root / "state/parked/claude.json").write_bytes(text.encode("latin-1"))
    assert store.parking.all() == []
    seen: list[Parked | None] = []

    def change(before: Parked | None, now: str) -> Parked:
        seen.append(before)
        return PARK

    store.parking.update("claude", change)
    assert (seen, store.parking.all()) == ([None], [PARK])


def test_a_file_under_another_harness_s_name_is_none(root: Path) -> None:
    store = open_home(root, FakeClock())
    store.parking.update("claude", lambda before, now: PARK)
    (root / "state/parked/claude.json").rename(root / "state/parked/codex.json")
    assert store.parking.all() == []


def test_many_writers_are_one_after_another(root: Path) -> None:
    def count() -> None:
        store = open_home(root, FakeClock())
        for _ in range(10):
            store.parking.update(
                "claude",
                lambda before, now: Parked(
                    harness="claude", kind=PARK.kind, since=NOW, tries=before.tries + 1 if before else 1
                ),
            )

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.tries for one in open_home(root, FakeClock()).parking.all()] == [40]
