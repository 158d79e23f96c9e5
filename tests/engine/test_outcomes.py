"""How runs end, with real agents: for each outcome the record, the run's record, the events, and what comes next."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from tests.engine.homes import AT_ONCE, ScratchHome, are_gone

from baton.domain import commands as c
from baton.domain.pipelines import Step
from baton.domain.statuses import ReportKind

FOREVER = "note pids $$; wait_for never"


def ended(home: ScratchHome, task: str = "t") -> list[dict[str, Any]]:
    """What the records of a task's runs say about their ends, oldest first."""
    keys = ("status", "outcome", "kind", "exit_code", "attempt", "step")
    return [{key: run.get(key) for key in keys} for run in home.runs(task)]


def an_end(outcome: str, status: str = "failed", **more: Any) -> dict[str, Any]:
    """What the record of an ended run says, unless otherwise said."""
    return {"status": status, "outcome": outcome, "kind": None, "exit_code": None, "attempt": 1, "step": 0} | more


# -- done ---------------------------------------------------------------------------------------------------------


def test_an_agent_that_exits_0_has_completed_its_step(home: ScratchHome) -> None:
    home.agent("writer", "echo one; echo 'the last line'")
    home.task("t", "writer")
    answer = home.invoke("writer", "t")
    assert answer.code == 0
    assert answer.json["outcome"] == "completed"
    task = home.read("t")
    assert (task.status, task.leases, task.current.attempts) == ("completed", (), 1)
    assert task.current.result is not None
    assert (task.current.result.summary, task.current.result.run) == ("the last line", answer.json["run"])
    assert ended(home) == [an_end("completed", "completed", exit_code=0)]
    assert home.types("t") == ["task_created", "lease_granted", "run_ended", "step_completed", "task_completed"]


def test_what_a_silent_agent_left_where_it_should_is_its_output(home: ScratchHome) -> None:
    home.agent("writer", 'mkdir drafts; echo text >"drafts/$BATON_TASK.md"')
    home.task("t", Step(agent="writer", output_dir="drafts"))
    assert home.invoke("writer", "t").code == 0
    result = home.read("t").current.result
    assert result is not None
    assert result.outputs == ("drafts/t.md",)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace tells what is synced, and when")
def test_what_a_silent_agent_left_is_on_the_disk_before_its_step_is_completed(home: ScratchHome) -> None:
    home.agent("writer", 'mkdir drafts; echo text >"drafts/$BATON_TASK.md"')
    home.task("t", Step(agent="writer", output_dir="drafts"))
    log = home.root / "strace"
    script = str(home.scripts / "invoke_agent.py")
    words = ["strace", "-qq", "-y", "-e", "trace=fsync,rename", "-o", str(log), sys.executable, script, "writer", "t"]

    done = subprocess.run(words, env=home.environ(), capture_output=True, check=False)

    assert (done.returncode, home.read("t").status) == (0, "completed")
    calls = log.read_text().splitlines()
    synced = [place for place, call in enumerate(calls) if call.startswith("fsync") and "/drafts/t.md>" in call]
    committed = [
        place for place, call in enumerate(calls) if call.startswith("rename") and "/state/tasks/t.json" in call
    ]
    assert len(synced) == 1
    assert committed[0] < synced[0] < committed[1]


def test_a_report_of_completion_says_what_the_step_left(home: ScratchHome) -> None:
    home.agent(
        "writer",
        """
        echo text >out.md
        complete_step.py --output out.md --summary 'A draft' --quality-score 81.5 --result '{"words": 9}' \\
            >"$BATON_HOME/answer"
        echo 'not the summary'
        """,
        completes="agent",
    )
    home.task("t", "writer", "reviewer")
    answer = home.invoke("writer", "t")
    assert (answer.code, answer.json["outcome"]) == (0, "completed")
    assert (home.root / "answer").read_text() == (
        '{"completed":true,"next_step":1,"next_agent":"reviewer","new_status":"in_progress"}\n'
    )
    result = home.read("t").pipeline[0].result
    assert result is not None
    assert (result.outputs, result.summary, result.quality_score) == (("out.md",), "A draft", 81.5)
    assert result.data == {"words": 9}
    assert ended(home)[0] == an_end("completed", "completed", exit_code=0)
    told = ["task_created", "lease_granted", "run_reported", "run_ended", "step_completed"]
    assert home.types("t")[:5] == told


