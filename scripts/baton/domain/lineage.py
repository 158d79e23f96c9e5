"""What a file is and where it comes from, read from its name, its folder, and what was there before it."""

from __future__ import annotations

import re
from typing import Any

from msgspec import structs

from baton.domain.records import Task, Unit
from baton.domain.statuses import TaskStatus
from baton.domain.versions import results_of

# By the folder a step writes to, the longest first; what lies elsewhere is an artifact.
KINDS = {
    "assets/images": "image_prompt",
    "assets/social": "social_post",
    "assets/video": "video_script",
    "assets/email/sequences": "email_sequence",
    "assets/email": "email_excerpt",
    "landing-pages": "landing_page",
    "ads": "ad",
    "research": "research_material",
    "briefs": "brief",
    "drafts": "article",
    "reviewed": "review",
    "final": "article",
    "reports": "report",
}
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".svg", ".avif")
TITLE_LIMIT = 200
_VERSION = re.compile(r"(.+)\.v([1-9][0-9]{0,3})(\.[^./]*)?")


def listed(task: Task) -> list[dict[str, Any]]:
    """Return all resources of a task with the step or branch that left them, in the order of its units.

    ``status``: ``superseded`` by a later version of the unit, else as far as the task is: ``draft``, ``complete``,
    ``approved``, ``published``.
    """
    return [
        {
            "task": task.id,
            "step": unit.step,
            "branch": task.label_of(unit.key),
            **structs.asdict(one),
            "status": _standing(task) if result is unit.result else "superseded",
        }
        for unit in task.units()
        for result in results_of(unit)
        for one in result.resources
    ]


def deliverables_of(task: Task) -> dict[str, str]:
    """Return how far each deliverable is that the task shall have: the status of its branch, or ``wanted`` without one."""
    made = {branch.deliverable: branch.status.value for branch in task.branches.values() if branch.deliverable}
    wanted = {name: "wanted" for name, is_wanted in task.deliverables.items() if is_wanted}
    return wanted | made


def _standing(task: Task) -> str:
    if task.published_url is not None:
        return "published"
    if task.approved is not None:
        return "approved"
    return "complete" if task.status is TaskStatus.COMPLETED else "draft"


def kind_of(path: str) -> str:
    """Return what kind of thing a file is."""
    if path.lower().endswith(IMAGES):
        return "image"
    return next((kind for folder, kind in KINDS.items() if path.startswith(f"{folder}/")), "artifact")


def title_in(text: str) -> str:
    """Return the first heading of a text; nothing where there is none."""
    headings = (line[2:].strip() for line in text.splitlines() if line.startswith("# "))
    return next(headings, "")[:TITLE_LIMIT]


def version_in(path: str) -> tuple[int, str]:
    """Return which version a file is, by its name, and the name of the first one."""
    found = _VERSION.fullmatch(path)
    return (int(found[2]), found[1] + (found[3] or "")) if found else (1, path)


def parent_of(task: Task, unit: Unit, path: str) -> str | None:
    """Return what a file was made from: its version before, else what the step before left, by the same name if it can."""
    version, first = version_in(path)
    if version > 1:
        # The mark is the last ".v4" of the path: what comes behind it has no other dot.
        return first if version == 2 else f".v{version - 1}".join(path.rsplit(f".v{version}", 1))
    before = unit.step if unit.step is not None else (unit.trigger_after_step or 0) + 1
    for earlier in reversed(task.pipeline[:before]):
        if earlier.result is None or earlier.agent is None:
            continue
        left = [one.path for one in earlier.result.resources] or list(earlier.result.outputs)
        name = _name(path)
        same = [one for one in left if _name(version_in(one)[1]) == name]
        if same:
            return same[-1]
        if left:
            return left[0]
    return None


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def is_text(data: bytes) -> bool:
    """Tell whether this is a text that people can read."""
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False
