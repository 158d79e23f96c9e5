"""What a project does with its products: one handler a command."""

from __future__ import annotations

from baton.domain.errors import AlreadyExists
from baton.domain.news import Change, stamp_for
from baton.domain.products import Product, Standing
from baton.domain.project_commands import AddProduct, ArchiveProduct, UnarchiveProduct, UpdateProduct
from baton.domain.projects import Project, edited, news, refuse_more, with_product

MOST_PRODUCTS = 200


def add_product(project: Project, command: AddProduct, now: str) -> Change:
    """Add it, unless its slug is taken."""
    if command.slug in project.products:
        raise AlreadyExists(
            f"project '{project.id}' has a product '{command.slug}' already",
            cure=f"choose another slug, or change it with: product.py update {command.slug} FILE",
        )
    refuse_more(len(project.products), MOST_PRODUCTS, "products", project)
    at = stamp_for(project, now)
    product: Product = edited(Product(slug=command.slug, name="", created_at=at, updated_at=at), command.fields, at)
    told = news(project, "product_added", command.by, product=product.slug, name=product.name)
    return Change(with_product(project, product), (told,))


def update_product(project: Project, command: UpdateProduct, now: str) -> Change:
    """Change what is named."""
    before = project.product(command.slug)
    after = edited(before, command.fields, stamp_for(project, now))
    if after is before:
        return Change(project)
    told = news(project, "product_updated", command.by, product=before.slug, fields=sorted(command.fields))
    return Change(with_product(project, after), (told,))


def archive_product(project: Project, command: ArchiveProduct, now: str) -> Change:
    """Put it away."""
    return _put(project, command.slug, Standing.ARCHIVED, command.by, now)


def unarchive_product(project: Project, command: UnarchiveProduct, now: str) -> Change:
    """Take it out again."""
    return _put(project, command.slug, Standing.ACTIVE, command.by, now)


def _put(project: Project, slug: str, status: Standing, by: str, now: str) -> Change:
    before = project.product(slug)
    after: Product = edited(before, {"status": status}, stamp_for(project, now))
    if after is before:
        return Change(project)
    type = "product_archived" if after.is_archived else "product_unarchived"
    return Change(with_product(project, after), (news(project, type, by, product=slug),))
