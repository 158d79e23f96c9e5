"""The verbs of ``pipeline.py``."""

from __future__ import annotations

import click

from baton.cli.placing import check_placed
from baton.cli.schemas import with_schemas
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.templates import all_templates, keep, refuse_taken
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput
from baton.domain.pipelines import Template
from baton.store.documents import load
from baton.store.files import read_bytes, said


@script("list", "pipelines", example="pipeline.py list")
def list_(wiring: Wiring) -> Answer:
    """List the templates of this home and the presets."""
    found = all_templates(wiring.home)
    data = [
        {"slug": slug, "preset": preset, "name": one.name, "agents": [step.agent for step in one.main_steps]}
        if isinstance(one, Template)
        else {"slug": slug, "preset": preset, "error": one}
        for slug, preset, one in found
    ]
    rows = [
        (slug, "preset" if preset else "own", one if isinstance(one, str) else _line(one))
        for slug, preset, one in found
    ]
    return Answer(data, table(("pipeline", "", "steps"), rows))


@script("show", "pipeline", example="pipeline.py show content-draft", id_option="slug")
@click.argument("slug")
def show(wiring: Wiring, slug: str) -> Answer:
    """Show one template."""
    template = wiring.template(slug)
    rows = [
        (number, step.agent or "-", step.label, step.model, step.output_dir)
        for number, step in enumerate(template.main_steps)
    ]
    words = f"{template.slug}: {template.name}\n{template.description}\n\n"
    text = words + table(("step", "agent", "label", "model", "output_dir"), rows)
    branches = [
        (one.label, one.agent, one.trigger_after_step, one.deliverable or "-", one.output_dir)
        for one in template.parallel_branches
    ]
    if branches:
        text += "\n\n" + table(("branch", "agent", "after step", "deliverable", "output_dir"), branches)
    if template.convergence_step is not None:
        text += f"\n\nStep {template.convergence_step} waits for the branches."
    return Answer(template, text)


@script("create", "pipeline", example="pipeline.py create my-line.yaml", id_option="file")
@click.argument("file", type=click.Path())
def create(wiring: Wiring, file: str) -> Answer:
    """Keep the template in FILE as one of this home."""
    template, data = _read(wiring, file)
    refuse_taken(wiring.home, template.slug)
    warnings = check_placed(wiring, template)
    path = keep(wiring.home, template.slug, data)
    for warning in warnings:
        wiring.warn(warning)
    return Answer(template, f"Created pipeline '{template.slug}' ({path}).")


@script("validate", "pipeline", example="pipeline.py validate my-line.yaml", id_option="file")
@click.argument("file", type=click.Path())
def validate(wiring: Wiring, file: str) -> Answer:
    """Check the template in FILE (or the one of that slug) without keeping it."""
    template = wiring.template(file) if _is_slug(file) else _read(wiring, file)[0]
    warnings = check_placed(wiring, template)
    text = "\n".join([f"{template.slug} is valid: {_line(template)}", *(f"warning: {one}" for one in warnings)])
    return Answer({"valid": True, "slug": template.slug, "warnings": list(warnings)}, text)


VERBS = [list_, show, create, validate]


def _read(wiring: Wiring, file: str) -> tuple[Template, bytes]:
    template = load(file, Template, None, name="pipeline")
    with said(file):
        data = read_bytes(file)
    if template is None or data is None:
        raise InvalidInput(f"there is no file {file}")
    return with_schemas(wiring.home, template, file), data


def _is_slug(word: str) -> bool:
    return "/" not in word and not word.endswith((".yaml", ".yml", ".json"))


def _line(template: Template) -> str:
    return " -> ".join(step.agent or step.label or "-" for step in template.main_steps)
