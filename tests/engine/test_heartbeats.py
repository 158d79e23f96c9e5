"""Heartbeats with real processes: granted once, supervised and ended like any run, and nothing of them left behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.engine.homes import Ended, Living, ScratchHome, are_gone, eventually, living

from baton.domain.agent_records import AgentRecord, AgentState
from baton.domain.commands import BlockTask
from baton.domain.statuses import Outcome

ORCHESTRATOR = {"level": "orchestrator"}


def beat(home: ScratchHome, agent: str = "helper", *words: str) -> Ended:
    return home.run("invoke_agent.py", agent, "--heartbeat", "--json", *words)


def record(home: ScratchHome, agent: str = "helper") -> AgentRecord:
    found = home.wiring.store.agents.read(agent)
    assert found is not None
    return found


def events(home: ScratchHome, *types: str) -> list[dict[str, Any]]:
    """The events of agents, oldest first."""
    files = sorted((home.root / "state/events").glob("*.ndjson"))
    told = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
    return [one for one in told if one["id"].startswith("agent/") and (not types or one["type"] in types)]


def runs(home: ScratchHome, agent: str = "helper") -> list[dict[str, Any]]:
    return home.wiring.store.runs.of_task(f"~{agent}")


def is_left_clean(home: ScratchHome, agent: str = "helper") -> None:
    """Nothing of a heartbeat is left: no lease, no process, no slot, no note; record and log tell the same."""
    home.becomes_quiet()
    found = record(home, agent)
    assert (found.status, found.lease) == (AgentState.RESTING, None)
    assert not any(slot.held for slot in home.wiring.store.slots.states())
    assert list((home.root / "state").glob("shown/*")) == []
    assert [event["id"] for event in events(home)] == [event.id for event in found.history]


def begun(home: ScratchHome, agent: str = "helper") -> tuple[Any, list[Living]]:
    """Start a heartbeat whose agent notes its id; return its supervisor, and the agent's processes."""
    supervisor = home.start("invoke_agent.py", agent, "--heartbeat", "--json")
    return supervisor, home.processes_in("pids")


FOREVER = "note pids $$; wait_for go"


def test_a_heartbeat_is_a_run_with_a_record_and_events_and_without_a_task(home: ScratchHome) -> None:
    home.agent("helper", "echo looked around")
    ended = beat(home)
    assert (ended.code, ended.err) == (0, "")
    assert (ended.json["agent"], ended.json["outcome"], ended.json["summary"]) == (
        "helper",
        "completed",
        "looked around",
    )
    is_left_clean(home)
    begins, ends = events(home)
    assert (begins["type"], ends["type"]) == ("run_started", "run_ended")
    assert begins["run"] == ends["run"] == ended.json["run"]
    assert [(one["task"], one["campaign"]) for one in (begins, ends)] == [(None, None)] * 2
    (run,) = runs(home)
    assert (run["task"], run["agent"], run["cause"], run["status"]) == (None, "helper", "hand", "completed")
    assert (run["outcome"], run["summary"], run["exit_code"]) == ("completed", "looked around", 0)
    assert run["started_at"] <= run["finished_at"]
    assert Path(f"{run['log']}.out").read_text() == "looked around\n"


def test_it_gets_no_lease_and_no_task_and_knows_who_and_where_it_is(home: ScratchHome) -> None:
    home.agent("helper", 'env | grep ^BATON_ | sort >"$BATON_HOME/seen"; pwd >"$BATON_HOME/place"')
    assert beat(home).code == 0
    seen = dict(line.split("=", 1) for line in home.lines("seen"))
    workspace = str(home.root / "projects/default/agents/helper")
    assert set(seen) == {
        "BATON_AGENT", "BATON_HEARTBEAT", "BATON_HOME", "BATON_PROMPT_FILE", "BATON_PYTHON", "BATON_RUN",
        "BATON_SIGHT_FILE", "BATON_WORKSPACE",
    }  # fmt: skip
    assert (seen["BATON_HEARTBEAT"], seen["BATON_WORKSPACE"]) == ("hand", workspace)
    assert home.lines("place") == [workspace]


def test_its_prompt_is_a_template_that_a_home_may_replace(home: ScratchHome) -> None:
    home.agent("helper", "cat")
    assert "This is a heartbeat" in beat(home).json["summary"] + Path(f"{beat_log(home)}.prompt.md").read_text()
    (home.root / "config/prompts/heartbeat.md.j2").write_text("{{ agent }}, {{ cause }}, {{ workspace }}\n")
    assert beat(home).json["summary"] == f"helper, hand, {home.root}/projects/default/agents/helper"


