"""Skills shown in workspaces: what is there already stays as it is, git sees nothing, and nothing is left afterwards."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from baton.adapters.skill_links import SkillLinks
from baton.domain.errors import StorageError
from baton.domain.exchange import Display
from baton.domain.skills import Skill
from baton.store.displays import DisplayFiles
from baton.store.locks import Locks

PATH = os.environ["PATH"]
FOLDER = ".claude/skills"
OURS = (
    "# Baton: skills of the run r-1, which goes on; these lines go with it\n/.claude/skills/seo\n/.claude/skills/tone\n"
)


class Place:
    """A workspace, two skills outside of it, and the links of a home."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("ws", "skills/seo", "skills/tone", "state/locks", "state/tmp"):
            (root / name).mkdir(parents=True)
        self.ws = root / "ws"
        self.skills = [self.skill("seo"), self.skill("tone")]
        state = root / "state"
        self.notes = DisplayFiles(str(state / "shown"), str(state / "tmp"), Locks(str(state / "locks"), 1.0))
        self.links = SkillLinks(self.notes, PATH)

    def skill(self, name: str) -> Skill:
        (self.root / "skills" / name / "SKILL.md").write_text(f"---\nname: {name}\n---\n")
        return Skill(name=name, description=name, folder=str(self.root / "skills" / name), shipped=False)

    def show(
        self, run: str = "r-1", *, where: Path | None = None, skills: list[Skill] | None = None
    ) -> tuple[str, ...]:
        return self.links.show(run, "t", str(where or self.ws), FOLDER, skills or self.skills)

    def git(self, *words: str, where: Path | None = None) -> str:
        argv = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        environ = {"PATH": PATH, "HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            argv, cwd=where or self.ws, env=environ, check=True, capture_output=True, text=True
        ).stdout

    def repository(self) -> Path:
        """Make the workspace a repository with a commit; return its exclude file."""
        self.git("init", "-q")
        (self.ws / "README").write_text("read me\n")
        self.git("add", ".")
        self.git("commit", "-qm", "first")
        return self.ws / ".git/info/exclude"

    def tree(self) -> dict[str, str | bytes | None]:
        """Everything in the workspace: what a link leads to, what a file holds."""
        found: dict[str, str | bytes | None] = {}
        for path in sorted(self.ws.rglob("*")):
            name = str(path.relative_to(self.ws))
            if path.is_symlink():
                found[name] = f"-> {os.readlink(path)}"
            elif not name.startswith(".git/") or name == ".git/info/exclude":
                found[name] = path.read_bytes() if path.is_file() else None
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A workspace that is no repository."""
    return Place(tmp_path)


def test_each_skill_is_there_by_its_name_and_gone_afterwards(place: Place) -> None:
    assert place.show() == ("seo", "tone")
    assert (place.ws / FOLDER / "seo/SKILL.md").read_text() == "---\nname: seo\n---\n"
    assert place.links.put_away("r-1")
    assert (place.tree(), place.notes.all()) == ({}, [])


def test_the_note_is_there_before_anything_else(place: Place) -> None:
    place.show()
    folder = f"{place.ws}/.claude"
    links = {f"{folder}/skills/{one.name}": one.folder for one in place.skills}
    assert place.notes.all() == [Display(run="r-1", task="t", links=links, folders=(folder, f"{folder}/skills"))]


def test_what_was_not_shown_is_not_put_away(place: Place) -> None:
    assert not place.links.put_away("r-1")


# -- what the user has --------------------------------------------------------------------------------------------


def test_what_the_user_has_there_is_neither_overwritten_nor_removed(place: Place) -> None:
    (place.ws / FOLDER / "seo").mkdir(parents=True)
    (place.ws / FOLDER / "seo/SKILL.md").write_text("mine\n")
    (place.ws / ".claude/settings.json").write_text("{}\n")
    before = place.tree()
    assert place.show() == ("tone",)
    place.links.put_away("r-1")
    assert place.tree() == before


def test_the_users_own_link_to_the_same_skill_stays(place: Place) -> None:
    (place.ws / FOLDER).mkdir(parents=True)
    (place.ws / FOLDER / "seo").symlink_to(place.skills[0].folder)
    before = place.tree()
    assert place.show() == ("tone",)
    place.links.put_away("r-1")
    assert place.tree() == before


def test_what_somebody_put_in_the_place_of_ours_meanwhile_stays(place: Place) -> None:
    place.show()
    (place.ws / FOLDER / "seo").unlink()
    (place.ws / FOLDER / "seo").mkdir()
    (place.ws / FOLDER / "tone").unlink()
    (place.ws / ".claude/notes.md").write_text("written meanwhile\n")
    place.links.put_away("r-1")
    assert place.tree() == {
        ".claude": None,
        ".claude/notes.md": b"written meanwhile\n",
        ".claude/skills": None,
        ".claude/skills/seo": None,
    }


def test_a_folder_of_the_users_that_leads_elsewhere_in_the_workspace_is_used_and_kept(place: Place) -> None:
    (place.ws / ".agents/skills").mkdir(parents=True)
    (place.ws / ".claude").mkdir()
    (place.ws / FOLDER).symlink_to("../.agents/skills")
    before = place.tree()
    assert place.show() == ("seo", "tone")
    assert (place.ws / ".agents/skills/seo").is_symlink()
    place.links.put_away("r-1")
    assert place.tree() == before


@pytest.mark.parametrize("spoil", ["outside", "file", "the root itself"])
def test_where_nothing_can_be_shown_nothing_is_done(place: Place, spoil: str) -> None:
    if spoil == "outside":
        (place.root / "elsewhere").mkdir()
        (place.ws / ".claude").symlink_to(place.root / "elsewhere")
    elif spoil == "file":
        (place.ws / ".claude").write_text("a file\n")
    else:
        (place.ws / ".claude").symlink_to(place.ws)
        (place.ws / "skills").symlink_to("/")
    before = place.tree()
    with pytest.raises(StorageError, match="no skill can be shown in "):
        place.show()
    assert (place.tree(), place.notes.all()) == (before, [])


# -- git ----------------------------------------------------------------------------------------------------------


def test_git_sees_nothing_while_they_are_shown_and_its_file_is_as_it_was_afterwards(place: Place) -> None:
    exclude = place.repository()
    exclude.write_bytes(b"# mine\n*.tmp")
    before = place.tree()

    assert place.show() == ("seo", "tone")
    assert exclude.read_bytes() == b"# mine\n*.tmp\n" + OURS.encode()
    assert place.git("status", "--porcelain", "--untracked-files=all") == ""
    place.git("add", "-A")
    assert place.git("diff", "--cached", "--name-only") == ""
    place.links.put_away("r-1")
    assert place.tree() == before


def test_a_repository_without_an_exclude_file_has_none_afterwards(place: Place) -> None:
    exclude = place.repository()
    exclude.unlink()
    exclude.parent.rmdir()
    assert place.show() == ("seo", "tone")
    assert exclude.read_text() == OURS
    place.links.put_away("r-1")
    assert not exclude.parent.exists()


def test_what_people_write_into_the_exclude_file_meanwhile_stays(place: Place) -> None:
    exclude = place.repository()
    exclude.write_text("a\n")
    place.show()
    exclude.write_text(exclude.read_text().replace("/.claude/skills/tone\n", "b\n/.claude/skills/tone\n") + "c\n")
    place.links.put_away("r-1")
    assert exclude.read_text() == "a\nb\nc\n"


def test_a_name_that_git_tracks_is_left_alone_even_when_its_file_is_gone(place: Place) -> None:
    place.repository()
    (place.ws / FOLDER / "seo").mkdir(parents=True)
    (place.ws / FOLDER / "seo/SKILL.md").write_text("theirs\n")
    place.git("add", "-f", ".")
    place.git("commit", "-qm", "theirs")
    (place.ws / FOLDER / "seo/SKILL.md").unlink()
    (place.ws / FOLDER / "seo").rmdir()
    assert place.show() == ("tone",)
    assert place.git("status", "--porcelain") == " D .claude/skills/seo/SKILL.md\n"


def test_nothing_is_shown_where_a_gitignore_takes_our_lines_back(place: Place) -> None:
    place.repository()
    (place.ws / ".gitignore").write_text("!.claude/skills/*\n")
    before = place.tree()
    with pytest.raises(StorageError, match=r"git does not ignore what was shown|git says: 1$"):
        place.show()
    assert (place.tree(), place.notes.all()) == (before, [])


def test_nothing_is_shown_in_a_repository_that_git_does_not_answer_for(place: Place) -> None:
    place.repository()
    (place.ws / ".git/config").write_text("[broken\n")
    before = place.tree()
    with pytest.raises(StorageError, match="git says: fatal: bad config"):
        place.show()
    assert (place.tree(), place.notes.all()) == (before, [])


def test_what_only_looks_like_a_repository_is_none(place: Place) -> None:
    (place.ws / ".git").write_text("gitdir: /nowhere\n")
    assert place.show() == ("seo", "tone")
    place.links.put_away("r-1")
    assert place.tree() == {".git": b"gitdir: /nowhere\n"}


def test_without_git_nothing_is_shown_in_a_repository(place: Place) -> None:
    place.repository()
    with pytest.raises(StorageError, match="'git'"):
        SkillLinks(place.notes, "/nowhere").show("r-1", "t", str(place.ws), FOLDER, place.skills)
    assert place.notes.all() == []


def test_a_worktree_and_a_folder_inside_a_repository_are_repositories_too(place: Place) -> None:
    exclude = place.repository()
    before = exclude.read_bytes()
    tree = place.root / "a [tree]"
    place.git("worktree", "add", "-q", "-b", "tree", str(tree))
    inner = tree / "pa*cks [1]"
    inner.mkdir()
    for run, where in (("r-1", tree), ("r-2", inner)):
        assert place.show(run, where=where) == ("seo", "tone")
    assert place.git("status", "--porcelain", "--untracked-files=all", where=tree) == ""
    for run in ("r-1", "r-2"):
        place.links.put_away(run)
    assert exclude.read_bytes() == before


# -- side by side, and again --------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["r-1", "r-2"])
def test_runs_side_by_side_share_and_the_last_one_clears(place: Place, first: str) -> None:
    place.repository()
    (place.ws / ".git/info/exclude").unlink()
    (place.ws / ".git/info").rmdir()
    before = place.tree()
    assert place.show("r-1") == ("seo", "tone")
    assert place.show("r-2", skills=[place.skills[0]]) == ("seo",)

    place.links.put_away(first)
    assert (place.ws / FOLDER / "seo").is_symlink()
    assert (place.ws / FOLDER / "tone").is_symlink() == (first == "r-2")
    assert place.git("status", "--porcelain", "--untracked-files=all") == ""
    place.links.put_away("r-2" if first == "r-1" else "r-1")
    assert (place.tree(), place.notes.all()) == (before, [])


@pytest.mark.parametrize("made", range(6))
def test_what_a_crash_left_half_done_is_cleared_by_its_note(place: Place, made: int) -> None:
    exclude = place.repository()
    before = place.tree()
    place.show()
    (note,) = place.notes.all()
    # As after a crash in the middle of the making: of its acts, in their order, only so many have happened.
    folder = place.ws / ".claude"
    undone = [folder / "skills/tone", folder / "skills/seo", folder / "skills", folder]
    for path in undone[: max(0, 5 - made)]:
        path.unlink() if path.is_symlink() else path.rmdir()
    if made == 0:
        exclude.write_bytes(before[".git/info/exclude"])  # type: ignore[arg-type]
    assert place.links.put_away(note.run)
    assert place.tree() == before


def test_what_cannot_be_removed_is_said_and_tried_again(place: Place) -> None:
    exclude = place.repository()
    place.show()
    written = exclude.read_bytes()
    exclude.unlink()
    exclude.mkdir()
    with pytest.raises(
        StorageError, match=r"the skills shown for run r-1 cannot be removed: .*/exclude: Is a directory"
    ):
        place.links.put_away("r-1")
    exclude.rmdir()
    exclude.write_bytes(written)
    assert place.links.put_away("r-1")
    assert (place.notes.all(), (place.ws / ".claude").exists()) == ([], False)


def test_a_workspace_that_is_gone_needs_no_clearing(place: Place) -> None:
    place.repository()
    place.show()
    place.ws.rename(place.root / "moved")
    assert place.links.put_away("r-1")
    assert place.notes.all() == []
