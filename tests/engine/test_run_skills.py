"""Skills of runs, with real scripts: what a program sees in its workspace while it runs, and what is left afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.engine.homes import PATH, ScratchHome, eventually
from tests.engine.worlds import World

from baton.domain.pipelines import Step
from baton.domain.skill_lists import CampaignSkills
from baton.engine.skill_repairs import left_skills

# A program of the operator's own, which looks for skills in a folder of its own and notes what it finds there.
PROGRAM = """\
#!/bin/sh
for one in .crew/skills/*; do
  [ -e "$one/SKILL.md" ] && echo "$BATON_TASK ${one##*/}" >>"$BATON_HOME/seen"
done
git status --porcelain --untracked-files=all >>"$BATON_HOME/git" 2>&1
echo $$ >>"$BATON_HOME/pids"
until [ ! -e "$BATON_HOME/hold" ] || [ -e "$BATON_HOME/go-$BATON_TASK" ]; do sleep 0.02; done
echo done
"""
OWN = {"argv": ["crew"], "success": {"completes_step": True}, "skills": ".crew/skills"}


@pytest.fixture(autouse=True)
def crew(home: ScratchHome) -> None:
    """Agents run on that program; there are three skills that are no agents of a pipeline."""
    program = home.root / "bin/crew"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    home.settings(harness={"default": "x-crew", "own": {"x-crew": OWN}})
    for name in ("seo", "tone", "long-form"):
        home.agent(name, harness="claude", command="")
        folder = home.root / "skills" / name
        (folder / "SKILL.md").write_text(f"---\nname: {name}\ndescription: All about {name}.\n---\n")
    writer(home)


def writer(home: ScratchHome, skills: str = "") -> None:
    """Make the agent ``writer``, which is given these skills."""
    (home.root / "skills/writer").mkdir(exist_ok=True)
    metadata = f"metadata:\n  skills: {skills}\n" if skills else ""
    (home.root / "skills/writer/SKILL.md").write_text(f"---\nname: writer\ndescription: Writes.\n{metadata}---\n")


def path(home: ScratchHome) -> str:
    return f"{home.root}/bin:{PATH}"


def invoke(home: ScratchHome, task: str) -> Any:
    return home.run("invoke_agent.py", "writer", task, "--json", PATH=path(home))


def repository(root: Path) -> Path:
    """Make a repository of a user's, in which git has nothing to say."""
    root.mkdir()
    environ = {"PATH": PATH, "HOME": str(root)}
    subprocess.run(["git", "init", "-q"], cwd=root, env=environ, check=True)
    return root


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def folders_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir() or path.is_symlink()}


def test_a_program_finds_the_skills_of_its_run_in_the_order_of_the_lists(home: ScratchHome) -> None:
    writer(home, "seo tone")
    home.settings(harness={"default": "x-crew", "own": {"x-crew": OWN}}, skills={"always": ["tone"]})
    home.campaign("spring", "writer", skills=CampaignSkills(all=("-tone",), steps={"0": ("seo",)}))
    home.touch("state/stop")
    assert home.run("activate_campaign.py", "spring").code == 0
    home.task("spring-x", Step(agent="writer", skills=("-seo", "long-form")), campaign="spring", project="acme")
    (home.root / "state/stop").unlink()

    assert invoke(home, "spring-x").code == 0

    (run,) = home.runs("spring-x")
    assert run["skills"] == ["long-form", "seo", "tone"]
    assert run["skills_shown"] == ["writer", "long-form", "seo", "tone"]
    assert home.noted("seen", 4) == [f"spring-x {name}" for name in ("long-form", "seo", "tone", "writer")]
    (prompt,) = home.prompts("spring-x")
    told = [line for line in prompt.splitlines() if line.startswith("- **")]
    assert told == [
        f"- **{name}**: All about {name}. (`{home.root}/skills/{name}/SKILL.md`)"
        for name in ("long-form", "seo", "tone")
    ]


