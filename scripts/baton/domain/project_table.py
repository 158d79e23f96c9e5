"""The state machine of a project: what may be done with it while it is active, and while it is archived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from baton.domain.errors import AlreadyExists, IllegalTransition, ProjectNotFound
from baton.domain.news import Change, stamped
from baton.domain.products import Standing
from baton.domain.project_commands import (
    AddFocusGroup,
    AddProduct,
    ArchiveFocusGroup,
    ArchiveProduct,
    ArchiveProject,
    CreateProject,
    ImportFocusGroups,
    UnarchiveFocusGroup,
    UnarchiveProduct,
    UnarchiveProject,
    UpdateFocusGroup,
    UpdateProduct,
    UpdateProject,
)
from baton.domain.project_groups import add_group, archive_group, import_groups, unarchive_group, update_group
from baton.domain.project_products import add_product, archive_product, unarchive_product, update_product
from baton.domain.projects import Project, edited, news
from baton.domain.records import SCHEMA, Event


def _create(command: CreateProject, now: str) -> Change:
    empty = Project(
        schema=SCHEMA, id=command.id, version=0, name=command.id, created_by=command.by, created_at=now, updated_at=now
    )
    made: Project = edited(empty, command.fields, now)
    return Change(made, (news(made, "project_created", command.by, name=made.name),))


def _update(project: Project, command: UpdateProject, now: str) -> Change:
    after = edited(project, command.fields, project.updated_at)
    if after is project:
        return Change(project)
    return Change(after, (news(project, "project_updated", command.by, fields=sorted(command.fields)),))


def _archive(project: Project, command: ArchiveProject, now: str) -> Change:
    changed = structs.replace(project, status=Standing.ARCHIVED)
    return Change(changed, (news(project, "project_archived", command.by),))


def _unarchive(project: Project, command: UnarchiveProject, now: str) -> Change:
    changed = structs.replace(project, status=Standing.ACTIVE)
    return Change(changed, (news(project, "project_unarchived", command.by),))


def _stay(project: Project, command: Any, now: str) -> Change:
    return Change(project)


Row = dict[type, Callable[[Project, Any, str], Change]]

PROJECT_TABLE: dict[Standing, Row] = {
    Standing.ACTIVE: {
        UpdateProject: _update,
        ArchiveProject: _archive,
        UnarchiveProject: _stay,
        AddProduct: add_product,
        UpdateProduct: update_product,
        ArchiveProduct: archive_product,
        UnarchiveProduct: unarchive_product,
        AddFocusGroup: add_group,
        UpdateFocusGroup: update_group,
        ArchiveFocusGroup: archive_group,
        UnarchiveFocusGroup: unarchive_group,
        ImportFocusGroups: import_groups,
    },
    Standing.ARCHIVED: {UnarchiveProject: _unarchive, ArchiveProject: _stay},
}


def decide(project: Project | None, command: Any, now: str) -> tuple[Project, list[Event]]:
    """Apply one command to a project: the new record and its events, or an exception and nothing."""
    if project is None:
        if not isinstance(command, CreateProject):
            raise ProjectNotFound()
        return stamped("project", None, _create(command, now), now)
    if isinstance(command, CreateProject):
        raise AlreadyExists(
            f"there is a project '{project.id}' already ({project.status})",
            cure=f"choose another slug, or change it with: project.py update {project.id} FILE",
        )
    handler = PROJECT_TABLE[project.status].get(type(command))
    if handler is None:
        raise IllegalTransition(
            f"the project is {project.status}; {VERBS[type(command)]}", cure=f"project.py unarchive {project.id}"
        )
    change = handler(project, command, now)
    if change.record is project:
        return project, []
    return stamped("project", project, change, now)


VERBS: dict[type, str] = {
    UpdateProject: "it cannot be changed",
    ArchiveProject: "it cannot be archived",
    UnarchiveProject: "it cannot be unarchived",
    AddProduct: "it cannot be given another product",
    UpdateProduct: "its products cannot be changed",
    ArchiveProduct: "its products cannot be archived",
    UnarchiveProduct: "its products cannot be unarchived",
    AddFocusGroup: "it cannot be given another focus group",
    UpdateFocusGroup: "its focus groups cannot be changed",
    ArchiveFocusGroup: "its focus groups cannot be archived",
    UnarchiveFocusGroup: "its focus groups cannot be unarchived",
    ImportFocusGroups: "it cannot be given more focus groups",
}
