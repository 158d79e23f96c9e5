"""The verbs of ``pipeline.py`` that change what stands in ``config/pipelines``: each file whole, checked before it counts."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import click
from msgspec import structs

from baton.cli.placing import check_placed
from baton.cli.schemas import with_schemas
from baton.cli.script import Answer, script
from baton.cli.templates import all_templates, keep, refuse_taken, template_file
from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError, InvalidInput, InvalidWord
from baton.domain.ids import check_slug
from baton.domain.pipelines import Step, Template
from baton.store.documents import load_text
from baton.store.files import read_bytes, said
from baton.store.written_files import alone, put_in_place, take_away

NO_MODEL = "-"


@script(
    "rename",
    "pipeline",
    example='pipeline.py rename my-line our-line\npipeline.py rename my-line --name "The line of 2027"',
    id_option="slug",
)
@click.argument("slug")
@click.argument("new", metavar="[NEW]", required=False)
@click.option("--name", metavar="TEXT", help="What people read; without NEW only this is changed.")
def rename(wiring: Wiring, slug: str, new: str | None, name: str | None) -> Answer:
    """Give a template of this home another slug, another name, or both. Campaigns that froze it keep what they have."""
    if new is None and name is None:
        raise InvalidWord("neither a new slug nor --name is given", cure="pipeline.py rename --help")
    goal = check_slug(new, "pipeline") if new is not None else slug
    if goal == slug and name is None:
        raise InvalidInput(f"it has the slug '{slug}' already", cure="name another slug, or --name")
    with _alone(wiring):
        path, before = _own(wiring, slug, "renamed")
        template, data = _edited(wiring, path, before, _named(goal, name))
        if goal == slug:
            put_in_place(path, before, data)
        else:
            refuse_taken(wiring.home, goal)
            # The new one is safe before the old one goes: a crash between them leaves both.
            keep(wiring.home, goal, data, os.path.splitext(path)[1])
            take_away(path)
    frozen = _frozen(wiring, slug)
    text = f"Renamed pipeline '{slug}' to '{goal}'." if goal != slug else f"Pipeline '{slug}' is called {name!r} now."
    data_of = {"renamed": slug, "slug": goal, "name": template.name, "campaigns": frozen}
    return Answer(data_of, _with_frozen(text, frozen, slug))


@script(
    "fork",
    "pipeline",
    example='pipeline.py fork content-draft our-draft --name "Our draft"',
    id_option="slug",
)
@click.argument("slug")
@click.argument("new")
@click.option("--name", metavar="TEXT", help="What people read (default: as the original, and 'copy').")
def fork(wiring: Wiring, slug: str, new: str, name: str | None) -> Answer:
    """Copy a template, a preset too, as one of this home, with its comments."""
    path, _ = template_file(wiring.home, slug)
    check_slug(new, "pipeline")
    original = wiring.template(slug)
    with _alone(wiring):
        refuse_taken(wiring.home, new)
        changes = _named(new, name if name is not None else f"{original.name} copy")
        template, data = _edited(wiring, path, _read(path), changes)
        warnings = check_placed(wiring, template)
        kept = keep(wiring.home, new, data, os.path.splitext(path)[1])
    for warning in warnings:
        wiring.warn(warning)
    return Answer(template, f"Copied pipeline '{slug}' as '{new}' ({kept}).")


@script("remove", "pipeline", example="pipeline.py remove my-line", id_option="slug")
@click.argument("slug")
def remove(wiring: Wiring, slug: str) -> Answer:
    """Remove a template of this home, and its streaming runs; a preset cannot be. Campaigns keep what they froze of it."""
    with _alone(wiring):
        path, _ = _own(wiring, slug, "removed", reads=False)
        take_away(path)
    runs = _without_runs(wiring, slug)
    frozen = _frozen(wiring, slug)
    said = f"Removed pipeline '{slug}'" + (f" and its runs {', '.join(runs)}." if runs else ".")
    answer = {"removed": slug, "campaigns": frozen} | ({"runs": runs} if runs else {})
    return Answer(answer, _with_frozen(said, frozen, slug))


@script(
    "set",
    "models",
    name="set-model",
    example="pipeline.py set-model my-line opus --step 1 --step 2\n"
    "pipeline.py set-model --all haiku --agent content-reviewer\npipeline.py set-model my-line -",
    id_option="words",
)
@click.argument("words", nargs=-1, metavar="[SLUG]... MODEL", required=True)
@click.option("--step", "steps", type=int, multiple=True, metavar="N", help="Of this step, counted from 0.")
@click.option("--branch", "branches", multiple=True, metavar="LABEL", help="Of this branch.")
@click.option("--agent", "agents", multiple=True, metavar="A", help="Of all steps and branches of this agent.")
@click.option("--all", "is_all", is_flag=True, help="In all pipelines of this home.")
def set_model(
    wiring: Wiring,
    words: tuple[str, ...],
    steps: tuple[int, ...],
    branches: tuple[str, ...],
    agents: tuple[str, ...],
    is_all: bool,
) -> Answer:
    """Set the model of steps and branches to MODEL, in several pipelines at once; '-' takes theirs away.

    Without --step, --branch or --agent of all that have an agent. Either everything that is named is valid and changed,
    or nothing is.
    """
    *slugs, model = words
    if bool(slugs) == is_all:
        raise InvalidWord("name pipelines and a model, or --all and a model", cure="pipeline.py set-model --help")
    if not model.strip() or not model.isprintable():
        raise InvalidWord("the model is not a word", cure="name a model, or '-' for none")
    value = None if model == NO_MODEL else model
    with _alone(wiring):
        planned = []
        for slug in dict.fromkeys(slugs or _own_slugs(wiring)):
            path, before = _own(wiring, slug, "changed")
            template = load_text(before, Template, path)
            chosen = _chosen(template, steps, branches, agents, slug)
            changes = {(*place, "model"): value for place, unit in chosen.items() if unit.model != value}
            after, data = _edited(wiring, path, before, changes)
            planned.append((path, before, data, {"slug": slug, "set": [_place(after, place) for place in chosen]}))
        if not any(one["set"] for *_, one in planned):
            what = f"works {', '.join(agents)}" if agents else "has a step any agent"
            raise InvalidInput(f"in none of the pipelines {what}", cure="pipeline.py list shows who works where")
        for path, before, data, _ in planned:
            if data != before:
                put_in_place(path, before, data)
    told = [one for *_, one in planned if one["set"]]
    lines = [f"{one['slug']}: {', '.join(one['set'])}" for one in told]
    head = (
        f"Set the model to {model}:" if value is not None else "Took the model away, so that campaign or agent say it:"
    )
    return Answer({"model": value, "pipelines": told}, "\n".join([head, *(f"  {line}" for line in lines)]))


CHANGES = [rename, fork, remove, set_model]


def _alone(wiring: Wiring) -> Any:
    wiring.store.prepare()
    return alone(wiring.store.locks)


def _own(wiring: Wiring, slug: str, participle: str, *, reads: bool = True) -> tuple[str, bytes]:
    """Return path and bytes of a template of this home; a preset is refused."""
    path, is_preset = template_file(wiring.home, slug)
    if is_preset:
        cure = f"copy it, and change the copy: pipeline.py fork {slug} NEW"
        raise InvalidInput(f"a preset cannot be {participle}", cure=cure if participle != "removed" else "")
    if reads:
        wiring.template(slug)  # says what is wrong with it
    return path, _read(path) if reads else b""


def _read(path: str) -> bytes:
    with said(path):
        data = read_bytes(path)
    if data is None:
        raise InvalidInput(f"{path} was removed meanwhile")
    return data


def _edited(wiring: Wiring, path: str, before: bytes, changes: dict[Any, Any]) -> tuple[Template, bytes]:
    """Return the template with the changes, and its text: it is valid, or this refuses it."""
    from baton.store.yaml_edits import edited  # start-up: help and lists need no YAML

    data = edited(before, path, changes) if changes else before
    return with_schemas(wiring.home, load_text(data, Template, path), path), data


def _named(slug: str, name: str | None) -> dict[Any, Any]:
    if name is not None and not name.strip():
        raise InvalidWord("--name is empty", cure="say what people are to read")
    return {("slug",): slug} | ({("name",): name} if name is not None else {})


def _own_slugs(wiring: Wiring) -> list[str]:
    found = [(slug, one) for slug, is_preset, one in all_templates(wiring.home) if not is_preset]
    if not found:
        raise InvalidInput("this home has no pipelines of its own", cure="copy a preset: pipeline.py fork SLUG NEW")
    return [slug for slug, _ in found]


def _chosen(
    template: Template, steps: tuple[int, ...], branches: tuple[str, ...], agents: tuple[str, ...], slug: str
) -> dict[tuple[str, int], Step]:
    """Return the units that are meant, by their place; refuse a step or a branch that is not there."""
    for number in steps:
        if not 0 <= number < len(template.main_steps):
            raise InvalidInput(f"{slug} has no step {number}", cure=f"it has 0 to {len(template.main_steps) - 1}")
        if template.main_steps[number].agent is None:
            raise InvalidInput(f"step {number} of {slug} has no agent, so that no model works there")
    labels = [branch.label for branch in template.parallel_branches]
    for label in branches:
        if label not in labels:
            raise InvalidInput(f"{slug} has no branch '{label}'", cure=f"it has {', '.join(labels) or 'none'}")
    is_open = not (steps or branches or agents)
    found: dict[tuple[str, int], Step] = {}
    for number, step in enumerate(template.main_steps):
        if step.agent is not None and (is_open or number in steps or step.agent in agents):
            found["main_steps", number] = step
    for number, branch in enumerate(template.parallel_branches):
        if is_open or branch.label in branches or branch.agent in agents:
            found["parallel_branches", number] = branch
    return found


def _place(template: Template, place: tuple[str, int]) -> str:
    unit = structs.asdict(template)[place[0]][place[1]]
    where = f"step {place[1]}" if place[0] == "main_steps" else f"branch '{unit.label}'"
    return f"{where} ({unit.agent})"


def _without_runs(wiring: Wiring, slug: str) -> list[str]:
    """Delete the streaming runs of a pipeline that is gone; return their ids."""
    if not os.path.isdir(wiring.home.in_state("streams")):
        return []
    from baton.cli.stream_runs import delete_of  # start-up: few homes have runs

    return delete_of(wiring, pipeline=slug)


def _frozen(wiring: Wiring, slug: str) -> list[str]:
    """Return the campaigns that were made with the pipeline of this slug."""
    folder = wiring.home.in_state("campaigns")
    found: list[str] = []
    kept = wiring.store.campaigns
    for id in sorted({*kept.ids(), *kept.ids(archived=True)}) if os.path.isdir(folder) else ():
        with suppress(BatonError):  # a damaged record says no pipeline
            campaign = kept.read(id)
            found += [id] if campaign is not None and campaign.pipeline == slug else []
    return found


def _with_frozen(text: str, frozen: list[str], slug: str) -> str:
    if not frozen:
        return text
    return f"{text}\nCampaigns that were made with '{slug}' keep what they froze: {', '.join(frozen)}."
