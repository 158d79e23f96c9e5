"""Price tokens by the lists that genai-prices brings along: a program of its own, started by ``prices``.

One JSON document comes in on standard input, ``{"at", "models": {name: amounts}}``; ``{name: dollars}`` goes out.
Nothing here reaches the network: the library only does where it is asked to keep itself up to date. Imports nothing of
ours.
"""

from __future__ import annotations

import json
import math
import re
import sys
from datetime import datetime
from typing import Any

from genai_prices import Usage, calc_price

# Some models cost more for each token of a very long request. What we know is the sum over a run's many requests, which
# says nothing about their length; so it is priced in pieces that are short enough for the plain price.
PIECE = 30_000
_VARIANT = re.compile(r"\[[^\]]*\]$")


def main() -> None:
    """Answer one question."""
    asked = json.load(sys.stdin)
    at = datetime.fromisoformat(asked["at"])
    found = {name: price(name, amounts, at) for name, amounts in asked["models"].items()}
    json.dump({name: dollars for name, dollars in found.items() if dollars is not None}, sys.stdout)


def price(model: str, amounts: dict[str, int], at: datetime) -> float | None:
    """Return what these tokens cost, in US dollars; ``None`` when the model, or its price, is not known."""
    read, written = amounts.get("cache_read_tokens", 0), amounts.get("cache_creation_tokens", 0)
    all_in, out = amounts.get("input_tokens", 0) + read + written, amounts.get("output_tokens", 0)
    pieces = max(1, math.ceil(max(all_in, out) / PIECE))
    usage = Usage(
        input_tokens=math.ceil(all_in / pieces),
        cache_read_tokens=read // pieces,
        cache_write_tokens=written // pieces,
        output_tokens=round(out / pieces),
    )
    for words in references(model):
        try:
            found = calc_price(usage, genai_request_timestamp=at, **words)
        except LookupError:
            continue
        return float(found.total_price) * pieces
    return None


def references(model: str) -> list[dict[str, Any]]:
    """Return by what a model may be known: its name without a variant, and behind ``provider/`` that provider's."""
    name = _VARIANT.sub("", model)
    provider, _, rest = name.partition("/")
    return [{"model_ref": name}, *([{"model_ref": rest, "provider_id": provider}] if rest else [])]


if __name__ == "__main__":
    main()
