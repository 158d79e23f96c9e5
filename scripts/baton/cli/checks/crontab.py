"""A user's crontab, as far as doctor asks: which lines run the sweep, for which home, and with which PATH."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping

from msgspec import Struct

# What cron gives its jobs where the crontab sets nothing.
CRON_PATH = "/usr/bin:/bin"
SCRIPT = "check_pipeline.py"
_ASSIGNMENT = re.compile(r"""\s*["']?([A-Za-z_]\w*)["']?\s*=\s*(.*)""")
_INLINE = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


class Entry(Struct, frozen=True, kw_only=True):
    """A line that runs the sweep: script and interpreter as written, the home it means, the PATH it has.

    ``environ`` is what is set for it before its command, ``option`` its ``--home``, ``place`` the file of a systemd unit.
    """

    line: str
    script: str
    python: str | None
    home: str
    path: str
    command: str = ""
    environ: dict[str, str] = {}
    option: str | None = None
    place: str | None = None

    def path_line(self, folders: str) -> str:
        """Return the advice that gives it this PATH."""
        if self.place is not None:
            return f"put this line under [Service] in {self.place}: Environment=PATH={folders}"
        return f"put this line at the top of the crontab: PATH={folders}"


class Crontab(Struct, frozen=True, kw_only=True):
    """The entries that sweep some home, or why there is nothing to read. ``path``: what the crontab sets for all."""

    entries: tuple[Entry, ...] = ()
    path: str = CRON_PATH
    is_installed: bool = True
    problem: str = ""


def read_crontab(environ: Mapping[str, str], path: str) -> Crontab:
    """Ask ``crontab -l``; a user without a crontab has an empty one."""
    program = shutil.which("crontab", path=path)
    if program is None:
        return Crontab(is_installed=False)
    try:
        done = subprocess.run(
            [program, "-l"],
            env={**environ, "PATH": path, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return Crontab(problem=str(problem))
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        return Crontab() if "no crontab" in said else Crontab(problem=said or f"it ended with code {done.returncode}")
    return parse_crontab(done.stdout.decode("utf-8", "surrogateescape"), environ.get("HOME", "/"))


def parse_crontab(text: str, home: str) -> Crontab:
    """Return the entries of a crontab; ``home`` is the user's own folder."""
    environ: dict[str, str] = {}
    entries: list[Entry] = []
    for line in text.split("\n"):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment is not None:
            value = assignment[2].strip()
            environ[assignment[1]] = value[1:-1] if value[:1] in "\"'" and value[:1] == value[-1:] else value
        elif SCRIPT in bare:
            fields = bare.split(None, 1 if bare.startswith("@") else 5)
            command = re.split(r"(?<!\\)%", fields[-1], maxsplit=1)[0].replace("\\%", "%")
            entries += entries_of(bare, command, environ, home)
    return Crontab(entries=tuple(entries), path=environ.get("PATH", CRON_PATH))


def entries_of(
    line: str, command: str, environ: Mapping[str, str], home: str, place: str | None = None
) -> Iterator[Entry]:
    """Return the sweep that a command runs, if it runs one; ``line`` is how it stands in its file."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    words = [_expanded(word, home) for word in words]
    at = next((index for index, word in enumerate(words) if os.path.basename(word.rstrip(";")) == SCRIPT), None)
    if at is None or "--dry-run" in words[at:]:
        return
    # Jobs begin in the user's folder, unless they go elsewhere first.
    base = next((words[index + 1] for index, word in enumerate(words[:at]) if word == "cd"), home).rstrip(";")
    script = os.path.join(base, words[at].rstrip(";"))
    inline = {match[1]: match[2] for word in words[:at] if (match := _INLINE.fullmatch(word))}
    known = {**environ, **inline}
    before = words[at - 1] if at else ""
    is_python = _INLINE.fullmatch(before) is None and os.path.basename(before).startswith("python")
    python = before if is_python else known.get("BATON_PYTHON")
    option = _option(words[at + 1 :])
    yield Entry(
        line=line,
        script=script,
        python=os.path.join(base, python) if python and "/" in python else python,
        home=option or known.get("BATON_HOME") or os.path.dirname(os.path.dirname(script)),
        path=known.get("PATH", CRON_PATH),
        command=command,
        environ=dict(environ),
        option=option,
        place=place,
    )


def _option(words: list[str]) -> str | None:
    for place, word in enumerate(words):
        if word.startswith("--home="):
            return word.removeprefix("--home=")
        if word == "--home" and place + 1 < len(words):
            return words[place + 1]
    return None


def _expanded(word: str, home: str) -> str:
    word = word.replace("${HOME}", home).replace("$HOME", home)
    return home + word[1:] if word == "~" or word.startswith("~/") else word
