"""List prices of models, from the library genai-prices: an extra (requirements-prices.txt).

It lives in a program of its own, ``price_reader``: in a supervisor it would double the memory that is held for good.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec

import msgspec

from baton.domain.usage import Amounts

READER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "price_reader.py")
READER_SECONDS = 10.0


class ListPrices:
    """Estimates by list prices; without the library, of nothing."""

    def __init__(self, reader_seconds: float = READER_SECONDS) -> None:
        self._reader_seconds = reader_seconds

    def estimate(self, models: Mapping[str, Amounts], at: str) -> dict[str, float]:
        """Return the price of each model's tokens; what library, model or price is not known for is left out."""
        if not models or find_spec("genai_prices") is None:
            return {}
        asked = {"at": at, "models": {name: msgspec.to_builtins(amounts) for name, amounts in models.items()}}
        try:
            done = subprocess.run(
                # -P: the files beside the reader are no modules of its own.
                [sys.executable, "-P", READER],
                input=json.dumps(asked).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._reader_seconds,
                check=True,
            )
            found = msgspec.json.decode(done.stdout, type=dict[str, float])
        except (OSError, subprocess.SubprocessError, msgspec.DecodeError, UnicodeDecodeError):
            return {}  # an extra, of whatever version, must not keep the end of a run back
        return {name: price for name, price in found.items() if name in models and price >= 0}
