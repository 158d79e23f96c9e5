"""``complete_step.py``: the only way to advance a task. By hand at once; inside a run as its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import LINE, SETTINGS, Home, tree, wait_for

# An agent that completes its step, says the same again, then something else, and lives on for a while.
REPORTS = """\
#!/bin/sh
[ "$BATON_STEP" = 0 ] || exec sleep 60
echo text > article.md
say() { name=$1; shift; complete_step.py "$@" > $name.json; echo $? > $name.code; }
say first --output article.md --summary 'Nine hundred words' --quality-score 82 --result '{"words": 900}'
say again --output article.md --summary 'Nine hundred words' --quality-score 82 --result '{"words": 900}'
say other --output article.md --summary 'No, eight hundred'
request_revision.py --to-step 0 --notes 'I changed my mind' > revision.json
cp "$BATON_HOME/state/tasks/$BATON_TASK.json" record.json
"""


def test_the_answer_says_who_is_next(home: Home) -> None:
    home.make_task()
    home.acquire()
    done = home.call("complete_step", "t-1", "--agent", "alpha")
    assert (done.code, done.err) == (0, "")
    assert done.json == {"completed": True, "next_step": 1, "next_agent": "beta", "new_status": "researched"}


def test_the_last_step_completes_the_task(home: Home) -> None:
    home.make_task()
    answers = [home.complete(agent=agent) for agent in LINE]
    assert [answer["new_status"] for answer in answers] == ["researched", "drafted", "completed"]
    assert answers[-1] == {"completed": True, "next_step": None, "next_agent": None, "new_status": "completed"}


def test_a_finished_task_is_archived(home: Home) -> None:
    home.make_task(agents=["alpha"])
    home.complete()
    assert not (home.state / "tasks/t-1.json").exists()
    assert json.loads((home.state / "archive/tasks/t-1.json").read_text())["status"] == "completed"


def test_the_record_moves_on_and_the_lease_is_gone(home: Home) -> None:
    home.make_task()
    home.complete()
    record = home.record()
    assert (record["pipeline_step"], record["locked_by"], record["leases"]) == (1, None, [])
    assert [step["status"] for step in record["pipeline"]] == ["completed", "in_progress", "pending"]


def test_what_was_said_stands_in_the_record(home: Home) -> None:
    home.make_task()
    (home.workspace() / "a.md").write_text("text")
    words = [
        "--output",
        "a.md",
        "--summary",
        "Words",
        "--quality-score",
        "82.5",
        "--readability-score",
        "0",
        "--result",
    ]
    home.complete("t-1", "alpha", *words, '{"words": 900}')
    record = home.record()
    result = record["pipeline"][0]["result"]
    assert (result["outputs"], result["summary"], result["data"]) == (["a.md"], "Words", {"words": 900})
    assert (result["quality_score"], result["readability_score"]) == (82.5, 0)
    assert (record["quality_score"], record["readability_score"]) == (82.5, 0)


def test_without_scores_the_former_ones_stay(home: Home) -> None:
    home.make_task()
    home.complete("t-1", "alpha", "--quality-score", "70")
    home.complete("t-1", "beta")
    assert home.record()["quality_score"] == 70


@pytest.mark.parametrize("holder", [None, "beta"], ids=["nobody holds it", "beta holds it"])
def test_whoever_does_not_hold_the_lease_is_refused(home: Home, holder: str | None) -> None:
    home.make_task()
    if holder:
        home.acquire(agent=holder)
    before = home.record()
    done = home.call("complete_step", "t-1", "--agent", "alpha")
    assert done.refusal == (1, "lease_mismatch")
    assert home.record() == before


def test_the_second_time_is_refused(home: Home) -> None:
    home.make_task()
    home.complete()
    assert home.call("complete_step", "t-1", "--agent", "alpha").refusal == (1, "lease_mismatch")
    assert home.record()["pipeline_step"] == 1


def test_a_finished_task_cannot_be_completed_again(home: Home) -> None:
    home.make_task(agents=["alpha"])
    home.complete()
    assert home.call("complete_step", "t-1", "--agent", "alpha").refusal == (1, "illegal_transition")


def test_a_task_that_does_not_exist_is_not_found(home: Home) -> None:
    assert home.call("complete_step", "nope", "--agent", "alpha").refusal == (1, "task_not_found")
    assert home.call("complete_step", "nope", "--agent", "alpha", "--output", "x").refusal == (1, "task_not_found")


def test_task_and_agent_come_from_the_environment_where_they_are_left_out(home: Home) -> None:
    home.make_task()
    home.acquire()
    assert home.ok("complete_step", BATON_TASK="t-1", BATON_AGENT="alpha").json["next_step"] == 1


def test_a_lease_of_another_task_is_not_used(home: Home) -> None:
    home.make_task("t-1")
    home.make_task("t-2")
    home.acquire("t-2")
    environ = {"BATON_TASK": "t-1", "BATON_LEASE": "77"}
    assert home.ok("complete_step", "t-2", "--agent", "alpha", **environ).json["completed"] is True


def test_a_run_that_was_replaced_is_refused(home: Home) -> None:
    home.make_task()
    home.acquire()
    environ = {"BATON_TASK": "t-1", "BATON_LEASE": "77"}
    assert home.call("complete_step", "--agent", "alpha", **environ).refusal == (1, "lease_mismatch")
    assert home.record()["locked_by"] == "alpha"


def test_an_empty_lease_counts_as_none(home: Home) -> None:
    home.make_task()
    home.acquire()
    assert home.ok("complete_step", BATON_TASK="t-1", BATON_AGENT="alpha", BATON_LEASE="").json["completed"] is True


# -- scores, result -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", ["nan", "inf", "-inf", "-1", "-0.001", "100.001", "101", "1e400", "abc", ""])
@pytest.mark.parametrize("option", ["--quality-score", "--readability-score"])
def test_a_score_that_is_no_number_from_0_to_100_is_refused(home: Home, option: str, score: str) -> None:
    home.make_task()
    home.acquire()
    before = tree(home.root)
    done = home.call("complete_step", "t-1", "--agent", "alpha", option, score)
    assert done.refusal == (2, "invalid_input")
    assert option in done.error["message"]
    assert tree(home.root) == before


@pytest.mark.parametrize("score", ["0", "100", "1e2", "82.25"])
def test_a_score_from_0_to_100_is_taken(home: Home, score: str) -> None:
    home.make_task()
    home.complete("t-1", "alpha", "--quality-score", score)
    assert home.record()["quality_score"] == float(score)


@pytest.mark.parametrize(
    "result",
    [
        "", "words: 900", "{'words': 900}", '{"words": 900', '{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}', "[]",
        "900", '"words"', "null", "true", '{"a": "\\ud800"}',
    ],
)  # fmt: skip
def test_a_result_that_is_no_json_object_is_refused(home: Home, result: str) -> None:
    home.make_task()
    home.acquire()
    before = tree(home.root)
    done = home.call("complete_step", "t-1", "--agent", "alpha", "--result", result)
    assert done.refusal == (2, "invalid_input")
    assert "--result" in done.error["message"]
    assert tree(home.root) == before


@pytest.mark.parametrize("length", [64 * 1024, 64 * 1024 + 1])
def test_a_result_may_have_64_kilobytes(home: Home, length: int) -> None:
    home.make_task()
    home.acquire()
    text = json.dumps({"text": "x" * (length - len('{"text": ""}'))})
    done = home.call("complete_step", "t-1", "--agent", "alpha", "--result", text)
    if length == 64 * 1024:
        assert done.code == 0
    else:
        assert done.refusal == (2, "invalid_input")
        assert "64 KB" in done.error["message"]


def test_a_result_is_measured_in_bytes(home: Home) -> None:
    home.make_task()
    home.acquire()
    text = json.dumps({"text": "ż" * 33_000}, ensure_ascii=False)
    assert home.call("complete_step", "t-1", "--agent", "alpha", "--result", text).refusal == (2, "invalid_input")


@pytest.mark.parametrize("depth", [100, 900, 1_100, 32_000])
def test_a_result_nested_too_deep_is_refused_and_the_record_stays_readable(home: Home, depth: int) -> None:
    home.make_task()
    home.acquire()
    text = '{"a":' + "[" * depth + "]" * depth + "}"
    done = home.run("complete_step", "t-1", "--agent", "alpha", "--result", text)
    assert "Traceback" not in done.err
    assert done.refusal == (2, "invalid_input")
    assert home.run("task", "show", "t-1", "--json").json["pipeline_step"] == 0


# -- outputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["drafts/a.md", "./drafts//a.md", "drafts/../drafts/a.md", "{workspace}/drafts/a.md"]
)
def test_an_output_is_kept_relative_to_the_workspace(home: Home, written: str) -> None:
    home.make_task()
    workspace = home.workspace()
    (workspace / "drafts").mkdir()
    (workspace / "drafts/a.md").write_text("text")
    home.complete("t-1", "alpha", "--output", written.format(workspace=workspace))
    assert home.record()["pipeline"][0]["result"]["outputs"] == ["drafts/a.md"]


def test_a_folder_may_be_an_output(home: Home) -> None:
    home.make_task()
    (home.workspace() / "images").mkdir()
    home.complete("t-1", "alpha", "--output", "images")
    assert home.record()["pipeline"][0]["result"]["outputs"] == ["images"]


def test_an_output_through_a_link_inside_the_workspace_is_what_it_leads_to(home: Home) -> None:
    home.make_task()
    (home.workspace() / "a.md").write_text("text")
    (home.workspace() / "link.md").symlink_to("a.md")
    home.complete("t-1", "alpha", "--output", "link.md")
    assert home.record()["pipeline"][0]["result"]["outputs"] == ["a.md"]


def lay_out(workspace: Path) -> None:
    """Make a workspace with what an output may not be; beside it a folder whose name begins like its own."""
    beside = workspace.parent / f"{workspace.name}-other"
    beside.mkdir()
    (beside / "secret.md").write_text("secret")
    (workspace / "a.md").write_text("text")
    (workspace / "out").symlink_to(beside)
    (workspace / "secret.md").symlink_to(beside / "secret.md")
    (workspace / "nowhere.md").symlink_to("missing.md")
    (workspace / "loop.md").symlink_to("loop.md")


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (["missing.md"], "does not exist"),
        (["nowhere.md"], "does not exist"),
        (["loop.md"], "loop.md"),
        (["a.md/b"], "does not exist"),
        (["../t-1-other/secret.md"], "outside the workspace"),
        (["{workspace}-other/secret.md"], "outside the workspace"),
        (["/etc/passwd"], "outside the workspace"),
        (["out/secret.md"], "outside the workspace"),
        (["secret.md"], "outside the workspace"),
        (["."], "outside the workspace"),
        ([".."], "outside the workspace"),
        (["~/a.md"], "does not exist"),
        (["a.md", "missing.md"], "missing.md"),
        (["a.md", "./a.md"], "twice"),
        (["x" * 300], "does not exist"),
        (["x/" * 2000], "does not exist"),
    ],
    ids=lambda value: value[-1][:30] if isinstance(value, list) else "",
)
def test_an_output_that_is_not_there_or_lies_outside_is_refused(home: Home, outputs: list[str], said: str) -> None:
    home.make_task()
    workspace = home.workspace()
    lay_out(workspace)
    home.acquire()
    before = tree(home.root)
    words = [word for output in outputs for word in ("--output", output.format(workspace=workspace))]

    done = home.call("complete_step", "t-1", "--agent", "alpha", *words)

    assert done.refusal == (1, "invalid_input")
    assert said in done.error["message"]
    assert tree(home.root) == before


@pytest.mark.parametrize("output", ["", "a\nb"])
def test_an_output_that_is_no_path_is_wrong_usage(home: Home, output: str) -> None:
    home.make_task()
    home.acquire()
    done = home.call("complete_step", "t-1", "--agent", "alpha", "--output", output)
    assert done.refusal == (2, "invalid_input")


def test_an_output_of_a_campaigns_task_lies_in_the_campaigns_folder(home: Home) -> None:
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    (home.root / "projects/acme/campaigns/spring/a.md").write_text("text")
    home.complete("spring-001", "alpha", "--output", "a.md")
    assert home.record("spring-001")["pipeline"][0]["result"]["outputs"] == ["a.md"]


def test_an_output_of_a_task_with_a_repository_lies_there(home: Home, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "a.py").write_text("pass")
    home.make_task(repo=str(repo))
    home.complete("t-1", "alpha", "--output", "a.py")
    assert home.record()["pipeline"][0]["result"]["outputs"] == ["a.py"]


# -- what follows -----------------------------------------------------------------------------------------------------


def test_the_successor_is_started(live: Home) -> None:
    live.stop()
    live.make_task()
    live.acquire()
    live.wake()
    live.ok("complete_step", "t-1", "--agent", "alpha")
    wait_for(lambda: live.record()["status"] == "completed")
    assert [step["result"]["agent"] for step in live.record()["pipeline"]] == list(LINE)


def test_a_step_without_an_agent_is_passed_over(home: Home) -> None:
    steps = [{"agent": "alpha"}, {"agent": None, "label": "Created"}, {"agent": "beta"}]
    home.make_task(pipeline=steps)
    answer = home.complete()
    assert (answer["next_step"], answer["next_agent"]) == (2, "beta")
    assert [step["status"] for step in home.record()["pipeline"]] == ["completed", "completed", "in_progress"]


@pytest.mark.parametrize(
    ("folder", "status"),
    [
        ("research", "researched"),
        ("briefs", "briefed"),
        ("drafts", "drafted"),
        ("reviewed", "reviewed"),
        ("final", "humanized"),
    ],
)
def test_the_status_follows_from_the_folder_of_the_completed_step(home: Home, folder: str, status: str) -> None:
    home.make_task(pipeline=[{"agent": "alpha", "output_dir": folder}, {"agent": "beta"}])
    assert home.complete()["new_status"] == status


def test_a_folder_that_stands_for_nothing_leaves_the_status(home: Home) -> None:
    steps = [{"agent": "alpha", "output_dir": "research"}, {"agent": "beta", "output_dir": "x"}, {"agent": "gamma"}]
    home.make_task(pipeline=steps)
    assert [home.complete(agent=agent)["new_status"] for agent in ("alpha", "beta")] == ["researched", "researched"]


def test_a_line_that_maps_nothing_is_in_progress_from_its_first_grant(home: Home) -> None:
    home.make_task(pipeline=[{"agent": "alpha"}, {"agent": "beta"}])
    assert home.record()["status"] == "backlog"
    home.acquire()
    assert home.record()["status"] == "in_progress"


def test_a_log_that_cannot_be_written_is_a_warning_and_no_failure(home: Home) -> None:
    home.make_task()
    home.acquire()
    (home.state / "events").rename(home.state / "events.away")
    (home.state / "events").touch()
    done = home.call("complete_step", "t-1", "--agent", "alpha")
    assert (done.code, done.json["completed"]) == (0, True)
    assert done.err.startswith("complete_step.py: warning: task 't-1' is changed, but its event waits ")
    (home.state / "events").unlink()
    (home.state / "events.away").rename(home.state / "events")
    home.ok("check_pipeline")
    assert home.told().count("step_completed") == 1


# -- inside a run -----------------------------------------------------------------------------------------------------


class Transcript:
    """What an agent saw that reported from inside its run."""

    def __init__(self, workspace: Path, record: dict[str, Any]) -> None:
        self._workspace = workspace
        self.after = record

    def answer(self, name: str) -> Any:
        return json.loads((self._workspace / f"{name}.json").read_text())

    def code(self, name: str) -> int:
        return int((self._workspace / f"{name}.code").read_text())


@pytest.fixture(scope="module")
def transcript(tmp_path_factory: pytest.TempPathFactory) -> Transcript:
    home = Home(tmp_path_factory.mktemp("reports") / "home")
    for agent in LINE:
        home.agent(agent, REPORTS)
    home.make_task()
    home.workspace()
    home.wake()
    home.settings("harness: {default: script}\ntimeouts: {grace: 30s}\n")
    assert home.run("invoke_agent", "alpha", "t-1").code == 0
    record = home.record()
    home.settings(SETTINGS)
    home.stop()
    home.call("task", "block", "t-1", "--reason", "enough")
    home.settle()
    return Transcript(home.workspace(), record)


def test_a_report_is_answered_like_a_completion(transcript: Transcript) -> None:
    answer = {"completed": True, "next_step": 1, "next_agent": "beta", "new_status": "researched"}
    assert (transcript.code("first"), transcript.answer("first")) == (0, answer)


def test_a_report_is_durable_at_once_and_takes_effect_when_the_agent_has_ended(transcript: Transcript) -> None:
    during = transcript.answer("record")
    assert (during["pipeline_step"], during["locked_by"], during["lease"]["report"]["kind"]) == (
        0,
        "alpha",
        "completed",
    )
    assert transcript.after["pipeline_step"] == 1


def test_the_same_report_again_gets_the_same_answer(transcript: Transcript) -> None:
    assert (transcript.code("again"), transcript.answer("again")) == (0, transcript.answer("first"))


def test_another_report_of_the_same_run_is_refused_and_the_first_stands(transcript: Transcript) -> None:
    assert (transcript.code("other"), transcript.answer("other")["error"]["code"]) == (1, "illegal_transition")
    assert transcript.after["pipeline"][0]["result"]["summary"] == "Nine hundred words"


def test_a_revision_after_a_report_is_refused(transcript: Transcript) -> None:
    assert transcript.answer("revision")["error"]["code"] == "illegal_transition"
    assert transcript.after["revision_count"] == 0


def test_what_was_reported_stands_in_the_record(transcript: Transcript) -> None:
    result = transcript.after["pipeline"][0]["result"]
    assert (result["outputs"], result["quality_score"], result["data"]) == (["article.md"], 82, {"words": 900})
