"""An agent, as its ``SKILL.md`` describes it: an Agent Skills folder (https://agentskills.io/specification).

What is Baton's own stands under ``metadata``, where the format allows text only; lists are separated by spaces.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from baton.domain.errors import InvalidInput
from baton.domain.harness_names import HARNESSES, is_own_name
from baton.domain.heartbeat_settings import check_schedule
from baton.domain.ids import is_agent_name
from baton.domain.refusals import MAX_COUNT, check_count, check_duration, check_variables, check_word, refuse_key
from baton.domain.skill_lists import check_skills

METADATA_KEYS = (
    "harness",
    "command",
    "model",
    "timeout",
    "max_attempts",
    "level",
    "heartbeat",
    "role",
    "requires",
    "optional",
    "env",
    "completes",
    "skills",
)
LEVELS = ("intern", "specialist", "lead", "orchestrator")
COMPLETES = ("agent",)
NEED_COMMAND = ("script", "command")
DESCRIPTION_LIMIT = 1024
COMPATIBILITY_LIMIT = 500
_NAMESPACED = re.compile(r"[^.:/]+[.:/].+", re.DOTALL)
_COUNT = re.compile(r"[0-9]{1,9}")


class FrontMatter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The front matter of a ``SKILL.md``. Under ``metadata`` other tools' keys are known by a ``.``, ``:`` or ``/``."""

    name: str
    description: str
    license: str = ""
    compatibility: str = ""
    metadata: dict[str, str] = {}
    allowed_tools: str | tuple[str, ...] = field(default="", name="allowed-tools")

    def __post_init__(self) -> None:
        if not is_agent_name(self.name):
            cure = "use a-z and 0-9 joined by single '-', at most 64 characters"
            refuse_key("name", f"{self.name[:80]!r} is not a valid agent name", cure=cure)
        if not self.description.strip():
            refuse_key("description", "is empty", cure="say in a sentence what the agent does and when to use it")
        _check_length("description", self.description, DESCRIPTION_LIMIT)
        _check_length("compatibility", self.compatibility, COMPATIBILITY_LIMIT)
        for key, value in self.metadata.items():
            if key in METADATA_KEYS:
                _check_metadata(key, value)
            elif not _NAMESPACED.fullmatch(key):
                refuse_key(f"metadata.{key}", "unknown key", word=key, known=METADATA_KEYS)
        if self.metadata.get("harness") in NEED_COMMAND and "command" not in self.metadata:
            what = f"{self.metadata['harness']!r} needs a command too"
            refuse_key("metadata.harness", what, cure="add 'command: ...' under metadata")


class Skill(Struct, frozen=True, kw_only=True):
    """An agent that can be asked to work. ``folder`` is absolute; ``shipped``: it came with the toolkit.

    ``None`` means that the skill does not say, and that step, campaign or settings decide. ``completes`` is ``agent``
    for one that always reports by itself. ``heartbeat`` is the schedule on which it may be run without a task, where the
    settings ask for that. ``requires`` and ``optional`` name capabilities, ``env`` variables, ``skills``
    further skills that each of its runs is given.
    """

    name: str
    description: str
    harness: str | None = None
    command: str | None = None
    model: str | None = None
    timeout_seconds: float | None = None
    max_attempts: int | None = None
    level: str | None = None
    heartbeat: str | None = None
    role: str | None = None
    requires: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    completes: str | None = None
    skills: tuple[str, ...] = ()
    folder: str
    shipped: bool


def skill_from(written: FrontMatter, *, folder: str, folder_name: str, shipped: bool) -> Skill:
    """Return the agent that was described; ``InvalidInput`` when it bears another name than its folder."""
    if written.name != folder_name:
        raise InvalidInput(
            f"{folder}/SKILL.md: name: is {written.name!r}, but its folder is {folder_name!r}",
            cure="give both the same name",
        )
    ours = written.metadata
    return Skill(
        name=written.name,
        description=written.description,
        harness=ours.get("harness"),
        command=ours.get("command"),
        model=ours.get("model"),
        timeout_seconds=check_duration("timeout", ours["timeout"]) if "timeout" in ours else None,
        max_attempts=int(ours["max_attempts"]) if "max_attempts" in ours else None,
        level=ours.get("level"),
        heartbeat=ours.get("heartbeat"),
        role=ours.get("role"),
        requires=tuple(ours.get("requires", "").split()),
        optional=tuple(ours.get("optional", "").split()),
        env=tuple(ours.get("env", "").split()),
        completes=ours.get("completes"),
        skills=tuple(ours.get("skills", "").split()),
        folder=folder,
        shipped=shipped,
    )


def body_of(text: str) -> str:
    """Return what a SKILL.md says to its agent: all behind the front matter."""
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].rstrip() != "---":
        return text.strip()
    ends = (number for number, line in enumerate(lines) if number > 0 and line.rstrip() == "---")
    return "".join(lines[next(ends, 0) + 1 :]).strip()


def _check_length(key: str, text: str, limit: int) -> None:
    if len(text) > limit:
        refuse_key(key, f"has {len(text)} characters, {limit} are allowed", cure="shorten it; details go into the body")


def _check_metadata(key: str, value: str) -> None:
    path = f"metadata.{key}"
    if not value.strip():
        refuse_key(path, "is empty", cure="write a value, or remove the key")
    if key == "harness":
        if not is_own_name(value):
            check_word(path, value, HARNESSES, "a harness")
    elif key == "level":
        check_word(path, value, LEVELS, "a level")
    elif key == "heartbeat":
        check_schedule(path, value)
    elif key == "completes":
        check_word(path, value, COMPLETES, "who may complete the step")
    elif key == "timeout":
        check_duration(path, value, above_zero=True)
    elif key == "env":
        check_variables(path, value.split())
    elif key == "skills":
        check_skills(path, value.split(), may_take_away=False)
    elif key == "max_attempts":
        if not _COUNT.fullmatch(value):
            refuse_key(path, f"{value!r} is not a whole number", cure=f'write "1" to "{MAX_COUNT}"')
        check_count(path, int(value))
