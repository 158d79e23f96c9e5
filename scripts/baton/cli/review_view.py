"""What ``review.py`` shows: a piece, its versions, and what the newest one changed."""

from __future__ import annotations

import difflib
from typing import Any

import msgspec

from baton.cli.paint import plain
from baton.cli.script import Answer
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput
from baton.domain.records import Result, Task, Unit
from baton.domain.versions import results_of

SHOWN_LINES = 400
LINE_LIMIT = 2_000


def shown(wiring: Wiring, task: Task, step: int | None, branch: str | None) -> Answer:
    """Show what one unit has made: by default the last step of the main line that has left a file."""
    unit = _chosen(task, step, branch)
    results = results_of(unit) if unit is not None else ()
    versions = [_version(wiring, task, result) for result in results]
    texts = [wiring.workspaces.text(task, one["path"]) if one["path"] else None for one in versions]
    diff = _diff(versions, texts)
    data: dict[str, Any] = {
        "task": task.id,
        "title": task.title,
        "campaign": task.campaign,
        "status": task.status,
        "blocked": task.blocked.reason if task.blocked is not None else None,
        "approved": msgspec.to_builtins(task.approved),
        "revision": msgspec.to_builtins(task.revision),
        "revision_count": task.revision_count,
        "rejection_notes": task.rejection_notes,
        "piece": _piece(task, unit, versions, texts),
        "versions": versions,
        "diff": diff,
    }
    return Answer(data, lambda: _words(task, data, wiring.workspaces.path(task)))


def _chosen(task: Task, step: int | None, branch: str | None) -> Unit | None:
    if branch is not None:
        if branch not in task.branches:
            known = ", ".join(task.branches)
            raise InvalidInput(f"it has no branch '{branch}'", cure=f"choose from {known}" if known else "it has none")
        return task.branches[branch]
    if step is not None:
        if not 0 <= step < len(task.pipeline):
            raise InvalidInput(f"it has no step {step}", cure=f"choose from 0 to {len(task.pipeline) - 1}")
        return task.pipeline[step]
    left = [unit for unit in task.pipeline if any(result.outputs for result in results_of(unit))]
    return left[-1] if left else None


def _version(wiring: Wiring, task: Task, result: Result) -> dict[str, Any]:
    outputs = [wiring.workspaces.kept(task, path, result.version) for path in result.outputs]
    return {
        "version": result.version,
        "path": outputs[0] if outputs else None,
        "outputs": outputs,
        "agent": result.agent,
        "run": result.run,
        "at": result.at,
        "summary": result.summary,
        "quality_score": result.quality_score,
        "readability_score": result.readability_score,
    }


def _piece(
    task: Task, unit: Unit | None, versions: list[dict[str, Any]], texts: list[str | None]
) -> dict[str, Any] | None:
    if unit is None or not versions:
        return None
    newest = versions[-1]
    return {
        "step": unit.step,
        "branch": task.label_of(unit.key),
        "agent": unit.agent,
        "version": newest["version"],
        "path": newest["path"],
        "text": texts[-1],
    }


def _diff(versions: list[dict[str, Any]], texts: list[str | None]) -> str | None:
    """What changed from the last version but one to the last; ``None`` without two texts to compare."""
    if len(texts) < 2 or texts[-1] is None or texts[-2] is None:
        return None
    before, after = versions[-2], versions[-1]
    lines = difflib.unified_diff(
        texts[-2].splitlines(),
        texts[-1].splitlines(),
        f"version {before['version']}: {before['path']}",
        f"version {after['version']}: {after['path']}",
        lineterm="",
    )
    return "\n".join(lines)


def _words(task: Task, data: dict[str, Any], workspace: str) -> str:
    lines = [f"{task.id}: {plain(task.title, LINE_LIMIT)} ({task.status})"]
    if task.approved is not None:
        lines.append(_line("approved", f"by {task.approved.by}, {task.approved.at}", task.approved.notes))
    if task.revision is not None:
        revision = task.revision
        lines.append(_line("revision", f"{revision.kind}, asked for by {revision.by}, {revision.at}", revision.notes))
    elif task.rejection_notes:
        lines.append(_line("sent back", f"{task.revision_count}x; last", task.rejection_notes))
    if task.blocked is not None:
        lines.append(_line("blocked", task.blocked.kind.value, task.blocked.reason))
    piece = data["piece"]
    if piece is None:
        return "\n".join([*lines, "", "Nothing has been made yet."])
    where = f"branch '{piece['branch']}'" if piece["branch"] is not None else f"step {piece['step']}"
    lines.append(_line("piece", f"version {piece['version']}, by {piece['agent']} ({where})", None))
    lines.append(_line("folder", workspace, None))
    rows = [
        (
            one["version"],
            ", ".join(one["outputs"]) or "-",
            one["agent"],
            one["at"],
            one["quality_score"],
            one["summary"],
        )
        for one in data["versions"]
    ]
    lines += ["", table(("version", "file", "by", "at", "quality", "said"), rows), ""]
    if data["diff"] is not None:
        lines += _clean(data["diff"] or "Nothing changed.")
    elif piece["text"] is not None:
        lines += _clean(piece["text"])
    else:
        lines.append("The file is gone, or it is no text.")
    return "\n".join(lines)


def _line(name: str, what: str, words: str | None) -> str:
    return f"  {name:<10}{what}" + (f": {plain(words, LINE_LIMIT)}" if words else "")


def _clean(text: str) -> list[str]:
    """The lines of a text for a terminal, as many as a person reads there."""
    # Indents stay; what a terminal would obey does not.
    lines = ["".join(one if one.isprintable() else " " for one in line)[:LINE_LIMIT] for line in text.splitlines()]
    more = len(lines) - SHOWN_LINES
    return lines if more <= 0 else [*lines[:SHOWN_LINES], f"... and {more} lines more: see the file"]
