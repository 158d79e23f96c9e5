"""What an agent gets, what people do to a running one, and how a supervisor goes from one run to the next."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.engine.homes import AT_ONCE, SCRIPTS, ScratchHome, are_gone, eventually, parent_of, scratch_home

from baton.cli import running_code
from baton.domain import commands as c
from baton.domain.campaign_commands import PauseCampaign, ResumeCampaign
from baton.domain.pipelines import Step

ONE = {"agents": 1}
STAYS = "note pids $$; wait_for go"

# -- what an agent gets -------------------------------------------------------------------------------------------

OURS = {
    "BATON_HOME", "BATON_TASK", "BATON_STEP", "BATON_AGENT", "BATON_RUN", "BATON_LEASE", "BATON_WORKSPACE",
    "BATON_PROMPT_FILE", "BATON_PYTHON",
}  # fmt: skip
DUMP = """
with open("/proc/self/environ", "rb") as file:
    given = file.read()
with open(os.environ["BATON_HOME"] + "/environ", "wb") as file:
    file.write(given)
"""


def given_environment(home: ScratchHome, **callers: str) -> dict[str, str]:
    """The environment with which the agent was started, as the kernel has it."""
    process = home.start("invoke_agent.py", "writer", "t", **callers)
    assert home.end_of(process).code == 0
    entries = (home.root / "environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def test_an_agent_gets_exactly_the_environment_of_the_contract(home: ScratchHome) -> None:
    home.python_agent("writer", DUMP)
    (home.root / ".env").write_text("CANARY_OF_ENV=canary\nTELEGRAM_BOT_TOKEN=canary\n")
    home.task("t", "writer")
    passed = {"USER": "ann", "LC_TIME": "C", "TZ": "UTC", "TMPDIR": "/tmp", "TERM": "dumb"}
    canaries = {"CANARY": "canary", "PYTHONPATH": "/canary", "SSH_AUTH_SOCK": "canary", "BATON_CANARY": "canary"}
    found = given_environment(home, **passed, **canaries)
    assert found == {
        "HOME": str(home.root),
        "LANG": "C.UTF-8",
        **passed,
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{SCRIPTS}",
        "BATON_HOME": str(home.root),
        "BATON_TASK": "t",
        "BATON_STEP": "0",
        "BATON_AGENT": "writer",
        "BATON_RUN": home.runs("t")[0]["id"],
        "BATON_LEASE": "1",
        "BATON_WORKSPACE": str(home.root / "projects/default/tasks/t"),
        "BATON_PROMPT_FILE": f"{home.runs('t')[0]['log']}.prompt.md",
        "BATON_PYTHON": sys.executable,
    }


def test_an_agent_of_a_detached_supervisor_gets_no_more(home: ScratchHome) -> None:
    home.python_agent("writer", DUMP)
    home.task("t", "writer")
    assert home.sweep()["redispatched"] == 1
    home.becomes_quiet()
    entries = (home.root / "environ").read_bytes().decode().split("\0")
    assert {entry.partition("=")[0] for entry in entries if entry} == OURS | {"PATH", "HOME", "LANG"}


def test_scripts_stand_last_in_the_path_once(home: ScratchHome) -> None:
    home.python_agent("writer", DUMP)
    home.task("t", "writer")
    found = given_environment(home, PATH=f"{SCRIPTS}:/usr/bin:/bin")
    assert found["PATH"] == f"/usr/bin:/bin:{SCRIPTS}"


def test_what_a_skill_or_the_settings_allow_is_handed_down_by_name(home: ScratchHome) -> None:
    home.python_agent("writer", DUMP, env="FROM_CALLER FROM_FILE FROM_BOTH FROM_NOWHERE")
    home.settings()
    written = json.loads((home.root / "config/baton.yaml").read_text()) | {"env": ["FROM_SETTINGS"]}
    (home.root / "config/baton.yaml").write_text(json.dumps(written))
    (home.root / ".env").write_text("FROM_FILE=file\nFROM_BOTH=file\nFROM_SETTINGS=file\nCANARY=canary\n")
    home.task("t", "writer")
    found = given_environment(home, FROM_CALLER="caller", FROM_BOTH="caller", CANARY="canary")
    assert set(found) - OURS == {
        "PATH", "HOME", "LANG", "FROM_CALLER", "FROM_FILE", "FROM_BOTH", "FROM_SETTINGS",
    }  # fmt: skip
    assert {name: value for name, value in found.items() if name.startswith("FROM")} == {
        "FROM_CALLER": "caller", "FROM_FILE": "file", "FROM_BOTH": "caller", "FROM_SETTINGS": "file",
    }  # fmt: skip


def test_a_secret_that_an_agent_prints_reaches_no_record(home: ScratchHome) -> None:
    home.agent("writer", 'echo "key is $MY_KEY"; echo "key is $MY_KEY" >&2; exit 1', env="MY_KEY")
    home.task("t", "writer")
    home.start("invoke_agent.py", "writer", "t", MY_KEY="canary-12345").communicate()
    assert home.outcomes("t") == ["failed"]
    assert "key is" in home.read("t").current.failures[0].message
    told = b"".join(path.read_bytes() for path in (home.root / "state").rglob("*") if path.is_file())
    assert b"canary-12345" not in told


def test_a_secret_in_the_summary_of_an_agent_reaches_no_record(home: ScratchHome) -> None:
    home.agent("writer", 'echo "key is $MY_KEY"', env="MY_KEY")
    home.task("t", "writer")
    home.start("invoke_agent.py", "writer", "t", MY_KEY="canary-12345").communicate()
    assert home.outcomes("t") == ["completed"]
    told = b"".join(path.read_bytes() for path in (home.root / "state").rglob("*") if path.is_file())
    assert b"key is" in told
    assert b"canary-12345" not in told


def test_the_prompt_file_and_standard_input_are_the_same(home: ScratchHome) -> None:
    home.agent("writer", 'cat >"$BATON_HOME/stdin"; cat "$BATON_PROMPT_FILE" >"$BATON_HOME/file"')
    home.task("t", "writer")
    assert home.invoke("writer", "t").code == 0
    assert (home.root / "stdin").read_bytes() == (home.root / "file").read_bytes() != b""


def test_an_agent_works_in_the_workspace_of_its_task(home: ScratchHome) -> None:
    home.agent("writer", 'pwd >there; note places "$(pwd)"')
    home.campaign("spring", "writer")
    home.run("activate_campaign.py", "spring")
    home.becomes_quiet()
    assert home.lines("places") == [str(home.root / "projects/acme/campaigns/spring")]
    repo = home.root / "repo"
    repo.mkdir()
    home.task("t", "writer", repo=str(repo))
    home.serve()
    assert home.lines("places")[1:] == [str(repo)]


def test_the_folder_of_the_working_memory_is_there_when_an_agent_starts(home: ScratchHome) -> None:
    home.agent("writer", 'test -d "$BATON_HOME/memory/WORKING"')
    home.task("t", "writer")
    assert not (home.root / "memory").exists()
    assert home.invoke("writer", "t").code == 0


def test_a_prompt_says_who_what_where_and_how_to_end(home: ScratchHome) -> None:
    home.agent("researcher", "mkdir research; echo x >research/t.md; echo 'Ten sources found'", role="a librarian")
    home.agent("writer", "echo done")
    steps = (
        Step(agent="researcher", output_dir="research", label="Research"),
        Step(agent="writer", output_dir="drafts", description="Write the draft", instructions="In plain words."),
    )
    fields: dict[str, Any] = {"title": "Rye bread", "description": "For beginners", "keywords": ("rye", "sourdough")}
    home.task("t", *steps, **fields)
    home.serve()
    first, second = home.prompts("t")
    workspace = home.root / "projects/default/tasks/t"
    assert "You are **researcher**, a librarian." in first
    assert "You are **writer**." in second
    for said in (
        "Task `t`: Rye bread",
        "Step 1 of 1 (counted from 0): Write the draft",
        "Attempt 1 of 3; time limit 1 minutes",
        "About the task: For beginners",
        "Keywords: rye, sourdough",
        "In plain words.",
        "0 researcher (completed), 1 writer (in_progress)",
        f"`{home.root}/skills/writer/SKILL.md`",
        f"`{home.root}/memory/WORKING/writer.md`",
        f"`{workspace}`",
        "Write your result to `drafts/t.md`",
        "Step 0, researcher: Ten sources found",
        "- `research/t.md`",
        "Your **last act**",
        '`complete_step.py --output drafts/t.md --summary "one sentence"`',
        '`request_revision.py --to-step N --notes "what to change"` (N from 0 to 1)',
        '`release_lock.py --notes "why"`',
        f"`{SCRIPTS}`",
    ):
        assert said in second, said
    assert "request_revision.py" not in first
    assert "What the step before you left" not in first


def test_a_prompt_of_a_campaigns_task_names_the_campaign_and_its_sources(home: ScratchHome) -> None:
    home.agent("writer")
    home.campaign("spring", "writer", description="All about rye", seed_keywords=("rye",), deliverables={"hero": True})
    sources = home.root / "projects/acme/campaigns/spring/sources"
    sources.mkdir(parents=True)
    (sources / "brief.md").write_text("x")
    home.run("activate_campaign.py", "spring")
    home.becomes_quiet()
    (prompt,) = home.prompts("spring-001")
    for said in ("Campaign `spring`: spring - All about rye", "sources/brief.md", "Deliverables wanted: hero"):
        assert said in prompt


def test_notes_of_a_revision_and_what_was_made_before_are_told(home: ScratchHome) -> None:
    home.agent("writer", "echo text >t.md; complete_step.py --output t.md")
    home.agent("reviewer", '[ "$BATON_LEASE" != 2 ] || request_revision.py --to-step 0 --notes "Name your sources"')
    home.task("t", "writer", "reviewer")
    home.serve()
    again = home.prompts("t")[2]
    told = again.partition("## You are asked to do this step again\n")[2]
    assert told.startswith("Name your sources\n")
    assert "What was made before, version by version: `t.md`. Yours is version 2: write it to `t.v2.md`, and" in told


def test_what_an_agent_prints_can_be_read_while_it_runs(home: ScratchHome) -> None:
    home.agent("writer", f"echo early; echo wrong >&2; {STAYS}")
    home.task("t", "writer")
    supervisor = home.supervise()
    home.noted("pids")
    logs = home.root / "logs/writer"
    eventually(lambda: [path.read_text() for path in logs.glob("*.out")] == ["early\n"], "what it printed")
    eventually(lambda: [path.read_text() for path in logs.glob("*.err")] == ["wrong\n"], "what it complained about")
    eventually(lambda: home.facts().get("last_line") == "early", "its last line in the beat")
    assert home.runs("t")[0]["status"] == "running"
    home.touch("go")
    assert home.end_of(supervisor).code == 0


def test_a_home_may_replace_the_prompt(home: ScratchHome) -> None:
    home.agent("writer")
    (home.root / "config/prompts/step.md.j2").write_text("Do {{ task.id }} as {{ agent }}.\n")
    home.task("t", "writer")
    home.serve()
    assert home.prompts("t") == ["Do t as writer.\n"]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("one\n{% if %}\n", "step.md.j2:2"),
        ("one\ntwo\n{{ nobody.knows }}\n", "step.md.j2:3"),
        ("one\n{{ 1 // 0 }}\n", "step.md.j2:2"),
        ("one\n\n\n{{ task.id + 1 }}\n", "step.md.j2:4"),
        ("{% include 'other.j2' %}", "other.j2"),
        ("\n{{ task.__class__.__mro__ }}\n", "step.md.j2:2"),
    ],
)
def test_a_broken_prompt_template_blocks_with_its_file_and_line(home: ScratchHome, template: str, said: str) -> None:
    home.agent("writer")
    (home.root / "config/prompts/step.md.j2").write_text(template)
    home.task("t", "writer")
    home.serve()
    task = home.read("t")
    assert task.blocked is not None
    assert (task.status, task.current.attempts) == ("blocked", 0)
    assert said in task.blocked.reason
    assert home.outcomes("t") == ["agent_missing"]


# -- what people do to a running agent ----------------------------------------------------------------------------


def running(home: ScratchHome, *agents: str, **fields: Any) -> Any:
    """A supervisor whose agent is at work on ``t``; returns it and the agent."""
    home.task("t", *agents, **fields)
    supervisor = home.supervise()
    return supervisor, home.processes_in("pids")[0]


def test_cancelling_ends_the_run_and_then_the_task(home: ScratchHome) -> None:
    home.agent("writer", STAYS)
    supervisor, agent = running(home, "writer", "writer")
    asked = home.do("t", c.CancelTask(by="ann", reason="not needed"))
    assert asked.status == "in_progress"
    assert home.end_of(supervisor).code == 0
    are_gone([agent])
    assert home.read("t").status == "cancelled"
    assert not home.wiring.store.tasks.is_live("t")
    assert home.runs("t")[0]["outcome"] == "revoked"
    assert home.types("t") == ["task_created", "lease_granted", "lease_revoked", "run_ended", "task_cancelled"]


def test_a_revocation_is_seen_long_before_the_next_beat(home: ScratchHome) -> None:
    home.agent("writer", "trap 'note seen 1; exit' TERM; note pids $$; wait_for go")
    home.settings(lease={"heartbeat": "20s"})
    supervisor, _ = running(home, "writer")
    home.do("t", c.CancelTask(by="ann", reason="not needed"))
    start = time.monotonic()
    home.noted("seen")
    assert time.monotonic() - start < 5.0  # two looks a second, on a machine however busy
    assert home.end_of(supervisor).code == 0


def test_blocking_ends_the_run_and_unblocking_starts_it_again(home: ScratchHome) -> None:
    home.agent("writer", STAYS)
    supervisor, agent = running(home, "writer")
    home.do("t", c.BlockTask(by="ann", reason="waits for a photo"))
    assert home.end_of(supervisor).code == 0
    are_gone([agent])
    task = home.read("t")
    assert task.blocked is not None
    assert (task.blocked.kind, task.blocked.reason, task.current.attempts) == ("person", "waits for a photo", 0)
    home.touch("go")
    home.do("t", c.UnblockTask(by="ann"))
    home.serve()
    assert home.outcomes("t") == ["revoked", "completed"]


def test_a_person_cannot_send_back_what_runs_without_stopping_it(home: ScratchHome) -> None:
    home.agent("writer", STAYS)
    supervisor, agent = running(home, "writer")
    answer = home.run("request_revision.py", "t", "--to-step", "0", "--notes", "Shorter", "--by-person")
    assert (answer.code, answer.json["error"]["code"]) == (1, "lease_held")
    home.beats(3)
    assert agent.is_alive
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    assert home.outcomes("t") == ["completed"]


def test_a_person_may_stop_the_run_and_send_the_task_back(home: ScratchHome) -> None:
    home.agent("writer", '[ "$BATON_LEASE" != 1 ] || { note pids $$; wait_for go; }')
    supervisor, agent = running(home, "writer")
    words = ("request_revision.py", "t", "--to-step", "0", "--notes", "Shorter", "--by-person", "--stop-run")
    answer = home.run(*words)
    assert (answer.code, answer.json) == (0, {"revised": True, "revision_count": 1})
    assert not agent.is_alive
    assert home.end_of(supervisor).code == 0
    home.becomes_quiet()
    assert home.outcomes("t") == ["revoked", "completed"]
    assert "Shorter" in home.prompts("t")[1]


def test_a_lease_taken_away_by_force_is_granted_anew(home: ScratchHome) -> None:
    home.agent("writer", '[ "$BATON_LEASE" != 1 ] || { note pids $$; wait_for go; }')
    supervisor, agent = running(home, "writer")
    answer = home.run("release_lock.py", "t", "--force")
    assert (answer.code, answer.json) == (0, {"released": True})
    assert home.end_of(supervisor).code == 0
    are_gone([agent])
    task = home.read("t")
    assert home.outcomes("t") == ["revoked", "completed"]
    assert (task.token, task.current.attempts, task.current.interruptions) == (2, 1, 0)


def test_a_paused_campaign_finishes_its_step_and_starts_no_other(home: ScratchHome) -> None:
    home.agent("writer", STAYS)
    home.campaign("spring", "writer", "writer")
    home.run("activate_campaign.py", "spring")
    home.noted("pids")
    home.wiring.door.campaign("spring", PauseCampaign(by="ann"))
    home.touch("go")
    home.becomes_quiet()
    assert home.outcomes("spring-001") == ["completed"]
    assert home.read("spring-001").leases == ()
    assert home.sweep()["redispatched"] == 0
    home.wiring.door.campaign("spring", ResumeCampaign(by="ann"))
    assert home.sweep()["redispatched"] == 1
    home.becomes_quiet()
    assert home.read("spring-001").status == "completed"


def test_the_stop_file_lets_a_step_end_and_no_other_start(home: ScratchHome) -> None:
    home.agent("writer", STAYS)
    supervisor, agent = running(home, "writer", "writer")
    home.touch("state/stop")
    home.beats(3)
    assert agent.is_alive
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    assert home.outcomes("t") == ["completed"]
    assert home.sweep()["redispatched"] == 0
    assert home.invoke("writer", "t").code == 75
    (home.root / "state/stop").unlink()
    assert home.sweep()["redispatched"] == 1
    home.becomes_quiet()
    assert home.read("t").status == "completed"


@pytest.mark.parametrize("wish", ["cancel", "block", "revise", "stop"])
def test_a_report_that_was_durable_before_a_revocation_counts(home: ScratchHome, wish: str) -> None:
    home.agent("writer", f'[ "$BATON_LEASE" != 1 ] || complete_step.py --summary done >/dev/null; {STAYS}')
    home.settings(timeouts={"grace": "5s"})
    supervisor, agent = running(home, "writer", "writer")
    assert home.types("t")[-1] == "run_reported"
    home.touch("state/stop")  # what is asked happens; that nothing follows it is not the question here
    commands = {
        "cancel": c.CancelTask(by="ann", reason="no"),
        "block": c.BlockTask(by="ann", reason="no"),
        "revise": c.ReviseByPerson(by="ann", to_step=0, notes="no", stop_run=True),
        "stop": c.RevokeLease(by="ann", reason="no"),
    }
    home.do("t", commands[wish])
    assert home.end_of(supervisor).code == 0
    are_gone([agent])
    happens = {"cancel": ["task_cancelled"], "block": ["task_blocked"], "revise": ["revision_requested"], "stop": []}
    told = ["run_reported", "lease_revoked", "run_ended", "step_completed", *happens[wish]]
    assert home.types("t")[2:] == told
    assert home.outcomes("t") == ["completed"]


def test_a_revoked_run_cannot_report(home: ScratchHome) -> None:
    home.agent(
        "writer",
        """
        trap 'complete_step.py --summary late >"$BATON_HOME/answer"; exit 0' TERM
        note pids $$
        wait_for go
        """,
    )
    home.settings(timeouts={"grace": "10s"})
    supervisor, _ = running(home, "writer", "writer")
    home.do("t", c.BlockTask(by="ann", reason="no"))
    assert home.end_of(supervisor).code == 0
    assert json.loads((home.root / "answer").read_text())["error"]["code"] == "lease_mismatch"
    assert home.outcomes("t") == ["revoked"]
    assert home.read("t").pipeline[0].status == "in_progress"


def test_a_late_report_of_a_replaced_run_is_refused(home: ScratchHome) -> None:
    home.agent("writer", '[ "$BATON_LEASE" != 1 ] || { env >"$BATON_HOME/environ"; note pids $$; wait_for go; }')
    home.task("t", "writer", "writer")
    supervisor = home.supervise()
    home.noted("pids")
    home.do("t", c.RevokeLease(by="ann", reason="stuck"))
    assert home.end_of(supervisor).code == 0
    former = dict(line.split("=", 1) for line in (home.root / "environ").read_text().splitlines())
    assert former["BATON_LEASE"] == "1"
    late = home.run("complete_step.py", "--summary", "late", **former)
    assert (late.code, late.json["error"]["code"]) == (1, "illegal_transition")  # the task has been completed since
    home.task("u", "writer")
    home.do("u", lambda task: c.AcquireByHand(agent="x", holder=home.wiring.clock.holder(), steal_after_seconds=9.0))
    late = home.run("complete_step.py", "--summary", "late", **(former | {"BATON_TASK": "u", "BATON_LEASE": "0"}))
    assert (late.code, late.json["error"]["code"]) == (1, "lease_mismatch")


def test_nothing_is_changed_by_a_broken_settings_file_while_an_agent_works(home: ScratchHome) -> None:
    home.agent("writer", STAYS)
    supervisor, _ = running(home, "writer", "writer")
    good = (home.root / "config/baton.yaml").read_text()
    (home.root / "config/baton.yaml").write_text("concurrency: [nonsense\n")
    home.beats(2)
    home.touch("go")
    ended = home.end_of(supervisor)
    assert "config/baton.yaml" in ended.err
    assert "Traceback" not in ended.err
    assert home.outcomes("t") == ["completed"]
    (home.root / "config/baton.yaml").write_text(good)
    home.serve()
    assert (home.read("t").status, home.outcomes("t")) == ("completed", ["completed"] * 2)


# -- from one run to the next -------------------------------------------------------------------------------------


def test_a_supervisor_goes_on_with_the_next_step_itself(home: ScratchHome) -> None:
    home.agent("writer", "note above $PPID")
    home.settings(concurrency=ONE)
    home.task("t", "writer", "writer", "writer")
    supervisor = home.supervise()
    assert home.end_of(supervisor).code == 0
    assert home.lines("above") == [str(supervisor.pid)] * 3
    assert home.read("t").status == "completed"
    # The end of one run and the grant of the next are one commit: they bear the same stamp.
    ends = [event["at"] for event in home.events("t", "run_ended")]
    grants = [event["at"] for event in home.events("t", "lease_granted")]
    assert ends[:2] == grants[1:]


@pytest.mark.parametrize(
    ("priority", "order"),
    [("urgent", ["t", "other", "t"]), ("medium", ["t", "t", "other"]), ("low", ["t", "t", "other"])],
)
def test_only_what_is_of_strictly_higher_priority_comes_before_the_next_step(
    home: ScratchHome, priority: str, order: list[str]
) -> None:
    home.agent("writer", 'note order "$BATON_TASK"; wait_for go')
    home.settings(concurrency=ONE)
    home.task("t", "writer", "writer")
    supervisor = home.supervise()
    home.noted("order")
    home.task("other", "writer", priority=priority)
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    assert home.lines("order") == order


def test_tasks_are_taken_by_priority_then_by_age(home: ScratchHome) -> None:
    home.settings(concurrency={"agents": 1})  # a second supervisor would work beside the first one
    home.agent("writer", 'note order "$BATON_TASK"')
    for id, priority in (("a", "low"), ("b", "medium"), ("c", "urgent"), ("d", "medium"), ("e", 7)):
        home.task(id, "writer", priority=priority)
    home.serve()
    assert home.lines("order") == ["c", "e", "b", "d", "a"]


@pytest.mark.parametrize("came", ["stop", "pause"])
def test_what_comes_between_grant_and_spawn_gives_the_grant_back(home: ScratchHome, came: str) -> None:
    home.agent("writer", "note ran 1")
    home.campaign("spring", "writer")
    home.run("activate_campaign.py", "spring", "--no-dispatch")
    ended = home.drive(
        f"""
        from baton.domain.campaigns import PauseCampaign
        supervisor = supervising.supervisor(wiring, take())
        supervisor.begin()
        granted = supervisor.granter.pick()
        print(granted.task.current.attempts)
        if {came!r} == "stop":
            open(wiring.home.stop_file, "w").close()
        else:
            door.campaign("spring", PauseCampaign(by="ann"))
        supervisor.serve(granted)
        """
    )
    assert (ended.out, ended.err, ended.code) == ("1\n", "", 0)
    task = home.read("spring-001")
    assert (task.leases, task.current.attempts, task.current.interruptions) == ((), 0, 0)
    assert home.outcomes("spring-001") == ["never_started"]
    assert home.lines("ran") == []


def test_a_supervisor_above_a_lowered_limit_ends_after_its_step(home: ScratchHome) -> None:
    home.agent("writer", 'note slots "$BATON_TASK"; wait_for "go-$BATON_TASK"')
    home.task("a", "writer", "writer")
    home.task("b", "writer", "writer")
    assert home.sweep()["redispatched"] == 2
    home.noted("slots", 2)
    slots = {home.task_in(number): number for number in (0, 1)}
    above, below = sorted(slots, key=lambda task: -slots[task])
    home.settings(concurrency=ONE)
    home.touch(f"go-{above}")
    eventually(lambda: not home.facts(1), "the end of the supervisor above the limit")
    assert home.outcomes(above) == ["completed"]
    home.touch(f"go-{below}")
    home.becomes_quiet()
    # Whoever stayed below the limit did all the rest.
    assert (home.outcomes("a"), home.outcomes("b")) == (["completed"] * 2, ["completed"] * 2)
    holders = [event["data"]["token"] for event in home.events(above, "lease_granted")]
    assert holders == [1, 2]


def test_a_supervisor_above_a_lowered_limit_moves_to_a_free_slot_below_it(home: ScratchHome) -> None:
    home.agent("writer", 'note slots "$BATON_TASK"; wait_for "go-$BATON_TASK"')
    home.settings(lease={"heartbeat": "20s"})  # nobody else looks for work meanwhile
    home.task("a", "writer")
    home.task("b", "writer")
    assert home.sweep()["redispatched"] == 2
    home.noted("slots", 2)
    above, below = home.task_in(1), home.task_in(0)
    home.touch(f"go-{below}")
    eventually(lambda: not home.facts(0), "a free slot below the limit")
    home.settings(concurrency=ONE)
    home.task("c", "writer")
    home.touch("go-c")
    home.touch(f"go-{above}")
    home.becomes_quiet()
    assert home.outcomes("c") == ["completed"]


def test_a_raised_limit_is_used_at_the_next_beat(home: ScratchHome) -> None:
    home.agent("writer", 'note started "$BATON_TASK"; wait_for go')
    home.settings(concurrency=ONE)
    home.task("a", "writer")
    home.task("b", "writer")
    supervisor = home.supervise()
    home.noted("started")
    home.beats(2)
    assert home.lines("started") == ["a"]
    home.settings(concurrency={"agents": 2})
    assert home.noted("started", 2) == ["a", "b"]
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    home.becomes_quiet()


@pytest.fixture
def copied(tmp_path: Path) -> Any:
    """A home worked on by a toolkit of its own, which may be changed."""
    shutil.copytree(SCRIPTS, tmp_path / "toolkit/scripts", symlinks=True)
    for home in scratch_home(tmp_path / "home"):
        home.scripts = tmp_path / "toolkit/scripts"
        yield home


def next_look_at_code() -> None:
    """Wait until a supervisor will look at its code again."""
    now = time.monotonic()
    eventually(lambda: time.monotonic() > now + running_code.LOOK_SECONDS, "a second")


def test_changed_code_is_taken_up_between_runs_in_the_same_process_and_slot(copied: ScratchHome) -> None:
    words = "$(tr '\\0' ' ' <\"/proc/$PPID/cmdline\")"
    copied.agent("writer", f'note above $PPID; note words "{words}"; [ -n "$BATON_STEP" ] && wait_for "go-$BATON_STEP"')
    copied.settings(concurrency=ONE)
    copied.task("t", "writer", "writer", "writer")
    supervisor = copied.supervise()
    copied.noted("above")
    instance = copied.facts()["instance"]
    os.utime(copied.scripts / "baton/domain/ids.py")
    next_look_at_code()
    copied.touch("go-0")
    copied.noted("above", 2)
    assert copied.facts()["instance"] == instance
    assert copied.read("t").leases[0].holder.instance == instance
    copied.touch("go-1")
    copied.touch("go-2")
    assert copied.end_of(supervisor).code == 0
    assert copied.lines("above") == [str(supervisor.pid)] * 3
    assert copied.outcomes("t") == ["completed"] * 3
    first, second, third = copied.lines("words")
    assert "--slot" not in first
    assert "--slot 0:" in second  # it became another program
    assert second == third  # and did not do so again
    assert copied.read("t").leases == ()


def test_a_supervisor_that_takes_up_changed_code_loses_no_report(copied: ScratchHome) -> None:
    copied.agent("writer", "complete_step.py --summary 'from the report'; note pids $$; wait_for go", completes="agent")
    copied.settings(timeouts={"grace": "20s"})
    copied.task("t", "writer")
    copied.task("u", "writer")
    copied.settings(concurrency=ONE, timeouts={"grace": "20s"})
    supervisor = copied.supervise()
    copied.noted("pids")
    os.utime(copied.scripts / "baton/domain/ids.py")
    next_look_at_code()
    copied.touch("go")
    assert copied.end_of(supervisor).code == 0
    for id in ("t", "u"):
        task = copied.read(id)
        assert task.current.result is not None
        assert (task.status, task.current.result.summary) == ("completed", "from the report")


def test_code_that_changes_while_a_slot_is_free_does_no_harm(copied: ScratchHome) -> None:
    copied.agent("writer", "note ran 1")
    copied.task("t", "writer")
    ended = copied.drive(
        """
        held = take()
        supervisor = supervising.supervisor(wiring, held)
        free = held.free
        def free_and_change():
            free()
            os.utime(os.path.join(supervising.SCRIPTS, "baton/domain/ids.py"))
            print("changed", flush=True)
        held.free = free_and_change
        supervisor.serve()
        print("ended", flush=True)
        """
    )
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("changed\n")
    assert copied.outcomes("t") == ["completed"]


def test_a_file_of_the_code_that_cannot_be_looked_at_ends_no_supervisor(copied: ScratchHome) -> None:
    copied.agent("writer", "note pids $$; wait_for go")
    copied.settings(concurrency=ONE)
    copied.task("t", "writer", "writer")
    supervisor = copied.supervise()
    copied.noted("pids")
    # As an editor leaves it for a moment: the name is there, the file is not.
    (copied.scripts / "baton/domain/new.py").symlink_to("nowhere.py")
    copied.touch("go")
    assert copied.end_of(supervisor) == (0, "", "")
    assert copied.outcomes("t") == ["completed"] * 2


def test_a_supervisor_has_imported_everything_of_ours_before_it_grants(home: ScratchHome) -> None:
    home.agent("writer", "complete_step.py --summary done")
    home.campaign("spring", "writer", "writer")
    home.run("activate_campaign.py", "spring", "--no-dispatch")
    (home.root / ".env").write_text("MY_KEY=1\n")
    home.agent("writer", "echo done", env="MY_KEY")
    ended = home.drive(
        """
        served = supervising.supervisor(wiring, take())
        known = set(sys.modules)
        served.serve()
        print(sorted(name for name in set(sys.modules) - known if name.startswith("baton")))
        """
    )
    assert (ended.out, ended.err) == ("[]\n", "")
    assert home.read("spring-001").status == "completed"


def test_a_run_ends_well_although_the_code_on_disk_is_broken_by_then(copied: ScratchHome) -> None:
    copied.agent("writer", "note pids $$; wait_for go; echo 'the last line'")
    copied.settings(concurrency=ONE)
    copied.campaign("spring", "writer")
    copied.run("activate_campaign.py", "spring", "--no-dispatch")
    supervisor = copied.supervise()
    copied.noted("pids")
    for path in (copied.scripts / "baton").rglob("*.py"):
        path.write_text("raise RuntimeError('half of an update')\n")
    next_look_at_code()
    copied.touch("go")
    assert "half of an update" in copied.end_of(supervisor).err  # that is how the program that took over ended
    result = copied.read("spring-001").pipeline[0].result
    assert result is not None
    assert (copied.outcomes("spring-001"), result.summary) == (["completed"], "the last line")
    campaign = copied.wiring.store.campaigns.read("spring")
    assert campaign is not None
    assert campaign.status == "completed"
    assert copied.runs("spring-001")[0]["status"] == "completed"


def test_a_run_that_acquires_by_hand_gets_its_own_token(home: ScratchHome) -> None:
    home.agent("writer", 'acquire_lock.py >"$BATON_HOME/answer"; note tokens "$BATON_LEASE"; complete_step.py')
    home.task("t", "writer")
    assert home.invoke("writer", "t").code == 0
    answer = json.loads((home.root / "answer").read_text())
    assert answer == {"acquired": True, "token": int(home.lines("tokens")[0])}
    assert home.types("t") == [
        "task_created", "lease_granted", "run_reported", "run_ended", "step_completed", "task_completed",
    ]  # fmt: skip


@pytest.mark.parametrize("script", ["activate", "complete", "release"])
def test_a_script_inside_a_run_starts_nobody_but_the_runs_supervisor_does(home: ScratchHome, script: str) -> None:
    calls = {
        "activate": "activate_campaign.py spring",
        "complete": "acquire_lock.py other --agent x && complete_step.py other --agent x",
        "release": "acquire_lock.py other --agent x && release_lock.py other --agent x",
    }
    home.settings(lease={"heartbeat": "1s"})
    home.agent("first", f'{{ {calls[script]}; }} >"$BATON_HOME/answer"; note mine $$; wait_for go-first')
    home.agent("second", "note second $$; note above $PPID; wait_for go-second")
    home.task("t", "first")
    if script == "activate":
        home.campaign("spring", "second")
    else:
        # Held by hand until the agent has started: nobody else may be quicker.
        home.task("other", *(("first", "second") if script == "complete" else ("second",)))
        by_hand = c.AcquireByHand(agent="x", holder=home.wiring.clock.holder(), steal_after_seconds=600.0)
        home.do("other", by_hand)
    starter = home.supervise()
    (agent,) = home.processes_in("mine")
    answer = [json.loads(line) for line in (home.root / "answer").read_text().splitlines()][-1]
    wanted = {"activate": ("dispatched", 0), "complete": ("completed", True), "release": ("released", True)}[script]
    assert answer[wanted[0]] == wanted[1]
    (above,) = home.processes_in("above")
    (second,) = home.processes_in("second")
    assert parent_of(above.pid) == starter.pid != agent.pid
    home.touch("go-first")
    assert home.end_of(starter).code == 0
    assert second.is_alive
    home.touch("go-second")
    home.becomes_quiet()
    assert home.outcomes("spring-001" if script == "activate" else "other") == ["completed"]


def test_no_agent_is_invoked_from_inside_a_run(home: ScratchHome) -> None:
    home.agent("writer", 'invoke_agent.py --json writer other >"$BATON_HOME/answer"; note codes $?')
    home.task("t", "writer")
    home.task("other", "writer", not_before="2099-01-01T00:00:00.000Z")
    assert home.invoke("writer", "t").code == 0
    assert home.lines("codes") == ["1"]
    assert json.loads((home.root / "answer").read_text())["error"]["code"] == "illegal_transition"


# -- a freed slot -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_what_becomes_ready_while_a_slot_is_freed_is_not_stranded(home: ScratchHome, moment: str) -> None:
    home.agent("writer", 'note ran "$BATON_TASK"')
    home.settings(concurrency=ONE)
    home.task("first", "writer")
    home.task("late", "writer", depends_on=("gate",))
    ended = home.drive(
        f"""
        from baton.domain.commands import MeetDependency
        held = take()
        supervisor = supervising.supervisor(wiring, held)
        free, unlock = held.free, supervising.os.close
        def make_ready():
            door.task("late", MeetDependency(dependency="gate"))
            print(wiring.dispatch().started, flush=True)
        def around():
            if {moment!r} == "before":
                make_ready()
            if {moment!r} == "between":
                sup, held.supervisor_fileno = held.supervisor_fileno, None
                held_file, held.fileno = held.fileno, sup
                free()  # the supervisor's half alone
                held.fileno = held_file
                make_ready()
            free()
            if {moment!r} == "after":
                make_ready()
        held.free = around
        supervisor.serve()
        """
    )
    started = {"before": "0\n", "between": "0\n", "after": "1\n"}
    assert (ended.out, ended.err, ended.code) == (started[moment], "", 0)
    home.becomes_quiet()
    assert home.lines("ran") == ["first", "late"]


def race_rounds(home: ScratchHome, rounds: int) -> None:
    """Make a unit ready just while a supervisor frees its slot, at another instant each time; none may be stranded."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    home.agent("writer", "exit 0")
    home.settings(concurrency=ONE)
    wiring = home.wiring
    for number in range(rounds):
        home.task(f"gate-{number}", "writer")
        home.task(f"late-{number}", "writer", depends_on=("gate",))
        supervisor = home.supervise()
        eventually(lambda name=f"gate-{number}": home.read(name).is_finished, f"the gate of round {number}, {seed=}")
        end = time.monotonic() + chance.uniform(0.0, 0.004)
        while time.monotonic() < end:
            pass
        wiring.door.task(f"late-{number}", c.MeetDependency(dependency="gate"))
        # As a dispatcher does: it takes the slot and starts a supervisor if it finds it free.
        slot = wiring.store.slots.take(1)
        home.end_of(supervisor)
        if slot is not None:
            slot.free()
            home.serve()
        assert home.read(f"late-{number}").is_finished, f"stranded in round {number}, {seed=}; {home.story()}"


