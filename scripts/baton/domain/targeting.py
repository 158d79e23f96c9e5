"""What campaigns target, checked against the records of projects, and what agents are told of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from baton.domain.errors import IllegalTransition, InvalidInput
from baton.domain.products import LISTS, FocusGroup, Product
from baton.domain.projects import Project
from baton.domain.targets import Role, Target

# So much of each field is put into a prompt; the rest is asked for by the command that stands beside it.
TOLD_ITEMS, TOLD_CHARACTERS, ABOUT_CHARACTERS = 5, 240, 800


def checked_products(
    project: Project | None, slug: str, wanted: tuple[Target, ...], others: Iterable[Project]
) -> tuple[Product, ...]:
    """Return the products a campaign of project ``slug`` wants; refuse another project's by name, and archived ones."""
    found = []
    for target in wanted:
        product = project.products.get(target.product) if project is not None else None
        if product is None:
            owners = [one.id for one in others if target.product in one.products and one.id != slug]
            _refuse_foreign("products", "product", target.product, slug, owners)
            if project is None:
                cure = f"make it with: product.py create FILE, with 'project: {slug}'"
                raise InvalidInput(f"products: project '{slug}' has no product '{target.product}'", cure=cure)
            product = project.product(target.product)
        if product.is_archived:
            _refuse_archived("products", "product", product.slug, slug)
        found.append(product)
    return tuple(found)


def checked_groups(
    project: Project | None, slug: str, wanted: Iterable[str], others: Iterable[Project]
) -> tuple[str, ...]:
    """Return the focus groups that are wanted in project ``slug``, by the slugs of their records.

    A project without focus groups has none to be checked against: there a word is what agents are to look for. A word
    that only another project has a record for is refused by name.
    """
    known, found = tuple(others), []
    for word in wanted:
        group = project.find_group(word) if project is not None else None
        if group is None:
            owners = [
                one.id for one in known if one.id != slug and any(g.is_called(word) for g in one.focus_groups.values())
            ]
            _refuse_foreign("focus_groups", "focus group", word, slug, owners)
            if project is not None and project.focus_groups:
                group = project.group(word)
        elif group.is_archived:
            _refuse_archived("focus_groups", "focus_group", group.slug, slug)
        found.append(group.slug if group is not None else word)
    return tuple(dict.fromkeys(found))


def _refuse_foreign(key: str, what: str, word: str, slug: str, owners: list[str]) -> None:
    if owners:
        raise InvalidInput(
            f"{key}: {what} '{word}' is of project '{owners[0]}', not of '{slug}'",
            cure=f"make one of project '{slug}', or move the campaign to '{owners[0]}'",
        )


def _refuse_archived(key: str, script: str, word: str, slug: str) -> None:
    what = script.replace("_", " ")
    raise IllegalTransition(
        f"{key}: {what} '{word}' is archived", cure=f"{script}.py unarchive {word} --project {slug}, or leave it out"
    )


# -- what agents are told -----------------------------------------------------------------------------------------


def told_of_product(product: Product, role: Role, project: str) -> dict[str, Any]:
    """Return what agents are told of a product: one line a field that says something."""
    context, voice = product.context, product.brand_voice
    facts = {
        "what it is": context.what_it_is,
        "features": context.features,
        "pricing": context.pricing,
        "what sets it apart": context.usps,
        "market": context.target_market,
        "website": context.website,
        "competitors": context.competitors,
    }
    spoken = {
        "tone": voice.tone,
        "style": voice.style,
        "words to use": voice.preferred_words,
        "words to avoid": voice.avoided_words,
        "examples": voice.examples,
        "notes": voice.notes,
    }
    lines, is_short = _lines(facts)
    said, is_short_too = _lines(spoken, whole=("words to use", "words to avoid"))
    about = _cut(product.description, ABOUT_CHARACTERS)
    is_cut = is_short or is_short_too or about != " ".join(product.description.split())
    return {
        "slug": product.slug,
        "name": product.name,
        "role": role.value,
        "description": about,
        "lines": lines,
        "voice": said,
        "more": f"product.py show {product.slug} --project {project}" if is_cut else None,
    }


def told_of_group(group: FocusGroup, project: str) -> dict[str, Any]:
    """Return what agents are told of a focus group: one line a field that says something."""
    fields = {"overview": group.overview} | {name.replace("_", " "): getattr(group, name) for name in LISTS}
    lines, is_short = _lines(fields)
    called = f" ({group.nickname})" if group.nickname else ""
    return {
        "slug": group.slug,
        "name": f"{group.name}{called}",
        "product": group.product,
        "lines": lines,
        "more": f"focus_group.py show {group.slug} --project {project}" if is_short else None,
    }


def _lines(fields: dict[str, Any], whole: tuple[str, ...] = ()) -> tuple[list[str], bool]:
    """Return a line for each field that says something, and whether anything was left out."""
    lines, is_short = [], False
    for name, value in fields.items():
        items = (value,) if isinstance(value, str) else value
        told = items if name in whole else tuple(_cut(one) for one in items[:TOLD_ITEMS])
        if any(told):
            is_short = is_short or told != tuple(items)
            lines.append(f"{name}: {'; '.join(told)}")
    return lines, is_short


def _cut(text: str, limit: int = TOLD_CHARACTERS) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."
