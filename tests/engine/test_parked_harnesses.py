"""Parked harnesses in the engine: what is passed over without a read, who tells, what frees; a home in memory."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders import NOW, at
from tests.engine.worlds import World

from baton.domain.errors import NotReady
from baton.domain.parking import LONGEST_SECONDS, Parked
from baton.domain.skills import Skill
from baton.domain.statuses import FailureKind, Outcome
from baton.engine.dispatch import dispatch, startable
from baton.engine.judging import Watched

LIMIT = FailureKind.RATE_LIMIT


@pytest.fixture
def world() -> World:
    made = World()
    made.config.change("harness", default="claude")
    return made


def limited(world: World, harness: str = "claude", kind: FailureKind = LIMIT, **more: Any) -> bool:
    """Let a run of this harness end so."""
    watched = Watched(outcome=Outcome.FAILED, kind=kind, message="[stderr]\nx\nit is at its limit", **more)
    return world.granter.parking.heed(harness, watched, "t", "r-1")


def names(world: World) -> list[str]:
    return [entry.name.split("~")[1] for entry in startable(world.store, world.clock, world.granter.parking)]


def told(world: World) -> list[tuple[str, Any, Any]]:
    events = world.events("harness_parked", "harness_resumed")
    return [(event["type"], event["data"]["harness"], event["data"].get("until")) for event in events]


# -- what is passed over ------------------------------------------------------------------------------------------


def test_groups_of_a_parked_harness_are_passed_over_and_no_others(world: World) -> None:
    world.agents.skills["painter"] = Skill(name="painter", description="", folder="/s", shipped=False, harness="claude")
    world.agents.skills["poet"] = Skill(name="poet", description="", folder="/s", shipped=False, harness="codex")
    world.granter.parking._skill = lambda agent: world.agents.skills.get(agent)
    for id, agent in (("default", "writer"), ("own", "painter"), ("other", "poet")):
        world.task(id, agent)
    limited(world)
    assert names(world) == ["other"]


def test_a_harness_that_becomes_the_default_is_looked_up_anew(world: World) -> None:
    world.task("t")
    limited(world)
    assert names(world) == []
    world.config.change("harness", default="codex")
    assert names(world) == ["t"]


def test_no_task_is_read_to_pass_over_a_parked_harness(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        world.task(f"t-{number}")
    limited(world)
    reads: list[str] = []
    monkeypatch.setattr(world.store.tasks, "read", lambda id: reads.append(id))
    found = dispatch(world.store, world.config, world.clock, world.launcher, world.granter.parking, inside_run=False)
    assert (found.started, reads) == (0, [])
    assert found.reason is not None
    assert found.reason.text == f"nothing is ready; harness claude is parked until {at(300)}: rate limit"


def test_a_supervisor_that_asks_for_one_unit_is_refused_with_the_reason(world: World) -> None:
    world.task("t")
    limited(world)
    with pytest.raises(NotReady, match=r"harness claude is parked until .*: rate limit"):
        world.granter.grant("t")
    assert world.read("t").leases == ()


def test_the_next_step_of_a_task_is_not_granted_to_a_parked_harness(world: World) -> None:
    task = world.task("t")
    assert world.granter.successor(task, None) is not None
    limited(world)
    assert world.granter.successor(task, None) is None


def test_a_reset_in_the_past_frees_it_by_itself(world: World) -> None:
    world.task("t")
    limited(world, resets_at=at(600))
    world.clock.passes(599)
    assert names(world) == []
    world.clock.passes(1)
    assert names(world) == ["t"]


def test_without_an_end_it_waits_for_a_person(world: World) -> None:
    world.task("t")
    limited(world, kind=FailureKind.AUTH)
    world.clock.passes(400 * LONGEST_SECONDS)
    assert names(world) == []
    assert world.granter.parking.free("claude", "ann") is True
    assert names(world) == ["t"]
    assert told(world) == [("harness_parked", "claude", None), ("harness_resumed", "claude", None)]


def test_a_clock_that_had_jumped_ahead_strands_nothing(world: World) -> None:
    world.task("t")
    world.clock.at = at(400 * LONGEST_SECONDS)
    limited(world, resets_at=at(400 * LONGEST_SECONDS + 600))
    assert names(world) == []
    world.clock.at = NOW
    assert names(world) == ["t"]


# -- said once ----------------------------------------------------------------------------------------------------


def test_runs_that_end_in_the_same_way_are_told_of_once(world: World) -> None:
    assert [limited(world, resets_at=at(600)) for _ in range(3)] == [True, True, True]
    assert told(world) == [("harness_parked", "claude", at(600))]
    event = world.events("harness_parked")[0]
    assert (event["task"], event["run"]) == ("t", "r-1")
    assert event["data"]["reason"] == "it is at its limit"


def test_a_limit_that_is_met_again_at_its_end_is_not_told_again(world: World) -> None:
    limited(world)
    world.clock.passes(300)
    limited(world)
    assert told(world) == [("harness_parked", "claude", at(300))]
    assert world.granter.parking.now()["claude"].until == at(900)


def test_a_run_that_works_after_the_end_is_told_and_then_a_limit_is_news_again(world: World) -> None:
    limited(world, resets_at=at(600))
    works = Watched(outcome=Outcome.COMPLETED)
    assert world.granter.parking.heed("claude", works, "t", "r-2") is False
    assert told(world) == [("harness_parked", "claude", at(600))]
    world.clock.passes(600)
    world.granter.parking.heed("claude", works, "t", "r-3")
    assert told(world)[1:] == [("harness_resumed", "claude", None)]
    assert world.store.parking.all() == []
    limited(world, resets_at=at(1200))
    assert told(world)[2:] == [("harness_parked", "claude", at(1200))]


@pytest.mark.parametrize(
    "watched",
    [
        Watched(outcome=Outcome.FAILED, kind=FailureKind.OVERLOADED),
        Watched(outcome=Outcome.FAILED, kind=FailureKind.EXIT_CODE),
        Watched(outcome=Outcome.TIMED_OUT, kind=FailureKind.SILENCE),
        Watched(outcome=Outcome.INTERRUPTED, kind=FailureKind.STOPPED),
        Watched(outcome=Outcome.REVOKED),
    ],
)
def test_a_run_that_was_not_answered_shows_nothing(world: World, watched: Watched) -> None:
    limited(world)
    world.clock.passes(300)
    assert world.granter.parking.heed("claude", watched, "t", "r-2") is False
    assert [one.harness for one in world.store.parking.all()] == ["claude"]


def test_what_a_crash_kept_from_being_told_is_told_later_and_once(world: World) -> None:
    unsaid = Parked(harness="claude", kind=LIMIT, since=NOW, until=at(600))
    world.store.parking.update("claude", lambda before, now: unsaid)
    for _ in range(2):
        world.granter.parking.tell("claude")
    assert told(world) == [("harness_parked", "claude", at(600))]


def test_nothing_is_told_of_a_harness_that_was_freed_meanwhile(world: World) -> None:
    assert world.granter.parking.tell("claude") is False
    assert world.granter.parking.free("claude", "ann") is False
    assert told(world) == []


def test_a_park_that_nothing_has_needed_is_forgotten_a_day_after_its_end(world: World) -> None:
    limited(world, resets_at=at(600))
    world.clock.passes(600)
    assert world.granter.parking.forget("claude") is False
    world.clock.passes(LONGEST_SECONDS + 1)
    assert world.granter.parking.forget("claude") is True
    assert world.store.parking.all() == []