def test_no_unit_is_stranded_by_a_race_for_a_freed_slot(home: ScratchHome) -> None:
    race_rounds(home, 12)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_unit_is_stranded_by_many_races_for_a_freed_slot(home: ScratchHome) -> None:
    race_rounds(home, 150)


def test_a_unit_that_cannot_be_granted_does_not_keep_a_supervisor_busy(home: ScratchHome) -> None:
    home.agent("writer", "note ran 1")
    home.task("t", "writer")
    ended = home.drive(
        """
        from baton.domain.errors import DiskFull
        refused = []
        def refuse(id, change):
            refused.append(id)
            assert len(refused) < 20, "it goes round and round"
            raise DiskFull("the disk is full")
        store.tasks.update = refuse
        supervising.supervisor(wiring, take()).serve()
        print(len(refused))
        """
    )
    assert (ended.err, ended.code) == ("", 0)
    assert 1 <= int(ended.out) <= 2
    home.serve()
    assert home.outcomes("t") == ["completed"]


def test_a_back_off_of_less_than_a_second_is_waited_for_by_nobody(home: ScratchHome) -> None:
    home.agent("writer", "exit 1")
    home.settings(retry={"backoff": "900ms", "backoff_max": "900ms", "max_attempts": 2})
    home.task("t", "writer")
    home.serve()
    assert home.outcomes("t") == ["failed"]
    assert home.read("t").current.not_before is not None
    eventually(lambda: (home.serve(), home.read("t").blocked)[1], "the last attempt")
    assert home.outcomes("t") == ["failed"] * 2