def beat_log(home: ScratchHome) -> str:
    return str(runs(home)[-1]["log"])


def test_two_at_once_are_one(home: ScratchHome) -> None:
    home.agent("helper", FOREVER)
    first, _ = begun(home)
    second = beat(home)
    assert (second.code, second.json["error"]["code"]) == (75, "not_ready")
    assert "goes on since" in second.json["error"]["message"]
    home.touch("go")
    assert home.end_of(first).code == 0
    is_left_clean(home)
    assert len(events(home, "run_started")) == 1


def test_many_begun_at_once_are_one(home: ScratchHome) -> None:
    home.settings(concurrency={"agents": 8})
    home.agent("helper", f"note begun $$; {FOREVER}")
    started = [home.start("invoke_agent.py", "helper", "--heartbeat", "--json") for _ in range(6)]
    home.noted("begun")
    eventually(lambda: sum(one.poll() is not None for one in started) == 5, "the end of those that were refused")
    home.touch("go")
    assert sorted(home.end_of(one).code for one in started) == [0, 75, 75, 75, 75, 75]
    assert (len(home.lines("begun")), len(events(home, "run_started"))) == (1, 1)
    is_left_clean(home)


def test_two_agents_may_beat_side_by_side(home: ScratchHome) -> None:
    home.agent("helper", FOREVER)
    home.agent("other", "note others $$; wait_for go")
    first, _ = begun(home)
    second = home.start("invoke_agent.py", "other", "--heartbeat", "--json")
    home.noted("others")
    home.touch("go")
    assert (home.end_of(first).code, home.end_of(second).code) == (0, 0)


def test_without_a_free_slot_it_is_not_begun(home: ScratchHome) -> None:
    home.settings(concurrency={"agents": 1})
    home.agent("writer", FOREVER)
    home.agent("helper", "")
    home.task("t", "writer")
    supervisor = home.supervise()
    home.noted("pids")
    ended = beat(home)
    assert (ended.code, ended.json["error"]["code"]) == (75, "busy")
    assert events(home) == []
    home.touch("go")
    home.end_of(supervisor)


def test_under_the_stop_file_it_is_not_begun(home: ScratchHome) -> None:
    home.agent("helper", "")
    home.touch("state/stop")
    ended = beat(home)
    assert (ended.code, ended.json["error"]["code"]) == (75, "stopped")
    assert events(home) == []


def test_a_run_starts_no_heartbeat(home: ScratchHome) -> None:
    home.agent("helper", "")
    ended = home.run("invoke_agent.py", "helper", "--heartbeat", "--json", BATON_RUN="r-1")
    assert (ended.code, ended.json["error"]["code"]) == (1, "illegal_transition")


@pytest.mark.parametrize(
    "command",
    [
        "acquire_lock.py t --agent helper",
        "complete_step.py t --agent writer",
        "complete_branch.py t x --agent writer",
        "request_revision.py t --to-step 0 --notes x --agent writer",
        "release_lock.py t --agent writer",
    ],
)
def test_it_can_take_and_complete_no_step(home: ScratchHome, command: str) -> None:
    home.agent("helper", f'{command} >"$BATON_HOME/answer" || note refused $?')
    home.task("t", "writer")
    home.run("task.py", "block", "t", "--reason", "only looked at")
    before = home.read("t")
    assert beat(home).code == 0
    assert (json.loads(home.lines("answer")[0])["error"]["code"], home.lines("refused")) == (
        "illegal_transition",
        ["1"],
    )
    assert home.read("t") == before


def test_one_that_fails_is_a_crash_and_says_why(home: ScratchHome) -> None:
    home.agent("helper", "echo no such luck >&2; exit 3")
    ended = beat(home)
    assert (ended.code, ended.json["outcome"]) == (1, "failed")
    assert [event["type"] for event in events(home)] == ["run_started", "run_ended", "agent_crashed"]
    assert events(home, "agent_crashed")[0]["data"]["message"] == "no such luck"
    assert (record(home).failures, runs(home)[0]["exit_code"]) == (1, 3)
    is_left_clean(home)


def test_one_that_takes_too_long_is_ended_with_its_tree(home: ScratchHome) -> None:
    home.agent("helper", "sleep 300 & note pids $!; note pids $$; wait", timeout="500ms")
    supervisor = home.start("invoke_agent.py", "helper", "--heartbeat", "--json")
    tree = home.processes_in("pids", 2)
    assert home.end_of(supervisor).json["outcome"] == "timed_out"
    are_gone(tree)
    is_left_clean(home)


