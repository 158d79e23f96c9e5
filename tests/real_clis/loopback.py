"""A network namespace with nothing in it but loopback: what runs there reaches no other machine."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

NEW_USERS, NEW_NETWORK = 0x10000000, 0x40000000
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1
INTERFACE = "16sh14x"
"""``struct ifreq``, as far as flags go: the name of an interface, and its flags."""


def enter() -> str | None:
    """Move this process, and what it starts from now on, into such a namespace; return why not, where it may not.

    Root needs nothing more for it. Anybody else does it in a user namespace, and stays who he is. It must have one
    thread only.
    """
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NETWORK if user == 0 else NEW_NETWORK | NEW_USERS):
        return os.strerror(ctypes.get_errno())
    try:
        if user:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        _bring_up("lo")
    except OSError as error:
        return f"{error.filename or 'loopback'}: {error.strerror}"
    return None


def _bring_up(name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack(INTERFACE, name.encode(), 0)
        flags = struct.unpack(INTERFACE, fcntl.ioctl(any_socket, GET_FLAGS, asked))[1]
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack(INTERFACE, name.encode(), flags | UP))
