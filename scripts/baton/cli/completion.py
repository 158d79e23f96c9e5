"""What a shell offers when the tab key is pressed: names of folders' entries. No record is read, nothing is written.

click does the rest (verbs, options, choices), when ``scripts/completion.bash`` or ``.zsh`` asks it to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem

from baton.cli.configuration import SHIPPED_SKILLS
from baton.cli.templates import SHIPPED_PIPELINES, SUFFIXES, own_folder
from baton.cli.wiring import find_home
from baton.domain.errors import BatonError
from baton.domain.priorities import PRIORITIES
from baton.store.layout import Home
from baton.store.skills import FILE

# More than this nobody reads; with a few more letters there are fewer.
MOST = 500


def completed(kind: str, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return what the word that is being typed may become."""
    if kind in ("home", "directory"):
        return [CompletionItem(incomplete, type="dir")]
    said = ctx.params.get("home") or ctx.find_root().params.get("home")
    try:
        home = find_home(os.path.expanduser(said) if said else None, os.environ)
        found = sorted({name for name in _names(kind, home) if name.startswith(incomplete)})
    except (BatonError, OSError):
        return []
    return [CompletionItem(name) for name in found[:MOST]]


def _names(kind: str, home: Home) -> Iterator[str]:
    if kind in ("task", "campaign", "project"):
        yield from _stems(home.in_state(f"{kind}s"), (".json",))
    elif kind == "pipeline":
        yield from _stems(own_folder(home), SUFFIXES)
        yield from _stems(SHIPPED_PIPELINES, SUFFIXES)
    elif kind == "agent":
        for folder in (home.skills, SHIPPED_SKILLS):
            yield from (name for name in _entries(folder) if os.path.exists(os.path.join(folder, name, FILE)))
    elif kind == "priority":
        yield from PRIORITIES
    elif kind == "run":
        yield from _stems(home.in_state("streams"), (".ndjson",))


def _stems(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    for name in _entries(folder):
        stem, suffix = os.path.splitext(name)
        if suffix in suffixes:
            yield stem


def _entries(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name[0] not in "._"]
    except (FileNotFoundError, NotADirectoryError):
        return []
