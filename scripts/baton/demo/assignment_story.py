"""What ``demo --assignment`` does: a small repository with a fault, a wish, and a PM that decides after every job."""

from __future__ import annotations

import json
import time
from typing import Any

from baton.demo import evidence
from baton.demo.journal import seconds
from baton.demo.scene import Scene
from baton.demo.scratch import REPOSITORY, DemoFailed, shown
from baton.demo.screen import counted
from baton.demo.shell import Shell

EXAMPLE = REPOSITORY / "examples/till"
ID = "till-1"
BRANCH = f"baton/{ID}"
WISH = "Share a bill to the cent: all tests pass, and every docstring is kept."
PATIENCE_SECONDS = 120.0
BAR = 60
# So that nobody's name, signature or hook has a part in it.
OWN_SETTINGS = {
    "user.name": "you",
    "user.email": "you@example.org",
    "commit.gpgsign": "false",
    "core.hooksPath": "none",
}


class AssignmentStory:
    """One run of the demo of assignments, offline."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._home = scene.home
        self._screen = scene.screen
        self._repo = scene.home.path / "till"
        self._shell = Shell(scene)
        self._record: dict[str, Any] = {}
        self._at_first = ""

    def tell(self) -> None:
        """Do all of it."""
        self._make_home()
        self._make_repository()
        self._create()
        self._watch()
        self._reviews()
        self._who_worked()
        self._result()
        self._untouched()
        self._take_over()
        self._check()

    # -- before -------------------------------------------------------------------------------------------------

    def _make_home(self) -> None:
        path, screen = self._home.path, self._screen
        screen.step("Make a home, and put a crew into it that works offline: a PM, and who plans, builds and reviews.")
        self._scene.done("init_home.py", path)
        screen.command(f"export BATON_HOME={path}")
        settings = "\n".join(self._scene.agents.settings)
        (path / "config/baton.yaml").write_text(f"{settings}\n", encoding="utf-8")
        screen.command("cat > $BATON_HOME/config/baton.yaml")
        screen.note(settings, lead="| ")
        self._shell.type(REPOSITORY, "cp", "-R", "examples/till/skills/.", path / "skills")

    def _make_repository(self) -> None:
        self._screen.step("A small repository of yours: a till, which shares a bill, and loses a cent of it.")
        self._shell.type(REPOSITORY, "cp", "-R", "examples/till/repo", self._repo)
        self._screen.command(f"cd {self._repo}")
        self._shell.git(self._repo, "init", "--quiet")
        for name, value in OWN_SETTINGS.items():
            self._shell.git(self._repo, "config", name, value, is_shown=False)
        self._shell.git(self._repo, "add", ".")
        self._shell.git(self._repo, "commit", "--quiet", "--message", "A till")
        with (self._repo / "README.md").open("a", encoding="utf-8") as file:
            file.write("\nAn idea of yours, not committed yet.\n")
        self._at_first = self._own()
        if self._shell.test(self._repo).endswith("OK"):
            raise DemoFailed("the tests of examples/till should fail, and pass")

    def _create(self) -> None:
        self._screen.step(
            "Say what is to be reached. With --worktree it is done beside your checkout, on its own branch."
        )
        words = ("create", WISH, "--repo", self._repo, "--worktree", "--id", ID)
        self._screen.note(self._scene.done("assignment.py", *words).out.splitlines()[0])
        self._scene.tasks = [ID]
        self._screen.step("What goes on?")
        self._screen.command(shown("assignment.py", "queue"))
        for name, lines in self._home.json("assignment.py", "queue", "--json").items():
            for one in lines:
                self._screen.item(name, f"{one['assignment']}/{one['job']} {one['type']}: {one['text']}")

    # -- the work -----------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Tell of each job as it ends, and of what the PM decides behind it."""
        self._screen.step("Watch. Behind each job stands the PM, which reads the report and decides what comes next.")
        self._screen.command(shown("assignment.py", "show", ID))
        told: set[str] = set()
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            self._record = self._read()
            for unit in self._record["pipeline"]:
                if unit["key"] not in told and unit["status"] in ("completed", "failed"):
                    told.add(unit["key"])
                    self._tell_of(unit)
            if self._record["blocked"]:
                raise DemoFailed(f"the assignment is blocked: {self._record['blocked']['reason']}")
            if self._record["status"] == "completed" and not self._home.processes():
                return
            if time.monotonic() > end:
                raise DemoFailed(f"the assignment was not complete within {PATIENCE_SECONDS:g} s")
            time.sleep(self._scene.agents.pause_seconds)

    def _tell_of(self, unit: dict[str, Any]) -> None:
        if unit["status"] == "failed":
            raise DemoFailed(f"job {unit['key']} ({unit['agent']}) failed: {unit['failures'][-1]['message']}")
        at = seconds(unit["completed_at"]) - seconds(self._record["created_at"])
        style = "bold" if unit["agent"] == "pm" else ""
        self._screen.item(f"{at:.1f} s", f"{unit['key']} {unit['agent']}: {_first_line(unit)}", style)

    def _reviews(self) -> None:
        reviews = self._jobs("review")
        against = [unit for unit in reviews if _first_line(unit).startswith("CHANGES NEEDED")]
        if len(reviews) != 2 or len(against) != 1 or len(self._jobs("refine")) != 1:
            raise DemoFailed("one of two reviewers should have found fault, and the work been sent back once")
        self._screen.step(
            "Two reviewed it, neither knowing of the other. All tests passed by then, and one found fault."
        )
        for unit in reviews:
            self._screen.command(shown("assignment.py", "job", f"{ID}/{unit['key']}"))
            self._screen.note(unit["result"]["summary"], lead="| ")
        refine = self._jobs("refine")[0]
        self._screen.item(
            "sent back", f"as {refine['key']}, by {refine['job']['by']}: {refine['job']['context']}", "bold"
        )
        self._screen.item("after", refine["result"]["summary"].splitlines()[1])

    def _who_worked(self) -> None:
        self._screen.step("Who worked when:")
        began = seconds(self._record["created_at"])
        spans = [
            (unit, seconds(unit["started_at"]) - began, seconds(unit["completed_at"]) - began)
            for unit in self._record["pipeline"]
        ]
        scale = BAR / max(end for _, _, end in spans)
        for unit, start, end in spans:
            place = int(start * scale)
            bar = " " * place + "=" * max(1, round(end * scale) - place)
            self._screen.say(("", f"   {unit['key']:<4}{unit['agent']:<10}{bar:<{BAR + 2}}{end - start:.1f} s"))
        (_, first, first_end), (_, second, second_end) = (span for span in spans if span[0]["agent"] == "review")
        if max(first, second) >= min(first_end, second_end):
            raise DemoFailed("the two reviews should have run at the same time")

    # -- what came of it ----------------------------------------------------------------------------------------

    def _result(self) -> None:
        self._screen.step(f"What has changed, on the branch {BRANCH}; the tests fail before it, and pass with it.")
        self._shell.git(self._repo, "log", "--format=%h %s", f"HEAD..{BRANCH}")
        difference = self._shell.git(self._repo, "diff", f"HEAD...{BRANCH}", "--", "till.py", is_told=False)
        lines = difference.splitlines()
        self._screen.note("\n".join(line for line in lines[4:] if line[:1] in "+-"), lead="| ")
        tree = self._home.path / "projects/till/worktrees" / ID
        if not self._shell.test(tree).endswith("OK"):
            raise DemoFailed("the tests should pass in the worktree")
        if self._shell.test(self._repo).endswith("OK"):
            raise DemoFailed("the tests should still fail in the user's checkout")

    def _untouched(self) -> None:
        self._screen.step("Your own checkout stands where it stood, with what you had not committed yet.")
        self._shell.git(self._repo, "status", "--short", "--branch")
        if self._own() != self._at_first:
            raise DemoFailed("the user's checkout should not have changed")

    def _take_over(self) -> None:
        self._screen.step("You like it: merge it, and clear up. What is not merged is kept, until you say otherwise.")
        self._refused_clean()
        self._shell.git(self._repo, "merge", "--quiet", BRANCH)
        if not self._shell.test(self._repo).endswith("OK"):
            raise DemoFailed("the tests should pass when the branch is merged")
        self._screen.note(self._scene.done("assignment.py", "clean", ID).out)
        ours = ("for-each-ref", "--format=%(refname)", "refs/heads/baton", "refs/baton-base")
        if self._shell.git(self._repo, *ours, is_shown=False):
            raise DemoFailed("branch and worktree should be gone")

    def _refused_clean(self) -> None:
        self._screen.command(shown("assignment.py", "clean", ID))
        refused = self._home.run("assignment.py", "clean", ID)
        if refused.code != 1:
            raise DemoFailed(f"'{refused.command}' should have been refused, and ended with exit code {refused.code}")
        self._screen.note(f"exit code 1: {refused.err.splitlines()[0]}")

    def _check(self) -> None:
        self._screen.step("Check that nothing was lost, doubled or left behind.")
        journal = self._scene.journal
        journal.news()
        events = evidence.log_is_state(journal, [self._read()])
        ends = evidence.runs(self._home.path, journal)
        evidence.nothing_is_held(self._home, [self._read()])
        again = self._home.json("check_pipeline.py")
        if again["found"] or again["errors"]:
            raise DemoFailed(f"the last sweep should have found nothing to do, and found {again}")
        decisions = len(self._jobs("pm"))
        facts = {
            "log = state": f"{events} events; the history of {ID} tells the same ones",
            "runs": f"{ends.total()} in the log, {ends.total()} records, and they agree: all completed",
            "decided": f"{counted(decisions, 'time')}, by the PM, once behind each job or group of jobs",
            "left behind": "no process, no lock, no lease, no slot, no half-done commit, no worktree",
            "last sweep": "finds nothing to do",
        }
        if set(ends) != {"completed"}:
            raise DemoFailed(f"every run should have completed, and they ended so: {dict(ends)}")
        for name, fact in facts.items():
            self._screen.item(name, fact, "good")

    # -- by hand ------------------------------------------------------------------------------------------------

    def _jobs(self, type: str) -> list[dict[str, Any]]:
        return [unit for unit in self._record["pipeline"] if unit["agent"] == type]

    def _read(self) -> dict[str, Any]:
        """Return the record, from its file; when it has just been archived, from there."""
        for _ in range(2):
            for folder in ("tasks", "archive/tasks"):
                path = self._home.path / "state" / folder / f"{ID}.json"
                if path.exists():
                    try:
                        found: dict[str, Any] = json.loads(path.read_bytes())
                    except FileNotFoundError:
                        continue
                    return found
        raise DemoFailed(f"there is no record of {ID}")

    def _own(self) -> str:
        """Return what is the user's: branch, commit, what is not committed."""
        looks = (("status", "--porcelain=v2", "--branch"), ("diff", "HEAD"))
        return "".join(self._shell.git(self._repo, *words, is_shown=False) for words in looks)


def _first_line(unit: dict[str, Any]) -> str:
    return str(unit["result"]["summary"] or "(no report)").splitlines()[0]