def test_a_supervisor_that_waits_for_room_on_the_disk_still_beats(home: ScratchHome) -> None:
    home.agent("writer", "note ran 1")
    home.task("t", "writer")
    ended = home.drive(
        """
        from baton.domain.errors import DiskFull
        from baton.engine import endings as module
        module.RETRY_SECONDS = 0.01
        served = supervising.supervisor(wiring, take())
        served.begin()
        granted = served.granter.pick()
        update, beats = store.tasks.update, set()
        def refuse(id, change):
            beats.add(store.slots.states()[0].facts["beat"])
            if len(beats) < 4:
                time.sleep(0.002)
                raise DiskFull("the disk is full")
            return update(id, change)
        store.tasks.update = refuse
        import threading
        threading.Timer(20, lambda: os._exit(9)).start()
        print(served.carry(granted, goes_on=False)[1].outcome, len(beats), flush=True)
        os._exit(0)
        """
    )
    assert ended.code == 0, ended
    assert ended.out.endswith("completed 4\n")
    assert "waits: the disk is full" in ended.out
    assert home.outcomes("t") == ["completed"]


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_lock_that_is_not_had_in_time_keeps_back_no_end_of_a_run(home: ScratchHome, refusals: int) -> None:
    home.agent("writer", "note ran 1")
    home.settings(concurrency=ONE)
    home.task("t", "writer", "writer")
    ended = home.drive(
        f"""
        from baton.domain.errors import Busy
        from baton.engine import endings as module
        module.RETRY_SECONDS = 0.01
        served = supervising.supervisor(wiring, take())
        served.begin()
        granted = served.granter.pick()
        update, refused = store.tasks.update, []
        def refuse(id, change):
            if len(refused) < {refusals}:
                refused.append(id)
                raise Busy("the lock was held by somebody else")
            return update(id, change)
        store.tasks.update = refuse
        served.serve(granted)
        print(len(refused))
        """
    )
    assert ended.out.splitlines()[-1] == str(refusals)
    assert ended.err == ""
    assert home.outcomes("t") == ["completed"] * 2
    assert home.lines("ran") == ["1"] * 2


