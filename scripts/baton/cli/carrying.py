"""The kinds of things that are carried from home to home, and how each is gathered and kept: a new kind is one entry.

Everything that can be refused is refused before anything is written. What fails after that is undone, but for projects
and campaigns whose record is committed: records are never taken back.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from baton.cli.caller import person
from baton.cli.schemas import with_schemas
from baton.cli.targeting import ensure_project, open_project
from baton.cli.templates import all_templates, keep, refuse_taken
from baton.cli.wiring import Wiring
from baton.domain.bundles import (
    Bundle,
    CarriedCampaign,
    CarriedProject,
    carried,
    carried_project,
    check_targeted,
    joined,
    only_services,
    services_in,
)
from baton.domain.campaign_commands import CreateCampaign
from baton.domain.errors import BatonError, InvalidInput, PipelineNotFound, ProjectNotFound, ServiceNotFound
from baton.domain.lineups import agents_of, check_lineup
from baton.domain.pipelines import Template
from baton.domain.project_commands import CreateProject
from baton.domain.services import Registry
from baton.domain.written import campaign_from
from baton.ports import Damage
from baton.store.files import read_bytes, replace, said
from baton.store.plain_yaml import as_json, as_written, as_yaml
from baton.store.written_files import alone, put_in_place, put_new, take_away

LIMIT = 1 << 20  # of what a person may write in one file
Undo = Callable[[], object]


class Kind(NamedTuple):
    """One kind of thing; ``field`` is where those of it stand in the document.

    ``gather`` returns those of a home that are wanted (all: ``None``); ``things`` gives them by name, ``here`` those that
    a home has already (``None`` for one that is never the same); ``check`` refuses what could not be kept; ``keep``
    keeps it, and returns what takes it back.
    """

    field: str
    thing: str
    gather: Callable[[Wiring, Iterable[str] | None], Any]
    things: Callable[[Any], dict[str, Any]]
    only: Callable[[Any, set[str]], Any]
    here: Callable[[Wiring], Mapping[str, Any]]
    check: Callable[[Wiring, Any, Bundle], object]
    keep: Callable[[Wiring, Any], Iterator[Undo]]


def bundle_of(wiring: Wiring, wanted: Mapping[str, Iterable[str] | None]) -> Bundle:
    """Return what a home has of these kinds; of each the things of these names, or all.

    With a campaign that is named goes its project, if it is for something of it.
    """
    if (campaigns := wanted.get("campaigns")) is not None:
        found = [wiring.campaign(slug) for slug in campaigns]
        named = {one.project for one in found if one.products or one.focus_groups}
        wanted = {**wanted, "projects": sorted({*(wanted.get("projects") or ()), *named})}
    fields = {kind.field: kind.gather(wiring, wanted[kind.field]) for kind in KINDS if kind.field in wanted}
    return Bundle(baton_export=1, **fields)


# -- pipelines ----------------------------------------------------------------------------------------------------


def _own_templates(wiring: Wiring, wanted: Iterable[str] | None) -> tuple[Template, ...]:
    found = {slug: template for slug, is_preset, template in all_templates(wiring.home) if not is_preset}
    names = sorted(found) if wanted is None else list(dict.fromkeys(wanted))
    for slug in names:
        if slug not in found:
            raise PipelineNotFound(
                f"this home has no pipeline '{slug}' of its own",
                cure=f"choose from {', '.join(sorted(found)) or 'none'}",
            )
        if isinstance(template := found[slug], str):
            raise InvalidInput(template, cure="mend it, or choose others with --pipeline")
    return tuple(template for slug in names if isinstance(template := found[slug], Template))


def _check_templates(wiring: Wiring, templates: tuple[Template, ...], bundle: Bundle) -> None:
    """Refuse templates that nobody could work through. Services that agents require may come in the same document."""
    for template in templates:
        refuse_taken(wiring.home, template.slug)
        with_schemas(wiring.home, template, template.slug)
        roles: dict[str, str | None] = dict.fromkeys(agents_of(template))
        for agent in roles:
            with suppress(BatonError):  # a missing agent is said when a campaign is activated
                roles[agent] = wiring.agents.find(agent).role
        check_lineup(template, roles)


def _keep_templates(wiring: Wiring, templates: tuple[Template, ...]) -> Iterator[Undo]:
    for template in templates:
        path = keep(wiring.home, template.slug, as_yaml(as_written(template), template.slug, LIMIT))
        yield partial(take_away, path)


# -- services -----------------------------------------------------------------------------------------------------


def _own_services(wiring: Wiring, wanted: Iterable[str] | None) -> Registry:
    registry = wiring.services()
    if wanted is None:
        return registry
    names = {service.name for _, service in services_in(registry)}
    for name in wanted:
        if name not in names:
            raise ServiceNotFound(f"there is no service '{name}'", cure="service.py list shows them")
    return only_services(registry, wanted)


def _keep_services(wiring: Wiring, more: Registry) -> Iterator[Undo]:
    """Write the registry with these in it. What a person wrote is kept beside it, since its comments are lost."""
    if not more.categories:
        return
    path = wiring.home.services_file
    kept = f"{path}.before-import"
    with alone(wiring.store.locks):
        with said(path):
            before = read_bytes(path)
        data = as_yaml(as_written(joined(wiring.services(), more)), path, LIMIT)
        if before is None:
            put_new(path, data)
            yield partial(take_away, path)
        else:
            with said(kept):
                replace(kept, before, wiring.home.in_state("tmp", f"services-{os.getpid()}"))
            yield partial(take_away, kept)
            put_in_place(path, before, data)
            yield partial(put_in_place, path, data, before)


# -- projects -----------------------------------------------------------------------------------------------------


def _own_projects(wiring: Wiring, wanted: Iterable[str] | None) -> tuple[CarriedProject, ...]:
    found = {one.id: one for one in _whole(wiring.store.projects.live())}
    for slug in wanted or ():
        if slug not in found:
            raise ProjectNotFound(f"there is no project '{slug}'", cure="project.py list shows them")
    return tuple(carried_project(found[slug]) for slug in sorted(found if wanted is None else set(wanted)))


def _keep_projects(wiring: Wiring, projects: tuple[CarriedProject, ...]) -> Iterator[Undo]:
    for one in projects:
        wiring.door.project(one.slug, CreateProject(by=person(wiring.environ), id=one.slug, fields=one.fields))
        yield _stays


def _whole(records: Iterable[Any]) -> Iterator[Any]:
    """Yield records; one that is damaged is said, since it would be left out."""
    for one in records:
        if isinstance(one, Damage):
            raise InvalidInput(one.reason, cure="check_pipeline.py sets it aside; or choose what is exported")
        yield one


# -- campaigns ----------------------------------------------------------------------------------------------------


def _own_campaigns(wiring: Wiring, wanted: Iterable[str] | None) -> tuple[CarriedCampaign, ...]:
    if wanted is not None:
        found = [wiring.campaign(slug) for slug in dict.fromkeys(wanted)]
    else:
        found = sorted(_whole(wiring.store.campaigns.live()), key=lambda one: one.id)
    return tuple(
        carried(campaign, _texts(wiring, campaign.project, campaign.id, campaign.sources)) for campaign in found
    )


def _texts(wiring: Wiring, project: str, slug: str, sources: Iterable[str]) -> dict[str, str]:
    folder = wiring.workspaces.campaign(project, slug)
    texts = {}
    for path, name in wiring.workspaces.check_sources(folder, sources):
        with said(path):
            texts[name] = (read_bytes(path) or b"").decode()
    return texts


def _check_campaigns(wiring: Wiring, campaigns: tuple[CarriedCampaign, ...], bundle: Bundle) -> None:
    carried_along = {one.slug: one.fields for one in bundle.projects}
    for one in campaigns:
        here = open_project(wiring, one.written.project)
        fields = carried_along.get(one.written.project, {})
        products, groups = fields.get("products", {}), fields.get("focus_groups", {})
        if here is not None:
            products, groups = here.products, here.focus_groups
        check_targeted(one.written, products, groups)
        _command(wiring, one)
        with tempfile.TemporaryDirectory() as folder:
            wiring.workspaces.check_sources(folder, _write_texts(folder, one))


def _keep_campaigns(wiring: Wiring, campaigns: tuple[CarriedCampaign, ...]) -> Iterator[Undo]:
    """Make folder and record of each, as ``campaign.py create`` does; the caller lets nobody else make one meanwhile."""
    workspaces = wiring.workspaces
    for one in campaigns:
        project, slug = one.written.project, one.written.slug
        with tempfile.TemporaryDirectory() as folder:
            sources = workspaces.check_sources(folder, _write_texts(folder, one))
            is_new = workspaces.make_campaign(project, slug, sources, as_json(one.snapshot))
        try:
            wiring.door.campaign(slug, _command(wiring, one))
        except Exception:
            if is_new:
                workspaces.remove_campaign(project, slug)
            raise
        ensure_project(wiring, project)
        yield _stays


def _stays() -> None:
    """A record that is committed stays: it is told of in the log."""


def _command(wiring: Wiring, one: CarriedCampaign) -> CreateCampaign:
    snapshot = with_schemas(wiring.home, one.snapshot, one.snapshot.slug)
    return campaign_from(
        one.written, snapshot, tuple(f"sources/{name}" for name in one.sources), person(wiring.environ)
    )


def _write_texts(folder: str, one: CarriedCampaign) -> list[str]:
    for name, text in one.sources.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(text.encode())
    return list(one.sources)


def _campaigns_here(wiring: Wiring) -> dict[str, None]:
    return dict.fromkeys((*wiring.store.campaigns.ids(), *wiring.store.campaigns.ids(archived=True)))


# Later ones may need earlier ones; records are last, since what is committed stays.
KINDS = (
    Kind(
        field="pipelines",
        thing="pipeline",
        gather=_own_templates,
        things=lambda found: {one.slug: one for one in found},
        only=lambda found, names: tuple(one for one in found if one.slug in names),
        here=lambda wiring: {slug: template for slug, _, template in all_templates(wiring.home)},
        check=_check_templates,
        keep=_keep_templates,
    ),
    Kind(
        field="services",
        thing="service",
        gather=_own_services,
        things=lambda found: {service.name: (key, service) for key, service in services_in(found)},
        only=only_services,
        here=lambda wiring: {service.name: (key, service) for key, service in services_in(wiring.services())},
        check=lambda wiring, found, bundle: joined(wiring.services(), found),
        keep=_keep_services,
    ),
    Kind(
        field="projects",
        thing="project",
        gather=_own_projects,
        things=lambda found: {one.slug: one for one in found},
        only=lambda found, names: tuple(one for one in found if one.slug in names),
        here=lambda wiring: {one.id: carried_project(one) for one in _whole(wiring.store.projects.live())},
        check=lambda wiring, found, bundle: None,
        keep=_keep_projects,
    ),
    Kind(
        field="campaigns",
        thing="campaign",
        gather=_own_campaigns,
        things=lambda found: {one.written.slug: one for one in found},
        only=lambda found, names: tuple(one for one in found if one.written.slug in names),
        here=_campaigns_here,
        check=_check_campaigns,
        keep=_keep_campaigns,
    ),
)
