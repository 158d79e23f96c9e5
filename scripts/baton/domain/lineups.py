"""Line-ups: whether the agents of a template can work in the order it puts them in, judged by the roles of their skills.

An agent whose skill says no role, or is not there, is not judged: a home may have agents of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from baton.domain.errors import InvalidInput
from baton.domain.pipelines import Branch, Step, Template

RESEARCHER, WRITER, REVIEWER, EDITOR = "researcher", "writer", "reviewer", "editor"
# They make something of a text that somebody else has written.
NEED_A_TEXT = ("art director", "social writer", "repurposer", "copywriter")
NEEDS = {WRITER: RESEARCHER, REVIEWER: WRITER, EDITOR: WRITER}


def check_lineup(template: Template, roles: Mapping[str, str | None]) -> tuple[str, ...]:
    """Refuse a template in which somebody has nothing to work on; return warnings about what may be meant.

    ``roles`` are those of the agents' skills, by the agent's name. What stands before a branch is every main step up to
    the one that triggers it.
    """
    warnings: list[str] = []
    for unit, where, before in _placed(template):
        role = roles.get(unit.agent or "")
        there = {roles.get(one.agent or "") for one in before}
        needed = NEEDS.get(role or "")
        if needed is not None and needed not in there:
            raise InvalidInput(
                f"{where}: {unit.agent} is {_with_article(role)}, and no {needed} is before it",
                cure=f"put a step whose agent is a {needed} before it",
            )
        if role in NEED_A_TEXT and WRITER not in there:
            warnings.append(f"{where}: {unit.agent} works on a draft, and no writer is before it")
    main = {roles.get(step.agent or "") for step in template.main_steps}
    if WRITER in main:
        warnings += ["no reviewer: nobody checks what is written"] if REVIEWER not in main else []
        warnings += ["no humanizer: nobody edits what is written"] if EDITOR not in main else []
    return (*warnings, *_shared_files(template))


def agents_of(template: Template) -> tuple[str, ...]:
    """Return the agents of a template, each once."""
    units = (*template.main_steps, *template.parallel_branches)
    return tuple(dict.fromkeys(unit.agent for unit in units if unit.agent is not None))


def _with_article(role: str | None) -> str:
    return f"an {role}" if role == EDITOR else f"a {role}"


def _placed(template: Template) -> list[tuple[Step, str, tuple[Step, ...]]]:
    """Each unit with where it stands and the main steps before it."""
    steps = template.main_steps
    found = [(step, f"step {number}", steps[:number]) for number, step in enumerate(steps)]
    found += [(one, f"branch '{one.label}'", steps[: one.trigger_after_step + 1]) for one in template.parallel_branches]
    return found


def _shared_files(template: Template) -> list[str]:
    """Warn of branches that write to the folder of another unit: both would leave a file with the task's name there."""
    units: tuple[Step, ...] = (*template.main_steps, *template.parallel_branches)
    count = Counter(unit.output_dir for unit in units if unit.output_dir)
    shared = [one for one in units if isinstance(one, Branch) and one.output_dir and count[one.output_dir] > 1]
    return [
        f"branch '{one.label}': another unit writes to {one.output_dir} too, by default to the same file"
        for one in shared
    ]
