"""What units leave, with real agents: named or found, it is registered when they are completed, whoever does it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from typing import Any

import pytest
from tests.engine.homes import ScratchHome, eventually

from baton.domain.pipelines import OnComplete, Step, Template
from baton.domain.records import Unit
from baton.domain.times import seconds_between

RESEARCH = 'mkdir -p research; printf "Notes\\n# Rye bread\\n" >research/$BATON_TASK.md'
# One file is named, two are found by the task's name; of the rest one is another task's, and one hidden.
DRAFT = """\
mkdir -p drafts/$BATON_TASK
printf '# Bread\\n' >drafts/$BATON_TASK.md
for name in $BATON_TASK.json $BATON_TASK/part.md ${BATON_TASK}0.md other.md $BATON_TASK/.hidden; do echo x >drafts/$name; done
complete_step.py --output drafts/$BATON_TASK.md --output drafts/other.md >answer
"""


def line(home: ScratchHome) -> None:
    """A campaign of one task: research, then a draft."""
    steps = (Step(agent="researcher", output_dir="research"), Step(agent="writer", output_dir="drafts"))
    snapshot = Template(slug="line", name="Line", main_steps=steps, on_complete=OnComplete(telegram=False))
    home.campaign("spring", "researcher", snapshot=snapshot)
    home.agent("researcher", RESEARCH)
    home.agent("writer", DRAFT)
    home.touch("state/stop")
    home.run("activate_campaign.py", "spring")
    (home.root / "state/stop").unlink()


def paths(unit: Unit) -> list[str]:
    assert unit.result is not None
    return [one.path for one in unit.result.resources]


DRAFTS = ["drafts/spring-001.md", "drafts/other.md", "drafts/spring-001/part.md", "drafts/spring-001.json"]


def test_what_a_step_leaves_is_registered_with_all_that_is_known_of_it(home: ScratchHome) -> None:
    line(home)
    home.serve()
    research, draft = home.read("spring-001").pipeline
    folder = home.root / "projects/acme/campaigns/spring"
    assert research.result is not None
    assert [(one.path, one.kind, one.title, one.version, one.parent) for one in research.result.resources] == [
        ("research/spring-001.md", "research_material", "Rye bread", 1, None)
    ]
    (only,) = research.result.resources
    data = (folder / only.path).read_bytes()
    assert (only.sha256, only.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert sorted(paths(draft)) == sorted(DRAFTS)
    assert draft.result is not None
    assert {one.parent for one in draft.result.resources} == {"research/spring-001.md"}


def test_the_record_of_a_run_tells_how_long_it_took_and_how_many_files_it_left(home: ScratchHome) -> None:
    line(home)
    home.serve()
    runs = home.runs("spring-001")
    assert [run["items"] for run in runs] == [1, len(DRAFTS)]
    took = [seconds_between(run["started_at"], run["finished_at"]) for run in runs]
    assert [run["duration_seconds"] for run in runs] == pytest.approx(took)
    assert all(seconds > 0 for seconds in took)


def test_it_stands_in_task_show_campaign_show_and_the_manifest(home: ScratchHome) -> None:
    line(home)
    home.serve()
    shown = home.run("task.py", "show", "spring-001").out
    (row,) = [text.split() for text in shown.splitlines() if text.startswith("drafts/spring-001.md")]
    assert (*row[1:5], row[6]) == ("article", "Bread", "1", "complete", "research/spring-001.md")
    campaign = home.run("campaign.py", "show", "spring", "--json").json
    listed = {one["path"]: one for one in campaign["resources"]}
    assert sorted(listed) == sorted([*DRAFTS, "research/spring-001.md"])
    assert "  files     5: 4 article, 1 research_material\n" in home.run("campaign.py", "show", "spring").out
    manifest: dict[str, Any] = json.loads((home.root / "projects/acme/campaigns/spring/manifest.json").read_bytes())
    files = {one["path"]: one for one in manifest["files"]}
    assert sorted(files) == sorted(listed)
    told = ("kind", "title", "sha256", "version", "parent", "task", "step")
    assert [[files[path][key] for key in told] for path in files] == [
        [listed[path][key] for key in told] for path in files
    ]


def test_what_is_older_than_the_run_is_not_found(home: ScratchHome) -> None:
    line(home)
    old = home.root / "projects/acme/campaigns/spring/drafts/spring-001.old.md"
    old.parent.mkdir(parents=True)
    old.write_text("from another day\n")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    home.serve()
    assert "drafts/spring-001.old.md" not in paths(home.read("spring-001").pipeline[1])
    assert len(paths(home.read("spring-001").pipeline[1])) == len(DRAFTS)


def test_by_hand_it_is_registered_too(home: ScratchHome) -> None:
    home.touch("state/stop")
    home.task("t", Step(agent="writer", output_dir="drafts"))
    folder = home.root / "projects/default/tasks/t/drafts"
    folder.mkdir(parents=True)
    (folder / "t.v2.md").write_text("# Second\n")
    (folder / "t.md").write_text("# First\n")
    home.run("acquire_lock.py", "t", "--agent", "writer")
    assert home.run("complete_step.py", "t", "--agent", "writer", "--output", "drafts/t.md").code == 0
    result = home.read("t").current.result
    assert result is not None
    assert [(one.path, one.title, one.version, one.parent) for one in result.resources] == [
        ("drafts/t.md", "First", 1, None),
        ("drafts/t.v2.md", "Second", 2, "drafts/t.md"),
    ]


def test_what_an_agent_writes_over_its_first_version_is_the_second(home: ScratchHome) -> None:
    home.agent("writer", "mkdir -p drafts; date +%N >drafts/t.md; complete_step.py --output drafts/t.md >answer")
    home.task("t", Step(agent="writer", output_dir="drafts"))
    home.serve()
    home.run("review.py", "t", "fix", "writer", "--notes", "shorter")
    eventually(lambda: home.read("t").status == "completed", "the second version")
    unit = home.read("t").current
    assert unit.result is not None
    assert [(one.path, one.version) for one in unit.result.resources] == [("drafts/t.md", 2)]


def test_a_run_whose_supervisor_dies_after_its_report_has_left_what_it_left(home: ScratchHome) -> None:
    home.agent("writer", "mkdir drafts; echo x >drafts/t.md; complete_step.py >answer; note pids $$; wait_for never")
    home.task("t", Step(agent="writer", output_dir="drafts"))
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    supervisor.kill()
    agent.kill()
    assert home.end_of(supervisor).code == -signal.SIGKILL
    assert home.sweep()["stale_released"] == 1
    task = home.read("t")
    assert (task.status, paths(task.current)) == ("completed", ["drafts/t.md"])


def test_a_failed_attempt_registers_nothing(home: ScratchHome) -> None:
    home.agent("writer", "mkdir drafts; echo x >drafts/t.md; exit 3")
    home.settings(retry={"max_attempts": 1})
    home.task("t", Step(agent="writer", output_dir="drafts"))
    home.serve()
    assert home.read("t").current.result is None
    assert home.run("campaign.py", "list", "--json").json == []