def test_a_task_that_was_damaged_while_it_ran_stops_no_other(home: ScratchHome) -> None:
    home.agent("writer", 'note ran "$BATON_TASK"; [ "$BATON_TASK" != t ] || wait_for go')
    home.settings(concurrency=ONE)
    home.task("t", "writer", priority="urgent")
    home.task("u", "writer")
    supervisor = home.supervise()
    home.noted("ran")
    (home.root / "state/tasks/t.json").write_text("{")
    home.touch("go")
    ended = home.end_of(supervisor)
    assert ended.code == 0
    assert "the end of a run of task 't' was refused" in ended.err
    assert "Traceback" not in ended.err
    assert home.outcomes("u") == ["completed"]
    assert home.sweep()["quarantined"] == 1


def test_a_next_step_that_cannot_be_granted_keeps_back_no_end_of_a_run(home: ScratchHome) -> None:
    home.agent("writer", "note ran 1")
    home.settings(concurrency=ONE)
    home.task("t", "writer", "writer")
    ended = home.drive(
        """
        from baton.domain.errors import InvalidInput
        served = supervising.supervisor(wiring, take())
        served.begin()
        granted = served.granter.pick()
        refused = []
        def refuse(task, best):
            refused.append(task.id)
            raise InvalidInput("the settings are broken")
        served.granter.successor = refuse
        print(served.carry(granted, goes_on=True)[1].outcome, refused, flush=True)
        os._exit(0)
        """
    )
    assert (ended.out, ended.err) == ("completed ['t']\n", "")
    assert home.outcomes("t") == ["completed"]


