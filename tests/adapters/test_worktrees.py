"""Worktrees of a user's repository: the user's own things stay as they are, crashes leave nothing, no work is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from baton.adapters.repositories.worktrees import Worktrees
from baton.domain.errors import BatonError, InvalidInput
from baton.domain.worktrees import WorktreeState

PATH = os.environ["PATH"]
PATIENCE_SECONDS = 20
MAKE = """\
import sys
sys.path.insert(0, sys.argv[1])
from baton.adapters.repositories.worktrees import Worktrees
Worktrees(sys.argv[2], sys.argv[3]).{}
"""
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


class Place:
    """A user's repository with a commit, and a home beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.repo = root / "repo"
        self.repo.mkdir()
        self.worktrees = Worktrees(str(self.home), PATH)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "a")
        self.git("config", "user.email", "a@b")
        self.commit("first", README="read me\n")

    @property
    def tree(self) -> Path:
        return self.home / "projects/ns/worktrees/t-1"

    def git(self, *words: str, where: Path | None = None) -> str:
        environ = {"PATH": PATH, "HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *words], cwd=where or self.repo, env=environ, check=True, capture_output=True, text=True
        )
        return done.stdout

    def commit(self, message: str, where: Path | None = None, **files: str) -> None:
        for name, text in files.items():
            ((where or self.repo) / name).write_text(text)
        self.git("add", ".", where=where)
        self.git("commit", "-qm", message, where=where)

    def make(self) -> str:
        return self.worktrees.make(str(self.repo), "ns", "t-1")

    def look(self) -> WorktreeState:
        return self.worktrees.look(str(self.repo), "ns", "t-1")

    def remove(self, *, discard: bool = False) -> WorktreeState:
        return self.worktrees.remove(str(self.repo), "ns", "t-1", discard=discard)

    def users_own(self) -> tuple[str, str, str, str]:
        """What is the user's: the checkout, what it stands on, other branches, the settings."""
        others = self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/main", "refs/tags")
        status = self.git("status", "--porcelain", "--ignored")
        return status, (self.repo / ".git/HEAD").read_text(), others, (self.repo / ".git/config").read_text()

    def left(self) -> tuple[list[str], list[str], list[str]]:
        """What there is of us in the repository and in the home: refs, what git keeps of worktrees, folders."""
        refs = self.git("for-each-ref", "--format=%(refname)", "refs/heads/baton", "refs/baton-base").split()
        admin = self.repo / ".git/worktrees"
        kept = sorted(one.name for one in admin.iterdir()) if admin.is_dir() else []
        folder = self.home / "projects/ns/worktrees"
        return refs, kept, sorted(one.name for one in folder.iterdir() if one.name != ".lock")

    def process(self, call: str, path: str = PATH) -> subprocess.Popen[bytes]:
        """Start a process that calls the worktrees."""
        environ = {"PATH": PATH, "HOME": str(self.root)}
        argv = [sys.executable, "-c", MAKE.format(call), str(SCRIPTS), str(self.home), path]
        return subprocess.Popen(argv, env=environ, stderr=subprocess.DEVNULL)

    def killing_git(self, call: int, when: str) -> str:
        """A PATH with a git that kills whoever calls it for the n-th time, before or after it has done its work."""
        folder = self.root / f"bin-{call}-{when}"
        folder.mkdir()
        kill = "kill -9 $PPID; exit 1"
        lines = ["#!/bin/sh", f"echo . >> {folder}/count", f"if [ $(wc -l < {folder}/count) = {call} ]; then"]
        lines += [kill if when == "before" else f'"{_real_git()}" "$@"; {kill}', "fi", f'exec "{_real_git()}" "$@"']
        (folder / "git").write_text("\n".join(lines) + "\n")
        (folder / "git").chmod(0o755)
        return f"{folder}:{PATH}"

    def smudge(self, script: str) -> None:
        """Have every checkout of a file go through a program of the user's."""
        self.commit("a filter", **{".gitattributes": "*.txt filter=slow\n", "a.txt": "a\n", "b.txt": "b\n"})
        (self.root / "smudge").write_text(f"#!/bin/sh\n{script}\ncat\n")
        (self.root / "smudge").chmod(0o755)
        self.git("config", "filter.slow.smudge", str(self.root / "smudge"))


