"""Of which project a list tells: as said, else as the environment says, else as the run's task does, else of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError, InvalidWord
from baton.domain.ids import check_slug, is_id

VARIABLE = "BATON_PROJECT"


def of_projects(body: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say of which project it tells; ``project_of`` reads them."""
    body = click.option("--all-projects", is_flag=True, help="Of all projects, whatever the default is.")(body)
    return click.option(
        "--project", metavar="P", help=f"Only of this project (default: {VARIABLE}; in a run its own)."
    )(body)


def project_of(wiring: Wiring, project: str | None, all_projects: bool = False) -> str | None:
    """Return the project that is told of; ``None`` for all.

    A person sees the whole home unless they chose a project. A run belongs to one, and sees the others' tasks only when
    it asks for them.
    """
    if project is not None and all_projects:
        raise InvalidWord("--project and --all-projects do not go together", cure="leave one of them out")
    if project is not None:
        return check_slug(project, "project")
    return None if all_projects else default_project(wiring)


def default_project(wiring: Wiring) -> str | None:
    """Return the project that is meant when none is named, if there is one."""
    if named := wiring.environ.get(VARIABLE):
        return check_slug(named, f"project (in {VARIABLE})")
    task = wiring.environ.get("BATON_TASK") if wiring.is_inside_run else None
    if not task or not is_id(task):
        return None
    try:
        return wiring.task(task).project
    except BatonError:
        return None  # whoever asks for its own task is told what is wrong with it
