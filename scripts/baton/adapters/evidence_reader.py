"""Read what steps left, and say what is missing: a program of its own, started by ``evidence``, which can end it.

A pattern may take for ever, in code that no exception of ours stops; and the library for schemas is not to live in a
supervisor. One JSON document comes in on standard input, one list of sentences goes out. Imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

READ_LIMIT = 16 << 20
MOST_SAID = 20
SHOWN = 200
SECOND_NS = 1_000_000_000


def main() -> None:
    """Answer one question."""
    asked = json.load(sys.stdin)
    said: list[str] = []
    for one in asked["expects"]:
        said += missing(one, asked["root"])
    if len(said) > MOST_SAID:
        said = [*said[:MOST_SAID], f"and {len(said) - MOST_SAID} more"]
    json.dump(said, sys.stdout)


def missing(one: dict[str, Any], root: str) -> Iterator[str]:
    """Say what is missing of one expectation: of a file, or of the files in a folder."""
    if one["folder"] is None:
        fault = place_fault(root, one["file"], one["since_ns"])
        yield from [fault] if fault else faults(root, one["file"], one)
        return
    folder, wanted = one["folder"], one["count"]
    fresh = [path for path in files_below(root, folder) if place_fault(root, path, one["since_ns"]) is None]
    if len(fresh) < wanted:
        newer = " newer than the run" if one["since_ns"] is not None else ""
        yield f"{folder}/ has {len(fresh)} files{newer}, and {wanted} are wanted"
    for path in fresh:
        yield from faults(root, path, one)


def files_below(root: str, folder: str) -> list[str]:
    """The files in a folder of the workspace, relative to it; hidden ones are nobody's result."""
    found = []
    for base, folders, names in os.walk(os.path.join(root, folder)):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(base, name), root) for name in names if not name.startswith(".")]
    return sorted(found)


def place_fault(root: str, path: str, since_ns: int | None) -> str | None:
    """Say what is wrong with where a file is, and when it was written."""
    top = os.path.realpath(root)
    found = os.path.realpath(os.path.join(top, path))
    if os.path.commonpath((top, found)) != top:
        return f"{path} leads out of the workspace"
    if not os.path.isfile(found):
        return f"{path} is not there" if not os.path.lexists(found) else f"{path} is not a file"
    if since_ns is None:
        return None
    written_ns = os.stat(found).st_mtime_ns
    if written_ns % SECOND_NS == 0:
        since_ns -= since_ns % SECOND_NS  # a file system that knows whole seconds only
    return None if written_ns >= since_ns else f"{path} is older than the run: it has to be written anew"


def faults(root: str, path: str, one: dict[str, Any]) -> Iterator[str]:
    """Say what a file lacks."""
    if one["min_words"] is None and one["matches"] is None and one["schema"] is None:
        return
    with open(os.path.join(root, path), "rb") as file:
        data = file.read(READ_LIMIT + 1)
    if len(data) > READ_LIMIT:
        yield f"{path} is larger than {READ_LIMIT >> 20} MB, and cannot be looked into"
        return
    text = data.decode("utf-8", "replace")
    wanted = one["min_words"]
    if wanted is not None and (words := len(text.split())) < wanted:
        yield f"{path} has {words} words, and {wanted} are wanted"
    if one["matches"] is not None and re.search(one["matches"], text, re.MULTILINE) is None:
        yield f"{path} has nothing that matches /{one['matches']}/"
    if one["schema"] is not None:
        yield from schema_faults(path, text, one["schema"])


def schema_faults(path: str, text: str, schema: dict[str, Any]) -> Iterator[str]:
    """Say where a file of JSON departs from its schema; the worst of it is enough."""
    from jsonschema import Draft202012Validator, validators
    from jsonschema.exceptions import best_match
    from referencing.jsonschema import EMPTY_REGISTRY

    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield f"{path} is not JSON: {error}"
        return
    made: Any = validators.validator_for(schema, default=Draft202012Validator)
    fault = best_match(made(schema, registry=EMPTY_REGISTRY).iter_errors(data))
    if fault is not None:
        yield f"{path} does not follow its schema at {fault.json_path}: {' '.join(fault.message.split())[:SHOWN]}"


if __name__ == "__main__":
    main()
