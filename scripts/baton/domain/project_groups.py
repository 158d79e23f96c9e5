"""What a project does with its focus groups: one handler a command. A document's groups come in one commit."""

from __future__ import annotations

import itertools
from typing import Any

from baton.domain.errors import AlreadyExists, IllegalTransition
from baton.domain.news import Change, stamp_for
from baton.domain.products import PROFILE, FocusGroup, Source, Standing, slug_from
from baton.domain.project_commands import (
    AddFocusGroup,
    ArchiveFocusGroup,
    ImportFocusGroups,
    UnarchiveFocusGroup,
    UpdateFocusGroup,
)
from baton.domain.projects import Project, edited, news, refuse_more, with_group

MOST_GROUPS = 500


def add_group(project: Project, command: AddFocusGroup, now: str) -> Change:
    """Add it to its product; its slug is made of its name, its number is the next one."""
    _refuse_archived(project, command.product)
    slug = command.fields.get("slug") or slug_from(command.fields["name"])
    if slug in project.focus_groups:
        owner = project.focus_groups[slug].product
        raise AlreadyExists(
            f"project '{project.id}' has a focus group '{slug}' already (of product '{owner}')",
            cure=f"add another slug to the file, or change it with: focus_group.py update {slug} FILE",
        )
    made = _made(project, command.product, command.fields, stamp_for(project, now))
    told = news(project, "focus_group_added", command.by, product=made.product, group=made.slug, name=made.name)
    return Change(with_group(project, made), (told,))


def update_group(project: Project, command: UpdateFocusGroup, now: str) -> Change:
    """Change what is named."""
    before = project.group(command.slug)
    _refuse_number(project, before.product, command.fields.get("number"), before.slug)
    after = edited(before, command.fields, stamp_for(project, now))
    if after is before:
        return Change(project)
    told = news(project, "focus_group_updated", command.by, group=before.slug, fields=sorted(command.fields))
    return Change(with_group(project, after), (told,))


def archive_group(project: Project, command: ArchiveFocusGroup, now: str) -> Change:
    """Put it away."""
    return _put(project, command.slug, Standing.ARCHIVED, command.by, now)


def unarchive_group(project: Project, command: UnarchiveFocusGroup, now: str) -> Change:
    """Take it out again."""
    return _put(project, command.slug, Standing.ACTIVE, command.by, now)


def import_groups(project: Project, command: ImportFocusGroups, now: str) -> Change:
    """Add what is new; of a group that is there, change what the document says of it and keep the rest."""
    _refuse_archived(project, command.product)
    at = stamp_for(project, now)
    before, made, changed = project, [], []
    for given in command.groups:
        there = there_for(project, command.product, given["name"])
        enriched = {"last_enriched": at} if command.enriched else {}
        if there is None:
            numbers = {one.number for one in project.groups_of(command.product)}
            number = given.get("number")
            free = {} if number in numbers or not number else {"number": number}  # a document counts from 1 again
            group = _made(project, command.product, {**given, "number": None} | free | enriched, at)
            made.append(group.slug)
        else:
            # Its name stays (a document may spell it as it likes), its number too; what the document does not say stays.
            said = {key: value for key, value in given.items() if key in PROFILE and value}
            group = edited(there, said, at)
            if group is not there:
                group = edited(group, {"source": Source.RESEARCHED} | enriched if enriched else {}, at)
                changed.append(group.slug)
        project = with_group(project, group)
    if not made and not changed:
        return Change(before)
    told = news(project, "focus_groups_imported", command.by, product=command.product, added=made, changed=changed)
    return Change(project, (told,))


def there_for(project: Project, product: str, name: str) -> FocusGroup | None:
    """The group of this product that a document means by a name, if there is one."""
    return next((group for group in project.groups_of(product) if group.is_called(name)), None)


def _made(project: Project, product: str, fields: dict[str, Any], at: str) -> FocusGroup:
    refuse_more(len(project.focus_groups), MOST_GROUPS, "focus groups", project)
    numbers = [group.number for group in project.groups_of(product)]
    number = fields.get("number") or max(numbers, default=0) + 1
    _refuse_number(project, product, number, None)
    slug = fields.get("slug") or _free_slug(project, product, slug_from(fields["name"]) or f"group-{number}")
    given = {key: value for key, value in fields.items() if key not in ("slug", "number")}
    source = given.pop("source", Source.MANUAL)
    return FocusGroup(slug=slug, product=product, number=number, source=source, created_at=at, updated_at=at, **given)


def _free_slug(project: Project, product: str, base: str) -> str:
    # Another product's group may have the name: audiences of two products are often called the same.
    names = (base, f"{base}-{product}", *(f"{base}-{number}" for number in range(2, MOST_GROUPS + 2)))
    return next(itertools.dropwhile(project.focus_groups.__contains__, names))


def _refuse_number(project: Project, product: str, number: int | None, slug: str | None) -> None:
    for group in project.groups_of(product):
        if group.number == number and group.slug != slug:
            raise AlreadyExists(
                f"number {number} of product '{product}' is focus group '{group.slug}'",
                cure="choose another number, or leave it out: the next one is taken",
            )


def _refuse_archived(project: Project, product: str) -> None:
    if project.product(product).is_archived:
        raise IllegalTransition(
            f"product '{product}' is archived", cure=f"product.py unarchive {product} --project {project.id}"
        )


def _put(project: Project, slug: str, status: Standing, by: str, now: str) -> Change:
    before = project.group(slug)
    after: FocusGroup = edited(before, {"status": status}, stamp_for(project, now))
    if after is before:
        return Change(project)
    type = "focus_group_archived" if after.is_archived else "focus_group_unarchived"
    return Change(with_group(project, after), (news(project, type, by, group=before.slug),))