def test_what_it_leaves_running_is_ended_with_it(home: ScratchHome) -> None:
    home.agent("helper", "setsid sh -c 'echo $$ >>\"$BATON_HOME/pids\"; sleep 300' & wait_for pids")
    assert beat(home).code == 0
    assert [living(int(pid)) for pid in home.lines("pids")] == [None]
    is_left_clean(home)


def test_a_person_ends_it(home: ScratchHome) -> None:
    home.agent("helper", FOREVER)
    supervisor, tree = begun(home)
    told = home.run("agent.py", "stop", "helper", "--reason", "looks too long", "--json")
    assert (told.code, told.json["revoked"]) == (0, True)
    assert (home.end_of(supervisor).code, record(home).beat.outcome) == (1, "revoked")  # type: ignore[union-attr]
    are_gone(tree)
    is_left_clean(home)
    again = home.run("agent.py", "stop", "helper", "--json")
    assert (again.code, again.json["error"]["code"]) == (1, "invalid_input")


def test_a_supervisor_that_is_told_to_end_ends_it(home: ScratchHome) -> None:
    home.agent("helper", FOREVER)
    supervisor, tree = begun(home)
    supervisor.terminate()
    assert home.end_of(supervisor).code == 1
    are_gone(tree)
    is_left_clean(home)
    beat_now = record(home).beat
    assert beat_now is not None and (beat_now.outcome, record(home).failures) == (Outcome.INTERRUPTED, 0)


def test_the_sweep_ends_one_whose_supervisor_was_killed(home: ScratchHome) -> None:
    home.agent("helper", f"sleep 300 & note pids $!; {FOREVER}")
    supervisor, tree = begun(home)
    tree = home.processes_in("pids", 2)
    supervisor.kill()
    home.end_of(supervisor)
    assert all(one.is_alive for one in tree) and record(home).lease is not None
    report = home.sweep()
    assert (report["stale_released"], report["errors"]) == (1, [])
    are_gone(tree)
    is_left_clean(home)
    (run,) = runs(home)
    assert (run["status"], run["outcome"], run["error"]) == ("failed", "interrupted", "its supervisor was lost")
    assert home.sweep()["stale_released"] == 0


def test_the_sweep_ends_a_silent_one(home: ScratchHome) -> None:
    home.settings(lease={"heartbeat": "100ms", "stale_after": "1s"})
    home.agent("helper", FOREVER)
    supervisor, tree = begun(home)
    os.kill(supervisor.pid, signal.SIGSTOP)
    eventually(lambda: home.sweep()["stale_released"], "the end of the silent supervisor")
    home.end_of(supervisor)
    are_gone(tree)
    is_left_clean(home)


def test_while_one_is_lost_another_is_refused_until_the_sweep_has_ended_it(home: ScratchHome) -> None:
    home.agent("helper", 'note begun $$; [ -e "$BATON_HOME/go" ] || { note pids $$; wait_for go; }')
    supervisor, _ = begun(home)
    supervisor.kill()
    home.end_of(supervisor)
    assert beat(home).code == 75
    told = home.run("status.py", "--json").json
    assert told["warnings"] == ["the heartbeat of helper has lost its supervisor; the next sweep ends it"]
    assert told["running"] == []
    home.sweep()
    home.touch("go")
    assert beat(home).code == 0
    assert [event["type"] for event in events(home)] == ["run_started", "run_ended"] * 2
    assert [run["token"] for run in runs(home)] == [1, 2]


def test_a_commit_of_its_record_that_was_killed_half_way_is_finished_by_the_sweep(home: ScratchHome) -> None:
    killed = home.drive(
        """
        import os, signal
        from baton.domain.agent_commands import HearFrom
        store.log.append = lambda events: os.kill(os.getpid(), signal.SIGKILL)
        door.agent("helper", HearFrom(by="ann"))
        """
    )
    assert killed.code == -signal.SIGKILL
    assert (record(home).version, events(home)) == (1, [])
    home.sweep()
    assert [event["type"] for event in events(home)] == ["agent_heard"]


def test_a_damaged_record_is_set_aside_and_the_agent_goes_on(home: ScratchHome) -> None:
    home.agent("helper", "echo fine")
    assert beat(home).code == 0
    (home.root / "state/agents/helper.json").write_bytes(b"\0" * 64)
    assert beat(home).json["error"]["code"] == "state_damaged"
    assert home.sweep()["quarantined"] == 1
    assert beat(home).code == 0


