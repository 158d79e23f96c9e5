"""``focus_group.py import``: a document's focus groups become records of a product, all of them or none."""

from __future__ import annotations

from typing import Any

import click

from baton.cli.caller import person
from baton.cli.project_records import find_product
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput
from baton.domain.group_documents import read_document
from baton.domain.group_fields import FoundGroup
from baton.domain.products import Source
from baton.domain.project_commands import ImportFocusGroups
from baton.domain.project_groups import there_for
from baton.domain.projects import Project
from baton.store.documents import MAX_BYTES
from baton.store.files import read_bytes, said

SOURCES = (Source.UPLOADED.value, Source.RESEARCHED.value)


@script(
    "import",
    "focus groups",
    example="focus_group.py import audiences.md --product sourdough\n"
    "focus_group.py import groups.csv --product sourdough --json | jq '.groups[].missing'",
    for_option="file",
)
@click.argument("file", type=click.Path())
@click.option("--product", required=True, metavar="PRODUCT", help="The product whose readers they are.")
@click.option("--project", metavar="P", help="Its project (default: BATON_PROJECT, else the one that has the product).")
@click.option(
    "--source",
    type=click.Choice(SOURCES),
    help="Where it comes from (default: researched for what audience agents wrote, else uploaded).",
)
def import_(wiring: Wiring, file: str, product: str, project: str | None, source: str | None) -> Answer:
    """Read the focus groups of a document: Markdown with a heading for each group, or a table (Markdown or CSV).

    A group that the product has already, by its name, gets what the document says of it; the rest of it stays. What the
    document does not say is named, and is no reason to refuse it.
    """
    owner, found = find_product(wiring, product, project)
    document = read_document(_text(file), file)
    is_researched = document.is_researched if source is None else source == Source.RESEARCHED
    given = {"source": Source.RESEARCHED if is_researched else Source.UPLOADED}
    groups = tuple(group.fields() | given | {"number": group.number} for group in document.groups)
    command = ImportFocusGroups(by=person(wiring.environ), product=found.slug, groups=groups, enriched=is_researched)
    after = wiring.door.project(owner.id, command)
    data = _report(owner, after, found.slug, document.groups)
    return Answer(data, lambda: _words(data))


def _text(file: str) -> str:
    with said(file):
        data = read_bytes(file)
    if data is None:
        raise InvalidInput(f"there is no file {file}")
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{file}: the file is larger than {MAX_BYTES} bytes", cure="split it")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"{file}: is not UTF-8 text", cure="save it as Markdown or CSV, in UTF-8") from None


def _report(before: Project, after: Project, product: str, found: list[FoundGroup]) -> dict[str, Any]:
    groups = []
    for one in found:
        group = there_for(after, product, one.name)
        assert group is not None
        was = before.focus_groups.get(group.slug)
        became = "created" if was is None else "updated" if was != group else "unchanged"
        groups.append(
            {
                "slug": group.slug,
                "number": group.number,
                "name": group.name,
                "became": became,
                "missing": group.missing,
                "ignored": one.ignored,
            }
        )
    data: dict[str, Any] = {"project": after.id, "product": product}
    data |= {
        what: [one["slug"] for one in groups if one["became"] == what] for what in ("created", "updated", "unchanged")
    }
    return data | {"groups": groups, "warnings": [text for one in groups for text in _warnings(one)]}


def _warnings(group: dict[str, Any]) -> list[str]:
    told = []
    if group["missing"]:
        told.append(f"{group['slug']}: nothing on {', '.join(group['missing']).replace('_', ' ')}")
    if group["ignored"]:
        told.append(f"{group['slug']}: no field is called {', '.join(group['ignored'])}; passed over")
    return told


def _words(data: dict[str, Any]) -> str:
    count = len(data["groups"])
    lines = [
        f"Read {count} focus group{'' if count == 1 else 's'} for product '{data['product']}' of project "
        f"'{data['project']}': {len(data['created'])} new, {len(data['updated'])} changed."
    ]
    rows = [(one["number"], one["slug"], one["name"], one["became"]) for one in data["groups"]]
    lines.append(table(("no", "focus group", "name", ""), rows))
    return "\n".join([*lines, *(f"warning: {text}" for text in data["warnings"])])