# -- by hand ------------------------------------------------------------------------------------------------------


def test_a_detached_run_goes_on_with_what_is_ready(home: ScratchHome) -> None:
    home.agent("writer", 'note ran "$BATON_TASK $PPID"')
    home.task("t", "writer", "writer")
    answer = home.run("invoke_agent.py", "writer", "t", "--detach", "--json")
    assert answer.code == 0
    home.becomes_quiet()
    assert home.lines("ran") == [f"t {answer.json['pid']}"] * 2


def test_a_detached_run_whose_task_was_blocked_meanwhile_serves_another(home: ScratchHome) -> None:
    home.agent("writer", 'note ran "$BATON_TASK"')
    home.task("t", "writer")
    home.task("u", "writer")
    home.do("t", c.BlockTask(by="ann", reason="no"))
    ended = home.drive(
        """
        slot = take()
        print(supervising._serve_target(wiring, "writer", "t", slot).data)
        """
    )
    assert (ended.out, ended.err) == ("{'served': True}\n", "")
    assert home.lines("ran") == ["u"]


def test_an_invoked_agent_frees_its_slot_for_a_detached_supervisor(home: ScratchHome) -> None:
    home.agent("writer", 'note ran "$BATON_STEP $PPID"')
    home.settings(concurrency=ONE)
    home.task("t", "writer", "writer")
    process = home.start("invoke_agent.py", "writer", "t")
    assert home.end_of(process).code == 0
    home.becomes_quiet()
    (first, second) = (line.split() for line in home.lines("ran"))
    assert first == ["0", str(process.pid)]
    assert second[0] == "1"
    assert second[1] != str(process.pid)


