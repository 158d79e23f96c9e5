"""Taking secrets out of a text before it reaches a log, an event, a record, a message or a screen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

MASK = "***"
# A shorter secret stands in ordinary words by chance: masking it would tell where, and spoil the text.
SHORTEST = 6
# The look-behind lets a long run of digits be tried once, not once a digit. In a URL the colon may be percent-encoded.
_TELEGRAM_TOKEN = re.compile(r"(?<![0-9])[0-9]{6,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}")


def redact(text: str, secrets: Collection[str]) -> str:
    """Return ``text`` with every secret, and whatever looks like a Telegram bot token, replaced by ``***``.

    Secrets of fewer than six characters are left alone. Where secrets overlap, all that any of them covers goes:
    the end of one must not survive because the beginning went with another.
    """
    covered = sorted(_places(text, secrets))
    kept: list[str] = []
    end = 0
    for start, stop in covered:
        if start >= end:
            kept += (text[end:start], MASK)
        end = max(end, stop)
    return "".join((*kept, text[end:]))


def _places(text: str, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    for match in _TELEGRAM_TOKEN.finditer(text):
        yield match.span()
    for secret in secrets:
        if len(secret) < SHORTEST:
            continue
        start = text.find(secret)
        while start >= 0:
            yield start, start + len(secret)
            start = text.find(secret, start + 1)
