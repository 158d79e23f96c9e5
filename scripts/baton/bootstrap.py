"""Make the project's .venv and install the requirements into it, or see at once that there is nothing to do.

Run by scripts/test and scripts/demo, or by hand: ``python3 scripts/baton/bootstrap.py [SET]`` (one of ``SETS``, else
``runtime``), with any Python new enough. It needs no package, no pip and no ensurepip, and writes into .venv alone. A
stamp in .venv says which requirements are in it; it is taken away before pip starts and comes back when everything has
been looked at, so what an interruption leaves is never taken for good. A .venv made by other hands is installed into,
not replaced.

May touch .venv and the package index. Standard library only, and readable by a Python too old to go on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SCRIPTS))
from baton.venv_pip import ROOM, InstallError, explained, install, run, say

REPOSITORY = SCRIPTS.parent
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin/python"
STAMP = VENV / "baton-installed.json"
EXTRAS = {name: f"requirements-{name}.txt" for name in ("keys", "prices", "readability", "serve")}
SETS = {
    "runtime": ["requirements.txt"],
    **{name: [file, "requirements.txt"] for name, file in EXTRAS.items()},
    "test": ["tests/requirements.txt", *EXTRAS.values(), "requirements.txt"],
    "bench": ["tests/benchmarks/requirements.txt", "tests/requirements.txt", *EXTRAS.values(), "requirements.txt"],
}
"""What can be asked for: the file that pip is given, then the files it includes."""


def main(name: str, wanted: str) -> None:
    """Install the set ``wanted``; on failure leave with one sentence, its cure, and exit code 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped by either signal, it clears up
    try:
        ensure(wanted)
    except InstallError as error:
        sentence, cure = str(error), error.cure
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        sentence = "the disk is full" if full else f"{error.strerror or error}: '{error.filename or VENV}'"
        cure = ROOM if full else f"See that {REPOSITORY} is whole and you may write to it, then run this again."
    except KeyboardInterrupt:
        sentence, cure = "it was interrupted", "Run it again: it starts from what is whole."
    else:
        return
    sys.stderr.write(f"{name}: cannot install the {wanted} set into .venv: {sentence}\n{cure}\n")
    sys.exit(1)


def ensure(wanted: str) -> None:
    """Have the requirements of ``wanted`` in .venv; costs one start of its interpreter when they are there."""
    if wanted not in SETS:
        raise InstallError("there is no such set", f"Name one of: {', '.join(SETS)}.")
    if sys.version_info < (3, 11):  # noqa: UP036 (run by hand with whatever Python there is)
        raise InstallError(
            f"Python 3.11 or newer is needed, and this is {sys.version.split()[0]}",
            "Run it with a newer Python (Debian 12 and later: apt install python3).",
        )
    if _is_installed(wanted):
        return
    with _alone() as lock:
        if _is_installed(wanted):  # by whoever had the lock
            return
        names = [name for name in SETS if set(SETS[name]) <= set(SETS[wanted])]
        # Taken before pip reads the files: one that is changed meanwhile is then seen as changed the next time.
        held = {name: _fingerprint(name) for name in names}
        fresh = not _is_usable()
        try:
            if fresh:
                _make_venv(lock)
            stamp = _stamp() | held | {"python": _version()}
            STAMP.unlink(missing_ok=True)
            say(f"installing {SETS[wanted][0]} (the first time takes a minute or two)")
            install(PYTHON, REPOSITORY / SETS[wanted][0], VENV / f"lib/python{_version()}/site-packages", lock)
            # Scripts are stubs, so this is most of what a start would have to compile. A file that somebody is editing
            # may fail, and is no reason to stop.
            run([str(PYTHON), "-I", "-m", "compileall", "-q", str(SCRIPTS / "baton")])
            unfinished = STAMP.with_suffix(".new")
            unfinished.write_text(json.dumps(stamp), encoding="utf-8")
            unfinished.replace(STAMP)
        except BaseException:
            if fresh:
                shutil.rmtree(VENV, ignore_errors=True)
            raise
    say("installed")


@contextlib.contextmanager
def _alone() -> Iterator[int]:
    """Hold the lock that lets one bootstrap at a time work on this repository.

    It is the repository's own folder that is locked, so no file has to be left beside .venv. pip inherits the lock: if
    this process is killed, the next one still waits until that pip has ended.
    """
    lock = os.open(REPOSITORY, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another installation into .venv is going on; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _is_installed(wanted: str) -> bool:
    """Compare the stamp with the files of requirements, and with the interpreter that .venv has now."""
    stamp = _stamp()
    return stamp.get(wanted) == _fingerprint(wanted) and stamp.get("python") == _version()


def _stamp() -> dict[str, str]:
    """Return what the stamp says; nothing where it is missing or not ours."""
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _fingerprint(wanted: str) -> str:
    return hashlib.sha256(b"\0".join((REPOSITORY / file).read_bytes() for file in SETS[wanted])).hexdigest()


def _version() -> str:
    """Return .venv's Python version (3.11); empty when it does not start or is not a virtual environment's.

    The last is what keeps pip away from the system: without pyvenv.cfg, .venv/bin/python is the system's Python.
    """
    program = "import sys; print('%d.%d' % sys.version_info[:2] if sys.prefix != sys.base_prefix else '')"
    try:
        asked = subprocess.run([PYTHON, "-I", "-c", program], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return asked.stdout.strip()


def _is_usable() -> bool:
    """Whether there is a .venv to install into; a folder that is no virtual environment at all is left to its owner."""
    version = _version()
    if version and version == _stamp().get("python", version) and tuple(map(int, version.split("."))) >= (3, 11):
        return True
    if not (VENV / "pyvenv.cfg").exists() and any(file.is_file() for file in VENV.rglob("*")):
        raise InstallError(f"{VENV} is no virtual environment", f"Move it away: mv {VENV} {VENV}.old")
    return False


def _make_venv(lock: int) -> None:
    """Make an empty .venv, in place of one whose Python is gone, too old, or of another version than its packages."""
    if importlib.util.find_spec("venv") is None:
        raise InstallError(
            f"{sys.executable} has no module venv",
            "Install it (Debian: apt install python3-venv), or put another Python 3.11 or newer first in PATH.",
        )
    say(f"making {VENV} with Python {sys.version.split()[0]}")
    # Not with pip: that fails as a whole, and leaves half of it, where ensurepip is missing.
    making = [sys.executable, "-I", "-m", "venv", "--clear", "--without-pip", "--prompt", "baton", str(VENV)]
    made = run(making, None, lock)
    if made.returncode:
        raise explained("the virtual environment could not be made", made.stdout)


if __name__ == "__main__":
    main("bootstrap.py", sys.argv[1] if len(sys.argv) > 1 else "runtime")
