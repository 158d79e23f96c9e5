"""Agents on disk: where they are looked for, what their file may say, and what is said of a broken one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from baton.domain.errors import AgentNotFound, InvalidInput, InvalidWord
from baton.domain.skills import METADATA_KEYS, Skill
from baton.store import documents
from baton.store.skills import find_skill, list_skills, script_path

SCRIPTS = str(Path(__file__).parents[2] / "scripts")
KNOWN = f"known: {', '.join(sorted(METADATA_KEYS))}"


class Folders:
    """A home's and a toolkit's skills, and the cache."""

    def __init__(self, root: Path) -> None:
        self.home, self.toolkit, self.cache = (root / one for one in ("home/skills", "toolkit/skills", "home/cache"))
        for folder in (self.home, self.toolkit, self.cache):
            folder.mkdir(parents=True)

    def write(self, text: str | bytes, name: str = "writer", *, toolkit: bool = False) -> Path:
        folder = (self.toolkit if toolkit else self.home) / name
        folder.mkdir(exist_ok=True)
        (folder / "SKILL.md").write_bytes(text.encode() if isinstance(text, str) else text)
        return folder

    def find(self, name: str = "writer") -> Skill:
        return find_skill(name, str(self.home), str(self.toolkit), str(self.cache))

    def refusal(self, name: str = "writer") -> tuple[str, str]:
        with pytest.raises(InvalidInput) as caught:
            self.find(name)
        return caught.value.message, caught.value.cure


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def skill_md(metadata: str = "", *, name: str = "writer", description: str = "Writes.", more: str = "") -> str:
    ours = f"metadata:\n{metadata}\n" if metadata else ""
    return f"---\nname: {name}\ndescription: {description}\n{more}{ours}---\n\n# Body\n"


# -- finding ------------------------------------------------------------------------------------------------------


def test_a_skill_is_read_whole(folders: Folders) -> None:
    metadata = """\
  harness: command
  command: run {prompt_file}
  model: sonnet
  timeout: 1.5h
  max_attempts: "5"
  level: specialist
  role: content writer
  requires: seo_keywords  images
  optional: web
  env: ONE_KEY TWO_KEY
  completes: agent
  acme.version: "3"
  other/tool: x
  third:tool: y"""
    more = "license: MIT\ncompatibility: needs the network\nallowed-tools: [Read, Write]\n"
    folder = folders.write(skill_md(metadata, more=more))

    assert folders.find() == Skill(
        name="writer",
        description="Writes.",
        harness="command",
        command="run {prompt_file}",
        model="sonnet",
        timeout_seconds=5400.0,
        max_attempts=5,
        level="specialist",
        role="content writer",
        requires=("seo_keywords", "images"),
        optional=("web",),
        env=("ONE_KEY", "TWO_KEY"),
        completes="agent",
        folder=str(folder),
        shipped=False,
    )


def test_a_skill_that_says_nothing_leaves_it_to_others(folders: Folders) -> None:
    folder = folders.write(skill_md(), toolkit=True)

    assert folders.find() == Skill(name="writer", description="Writes.", folder=str(folder), shipped=True)


def test_the_homes_own_comes_first(folders: Folders) -> None:
    folders.write(skill_md(description="Shipped."), toolkit=True)
    folders.write(skill_md(description="Own."))

    found = folders.find()

    assert (found.description, found.shipped) == ("Own.", False)


def test_the_toolkit_as_its_own_home_has_shipped_skills(folders: Folders) -> None:
    folders.write(skill_md(), toolkit=True)

    assert find_skill("writer", str(folders.toolkit), str(folders.toolkit), None).shipped


def test_the_folder_is_absolute_wherever_one_stands(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    folders.write(skill_md())
    monkeypatch.chdir(folders.home.parent)

    assert find_skill("writer", "skills", "nowhere", None).folder == str(folders.home / "writer")


def test_a_broken_skill_of_the_home_does_not_give_way_to_the_toolkits(folders: Folders) -> None:
    folders.write(skill_md(), toolkit=True)
    folders.write("# no front matter")

    assert folders.refusal()[0] == f"{folders.home}/writer/SKILL.md:1: has no front matter"


def test_an_unknown_agent_is_told_with_where_it_was_looked_for_and_the_nearest(folders: Folders) -> None:
    folders.write(skill_md(name="content-writer"), "content-writer")
    folders.write(skill_md(name="humanizer"), "humanizer", toolkit=True)

    with pytest.raises(AgentNotFound) as caught:
        folders.find("content-writr")

    assert caught.value.message == "there is no agent 'content-writr'"
    assert caught.value.cure == (
        f"looked in {folders.home} and {folders.toolkit}; did you mean 'content-writer'? known: content-writer, humanizer"
    )


def test_where_there_are_no_agents_the_cure_is_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(AgentNotFound) as caught:
        find_skill("writer", f"{tmp_path}/a", f"{tmp_path}/b", None)

    assert caught.value.cure == f"looked in {tmp_path}/a and {tmp_path}/b; make {tmp_path}/a/writer/SKILL.md"


@pytest.mark.parametrize("name", ["", ".", "..", "../writer", "a/b", "Writer", "a--b", "a" * 65, "a\0"])
def test_no_path_is_built_from_what_is_no_name(folders: Folders, name: str) -> None:
    with pytest.raises(InvalidWord):
        folders.find(name)


# -- the front matter ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "cure"),
    [
        (
            "name: writer\n",
            ":1: has no front matter",
            "begin the file with a line '---', then name and description, then a line '---'",
        ),
        ("", ":1: has no front matter", "begin the file with a line '---', then name and description, then a line '---'"),
        ("---\nname: writer\n", ":1: the front matter does not end", "close it with a line '---'"),
        ("---\n---\n", ": the file is empty", "write the document, or remove the file"),
        (b"---\nname: writer\n---\n\xff\xfe", ": is not a text file", "write it as UTF-8 text"),
        (b"\x7fELF\x02\0\0", ": is not a text file", "write it as UTF-8 text"),
        ("---\n" + "#" * 10_000_000 + "\n---\n", ": the file is larger than 1048576 bytes", "keep only what belongs in it"),
        ("---\nname: writer\n---\n", ":2: the key 'description' is missing", "add 'description: ...'"),
        (
            skill_md(name="Writer"),
            ":2: name: 'Writer' is not a valid agent name",
            "use a-z and 0-9 joined by single '-', at most 64 characters",
        ),
        (skill_md(name="other"), ": name: is 'other', but its folder is 'writer'", "give both the same name"),
        (
            skill_md(description="' '"),
            ":3: description: is empty",
            "say in a sentence what the agent does and when to use it",
        ),
        (
            skill_md(description="x" * 1025),
            ":3: description: has 1025 characters, 1024 are allowed",
            "shorten it; details go into the body",
        ),
        (
            skill_md(more=f"compatibility: {'x' * 501}\n"),
            ":4: compatibility: has 501 characters, 500 are allowed",
            "shorten it; details go into the body",
        ),
        (
            skill_md(more="model: sonnet\n"),
            ":4: model: unknown key",
            "known: allowed-tools, compatibility, description, license, metadata, name",
        ),
        (
            skill_md("  a: &x 1"),
            ":5: metadata.a: anchors and aliases (&x) are not allowed",
            "write the value out where it is needed",
        ),
    ],
)  # fmt: skip
def test_a_broken_file_is_one_sentence(folders: Folders, text: str | bytes, message: str, cure: str) -> None:
    folder = folders.write(text)

    assert folders.refusal() == (f"{folder}/SKILL.md{message}", cure)


@pytest.mark.parametrize(
    ("metadata", "message", "cure"),
    [
        ("harnes: claude", "metadata.harnes: unknown key", f"did you mean 'harness'? {KNOWN}"),
        (".hidden: x", 'metadata[".hidden"]: unknown key', KNOWN),
        ("harness: cluade", "metadata.harness: 'cluade' is not a harness", None),
        ("max_attempts: 3", "metadata.max_attempts: expected text, got a whole number", "put the value in quotes"),
        ("max_attempts: three", "metadata.max_attempts: 'three' is not a whole number", 'write "1" to "1000"'),
        (
            'max_attempts: "0"',
            "metadata.max_attempts: 0 is not between 1 and 1000",
            "write a whole number from 1 to 1000",
        ),
        ('timeout: "30"', "metadata.timeout: '30' is not a duration", None),
        ("timeout: 0s", "metadata.timeout: must be longer than 0", "write a time like 30s"),
        ("requires: [a, b]", "metadata.requires: expected text, got a list", "correct the value"),
        ("model:", "metadata.model: expected text, got nothing", "write a value, or remove the key"),
        ("model: ' '", "metadata.model: is empty", "write a value, or remove the key"),
        ("env: A=b", "metadata.env: an entry is not the name of a variable", "list names only, like MY_KEY; no values"),
        ("completes: yes", "metadata.completes: 'yes' is not who may complete the step", "known: agent"),
        ("harness: command", "metadata.harness: 'command' needs a command too", "add 'command: ...' under metadata"),
    ],
)
def test_wrong_metadata_is_told_by_its_key(folders: Folders, metadata: str, message: str, cure: str | None) -> None:
    folder = folders.write(skill_md(f"  {metadata}"))

    found, found_cure = folders.refusal()

    assert found == f"{folder}/SKILL.md:5: {message}"
    assert cure is None or found_cure == cure


# -- scripts ------------------------------------------------------------------------------------------------------


def script_skill(folders: Folders, command: str = "bin/run") -> Path:
    folder = folders.write(skill_md(f"  harness: script\n  command: {command}"))
    (folder / "bin").mkdir()
    program = folder / "bin/run"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return folder


def test_the_program_of_a_script_is_inside_its_folder(folders: Folders) -> None:
    folder = script_skill(folders)

    assert script_path(folders.find()) == str(folder / "bin/run")


def test_a_link_to_a_program_inside_is_followed(folders: Folders) -> None:
    folder = script_skill(folders, "start")
    (folder / "start").symlink_to("bin/run")

    assert script_path(folders.find()) == str(folder / "bin/run")


@pytest.mark.parametrize(
    ("command", "problem", "cure"),
    [
        ("/bin/sh", "must name a file in the skill's folder", "write its path from that folder"),
        ("../../run", "'../../run' leads out of the skill's folder", "put the program into it"),
        ("link", "'link' leads out of the skill's folder", "put the program into it"),
        ("bin/gone", "'bin/gone' does not exist", "name one program, without arguments"),
        ("bin", "'bin' is not a file", "name one program, without arguments"),
    ],
)
def test_any_other_program_is_refused(folders: Folders, command: str, problem: str, cure: str) -> None:
    folder = script_skill(folders, command)
    (folder / "link").symlink_to("/bin/sh")

    assert folders.refusal() == (f"{folder}/SKILL.md: metadata.command: {problem}", cure)


def test_a_program_that_may_not_be_executed_is_told_with_the_command_that_helps(folders: Folders) -> None:
    folder = script_skill(folders)
    (folder / "bin/run").chmod(0o644)

    assert folders.refusal() == (
        f"{folder}/SKILL.md: metadata.command: 'bin/run' is not executable",
        f"run: chmod +x {folder}/bin/run",
    )


def test_a_program_taken_away_later_is_noticed_in_spite_of_the_cache(folders: Folders) -> None:
    folder = script_skill(folders)
    folders.find()
    (folder / "bin/run").unlink()

    assert folders.refusal()[0] == f"{folder}/SKILL.md: metadata.command: 'bin/run' does not exist"


# -- links --------------------------------------------------------------------------------------------------------


def test_a_folder_that_leads_out_of_its_skills_is_refused(folders: Folders, tmp_path: Path) -> None:
    outside = tmp_path / "writer"
    outside.mkdir()
    (outside / "SKILL.md").write_text(skill_md())
    (folders.home / "writer").symlink_to(outside)

    assert folders.refusal() == (
        f"{folders.home}/writer: the link leads out of {folders.home}",
        "copy what it leads to in its place",
    )


def test_a_file_that_leads_out_of_its_folder_is_refused(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text(skill_md())
    (folders.home / "writer").mkdir()
    (folders.home / "writer/SKILL.md").symlink_to(tmp_path / "other.md")

    assert folders.refusal()[0] == f"{folders.home}/writer/SKILL.md: the link leads out of {folders.home}/writer"


def test_skills_behind_a_link_to_all_of_them_are_found(folders: Folders, tmp_path: Path) -> None:
    folders.write(skill_md())
    (tmp_path / "link").symlink_to(folders.home)

    assert find_skill("writer", str(tmp_path / "link"), "nowhere", None).folder == str(tmp_path / "link/writer")


# -- all of them --------------------------------------------------------------------------------------------------


def test_all_agents_are_listed_and_the_broken_ones_beside_them(folders: Folders) -> None:
    folders.write(skill_md(), toolkit=True)
    folders.write(skill_md(name="editor"), "editor")
    folders.write(skill_md(name="editor"), "editor", toolkit=True)
    folders.write("nothing", "broken")
    folders.write(skill_md(), "Bad_Name")
    for name in ("empty", ".git", "__pycache__"):
        (folders.home / name).mkdir()
    (folders.home / "README.md").write_text("words")

    skills, problems = list_skills(str(folders.home), str(folders.toolkit), str(folders.cache))

    assert [(one.name, one.shipped) for one in skills] == [("editor", False), ("writer", True)]
    assert problems == [
        ("Bad_Name", "the folder's name is not a valid agent name"),
        ("broken", f"{folders.home}/broken/SKILL.md:1: has no front matter"),
        ("empty", "the folder has no SKILL.md"),
    ]


def test_without_any_skills_folder_the_lists_are_empty(tmp_path: Path) -> None:
    assert list_skills(f"{tmp_path}/a", f"{tmp_path}/b", None) == ([], [])


# -- the cache ----------------------------------------------------------------------------------------------------


def test_home_and_toolkit_have_entries_of_their_own(folders: Folders) -> None:
    folders.write(skill_md(), toolkit=True)
    folders.find()
    folders.write(skill_md())
    folders.find()

    assert sorted(one.name for one in folders.cache.iterdir()) == [
        "skill.home.writer.json",
        "skill.toolkit.writer.json",
    ]


def test_an_edit_is_seen_and_the_body_is_not_kept(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_SETTLED_NS", -1)
    folders.write(skill_md())
    folders.find()
    folders.write(skill_md(description="Edits."))

    assert folders.find().description == "Edits."
    assert b"Body" not in (folders.cache / "skill.home.writer.json").read_bytes()


PROGRAM = """
import sys
from baton.store.skills import find_skill
print(find_skill("writer", *sys.argv[1:]).name)
print(*sorted({"yaml", "difflib", "json"} & set(sys.modules)))
"""


def test_with_a_fresh_cache_no_yaml_is_imported(folders: Folders) -> None:
    folders.write(skill_md())
    command = [sys.executable, "-c", PROGRAM, str(folders.home), str(folders.toolkit), str(folders.cache)]
    environ = {**os.environ, "PYTHONPATH": SCRIPTS}

    outputs = [
        subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout for _ in range(2)
    ]

    assert "yaml" in outputs[0]
    assert outputs[1] == "writer\n\n"
