"""The verbs of ``product.py``."""

from __future__ import annotations

from typing import Any

import click

from baton.cli.caller import person
from baton.cli.project_records import all_projects, changes, find_product, home_of_new, plain, read_file
from baton.cli.scope import of_projects, project_of
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.products import Product
from baton.domain.project_commands import AddProduct, ArchiveProduct, UnarchiveProduct, UpdateProduct
from baton.domain.project_files import ProductFile, fields_of
from baton.domain.projects import Project

PROJECT = click.option("--project", metavar="P", help="Its project (default: BATON_PROJECT, else the one that has it).")


@script("create", "product", example="product.py create sourdough.yaml", id_option="file")
@click.argument("file", type=click.Path())
@click.option("--project", metavar="P", help="Its project, where the file names none.")
def create(wiring: Wiring, file: str, project: str | None) -> Answer:
    """Make a product from FILE: project, slug, name, description, context, brand_voice."""
    written = read_file(file, ProductFile, "product", "slug", "name")
    owner = home_of_new(wiring, written, project)
    assert isinstance(written.slug, str)
    command = AddProduct(by=person(wiring.environ), slug=written.slug, fields=fields_of(written))
    after = wiring.door.project(owner.id, command)
    return Answer(
        _view(after, after.products[written.slug]),
        f"Created product '{written.slug}' of project '{after.id}'.\n"
        f"Next: focus_group.py create FILE, or focus_group.py import FILE --product {written.slug}",
    )


@script("list", "products", example="product.py list --project bakery")
@of_projects
@click.option("--all", "everything", is_flag=True, help="Archived ones too.")
def list_(wiring: Wiring, project: str | None, all_projects: bool, everything: bool) -> Answer:
    """List products."""
    data = [
        {
            "project": owner.id,
            "slug": one.slug,
            "name": one.name,
            "description": one.description,
            "status": one.status,
            "focus_groups": len(owner.groups_of(one.slug)),
        }
        for owner in _projects(wiring, project, is_wide=all_projects)
        for one in owner.products.values()
        if everything or not one.is_archived
    ]
    rows = [(d["project"], d["slug"], d["name"], d["status"], d["focus_groups"]) for d in data]
    return Answer(data, table(("project", "product", "name", "status", "focus groups"), rows, empty="No products."))


@script("show", "product", example="product.py show sourdough", id_option="product")
@click.argument("product")
@PROJECT
def show(wiring: Wiring, product: str, project: str | None) -> Answer:
    """Show a product: its context, its voice, its focus groups."""
    owner, found = find_product(wiring, product, project)
    return Answer(_view(owner, found), lambda: _words(owner, found))


@script("update", "product", example="product.py update sourdough voice.yaml", id_option="product")
@click.argument("product")
@click.argument("file", type=click.Path(), required=False)
@click.option("--name", metavar="TEXT")
@click.option("--description", metavar="TEXT")
@PROJECT
def update(wiring: Wiring, product: str, file: str | None, project: str | None, **words: str | None) -> Answer:
    """Change what FILE and the options name; the rest stays, also within context and brand_voice."""
    owner, found = find_product(wiring, product, project)
    fields = changes(file, ProductFile, "product.py update", {"slug": found.slug, "project": owner.id}, words)
    command = UpdateProduct(by=person(wiring.environ), slug=found.slug, fields=fields)
    after = wiring.door.project(owner.id, command)
    return Answer(_view(after, after.products[found.slug]), f"Updated product '{found.slug}'.")


@script("archive", "product", example="product.py archive sourdough", id_option="product")
@click.argument("product")
@PROJECT
def archive(wiring: Wiring, product: str, project: str | None) -> Answer:
    """Let no new campaign target a product; what is under way goes on."""
    owner, found = find_product(wiring, product, project)
    after = wiring.door.project(owner.id, ArchiveProduct(by=person(wiring.environ), slug=found.slug))
    return Answer(_view(after, after.products[found.slug]), f"Archived product '{found.slug}'.")


@script("unarchive", "product", example="product.py unarchive sourdough", id_option="product")
@click.argument("product")
@PROJECT
def unarchive(wiring: Wiring, product: str, project: str | None) -> Answer:
    """Let new campaigns target a product again."""
    owner, found = find_product(wiring, product, project)
    after = wiring.door.project(owner.id, UnarchiveProduct(by=person(wiring.environ), slug=found.slug))
    return Answer(_view(after, after.products[found.slug]), f"Product '{found.slug}' is active again.")


VERBS = [create, list_, show, update, archive, unarchive]


def _projects(wiring: Wiring, project: str | None, *, is_wide: bool) -> list[Project]:
    wanted = project_of(wiring, project, is_wide)
    return [one for one in all_projects(wiring) if wanted in (None, one.id)]


def _view(project: Project, product: Product) -> dict[str, Any]:
    groups = [group.slug for group in project.groups_of(product.slug)]
    return {"project": project.id, **plain(product), "focus_groups": groups}


def _words(project: Project, product: Product) -> str:
    lines = [f"{product.slug}: {product.name} ({product.status}), of project {project.id}"]
    lines += [f"  {product.description}"] if product.description else []
    for title, part in (("context", product.context), ("brand voice", product.brand_voice)):
        said = [(name, value) for name, value in plain_items(part) if value]
        lines += [f"  {title}"] if said else []
        lines += [f"    {name:16}{value}" for name, value in said]
    lines += [f"  readers   {group.number} {group.slug}: {group.name}" for group in project.groups_of(product.slug)]
    return "\n".join(lines)


def plain_items(part: Any) -> list[tuple[str, str]]:
    """Return the fields of a value in words, each in one line."""
    return [
        (name.replace("_", " "), value if isinstance(value, str) else "; ".join(value))
        for name in part.__struct_fields__
        if isinstance(value := getattr(part, name), str | tuple)
    ]
