"""Making a home: folders, settings with comments, and the crontab lines for that place."""

from __future__ import annotations

import os
import shlex
import sys

from baton.cli.script import warn
from baton.cli.service_page import refresh_quietly
from baton.cli.wiring import SCRIPTS, Wiring
from baton.domain.environment import DEFAULT_PATH
from baton.domain.errors import InvalidInput
from baton.store.documents import SETTINGS_TEMPLATE
from baton.store.files import PRIVATE_FILE, discard, make_folder, make_folders, read_bytes, said, sync_folder
from baton.store.layout import FOLDERS, STATE_FOLDERS, Home
from baton.store.service_page import ServicePage

SERVICES_TEMPLATE = os.path.join(os.path.dirname(SETTINGS_TEMPLATE), "services.yaml")


def make_home(directory: str) -> tuple[str, list[str], str]:
    """Make what is missing of a home; return its root, what was made, and the crontab's lines for it.

    What exists is left as it is.
    """
    home = Home(directory)
    if os.path.exists(home.root) and not os.path.isdir(home.root):
        raise InvalidInput(f"{home.root} is not a folder")
    made = []
    with said(home.root):
        folders = [
            os.path.join(home.root, folder) for folder in (*FOLDERS, *(f"state/{name}" for name in STATE_FOLDERS))
        ]
        missing = [path for path in (home.root, *folders) if not os.path.isdir(path)]
        make_folder(home.root, durable=True)
        make_folders(path for path in missing if path != home.root)
        made += [os.path.relpath(path, home.root) for path in missing]
        block = crontab(home)
        files = (
            ("config/baton.yaml", read_bytes(SETTINGS_TEMPLATE) or b""),
            ("config/services.yaml", read_bytes(SERVICES_TEMPLATE) or b""),
            ("crontab.example", block.encode()),
        )
        for name, data in files:
            path = os.path.join(home.root, name)
            if not os.path.lexists(path):
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
                try:
                    with os.fdopen(fd, "wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(fd)
                    sync_folder(os.path.dirname(path))
                except BaseException:
                    discard(path)  # half a file would be left as it is by the next call
                    raise
                made.append(name)
    page = ServicePage(home).path
    if not os.path.lexists(page):
        refresh_quietly(Wiring(home, os.environ, warn))
        made += [os.path.relpath(page, home.root)] if os.path.exists(page) else []
    return home.root, made, block


def first_words(root: str, made: list[str], block: str) -> str:
    """Say what was made, and what to type next; the crontab's lines come last, to be copied."""
    return f"""\
{f"Made {len(made)} files and folders in {root}." if made else f"{root} is a home already; nothing changed."}

Next: export BATON_HOME={shlex.quote(root)}
      doctor.py      to see whether this machine is ready
      crontab -e     and add these lines, which also stand in {root}/crontab.example:

{block}"""


def crontab(home: Home, python: str = sys.executable, scripts: str = SCRIPTS, path: str | None = None) -> str:
    """Return the crontab's lines for a home: PATH, MAILTO, BATON_HOME, and the sweep each minute."""
    sweep = f"{shlex.quote(python)} {shlex.quote(os.path.join(scripts, 'check_pipeline.py'))}"
    return f"""\
# Baton's block: add it with 'crontab -e', then see doctor.py --as-cron.
# cron gives its jobs a short PATH; agents need the one in which their programs (claude, codex, ...) are found.
PATH={path or path_for_cron(os.environ.get("PATH", ""))}
# A sweep that cannot even start says so on stderr, which cron mails to MAILTO: put your address between the quotes.
MAILTO=""
BATON_HOME={home.root}
# The sweep, each minute. What it did stands in the event log: status.py shows it.
* * * * * {sweep.replace("%", chr(92) + "%")} >/dev/null
"""


def path_for_cron(path: str) -> str:
    """Return the folders of a PATH that a job of cron can use: absolute ones that are there, each once."""
    folders = [folder for folder in dict.fromkeys(path.split(":")) if os.path.isabs(folder) and os.path.isdir(folder)]
    return ":".join(folders) or DEFAULT_PATH
