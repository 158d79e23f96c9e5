"""Carrying pipelines, services, projects and campaigns from home to home, in one file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import click

from baton.cli.carrying import KINDS, Kind, Undo, bundle_of
from baton.cli.script import Answer, script
from baton.cli.service_page import refresh_quietly
from baton.cli.wiring import Wiring
from baton.domain.bundles import Bundle
from baton.domain.errors import AlreadyExists, BatonError, InvalidInput, InvalidWord
from baton.domain.redaction import masked
from baton.store.documents import load_text
from baton.store.files import PRIVATE_FILE, discard, read_bytes, said, sync_folder, write_all
from baton.store.plain_yaml import as_json, as_written, as_yaml

LIMIT = 64 << 20
YAML_LIMIT = 4 << 20


@script(
    "export",
    "to",
    name="export",
    example="transfer.py export ~/all.yaml\ntransfer.py export ~/spring.json --campaign spring --pipeline my-line",
    id_option="file",
)
@click.argument("file", type=click.Path())
@click.option("--pipeline", "pipelines", multiple=True, metavar="SLUG", help="This pipeline of the home's own.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="This service.")
@click.option(
    "--project", "projects", multiple=True, metavar="SLUG", help="This project, its products and focus groups."
)
@click.option("--campaign", "campaigns", multiple=True, metavar="SLUG", help="This campaign.")
@click.option("--with-secrets", is_flag=True, help="Even where a text in it holds a key.")
def export(wiring: Wiring, file: str, with_secrets: bool, **chosen: tuple[str, ...]) -> Answer:
    """Write pipelines, services, projects, campaigns to FILE (YAML or JSON by its name): all, or those that are named.

    Of a campaign: what was written, its frozen pipeline, its sources. Its tasks and what they made are not in it.
    """
    wanted: dict[str, Iterable[str] | None] = {field: names for field, names in chosen.items() if names}
    bundle = bundle_of(wiring, wanted or dict.fromkeys(kind.field for kind in KINDS))
    data = _as_bytes(bundle, file)
    if not with_secrets and masked(data.decode(), wiring.config.secrets())[1]:
        cure = "write keys to .env, and their variables' names to api_key_env; or add --with-secrets"
        raise InvalidInput("a text in it holds a key or a token", cure=cure)
    _put_new(os.path.abspath(file), data)
    counts = {kind.field: list(kind.things(getattr(bundle, kind.field))) for kind in KINDS}
    return Answer({"file": os.path.abspath(file), **counts}, f"Wrote {_counted(counts)} to {file}.")


@script("import", "from", name="import", example="transfer.py import ~/all.yaml --dry-run", id_option="file")
@click.argument("file", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Only look, and say what would be made.")
@click.option("--skip-existing", is_flag=True, help="Pass over what is here already, whatever it says.")
def import_(wiring: Wiring, file: str, dry_run: bool, skip_existing: bool) -> Answer:
    """Make what FILE holds: all of it, or nothing. Campaigns are in planning, with the pipeline that they had frozen."""
    bundle = _read(file)
    wiring.store.prepare()
    with wiring.workspaces.alone():
        parts, skipped = _parts(wiring, bundle, skip_existing=skip_existing)
        for kind, found in parts:
            kind.check(wiring, found, bundle)
        if not dry_run:
            _keep(wiring, parts)
            refresh_quietly(wiring)
    made = {kind.field: list(kind.things(found)) for kind, found in parts}
    verb = "Would make" if dry_run else "Made"
    lines = [
        f"{verb} {_counted(made)}.",
        *(f"  {field:10} {', '.join(names)}" for field, names in made.items() if names),
    ]
    lines += [f"  here already  {', '.join(names)} ({field})" for field, names in skipped.items() if names]
    if made["campaigns"] and not dry_run:
        lines.append(f"Next: activate_campaign.py {made['campaigns'][0]}")
    return Answer({"made": made, "skipped": skipped, "dry_run": dry_run}, "\n".join(lines))


VERBS = [export, import_]


def _parts(
    wiring: Wiring, bundle: Bundle, *, skip_existing: bool
) -> tuple[list[tuple[Kind, Any]], dict[str, list[str]]]:
    """Part what is new from what is here already: that is refused, unless it says the same or is to be passed over."""
    parts: list[tuple[Kind, Any]] = []
    skipped: dict[str, list[str]] = {}
    other: list[str] = []
    for kind in KINDS:
        found, here = getattr(bundle, kind.field), kind.here(wiring)
        things = kind.things(found)
        skipped[kind.field] = [name for name in things if name in here]
        other += [f"{kind.thing} '{name}'" for name in skipped[kind.field] if things[name] != here[name]]
        parts.append((kind, kind.only(found, {name for name in things if name not in here})))
    if other and not skip_existing:
        what = ", ".join(other[:5]) + (f" and {len(other) - 5} more" if len(other) > 5 else "")
        raise AlreadyExists(f"{what}: here already", cure="nothing was made; --skip-existing passes over what is here")
    return parts, skipped


def _keep(wiring: Wiring, parts: list[tuple[Kind, Any]]) -> None:
    undo: list[Undo] = []
    try:
        for kind, found in parts:
            for back in kind.keep(wiring, found):
                undo.append(back)
    except (BatonError, OSError):
        for take_back in reversed(undo):
            take_back()
        raise


def _read(file: str) -> Bundle:
    with said(file):
        data = read_bytes(file)
    if data is None:
        raise InvalidInput(f"there is no file {file}")
    return load_text(data, Bundle, file, max_bytes=LIMIT if data.lstrip()[:1] == b"{" else YAML_LIMIT)


def _as_bytes(bundle: Bundle, file: str) -> bytes:
    if not file.endswith((".yaml", ".yml", ".json")):
        raise InvalidWord("its name ends neither in .yaml nor in .json", cure="say which by its name")
    written = as_written(bundle)
    data = as_json(written)
    if len(data) > LIMIT:
        raise InvalidInput(f"it would be larger than {LIMIT >> 20} MB", cure="choose some with --campaign")
    if file.endswith(".json"):
        return data
    if len(data) > YAML_LIMIT // 2:
        raise InvalidInput("it would be too large for YAML", cure="write JSON, to a name that ends in .json")
    return as_yaml(written, file, YAML_LIMIT)


def _put_new(path: str, data: bytes) -> None:
    with said(path):
        if os.path.lexists(path):
            raise AlreadyExists(f"{path} is there already", cure="choose another name")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            write_all(fd, data)
            os.fsync(fd)
            sync_folder(os.path.dirname(path))
        except BaseException:
            discard(path)
            raise
        finally:
            os.close(fd)


def _counted(counts: dict[str, list[str]]) -> str:
    return ", ".join(f"{len(names)} {field if len(names) != 1 else field[:-1]}" for field, names in counts.items())
