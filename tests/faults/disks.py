"""A disk of our own that can lose its power: ext4 in a file, without the kindness of ``auto_da_alloc``.

With that kindness ext4 writes a file out before it is renamed over another, which hides a missing fsync.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = 48 << 20
PATIENCE_SECONDS = 60.0
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
WITHOUT_FLUSHING_THE_LOG = 2
_LIBC = ctypes.CDLL(None, use_errno=True)


class Disk:
    """A file system below ``folder``, mounted at ``root``."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "disk"
        self._image = folder / "image"
        self._device = ""
        self._is_mounted = False

    def make(self) -> None:
        """Make it, or skip the test, aloud, where that is not allowed."""
        for program in ("mkfs.ext4", "losetup", "mount", "umount"):
            if shutil.which(program) is None:
                self._skip(f"there is no {program}")
        with self._image.open("wb") as file:
            file.truncate(SIZE)
        self.root.mkdir()
        try:
            _run("mkfs.ext4", "-q", "-F", str(self._image))
            self._device = _run("losetup", "-f", "--show", str(self._image)).strip()
            self.mount()
        except subprocess.CalledProcessError as error:
            self.end()
            self._skip(f"loop mounts are not allowed here: {error.stderr.strip()}")

    def mount(self) -> None:
        """Mount it as a disk that defers everything nobody asked for."""
        _run("mount", "-o", "noauto_da_alloc", self._device, str(self.root))
        self._is_mounted = True

    def lose_power(self) -> None:
        """From now on nothing reaches the disk any more; what the journal had not got yet is gone."""
        fd = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(fd)

    def restart(self) -> None:
        """Mount it again; the journal brings it into order.

        A process elsewhere that has just been given mounts of its own has a copy of this one, and as long as it lives
        we would only get the dead file system back: then we wait for its end.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            self._unmount()
            self.mount()
            if self._is_alive():
                return
            assert time.monotonic() < end, "somebody holds on to the file system that lost its power"
            time.sleep(0.1)

    def _is_alive(self) -> bool:
        sign = self.root / "alive"
        try:
            sign.write_text("")
            sign.unlink()
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
        return True

    def settle(self) -> None:
        """Write everything out, so that what comes next is all there is to lose."""
        fd = os.open(self.root, os.O_RDONLY)
        try:
            if _LIBC.syncfs(fd) != 0:
                raise OSError(ctypes.get_errno(), "syncfs")
        finally:
            os.close(fd)

    def end(self) -> None:
        """Leave no mount and no loop device behind."""
        if self._is_mounted:
            self._unmount()
        if self._device:
            _run("losetup", "-d", self._device)

    def _unmount(self) -> None:
        _run("umount", str(self.root))
        self._is_mounted = False

    def _skip(self, reason: str) -> None:
        warnings.warn(f"power loss was not tried: {reason}", stacklevel=3)  # a skip alone is hardly seen
        pytest.skip(reason)


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in which syncing costs nothing, if there is one: for what is not about the disk."""
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if os.access(shm, os.W_OK) else None) as folder:
        yield Path(folder)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
