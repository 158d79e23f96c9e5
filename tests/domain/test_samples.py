"""Sample files of every released form of the records: what was once written must still be read.

A released sample is never edited. When a record's form changes, ``SCHEMA`` rises, and a new sample joins the old ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.domain.test_histories import check_record

from baton.domain.agent_records import AgentRecord, Heartbeat, Hunger
from baton.domain.campaigns import Campaign
from baton.domain.errors import StateDamaged, StateNewer
from baton.domain.pipelines import OnComplete, Step, Template
from baton.domain.products import BrandVoice, FocusGroup, Product, ProductContext
from baton.domain.projects import Appearance, Project
from baton.domain.publishing import Publish
from baton.domain.records import SCHEMA, Event, Failure, Holder, Lease, Report, Result, Task, Unit
from baton.domain.targets import Target
from baton.domain.usage import Usage
from baton.store.codec import Codec

SAMPLES = Path(__file__).with_name("samples")
IDS = {"task": "spring-001", "campaign": "spring", "agent": "helper", "project": "acme"}
NEWEST = {kind: SAMPLES / f"{kind}-{SCHEMA}.json" for kind in IDS}
MARK = b'"schema": %d' % SCHEMA
TYPES: dict[str, Any] = {"task": Task, "campaign": Campaign, "agent": AgentRecord, "project": Project}

each = pytest.mark.parametrize("kind", TYPES)
every_sample = pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.name)


def codec(kind: str) -> Codec[Any]:
    return Codec(kind, TYPES[kind])


def newest(kind: str) -> bytes:
    return NEWEST[kind].read_bytes()


def keys_of(value: Any) -> Iterator[str]:
    """Every key anywhere in a JSON document."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from keys_of(item)


@every_sample
def test_every_sample_is_still_read(path: Path) -> None:
    kind, _, schema = path.stem.partition("-")
    record = codec(kind).decode(path.read_bytes(), IDS[kind])
    assert json.loads(path.read_bytes())["schema"] == int(schema)
    assert record.history[-1].version == record.version


@each
def test_the_newest_sample_is_written_back_byte_for_byte(kind: str) -> None:
    assert codec(kind).encode(codec(kind).decode(newest(kind), IDS[kind])) == newest(kind)


def test_the_sample_of_a_task_keeps_the_invariants() -> None:
    check_record(codec("task").decode(newest("task"), IDS["task"]))


@pytest.mark.parametrize("type", [Task, Unit, Lease, Holder, Report, Failure, Result, Event, Usage])
def test_the_sample_of_a_task_shows_every_key(type: type[msgspec.Struct]) -> None:
    assert set(type.__struct_fields__) <= set(keys_of(json.loads(newest("task"))))


@pytest.mark.parametrize("type", [Campaign, Template, OnComplete, Publish, Target])
def test_the_sample_of_a_campaign_shows_every_key(type: type[msgspec.Struct]) -> None:
    assert set(type.__struct_fields__) <= set(keys_of(json.loads(newest("campaign"))))


@pytest.mark.parametrize("type", [AgentRecord, Heartbeat, Hunger])
def test_the_sample_of_an_agent_shows_every_key(type: type[msgspec.Struct]) -> None:
    assert set(type.__struct_fields__) <= set(keys_of(json.loads(newest("agent"))))


@pytest.mark.parametrize("type", [Project, Appearance, Product, ProductContext, BrandVoice, FocusGroup])
def test_the_sample_of_a_project_shows_every_key(type: type[msgspec.Struct]) -> None:
    assert set(type.__struct_fields__) <= set(keys_of(json.loads(newest("project"))))


def test_the_sample_of_a_campaign_shows_every_key_of_a_step_that_is_built() -> None:
    assert set(Step.__struct_fields__) - {"gates", "review", "expects"} <= set(
        keys_of(json.loads(newest("campaign"))["snapshot"])
    )


# -- what is not read ---------------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("schema", [SCHEMA + 1, SCHEMA + 10**30])
def test_a_record_of_a_newer_schema_is_refused_as_newer(kind: str, schema: int) -> None:
    newer = newest(kind).replace(MARK, b'"schema": %d' % schema, 1)
    with pytest.raises(StateNewer, match="was written by a newer Baton"):
        codec(kind).decode(newer, IDS[kind])


@each
def test_a_newer_record_with_keys_that_we_do_not_know_is_newer_and_not_damaged(kind: str) -> None:
    newer = newest(kind).replace(MARK, b'"mood": "sunny", "schema": %d' % (SCHEMA + 1), 1)
    with pytest.raises(StateNewer):
        codec(kind).decode(newer, IDS[kind])


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\0" * 4096,
        b"null",
        b"[]",
        b"{}",
        b'{"schema": 1}',
        b'{"schema": "2"}',
        b"\xff\xfe",
        b'{"schema": 1, "id": "spring-001"}',
        b"[" * 100_000,
        b'{"schema":' * 100_000,
    ],
    ids=["empty", "zeros", "null", "list", "object", "schema only", "a word", "bytes", "id only", "lists", "objects"],
)
@each
def test_garbage_is_refused_as_damaged(kind: str, garbage: bytes) -> None:
    with pytest.raises(StateDamaged, match=f"the record of {kind} '{IDS[kind]}' cannot be read"):
        codec(kind).decode(garbage, IDS[kind])


@each
def test_a_record_that_was_cut_off_anywhere_is_damaged(kind: str) -> None:
    whole = newest(kind)
    for length in range(0, len(whole.rstrip()) - 1, 61):
        with pytest.raises(StateDamaged):
            codec(kind).decode(whole[:length], IDS[kind])


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b'"schema": 1', b'"mood": "sunny", "schema": 1'),
        (b'"token": 6', b'"token": "6"'),
        (b'"status": "revision_needed"', b'"status": "lost"'),
        (b'"title": "Rye bread', b'"title": "\xff'),
        (b'"data": {', b'"data": {"deep": ' + b"[" * 100_000 + b", "),
    ],
    ids=["an unknown key", "a wrong type", "an unknown word", "no UTF-8", "too deep"],
)
def test_a_record_that_is_not_quite_one_is_damaged(good: bytes, bad: bytes) -> None:
    whole = newest("task")
    assert good in whole
    with pytest.raises(StateDamaged):
        codec("task").decode(whole.replace(good, bad, 1), "spring-001")


@each
def test_the_record_of_another_is_damaged(kind: str) -> None:
    with pytest.raises(StateDamaged, match=f"holds the record of '{IDS[kind]}'"):
        codec(kind).decode(newest(kind), "winter-001")