def test_a_report_in_the_last_moment_of_a_run_is_heard(home: ScratchHome) -> None:
    """Between the supervisor's last look and the agent's end. Three times, for a look may fall just there."""
    home.agent("writer", 'note here; wait_for "$BATON_TASK"', completes="agent")
    for place, task in enumerate(("t-1", "t-2", "t-3")):
        home.task(task, "writer")
        process = home.start("invoke_agent.py", "writer", task)
        home.noted("here", place + 1)
        home.do(task, c.ReportRun(token=1, kind=ReportKind.COMPLETED, agent="writer"))
        home.touch(task)
        assert home.end_of(process).code == 0
        assert ended(home, task) == [an_end("completed", "completed", exit_code=0)]


def test_a_report_counts_whatever_the_exit_code(home: ScratchHome) -> None:
    home.agent("writer", "complete_step.py --summary done; exit 9")
    home.task("t", "writer")
    answer = home.invoke("writer", "t")
    assert (answer.code, answer.json["outcome"], home.read("t").status) == (0, "completed", "completed")
    assert ended(home) == [an_end("completed", "completed", exit_code=9, kind="exit_code")]


def test_the_first_report_of_a_run_stands(home: ScratchHome) -> None:
    home.agent(
        "writer",
        """
        complete_step.py --summary first >/dev/null
        complete_step.py --summary first >"$BATON_HOME/same"; note codes $?
        complete_step.py --summary second >"$BATON_HOME/other"; note codes $?
        release_lock.py >/dev/null; note codes $?
        """,
    )
    home.settings(timeouts={"grace": "30s"})
    home.task("t", "writer")
    assert home.invoke("writer", "t").code == 0
    assert home.lines("codes") == ["0", "1", "1"]
    assert '"completed":true' in (home.root / "same").read_text()
    assert '"code":"illegal_transition"' in (home.root / "other").read_text()
    result = home.read("t").current.result
    assert result is not None
    assert result.summary == "first"


def test_an_agent_that_stays_after_its_report_is_ended_after_the_grace(home: ScratchHome) -> None:
    home.agent("writer", f"trap '' TERM; complete_step.py --summary done >/dev/null; {FOREVER}")
    home.settings(timeouts={"grace": "1s"})
    home.task("t", "writer")
    process = home.start("invoke_agent.py", "writer", "t")
    stays = home.processes_in("pids")
    assert home.end_of(process).code == 0
    are_gone(stays)
    assert (home.read("t").status, home.outcomes("t")) == ("completed", ["completed"])
    assert ended(home) == [an_end("completed", "completed")]


def test_an_agent_may_send_the_task_back(home: ScratchHome) -> None:
    home.agent("writer", "echo written")
    home.agent("reviewer", "[ \"$BATON_LEASE\" != 2 ] || request_revision.py --to-step 0 --notes 'Name your sources'")
    home.task("t", "writer", "reviewer")
    home.serve()
    (sent_back,) = home.events("t", "revision_requested")
    assert sent_back["data"] == {
        "unit": "s1", "to_step": 0, "to_agent": "writer", "by": "reviewer", "notes": "Name your sources", "revision_count": 1,
    }  # fmt: skip
    assert home.outcomes("t") == ["completed", "sent_back", "completed", "completed"]
    assert ended(home)[1] == an_end("sent_back", "completed", exit_code=0, step=1)
    assert [type for type in home.types("t") if type != "lease_granted"] == [
        "task_created", "run_ended", "step_completed", "run_reported", "run_ended", "revision_requested",
        "run_ended", "step_completed", "run_ended", "step_completed", "task_completed",
    ]  # fmt: skip


