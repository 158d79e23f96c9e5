"""The verbs of ``focus_group.py``."""

from __future__ import annotations

from typing import Any

import click
from msgspec import UNSET

from baton.cli.caller import person
from baton.cli.group_import import import_
from baton.cli.product_verbs import plain_items
from baton.cli.project_records import all_projects as readable
from baton.cli.project_records import changes, find_group, find_product, home_of_new, plain, read_file
from baton.cli.scope import of_projects, project_of
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput
from baton.domain.products import PROFILE, FocusGroup
from baton.domain.project_commands import (
    AddFocusGroup,
    ArchiveFocusGroup,
    UnarchiveFocusGroup,
    UpdateFocusGroup,
)
from baton.domain.project_files import FocusGroupFile, fields_of
from baton.domain.projects import Project

SHOWN = 3
PROJECT = click.option("--project", metavar="P", help="Its project (default: BATON_PROJECT, else the one that has it).")


@script("create", "focus group", example="focus_group.py create beginners.yaml", id_option="file")
@click.argument("file", type=click.Path())
@click.option("--product", metavar="PRODUCT", help="Its product, where the file names none.")
@click.option("--project", metavar="P", help="Its project, where the file names none.")
def create(wiring: Wiring, file: str, product: str | None, project: str | None) -> Answer:
    """Make a focus group from FILE: product, name, and what is known of it (overview, pain_points, fears, hooks, ...)."""
    written = read_file(file, FocusGroupFile, "focus_group", "name")
    named = written.product if isinstance(written.product, str) else None
    if named is not None and product not in (None, named):
        raise InvalidInput(f"product: the file says '{named}', and --product '{product}'", cure="leave one of them out")
    slug = named or product
    if slug is None:
        raise InvalidInput(f"{file}: the key 'product' is missing", cure="add 'product: ...', or --product")
    if isinstance(written.project, str):
        owner = home_of_new(wiring, written, project)
        owner.product(slug)
    else:
        owner, _ = find_product(wiring, slug, project)
    fields = fields_of(written) | ({"slug": written.slug} if written.slug is not UNSET else {})
    after = wiring.door.project(owner.id, AddFocusGroup(by=person(wiring.environ), product=slug, fields=fields))
    made = after.focus_groups[after.history[-1].data["group"]]
    lacks = f"\nNothing is known of {_named(made.missing)}." if made.missing else ""
    return Answer(_view(after, made), f"Created focus group '{made.slug}' of product '{made.product}'.{lacks}")


@script("list", "focus groups", example="focus_group.py list --product sourdough")
@of_projects
@click.option("--product", metavar="PRODUCT", help="Only those of this product.")
@click.option("--all", "everything", is_flag=True, help="Archived ones too.")
def list_(wiring: Wiring, project: str | None, all_projects: bool, product: str | None, everything: bool) -> Answer:
    """List focus groups, with what is not known of each."""
    wanted = project_of(wiring, project, all_projects)
    keys = ("slug", "product", "number", "name", "nickname", "category", "source", "last_enriched", "status", "missing")
    data = [
        {"project": owner.id} | {key: getattr(one, key) for key in keys}
        for owner in readable(wiring)
        if wanted in (None, owner.id)
        for slug in owner.products
        if product in (None, slug)
        for one in owner.groups_of(slug)
        if everything or not one.is_archived
    ]
    rows = [
        (
            d["project"],
            d["product"],
            d["number"],
            d["slug"],
            d["name"],
            d["status"],
            d["source"],
            _briefly(d["missing"]),
        )
        for d in data
    ]
    heads = ("project", "product", "no", "focus group", "name", "status", "source", "not known")
    return Answer(data, table(heads, rows, empty="No focus groups."))


@script("show", "focus group", example="focus_group.py show beginners", id_option="group")
@click.argument("group")
@PROJECT
def show(wiring: Wiring, group: str, project: str | None) -> Answer:
    """Show a focus group, named by its slug, name or nickname."""
    owner, found = find_group(wiring, group, project)
    return Answer(_view(owner, found), lambda: _words(owner, found))


@script("update", "focus group", example="focus_group.py update beginners more.yaml", id_option="group")
@click.argument("group")
@click.argument("file", type=click.Path(), required=False)
@click.option("--name", metavar="TEXT")
@click.option("--nickname", metavar="TEXT")
@click.option("--category", metavar="TEXT")
@click.option("--overview", metavar="TEXT")
@PROJECT
def update(wiring: Wiring, group: str, file: str | None, project: str | None, **words: str | None) -> Answer:
    """Change what FILE and the options name; the rest stays."""
    owner, found = find_group(wiring, group, project)
    places = {"slug": found.slug, "product": found.product, "project": owner.id}
    fields = changes(file, FocusGroupFile, "focus_group.py update", places, words)
    command = UpdateFocusGroup(by=person(wiring.environ), slug=found.slug, fields=fields)
    after = wiring.door.project(owner.id, command)
    return Answer(_view(after, after.focus_groups[found.slug]), f"Updated focus group '{found.slug}'.")


@script("archive", "focus group", example="focus_group.py archive beginners", id_option="group")
@click.argument("group")
@PROJECT
def archive(wiring: Wiring, group: str, project: str | None) -> Answer:
    """Let no new campaign target a focus group; what is under way goes on."""
    owner, found = find_group(wiring, group, project)
    after = wiring.door.project(owner.id, ArchiveFocusGroup(by=person(wiring.environ), slug=found.slug))
    return Answer(_view(after, after.focus_groups[found.slug]), f"Archived focus group '{found.slug}'.")


@script("unarchive", "focus group", example="focus_group.py unarchive beginners", id_option="group")
@click.argument("group")
@PROJECT
def unarchive(wiring: Wiring, group: str, project: str | None) -> Answer:
    """Let new campaigns target a focus group again."""
    owner, found = find_group(wiring, group, project)
    after = wiring.door.project(owner.id, UnarchiveFocusGroup(by=person(wiring.environ), slug=found.slug))
    return Answer(_view(after, after.focus_groups[found.slug]), f"Focus group '{found.slug}' is active again.")


VERBS = [create, import_, list_, show, update, archive, unarchive]


def _view(project: Project, group: FocusGroup) -> dict[str, Any]:
    return {"project": project.id, **plain(group), "missing": group.missing}


def _words(project: Project, group: FocusGroup) -> str:
    enriched = f", last enriched {group.last_enriched}" if group.last_enriched else ""
    lines = [
        f"{group.slug}: {group.name} ({group.status}), no {group.number} of product {group.product}, project {project.id}",
        f"  source    {group.source}{enriched}",
    ]
    said = [(name, value) for name, value in plain_items(group) if value and name.replace(" ", "_") in PROFILE]
    lines += [f"  {name:20}{value}" for name, value in said]
    lines += [f"  not known: {_named(group.missing)}"] if group.missing else []
    return "\n".join(lines)


def _briefly(missing: Any) -> str:
    return _named(missing) if len(missing) <= SHOWN else f"{len(missing)} of {len(PROFILE)} fields"


def _named(missing: Any) -> str:
    return ", ".join(name.replace("_", " ") for name in missing)
