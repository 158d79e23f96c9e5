"""Changes to what people wrote: single values put into a YAML or JSON text, and all the rest, comments too, left as it is.

The text is changed where the value stands, and read again: what comes of it must be exactly what was meant. Imports
PyYAML, like ``strict_yaml``: import it late.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from baton.domain.errors import InvalidInput
from baton.store.strict_yaml import Path, decode, parse, shown

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
Edit = tuple[int, int, str]  # from, to, what stands there afterwards


def edited(source: bytes, name: str, values: Mapping[Path, str | int | bool | None]) -> bytes:
    """Return the document with these values in their places; a key that is missing is added to its mapping.

    JSON stays JSON, set anew. Raises ``InvalidInput`` for a document that is not valid, and for one that is written so
    that a value cannot be put in without a change to something else.
    """
    text, data = decode(source, name), parse(source, name).data
    wanted = _with_values(data, values)
    if _is_json(text):
        return json.dumps(wanted, ensure_ascii=False, indent=2).encode() + b"\n"
    end = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    changed = text
    for start, stop, words in sorted((_edit(root, text, path, values[path], end) for path in values), reverse=True):
        changed = changed[:start] + words + changed[stop:]
    if parse(changed, name).data != wanted:
        places = ", ".join(shown(path) for path in values)
        raise InvalidInput(f"{name}: {places} cannot be changed here without touching more", cure="change it by hand")
    return changed.encode()


def _with_values(data: Any, values: Mapping[Path, Any]) -> Any:
    whole = json.loads(json.dumps(data))
    for path, value in values.items():
        place = whole
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
    return whole


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _edit(root: Any, text: str, path: Path, value: Any, end: str) -> Edit:
    node = root
    for step in path[:-1]:
        node = node.value[step] if isinstance(step, int) else _pair(node, step)[1]
    key, words = str(path[-1]), _written(value)
    pair = _pair(node, key)
    if pair is None:
        return _added(node, text, f"{key}: {words}", end)
    start, stop = pair[1].start_mark.index, pair[1].end_mark.index
    if start == stop:  # nothing stands behind the colon
        start = stop = text.find(":", pair[0].end_mark.index) + 1
        return start, stop, f" {words}"
    return start, stop, words + (end if text[start:stop].endswith("\n") else "")


def _added(node: Any, text: str, words: str, end: str) -> Edit:
    """Return where a key is added: behind the first value that stands on one line with its key, else before all."""
    for key, value in node.value:
        is_short = isinstance(value, yaml.ScalarNode) and key.start_mark.line == value.end_mark.line
        if node.flow_style and is_short:
            return value.end_mark.index, value.end_mark.index, f", {words}"
        if is_short:
            place = text.find("\n", value.end_mark.index)
            indent = " " * key.start_mark.column
            return (
                (place + 1, place + 1, f"{indent}{words}{end}")
                if place >= 0
                else (len(text), len(text), f"{end}{indent}{words}")
            )
    start = node.value[0][0].start_mark
    joint = ", " if node.flow_style else end + " " * start.column
    return start.index, start.index, words + joint


def _pair(node: Any, key: str | int) -> Any:
    return next((pair for pair in node.value if pair[0].value == key), None)


def _written(value: str | int | bool | None) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and parse(value, "a value").data == value:
        return value
    return json.dumps(value, ensure_ascii=False)
