"""Assignments with a worktree of their own, through the scripts: refused early, worked in, put away, cleaned."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.homes import Home, wait_for

PLAN = """\
#!/bin/sh
pwd > $BATON_HOME/where
{work}
complete_step.py --summary planned
"""
PM = """\
#!/bin/sh
assignment.py complete --summary 'all is done' --json
complete_step.py --summary completed
"""
COMMIT = "echo work > work.txt; git add .; git -c user.name=a -c user.email=a@b commit -qm work"


class Place:
    """A home whose agents plan and complete, and a user's repository."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "home")
        self.home.environ["PATH"] = os.environ["PATH"]
        self.repo = root / "shop"
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main")
        (self.repo / "README").write_text("a shop\n")
        self.git("add", ".")
        self.git("commit", "-qm", "first")
        self.agents("true")

    def agents(self, work: str) -> None:
        self.home.agent("plan", PLAN.format(work=work), completes="agent")
        self.home.agent("pm", PM, completes="agent")

    def git(self, *words: str) -> str:
        argv = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(argv, cwd=self.repo, check=True, capture_output=True, text=True).stdout

    def create(self, *words: str) -> None:
        self.home.ok("assignment", "create", "Fix it", "--repo", str(self.repo), "--id", "fix", "--worktree", *words)

    def completed(self) -> None:
        """Make an assignment, and let its agents work until it is complete."""
        self.home.wake()
        self.create()
        wait_for(lambda: self.home.record("fix")["status"] == "completed" and not self.home.slots())

    @property
    def tree(self) -> Path:
        return self.home.root / "projects/shop/worktrees/fix"

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname)").split()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


KEPT = "1 commit on baton/fix not merged"


def test_its_jobs_work_in_the_worktree_and_not_in_the_users_checkout(place: Place) -> None:
    place.agents(COMMIT)
    place.completed()
    assert (place.home.root / "where").read_text() == f"{place.tree}\n"
    assert (place.tree / "work.txt").exists() and not (place.repo / "work.txt").exists()
    assert place.git("status", "--porcelain") == ""
    assert place.branches() == ["refs/baton-base/fix", "refs/heads/baton/fix", "refs/heads/main"]


def test_a_prompt_names_the_branch(place: Place) -> None:
    place.agents("cp $BATON_PROMPT_FILE $BATON_HOME/prompt")
    place.completed()
    assert (
        "a git worktree made for this assignment, on its branch `baton/fix`."
        in (place.home.root / "prompt").read_text()
    )


def test_when_nothing_was_committed_it_is_gone_at_the_end(place: Place) -> None:
    place.completed()
    wait_for(lambda: place.branches() == ["refs/heads/main"])
    assert not place.tree.exists()
    assert place.home.ok("assignment", "clean", "--json").json == {"cleaned": [], "kept": []}


def test_work_that_is_not_merged_is_kept_and_said_until_it_is(place: Place) -> None:
    place.agents(COMMIT)
    place.completed()
    log = place.home.root / "logs/supervisors.log"
    assert f"{place.tree} is kept: {KEPT}; assignment.py clean fix removes it when it is merged" in log.read_text()
    assert f"{place.tree} on baton/fix, kept: {KEPT}\n" in place.home.ok("assignment", "show", "fix").out
    kept = {"assignment": "fix", "path": str(place.tree), "branch": "baton/fix", "reasons": [KEPT]}
    assert place.home.ok("assignment", "clean", "--json").json == {"cleaned": [], "kept": [kept]}
    refused = place.home.call("assignment", "clean", "fix")
    assert (refused.code, refused.err) == (
        1,
        f"assignment.py: cannot clean assignment 'fix': {place.tree} is kept: {KEPT}\n"
        f"  git -C {place.repo} merge baton/fix, or assignment.py clean fix --discard\n",
    )
    place.git("merge", "-q", "baton/fix")
    assert place.home.ok("assignment", "clean", "--json").json == {"cleaned": ["fix"], "kept": []}
    assert (place.tree.exists(), place.branches()) == (False, ["refs/heads/main"])


