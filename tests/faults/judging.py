"""What must be true of a home after a fault: each record old or new, no lock held; and after one sweep, one story."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tests.cli.homes import Home, wait_for
from tests.store.homes import check_agreement, leftovers, open_home

from baton.store.marks import Marks
from baton.store.slots import SlotFiles

PLACES = (
    "tasks", "archive/tasks", "quarantine/tasks", "campaigns", "quarantine/campaigns", "projects", "agents",
    "quarantine/agents",
)  # fmt: skip
Records = dict[str, bytes]
# What is told of runs none of which ended well.
FAILED = frozenset({"lease_granted", "run_started", "run_ended", "agent_crashed", "task_blocked"})
_DRAWN = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "TIME"),
    (re.compile(r"r-\d{8}t[\d.]+-[0-9a-f]+"), "RUN"),
    (re.compile(r'"(boot_seconds|instance|sha256)": [^,\n]*'), r'"\1": DRAWN'),
)


class Wrong(AssertionError):
    """Something that was promised is not so."""


def records(home: Home) -> Records:
    """Every record as its file is now, by kind and id, wherever it lies; one that lies in two places is wrong.

    But for one that is on its way back from the archive: a mark tells of it, and the live one counts.
    """
    found: Records = {}
    for place in PLACES:
        for path in sorted((home.state / place).glob("*.json")):
            name = f"{os.path.basename(place)}/{path.stem}"
            if name in found:
                if place != "archive/tasks" or path.stem not in Marks(str(home.state / "locks"), "task").left():
                    raise Wrong(f"{name} lies in two places")
                continue
            found[name] = path.read_bytes()
    return found


def plain(data: bytes) -> str:
    """A record without what the clock and chance put into it."""
    text = data.decode(errors="replace")
    for pattern, word in _DRAWN:
        text = pattern.sub(word, text)
    return text


def check_events(old: Records, new: Records, types: Collection[str]) -> None:
    """The one record that was changed has got events of these types, in this order; nothing is asked where none is named."""
    if types:
        (name,) = [name for name in new if new[name] != old.get(name)]
        was = _history(old[name]) if name in old else []
        now = [type for _, type in _history(new[name])[len(was) :]]
        if now != list(types):
            raise Wrong(f"{name} has got {now}, not {list(types)}")


def standing(old: Records, new: Records, found: Records, *, may_fail: bool = False) -> str:
    """Tell whether what is found is all ``old``, all ``new``, or ``between``: some records old, some new.

    A record may also be on its way, where a deed takes several commits: then its history is a part of what it will be,
    and begins with what it was. Where it ``may_fail``, it may also tell of a run that did not go well. Anything else is
    wrong.
    """
    if set(found) - set(new) - set(old):
        raise Wrong(f"there is more than there ever was: {set(found) - set(new) - set(old)}")
    steps = {name: _standing(name, old.get(name), new.get(name), found.get(name), may_fail) for name in {*old, *new}}
    kinds = {step for step in steps.values() if step}
    return kinds.pop() if len(kinds) == 1 else "between" if kinds else "old"


def _standing(name: str, old: bytes | None, new: bytes | None, found: bytes | None, may_fail: bool) -> str:
    if old == found:
        return "" if new is not None and old is not None and plain(old) == plain(new) else "old"
    if found is None or new is None:
        raise Wrong(f"{name} is lost" if found is None else f"{name} should be gone")
    if plain(found) == plain(new):
        return "new"
    try:
        was = _history(old) if old is not None else []
        now, will = _history(found), _history(new)
    except (ValueError, KeyError) as error:
        raise Wrong(f"{name} is neither whole nor what it was: {error!r}") from None
    if was == now[: len(was)] and now == will[: len(now)] and len(was) < len(now) < len(will):
        return "between"
    if may_fail and was == now[: len(was)] and _failed(found, len(was)):
        return "between"
    raise Wrong(f"{name} is neither old nor new: {was} -> {now}, not {will}")


def _failed(data: bytes, since: int) -> bool:
    events = json.loads(data)["history"][since:]
    return all(event["type"] in FAILED and event["data"].get("outcome") != "completed" for event in events)


def _history(data: bytes) -> list[tuple[str, str]]:
    return [(event["id"], event["type"]) for event in json.loads(data)["history"]]


def check_locks(home: Home) -> None:
    """Every lock of the home can be had at once; slots are waited for, since an orphan may still be ending."""
    wait_for(lambda: not home.slots())
    for path in sorted((home.state / "locks").iterdir()):
        with path.open("rb+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Wrong(f"{path.name} is still locked") from None
    slots = SlotFiles(str(home.state / "slots"))
    count = len(slots.states())
    taken = [slots.take(count) for _ in range(count)]
    for slot in taken:
        if slot is None:
            raise Wrong("a slot is still taken")
        slot.supervise("test")
    for slot in taken:
        if slot is not None:
            slot.free()


def check_healed(home: Home, *, aside: Collection[str] = ()) -> None:
    """One sweep, and everything tells the same story; a second one finds nothing. ``aside``: known to be set aside."""
    first = _sweep(home)
    if first["errors"]:
        raise Wrong(f"the sweep says: {first['errors']}")
    check_story(home, aside=aside)
    second = _sweep(home)
    if second["found"] or second["errors"]:
        raise Wrong(f"the second sweep still finds: {second['found']} {second['errors']}")


def check_story(home: Home, *, aside: Collection[str] = ()) -> None:
    """Log, records and ready index agree, no commit is half told, no temporary file is left."""
    check_agreement(home.root, open_home(home.root), aside=aside)
    left = leftovers(home.root)
    if left:
        raise Wrong(f"temporary files are left: {left}")
    records(home)
    for kind in ("task", "campaign", "project", "agent"):
        marks = Marks(str(home.state / "locks"), kind).left()
        if marks:
            raise Wrong(f"commits are half told: {marks}")


def check_work_goes_on(home: Home) -> None:
    """Every open task can be cancelled, and a new one be made and completed."""
    for path in sorted((home.state / "tasks").glob("*.json")):
        done = home.call("task", "cancel", path.stem)
        if done.code and json.loads(path.read_bytes())["status"] not in ("completed", "cancelled", "deleted"):
            raise Wrong(f"task {path.stem} cannot be cancelled: {done}")
    home.make_task("fresh", agents=["alpha"])
    if home.complete("fresh")["new_status"] not in ("completed",):
        raise Wrong("a fresh task cannot be completed")


def said_badly(out: str, err: str) -> str:
    """What is wrong with the words of a script that met a fault; empty when nothing is."""
    return "a traceback was shown" if "Traceback" in out + err else ""


def _sweep(home: Home) -> Any:
    done = home.call("check_pipeline")
    if done.code:
        raise Wrong(f"the sweep failed: {done}")
    return done.json


def below(root: Path, path: str) -> str:
    """A path as it is said in a point's name: what lies below the home, without it."""
    return path.replace(f"{root}/", "")
