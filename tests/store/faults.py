"""A hook between the store and the operating system: it sees every call that changes a file, and can end the process there.

``die_at`` ends the "process" at one call: nothing it does afterwards reaches the disk, as if it had been killed, but
for its locks, which the kernel would free too. ``fail`` lets one call fail. ``fired`` tells how often a fault did.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHANGING = ("open", "write", "pwrite", "fsync", "fdatasync", "rename", "ftruncate", "unlink", "mkdir", "rmdir")
SHORT = -1  # in the place of an error number: the disk takes half of what is written, and says so only by the count
_CREATES = os.O_CREAT | os.O_TRUNC
_STAGES = (
    (r"locks/log\.lock", "log lock"),
    (r"locks/[0-9a-f]{2}\.(task|campaign|project)", "mark"),
    (r"locks/boot", "boot"),
    (r"locks/[0-9a-f]{2}", "lock"),
    (r"tmp/.*", "temporary"),
    (r"(tasks|campaigns|projects)/.*", "record"),
    (r"(tasks|campaigns|projects)", "folder"),
    (r"archive/(tasks|campaigns)/.*", "archived"),
    (r"archive/(tasks|campaigns)", "archive folder"),
    (r"events/.*", "log"),
    (r"events", "log folder"),
    (r"ready/.*", "index"),
    (r"waits/[^/]+/.*", "wait"),
    (r"waits/[^/]+", "wait folder"),
    (r"waits", "waits folder"),
)

Call = tuple[str, str]  # the function, and the stage of a commit that the file belongs to


class Died(BaseException):
    """The process ended here. Not an ``Exception``: nothing may catch it."""


class Faults:
    """See the module. ``calls`` are those seen since :meth:`watch`, in order; ``before`` is told of each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Call] = []
        self.fired = 0
        self.before: Callable[[Call], None] = ignore
        self._root: Path | None = None
        self._dead = False
        self._death: tuple[int, bool] | None = None
        self._failure: tuple[Call, int] | None = None
        self._spared = 0
        for name in (*CHANGING, "read"):
            monkeypatch.setattr(os, name, self._hooked(name, getattr(os, name)))

    def watch(self, root: Path) -> None:
        """See, from now on, the calls that change something below this home's ``state``."""
        self.rest()
        self._root = root / "state"
        self.calls, self.fired = [], 0

    def rest(self) -> None:
        """See and do nothing any more: the next process begins."""
        self._root, self._dead, self._death, self._failure, self.before = None, False, None, None, ignore

    def die_at(self, number: int, *, halfway: bool = False) -> None:
        """End the process at the call of this number, before it is done, or when half of it is written."""
        self._death = (number, halfway)

    def fail(self, function: str, stage: str, error: int, *, after: int = 0) -> None:
        """Let one call of this function at this stage fail, when ``after`` others of them have passed."""
        self._failure = ((function, stage), error)
        self._spared = after

    def _hooked(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            stage = self._stage(name, args) if self._root is not None else None
            if stage is None:
                return real(*args, **named)
            if self._dead:
                raise Died
            half = (args[0], args[1][: len(args[1]) // 2], *args[2:]) if name in ("write", "pwrite") else None
            error = self._error((name, stage))
            if error == SHORT and half is not None:
                return real(*half)
            if error is not None:
                raise OSError(error, os.strerror(error))
            if name != "read":
                self.before((name, stage))
                self.calls.append((name, stage))
                if self._death is not None and len(self.calls) - 1 == self._death[0]:
                    self.fired += 1
                    self._dead = True
                    if self._death[1] and half is not None:
                        real(*half)
                    raise Died
            return real(*args, **named)

        return call

    def _error(self, call: Call) -> int | None:
        if self._failure is None or call != self._failure[0]:
            return None
        if self._spared > 0:
            self._spared -= 1
            return None
        error = self._failure[1]
        self._failure = None
        self.fired += 1
        return error

    def _stage(self, name: str, args: tuple[Any, ...]) -> str | None:
        if name == "open" and not args[1] & _CREATES:
            return None
        target = args[1] if name == "rename" else args[0]
        try:
            path = os.readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else os.fspath(target)
        except OSError:
            return None
        below = os.path.relpath(path, self._root)
        return next((stage for pattern, stage in _STAGES if re.fullmatch(pattern, below)), None)


def ignore(call: Call) -> None:
    """What is done before a call when nothing is to be done."""
