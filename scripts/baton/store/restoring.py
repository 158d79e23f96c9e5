"""A home from a backup: unpacked beside its place, looked at, and put there when all of it is good; or nothing.

A run that the backup speaks of lives elsewhere, if at all. Its lease says so from now on: else a sweep here could take
the other home's agents for its own, and end them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from baton.domain.errors import AlreadyExists, BatonError, InvalidInput, StateNewer
from baton.domain.records import SCHEMA, Holder
from baton.store.archive_reader import read_archive
from baton.store.archives import Member, drop_abandoned
from baton.store.backups import LOGS, NEVER, SECRETS, STATE, WRITTEN
from baton.store.files import PRIVATE_FOLDER, make_folder, said, sync_folder

# No machine has a boot of this name: what began in it is over.
ELSEWHERE = "before-the-restore"
PLACES = frozenset({*WRITTEN, LOGS, SECRETS, STATE})


def restore(archive: str, root: str, me: Holder, seen: Callable[[int], None]) -> int:
    """Make a home at ``root`` from an archive, stopped; return how many files it has. What fails leaves nothing."""
    with said(root):
        if os.path.lexists(root) and not (os.path.isdir(root) and not os.listdir(root)):
            raise AlreadyExists(
                f"{root} is there already, and is not empty", cure="name a folder that is not there yet"
            )
        if not os.path.isdir(os.path.dirname(root)):
            raise InvalidInput(f"there is no folder {os.path.dirname(root)}", cure="make it first")
        drop_abandoned(f"{root}.restoring-")
        staging = f"{root}.restoring-{os.getpid()}"
        os.mkdir(staging, PRIVATE_FOLDER)
        try:
            count = _unpack(archive, staging, me, seen)
            make_folder(os.path.join(staging, STATE))
            # Two homes with the same tasks must not both work on them unasked.
            os.close(os.open(os.path.join(staging, STATE, "stop"), os.O_WRONLY | os.O_CREAT, 0o600))
            os.sync()
            os.rename(staging, root)
            sync_folder(os.path.dirname(root))
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    return count


def check(archive: str, seen: Callable[[int], None]) -> int:
    """Read a whole archive, and refuse what :func:`restore` would refuse of it; return how many files it has."""
    gate = Gate()
    count = 0
    for member, pieces in read_archive(archive, SCHEMA):
        gate.check(member)
        if gate.is_record(member):
            _settled(b"".join(pieces), member.name, None)
        if member.kind != "folder":
            count += 1
            seen(count)
    gate.check_links()
    return count


class Gate:
    """Lets in only what a backup can hold: names below the root, each once, and nothing through a link."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._targets: dict[str, str] = {}

    def check(self, member: Member) -> None:
        """Refuse a member that leads out, hides something, or is of a kind that no backup holds."""
        parts = member.name.split("/")
        if "" in parts or "." in parts or ".." in parts or "\0" in member.name or parts[0] not in PLACES:
            raise _refusal(member.name, "leads out of the home")
        if parts[0] == STATE and ((len(parts) > 1 and parts[1] in NEVER) or member.kind == "link"):
            raise _refusal(member.name, "is nothing that a backup holds")
        if member.name in self._kinds:
            raise _refusal(member.name, "is there twice")
        self._kinds[member.name] = member.kind
        if member.kind == "link":
            base = os.path.dirname(member.name)
            if (
                os.path.isabs(member.target)
                or os.path.normpath(os.path.join(base, member.target)).split("/")[0] not in PLACES
            ):
                raise _refusal(member.name, "is a link that leads out of the home")
            self._targets[member.name] = member.target

    def check_links(self) -> None:
        """Refuse what lies below a link: it would be written where the link leads."""
        for name in self._kinds:
            parts = name.split("/")
            for end in range(1, len(parts)):
                if self._kinds.get("/".join(parts[:end]), "folder") != "folder":
                    raise _refusal(name, "lies below what is no folder")

    @property
    def links(self) -> Iterator[tuple[str, str]]:
        """The links, and what they lead to."""
        yield from self._targets.items()

    def is_record(self, member: Member) -> bool:
        """Tell whether this is the file of a record: in a folder of its kind, live or archived."""
        parts = member.name.split("/")
        depth = 4 if parts[1:2] == ["archive"] else 3
        return member.kind == "file" and parts[0] == STATE and len(parts) == depth and parts[-1].endswith(".json")


def _unpack(archive: str, root: str, me: Holder, seen: Callable[[int], None]) -> int:
    gate = Gate()
    modes: list[tuple[str, int]] = []
    count = 0
    for member, pieces in read_archive(archive, SCHEMA):
        gate.check(member)
        path = os.path.join(root, member.name)
        if member.kind == "folder":
            make_folder(path)
            modes.append((path, _allowed(member)))
            continue
        count += 1
        seen(count)
        if member.kind == "link":
            continue
        make_folder(os.path.dirname(path))
        content = (_settled(b"".join(pieces), member.name, me),) if gate.is_record(member) else pieces
        _write(path, member, content)
    gate.check_links()
    for name, target in gate.links:
        make_folder(os.path.dirname(os.path.join(root, name)))
        os.symlink(target, os.path.join(root, name))
    for path, mode in reversed(modes):
        os.chmod(path, mode | 0o700)
    return count


def _allowed(member: Member) -> int:
    """Return the mode of a file or folder; what is private in a home is private in whatever a backup says."""
    is_private = member.name.split("/")[0] in (STATE, LOGS, SECRETS)
    return member.mode & (0o700 if is_private else 0o755)


def _write(path: str, member: Member, pieces: Any) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fchmod(fd, _allowed(member))
        os.utime(fd, (member.modified_at, member.modified_at))


def _settled(data: bytes, name: str, me: Holder | None) -> bytes:
    """Return a record as it is to stand in the restored home; one that is damaged is set aside there, as it is."""
    try:
        record = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data
    if not isinstance(record, dict):
        return data
    schema = record.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise StateNewer(f"{name} was written by a newer Baton (schema {schema})", cure="update this checkout")
    if me is None or not _elsewhere(record, me):
        return data
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def _elsewhere(value: Any, me: Holder) -> int:
    """Say of every holder in a record that it is of this machine, and a run's of a boot that is over; return how many.

    A hand lease goes on: it ages by the time since boot.
    """
    if isinstance(value, list):
        return sum(_elsewhere(one, me) for one in value)
    if not isinstance(value, dict):
        return 0
    count = sum(_elsewhere(one, me) for one in value.values())
    holder = value.get("holder")
    if isinstance(holder, dict) and "machine" in holder:
        holder["machine"] = me.machine
        if holder.get("slot") is not None or holder.get("instance") is not None:
            holder["boot"] = ELSEWHERE
        count += 1
    return count


def _refusal(name: str, why: str) -> BatonError:
    return InvalidInput(f"{name!r} in it {why}", cure="use a backup that backup.py made")
