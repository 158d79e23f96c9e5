"""Stay with an interpreter that has Baton's packages, or go over to one, before any of them is imported.

Every script begins in the same way, and this is why:

    #!/bin/sh
    ''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip
    \"""Say what the script does.\"""

    import os
    import sys

    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    from baton import start

    start.require(__file__)

    import click
    ...

Started as a program, it is sh that reads the second line (see launch.sh); a formatter would rejoin its quotes and break
it. Started as ``python scripts/x.py``, that line is a string (and the module's ``__doc__``), and ``require`` sees to
the rest. ``python -I`` does not add the script's folder to the path, and a link to the script would add the wrong one,
so the script does it. Scripts that always answer in JSON write ``start.require(__file__, json=True)``, in one line:
launch.sh looks for it when it has to refuse.

On the start-up path of everything: standard library only, nothing that start-up has not imported anyway, and readable
by an older Python, which can then still go over to a newer one.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

PACKAGES = ("click", "filelock", "msgspec")
"""What scripts import at their top; that the rest of requirements.txt came with these is the installer's promise."""

HIDDEN = ("typing_extensions", "_hashlib")
"""What packages load at their top where it is there, and do as well without.

msgspec takes typing_extensions, if another package has brought it, for names that typing has, too (0.6 of a bare
interpreter). filelock, by way of secrets, takes all of OpenSSL (0.3); without it Python's own hashes serve.
"""

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TRIED = "BATON_PYTHONS_TRIED"
"""The variable that ends the chain when an interpreter is not what it is called (a shell wrapper, say)."""


def require(script: str, *, json: bool = False) -> None:
    """Return in an interpreter that has the packages, or not at all.

    The current one is kept when it has them, and handed on in BATON_PYTHON to whatever this process starts. Else the
    process becomes the same command under the interpreter that BATON_PYTHON names, then under that of .venv; a
    BATON_PYTHON that cannot be started at all is a mistake to report, as it is in launch.sh, not one to step over.
    """
    if sys.version_info >= (3, 11) and all(map(_is_installed, PACKAGES)):
        # Imports make next to no garbage: looking for it while they go on, and once more at the exit, took a sixth of
        # a call (1.5 of 9 bare interpreters).
        gc.set_threshold(100_000, 50, 100)
        atexit.register(gc.freeze)
        if _is_installed("_md5"):  # some distributions build Python without hashes of its own
            for module in HIDDEN:
                sys.modules.setdefault(module, None)  # type: ignore[arg-type]  # the import system's "not to be had"
        os.environ["BATON_PYTHON"] = sys.executable
        os.environ.pop(TRIED, None)
        return
    named = os.environ.get("BATON_PYTHON")
    tried = [*filter(None, os.environ.get(TRIED, "").split("\n")), sys.executable]
    for candidate in (named, os.path.join(REPOSITORY, ".venv", "bin", "python")):
        if not candidate or candidate in tried:
            continue
        tried.append(candidate)
        os.environ[TRIED] = "\n".join(tried)
        try:
            # orig_argv keeps the interpreter's own options (-I, -X ...); it came with Python 3.10.
            os.execvp(candidate, [candidate, *getattr(sys, "orig_argv", ["", *sys.argv])[1:]])
        except OSError:
            if candidate == named:
                break
    _refuse(os.path.basename(script), tried, json=json or "--json" in sys.argv)


def show_hidden() -> None:
    """Let the next import find what was hidden: some packages cannot do without it."""
    for module in HIDDEN:
        if sys.modules.get(module, sys) is None:
            del sys.modules[module]


def _is_installed(package: str) -> bool:
    """Look for a package without importing it: not every script needs each, and filelock is not cheap.

    The folder listings read here are the ones that the imports use a moment later. An ``origin`` is asked for because
    an emptied folder is still found, as a namespace package.
    """
    return any(getattr(finder.find_spec(package, None), "origin", None) for finder in sys.meta_path)


def _refuse(script: str, tried: list[str], *, json: bool) -> None:
    """Say in one sentence that there is no interpreter to run with, and how to get one."""
    reason = "cannot start: there is no Python with Baton's packages at '{}'".format("', '".join(dict.fromkeys(tried)))
    front = os.path.join(REPOSITORY, "scripts")
    cure = (
        f"Run {front}/demo or {front}/test once, or set BATON_PYTHON to a Python that has the packages of "
        "requirements.txt."
    )
    if json:
        from json import dumps  # start-up (only on the way out: it would cost every start half a millisecond)

        sys.stdout.write(dumps({"error": {"code": "io_error", "message": reason, "cure": cure}}) + "\n")
    else:
        sys.stderr.write(f"{script}: {reason}\n{cure}\n")
    sys.exit(1)
