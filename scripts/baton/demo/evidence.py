"""What the demo checks at its end, from the plain files themselves: manifest, event log, runs, locks, processes."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from baton.demo.journal import Event, Journal
from baton.demo.processes import is_held
from baton.demo.scratch import DemoFailed, Scratch

Record = dict[str, Any]
# A kind of records, and a key that only they have; a project is never done.
KINDS = {"pipeline_step": "task", "snapshot": "campaign", "appearance": "project"}


def manifest(folder: Path) -> list[Record]:
    """Return what a campaign's manifest lists; every file must be there, with the size and digest it says."""
    files: list[Record] = json.loads((folder / "manifest.json").read_bytes())["files"]
    for entry in files:
        data = (folder / entry["path"]).read_bytes()
        if (len(data), hashlib.sha256(data).hexdigest()) != (entry["bytes"], entry["sha256"]):
            raise DemoFailed(f"{entry['path']} is not as the manifest says")
    return files


def log_is_state(journal: Journal, records: Sequence[Record]) -> int:
    """Return how many events the log holds; it must tell each record's history, once, in order, and nothing else."""
    logged: dict[str, list[Event]] = defaultdict(list)
    for event in journal.events:
        logged[event["id"].partition(":")[0]].append(event)
    for record in records:
        kind = next(kind for key, kind in KINDS.items() if key in record)
        told, history = logged.pop(f"{kind}/{record['id']}", []), record["history"]
        # A history is the tail of what happened: it begins anew when it has grown long.
        if told[-len(history) :] != history or len({event["id"] for event in told}) != len(told):
            raise DemoFailed(f"the log and the record of {kind} {record['id']} do not tell the same")
        if kind == "project":
            continue
        if told[-1]["type"] != f"{kind}_completed" or record["status"] != "completed":
            raise DemoFailed(f"{kind} {record['id']} is {record['status']}, and its last event is {told[-1]['type']}")
    if logged:
        raise DemoFailed(f"the log tells of {', '.join(logged)}, and there is no such record")
    return len(journal.events)


def runs(home: Path, journal: Journal) -> Counter[str]:
    """Return how many runs ended in which way; each run's record must say so too, and there must be no other."""
    ends = {event["run"]: event["data"]["outcome"] for event in journal.of("run_ended")}
    written = {path.stem: json.loads(path.read_bytes())["outcome"] for path in home.glob("state/runs/*/*.json")}
    if ends != written:
        wrong = next(run for run in sorted({*ends, *written}) if ends.get(run) != written.get(run))
        raise DemoFailed(f"run {wrong} is {written.get(wrong)} in its record, and {ends.get(wrong)} in the log")
    return Counter(ends.values())


def nothing_is_held(home: Scratch, records: Sequence[Record]) -> None:
    """See that no lease, slot, lock, commit under way, entry of the ready index or process is left."""
    state = home.path / "state"
    left = {
        "leases": [lease for record in records for lease in record.get("leases", ())],
        "held slots": [path.name for path in sorted((state / "slots").iterdir()) if is_held(path)],
        "held locks": [path.name for path in sorted((state / "locks").iterdir()) if _is_locked(path)],
        # A mark is emptied, when its commit is whole, by its first byte.
        "commits under way": [path.name for path in sorted(state.glob("locks/??.*")) if path.read_bytes()[:1] == b"{"],
        "ready units": [path.name for path in sorted((state / "ready").rglob("*")) if path.is_file()],
        "processes": home.processes(),
    }
    for what, found in left.items():
        if found:
            raise DemoFailed(f"there are {what} left: {found}")


def _is_locked(path: Path) -> bool:
    """Tell whether somebody holds a lock file; the lock is had for a moment, when nobody else works any more."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
