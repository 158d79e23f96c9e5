"""JSON schemas: whether one is whole. What follows one is judged by ``evidence_reader``, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

SHOWN = 200


def fault_of(schema: dict[str, Any]) -> str | None:
    """Say what is wrong with a schema; ``None`` for one that can be used, and that asks for nothing from elsewhere."""
    made: Any = validators.validator_for(schema, default=Draft202012Validator)
    try:
        made.check_schema(schema)
    except SchemaError as error:
        return f"{error.json_path}: {' '.join(error.message.split())[:SHOWN]}"
    except RecursionError:
        return "it is nested too deep"
    resource: Any = DRAFT202012.create_resource(schema)
    registry: Any = Registry()
    resolver = registry.with_resource("", resource).resolver()
    for reference in _references(schema):
        if not reference.startswith("#"):
            return f"$ref {reference!r} leads elsewhere; write what it stands for into $defs"
        try:
            resolver.lookup(reference)
        except Unresolvable:
            return f"$ref {reference!r} leads to nothing"
    return None


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (found for key, found in value.items() if key in ("$ref", "$dynamicRef") and isinstance(found, str))
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _references(one)