def test_sent_back_is_a_good_end_for_whoever_invoked_it(home: ScratchHome) -> None:
    home.agent("reviewer", "request_revision.py --to-step 0 --notes 'Again'", completes="agent")
    home.settings(retry={"max_revisions": 1})
    home.task("t", "reviewer")
    answer = home.invoke("reviewer", "t")
    assert (answer.code, answer.json["outcome"]) == (0, "sent_back")
    home.becomes_quiet()


def test_after_too_many_revisions_a_person_is_asked(home: ScratchHome) -> None:
    home.agent("writer", "echo written")
    home.agent("reviewer", 'request_revision.py --to-step 0 --notes "Round $BATON_LEASE"', completes="agent")
    home.settings(retry={"max_revisions": 1})
    home.task("t", "writer", "reviewer")
    home.serve()
    task = home.read("t")
    assert task.blocked is not None
    assert (task.status, task.blocked.kind, task.revision_count) == ("blocked", "review", 2)
    assert "Round 4" in task.blocked.reason
    assert home.outcomes("t") == ["completed", "sent_back", "completed", "sent_back"]


# -- not done -----------------------------------------------------------------------------------------------------


def test_a_released_task_counts_an_attempt_and_backs_off(home: ScratchHome) -> None:
    home.agent("writer", "release_lock.py --notes 'The source is down'", completes="agent")
    home.task("t", "writer")
    answer = home.invoke("writer", "t")
    assert (answer.code, answer.json["outcome"]) == (1, "released")
    unit = home.read("t").current
    assert (unit.attempts, unit.status) == (1, "in_progress")
    assert unit.not_before is not None
    assert [(one.outcome, one.kind, one.message) for one in unit.failures] == [
        ("released", "release", "The source is down")
    ]
    assert ended(home) == [an_end("released", exit_code=0)]
    assert home.types("t") == ["task_created", "lease_granted", "run_reported", "run_ended"]


def test_an_agent_that_should_report_and_does_not_has_not_completed(home: ScratchHome) -> None:
    home.agent("writer", "echo 'I am done'", completes="agent")
    home.task("t", "writer")
    answer = home.invoke("writer", "t")
    assert (answer.code, answer.json["outcome"]) == (1, "not_completed")
    unit = home.read("t").current
    assert [(one.outcome, one.kind, one.exit_code) for one in unit.failures] == [("not_completed", "no_report", 0)]
    assert unit.failures[0].message.endswith("it ended without calling complete_step")
    assert ended(home) == [an_end("not_completed", exit_code=0, kind="no_report")]
    assert home.types("t") == ["task_created", "lease_granted", "run_ended"]


def test_a_failed_attempt_keeps_its_exit_code_and_last_words(home: ScratchHome) -> None:
    home.agent("writer", "echo 'to stdout'; echo 'to stderr' >&2; exit 3")
    home.task("t", "writer")
    answer = home.invoke("writer", "t")
    assert (answer.code, answer.json["outcome"]) == (1, "failed")
    unit = home.read("t").current
    assert (unit.attempts, len(unit.failures)) == (1, 1)
    failure = unit.failures[0]
    assert (failure.outcome, failure.kind, failure.exit_code) == ("failed", "exit_code", 3)
    assert failure.message == "[stdout]\nto stdout\n[stderr]\nto stderr"
    assert ended(home) == [an_end("failed", exit_code=3, kind="exit_code")]
    assert home.types("t") == ["task_created", "lease_granted", "run_ended", "agent_crashed"]


def test_only_the_last_lines_of_a_failed_attempt_are_kept(home: ScratchHome) -> None:
    home.agent("writer", "seq 1 5000; exit 1")
    home.task("t", "writer")
    home.invoke("writer", "t")
    assert home.read("t").current.failures[0].message == "\n".join(("[stdout]", *map(str, range(4981, 5001))))


