"""Projects, products and focus groups found by what a person says, and the files in which they write them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from baton.cli.scope import default_project
from baton.cli.wiring import Wiring
from baton.domain.errors import (
    FocusGroupNotFound,
    InvalidInput,
    InvalidWord,
    NotFound,
    ProductNotFound,
    ProjectNotFound,
)
from baton.domain.ids import check_slug
from baton.domain.products import FocusGroup, Product
from baton.domain.project_files import FocusGroupFile, ProductFile, ProjectFile, fields_of
from baton.domain.projects import Project
from baton.domain.refusals import nearest_cure
from baton.ports import Damage
from baton.store.documents import load

F = TypeVar("F", ProjectFile, ProductFile, FocusGroupFile)


# -- files --------------------------------------------------------------------------------------------------------


def read_file(file: str, type: type[F], name: str, *required: str) -> F:
    """Return what stands in a file; refuse one that lacks a key that is needed."""
    written = load(file, type, None, name=name)
    if written is None:
        raise InvalidInput(f"there is no file {file}")
    for key in required:
        if getattr(written, key) is UNSET:
            raise InvalidInput(f"{file}: the key '{key}' is missing", cure=f"add '{key}: ...'")
    return written


def changes(
    file: str | None, type: type[F], name: str, places: dict[str, str], words: dict[str, str | None]
) -> dict[str, Any]:
    """Return what an update says, in a file and by options; refuse a file about another thing, and one of nothing.

    ``places``: what the file may name besides, and what that has to be.
    """
    said: dict[str, Any] = {key: value for key, value in words.items() if value is not None}
    try:
        written = type(**said)  # options are checked as the file is
    except ValueError as error:
        raise InvalidWord(f"--{error}") from None
    found = {}
    if file is not None:
        read = read_file(file, type, name)
        for key, is_now in places.items():
            if getattr(read, key, UNSET) not in (UNSET, is_now):
                raise InvalidInput(f"{file}: {key}: it is '{is_now}', and that cannot be changed", cure="leave it out")
        found = fields_of(read)
    found |= fields_of(written)
    if not found:
        raise InvalidInput("nothing to change is named", cure=f"name a FILE with what changes, or see {name} --help")
    return found


# -- records ------------------------------------------------------------------------------------------------------


def all_projects(wiring: Wiring) -> Iterator[Project]:
    """All projects that can be read, by slug."""
    if not os.path.isdir(wiring.home.in_state("projects")):
        return
    found = [one for one in wiring.store.projects.live() if not isinstance(one, Damage)]
    yield from sorted(found, key=lambda project: project.id)


def project_named(wiring: Wiring, slug: str) -> Project:
    """A project by slug; ``ProjectNotFound`` names those there are."""
    check_slug(slug, "project")
    found = wiring.store.projects.read(slug) if os.path.isdir(wiring.home.in_state("projects")) else None
    if found is None:
        known = [one.id for one in all_projects(wiring)]
        cure = nearest_cure(slug, known) if known else "make one with: project.py create FILE"
        raise ProjectNotFound(f"there is no project '{slug}'", cure=cure)
    return found


def home_of_new(wiring: Wiring, written: ProductFile | FocusGroupFile, option: str | None) -> Project:
    """The project to which something new belongs: as its file or the option says, else the default, else the only one."""
    named = written.project if isinstance(written.project, str) else None
    if named is not None and option not in (None, named):
        raise InvalidInput(f"project: the file says '{named}', and --project '{option}'", cure="leave one of them out")
    if slug := named or option or default_project(wiring):
        return project_named(wiring, slug)
    found = list(all_projects(wiring))
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.id for one in found)
    cure = f"add 'project: ...' to the file; there are {names}" if found else "make one with: project.py create FILE"
    raise InvalidInput("no project is named", cure=cure)


def find_product(wiring: Wiring, slug: str, option: str | None) -> tuple[Project, Product]:
    """A product and its project: of the project that is named or the default, else the only one of that slug."""
    check_slug(slug, "product")
    missing = ProductNotFound(f"there is no product '{slug}'", cure="product.py list shows them")
    project = _owner(wiring, option, lambda one: slug in one.products, f"product '{slug}'", missing)
    return project, project.product(slug)


def find_group(wiring: Wiring, word: str, option: str | None) -> tuple[Project, FocusGroup]:
    """A focus group and its project, as :func:`find_product` finds them; also by its name or nickname."""
    missing = FocusGroupNotFound(f"there is no focus group '{word}'", cure="focus_group.py list shows them")

    def has(project: Project) -> bool:
        return project.find_group(word) is not None

    project = _owner(wiring, option, has, f"focus group '{word}'", missing)
    return project, project.group(word)


def _owner(wiring: Wiring, option: str | None, has: Callable[[Project], bool], what: str, missing: NotFound) -> Project:
    if slug := option or default_project(wiring):
        return project_named(wiring, slug)
    everything = list(all_projects(wiring))
    found = [one for one in everything if has(one)]
    if len(found) > 1:
        names = ", ".join(one.id for one in found)
        raise InvalidInput(f"{len(found)} projects have a {what}: {names}", cure="add --project")
    if found:
        return found[0]
    if len(everything) == 1:
        return everything[0]  # which says what it has instead
    raise missing


def plain(record: Project | Product | FocusGroup) -> dict[str, Any]:
    """Return a record as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(record)
    return found
