"""Reading an archive of which nothing is trusted: what is damaged, cut short, no backup or a newer one is refused."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import msgspec

from baton.domain.errors import InvalidInput, StateNewer
from baton.store.archives import CHUNK, END, FORMAT, HEAD, End, Head, Member
from baton.store.files import said

_DAMAGE = (
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    tarfile.TarError,
    msgspec.DecodeError,
    UnicodeDecodeError,
    ValueError,
)


def read_archive(path: str, newest_schema: int) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Yield the members of an archive with what is in them; at its end everything has been seen to be whole.

    Raises ``InvalidInput`` for what is damaged, cut short or no backup, ``StateNewer`` for one of a newer Baton. What was
    yielded before counts for nothing then. The content of a member must be read before the next one.
    """
    with said(path), open(path, "rb") as file, _damage_said(path):
        yield from _members(file, path, newest_schema)


@contextmanager
def _damage_said(path: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise InvalidInput(f"{path} is damaged, or not whole: {reason}", cure="use another backup") from None


def _members(file: IO[bytes], path: str, newest_schema: int) -> Iterator[tuple[Member, Iterator[bytes]]]:
    digest, count, end = hashlib.sha256(), 0, None
    with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
        with tarfile.open(fileobj=unpacked, mode="r|", errorlevel=2) as tar:
            for info in tar:
                if end is not None:
                    raise ValueError("something stands behind its end")
                content = tar.extractfile(info) if info.isreg() else None
                if info.name == END:
                    end = msgspec.json.decode(content.read(CHUNK) if content else b"", type=End)
                    continue
                member = _member(info)
                digest.update(member.line)
                count += 1
                if count == 1:
                    data = content.read(CHUNK) if content else b""
                    digest.update(data)
                    _check_head(member, data, path, newest_schema)
                    continue
                pieces = _pieces(content, digest, member.size, path)
                yield member, pieces
                for _ in pieces:
                    pass  # of which the reader wanted nothing: the hash wants it
        while unpacked.read(CHUNK):
            pass  # to its last byte: only there stands the sum that proves the rest
    if end is None:
        raise ValueError("its end is missing")
    if (end.count, end.sha256) != (count, digest.hexdigest()):
        raise ValueError("it does not hold what it says at its end")


def read_head(path: str, newest_schema: int) -> Head:
    """Return what a backup says of itself."""
    with said(path), open(path, "rb") as file:
        try:
            with gzip.GzipFile(fileobj=file, mode="rb") as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
                info = tar.next()
                content = tar.extractfile(info) if info is not None and info.isreg() else None
                data = content.read(CHUNK) if content else b""
                return _check_head(_member(info) if info is not None else None, data, path, newest_schema)
        except _DAMAGE:
            raise InvalidInput(f"{path} is no backup of Baton, or a damaged one", cure="use another one") from None


def _check_head(member: Member | None, data: bytes, path: str, newest_schema: int) -> Head:
    if member is None or member.name != HEAD:
        raise ValueError("it is no backup of Baton")
    head = msgspec.json.decode(data, type=Head)
    if head.format > FORMAT or head.schema > newest_schema:
        raise StateNewer(f"{path} was made by a newer Baton", cure="update this checkout")
    return head


def _member(info: tarfile.TarInfo) -> Member:
    kinds = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link"}
    if info.type not in kinds:
        raise ValueError(f"{info.name!r} is neither file nor folder nor link")
    kind = kinds[info.type]
    return Member(
        name=info.name,
        kind=kind,
        mode=info.mode & 0o777,
        modified_at=int(info.mtime),
        size=info.size if kind == "file" else 0,
        target=info.linkname if kind == "link" else "",
    )


def _pieces(content: IO[bytes] | None, digest: hashlib._Hash, size: int, path: str) -> Iterator[bytes]:
    # Damage is met where it is read, which is in the hands of whoever asked for the pieces.
    while content is not None:
        with _damage_said(path):
            piece = content.read(CHUNK)
        if not piece:
            break
        digest.update(piece)
        size -= len(piece)
        yield piece
    if size:
        raise InvalidInput(f"{path} is damaged, or not whole: a file in it is cut", cure="use another backup")
