"""The JSON schemas that steps name: read from ``config/``, checked, and put into the step, which is frozen with them."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from baton import start
from baton.domain.errors import InvalidInput
from baton.domain.evidence import LARGEST_SCHEMA, WrittenExpectation
from baton.domain.pipelines import Step, Template
from baton.store.files import read_bytes, said
from baton.store.layout import Home

S = TypeVar("S", bound=Step)
CURE = "correct it; a file is looked for below the home's config/"


def with_schemas(home: Home, template: Template, where: str) -> Template:
    """Return the template with each schema in the place of its file's name; ``where`` is what a refusal names."""
    return structs.replace(
        template,
        main_steps=steps_with_schemas(home, template.main_steps, f"{where}: main_steps"),
        parallel_branches=steps_with_schemas(home, template.parallel_branches, f"{where}: parallel_branches"),
    )


def steps_with_schemas(home: Home, steps: tuple[S, ...], where: str) -> tuple[S, ...]:
    """Return the steps with each schema in the place of its file's name; refuse one that could never be followed."""
    if not any(one.schema is not None for step in steps for one in step.expects):
        return steps
    return tuple(
        structs.replace(
            step,
            expects=tuple(
                _with_schema(home, one, f"{where}.{number}.expects.{place}.schema")
                for place, one in enumerate(step.expects)
            ),
        )
        for number, step in enumerate(steps)
    )


def _with_schema(home: Home, one: WrittenExpectation, where: str) -> WrittenExpectation:
    if one.schema is None:
        return one
    start.show_hidden()  # jsonschema needs it
    from baton.adapters.json_schemas import fault_of  # start-up: 60 ms, and few steps have a schema

    schema = one.schema if isinstance(one.schema, dict) else _read(home, one.schema, where)
    if len(msgspec.json.encode(schema)) > LARGEST_SCHEMA:
        raise InvalidInput(f"{where}: the schema is larger than {LARGEST_SCHEMA >> 10} KB", cure="keep what is needed")
    fault = fault_of(schema)
    if fault is not None:
        raise InvalidInput(f"{where}: it is not a JSON schema: {fault}", cure=CURE)
    return structs.replace(one, schema=schema)


def _read(home: Home, name: str, where: str) -> dict[str, Any]:
    path = os.path.join(home.config, name)
    with said(path):
        data = read_bytes(path) if os.path.isfile(path) else None
    if data is None:
        raise InvalidInput(f"{where}: there is no file {path}", cure=CURE)
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{where}: {path} is not a JSON object: {error}", cure=CURE) from None