def test_nothing_is_left_in_a_users_repository_and_git_never_sees_a_thing(home: ScratchHome, tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    files, folders = everything_in(repo), folders_in(repo)
    home.task("t", "writer", repo=str(repo))
    assert invoke(home, "t").code == 0
    assert home.noted("seen") == ["t writer"]
    assert home.lines("git") == []
    assert (everything_in(repo), folders_in(repo)) == (files, folders)
    assert not list((home.root / "state/shown").iterdir())


def test_what_a_kill_of_everything_leaves_the_next_sweep_clears(home: ScratchHome, tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    (repo / ".crew/skills/mine").mkdir(parents=True)
    (repo / ".crew/skills/mine/SKILL.md").write_text("of the user\n")
    files, folders = everything_in(repo), folders_in(repo)
    home.touch("hold")
    home.task("t", "writer", repo=str(repo))
    supervisor = home.start("invoke_agent.py", "writer", "t", "--json", PATH=path(home))
    (agent,) = home.processes_in("pids")
    assert (repo / ".crew/skills/writer").is_symlink()

    supervisor.kill()
    agent.kill()
    assert home.end_of(supervisor).code == -signal.SIGKILL
    assert (repo / ".crew/skills/writer").is_symlink(), "the kill came too late: nothing was left"
    home.touch("state/stop")  # nothing is started anew: what is gone was cleared
    report = home.sweep()

    assert report["removed"] == 1
    assert any("skills were still shown for run" in text for text in report["found"])
    assert (everything_in(repo), folders_in(repo)) == (files, folders)
    assert home.sweep().get("removed", 0) == 0


def test_a_sweep_leaves_what_a_living_run_needs(home: ScratchHome, tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    home.touch("hold")
    home.task("t", "writer", repo=str(repo))
    supervisor = home.start("invoke_agent.py", "writer", "t", "--json", PATH=path(home))
    home.noted("pids")
    assert home.sweep().get("removed", 0) == 0
    assert (repo / ".crew/skills/writer").is_symlink()
    home.touch("go-t")
    assert home.end_of(supervisor).code == 0
    assert not (repo / ".crew").exists()


def test_runs_side_by_side_in_one_repository_do_not_take_each_others(home: ScratchHome, tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    files, folders = everything_in(repo), folders_in(repo)
    home.touch("hold")
    for task, skills in (("a", ("seo",)), ("b", ("tone",))):
        home.task(task, Step(agent="writer", skills=skills), repo=str(repo))
    # One of the two, whichever is quicker, or a supervisor that it starts for the other task.
    runs = [home.supervise(PATH=path(home)) for _ in range(2)]
    home.noted("pids", 2)

    home.touch("go-a")
    eventually(lambda: home.read("a").status == "completed", "the end of a")
    assert {one.name for one in (repo / ".crew/skills").iterdir()} == {"writer", "tone"}
    assert home.lines("git") == []
    home.touch("go-b")
    eventually(lambda: home.read("b").status == "completed", "the end of b")
    assert {home.end_of(run).code for run in runs} <= {0, 75}
    assert (everything_in(repo), folders_in(repo)) == (files, folders)


def test_a_run_works_where_nothing_can_be_shown_and_its_record_says_why(home: ScratchHome, tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    (repo / ".crew").write_text("a file of the user's\n")
    home.task("t", Step(agent="writer", skills=("seo",)), repo=str(repo))
    assert invoke(home, "t").code == 0
    (run,) = home.runs("t")
    assert "skills_shown" not in run
    assert "no skill can be shown in" in run["skills_problem"]
    assert f"{home.root}/skills/seo/SKILL.md" in home.prompts("t")[0]
    assert (repo / ".crew").read_text() == "a file of the user's\n"


def test_an_agent_that_is_a_program_is_shown_nothing_and_told_all(home: ScratchHome, tmp_path: Path) -> None:
    home.agent("writer", "ls -A >listed", harness="script", skills="seo")
    repo = repository(tmp_path / "repo")
    home.task("t", "writer", repo=str(repo))
    assert invoke(home, "t").code == 0
    assert (repo / "listed").read_text().split() == [".git", "listed"]
    assert "- **seo**: All about seo." in home.prompts("t")[0]


def test_a_skill_that_is_gone_blocks_the_task_by_name(home: ScratchHome) -> None:
    home.task("t", Step(agent="writer", skills=("sea",)))
    assert invoke(home, "t").code == 1
    blocked = home.read("t").blocked
    assert blocked is not None
    assert blocked.reason.startswith("there is no skill 'sea', which writer is to be given; ")
    assert not (home.root / "state/shown").exists()


def test_a_campaign_whose_skills_are_not_there_is_not_activated(home: ScratchHome) -> None:
    home.campaign("spring", "writer", skills=CampaignSkills(agents={"writer": ("sea",)}))
    refused = home.run("activate_campaign.py", "spring")
    assert (refused.code, refused.json["error"]["code"]) == (1, "skill_not_found")
    assert not list((home.root / "state/tasks").iterdir())


def test_each_program_is_shown_them_in_the_folder_that_it_reads(home: ScratchHome) -> None:
    found = {}
    for program in ("claude", "codex", "gemini", "opencode", "copilot", "cursor-agent"):
        stand_in = home.root / "bin" / program
        stand_in.write_text(f'#!/bin/sh\nls -d .*/skills/* >"$BATON_HOME/{program}"\n')
        stand_in.chmod(0o755)
        home.settings(harness={"default": program.removesuffix("-agent")}, retry={"max_attempts": 1})
        home.task(program, Step(agent="writer", skills=("seo",)))
        invoke(home, program)
        found[program] = home.noted(program, 2)
    agents = [".agents/skills/seo", ".agents/skills/writer"]
    assert found == dict.fromkeys(found, agents) | {"claude": [".claude/skills/seo", ".claude/skills/writer"]}


# -- the repair ---------------------------------------------------------------------------------------------------


def test_only_what_no_run_holds_is_put_away() -> None:
    world = World()
    world.task("held")
    world.task("free")
    run = world.granted("held").run
    world.skill_folders.notes = {str(run): "held", "r-old": "held", "r-free": "free", "r-none": "never-made"}
    assert world.mend(left_skills) == ["removed", "removed", "removed"]
    assert world.skill_folders.notes == {str(run): "held"}


def test_what_was_granted_after_the_look_is_left() -> None:
    world = World()
    world.task("t")
    looked_at = world.scene()
    run = str(world.granted("t").run)
    world.skill_folders.notes = {run: "t"}
    scene = structs.replace(
        looked_at, shown=tuple(world.skill_folders.shown())
    )  # what is shown is read after the tasks
    findings = list(left_skills(scene))
    assert [finding.act() for finding in findings] == [False]
    assert world.skill_folders.notes == {run: "t"}


def test_a_note_says_what_it_is_about(home: ScratchHome) -> None:
    home.touch("hold")
    home.task("t", "writer")
    supervisor = home.start("invoke_agent.py", "writer", "t", "--json", PATH=path(home))
    home.noted("pids")
    (note,) = (home.root / "state/shown").iterdir()
    workspace = home.root / "projects/default/tasks/t"
    assert json.loads(note.read_bytes()) == {
        "run": note.stem,
        "task": "t",
        "links": {f"{workspace}/.crew/skills/writer": f"{home.root}/skills/writer"},
        "folders": [f"{workspace}/.crew", f"{workspace}/.crew/skills"],
        "exclude_file": None,
        "excluded": "",
        "made": False,
    }
    home.touch("go-t")
    assert home.end_of(supervisor).code == 0
    eventually(lambda: not os.path.lexists(workspace / ".crew"), "an empty workspace")


# -- heartbeats ---------------------------------------------------------------------------------------------------


def beat(home: ScratchHome, *words: str) -> Any:
    return home.start("invoke_agent.py", "writer", "--heartbeat", "--json", *words, PATH=path(home))


def test_a_heartbeat_has_its_agents_own_skills_and_those_that_are_always_on(home: ScratchHome) -> None:
    writer(home, "seo tone")
    home.settings(harness={"default": "x-crew", "own": {"x-crew": OWN}}, skills={"always": ["long-form", "seo"]})
    assert home.end_of(beat(home)).code == 0
    (run,) = home.wiring.store.runs.of_task("~writer")
    # What is named again comes behind: the later one wins.
    assert (run["skills"], run["skills_shown"]) == (
        ["tone", "long-form", "seo"],
        ["writer", "tone", "long-form", "seo"],
    )
    assert {line.split()[-1] for line in home.lines("seen")} == {"writer", "tone", "long-form", "seo"}
    assert [*(home.root / "projects/default/agents/writer").iterdir()] == []
    assert not (home.root / "state/shown").exists() or not [*(home.root / "state/shown").iterdir()]


def test_what_a_killed_heartbeat_was_shown_the_sweep_clears_and_a_living_one_keeps(home: ScratchHome) -> None:
    home.touch("hold")
    supervisor = beat(home)
    home.processes_in("pids")
    workspace = home.root / "projects/default/agents/writer"
    home.sweep()
    assert [one.name for one in (workspace / ".crew/skills").iterdir()] == ["writer"]
    supervisor.kill()
    home.end_of(supervisor)
    report = home.sweep()
    assert (report["stale_released"], report["removed"], report["errors"]) == (1, 1, [])
    assert [*workspace.iterdir()] == []


def test_a_program_that_ends_well_has_done_its_heartbeat_though_it_can_report_nothing(home: ScratchHome) -> None:
    home.settings(harness={"default": "x-crew", "own": {"x-crew": {"argv": ["crew"]}}})
    ended = home.end_of(beat(home))
    assert (ended.code, ended.json["outcome"]) == (0, "completed")
