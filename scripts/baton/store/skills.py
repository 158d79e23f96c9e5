"""Agents on disk: ``skills/<agent>/SKILL.md`` in the home, then in the toolkit. Reads only; cached as documents are."""

from __future__ import annotations

import os

from baton.domain.errors import AgentNotFound, BatonError, InvalidInput
from baton.domain.ids import check_agent, is_agent_name
from baton.domain.skills import FrontMatter, Skill, skill_from
from baton.store import documents, files

FILE = "SKILL.md"
_FENCE = "---"


def find_skill(name: str, home_skills_dir: str, toolkit_skills_dir: str, cache_dir: str | None) -> Skill:
    """Return the agent of this name, the home's own first.

    Raises ``AgentNotFound`` with where it looked and the nearest agent, ``InvalidInput`` for a malformed one (a home's
    broken skill is never passed over for the toolkit's), ``InvalidWord`` for what cannot be an agent's name.
    """
    check_agent(name)
    for folder, shipped in _places(home_skills_dir, toolkit_skills_dir):
        skill = _read(name, folder, shipped, cache_dir)
        if skill is not None:
            return skill
    raise _not_found(name, home_skills_dir, toolkit_skills_dir)


def list_skills(
    home_skills_dir: str, toolkit_skills_dir: str, cache_dir: str | None
) -> tuple[list[Skill], list[tuple[str, str]]]:
    """Return all agents by name, and ``(folder's name, problem)`` for each folder that is none.

    A name in the home hides the toolkit's. Files, and folders that begin with ``.`` or ``_``, are passed over.
    """
    skills: list[Skill] = []
    problems: list[tuple[str, str]] = []
    for name in _folder_names(home_skills_dir, toolkit_skills_dir):
        if not is_agent_name(name):
            problems.append((name, "the folder's name is not a valid agent name"))
            continue
        try:
            skills.append(find_skill(name, home_skills_dir, toolkit_skills_dir, cache_dir))
        except AgentNotFound:
            problems.append((name, f"the folder has no {FILE}"))
        except BatonError as error:
            problems.append((name, error.message))
    return skills, problems


def script_path(skill: Skill) -> str:
    """Return the executable that ``metadata.command`` names, links resolved.

    Raises ``InvalidInput`` unless it is an executable regular file inside the skill's folder.
    """
    what = f"{os.path.join(skill.folder, FILE)}: metadata.command:"
    command = skill.command or ""
    if not command or os.path.isabs(command):
        raise InvalidInput(f"{what} must name a file in the skill's folder", cure="write its path from that folder")
    folder = os.path.realpath(skill.folder)
    path = os.path.realpath(os.path.join(folder, command))
    if not _is_inside(path, folder):
        raise InvalidInput(f"{what} {command!r} leads out of the skill's folder", cure="put the program into it")
    if not os.path.isfile(path):
        is_there = os.path.lexists(path)
        problem = "is not a file" if is_there else "does not exist"
        raise InvalidInput(f"{what} {command!r} {problem}", cure="name one program, without arguments")
    if not os.access(path, os.X_OK):
        raise InvalidInput(f"{what} {command!r} is not executable", cure=f"run: chmod +x {path}")
    return path


def front_matter(source: bytes, name: str) -> bytes:
    """Return the front matter of a ``SKILL.md`` on the lines where it stands; ``InvalidInput`` when there is none."""
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InvalidInput(f"{name}: is not a text file", cure="write it as UTF-8 text")
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        cure = "begin the file with a line '---', then name and description, then a line '---'"
        raise InvalidInput(f"{name}:1: has no front matter", cure=cure)
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() == _FENCE:
            return "\n".join(["", *lines[1:number]]).encode()
    raise InvalidInput(f"{name}:1: the front matter does not end", cure="close it with a line '---'")


def _places(home_skills_dir: str, toolkit_skills_dir: str) -> list[tuple[str, bool]]:
    home, toolkit = os.path.abspath(home_skills_dir), os.path.abspath(toolkit_skills_dir)
    # Where the toolkit is the home, what stands there came with it.
    return [(toolkit, True)] if home == toolkit else [(home, False), (toolkit, True)]


def _read(name: str, skills_dir: str, shipped: bool, cache_dir: str | None) -> Skill | None:
    folder = os.path.join(skills_dir, name)
    path = os.path.join(folder, FILE)
    for link, around in ((folder, skills_dir), (path, folder)):
        if os.path.islink(link) and not _is_inside(os.path.realpath(link), os.path.realpath(around)):
            raise InvalidInput(f"{link}: the link leads out of {around}", cure="copy what it leads to in its place")
    entry = f"skill.{'toolkit' if shipped else 'home'}.{name}"
    written = documents.load(path, FrontMatter, cache_dir, name=entry, prepare=front_matter)
    if written is None:
        return None
    skill = skill_from(written, folder=folder, folder_name=name, shipped=shipped)
    if skill.harness == "script":
        script_path(skill)
    return skill


def _is_inside(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _folder_names(*skills_dirs: str) -> list[str]:
    names: set[str] = set()
    for skills_dir in skills_dirs:
        try:
            with os.scandir(skills_dir) as entries:
                names.update(one.name for one in entries if one.name[0] not in "._" and one.is_dir())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise files.translated(error, skills_dir) from None
    return sorted(names)


def _not_found(name: str, home_skills_dir: str, toolkit_skills_dir: str) -> AgentNotFound:
    places = dict.fromkeys(folder for folder, _ in _places(home_skills_dir, toolkit_skills_dir))
    known = [one for one in _folder_names(*places) if one != name]
    cure = f"looked in {' and '.join(places)}; "
    cure += documents.nearest_cure(name, known) if known else f"make {next(iter(places))}/{name}/{FILE}"
    return AgentNotFound(f"there is no agent '{name}'", cure=cure)
