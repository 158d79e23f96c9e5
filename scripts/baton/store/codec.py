"""Records as bytes: indented JSON with keys in a fixed order, decoded strictly, refused when newer than this code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from baton.domain.errors import StateDamaged, StateNewer
from baton.domain.records import SCHEMA

R = TypeVar("R")
# What a sweep reads, and sets aside when it is damaged.
SWEPT = ("task", "campaign", "agent")


class _Schema(msgspec.Struct):
    schema: int


class Codec(Generic[R]):
    """Reads and writes one kind of record."""

    def __init__(self, kind: str, type: type[R], check: Callable[[R], object] | None = None) -> None:
        self.kind = kind
        self._type = type
        self._check = check
        self._decoder: msgspec.json.Decoder[R] | None = None
        self._encoder = msgspec.json.Encoder()

    def encode(self, record: R) -> bytes:
        """Return the record as it stands on disk."""
        return msgspec.json.format(self._encoder.encode(record), indent=2) + b"\n"

    def decode(self, data: bytes, id: str) -> R:
        """Return the record; ``StateNewer`` when a newer Baton wrote it, ``StateDamaged`` when it cannot be one."""
        if self._decoder is None:
            self._decoder = msgspec.json.Decoder(self._type)
        try:
            record = self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._refuse_newer(data, id)
            raise self._damaged(id, error) from None
        any_record: Any = record
        if any_record.schema > SCHEMA:
            self._refuse_newer(data, id)
        if any_record.id != id:
            raise StateDamaged(f"the file of {self.kind} '{id}' holds the record of '{any_record.id}'")
        if self._check is not None:
            # Well-formed is not sound: a priority of no meaning, a step that there is not.
            try:
                self._check(record)
            except (ValueError, LookupError) as error:
                raise self._damaged(id, error) from None
        return record

    def _damaged(self, id: str, error: Exception) -> StateDamaged:
        cure = f"mend state/{self.kind}s/{id}.json, or restore it from a backup"
        if self.kind in SWEPT:
            cure = "check_pipeline.py sets it aside in state/quarantine; restore it from a backup"
        return StateDamaged(f"the record of {self.kind} '{id}' cannot be read: {error}", cure=cure)

    def _refuse_newer(self, data: bytes, id: str) -> None:
        try:
            schema = msgspec.json.decode(data, type=_Schema).schema
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if schema > SCHEMA:
            raise StateNewer(
                f"{self.kind} '{id}' was written by a newer Baton (schema {schema}, this one knows {SCHEMA})",
                cure="update this checkout",
            )