def test_the_next_attempt_is_told_how_the_last_one_failed(home: ScratchHome) -> None:
    home.agent("writer", 'echo "lost $BATON_LEASE" >&2; [ "$BATON_LEASE" = 2 ] || exit 7')
    home.settings(retry=AT_ONCE)
    home.task("t", "writer")
    home.serve()
    first, second = home.prompts("t")
    assert "did not end well" not in first
    told = second.partition("## Earlier attempts at this step did not end well\n")[2]
    assert "failed, exit code 7\n" in told
    assert "\n  [stderr]\n  lost 1\n" in told
    assert (home.read("t").status, home.outcomes("t")) == ("completed", ["failed", "completed"])


def test_only_the_last_failures_are_told_and_the_rest_of_the_prompt_stays(home: ScratchHome) -> None:
    home.agent("writer", 'echo "lost $BATON_LEASE"; exit 1')
    home.settings(retry=AT_ONCE | {"max_attempts": 5})
    home.task("t", "writer", description="About rye bread")
    home.serve()
    prompts = home.prompts("t")
    assert [[n for n in range(1, 6) if f"lost {n}\n" in one] for one in prompts] == [
        [],
        [1],
        [1, 2],
        [1, 2, 3],
        [2, 3, 4],
    ]
    start, _, end = prompts[0].replace("Attempt 1 of 5", "Attempt N").partition("## How to end")
    for number, prompt in enumerate(prompts[1:], 2):
        later = prompt.replace(f"Attempt {number} of 5", "Attempt N")
        assert later.startswith(start.rstrip("\n"))
        assert later.endswith(end)


def test_a_revision_has_only_its_own_notes(home: ScratchHome) -> None:
    home.agent("writer", "echo written")
    home.agent(
        "reviewer",
        '[ "$BATON_LEASE" -ge 6 ] && exit 0; request_revision.py --to-step 0 --notes "Round $BATON_LEASE"',
    )
    home.task("t", "writer", "reviewer")
    home.serve()
    written = [prompt for prompt in home.prompts("t") if "You are **writer**" in prompt]
    assert [[n for n in (2, 4) if f"Round {n}" in prompt] for prompt in written] == [[], [2], [4]]


# -- ended by somebody --------------------------------------------------------------------------------------------


def test_an_agent_out_of_time_is_asked_to_end(home: ScratchHome) -> None:
    home.agent("writer", "exec 2>&-; trap 'note signs TERM; exit 0' TERM; echo working; wait_for never")
    home.task("t", Step(agent="writer", timeout="1s"))
    answer = home.invoke("writer", "t")
    assert (answer.code, answer.json["outcome"]) == (1, "timed_out")
    assert home.lines("signs") == ["TERM"]
    failure = home.read("t").current.failures[0]
    assert (failure.outcome, failure.kind) == ("timed_out", "timeout")
    assert failure.message == "[stdout]\nworking\nit did not end within 1 s"
    assert ended(home) == [an_end("timed_out", exit_code=0, kind="timeout")]
    assert home.types("t") == ["task_created", "lease_granted", "run_ended", "agent_crashed"]


def test_the_whole_group_of_an_agent_out_of_time_is_asked_to_end(home: ScratchHome) -> None:
    home.agent(
        "writer", "(trap 'sleep 0.1; note signs child; exit' TERM; note ready 1; wait_for never) & wait_for never"
    )
    home.task("t", Step(agent="writer", timeout="1500ms"))
    assert home.invoke("writer", "t").code == 1
    assert home.lines("ready")
    assert home.lines("signs") == ["child"]


def test_an_agent_that_ignores_term_is_killed_when_its_grace_is_over(home: ScratchHome) -> None:
    home.agent("writer", f"trap 'note signs TERM' TERM; {FOREVER}")
    home.settings(timeouts={"grace": "500ms"})
    home.task("t", Step(agent="writer", timeout="1s"))
    process = home.start("invoke_agent.py", "writer", "t")
    stays = home.processes_in("pids")
    home.noted("signs")
    asked = time.monotonic()
    assert home.end_of(process).code == 1
    assert time.monotonic() - asked > 0.3  # of the 500 ms that it has
    are_gone(stays)
    assert ended(home) == [an_end("timed_out", kind="timeout")]


