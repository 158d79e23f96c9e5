"""Keys of model APIs, encrypted at rest: ``config/keys.json``. What opens them lies outside the home (``master_keys``).

Each is sealed by XChaCha20-Poly1305 (libsodium, by PyNaCl) together with its name and the id of the home's keys, so that
one cannot be put in the place of another. All stand in one file that is replaced whole: a rotation that ends in the
middle leaves every key readable, by the old master key or by the new one, which are both in their file until it is over.

A value is returned and nowhere written; no error and no message holds one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import msgspec
from msgspec import Struct

from baton.domain.errors import BatonError, KeyNotFound, MissingCredentials, StateDamaged, StateNewer
from baton.domain.keys import check_key_name, check_key_value
from baton.domain.times import epoch
from baton.store.files import make_folder, read_bytes, replace, said
from baton.store.master_keys import VARIABLE, MasterKeys, master_file, missing_master

SCHEMA = 1
EXTRA = "nacl"
INSTALL = "python3 scripts/baton/bootstrap.py keys"


class SealedKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key: when it was set, which master key opens it, and itself, sealed, as base64."""

    set_at: str
    master: str
    sealed: str

    def __post_init__(self) -> None:
        epoch(self.set_at)  # ValueError: damaged, and to be said as that


class KeyRing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in the file. ``id`` stays as long as the file; ``master_file`` is where its master keys were put."""

    schema: int = SCHEMA
    id: str
    master_file: str
    keys: dict[str, SealedKey] = {}


class ShownKey(Struct, frozen=True, kw_only=True):
    """What may be shown of a key: ``fingerprint`` is ``None``, and ``problem`` says why, where it cannot be opened."""

    name: str
    set_at: str
    fingerprint: str | None = None
    problem: str | None = None


class SealedKeys:
    """The keys of one home. Without the file there are none, which costs one look and no import."""

    def __init__(self, path: str, environ: Mapping[str, str]) -> None:
        self.path = path
        self._environ = environ

    def names(self) -> list[str]:
        """Return the names of the keys that are kept."""
        ring = self._ring()
        return sorted(ring.keys) if ring is not None else []

    def open(self, name: str) -> str | None:
        """Return one key, or ``None`` where none of this name is kept.

        Raise ``MissingCredentials`` where it is kept and cannot be opened, ``PermissionRefused`` for a master key that
        others may know.
        """
        ring = self._ring()
        while ring is not None and name in ring.keys:
            try:
                return self._unsealed(ring, name, self._masters(ring).all())
            except MissingCredentials:
                ring, before = self._ring(), ring
                if ring == before:  # else a rotation ended in between
                    raise
        return None

    def shown(self) -> list[ShownKey]:
        """Return what may be shown of each key, by name."""
        ring = self._ring()
        found = []
        for name, key in sorted(ring.keys.items()) if ring is not None else ():
            try:
                fingerprint, problem = fingerprint_of(self.open(name) or ""), None
            except BatonError as error:
                fingerprint, problem = None, error.message
            found.append(ShownKey(name=name, set_at=key.set_at, fingerprint=fingerprint, problem=problem))
        return found

    def set(self, name: str, value: str, now: str) -> bool:
        """Keep a key, durably, in the place of one of this name; tell whether there was one."""
        check_key_name(name)
        check_key_value(value)
        _library()

        def change(ring: KeyRing, masters: MasterKeys) -> KeyRing:
            known = masters.all()
            if ring.keys and not known:
                raise missing_master(masters.path)
            if not known:
                # The ring first: a file outside the home, of which nothing in the home tells, is found by nobody.
                self._write(ring)
            master = next(iter(known), None) or masters.add()
            sealed = _sealed(ring.id, name, value, master, masters.all()[master])
            return _with(ring, {**ring.keys, name: SealedKey(set_at=now, master=master, sealed=sealed)})

        return name in self._change(change).keys

    def remove(self, name: str) -> None:
        """Forget one key; ``KeyNotFound`` where there is none."""

        def change(ring: KeyRing, masters: MasterKeys) -> KeyRing:
            if name not in ring.keys:
                raise KeyNotFound("no key of this name is kept", cure="key.py list shows them")
            return _with(ring, {one: key for one, key in ring.keys.items() if one != name})

        self._change(change)

    def rotate(self) -> int:
        """Seal every key by a new master key, and end the old one; return how many there are.

        Ended in the middle it leaves all of them readable; done again, it makes an end of both older ones.
        """
        _library()

        def change(ring: KeyRing, masters: MasterKeys) -> KeyRing:
            known = masters.all()
            values = {name: self._unsealed(ring, name, known) for name in ring.keys}
            if not values:
                raise KeyNotFound("no key is kept", cure="key.py set NAME keeps one")
            master = masters.add()
            value = masters.all()[master]
            return _with(
                ring,
                {
                    name: msgspec.structs.replace(
                        key, master=master, sealed=_sealed(ring.id, name, values[name], master, value)
                    )
                    for name, key in ring.keys.items()
                },
            )

        def after(ring: KeyRing, masters: MasterKeys) -> None:
            known = masters.all()
            for name in ring.keys:  # as it stands on disk, by the new master key
                self._unsealed(ring, name, known)
            masters.keep(next(iter(known)))

        return len(self._change(change, after).keys)

    def is_unfinished(self) -> bool:
        """Tell whether a rotation was ended in the middle."""
        ring = self._ring()
        return ring is not None and len(self._masters(ring).all()) > 1

    def master_path(self) -> str | None:
        """Return where the master keys are looked for; ``None`` where no key is kept."""
        ring = self._ring()
        return self._masters(ring).path if ring is not None else None

    # -- the file -----------------------------------------------------------------------------------------------

    def _change(
        self,
        change: Callable[[KeyRing, MasterKeys], KeyRing],
        after: Callable[[KeyRing, MasterKeys], None] | None = None,
    ) -> KeyRing:
        """Replace the file by what ``change`` makes of it; return what it was, or with ``after`` what it is."""
        fresh = secrets.token_hex(8)
        found = self._ring() or KeyRing(id=fresh, master_file=master_file(self._environ, fresh))
        with self._masters(found).alone():
            ring = self._ring() or found
            masters = self._masters(ring)
            changed = change(ring, masters)
            self._write(msgspec.structs.replace(changed, master_file=masters.path))
            if after is None:
                return ring
            written = self._ring()
            assert written is not None
            after(written, masters)
            return written

    def _ring(self) -> KeyRing | None:
        with said(self.path):
            data = read_bytes(self.path)
        if data is None:
            return None
        try:
            if msgspec.json.decode(data, type=_Schema).schema > SCHEMA:
                raise StateNewer(f"{self.path} was written by a newer Baton", cure="use that version")
            return msgspec.json.decode(data, type=KeyRing)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problem = StateDamaged(
                f"{self.path} cannot be read", cure="put back a copy of it, or move it away and set the keys again"
            )
        raise problem

    def _write(self, ring: KeyRing) -> None:
        data = msgspec.json.format(msgspec.json.encode(ring, order="sorted"), indent=2) + b"\n"
        with said(self.path):
            make_folder(os.path.dirname(self.path), durable=True)
            replace(self.path, data, f"{self.path}.new")

    def _masters(self, ring: KeyRing) -> MasterKeys:
        return MasterKeys(master_file(self._environ, ring.id) if self._environ.get(VARIABLE) else ring.master_file)

    # -- sealing ------------------------------------------------------------------------------------------------

    def _unsealed(self, ring: KeyRing, name: str, masters: Mapping[str, bytes]) -> str:
        library = _library()
        key = ring.keys[name]
        if key.master not in masters:
            raise missing_master(self._masters(ring).path)
        try:
            sealed = base64.b64decode(key.sealed, validate=True)
            return str(library(masters[key.master]).decrypt(sealed, _bound_to(ring.id, name, key.master)), "ascii")
        except (binascii.Error, ValueError, RuntimeError, _error()):
            problem = MissingCredentials(
                f"the key {name} cannot be opened: what is kept of it was changed", cure=f"key.py set {name}"
            )
        raise problem


class _Schema(Struct):
    schema: int


def fingerprint_of(value: str) -> str:
    """Return a few digits by which a person knows a key again, and nobody learns it."""
    return hashlib.blake2b(value.encode(), digest_size=4, person=b"baton-key").hexdigest()


def is_installed() -> bool:
    """Tell whether the extra is there."""
    return find_spec(EXTRA) is not None


def _with(ring: KeyRing, keys: dict[str, SealedKey]) -> KeyRing:
    return msgspec.structs.replace(ring, keys=keys)


def _sealed(id: str, name: str, value: str, master: str, key: bytes) -> str:
    return base64.b64encode(_library()(key).encrypt(value.encode("ascii"), _bound_to(id, name, master))).decode()


def _bound_to(id: str, name: str, master: str) -> bytes:
    return f"baton-key-1 {id} {name} {master}".encode()


def _library() -> Any:
    """Return the sealing class; who holds an opened key leaves no core in which it could be found."""
    if not is_installed():
        raise MissingCredentials(
            "keys are kept encrypted in this home, and the extra that opens them is not installed", cure=INSTALL
        )
    import resource  # start-up: these three only where a key is kept

    from nacl.secret import Aead

    # 1, not 0: the kernel then writes no core, and starts no program that would take one either (core(5), "|").
    resource.setrlimit(resource.RLIMIT_CORE, (1, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return Aead


def _error() -> type[Exception]:
    from nacl.exceptions import CryptoError

    found: type[Exception] = CryptoError
    return found
