"""The file of master keys, outside the home: what opens the keys that are kept in it.

A line is a master key: ``baton-master-1 <name> <base64>``, the newest first. There is one, and two while a rotation goes
on. The file is private (0600) or refused: who could read it, or put another in its place, could read every key.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from baton.domain.errors import Busy, InvalidInput, MissingCredentials, StateDamaged
from baton.store.files import discard, make_folder, read_private, replace, said

VARIABLE = "BATON_KEY_FILE"
FORMAT = "baton-master-1"
SIZE = 32
LONGEST = 64 << 10
IF_SHARED = "; if others use this machine, then also: key.py rotate"
LOCK_SECONDS = 10.0
_LINE = re.compile(rf"{FORMAT} ([0-9a-f]{{16}}) ([A-Za-z0-9+/=]+)")


def master_file(environ: Mapping[str, str], id: str) -> str:
    """Return where a new home's master keys are to lie: ``BATON_KEY_FILE``, else the user's own configuration."""
    named = environ.get(VARIABLE)
    if named:
        if not os.path.isabs(named):
            raise InvalidInput(f"{VARIABLE} is not an absolute path", cure=f"set {VARIABLE}=/where/it/lies")
        return named
    folder = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".config")
    return os.path.join(os.path.abspath(folder), "baton", f"{id}.key")


class MasterKeys:
    """The master keys in one file. Values are bytes, and never shown."""

    def __init__(self, path: str) -> None:
        self.path = path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Change keys alone: copies of a home share its master keys. It is the folder that is locked, no file is left."""
        from filelock import lock_descriptor, unlock_descriptor  # start-up: whoever only reads takes no lock

        folder = os.path.dirname(self.path)
        with said(folder):
            make_folder(folder, durable=True)
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            end = time.monotonic() + LOCK_SECONDS
            with said(folder):
                while not lock_descriptor(fd, blocking=False):
                    if time.monotonic() > end:
                        raise Busy(f"somebody else has held {folder} for {LOCK_SECONDS:g} s", cure="try again")
                    time.sleep(0.01)
            try:
                discard(f"{self.path}.new")  # of somebody who was killed: it may hold a key that nobody would end
                yield
            finally:
                unlock_descriptor(fd)
        finally:
            os.close(fd)

    def all(self) -> dict[str, bytes]:
        """Return the master keys by name, the newest first; none where there is no file.

        Raise ``PermissionRefused`` for a file that others could read or have made, ``StateDamaged`` for another's.
        """
        found: dict[str, bytes] = {}
        data = read_private(self.path, LONGEST, cure=IF_SHARED)
        for line in (data or b"").splitlines():
            name, value = _parsed(line)
            if not value:
                raise StateDamaged(
                    f"{self.path} holds something that is no master key",
                    cure="put back the file that belongs there, from where you keep a copy of it",
                )
            found[name] = value
        return found

    def add(self) -> str:
        """Put a new master key before the others, durably; return its name."""
        name = secrets.token_hex(8)
        self._write({name: secrets.token_bytes(SIZE)} | self.all())
        return name

    def keep(self, name: str) -> None:
        """Remove every master key but this one."""
        found = self.all()
        if list(found) != [name]:
            self._write({name: found[name]})

    def _write(self, keys: Mapping[str, bytes]) -> None:
        lines = (f"{FORMAT} {name} {base64.b64encode(value).decode()}\n" for name, value in keys.items())
        with said(self.path):
            replace(self.path, "".join(lines).encode(), f"{self.path}.new")


def missing_master(path: str) -> MissingCredentials:
    """Return what is to be said where a key is kept, and its master key is not."""
    return MissingCredentials(
        f"the master key that opens the keys of this home is not in {path}",
        cure=f"put that file back, or set {VARIABLE} to where it lies, or remove the keys and set them again",
    )


def _parsed(line: bytes) -> tuple[str, bytes]:
    """Read one line; an empty value for one that cannot be read."""
    match = _LINE.fullmatch(line.decode("ascii", "replace"))
    if match is None:
        return "", b""
    try:
        value = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        value = b""
    return match[1], value if len(value) == SIZE else b""