def test_work_is_discarded_when_a_person_says_so_by_name(place: Place) -> None:
    place.agents(COMMIT)
    place.completed()
    assert place.home.call("assignment", "clean", "--discard").code == 2
    said = place.home.ok("assignment", "clean", "fix", "--discard").out
    assert said == f"{place.tree} and the branch baton/fix are gone.\n"
    assert (place.tree.exists(), place.branches()) == (False, ["refs/heads/main"])


def test_one_that_is_not_finished_is_not_cleaned(place: Place) -> None:
    place.create()
    refused = place.home.call("assignment", "clean", "fix", "--discard", "--json")
    assert refused.refusal == (1, "illegal_transition")
    assert refused.error["message"].endswith("it is pending, and its jobs work there")


def test_one_without_a_worktree_has_nothing_to_clean(place: Place) -> None:
    place.home.ok("assignment", "create", "Fix it", "--repo", str(place.repo), "--id", "fix")
    refused = place.home.call("assignment", "clean", "fix", "--json")
    assert refused.error["message"].endswith("it has no worktree of its own")


def test_an_agent_cannot_clean(place: Place) -> None:
    place.create()
    refused = place.home.call("assignment", "clean", "fix", "--discard", "--json", BATON_RUN="r-1")
    assert refused.refusal == (1, "illegal_transition")


def test_a_repository_that_allows_none_is_refused_before_anything_is_made(place: Place) -> None:
    place.git("branch", "baton/fix")
    refused = place.home.call(
        "assignment", "create", "Fix it", "--repo", str(place.repo), "--id", "fix", "--worktree", "--json"
    )
    assert refused.refusal == (1, "invalid_input")
    assert "has a branch baton/fix already, which is none of ours" in refused.error["message"]
    assert place.home.ok("assignment", "list", "--json").json == []


def test_a_worktree_needs_a_repository(place: Place) -> None:
    refused = place.home.call("assignment", "create", "Fix it", "--worktree", "--json")
    assert (refused.code, refused.error["message"]) == (2, "--worktree needs --repo")


def test_a_repository_that_has_gone_meanwhile_blocks_with_the_reason(place: Place) -> None:
    place.create()
    place.repo.rename(place.repo.with_name("moved"))
    place.home.wake()
    place.home.ok("check_pipeline")
    wait_for(lambda: place.home.record("fix")["status"] == "blocked")
    said = f"the repository {place.repo} is not a folder; check the path, or create it"
    assert place.home.record("fix")["blocked"]["reason"] == said


def test_show_tells_where_it_works(place: Place) -> None:
    place.create()
    told = place.home.ok("assignment", "show", "fix", "--json").json["worktree"]
    assert told == {"path": str(place.tree), "branch": "baton/fix"}
    assert f"  worktree  {place.tree}, on the branch baton/fix\n" in place.home.ok("assignment", "show", "fix").out


# -- side by side -------------------------------------------------------------------------------------------------


def test_two_jobs_that_change_files_cannot_run_side_by_side(place: Place) -> None:
    place.create()
    jobs = '[{"type": "implement"}, {"type": "review"}, {"type": "refine"}]'
    for words in (("insert-job", "fix"), ("create", "Another")):
        refused = place.home.call("assignment", *words, "--jobs", jobs, "--json")
        assert refused.refusal == (1, "invalid_input")
        assert "implement and refine cannot be in one group" in refused.error["message"]


def test_one_that_changes_files_may_run_beside_others_that_do_not(place: Place) -> None:
    place.create()
    jobs = '[{"type": "implement"}, {"type": "research"}]'
    assert len(place.home.ok("assignment", "insert-job", "fix", "--jobs", jobs, "--json").json["jobs"]) == 2


@pytest.fixture(autouse=True)
def nothing_left(place: Place) -> Iterator[None]:
    yield
    place.home.settle()
