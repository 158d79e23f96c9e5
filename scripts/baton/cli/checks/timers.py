"""The user's and the system's systemd timers, as far as doctor asks: which of them runs the sweep, for which home."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping

from msgspec import Struct

from baton.cli.checks.crontab import SCRIPT, Entry, entries_of
from baton.store.files import names_in

# What systemd gives its units where they set nothing.
UNIT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SYSTEM = ("/etc/systemd/system", "/etc/systemd/user")
WANTS = "timers.target.wants"


class Timer(Struct, frozen=True, kw_only=True):
    """A unit that runs the sweep, and whether its timer is enabled."""

    name: str
    entry: Entry
    is_enabled: bool


def read_timers(environ: Mapping[str, str], system: Iterable[str] = SYSTEM) -> list[Timer]:
    """Return the units that run the sweep for some home; what cannot be read is passed over."""
    home = environ.get("HOME", "/")
    own = os.path.join(environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "systemd", "user")
    return [timer for folder in (own, *system) for timer in _timers_in(folder, home)]


def _timers_in(folder: str, home: str) -> list[Timer]:
    found = []
    for name in sorted(name for name in names_in(folder) if name.endswith(".service")):
        path = os.path.join(folder, name)
        timer = name.removesuffix(".service") + ".timer"
        is_enabled = os.path.lexists(os.path.join(folder, WANTS, timer))
        found += [Timer(name=timer, entry=entry, is_enabled=is_enabled) for entry in _entries(path, timer, home)]
    return found


def _entries(path: str, timer: str, home: str) -> Iterable[Entry]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("\\\n", " ")
    except (OSError, UnicodeDecodeError):
        return []
    environ = {"PATH": UNIT_PATH}
    commands = []
    for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        if key == "Environment":
            environ |= dict(word.partition("=")[::2] for word in _words(value.replace("%h", home)))
        elif key == "ExecStart" and SCRIPT in value:
            # A command may begin with signs that are meant for systemd.
            commands.append(value.strip().lstrip("@-:+!").replace("%h", home).replace("%%", "%"))
    return [entry for command in commands for entry in entries_of(timer, command, environ, home, path)]


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()
