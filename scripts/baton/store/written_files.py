"""Files that people write, changed by a script: one script at a time, each file whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from baton.domain.errors import AlreadyExists, StorageError
from baton.store.files import discard, make_folder, read_bytes, said, sync_folder, write_all
from baton.store.locks import Locks

LOCK = "written.lock"


@contextmanager
def alone(locks: Locks) -> Iterator[None]:
    """Hold the lock under which scripts read, change and write again what people wrote; ``Busy`` when it is not free."""
    with locks.hold(LOCK):
        yield


def put_new(path: str, data: bytes) -> None:
    """Write a file that must not be there yet; it survives power loss when this returns. ``AlreadyExists`` if it is."""
    with said(path):
        make_folder(os.path.dirname(path), durable=True)
        temporary = _written_beside(path, data, None)
        try:
            os.link(temporary, path)  # unlike a rename it fails when somebody else was quicker
        except FileExistsError:
            raise AlreadyExists(f"{path} is there already") from None
        finally:
            os.unlink(temporary)
        sync_folder(os.path.dirname(path))


def put_in_place(path: str, before: bytes, data: bytes) -> None:
    """Put ``data`` in the place of a file that held ``before``: it keeps its mode, and a link to it stays a link.

    Raises ``StorageError`` when somebody has changed it meanwhile: an editor takes no lock of ours.
    """
    path = os.path.realpath(path)
    with said(path):
        temporary = _written_beside(path, data, stat.S_IMODE(os.stat(path).st_mode))
        try:
            is_the_same = read_bytes(path) == before
            if is_the_same:
                os.rename(temporary, path)
        finally:
            discard(temporary)
        sync_folder(os.path.dirname(path))
    if not is_the_same:
        raise StorageError(f"{path} was changed by somebody else meanwhile", cure="look at it, and run it again")


def take_away(path: str) -> None:
    """Remove a file, for good."""
    with said(path):
        os.unlink(path)
        sync_folder(os.path.dirname(path))


def _written_beside(path: str, data: bytes, mode: int | None) -> str:
    temporary = f"{path}.new-{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if mode is None else 0o600)
    try:
        write_all(fd, data)
        if mode is not None:
            os.fchmod(fd, mode)
        os.fsync(fd)
    except BaseException:
        discard(temporary)
        raise
    finally:
        os.close(fd)
    return temporary
