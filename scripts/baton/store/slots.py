"""Slots: the places in which runs happen, and the proof that somebody lives in them.

``NN`` is locked by an open-file-description lock that the agent's tree inherits; ``NN.sup`` by one that it does not.
A lock ends with the last process that has it, whatever way that process ends; looking at it (``F_OFD_GETLK``) never
takes it. ``NN.sup`` also holds what the supervisor does, rewritten in place at each beat, without sync.
"""

from __future__ import annotations

import fcntl
import os
import struct
from binascii import crc32
from collections.abc import Mapping
from typing import Any

import msgspec

from baton.domain.errors import Busy
from baton.domain.exchange import SlotState
from baton.store.files import PRIVATE_FILE, make_folder, names_in, said

# struct flock: type, whence, start, length, pid (0 for this kind of lock).
_FLOCK = "hhqqi"
_ROOM = 1024
_LOOKS = 100


class FileSlot:
    """A slot held by this process."""

    def __init__(self, path: str, number: int, fileno: int, supervisor_fileno: int | None = None) -> None:
        self.number = number
        self.fileno = fileno
        self.supervisor_fileno = supervisor_fileno
        self.path = path

    def supervise(self, instance: str) -> None:
        """Take the supervisor's half. It cannot be held by anybody else while we hold the slot's own lock."""
        if self.supervisor_fileno is None:
            with said(self.path):
                fd = os.open(self.path + ".sup", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
                if not _try_lock(fd):
                    os.close(fd)
                    raise Busy(f"{self.path} has a supervisor already")
            self.supervisor_fileno = fd
        self.beat({"instance": instance})

    def beat(self, facts: Mapping[str, Any]) -> bool:
        """Write what the supervisor does now; a full disk does not stop it. False: the file is not at its place."""
        assert self.supervisor_fileno is not None
        try:
            text = msgspec.json.encode(facts)
            found = os.fstat(self.supervisor_fileno)
            os.pwrite(self.supervisor_fileno, (b"%08x " % crc32(text) + text).ljust(max(_ROOM, found.st_size)), 0)
            return os.path.samestat(found, os.stat(self.path + ".sup"))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True

    def free(self) -> None:
        """Give both halves back, by unlocking: closing alone would not do while a child holds a copy."""
        for fd in (self.supervisor_fileno, self.fileno):
            if fd is not None:
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_UNLCK, os.SEEK_SET, 0, 0, 0))
                os.close(fd)
        self.supervisor_fileno = None

    def leave(self) -> None:
        """Close our copy only: a child that inherited the slot keeps it."""
        os.close(self.fileno)


class SlotFiles:
    """The slots below ``folder`` (``state/slots``)."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, number: int) -> str:
        """The path of a slot's lock."""
        return os.path.join(self.folder, f"{number:02d}")

    def take(self, limit: int) -> FileSlot | None:
        """Take a free slot below ``limit``; ``None`` when all are held."""
        with said(self.folder):
            make_folder(self.folder)
        for number in range(limit):
            path = self.path(number)
            with said(path):
                fd = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
                if _try_lock(fd):
                    return FileSlot(path, number, fd)
                os.close(fd)
        return None

    def adopt(self, fileno: int, number: int, supervisor_fileno: int | None = None) -> FileSlot:
        """Go on with a slot whose descriptors were inherited from whoever started us."""
        os.set_inheritable(fileno, False)
        if supervisor_fileno is not None:
            os.set_inheritable(supervisor_fileno, False)
        return FileSlot(self.path(number), number, fileno, supervisor_fileno)

    def states(self) -> list[SlotState]:
        """All slots that were ever used, looked at without taking them."""
        names = sorted((name for name in names_in(self.folder) if name.isdigit()), key=int)
        return [self._state(name) for name in names]

    def _state(self, name: str) -> SlotState:
        path = os.path.join(self.folder, name)
        supervised, facts = _look(path + ".sup")
        return SlotState(number=int(name), held=_look(path)[0], supervised=supervised, facts=facts)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except (BlockingIOError, PermissionError):
        return False
    return True


def _look(path: str) -> tuple[bool, dict[str, Any]]:
    """Tell whether somebody holds the lock on this file, and what the file says."""
    try:
        fd = os.open(path, os.O_RDONLY)  # a look must work on a read-only home, too
    except FileNotFoundError:
        return False, {}
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK, _facts(fd)
    finally:
        os.close(fd)


def _facts(fd: int) -> dict[str, Any]:
    """Return what the supervisor wrote last. A look may fall into the middle of a beat: a sum tells, and we look again.

    Half a beat must never be taken for a beat: by what it says, the sweep judges whether the supervisor is alive.
    """
    for _ in range(_LOOKS):
        told, _, text = os.pread(fd, os.fstat(fd).st_size, 0).partition(b" ")
        text = text.rstrip()
        if text and told == b"%08x" % crc32(text):
            facts: dict[str, Any] = msgspec.json.decode(text)
            return facts
        if not told:
            break
    return {}
