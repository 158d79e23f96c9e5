"""The verbs of ``stream_run.py``."""

from __future__ import annotations

from typing import Any

import click

from baton.cli import stream_runs
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.ids import check_id
from baton.domain.stream_runs import check_variable

owner_option = click.option("--owner", metavar="NAME", help="Whose run it is.")


@script(
    "create",
    "streaming run",
    example="stream_run.py create summary --input-file notes.txt --var tone=dry --owner ann --start",
    for_option="pipeline",
)
@click.argument("pipeline")
@click.option("--input", "text", metavar="TEXT", help="What the first step is given.")
@click.option("--input-file", "file", metavar="FILE", type=click.Path(), help="The same, from a file; - is stdin.")
@click.option(
    "--var", "variables", multiple=True, metavar="NAME=TEXT", help="What stands for {{NAME}} in instructions."
)
@click.option("--id", "id", metavar="ID", help="The run's id (default: made from the pipeline's).")
@owner_option
@click.option("--start", "starts", is_flag=True, help="Start it, too.")
def create(
    wiring: Wiring,
    pipeline: str,
    text: str | None,
    file: str | None,
    variables: tuple[str, ...],
    id: str | None,
    owner: str | None,
    starts: bool,
) -> Answer:
    """Make a run of PIPELINE, a template whose steps are prompts. Every {{name}} is checked before anything is made."""
    wiring.check_settings()
    if (text is None) == (file is None):
        raise InvalidWord("say what the first step is given, once", cure="add --input TEXT or --input-file FILE")
    task = stream_runs.create(
        wiring,
        wiring.template(pipeline),
        owner=check_id(owner) if owner is not None else None,
        input=text if text is not None else _text_of(file or ""),
        variables=dict(map(_variable, variables)),
        id=check_id(id) if id is not None else None,
    )
    if starts:
        task = stream_runs.start(wiring, task.id)
    verb = "follow" if starts else "start"
    return Answer(stream_runs.view(wiring, task), f"Created run '{task.id}'.\nNext: stream_run.py {verb} {task.id}")


@script("start", "streaming run", example="stream_run.py start summary-1a2b3c", id_option="run")
@click.argument("run")
def start(wiring: Wiring, run: str) -> Answer:
    """Let a run begin."""
    wiring.check_settings()
    task = stream_runs.start(wiring, run)
    return Answer(stream_runs.view(wiring, task), f"Started run '{run}'.\nNext: stream_run.py follow {run}")


@script("retry", "streaming run", example="stream_run.py retry summary-1a2b3c", id_option="run")
@click.argument("run")
def retry(wiring: Wiring, run: str) -> Answer:
    """Let a failed run go on, from the step at which it failed; what came before is not done again."""
    wiring.check_settings()
    task = stream_runs.retry(wiring, run)
    return Answer(stream_runs.view(wiring, task), f"Run '{run}' goes on from step {task.pipeline_step}.")


@script("show", "streaming run", example="stream_run.py show summary-1a2b3c", id_option="run")
@click.argument("run")
def show(wiring: Wiring, run: str) -> Answer:
    """Show a run: its steps, what each was given and has made, and why it failed."""
    seen = stream_runs.view(wiring, stream_runs.find(wiring, run))
    return Answer(seen, lambda: _told(seen))


@script("list", "streaming runs", name="list", example="stream_run.py list --owner ann")
@owner_option
@click.option("--pipeline", metavar="SLUG", help="Of this pipeline.")
def list_runs(wiring: Wiring, owner: str | None, pipeline: str | None) -> Answer:
    """List runs, oldest first."""
    found = [stream_runs.row(task) for task in stream_runs.listed(wiring, owner, pipeline)]
    heads = ("id", "pipeline", "owner", "status", "created_at", "error")
    rows = [[one[head] if one[head] is not None else "-" for head in heads] for one in found]
    return Answer(found, lambda: table(("run", "pipeline", "owner", "status", "created", "error"), rows))


@script("delete", "streaming run", example="stream_run.py delete --owner ann", id_option="run")
@click.argument("run", required=False)
@owner_option
@click.option("--pipeline", metavar="SLUG", help="Every run of this pipeline.")
def delete(wiring: Wiring, run: str | None, owner: str | None, pipeline: str | None) -> Answer:
    """Delete a run, or all of an owner or a pipeline, with all that they have made. One that goes on is ended first."""
    if [run, owner, pipeline].count(None) != 2:
        raise InvalidWord("say what to delete, once", cure="name a run, or add --owner NAME or --pipeline SLUG")
    if run is not None:
        stream_runs.delete(wiring, stream_runs.find(wiring, run))
        deleted = [run]
    else:
        deleted = stream_runs.delete_of(wiring, owner=owner, pipeline=pipeline)
    return Answer({"deleted": deleted}, f"Deleted: {', '.join(deleted) or 'none'}.")


@script("follow", "streaming run", example="stream_run.py follow summary-1a2b3c --json --since 120", id_option="run")
@click.argument("run")
@click.option("--since", type=click.IntRange(min=0), default=0, metavar="ID", help="From behind this event on.")
def follow(wiring: Wiring, run: str, since: int) -> Answer:
    """Print a run's words as they come, and end with it: exit code 0 if it was completed, 1 if it failed.

    With --json every event, one object a line; --since takes the id of the last one that was seen.
    """
    from baton.cli.following import follow_to_its_end  # start-up: only who follows needs it

    context = click.get_current_context()
    as_json = context.params["as_json"] or context.find_root().params.get("as_json", False)
    follow_to_its_end(wiring, run, since, as_json=bool(as_json))


VERBS: list[click.Command] = [create, start, show, list_runs, delete, follow, retry]


def _variable(word: str) -> tuple[str, str]:
    name, sign, text = word.partition("=")
    if not sign:
        raise InvalidWord(f"--var {word[:80]!r} has no '='", cure="write it like --var tone=dry")
    try:
        return check_variable(name), text
    except InvalidInput as error:
        raise InvalidWord(f"--var: {error.message}", cure=error.cure) from None


def _text_of(file: str) -> str:
    try:
        with click.open_file(file, "rb") as source:
            data: bytes = source.read(stream_runs.INPUT_LIMIT + 1)
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"--input-file {file} is not text", cure="save it as UTF-8 text") from None
    except OSError as error:
        raise InvalidInput(f"--input-file {file} cannot be read: {error.strerror}", cure="name a file") from None


def _told(seen: dict[str, Any]) -> str:
    head = f"{seen['id']}  {seen['status']}  pipeline {seen['pipeline']}"
    lines = [head + (f", owner {seen['owner']}" if seen["owner"] else "")]
    for step in seen["steps"]:
        lines.append(f"  {step['order']}  {step['agent']}  {step['status']}")
        if step["error"]:
            lines.append(f"     {step['error']}")
    if seen["error"] and not any(step["error"] for step in seen["steps"]):
        lines.append(f"  {seen['error']}")
    if seen["output"] is not None:
        lines += ["", seen["output"]]
    return "\n".join(lines)
