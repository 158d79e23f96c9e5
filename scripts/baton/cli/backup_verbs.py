"""Backing up a home while it runs, looking whether a backup is whole, and making a home from one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from baton.cli.homes import make_home
from baton.cli.script import Answer, script
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput
from baton.domain.records import SCHEMA
from baton.store.archive_reader import read_head
from baton.store.archives import FORMAT, ArchiveWriter, Head
from baton.store.backups import Backup
from baton.store.restoring import check, restore

EVERY = 20


@script("back up", "the home", name="create", example="backup.py create ~/baton-backup.tar.gz", for_option="file")
@click.argument("file", type=click.Path())
@click.option("--with-secrets", is_flag=True, help="With .env: whoever has the backup has the keys.")
@click.option("--without-logs", is_flag=True, help="Without what agents were asked and printed.")
def create(wiring: Wiring, file: str, with_secrets: bool, without_logs: bool) -> Answer:
    """Copy the whole home into FILE, which must not be there yet. Nothing has to be stopped, and nothing waits for it."""
    path = os.path.abspath(file)
    root = wiring.home.root
    if not os.path.isdir(wiring.home.state):
        raise InvalidInput(f"{root} has no state yet", cure=f"make it a home with: init_home.py {root}")
    head = Head(format=FORMAT, schema=SCHEMA, made_at=wiring.clock.now(), home=root, with_secrets=with_secrets)
    with _watched("backed up") as seen, ArchiveWriter(path, head) as archive:
        own = frozenset({os.path.realpath(archive.part)})
        told = Backup(root, wiring.store, archive, own, seen).make(
            with_secrets=with_secrets, with_logs=not without_logs
        )
    left_out, changed = _sayable(told.left_out), _sayable(told.changed)
    data = {
        "backup": path,
        "files": told.files,
        "tasks": told.tasks,
        "bytes": os.path.getsize(path),
        "with_secrets": with_secrets,
        "left_out": left_out,
        "changed": changed,
    }
    lines = [f"Backed up {told.files} files, {told.tasks} tasks among them, to {path}."]
    lines += [f"  left out  {name}" for name in left_out]
    lines += [f"  grew shorter while it was read  {name}" for name in changed]
    return Answer(data, "\n".join(lines))


@script(
    "check",
    "the backup",
    name="check",
    example="backup.py check ~/baton-backup.tar.gz",
    id_option="file",
    needs_home=False,
)
@click.argument("file", type=click.Path())
def check_backup(wiring: Wiring, file: str) -> Answer:
    """Read all of a backup, and say whether it could be restored."""
    head = read_head(file, SCHEMA)
    with _watched("checked") as seen:
        count = check(file, seen)
    data = {"backup": os.path.abspath(file), "files": count, "made_at": head.made_at, "home": head.home}
    return Answer(data, f"It is whole: {count} files of {head.home}, of {head.made_at}.")


@script(
    "restore",
    "the backup",
    name="restore",
    example="backup.py restore ~/baton-backup.tar.gz ~/new-home",
    id_option="file",
    needs_home=False,
)
@click.argument("file", type=click.Path())
@click.argument("directory", type=click.Path())
def restore_backup(wiring: Wiring, file: str, directory: str) -> Answer:
    """Make a home at DIRECTORY, which must be empty or not there, from a backup.

    It is stopped. What ran when the backup was made is ended by the first sweep, and started again.
    """
    root = os.path.abspath(directory)
    with _watched("restored") as seen:
        count = restore(file, root, wiring.clock.holder(), seen)
    make_home(root)
    text = (
        f"Restored {count} files to {root}. It is stopped.\n"
        f"Next: doctor.py --home {root}, then rm {root}/state/stop; its lines for cron stand in crontab.example.\n"
        "The home that the backup is of must not work on the same tasks."
    )
    return Answer({"home": root, "files": count, "stopped": True}, text)


VERBS = [create, check_backup, restore_backup]


@contextmanager
def _watched(verb: str) -> Iterator[Callable[[int], None]]:
    """Count files on the terminal, if there is one, and leave nothing of it there. Who is told to end ends cleanly."""
    is_shown = sys.stderr is not None and sys.stderr.isatty()

    def seen(count: int) -> None:
        if is_shown and count % EVERY == 0:
            sys.stderr.write(f"\r{count} files {verb}")
            sys.stderr.flush()

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield seen
    finally:
        signal.signal(signal.SIGTERM, before)
        if is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _sayable(names: list[str]) -> list[str]:
    return [name.encode("utf-8", "backslashreplace").decode() for name in names]
