"""Checks of the place: the home, who may read and write it, its file system, its room, and locks in it."""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from collections.abc import Iterator
from itertools import islice

from baton.cli.checks import Finding, Patient, error, listed, note, passed, warning
from baton.cli.checks.locking import try_locks
from baton.domain.errors import BatonError, DiskFull
from baton.store.layout import STATE_FOLDERS

LOOKED_AT = 20_000
GIGABYTE = 1 << 30
LOW_BYTES, LOW_SHARE, NO_BYTES = GIGABYTE, 0.05, 64 << 20
NO_INODES = 1_000
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "coda", "glusterfs", "lustre", "ncpfs", "ocfs2",
     "gfs2", "beegfs", "davfs", "sshfs", "s3fs", "rclone", "gcsfuse", "goofys", "curlftpfs", "juicefs", "ceph-fuse",
     "vmhgfs-fuse", "prl_fs", "vboxsf"}
)  # fmt: skip
MOVE = "move the home to a local disk (ext4, xfs, btrfs)"


def home(patient: Patient) -> Iterator[Finding]:
    """The home is there."""
    if patient.home.is_home():
        yield passed(patient.home.root)
    else:
        yield error(f"there is no home at {patient.home.root}", f"make one with: init_home.py {patient.home.root}")


def private(patient: Patient) -> Iterator[Finding]:
    """Nobody else can read state, logs and secrets."""
    root = patient.home.root
    open_to_others: list[str] = []
    foreign: list[str] = []
    for path in _own_files(patient):
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            continue
        # The stop file is made by hand, with whatever mode, and says nothing.
        if stat.S_ISLNK(found.st_mode) or path == patient.home.stop_file:
            continue
        name = os.path.relpath(path, root)
        if found.st_mode & 0o077:
            open_to_others.append(f"{name} ({stat.S_IMODE(found.st_mode):04o})")
        if found.st_uid != os.geteuid():
            foreign.append(name)
    if open_to_others:
        files = [file for file in (".env", "config/keys.json") if os.path.exists(os.path.join(root, file))]
        cure = f"cd {shlex.quote(root)} && chmod -R go= {' '.join(['state', 'logs', *files])}"
        yield warning(f"others may read or write {listed(sorted(open_to_others))}", cure)
    if foreign:
        yield warning(
            f"{listed(sorted(foreign))} belong to another user: what one of you makes the other may not change",
            f"use this home as one user only, and once: chown -R USER {shlex.quote(root)}",
        )


def writable(patient: Patient) -> Iterator[Finding]:
    """Everything below state/ can be written."""
    state = patient.home.state if os.path.isdir(patient.home.state) else patient.home.root
    folders = [path for name in STATE_FOLDERS if os.path.isdir(path := patient.home.in_state(name))]
    for path in (state, *folders, patient.home.logs):
        if not os.path.isdir(path) or os.access(path, os.W_OK | os.X_OK):
            continue
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            yield error(f"{path} is on a read-only file system", "mount it writable, or move the home")
            return
        where = shlex.quote(path)
        yield error(f"{path} cannot be written", f"check its owner and mode: chown USER {where}; chmod 700 {where}")


def file_system(patient: Patient) -> Iterator[Finding]:
    """The home is on a local disk: locks mean something else on a network."""
    where = os.path.realpath(patient.home.state if os.path.isdir(patient.home.state) else patient.home.root)
    mount, kind = mount_of(where, patient.read("self", "mountinfo"))
    name = kind.removeprefix("fuse.")
    if name in NETWORK:
        yield error(f"{where} is on {kind} (mounted at {mount}), where locks cannot be relied on", MOVE)
    elif kind.startswith("fuse.") or kind in ("fuse", "virtiofs"):
        yield warning(f"{where} is on {kind} (mounted at {mount}): nothing tells whether locks hold there", MOVE)
    else:
        yield passed(f"{kind}, mounted at {mount}")


def mount_of(path: str, mountinfo: str) -> tuple[str, str]:
    """Return mount point and type of the file system that holds ``path``; the last mount on a place hides the others."""
    best = ("/", "unknown")
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, right.split(" ")[0])
    return best


def locks(patient: Patient) -> Iterator[Finding]:
    """Locks, renames and syncs work where the state is."""
    folder = next(
        (path for path in (patient.home.in_state("tmp"), patient.home.state, patient.home.root) if os.path.isdir(path)),
        patient.home.root,
    )
    if not os.access(folder, os.W_OK | os.X_OK):
        yield note(f"locks were not tried: {folder} cannot be written")
        return
    try:
        problems = try_locks(folder, patient.machine.lock_rival)
    except (OSError, BatonError, NotImplementedError) as problem:
        if isinstance(problem, DiskFull) or getattr(problem, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            yield note(f"locks were not tried: {folder} has no room for a file")
            return
        problems = [str(problem) or type(problem).__name__]
    for text in problems:
        yield error(f"locks do not work in {folder}: {text}", MOVE)


def disk(patient: Patient) -> Iterator[Finding]:
    """There is room on the disk, in bytes and in files."""
    where = patient.home.state if os.path.isdir(patient.home.state) else patient.home.root
    room = patient.machine.room(where)
    free, size = room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
    shown = f"{_size(free)} of {_size(size)} free"
    if free < NO_BYTES:
        yield error(f"the disk of {where} is full: {shown}", "free some room; retention in config/baton.yaml may help")
    elif free < LOW_BYTES or free < LOW_SHARE * size:
        yield warning(f"the disk of {where} is nearly full: {shown}", "free some room before it stops work")
    else:
        yield passed(shown)
    # Some file systems (btrfs) make files without end, and say 0.
    if room.f_files and room.f_favail < NO_INODES:
        yield error(
            f"the disk of {where} has room for {room.f_favail} more files only", "remove files that are not needed"
        )
    elif room.f_files and room.f_favail < LOW_SHARE * room.f_files:
        left = f"{room.f_favail} of {room.f_files} files left"
        yield warning(f"the disk of {where} is running out of files: {left}", "remove files that are not needed")


def _own_files(patient: Patient) -> Iterator[str]:
    """The private places of a home, and what is in them, as far as there is not too much."""
    places = [path for path in (patient.home.state, patient.home.logs) if os.path.isdir(path)]
    yield from (patient.home.env_file, patient.home.keys_file)
    yield from places
    yield from islice((path for place in places for path in _below(place)), LOOKED_AT)


def _below(folder: str) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        yield from (os.path.join(where, name) for name in (*folders, *names) if name != ".gitkeep")


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
