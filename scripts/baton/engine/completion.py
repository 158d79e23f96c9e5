"""Completion of a campaign: looked at by whoever ends a task, and by the sweep; its papers are written before it."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from msgspec import Struct

from baton.domain.campaign_commands import CompleteCampaign
from baton.domain.campaigns import Campaign, CampaignStatus
from baton.domain.errors import BatonError
from baton.domain.lineage import kind_of, parent_of
from baton.domain.records import Task
from baton.domain.usage import NOTHING, Usage, added
from baton.domain.versions import results_of
from baton.engine.door import Door
from baton.ports import Clock

CLOSABLE = frozenset({CampaignStatus.ACTIVE, CampaignStatus.PAUSED, CampaignStatus.IN_REVISION})


class Papers(Protocol):
    """Reads what a campaign produced and writes what is said about it, in the campaign's folder."""

    def campaign(self, project: str, campaign: str) -> str:
        """The folder of a campaign."""

    def path(self, task: Task) -> str:
        """The folder a task's agents work in."""

    def kept(self, task: Task, path: str, version: int) -> str:
        """Where a version of a file is now."""

    def describe(self, root: str, path: str) -> dict[str, Any] | None:
        """Path, sha256 and size of a file; ``None`` when it is gone."""

    def files_below(self, root: str, folder: str) -> list[str]:
        """The files in one folder of a workspace."""

    def write(self, root: str, path: str, data: bytes) -> None:
        """Write a file, whole or not at all."""


class Progress(Struct, frozen=True, kw_only=True):
    """How far the tasks of a campaign are."""

    statuses: dict[str, int]
    completed: int
    finished: int
    total: int
    usage: Usage = NOTHING

    @property
    def percent(self) -> int:
        """Finished tasks of all, in percent; 100 only when all are."""
        return 100 * self.finished // self.total if self.total else 0


def progress_of(door: Door, campaign: Campaign) -> Progress:
    """Count the tasks by status; one that cannot be read counts as ``damaged``, a missing one as ``missing``."""
    statuses: dict[str, int] = {}
    finished, usage = 0, NOTHING
    for id in campaign.tasks:
        task, status = _look(door, id)
        usage = added(usage, task.usage if task is not None else NOTHING)
        statuses[status] = statuses.get(status, 0) + 1
        finished += task is not None and task.is_finished
    return Progress(
        statuses=statuses,
        completed=statuses.get("completed", 0),
        finished=finished,
        total=len(campaign.tasks),
        usage=usage,
    )


def look_at(door: Door, clock: Clock, papers: Papers, campaign_id: str, by: str = "baton") -> Campaign | None:
    """Complete the campaign if every task is finished; return it then, else ``None``.

    Manifest and summary are written before the commit: a completed campaign has them. The commit carries the version
    that was seen, so that a campaign which was extended meanwhile stays open.
    """
    campaign = door.store.campaigns.read(campaign_id)
    if campaign is None or campaign.status not in CLOSABLE or not campaign.generated:
        return None
    tasks = _finished_tasks(door, campaign)
    if tasks is None:
        return None
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task.status] = counts.get(task.status, 0) + 1
    root = papers.campaign(campaign.project, campaign.id)
    files = [file for task in tasks for file in _files_of(task, papers)]
    wanted = campaign.snapshot.on_complete
    if wanted.manifest:
        manifest: dict[str, Any] = {"campaign": campaign.id, "files": files}
        if campaign.publish is not None:
            manifest["publish"] = campaign.publish
        papers.write(root, "manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    if wanted.summary:
        papers.write(root, "reports/completion-summary.md", _summary(campaign, tasks, files, clock.now()).encode())
    done = door.campaign(campaign.id, CompleteCampaign(seen_version=campaign.version, by=by, counts=counts))
    return done if done.status is CampaignStatus.COMPLETED else None


def _finished_tasks(door: Door, campaign: Campaign) -> list[Task] | None:
    """All tasks, if each is finished. From the end: what is unfinished mostly stands there."""
    found = []
    for id in reversed(campaign.tasks):
        task, _ = _look(door, id)
        if task is None or not task.is_finished:
            return None
        found.append(task)
    return found[::-1]


def _look(door: Door, id: str) -> tuple[Task | None, str]:
    try:
        task = door.store.tasks.read(id)
    except BatonError:
        return None, "damaged"
    if task is None:
        return None, "damaged" if door.store.tasks.is_set_aside(id) else "missing"
    return task, task.status.value


def _files_of(task: Task, papers: Papers) -> list[dict[str, Any]]:
    root = papers.path(task)
    files = []
    for unit in task.units():
        for result in results_of(unit):
            left = {papers.kept(task, one.path, result.version): one for one in result.resources}
            outputs = [papers.kept(task, path, result.version) for path in result.outputs]
            named = [path for output in outputs for path in papers.files_below(root, output) or [output]]
            for path in dict.fromkeys((*named, *left)):
                described = papers.describe(root, path)
                if described is None:
                    continue
                # Hash and title are the file's as it is now; where it came from was known when it was made.
                known = left.get(path)
                version, parent = (
                    (known.version, known.parent) if known else (result.version, parent_of(task, unit, path))
                )
                origin = {"kind": kind_of(path), "version": version, "parent": parent}
                files.append({**described, **origin, "task": task.id, "step": unit.step})
    return files


def _summary(campaign: Campaign, tasks: list[Task], files: list[dict[str, Any]], now: str) -> str:
    lines = [
        f"# {campaign.name}",
        "",
        f"Campaign `{campaign.id}`, pipeline `{campaign.pipeline}`, completed {now}.",
        "",
        "| task | title | status | quality | revisions | files |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for task in tasks:
        mine = [f"`{file['path']}`" for file in files if file["task"] == task.id]
        quality = "" if task.quality_score is None else f"{task.quality_score:g}"
        title = " ".join(task.title.replace("|", "/").split())
        cells = (task.id, title, task.status, quality, str(task.revision_count), "<br>".join(mine))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
