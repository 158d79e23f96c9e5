"""Heartbeats that the sweep starts, without a disk and without processes: who is due, who starves, what needs judgement."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from tests.engine.worlds import World

from baton.domain import commands as c
from baton.domain.agent_commands import BeginHeartbeat, EndHeartbeat, HearFrom
from baton.domain.agent_records import AgentRecord, AgentState, Cause, Hunger
from baton.domain.campaign_commands import ActivateCampaign
from baton.domain.parking import Parked
from baton.domain.readiness import Reason, Why
from baton.domain.skills import Skill
from baton.domain.statuses import BlockKind, FailureKind, Outcome
from baton.engine.activation import generate
from baton.engine.backlogs import Backlog, backlog_facts, backlogs
from baton.engine.heartbeat_repairs import dead_heartbeats
from baton.engine.matters import Matter, matters_of
from baton.engine.pulse import Due, Pulse, due_heartbeats, feed, not_parked, start, starving_in_vain

LIMITS = {"backoff_seconds": 3600.0, "backoff_max_seconds": 86400.0}


@pytest.fixture
def world() -> World:
    found = World()
    found.agents.skills = {
        "helper": skill("helper"),
        "orchestrator": skill("orchestrator", level="orchestrator", heartbeat="30m"),
        "keyword-researcher": skill("keyword-researcher"),
    }
    return found


def skill(name: str, **fields: Any) -> Skill:
    return Skill(**{"name": name, "description": "x", "folder": f"/skills/{name}", "shipped": True} | fields)


def begun(world: World, agent: str = "helper", **fields: Any) -> AgentRecord:
    """Begin a heartbeat as a supervisor in slot 0 would."""
    given = {"cause": Cause.HAND, "run": "r-1", "holder": world.supervisor(), "deadline_seconds": 60.0}
    return world.door.agent(agent, BeginHeartbeat(**given | LIMITS | fields))


def ended(world: World, agent: str = "helper", outcome: Outcome = Outcome.COMPLETED, **fields: Any) -> AgentRecord:
    return world.door.agent(agent, EndHeartbeat(token=1, run="r-1", outcome=outcome, **fields))


def heard(world: World) -> dict[str, AgentRecord]:
    return {one.id: one for one in world.store.agents.live() if isinstance(one, AgentRecord)}


def scene(world: World) -> Any:
    return structs.replace(world.scene(), heard=tuple(heard(world).values()))


def due(
    world: World, lows: tuple[Backlog, ...] = (), matters: tuple[Matter, ...] = (), *, dry_run: bool = False
) -> tuple[list[Due], Pulse]:
    pulse = Pulse(notes=[], errors=[])
    return due_heartbeats(scene(world), lows, matters, pulse, dry_run=dry_run), pulse


LOW = Backlog(project="acme", have=1, want=3)
MATTER = Matter(key="blocked t", text="task t is blocked", cure="task.py retry t")


# -- by their time ------------------------------------------------------------------------------------------------


def test_nobody_is_run_by_itself_unless_the_settings_name_it(world: World) -> None:
    assert due(world, matters=(MATTER,))[0] == []


def test_an_agent_that_is_named_is_due_by_the_settings_schedule_else_by_its_skills(world: World) -> None:
    world.config.change("heartbeats", agents={"helper": "1h", "orchestrator": None})
    found = due(world, matters=(MATTER,))[0]
    assert found == [Due(agent="helper", cause=Cause.SCHEDULE), Due(agent="orchestrator", cause=Cause.SCHEDULE)]
    assert found[0].words() == ("helper", "--heartbeat", "--cause", "schedule")


def test_it_is_not_due_again_before_its_time(world: World) -> None:
    world.config.change("heartbeats", agents={"helper": "1h"})
    begun(world, cause=Cause.SCHEDULE)
    ended(world)
    world.clock.passes(3599)
    assert due(world)[0] == []
    world.clock.passes(1)
    assert due(world)[0] == [Due(agent="helper", cause=Cause.SCHEDULE)]


def test_one_that_goes_on_is_not_due(world: World) -> None:
    world.config.change("heartbeats", agents={"helper": "1m"})
    begun(world)
    world.clock.passes(3600)
    assert due(world)[0] == []


def test_one_whose_last_runs_failed_waits_longer_and_that_is_said(world: World) -> None:
    world.config.change("heartbeats", agents={"helper": "1m"})
    begun(world, cause=Cause.SCHEDULE)
    ended(world, outcome=Outcome.FAILED)
    world.clock.passes(120)
    found, pulse = due(world)
    assert (found, pulse.notes) == (
        [],
        ["heartbeats of helper failed; the next one not before 2026-11-21T09:30:00.000Z"],
    )


def test_an_agent_that_does_not_exist_or_has_no_schedule_is_an_error_and_stops_no_other(world: World) -> None:
    world.config.change("heartbeats", agents={"nobody": "1h", "helper": None, "keyword-researcher": "1h"})
    found, pulse = due(world)
    assert found == [Due(agent="keyword-researcher", cause=Cause.SCHEDULE)]
    assert pulse.errors == [
        "heartbeat of nobody: there is no agent 'nobody'",
        "heartbeat of helper: neither heartbeats.agents nor its SKILL.md says when",
    ]


# -- the orchestrator ---------------------------------------------------------------------------------------------


def test_an_orchestrator_with_nothing_to_judge_is_passed_over_once_a_time(world: World) -> None:
    world.config.change("heartbeats", agents={"orchestrator": "30m"})
    assert due(world)[0] == []
    assert due(world)[0] == []
    told = world.events("heartbeat_skipped", "run_started")
    assert [(event["type"], event["data"]["reason"]) for event in told] == [
        ("heartbeat_skipped", "nothing needs judgement")
    ]
    world.clock.passes(1800)
    due(world)
    assert len(world.events("heartbeat_skipped")) == 2


def test_a_dry_run_passes_nothing_over(world: World) -> None:
    world.config.change("heartbeats", agents={"orchestrator": "30m"})
    assert due(world, dry_run=True)[0] == []
    assert world.events() == []


def test_an_orchestrator_is_not_shown_the_same_matters_twice(world: World) -> None:
    world.config.change("heartbeats", agents={"orchestrator": "30m"})
    begun(world, "orchestrator", cause=Cause.SCHEDULE)
    ended(world, "orchestrator", judged=(MATTER.key,))
    world.clock.passes(1800)
    assert due(world, matters=(MATTER,))[0] == []
    assert world.events()[-1]["data"]["reason"] == "nothing new needs judgement; 1 were shown before"
    world.clock.passes(1800)
    more = structs.replace(MATTER, key="blocked u")
    assert due(world, matters=(MATTER, more))[0] == [Due(agent="orchestrator", cause=Cause.SCHEDULE)]


def test_what_needs_judgement_is_found_in_records(world: World) -> None:
    world.task("a")
    world.task("b")
    world.door.task("b", c.BlockTask(by="ann", reason="waits for a photo"))
    world.task("c")
    lease = world.granted("c")
    for failure in range(2):
        end = c.EndRun(
            token=lease.token, run=lease.run or "", outcome=Outcome.FAILED, kind=FailureKind.EXIT_CODE,
            policy=policy(), jitter=0.0, message=f"boom {failure}",
        )  # fmt: skip
        world.door.task("c", end)
        world.clock.passes(60)
        lease = world.granted("c") if not failure else lease
    parked = Parked(harness="claude", kind=FailureKind.AUTH, since=world.clock.now(), reason="401")
    limited = structs.replace(parked, harness="codex", until="2027-01-01T00:00:00.000Z")
    found = matters_of(scene(world), [parked, limited], {"acme": "helper was asked 2 times"}, is_stopped=False)
    assert [one.text for one in found] == [
        "harness claude is parked since 2026-11-21T08:32:00.000Z: no login (401)",
        "task b is blocked since 2026-11-21T08:30:00.000Z (person): waits for a photo",
        "task c: writer failed 2 times in step 0; the last: boom 1",
        "project acme has too little to do: helper was asked 2 times",
    ]
    assert [one.cure for one in found] == ["agent.py unpark claude", "task.py unblock b", None, None]
    assert len({one.key for one in found}) == len(found)


def policy() -> Any:
    from tests.builders import policy

    return policy(backoff_seconds=0.0, backoff_max_seconds=0.0)


def test_under_the_stop_file_nothing_needs_judgement(world: World) -> None:
    world.task("b")
    world.door.task("b", c.BlockTask(by="ann", reason="waits"))
    assert matters_of(scene(world), (), {}, is_stopped=True) == []


def test_a_task_that_is_blocked_by_another_is_not_judged_for_it(world: World) -> None:
    world.task("b")
    world.door.task("b", c.BlockTask(by="ann", reason="waits for a", kind=BlockKind.DEPENDENCY))
    assert matters_of(scene(world), (), {}, is_stopped=False) == []


def test_what_could_start_and_does_not_is_one_matter_for_all(world: World) -> None:
    for name in ("a", "b"):
        world.task(name)
    assert matters_of(scene(world), (), {}, is_stopped=False) == []
    world.clock.passes(3600)
    found = matters_of(scene(world), (), {}, is_stopped=False)
    text = "2 ready since 2026-11-21T08:30:00.000Z and not started; the first is task a"
    assert [(one.text, one.cure) for one in found] == [(text, "why.py a")]


def test_a_long_line_for_slots_that_are_in_use_is_no_matter(world: World) -> None:
    world.config.change("concurrency", agents=1)
    world.task("a")
    world.clock.passes(3600)
    world.supervised()
    assert matters_of(scene(world), (), {}, is_stopped=False) == []


def test_what_rests_with_its_campaign_is_no_matter(world: World) -> None:
    world.campaign("spring")
    world.task("a", campaign="spring", project="acme")
    world.clock.passes(3600)
    assert matters_of(scene(world), (), {}, is_stopped=False) == []


# -- projects that starve -----------------------------------------------------------------------------------------


def active(world: World, slug: str = "spring", **fields: Any) -> None:
    world.campaign(slug, **fields)
    generate(world.door, world.door.campaign(slug, ActivateCampaign()))


def found_backlogs(world: World) -> list[Backlog]:
    seen = scene(world)
    return backlogs(seen.tasks, seen.campaigns, seen.settings)


def test_without_a_number_no_project_is_counted(world: World) -> None:
    active(world)
    assert found_backlogs(world) == []


def test_the_number_for_all_counts_for_projects_that_have_an_active_campaign(world: World) -> None:
    world.config.change("sweep", min_backlog=4)
    active(world)
    world.campaign("later", project="zoo")
    assert found_backlogs(world) == [Backlog(project="acme", have=3, want=4)]
    assert found_backlogs(world)[0].is_low


def test_a_projects_own_number_comes_before_the_one_for_all(world: World) -> None:
    world.config.change("sweep", min_backlog=4)
    world.config.change("heartbeats", min_backlog={"acme": 0, "zoo": 2})
    active(world)
    assert found_backlogs(world) == [Backlog(project="zoo", have=0, want=2)]


def test_what_was_begun_is_no_backlog_and_what_is_blocked_still_is(world: World) -> None:
    world.config.change("sweep", min_backlog=1)
    active(world)
    world.door.task("spring-001", c.BlockTask(by="ann", reason="waits"))
    world.door.task("spring-002", c.CancelTask(by="ann", reason="no"))
    world.granted("spring-003")
    assert [one.have for one in found_backlogs(world)] == [1]


def test_the_agent_that_refills_is_asked_for_one_project_at_a_time(world: World) -> None:
    other = Backlog(project="zoo", have=0, want=1)
    found, pulse = due(world, (LOW, other))
    assert found == [Due(agent="keyword-researcher", cause=Cause.BACKLOG, project="acme")]
    assert found[0].words()[-2:] == ("--project", "acme")
    assert pulse.notes == [
        "project acme has 1 of 3 tasks to begin",
        "project zoo has 0 of 1 tasks to begin",
    ]


def test_while_it_is_at_work_it_is_not_asked(world: World) -> None:
    begun(world, "keyword-researcher", cause=Cause.BACKLOG, project="acme")
    found, pulse = due(world, (LOW,))
    assert (found, pulse.notes) == (
        [],
        ["project acme has 1 of 3 tasks to begin; a heartbeat of keyword-researcher goes on"],
    )


def test_after_an_unfruitful_run_it_is_asked_again_only_after_a_while(world: World) -> None:
    begun(world, "keyword-researcher", cause=Cause.BACKLOG, project="acme")
    ended(world, "keyword-researcher")
    world.clock.passes(60)
    found, pulse = due(world, (LOW,))
    assert found == []
    assert pulse.notes[0].endswith("keyword-researcher is not asked again before 2026-11-21T09:30:00.000Z")
    world.clock.passes(3540)
    assert due(world, (LOW,))[0] == [Due(agent="keyword-researcher", cause=Cause.BACKLOG, project="acme")]


def test_one_that_is_due_and_asked_for_runs_once_for_the_project(world: World) -> None:
    world.config.change("heartbeats", agents={"keyword-researcher": "1h"})
    assert due(world, (LOW,))[0] == [Due(agent="keyword-researcher", cause=Cause.BACKLOG, project="acme")]


def test_a_project_that_has_enough_again_is_fed_and_only_then(world: World) -> None:
    begun(world, "keyword-researcher", cause=Cause.BACKLOG, project="acme")
    ended(world, "keyword-researcher")
    feed(scene(world), (LOW,))
    assert set(heard(world)["keyword-researcher"].hungry) == {"acme"}
    feed(scene(world), ())
    assert heard(world)["keyword-researcher"].hungry == {}
    assert world.events()[-1]["type"] == "project_fed"


def test_one_that_made_something_and_not_enough_has_not_been_asked_in_vain(world: World) -> None:
    for run in ("r-1", "r-2"):
        begun(world, "keyword-researcher", cause=Cause.BACKLOG, project="acme", run=run)
        world.door.agent("keyword-researcher", EndHeartbeat(token=int(run[2:]), run=run, outcome=Outcome.COMPLETED))
        world.clock.passes(3600)
    feed(scene(world), (LOW,))
    assert heard(world)["keyword-researcher"].hungry["acme"].count == 2
    world.clock.at = world.store.agents.read("keyword-researcher").hungry["acme"].asked_at
    world.task("new", project="acme")
    feed(scene(world), (LOW,))
    assert heard(world)["keyword-researcher"].hungry["acme"].count == 1


def test_to_have_asked_twice_in_vain_is_a_matter_to_be_judged(world: World) -> None:
    begun(world, "keyword-researcher", cause=Cause.BACKLOG, project="acme")
    ended(world, "keyword-researcher")
    assert starving_in_vain(scene(world)) == {}
    hungry = {"acme": Hunger(count=2, asked_at=world.clock.now())}
    twice = structs.replace(heard(world)["keyword-researcher"], hungry=hungry)
    found = starving_in_vain(structs.replace(world.scene(), heard=(twice,)))
    assert found == {"acme": "keyword-researcher was asked 2 times in vain"}


def test_what_the_agent_is_told_names_the_campaigns_it_may_extend(world: World) -> None:
    active(world, seed_keywords=("rye bread",), description="About bread")
    world.campaign("later")
    world.campaign("zoo", project="zoo")
    seen = scene(world)
    assert backlog_facts(LOW, seen.tasks, seen.campaigns) == {
        "have": 1,
        "want": 3,
        "missing": 2,
        "campaigns": [
            {
                "slug": "spring",
                "name": "Spring",
                "status": "active",
                "description": "About bread",
                "seed_keywords": ["rye bread"],
                "planned": 3,
                "live": [f"Spring: rye bread{more}" for more in ("", "", "")],
            }
        ],
    }


# -- starting them ------------------------------------------------------------------------------------------------


def test_a_supervisor_is_started_for_each_as_far_as_there_are_slots(world: World) -> None:
    pulse = Pulse(notes=[], errors=[])
    wanted = [Due(agent="helper", cause=Cause.SCHEDULE), Due(agent="orchestrator", cause=Cause.SCHEDULE)]
    start(wanted, world.store.slots, world.launcher, 1, pulse)
    assert (pulse.started, len(world.launcher.started)) == (1, 1)
    assert pulse.notes == [
        "a heartbeat of helper was started",
        "a heartbeat of orchestrator is due; all 1 slots are in use",
    ]


def test_what_needs_a_parked_harness_is_not_started_and_that_is_said() -> None:
    pulse = Pulse(notes=[], errors=[])
    wanted = [Due(agent="helper", cause=Cause.SCHEDULE), Due(agent="other", cause=Cause.SCHEDULE)]
    parked = Reason(why=Why.PARKED, text="harness claude is parked: no login")
    found = not_parked(wanted, lambda unit: parked if unit.agent == "helper" else None, pulse)
    assert (found, pulse.notes) == ([wanted[1]], ["a heartbeat of helper is due; harness claude is parked: no login"])


def test_an_agent_that_is_to_refill_and_does_not_exist_is_an_error(world: World) -> None:
    world.config.change("heartbeats", refill="nobody")
    found, pulse = due(world, (LOW,))
    assert (found, pulse.errors) == ([], ["heartbeat of nobody: there is no agent 'nobody'"])


def test_very_many_matters_do_not_make_the_record_grow_without_end(world: World) -> None:
    many = {f"p{number}": "helper was asked 2 times in vain" for number in range(600)}
    assert len(matters_of(scene(world), (), many, is_stopped=False)) == 500


def test_a_supervisor_that_cannot_be_started_keeps_no_slot(world: World) -> None:
    world.launcher.failure = OSError("no more processes")
    with pytest.raises(OSError, match="no more"):
        start([Due(agent="helper", cause=Cause.HAND)], world.store.slots, world.launcher, 1, Pulse(notes=[], errors=[]))
    assert not any(slot.held for slot in world.store.slots.states())


# -- those that died ----------------------------------------------------------------------------------------------


def test_the_heartbeat_of_a_dead_supervisor_is_ended_and_recorded(world: World) -> None:
    begun(world)
    world.store.runs.write("~helper", "r-1", {"id": "r-1", "agent": "helper", "usage": {"runs": 1, "unpriced_runs": 1}})
    assert world.mend(dead_heartbeats, scene(world)) == ["stale_released"]
    record = heard(world)["helper"]
    assert (record.status, record.lease) == (AgentState.RESTING, None)
    assert record.beat is not None and record.beat.outcome is Outcome.INTERRUPTED
    run = world.store.runs.read("~helper", "r-1")
    assert run is not None
    assert (run["status"], run["outcome"], run["error"]) == ("failed", "interrupted", "its supervisor was lost")
    assert [event["data"].get("usage") for event in world.events("run_ended")] == [{"runs": 1, "unpriced_runs": 1}]


def test_a_heartbeat_that_lives_is_left_alone(world: World) -> None:
    world.supervised()
    begun(world)
    assert world.mend(dead_heartbeats, scene(world)) == []


def test_one_that_ended_between_look_and_act_is_not_ended_twice(world: World) -> None:
    begun(world)
    before = scene(world)
    ended(world)
    assert [finding.act() for finding in dead_heartbeats(before)] == [False]
    assert len(world.events("run_ended")) == 1


def test_one_of_which_something_will_not_end_is_not_ended(world: World) -> None:
    from baton.ports import Process

    begun(world)
    stubborn = Process(pid=9, started=9)
    world.processes.runs["r-1"] = [stubborn]
    world.processes.immortal.add(stubborn)
    assert [finding.act() for finding in dead_heartbeats(scene(world))] == [False]
    assert heard(world)["helper"].lease is not None


def test_an_agent_that_was_only_heard_of_needs_no_repair(world: World) -> None:
    world.door.agent("helper", HearFrom(by="ann"))
    assert list(dead_heartbeats(scene(world))) == []
