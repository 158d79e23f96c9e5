"""Pipeline templates of a home: its own in ``config/pipelines``, and the presets that ship with the toolkit."""

from __future__ import annotations

import os

from baton.cli.schemas import with_schemas
from baton.domain.errors import AlreadyExists, BatonError, InvalidInput, PipelineNotFound
from baton.domain.ids import check_slug
from baton.domain.pipelines import Template
from baton.store.documents import load
from baton.store.layout import Home, toolkit_path
from baton.store.written_files import put_new

SHIPPED_PIPELINES = toolkit_path("scripts", "baton", "presets")
SUFFIXES = (".yaml", ".yml", ".json")


def own_folder(home: Home) -> str:
    """The folder of a home's own templates."""
    return os.path.join(home.config, "pipelines")


def find_template(home: Home, slug: str) -> Template:
    """The template of this slug; ``PipelineNotFound`` names those there are."""
    check_slug(slug, "pipeline")
    for folder in (SHIPPED_PIPELINES, own_folder(home)):
        for suffix in SUFFIXES:
            path = os.path.join(folder, slug + suffix)
            found = load(path, Template, home.cache, name=f"pipeline-{slug}")
            if found is not None:
                _refuse_disguised(home, slug)
                return with_schemas(home, _named(found, slug, path), path)
    raise not_found(home, slug)


def all_templates(home: Home) -> list[tuple[str, bool, Template | str]]:
    """All templates: slug, whether it is a preset, and the template or what is wrong with it."""
    found: list[tuple[str, bool, Template | str]] = []
    for folder, is_preset in ((SHIPPED_PIPELINES, True), (own_folder(home), False)):
        for name in sorted(_names(folder)):
            slug, suffix = os.path.splitext(name)
            if suffix not in SUFFIXES:
                continue
            path = os.path.join(folder, name)
            try:
                if not is_preset:
                    _refuse_disguised(home, slug)
                template = load(path, Template, home.cache, name=f"pipeline-{slug}")
                if template is not None:
                    found.append((slug, is_preset, with_schemas(home, _named(template, slug, path), path)))
            except BatonError as error:
                found.append((slug, is_preset, error.message))
    return found


def refuse_taken(home: Home, slug: str) -> None:
    """Refuse a slug that a preset or another template of the home has."""
    for other, is_preset, _ in all_templates(home):
        if other == slug:
            whose = "a preset" if is_preset else "a pipeline of this home"
            raise AlreadyExists(f"{whose} has the slug '{slug}' already", cure="choose another slug")


def keep(home: Home, slug: str, data: bytes, suffix: str = ".yaml") -> str:
    """Keep a new template in the home; return its path."""
    path = os.path.join(own_folder(home), slug + suffix)
    try:
        put_new(path, data)
    except AlreadyExists:
        raise AlreadyExists(f"a pipeline of this home has the slug '{slug}' already") from None
    return path


def template_file(home: Home, slug: str) -> tuple[str, bool]:
    """Return where the template of this slug lies, and whether it is a preset; it may be one that cannot be read."""
    check_slug(slug, "pipeline")
    for folder, is_preset in ((SHIPPED_PIPELINES, True), (own_folder(home), False)):
        for suffix in SUFFIXES:
            path = os.path.join(folder, slug + suffix)
            if os.path.lexists(path):
                return path, is_preset
    raise not_found(home, slug)


def not_found(home: Home, slug: str) -> PipelineNotFound:
    """Return the error that says which templates there are."""
    known = ", ".join(sorted(slug for slug, _, _ in all_templates(home)))
    return PipelineNotFound(f"there is no pipeline '{slug}'", cure=f"choose from {known}" if known else "create one")


def _refuse_disguised(home: Home, slug: str) -> None:
    """Refuse a file of the home that bears a preset's slug: whoever wrote it believes that it is the one in force."""
    if slug not in {os.path.splitext(name)[0] for name in _names(SHIPPED_PIPELINES)}:
        return
    for suffix in SUFFIXES:
        path = os.path.join(own_folder(home), slug + suffix)
        if os.path.lexists(path):
            raise AlreadyExists(f"{path}: a preset has the slug '{slug}' already", cure="rename the file and its slug")


def _named(template: Template, slug: str, path: str) -> Template:
    if template.slug != slug:
        raise InvalidInput(f"{path}: its slug is '{template.slug}', not '{slug}'", cure="make file name and slug agree")
    return template


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
