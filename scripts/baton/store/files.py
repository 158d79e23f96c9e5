"""Files written whole or not at all, and operating-system errors said in our words."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from baton.domain.errors import DiskFull, PermissionRefused, StorageError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


@contextmanager
def said(path: str) -> Iterator[None]:
    """Turn an ``OSError`` about ``path`` into the matching error of ours, with its cure."""
    try:
        yield
    except OSError as error:
        raise translated(error, path) from None


def translated(error: OSError, path: str) -> StorageError:
    """Return our error for an operating-system error."""
    where = error.filename if isinstance(error.filename, str) else path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"the disk is full: {where} could not be written", cure="free some room and run it again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PermissionRefused(f"{where}: {error.strerror}", cure="check the owner and the mode of the home")
    return StorageError(f"{where}: {error.strerror}")


def make_folder(path: str, *, durable: bool = False) -> None:
    """Make a private folder, with its parents, private too. Others may remove any of them as empty meanwhile.

    With ``durable`` their names have reached the disk when this returns: what is kept in a folder is lost with its name.
    """
    while True:
        try:
            os.mkdir(path, PRIVATE_FOLDER)
            if durable:
                sync_folder(os.path.dirname(path))
            return
        except FileExistsError:
            if os.path.isdir(path):
                return
            with suppress(FileNotFoundError):  # gone again by now, or a link that leads nowhere
                if not stat.S_ISDIR(os.lstat(path).st_mode):
                    raise
        except FileNotFoundError:
            make_folder(os.path.dirname(path), durable=durable)


def make_folders(paths: Iterable[str]) -> None:
    """Make private folders durably: the folders that they stand in are synced once, when all are made."""
    made = list(paths)
    for path in made:
        make_folder(path)
    for parent in dict.fromkeys(os.path.dirname(path) for path in made):
        sync_folder(parent)


def names_in(folder: str) -> list[str]:
    """Return the names in a folder; none when it is not there (any more, or yet)."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_bytes(path: str) -> bytes | None:
    """Return the whole file, or ``None`` when there is none."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        parts = []
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def read_private(path: str, limit: int, *, cure: str = "") -> bytes | None:
    """Return a secret file of at most ``limit`` bytes, or ``None`` when there is none.

    Raise ``PermissionRefused`` for one that others could read or have made, with ``cure`` behind the command that mends
    it. Looked at is what was opened, not what bears the name a moment later; a pipe keeps nobody waiting.
    """
    with said(path):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise PermissionRefused(f"{path} is no file", cure="move it away")
            if found.st_uid != os.geteuid():
                raise PermissionRefused(
                    f"{path} belongs to another user (uid {found.st_uid}), who may know what is in it",
                    cure="work as the user it belongs to, or move it away and set anew what was in it",
                )
            if found.st_mode & 0o077:
                from shlex import quote  # start-up: only to refuse

                mode = f"{stat.S_IMODE(found.st_mode):04o}"
                raise PermissionRefused(
                    f"{path} may be read or written by others (mode {mode})", cure=f"chmod 600 {quote(path)}{cure}"
                )
            return file.read(limit)


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``; a short count means a full disk (the kernel raises nothing then)."""
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sync_folder(path: str) -> None:
    """Make the names in this folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path: str, data: bytes, temporary: str, *, durable: bool = True) -> None:
    """Put ``data`` in the place of ``path``: readers see the old file or the new one, never less.

    ``temporary`` is a name on the same file system that nobody else uses. With ``durable`` file and name have reached
    the disk when this returns. An error of fsync is never retried: the kernel has dropped the pages by then.
    """
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        try:
            write_all(fd, data)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException:
        discard(temporary)
        raise
    if durable:
        sync_folder(os.path.dirname(path))


def discard(path: str) -> None:
    """Remove a file if it is there and can be removed."""
    try:
        os.unlink(path)
    except OSError:
        return