def _real_git() -> str:
    return next(f"{folder}/git" for folder in PATH.split(":") if os.access(f"{folder}/git", os.X_OK))


def await_file(path: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.01)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


WHOLE = (["refs/baton-base/t-1", "refs/heads/baton/t-1"], ["t-1"], ["t-1"])
NOTHING: tuple[list[str], list[str], list[str]] = ([], [], [])


# -- making -------------------------------------------------------------------------------------------------------


def test_it_is_a_checkout_of_its_own_on_a_branch_of_its_own(place: Place) -> None:
    assert place.make() == str(place.tree)
    assert (place.tree / "README").read_text() == "read me\n"
    assert place.git("branch", "--show-current", where=place.tree) == "baton/t-1\n"
    assert place.left() == WHOLE


def test_what_is_the_users_stays_as_it_is_from_making_to_removing(place: Place) -> None:
    (place.repo / "README").write_text("changed, and staged\n")
    place.git("add", "README")
    (place.repo / "new").write_text("not known to git\n")
    before = place.users_own()
    place.make()
    place.commit("work", where=place.tree, README="by an agent\n")
    assert place.users_own() == before
    place.remove(discard=True)
    assert place.users_own() == before
    assert place.left() == NOTHING


def test_made_again_it_is_the_same_with_all_that_was_done_in_it(place: Place) -> None:
    place.make()
    place.git("checkout", "-qb", "another", where=place.tree)
    (place.tree / "new").write_text("work\n")
    assert place.make() == str(place.tree)
    assert (place.tree / "new").read_text() == "work\n"


def test_once_it_is_there_no_git_is_asked(place: Place) -> None:
    place.make()
    assert Worktrees(str(place.home), "/nowhere").make(str(place.repo), "ns", "t-1") == str(place.tree)


def test_it_begins_where_the_user_stands(place: Place) -> None:
    place.git("checkout", "-q", "--detach")
    place.commit("ahead of main", README="ahead\n")
    place.make()
    assert (place.tree / "README").read_text() == "ahead\n"


def test_a_locked_index_of_the_user_is_in_nobodys_way(place: Place) -> None:
    (place.repo / ".git/index.lock").touch()
    assert place.make() == str(place.tree)


def test_several_at_once_make_one(place: Place) -> None:
    processes = [place.process(f"make({str(place.repo)!r}, 'ns', 't-1')") for _ in range(4)]
    assert [process.wait(PATIENCE_SECONDS) for process in processes] == [0] * 4
    assert place.left() == WHOLE


def test_no_hook_of_the_user_is_run(place: Place) -> None:
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        hook = place.repo / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {place.root}/{name}\n")
        hook.chmod(0o755)
    place.git("config", "core.fsmonitor", f"touch {place.root}/monitor")
    place.make()
    place.remove()
    assert sorted(one.name for one in place.root.iterdir()) == ["home", "repo"]


