"""What git keeps on disk about the worktrees of a repository, read from its files: no process is started for it."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from baton.domain.errors import StorageError

HALF_MADE = "initializing"
"""What git writes where a person would say why a worktree is locked, for as long as it makes one."""


def is_whole(place: str) -> bool:
    """Tell whether git has finished making this worktree, and still knows it."""
    text = _read(os.path.join(place, ".git"))
    if text is None or not text.startswith("gitdir: "):
        return False
    admin = os.path.join(place, text.removeprefix("gitdir: "))
    return _leads_to(admin, place) and lock_of(admin) != HALF_MADE


def admin_of(common: str, place: str) -> str | None:
    """Return the folder in which git keeps what it knows of the worktree in this place."""
    folder = os.path.join(common, "worktrees")
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(folder)):
            if _leads_to(os.path.join(folder, name), place):
                return os.path.join(folder, name)
    return None


def common_of(place: str) -> str | None:
    """Return the folder that all worktrees of a repository share; ``None`` when this is none of them."""
    text = _read(os.path.join(place, ".git"))
    if text is None or not text.startswith("gitdir: "):
        return None
    admin = os.path.join(place, text.removeprefix("gitdir: "))
    common = _read(os.path.join(admin, "commondir"))
    return os.path.realpath(os.path.join(admin, common)) if common is not None else None


def _leads_to(admin: str, place: str) -> bool:
    text = _read(os.path.join(admin, "gitdir"))
    return text is not None and os.path.realpath(os.path.join(admin, text)) == os.path.join(place, ".git")


def lock_of(admin: str) -> str | None:
    """Return why a worktree is locked: by git while it makes it, or by a person."""
    return _read(os.path.join(admin, "locked"))


def busy_by(admin: str) -> str | None:
    """Return what keeps a worktree from being judged, in words; ``None`` for nothing."""
    if os.path.lexists(os.path.join(admin, "index.lock")):
        return f"git is at work there, or was killed: {admin}/index.lock"
    lock = lock_of(admin)
    return None if lock in (None, HALF_MADE) else f"somebody has locked it: {lock or 'without a reason'}"


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().rstrip("\n")
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
            return None
        raise StorageError(f"{path} cannot be read: {error.strerror}") from None
