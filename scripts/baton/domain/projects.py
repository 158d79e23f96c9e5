"""The project record: one record holds the project, its products and its focus groups. What is told of them in errors."""

# No "from __future__ import annotations": the record's decoder reads these types as it starts (see records).
from typing import Any

from msgspec import Struct, structs

from baton.domain.errors import FocusGroupNotFound, InvalidInput, ProductNotFound
from baton.domain.news import News
from baton.domain.products import BrandVoice, FocusGroup, Product, ProductContext, Standing
from baton.domain.records import Event
from baton.domain.refusals import nearest_cure


class Appearance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a project is shown."""

    icon: str = ""
    colour: str = ""


class Project(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project with all that it sells and for whom; its id is its slug."""

    schema: int
    id: str
    version: int
    name: str
    description: str = ""
    status: Standing = Standing.ACTIVE
    appearance: Appearance = Appearance()
    products: dict[str, Product] = {}
    focus_groups: dict[str, FocusGroup] = {}
    created_by: str | None = None
    created_at: str = ""
    updated_at: str = ""
    history: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        for slug, product in self.products.items():
            if product.slug != slug:
                raise ValueError(f"product {slug!r} is kept as {product.slug!r}")
        for slug, group in self.focus_groups.items():
            if group.slug != slug or group.product not in self.products:
                raise ValueError(f"focus group {slug!r} is kept as {group.slug!r} of product {group.product!r}")

    @property
    def is_archived(self) -> bool:
        """Tell whether no new campaign may be made in it."""
        return self.status is Standing.ARCHIVED

    def product(self, slug: str) -> Product:
        """The product of this slug; ``ProductNotFound`` names those there are."""
        if slug in self.products:
            return self.products[slug]
        cure = nearest_cure(slug, self.products) if self.products else "make one with: product.py create FILE"
        raise ProductNotFound(f"project '{self.id}' has no product '{slug}'", cure=cure)

    def groups_of(self, product: str) -> tuple[FocusGroup, ...]:
        """The focus groups of one product, by number."""
        found = [group for group in self.focus_groups.values() if group.product == product]
        return tuple(sorted(found, key=lambda group: group.number))

    def find_group(self, word: str) -> FocusGroup | None:
        """The group that is meant by a word: the one of that slug, else the only one of that name or nickname."""
        if word in self.focus_groups:
            return self.focus_groups[word]
        found = [group for group in self.focus_groups.values() if group.is_called(word)]
        return found[0] if len(found) == 1 else None

    def group(self, word: str) -> FocusGroup:
        """The group that is meant by a word; ``FocusGroupNotFound`` names those there are."""
        if (found := self.find_group(word)) is not None:
            return found
        known = self.focus_groups
        cure = nearest_cure(word, known) if known else "make one with: focus_group.py create FILE"
        raise FocusGroupNotFound(f"project '{self.id}' has no focus group '{word}'", cure=cure)


def with_product(project: Project, product: Product) -> Project:
    """Return the project with a product added or replaced."""
    return structs.replace(project, products=project.products | {product.slug: product})


def with_group(project: Project, group: FocusGroup) -> Project:
    """Return the project with a focus group added or replaced."""
    return structs.replace(project, focus_groups=project.focus_groups | {group.slug: group})


def edited(before: Any, fields: dict[str, Any], at: str) -> Any:
    """Return a project, a product or a group with these fields changed; itself where all of them are so already.

    Of a product's context and voice, and of a project's appearance, only what is named is changed.
    """
    changed = {}
    for name, value in fields.items():
        was = getattr(before, name)
        after = structs.replace(was, **value) if isinstance(was, ProductContext | BrandVoice | Appearance) else value
        if after != was:
            changed[name] = after
    return structs.replace(before, **changed, updated_at=at) if changed else before


def news(project: Project, type: str, by: str, **data: Any) -> News:
    """Return what happened to a project: the event's data name it, since no other key of an event does."""
    return News(type, None, {"project": project.id, "by": by, **data})


def refuse_more(count: int, most: int, what: str, project: Project) -> None:
    """Refuse one more of what a project has ``most`` of: its record is read whole."""
    if count >= most:
        raise InvalidInput(f"project '{project.id}' has {count} {what}; no more are kept", cure="use another project")