def test_after_it_the_supervisor_goes_on_with_what_it_made_ready(home: ScratchHome) -> None:
    home.agent("writer", "echo written")
    home.agent(
        "helper",
        """
        echo '{"title": "New", "id": "new", "pipeline": [{"agent": "writer"}]}' >t.json
        task.py create t.json --json
        """,
    )
    ended = beat(home)
    assert ended.code == 0
    home.becomes_quiet()
    assert home.read("new").status == "completed"


def test_detached_it_returns_at_once(home: ScratchHome) -> None:
    home.agent("helper", FOREVER)
    ended = beat(home, "helper", "--detach")
    assert (ended.code, ended.json["detached"]) == (0, True)
    home.noted("pids")
    home.touch("go")
    is_left_clean(home)
    assert not (home.root / "logs/supervisors.log").read_text()


def test_a_harness_that_is_missing_needs_a_person_and_leaves_no_lease(home: ScratchHome) -> None:
    home.agent("helper", "", harness="command")
    (home.root / "skills/helper/SKILL.md").write_text(
        "---\nname: helper\ndescription: x\nmetadata:\n  harness: command\n  command: no-such-program\n---\n"
    )
    ended = beat(home)
    assert (ended.code, ended.json["outcome"]) == (1, "agent_missing")
    assert record(home).failures == 1
    is_left_clean(home)


# -- started by the sweep -----------------------------------------------------------------------------------------


def test_the_sweep_starts_what_is_due_once_however_often_it_is_called(home: ScratchHome) -> None:
    home.settings(heartbeats={"agents": {"helper": "1h"}}, concurrency={"agents": 8})
    home.agent("helper", f"note begun $$; {FOREVER}")
    sweeps = [home.start("check_pipeline.py") for _ in range(4)]
    assert [home.end_of(one).code for one in sweeps] == [0] * 4
    home.noted("begun")
    home.sweep()
    home.touch("go")
    is_left_clean(home)
    home.sweep()
    home.becomes_quiet()
    assert (len(home.lines("begun")), len(events(home, "run_started"))) == (1, 1)
    assert runs(home)[0]["cause"] == "schedule"


def test_a_second_supervisor_for_the_same_heartbeat_finds_it_done_and_goes(home: ScratchHome) -> None:
    home.settings(heartbeats={"agents": {"helper": "1h"}})
    home.agent("helper", "note begun $$")
    program = """
        slot = take()
        wiring.launcher.start(slot, ("helper", "--heartbeat", "--cause", "schedule"))
        slot.leave()
    """
    for _ in range(2):
        assert home.drive(program).code == 0
        home.becomes_quiet()
    assert len(home.lines("begun")) == 1
    is_left_clean(home)


def test_one_that_is_not_asked_for_any_more_is_not_begun(home: ScratchHome) -> None:
    home.agent("helper", "note begun $$", heartbeat="1h")
    ended = home.run("invoke_agent.py", "helper", "--heartbeat", "--cause", "schedule", "--json")
    assert (ended.code, ended.json, home.lines("begun")) == (0, {"agent": "helper", "begun": False}, [])


def test_under_the_stop_file_the_sweep_starts_no_heartbeat(home: ScratchHome) -> None:
    home.settings(heartbeats={"agents": {"helper": "1h"}})
    home.agent("helper", "")
    home.touch("state/stop")
    report = home.sweep()
    assert (report["notes"], report["errors"]) == (["state/stop exists"], [])
    assert (home.living(), events(home)) == ([], [])


def test_a_dry_run_starts_no_heartbeat_and_counts_who_starves(home: ScratchHome) -> None:
    home.settings(heartbeats={"agents": {"helper": "1h"}, "min_backlog": {"acme": 2}})
    home.agent("helper", "")
    report = home.sweep("--dry-run")
    assert (report["starving"], report["notes"][-1]) == (1, "project acme has 0 of 2 tasks to begin")
    assert (home.living(), events(home)) == ([], [])


def test_a_project_that_starves_has_its_agent_asked_once_and_not_again_each_minute(home: ScratchHome) -> None:
    home.settings(heartbeats={"refill": "helper", "min_backlog": {"acme": 2}})
    home.agent("helper", 'note asked "$BATON_PROJECT $BATON_HEARTBEAT"')
    home.agent("writer", "")
    home.campaign("spring", "writer")
    assert home.sweep()["starving"] == 1
    home.becomes_quiet()
    second = home.sweep()
    home.becomes_quiet()
    assert home.lines("asked") == ["acme backlog"]
    assert (second["starving"], second["found"], second["errors"]) == (1, [], [])
    assert "helper is not asked again before" in second["notes"][-1]
    assert record(home).hungry["acme"].count == 1


