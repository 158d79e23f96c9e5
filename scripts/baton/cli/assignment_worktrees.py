"""Worktrees of assignments, as ``assignment.py`` speaks of them: refused early, put away when nothing is lost, cleaned."""

from __future__ import annotations

from typing import Any

import click

from baton.cli.assigned import assignment_named, status_word
from baton.cli.script import Answer, script
from baton.cli.task_views import tasks_of
from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError, IllegalTransition, InvalidWord
from baton.domain.ids import check_id
from baton.domain.records import Task
from baton.domain.worktrees import WorktreeState, branch_worked_on
from baton.engine.creation import free_id


@script(
    "clean",
    "assignment",
    example="assignment.py clean\nassignment.py clean fix-login --discard",
    id_option="assignment",
)
@click.argument("assignment", required=False)
@click.option("--discard", is_flag=True, help="Also with work in it that is not committed, or not merged: it is lost.")
def clean(wiring: Wiring, assignment: str | None, discard: bool) -> Answer:
    """Remove the worktree and branch of a finished assignment, or of all, where nothing is lost by it."""
    if wiring.is_inside_run:
        raise IllegalTransition("no agent's run removes worktrees", cure="a person does that")
    if assignment is None:
        if discard:
            raise InvalidWord("--discard needs an assignment", cure="name the one whose work is to be lost")
        return _clean_all(wiring)
    task = assignment_named(wiring, assignment)
    if branch_worked_on(task) is None:
        raise IllegalTransition("it has no worktree of its own", cure="there is nothing to clean")
    if not task.is_finished:
        raise IllegalTransition(
            f"it is {status_word(task)}, and its jobs work there",
            cure=f"assignment.py complete {task.id}, or task.py cancel",
        )
    state = wiring.worktrees.remove(task, discard=discard)
    if state.is_there:
        raise IllegalTransition(
            f"{state.path} is kept: {'; '.join(state.reasons)}",
            cure=f"git -C {state.repo} merge {state.branch}, or assignment.py clean {task.id} --discard",
        )
    return Answer(_data([(task, state)]), f"{state.path} and the branch {state.branch} are gone.")


def id_for(wiring: Wiring, id: str | None, title: str, repo: str | None, *, worktree: bool) -> str | None:
    """Return the id for a new assignment, if it must be known by now; refuse a worktree that could not be made."""
    if id is not None:
        check_id(id, "assignment")
    if not worktree:
        return id
    if repo is None:
        raise InvalidWord("--worktree needs --repo", cure="name the repository that it is made of")
    id = id or free_id(wiring.store, title, "assignment")
    wiring.worktrees.check(repo, id)
    return id


def worktree_words(wiring: Wiring, task: Task) -> str | None:
    """Return the same in words; of a finished assignment also what keeps it."""
    branch = branch_worked_on(task)
    if branch is None:
        return None
    if not task.is_finished:
        return f"{wiring.workspaces.path(task)}, on the branch {branch}"
    try:
        state = wiring.worktrees.look(task)
    except BatonError as error:
        return str(error)
    why = "; ".join(state.reasons) or f"nothing would be lost: assignment.py clean {task.id}"
    return f"{state.path} on {branch}, kept: {why}" if state.is_there else "gone"


def _clean_all(wiring: Wiring) -> Answer:
    found, failed = [], []
    for task in tasks_of(wiring, archived=True):
        if task.is_finished and branch_worked_on(task) is not None:
            try:
                if wiring.worktrees.look(task).is_there:
                    found.append((task, wiring.worktrees.remove(task)))
            except BatonError as error:
                failed.append({"assignment": task.id, "reasons": [str(error)]})
    data = _data(found)
    data["kept"] += failed
    lines = [f"{id}: its worktree is gone" for id in data["cleaned"]]
    lines += [f"{one['assignment']} is kept: {'; '.join(one['reasons'])}" for one in data["kept"]]
    return Answer(data, "\n".join(lines) or "No finished assignment has a worktree.")


def _data(found: list[tuple[Task, WorktreeState]]) -> dict[str, Any]:
    return {
        "cleaned": [task.id for task, state in found if not state.is_there],
        "kept": [
            {"assignment": task.id, "path": state.path, "branch": state.branch, "reasons": list(state.reasons)}
            for task, state in found
            if state.is_there
        ],
    }