@pytest.mark.parametrize(
    ("arrange", "code", "said"),
    [
        ("other agent", 1, "is writer's, not reviewer's"),
        ("held", 75, "held by writer by hand"),
        ("stopped", 75, "state/stop"),
        ("no slot", 75, "every slot is in use"),
        ("backs off", 75, "backs off until"),
        ("blocked", 1, "blocked"),
    ],
)
def test_an_invocation_that_cannot_be_says_why(home: ScratchHome, arrange: str, code: int, said: str) -> None:
    home.agent("writer", "exit 1")
    home.agent("reviewer")
    home.task("t", "writer")
    slot = None
    if arrange == "held":
        home.run("acquire_lock.py", "t", "--agent", "writer")
    elif arrange == "stopped":
        home.touch("state/stop")
    elif arrange == "no slot":
        home.settings(concurrency=ONE)
        slot = home.wiring.store.slots.take(1)
    elif arrange == "backs off":
        home.invoke("writer", "t")
    elif arrange == "blocked":
        home.do("t", c.BlockTask(by="ann", reason="no"))
    answer = home.run("invoke_agent.py", "reviewer" if arrange == "other agent" else "writer", "t")
    assert answer.code == code
    assert said in answer.err
    if slot is not None:
        slot.free()
    assert home.outcomes("t") == (["failed"] if arrange == "backs off" else [])


def test_attempts_follow_each_other_in_one_supervisor_when_there_is_no_back_off(home: ScratchHome) -> None:
    home.agent("writer", "note above $PPID; exit 1")
    home.settings(retry=AT_ONCE)
    home.task("t", "writer")
    home.serve()
    assert len(set(home.lines("above"))) == 1
    assert len(home.lines("above")) == 3


def test_the_end_of_a_run_is_kept_though_what_is_ready_cannot_be_read(home: ScratchHome) -> None:
    home.agent("writer", 'mv "$BATON_HOME/state/ready" "$BATON_HOME/away"; ln -s ready "$BATON_HOME/state/ready"')
    home.task("t", "writer", "writer")

    ended = home.end_of(home.supervise())

    assert "what is ready cannot be read" in ended.err
    assert "Traceback" not in ended.err
    assert home.outcomes("t") == ["completed"]
    (home.root / "state/ready").unlink()
    (home.root / "away").rename(home.root / "state/ready")
    assert home.sweep()["errors"] == []