def test_an_agent_killed_from_outside_loses_no_attempt(home: ScratchHome) -> None:
    home.agent("writer", '[ -e "$BATON_HOME/again" ] || { note pids $$; wait_for never; }')
    home.task("t", "writer")
    supervisor = home.supervise()
    killed = home.processes_in("pids")[0]
    home.touch("again")
    killed.kill()
    assert home.end_of(supervisor).code == 0
    task = home.read("t")
    assert (task.status, task.current.attempts, task.current.interruptions) == ("completed", 1, 1)
    assert task.current.failures == ()
    assert ended(home) == [an_end("killed", kind="signal"), an_end("completed", "completed", exit_code=0)]
    assert home.types("t")[:5] == ["task_created", "lease_granted", "run_ended", "agent_crashed", "lease_granted"]
    assert (home.runs("t")[0]["error"]) == "ended by SIGKILL"


def test_an_agent_that_crashes_by_a_signal_of_its_own_has_failed(home: ScratchHome) -> None:
    home.agent("writer", "kill -SEGV $$")
    home.task("t", "writer")
    assert home.invoke("writer", "t").json["outcome"] == "failed"
    unit = home.read("t").current
    assert (unit.attempts, unit.interruptions, unit.failures[0].message) == (1, 0, "ended by SIGSEGV")
    assert ended(home) == [an_end("failed", kind="signal")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_supervisor_told_to_stop_ends_its_run_and_loses_no_attempt(home: ScratchHome, number: signal.Signals) -> None:
    home.agent("writer", f"setsid sleep 300 & note pids $!; {FOREVER}")
    home.task("t", "writer")
    supervisor = home.supervise()
    tree = home.processes_in("pids", 2)
    supervisor.send_signal(number)
    assert home.end_of(supervisor).code == 0
    are_gone(tree)
    task = home.read("t")
    assert (task.status, task.leases) == ("in_progress", ())
    assert (task.current.attempts, task.current.interruptions, task.current.not_before) == (0, 1, None)
    assert ended(home) == [an_end("interrupted", kind="stopped")]
    assert home.types("t") == ["task_created", "lease_granted", "run_ended"]


def test_a_terminal_that_closes_ends_nothing(home: ScratchHome) -> None:
    home.agent("writer", "note pids $$; wait_for go")
    home.task("t", "writer")
    supervisor = home.supervise()
    home.processes_in("pids")
    supervisor.send_signal(signal.SIGHUP)
    home.beats(2)
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    assert home.outcomes("t") == ["completed"]


# -- a person is needed -------------------------------------------------------------------------------------------


def missing_skill(home: ScratchHome) -> None:
    shutil.rmtree(home.root / "skills/writer")


def missing_program(home: ScratchHome) -> None:
    (home.root / "skills/writer/run").unlink()


def not_executable(home: ScratchHome) -> None:
    (home.root / "skills/writer/run").chmod(0o644)


def missing_interpreter(home: ScratchHome) -> None:
    (home.root / "skills/writer/run").write_text("#!/no/such/interpreter\n")


def missing_harness(home: ScratchHome) -> None:
    home.agent("writer", harness="x-nowhere")


def bad_front_matter(home: ScratchHome) -> None:
    (home.root / "skills/writer/SKILL.md").write_text("no front matter\n")


@pytest.mark.parametrize(
    ("spoil", "said", "cure"),
    [
        (missing_skill, "there is no agent 'writer'", "looked in "),
        (missing_program, "is not there", "restore the file"),
        (not_executable, "is not executable", "run: chmod +x "),
        (missing_interpreter, "could not be started", "an interpreter that exists"),
        (missing_harness, "do not describe the harness 'x-nowhere'", "under harness.own"),
        (bad_front_matter, "SKILL.md:1: has no front matter", "begin the file with"),
    ],
)
def test_an_agent_that_cannot_run_blocks_at_once_with_the_cure(
    home: ScratchHome, spoil: Any, said: str, cure: str
) -> None:
    home.agent("writer", "echo never")
    home.task("t", "writer")
    spoil(home)
    answer = home.invoke("writer", "t")
    assert (answer.code, answer.json["outcome"]) == (1, "agent_missing")
    task = home.read("t")
    assert task.blocked is not None
    assert (task.status, task.blocked.kind) == ("blocked", "agent")
    assert said in task.blocked.reason
    assert cure in task.blocked.reason
    assert (task.current.attempts, task.current.interruptions, task.current.failures) == (0, 0, ())
    assert home.types("t") == ["task_created", "lease_granted", "run_ended", "task_blocked"]
    assert ended(home)[0]["outcome"] == "agent_missing"
    assert not list((home.root / "logs/writer").glob("*.out"))


def test_a_machine_short_of_processes_is_no_missing_agent(home: ScratchHome) -> None:
    home.agent("writer", "echo never")
    home.task("t", "writer")
    ended_as = home.drive(
        """
        import subprocess
        def refuse(*words, **more):
            raise BlockingIOError(11, "Resource temporarily unavailable")
        supervisor = supervising.supervisor(wiring, take())
        supervisor.begin()
        granted = supervisor.granter.pick()
        subprocess.Popen = refuse
        print(supervisor.carry(granted, goes_on=False)[1].outcome)
        """
    )
    assert (ended_as.out, ended_as.err) == ("failed\n", "")
    task = home.read("t")
    assert (task.blocked, task.current.attempts) == (None, 1)
    assert "temporarily unavailable" in task.current.failures[0].message


def test_after_the_last_attempt_the_task_is_blocked_with_the_last_words(home: ScratchHome) -> None:
    home.agent("writer", 'echo "lost $BATON_LEASE"; exit 1')
    home.settings(retry=AT_ONCE | {"max_attempts": 2})
    home.task("t", "writer")
    home.serve()
    task = home.read("t")
    assert task.blocked is not None
    assert (task.status, task.blocked.kind, task.blocked.unit) == ("blocked", "attempts", "s1")
    assert task.blocked.reason == "writer failed; that was attempt 2 of 2: lost 2"
    assert (task.current.status, task.current.attempts) == ("failed", 2)
    assert ended(home) == [an_end("failed", exit_code=1, kind="exit_code", attempt=number) for number in (1, 2)]
    assert home.types("t")[-3:] == ["run_ended", "agent_crashed", "task_blocked"]


@pytest.mark.parametrize(("step", "skill", "attempts"), [(None, None, 3), (None, "2", 2), (1, "2", 1)])
def test_the_attempts_of_the_step_count_before_the_skills_and_those_before_the_settings(
    home: ScratchHome, step: int | None, skill: str | None, attempts: int
) -> None:
    home.agent("writer", "exit 1", **({"max_attempts": skill} if skill else {}))
    home.settings(retry=AT_ONCE | {"max_attempts": 3})
    home.task("t", Step(agent="writer", max_attempts=step))
    home.serve()
    assert home.outcomes("t") == ["failed"] * attempts


def test_after_too_many_interruptions_the_task_is_blocked(home: ScratchHome) -> None:
    home.agent("writer", "kill -KILL $$")
    home.settings(retry={"max_interruptions": 2})
    home.task("t", "writer")
    home.serve()
    task = home.read("t")
    assert task.blocked is not None
    assert (task.status, task.blocked.kind) == ("blocked", "interruptions")
    assert "it was interrupted 3 times, more than max_interruptions (2)" in task.blocked.reason
    assert (task.current.attempts, task.current.interruptions) == (0, 3)
    assert home.outcomes("t") == ["killed"] * 3
