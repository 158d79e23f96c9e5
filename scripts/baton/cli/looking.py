"""What ``status`` and ``doctor`` share: they only look. No lock is waited for, no file written, not even a cache."""

from __future__ import annotations

import os

from msgspec import Struct

from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError
from baton.domain.times import parse_instant, seconds_between
from baton.store.files import names_in, read_bytes
from baton.store.layout import Home

# A sweep each minute is the rule; this much later, cron has stopped or was never set up.
SWEEP_LATE_SECONDS = 300.0
# A path below a device: nothing is ever found there, and nothing can be kept.
NO_CACHE = os.path.join(os.devnull, "cache")


class SetAside(Struct, frozen=True, kw_only=True):
    """A file in quarantine, and why it is there."""

    kind: str
    id: str
    reason: str


def looking(wiring: Wiring) -> Wiring:
    """Return a wiring of the same home that keeps nothing of what it parses."""
    home = Home(wiring.home.root)
    home.cache = NO_CACHE
    return Wiring(home, wiring.environ, wiring.warn)


def last_sweep(home: Home) -> str | None:
    """Return when the last sweep began: it leaves the instant in its lock file."""
    try:
        said = (read_bytes(home.in_state("locks", "sweep.lock")) or b"").decode("ascii").strip()
        return parse_instant(said)
    except (OSError, ValueError, BatonError):
        return None


def sweep_age(home: Home, now: str) -> float | None:
    """Return the seconds since the last sweep began; ``None`` when there was none."""
    last = last_sweep(home)
    return None if last is None else max(0.0, seconds_between(last, now))


def quarantined(home: Home) -> list[SetAside]:
    """Return what lies in quarantine, by kind and id."""
    found = []
    for kind in ("agent", "campaign", "task"):
        folder = home.in_state("quarantine", f"{kind}s")
        for name in sorted(name for name in names_in(folder) if name.endswith(".json")):
            id = name.removesuffix(".json")
            try:
                reason = (read_bytes(os.path.join(folder, f"{id}.reason.txt")) or b"").decode("utf-8", "replace")
            except OSError:
                reason = ""
            found.append(SetAside(kind=kind, id=id, reason=reason.strip()))
    return found
