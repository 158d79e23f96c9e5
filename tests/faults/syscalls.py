"""The system calls by which a program changes files, recorded with strace."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TRACED = (
    "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,rename,renameat,renameat2,unlink,"
    "unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,fsync,fdatasync,sendfile,copy_file_range,fallocate"
)
STRACE = ("strace", "-qq", "-y", "-xx", "-s", "10000000", "-e", f"trace={TRACED}", "-o")
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)(?:<(.*)>)?(?: .*)?")
_WORD = re.compile(r'"((?:\\x[0-9a-f]{2})*)"|(AT_FDCWD|-?\d+)<([^>]*)>|([A-Z_0-9|]+)')


class SystemCall(NamedTuple):
    """A call that succeeded. ``words``: strings, numbers and flags as text, descriptors as (number, path)."""

    name: str
    words: list[Any]
    result: int
    opened: str


def record(*command: str, log: Path, **options: Any) -> Iterator[SystemCall]:
    """Run a program to its end; return its calls. Skips the test, aloud, where there is no strace."""
    if shutil.which(STRACE[0]) is None:
        warnings.warn("what power loss leaves was not tried: there is no strace", stacklevel=2)
        pytest.skip("there is no strace")
    subprocess.run([*STRACE, str(log), *command], check=True, **options)
    for line in log.read_text().splitlines():
        match = _CALL.fullmatch(line)
        if match is not None and int(match[3]) >= 0:
            yield SystemCall(match[1], list(_words(match[2])), int(match[3]), _text(match[4] or ""))


def _words(text: str) -> Iterator[Any]:
    for string, fd, path, other in _WORD.findall(text):
        if fd and path:
            if fd != "AT_FDCWD":
                yield int(fd), _text(path)
        elif other:
            yield other
        else:
            yield _text(string)


def _text(escaped: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), escaped)
