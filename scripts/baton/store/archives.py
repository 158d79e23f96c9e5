"""One file that holds many: a compressed tar whose last member says what must be in it, so that half of it is none.

Only files, folders and links are in it, by names below one root.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
from contextlib import suppress
from types import TracebackType
from typing import IO

import msgspec

from baton.domain.errors import AlreadyExists
from baton.store.files import PRIVATE_FILE, discard, names_in, said, sync_folder

FORMAT = 1
HEAD, END = "baton-backup.json", "baton-backup-end.json"
COMPRESSION = 6
CHUNK = 1 << 20


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself at its beginning. ``schema`` is the newest that its records can have."""

    format: int
    schema: int
    made_at: str
    home: str
    with_secrets: bool


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What it says at its end: how many members there are before it, and the hash of all of them."""

    count: int
    sha256: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: a file of ``size`` bytes, a folder, or a link to ``target``."""

    name: str
    kind: str
    mode: int
    modified_at: int
    size: int = 0
    target: str = ""

    @property
    def line(self) -> bytes:
        """What of it goes into the hash."""
        words = (self.name, self.kind, f"{self.mode:o}", str(self.size), self.target)
        return "\0".join(words).encode("utf-8", "surrogateescape") + b"\n"


class ArchiveWriter:
    """Writes an archive beside its place, and puts it there when it is whole; an error leaves nothing."""

    def __init__(self, path: str, head: Head) -> None:
        self._path = path
        self.part = f"{path}.part-{os.getpid()}"
        self._hash = hashlib.sha256()
        self.count = 0
        with said(path):
            if os.path.lexists(path):
                raise AlreadyExists(f"{path} is there already", cure="choose another name")
            drop_abandoned(f"{path}.part-")
            fd = os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            self._file = os.fdopen(fd, "wb")
            self._gzip = gzip.GzipFile(filename="", fileobj=self._file, mode="wb", compresslevel=COMPRESSION, mtime=0)
            self._tar = tarfile.open(fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
            self.add_bytes(HEAD, msgspec.json.encode(head))
        except BaseException:
            discard(self.part)
            raise

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            with suppress(OSError):  # what could not be written cannot be now either, and has been said
                self._file.close()
            discard(self.part)

    def add_bytes(self, name: str, data: bytes, mode: int = PRIVATE_FILE, modified_at: int = 0) -> None:
        """Add a file with this content."""
        self._add(Member(name=name, kind="file", mode=mode, modified_at=modified_at, size=len(data)), io.BytesIO(data))

    def add_folder(self, name: str, mode: int) -> None:
        """Add a folder."""
        self._add(Member(name=name, kind="folder", mode=mode, modified_at=0))

    def add_link(self, name: str, target: str) -> None:
        """Add a link."""
        self._add(Member(name=name, kind="link", mode=0o777, modified_at=0, target=target))

    def add_open_file(self, name: str, fd: int) -> bool:
        """Add a file that may be written to meanwhile: so much of it as it has now; tell whether it was still there.

        What is missing of a file that got shorter is filled with zeros: nobody can know what stood there.
        """
        found = os.fstat(fd)
        told = Member(
            name=name, kind="file", mode=found.st_mode & 0o777, modified_at=int(found.st_mtime), size=found.st_size
        )
        reader = _Filled(fd, found.st_size)
        self._add(told, reader)
        return not reader.is_short

    def _add(self, member: Member, content: IO[bytes] | _Filled | None = None) -> None:
        info = tarfile.TarInfo(member.name)
        info.mode, info.mtime, info.size = member.mode, member.modified_at, member.size
        info.type = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}[member.kind]
        info.linkname = member.target
        self._hash.update(member.line)
        self.count += 1
        with said(self._path):
            self._tar.addfile(info, _Hashed(content, self._hash) if content is not None else None)  # type: ignore[arg-type]

    def _finish(self) -> None:
        with said(self._path):
            end = msgspec.json.encode(End(count=self.count, sha256=self._hash.hexdigest()))
            info = tarfile.TarInfo(END)
            info.mode, info.size = PRIVATE_FILE, len(end)
            self._tar.addfile(info, io.BytesIO(end))
            self._tar.close()
            self._gzip.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            try:
                os.link(self.part, self._path)  # unlike a rename it fails when somebody else was quicker
            except FileExistsError:
                raise AlreadyExists(f"{self._path} is there already", cure="choose another name") from None
            sync_folder(os.path.dirname(self._path))


class _Filled:
    """Reads so many bytes of a file, and zeros where it has become shorter."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd, self._left, self._place = fd, size, 0
        self.is_short = False

    def read(self, count: int) -> bytes:
        count = min(count, self._left)
        data = os.pread(self._fd, count, self._place)
        if len(data) < count:
            self.is_short = True
            data = data or b"\0" * count
        self._left -= len(data)
        self._place += len(data)
        return data


class _Hashed:
    """Reads a file whole pieces at a time, and tells a hash of them."""

    def __init__(self, source: IO[bytes] | _Filled, digest: hashlib._Hash) -> None:
        self._source, self._digest = source, digest

    def read(self, count: int) -> bytes:
        parts = []
        while count > 0 and (part := self._source.read(count)):
            parts.append(part)
            count -= len(part)
        data = b"".join(parts)
        self._digest.update(data)
        return data


def drop_abandoned(prefix: str) -> None:
    """Remove what killed processes left under such names, each with its pid behind it."""
    folder, start = os.path.split(prefix)
    for name in names_in(folder):
        pid = name.removeprefix(start)
        if name.startswith(start) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            path = os.path.join(folder, name)
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else discard(path)
