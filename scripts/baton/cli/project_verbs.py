"""The verbs of ``project.py``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click

from baton.cli.caller import person
from baton.cli.project_records import all_projects, changes, plain, project_named, read_file
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.campaigns import Campaign
from baton.domain.errors import InvalidInput
from baton.domain.ids import check_slug
from baton.domain.project_commands import ArchiveProject, CreateProject, UnarchiveProject, UpdateProject
from baton.domain.project_files import ProjectFile, fields_of
from baton.domain.projects import Project
from baton.ports import Damage


@script("create", "project", example="project.py create bakery.yaml", id_option="file")
@click.argument("file", type=click.Path())
def create(wiring: Wiring, file: str) -> Answer:
    """Make a project from FILE: slug, name, description, appearance (icon, colour)."""
    written = read_file(file, ProjectFile, "project", "slug", "name")
    assert isinstance(written.slug, str)
    command = CreateProject(by=person(wiring.environ), id=written.slug, fields=fields_of(written))
    project = wiring.door.project(written.slug, command)
    return Answer(plain(project), f"Created project '{project.id}'.\nNext: product.py create FILE")


@script("list", "projects", example="project.py list\nproject.py list --all")
@click.option("--all", "everything", is_flag=True, help="Archived ones too.")
def list_(wiring: Wiring, everything: bool) -> Answer:
    """List projects, with what there is of each."""
    counts = Counter(campaign.project for campaign in _campaigns(wiring))
    data = [
        {
            "slug": one.id,
            "name": one.name,
            "status": one.status,
            "products": len(one.products),
            "focus_groups": len(one.focus_groups),
            "campaigns": counts.pop(one.id, 0),
        }
        for one in all_projects(wiring)
    ]
    # Campaigns that are older than records of projects name some that have none.
    nothing = {"status": "active", "products": 0, "focus_groups": 0}
    data += [{"slug": slug, "name": slug, **nothing, "campaigns": count} for slug, count in counts.items()]
    data = sorted((one for one in data if everything or one["status"] == "active"), key=lambda one: str(one["slug"]))
    heads = ("project", "name", "status", "products", "focus groups", "campaigns")
    return Answer(data, table(heads, [tuple(one.values()) for one in data], empty="No projects."))


@script("show", "project", example="project.py show bakery\nproject.py show bakery --json", id_option="project")
@click.argument("project")
def show(wiring: Wiring, project: str) -> Answer:
    """Show a project with its products, focus groups and campaigns."""
    found = project_named(wiring, project)
    campaigns = [
        {"slug": one.id, "name": one.name, "status": one.status}
        for one in _campaigns(wiring)
        if one.project == found.id
    ]
    return Answer(plain(found) | {"slug": found.id, "campaigns": campaigns}, lambda: _words(found, campaigns))


@script("update", "project", example="project.py update bakery --name 'The Bakery'", id_option="project")
@click.argument("project")
@click.argument("file", type=click.Path(), required=False)
@click.option("--name", metavar="TEXT")
@click.option("--description", metavar="TEXT")
def update(wiring: Wiring, project: str, file: str | None, **words: str | None) -> Answer:
    """Change what FILE and the options name; the rest stays."""
    check_slug(project, "project")
    fields = changes(file, ProjectFile, "project.py update", {"slug": project}, words)
    if "status" in fields:
        raise InvalidInput("status: is not changed by a file", cure="use project.py archive, or unarchive")
    found = wiring.door.project(project, UpdateProject(by=person(wiring.environ), fields=fields))
    return Answer(plain(found), f"Updated project '{project}'.")


@script("archive", "project", example="project.py archive bakery", id_option="project")
@click.argument("project")
def archive(wiring: Wiring, project: str) -> Answer:
    """Let no new campaign be made in a project; what is under way goes on."""
    found = wiring.door.project(check_slug(project, "project"), ArchiveProject(by=person(wiring.environ)))
    return Answer(plain(found), f"Archived project '{project}'.")


@script("unarchive", "project", example="project.py unarchive bakery", id_option="project")
@click.argument("project")
def unarchive(wiring: Wiring, project: str) -> Answer:
    """Let new campaigns be made in a project again."""
    found = wiring.door.project(check_slug(project, "project"), UnarchiveProject(by=person(wiring.environ)))
    return Answer(plain(found), f"Project '{project}' is active again.")


VERBS = [create, list_, show, update, archive, unarchive]


def _campaigns(wiring: Wiring) -> Iterator[Campaign]:
    if os.path.isdir(wiring.home.in_state("campaigns")):
        found = (one for one in wiring.store.campaigns.live() if not isinstance(one, Damage))
        yield from sorted(found, key=lambda campaign: campaign.id)


def _words(project: Project, campaigns: list[dict[str, Any]]) -> str:
    shown = {"icon": project.appearance.icon, "colour": project.appearance.colour}
    look = ", ".join(f"{name} {value}" for name, value in shown.items() if value)
    lines = [f"{project.id}: {project.name} ({project.status})"]
    lines += [f"  {project.description}"] if project.description else []
    lines += [f"  shown with {look}"] if look else []
    for product in project.products.values():
        lines.append(f"  product   {product.slug}: {product.name}{_archived(product.is_archived)}")
        lines += [
            f"    readers {group.number} {group.slug}: {group.name}{_archived(group.is_archived)}"
            for group in project.groups_of(product.slug)
        ]
    lines += [f"  campaign  {one['slug']}: {one['name']} ({one['status']})" for one in campaigns]
    return "\n".join(lines)


def _archived(is_archived: bool) -> str:
    return " (archived)" if is_archived else ""