def test_one_that_helped_is_asked_anew_when_the_project_starves_again(home: ScratchHome) -> None:
    home.settings(heartbeats={"refill": "helper", "min_backlog": {"acme": 1}})
    home.agent("helper", "campaign.py extend spring --count 1 --json >/dev/null; note asked x")
    home.agent("writer", "note written x; wait_for go")
    home.campaign("spring", "writer")
    assert home.run("activate_campaign.py", "spring", "--no-dispatch").code == 0
    home.do("spring-001", BlockTask(by="ann", reason="waits"))
    assert home.sweep()["starving"] == 0
    home.touch("go")
    assert home.run("task.py", "cancel", "spring-001").code == 0
    # The campaign is completed with its only task; extending it opens it again.
    assert home.sweep()["starving"] == 1
    home.becomes_quiet()
    assert (home.lines("asked"), home.read("spring-002").status) == (["x"], "completed")


def test_the_report_and_what_needs_judgement_stand_in_an_orchestrators_prompt(home: ScratchHome) -> None:
    home.agent("boss", 'cat "$BATON_SIGHT_FILE" >"$BATON_HOME/sight"; echo judged', **ORCHESTRATOR)
    home.agent("writer", "")
    home.task("t", "writer")
    home.do("t", BlockTask(by="ann", reason="waits for a photo"))
    assert beat(home, "boss").code == 0
    prompt = Path(f"{runs(home, 'boss')[0]['log']}.prompt.md").read_text()
    assert "waits for a photo (`task.py unblock t` would let it go on)" in prompt
    assert "- Tasks: 1 blocked; 0 runs going on, 0 ready" in prompt
    assert "- What waits, and why: 1 blocked" in prompt
    sight = json.loads((home.root / "sight").read_text())
    assert sight["matter_count"] == len(sight["matters"]) == 1
    assert sight["report"]["health"]["tasks"] == {"blocked": 1}


def test_an_orchestrator_costs_nothing_when_there_is_nothing_to_do(home: ScratchHome) -> None:
    home.settings(heartbeats={"agents": {"boss": "1h"}})
    home.agent("boss", "note judged x", **ORCHESTRATOR)
    home.agent("writer", "")
    home.task("t", "writer")
    home.sweep()
    home.becomes_quiet()
    assert beat(home, "boss").json["skipped"] == "nothing needs judgement"
    home.becomes_quiet()
    assert (home.lines("judged"), runs(home, "boss")) == ([], [])
    assert [event["type"] for event in events(home)] == ["heartbeat_skipped"] * 2


def test_an_orchestrator_is_run_by_the_sweep_when_there_is_something_to_judge(home: ScratchHome) -> None:
    home.settings(heartbeats={"agents": {"boss": "1m"}})
    home.agent("boss", "note judged x", **ORCHESTRATOR)
    home.agent("writer", "")
    home.task("t", "writer")
    home.do("t", BlockTask(by="ann", reason="waits"))
    home.sweep()
    home.becomes_quiet()
    assert (home.lines("judged"), record(home, "boss").judged[0][:9]) == (["x"], "blocked t")


@pytest.mark.parametrize("words", [("t",), ("--next",), ("--branch", "x")])
def test_a_heartbeat_has_no_task(home: ScratchHome, words: tuple[str, ...]) -> None:
    home.agent("helper", "")
    ended = beat(home, "helper", *words)
    assert (ended.code, ended.json["error"]["code"]) == (2, "invalid_input")


def test_a_heartbeat_that_is_due_waits_for_a_slot_and_tasks_come_first(home: ScratchHome) -> None:
    home.settings(heartbeats={"agents": {"helper": "1h"}}, concurrency={"agents": 1})
    home.agent("helper", "note order helper")
    home.agent("writer", "note order writer; note pids $$; wait_for go")
    home.task("t", "writer")
    first = home.sweep()
    home.noted("pids")
    assert (first["redispatched"], first["notes"]) == (1, ["a heartbeat of helper is due; all 1 slots are in use"])
    home.touch("go")
    home.becomes_quiet()
    assert home.sweep()["notes"] == ["nothing is ready", "a heartbeat of helper was started"]
    home.becomes_quiet()
    assert home.lines("order") == ["writer", "helper"]
