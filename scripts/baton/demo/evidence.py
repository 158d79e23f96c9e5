"""What the demo checks at its end, from the plain files themselves: the manifest, the event log, leases and slots."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from baton.demo.processes import is_held
from baton.demo.scratch import DemoFailed, Scratch


def manifest(folder: Path) -> list[dict[str, Any]]:
    """Return what a campaign's manifest lists; every file must be there, with the size and digest it says."""
    files: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_bytes())["files"]
    for entry in files:
        data = (folder / entry["path"]).read_bytes()
        if (len(data), hashlib.sha256(data).hexdigest()) != (entry["bytes"], entry["sha256"]):
            raise DemoFailed(f"{entry['path']} is not as the manifest says")
    return files


def events(home: Path, records: Sequence[dict[str, Any]]) -> int:
    """Return how many events the records' histories hold; each must be in the log exactly once, and no other of theirs."""
    logged = Counter(
        json.loads(line)["id"]
        for path in sorted(home.glob("state/events/*.ndjson"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    known = {event["id"] for record in records for event in record["history"]}
    wrong = [f"{event} is {logged[event]} times in the log" for event in sorted(known) if logged[event] != 1]
    wrong += [
        f"{event} is in no history" for event in logged if event not in known and not event.startswith("refused/")
    ]
    if wrong:
        raise DemoFailed(f"{len(wrong)} events are wrong: {wrong[0]}")
    return len(known)


def nothing_is_held(home: Scratch, records: Sequence[dict[str, Any]]) -> None:
    """See that no lease, no held slot and no process of the home is left."""
    leases = [lease for record in records for lease in record.get("leases", ())]
    slots = [path.name for path in sorted((home.path / "state/slots").iterdir()) if is_held(path)]
    for what, left in (("leases", leases), ("held slots", slots), ("processes", home.processes())):
        if left:
            raise DemoFailed(f"there are {what} left: {left}")
