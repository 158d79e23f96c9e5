"""The verbs of ``key.py``. No word that was typed is said again: in the wrong place it may be a key."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput, InvalidWord, KeyNotFound
from baton.domain.keys import LONGEST, check_key_name
from baton.domain.times import seconds_between
from baton.store.sealed_keys import ShownKey

DAY_SECONDS = 86_400


@script("keep", "the key", name="set", example="key.py set ANTHROPIC_API_KEY\nkey.py set OPENAI_API_KEY < file")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="NAME")
def set_key(wiring: Wiring, words: tuple[str, ...]) -> Answer:
    """Keep the key NAME, in the place of one that has this name: typed unseen when asked, or read from stdin.

    NAME is that of the variable in which it would stand otherwise. No agent gets it; programs of Baton's own do.
    """
    if not words:
        raise InvalidWord("no name is given", cure="key.py set NAME")
    if len(words) > 1:
        raise InvalidWord(
            "a key is never given on the command line, where others see it and the shell keeps it",
            cure="key.py set NAME, and the key when asked or on stdin; have a real key that was typed here replaced",
        )
    name = check_key_name(words[0])
    replaced = wiring.config.keys.set(name, _typed_key(name), wiring.clock.now())
    master = wiring.config.keys.master_path()
    said = f"{'Replaced' if replaced else 'Kept'} {name}. What opens it: {master}; keep a copy of that file elsewhere."
    return Answer({"name": name, "replaced": replaced, "master_file": master}, said)


# What is wrong with its words is said without them: click would quote the key.
set_key.context_settings["ignore_unknown_options"] = True


@script("list", "keys", name="list", example="key.py list --json")
def list_keys(wiring: Wiring) -> Answer:
    """List the keys that are kept: name, a fingerprint to know each again by, and its age."""
    now = wiring.clock.now()
    found = [_row(key, now) for key in wiring.config.keys.shown()]
    rows = [(one["name"], one["fingerprint"] or "-", f"{one['age_days']} d", one["problem"] or "") for one in found]
    return Answer(found, table(("key", "fingerprint", "age", ""), rows, empty="No keys are kept."))


@script("remove", "the key", name="remove", example="key.py remove OPENAI_API_KEY")
@click.argument("name")
def remove_key(wiring: Wiring, name: str) -> Answer:
    """Forget the key NAME."""
    check_key_name(name)
    if name not in wiring.config.keys.names():
        raise KeyNotFound("no key of this name is kept", cure="key.py list shows them")
    wiring.config.keys.remove(name)
    return Answer({"name": name, "removed": True}, f"Removed {name}. Where it was issued it is as good as before.")


@script("rotate", "the master key", name="rotate", example="key.py rotate")
def rotate(wiring: Wiring) -> Answer:
    """Make a new master key, seal every key by it, and end the old one.

    Ended in the middle, every key stays readable; run it again. Copies of this home from before, backups too, can then
    not be opened any more: that is what it is for.
    """
    count = wiring.config.keys.rotate()
    words = f"Sealed by a new master key: {count}. Older copies of this home cannot be opened with it."
    return Answer({"rotated": count, "master_file": wiring.config.keys.master_path()}, words)


@script("check", "the keys", name="check", example="key.py check")
def check(wiring: Wiring) -> Answer:
    """Open every key, and say what is wrong with one, or with the file that opens them."""
    from baton.cli.checks.kept_keys import problems_of  # start-up

    names = wiring.config.keys.names()
    problems = [{"message": message, "cure": cure} for message, cure in problems_of(wiring)]
    lines = [f"{one['message']}\n  {one['cure']}" for one in problems]
    text = "\n".join(lines) or f"Nothing is wrong. Keys that can be opened: {len(names)}."
    return Answer({"ok": not problems, "keys": names, "problems": problems}, text, exit_code=1 if problems else 0)


VERBS: list[click.Command] = [set_key, list_keys, remove_key, rotate, check]


def _typed_key(name: str) -> str:
    if sys.stdin is None or sys.stdin.closed:
        raise InvalidInput("no key was given", cure="type it when asked, or: key.py set NAME < FILE")
    if sys.stdin.isatty():
        typed: str = click.prompt(name, hide_input=True, err=True, default="", show_default=False)
        return typed.strip()
    data = sys.stdin.buffer.read(LONGEST + 1024)
    try:
        return data.decode("ascii").strip()
    except UnicodeDecodeError:
        problem = InvalidInput("what came on stdin is not ASCII text", cure="give the key alone, on one line")
    raise problem


def _row(key: ShownKey, now: str) -> dict[str, Any]:
    age_days = max(0, int(seconds_between(key.set_at, now) // DAY_SECONDS))
    return {**msgspec.to_builtins(key), "age_days": age_days}
