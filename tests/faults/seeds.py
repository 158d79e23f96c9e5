"""The seed of a random test: printed, so that what failed can be tried again."""

from __future__ import annotations

import os
import random


def seed() -> int:
    """``BATON_SEED``, or a new one; printed, for pytest shows what a failed test printed."""
    chosen = int(os.environ.get("BATON_SEED") or random.randrange(1_000_000))
    print(f"BATON_SEED={chosen}")
    return chosen