def test_a_git_dir_of_the_caller_leads_nowhere_else(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert place.make() == str(place.tree)


# -- refused ------------------------------------------------------------------------------------------------------


def refusal(place: Place, repo: Path | None = None) -> tuple[str, str]:
    """Both ways are refused alike, and leave nothing; return what is said, and the cure."""
    with pytest.raises(InvalidInput) as at_first:
        place.worktrees.check(str(repo or place.repo), "t-1")
    with pytest.raises(InvalidInput) as later:
        place.worktrees.make(str(repo or place.repo), "ns", "t-1")
    assert str(at_first.value) == str(later.value)
    assert not place.tree.exists()
    return str(at_first.value), at_first.value.cure


INSTEAD = "leave the worktree out, to work in the repository itself"


def test_a_repository_without_a_commit(place: Place) -> None:
    empty = place.root / "empty"
    empty.mkdir()
    place.git("init", "-q", where=empty)
    assert refusal(place, empty) == (f"the repository {empty} has no commit yet", f"make one, or {INSTEAD}")


def test_a_bare_repository(place: Place) -> None:
    bare = place.root / "bare.git"
    place.git("clone", "-q", "--bare", str(place.repo), str(bare))
    assert refusal(place, bare) == (f"the repository {bare} is bare: nobody can work in it", "name a checkout of it")


def test_a_folder_that_is_no_repository(place: Place) -> None:
    folder = place.root / "plain"
    folder.mkdir()
    assert refusal(place, folder) == (f"{folder} is not a git repository", f"git init there, or {INSTEAD}")


def test_a_path_that_is_not_there_or_is_a_file(place: Place) -> None:
    for repo in (place.root / "gone", place.repo / "README"):
        assert refusal(place, repo)[0] == f"the repository {repo} is not a folder"


def test_a_folder_inside_a_repository(place: Place) -> None:
    (place.repo / "sub").mkdir()
    found = refusal(place, place.repo / "sub")
    assert found == (f"{place.repo}/sub is not the root of its repository", f"name {place.repo}")


def test_a_repository_with_submodules(place: Place) -> None:
    place.commit("modules", **{".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ../x\n'})
    said = f"the repository {place.repo} has submodules, of which git makes no worktrees"
    assert refusal(place) == (said, INSTEAD)


def test_a_branch_of_that_name_that_is_none_of_ours(place: Place) -> None:
    place.git("branch", "baton/t-1")
    said, cure = refusal(place)
    assert said == f"the repository {place.repo} has a branch baton/t-1 already, which is none of ours"
    assert cure == f"rename it: git -C {place.repo} branch -m baton/t-1 another-name"


def test_a_branch_in_the_way_of_all_of_ours_is_told_in_gits_words(place: Place) -> None:
    place.git("branch", "baton")
    with pytest.raises(
        InvalidInput, match=r"no worktree of .*repo can be made for 't-1': git says: .*refs/heads/baton"
    ):
        place.make()
    assert not place.tree.exists()


def test_an_id_that_git_takes_for_no_branch(place: Place) -> None:
    with pytest.raises(InvalidInput, match=r"git has no branch 'baton/a\.\.b'"):
        place.worktrees.check(str(place.repo), "a..b")


def test_a_locked_ref_is_told_with_what_to_do(place: Place) -> None:
    (place.repo / ".git/refs/heads/baton").mkdir()
    (place.repo / ".git/refs/heads/baton/t-1.lock").touch()
    with pytest.raises(InvalidInput, match=r"t-1\.lock': File exists") as refused:
        place.make()
    assert refused.value.cure == "wait for the git that is at work there; was it killed, remove the file"


def test_without_git_it_is_said(place: Place) -> None:
    with pytest.raises(InvalidInput, match="the program git is not there"):
        Worktrees(str(place.home), "/nowhere").make(str(place.repo), "ns", "t-1")


def test_what_somebody_has_put_in_its_place_is_left_alone(place: Place) -> None:
    place.tree.mkdir(parents=True)
    (place.tree / "mine").write_text("mine\n")
    with pytest.raises(InvalidInput, match=r"is no worktree of .*repo, and is not empty"):
        place.make()
    assert (place.tree / "mine").read_text() == "mine\n"


# -- crashes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_call_of_git_it_is_made_whole_the_next_time(place: Place, when: str) -> None:
    died = 0
    for call in range(1, 30):
        dead = place.process(f"make({str(place.repo)!r}, 'ns', 't-1')", place.killing_git(call, when))
        code = dead.wait(PATIENCE_SECONDS)
        died += code == -signal.SIGKILL
        place.make()
        assert place.left() == WHOLE, call
        assert place.git("status", "--porcelain", where=place.tree) == ""
        place.remove(discard=True)
        assert place.left() == NOTHING, call
        if code == 0:
            break
    assert code == 0 and died >= 5


def test_killed_at_any_call_of_git_it_is_removed_whole_the_next_time(place: Place) -> None:
    died = 0
    for call in range(1, 30):
        place.make()
        place.commit("work", where=place.tree, README=f"{call}\n")
        words = f"remove({str(place.repo)!r}, 'ns', 't-1', discard=True)"
        code = place.process(words, place.killing_git(call, "after")).wait(PATIENCE_SECONDS)
        died += code == -signal.SIGKILL
        place.remove(discard=True)
        assert place.left() == NOTHING, call
        if code == 0:
            break
    assert code == 0 and died >= 5


def test_a_git_that_was_killed_in_the_middle_of_a_checkout_is_begun_again(place: Place) -> None:
    place.smudge(f"mkdir {place.root}/once 2>/dev/null && kill -9 0")
    with pytest.raises(BatonError):
        place.make()
    assert (place.root / "once").exists()
    place.make()
    assert (place.tree / "a.txt").read_text() == "a\n"
    assert place.git("status", "--porcelain", where=place.tree) == ""
    assert place.left() == WHOLE


def test_a_git_that_outlives_whoever_started_it_is_waited_for(place: Place) -> None:
    place.smudge(f"echo . >> {place.root}/begun; until [ -e {place.root}/go ]; do sleep 0.02; done")
    first = place.process(f"make({str(place.repo)!r}, 'ns', 't-1')")
    await_file(place.root / "begun")
    first.kill()
    first.wait()
    made: list[str] = []
    second = threading.Thread(target=lambda: made.append(place.make()))
    second.start()
    (place.root / "go").touch()
    second.join(PATIENCE_SECONDS)
    assert made == [str(place.tree)]
    # Two files, each of them checked out once.
    assert (place.root / "begun").read_text() == ".\n.\n"
    assert place.left() == WHOLE


def test_a_folder_that_somebody_removed_comes_back_with_what_was_committed(place: Place) -> None:
    place.make()
    place.commit("work", where=place.tree, README="by an agent\n")
    subprocess.run(["rm", "-r", place.tree], check=True)
    place.make()
    assert (place.tree / "README").read_text() == "by an agent\n"
    assert place.left() == WHOLE


def test_stale_worktrees_of_the_user_are_left_to_the_user(place: Place) -> None:
    place.git("worktree", "add", "-q", "-b", "mine", str(place.root / "mine"))
    subprocess.run(["rm", "-r", place.root / "mine"], check=True)
    place.make()
    subprocess.run(["rm", "-r", place.tree], check=True)
    place.make()
    place.remove()
    assert place.left() == ([], ["mine"], [])


# -- looking and removing -----------------------------------------------------------------------------------------


def state(place: Place, **fields: object) -> WorktreeState:
    plain: dict[str, object] = {"path": str(place.tree), "branch": "baton/t-1", "repo": str(place.repo)}
    return WorktreeState(**(plain | fields))  # type: ignore[arg-type]


def test_one_in_which_nothing_was_done_is_removed_with_its_branch(place: Place) -> None:
    place.make()
    assert place.look() == state(place)
    assert place.remove() == state(place, is_there=False)
    assert place.left() == NOTHING


def test_one_that_was_never_made_is_not_there(place: Place) -> None:
    assert place.look() == place.remove() == state(place, is_there=False)


def test_work_that_is_not_committed_keeps_it(place: Place) -> None:
    place.git("config", "status.showUntrackedFiles", "no")
    place.make()
    (place.tree / "README").write_text("changed\n")
    (place.tree / "new").write_text("new\n")
    kept = place.remove()
    assert (kept, kept.reasons) == (state(place, file_count=2), ("2 files not committed",))
    assert (place.tree / "new").read_text() == "new\n"


def test_commits_that_are_nowhere_else_keep_it(place: Place) -> None:
    place.make()
    place.commit("work", where=place.tree, README="by an agent\n")
    kept = place.remove()
    assert (kept, kept.reasons) == (state(place, commit_count=1), ("1 commit on baton/t-1 not merged",))
    assert place.left() == WHOLE


def test_commits_on_no_branch_keep_it_too(place: Place) -> None:
    place.make()
    place.git("checkout", "-q", "--detach", where=place.tree)
    place.commit("work", where=place.tree, README="by an agent\n")
    assert place.remove() == state(place, commit_count=1)
    assert place.left() == WHOLE


@pytest.mark.parametrize(
    "way", [("merge", "-q", "baton/t-1"), ("branch", "theirs", "baton/t-1"), ("tag", "v1", "baton/t-1")]
)
def test_what_is_merged_or_has_another_name_is_removed(place: Place, way: tuple[str, ...]) -> None:
    place.make()
    place.commit("work", where=place.tree, README="by an agent\n")
    place.git(*way)
    assert place.remove() == state(place, is_there=False)
    assert place.left() == NOTHING


def test_told_to_discard_it_all_of_it_goes(place: Place) -> None:
    place.make()
    place.commit("work", where=place.tree, README="by an agent\n")
    (place.tree / "new").write_text("new\n")
    assert place.remove(discard=True) == state(place, is_there=False)
    assert place.left() == NOTHING


def test_a_git_at_work_in_it_keeps_it(place: Place) -> None:
    place.make()
    lock = place.repo / ".git/worktrees/t-1/index.lock"
    lock.touch()
    kept = place.remove()
    assert kept.reasons == (f"git is at work there, or was killed: {lock}",)
    assert place.left() == WHOLE


def test_one_that_somebody_has_locked_is_not_even_discarded(place: Place) -> None:
    place.make()
    place.git("worktree", "lock", "--reason", "on a stick", str(place.tree))
    assert place.remove().reasons == ("somebody has locked it: on a stick",)
    with pytest.raises(InvalidInput, match=r"somebody has locked the worktree .*: on a stick") as refused:
        place.remove(discard=True)
    assert refused.value.cure == f"git -C {place.repo} worktree unlock {place.tree}"
    assert place.left() == WHOLE


def test_one_that_is_no_worktree_any_more_is_kept_until_it_is_discarded(place: Place) -> None:
    place.make()
    (place.tree / ".git").unlink()
    (place.tree / "work").write_text("work\n")
    assert place.remove().reasons[0].endswith(f"is no worktree of {place.repo} any more")
    assert (place.tree / "work").exists()
    assert place.remove(discard=True) == state(place, is_there=False)
    assert place.left() == NOTHING


def test_one_removed_by_hand_is_forgotten(place: Place) -> None:
    place.make()
    place.git("worktree", "remove", str(place.tree))
    place.git("branch", "-qD", "baton/t-1")
    assert place.remove() == state(place, is_there=False)
    assert place.left() == NOTHING


def test_when_the_repository_is_gone_it_is_said_until_the_rest_is_discarded(place: Place) -> None:
    place.make()
    place.repo.rename(place.root / "moved")
    with pytest.raises(InvalidInput, match=r"the repository .*/repo is not a folder"):
        place.remove()
    assert place.tree.exists()
    assert place.remove(discard=True) == state(place, is_there=False)
    assert not place.tree.exists()


def test_a_repository_with_the_other_kind_of_hashes_is_one_like_any_other(place: Place) -> None:
    subprocess.run(["rm", "-r", place.repo / ".git"], check=True)
    place.git("init", "-q", "-b", "main", "--object-format=sha256")
    place.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first")
    place.make()
    assert place.left() == WHOLE
    place.remove()
    assert place.left() == NOTHING
