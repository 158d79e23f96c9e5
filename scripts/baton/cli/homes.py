"""Making a home: folders, settings with comments, and the crontab lines for that place."""

from __future__ import annotations

import os
import shlex
import sys

from baton.cli.wiring import SCRIPTS
from baton.domain.errors import InvalidInput
from baton.store.documents import SETTINGS_TEMPLATE
from baton.store.files import PRIVATE_FILE, discard, make_folder, read_bytes, said
from baton.store.layout import FOLDERS, STATE_FOLDERS, Home


def make_home(directory: str) -> tuple[str, list[str]]:
    """Make what is missing of a home; return its root, and what was made. What exists is left as it is."""
    home = Home(directory)
    if os.path.exists(home.root) and not os.path.isdir(home.root):
        raise InvalidInput(f"{home.root} is not a folder")
    made = []
    with said(home.root):
        for folder in (".", *FOLDERS, *(f"state/{name}" for name in STATE_FOLDERS)):
            path = os.path.normpath(os.path.join(home.root, folder))
            if not os.path.isdir(path):
                make_folder(path)
                made.append(os.path.relpath(path, home.root))
        template = read_bytes(SETTINGS_TEMPLATE) or b""
        for name, data in (("config/baton.yaml", template), ("crontab.example", crontab(home).encode())):
            path = os.path.join(home.root, name)
            if not os.path.lexists(path):
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
                try:
                    with os.fdopen(fd, "wb") as file:
                        file.write(data)
                except BaseException:
                    discard(path)  # half a file would be left as it is by the next call
                    raise
                made.append(name)
    return home.root, made


def crontab(home: Home) -> str:
    """Return the crontab lines for a home: interpreter, PATH, the sweep each minute."""
    path = os.environ.get("PATH") or "/usr/local/bin:/usr/bin:/bin"
    sweep = f"{shlex.quote(sys.executable)} {shlex.quote(os.path.join(SCRIPTS, 'check_pipeline.py'))}"
    return f"""\
# Baton: add these lines with 'crontab -e'. Errors are mailed to MAILTO; what the sweep did is in the event log.
# cron gives its jobs a short PATH; agents need the one in which their programs are found.
PATH={path}
MAILTO=""
BATON_HOME={home.root}
* * * * * {sweep.replace("%", chr(92) + "%")} >/dev/null
"""
