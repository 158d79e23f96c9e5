"""Taking secrets out of a text before it reaches a log, an event, a record, a message or a screen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

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


def redact_in(data: Any, secrets: Collection[str]) -> Any:
    """Return lists, mappings and whatever is in them with :func:`redact` done to every text, names of mappings too.

    To be done before anything is cut short: of a secret that was cut nobody knows the rest again.
    """
    if not secrets:
        return data
    if isinstance(data, str):
        return redact(data, secrets)
    if isinstance(data, dict):
        return {redact_in(name, secrets): redact_in(value, secrets) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(redact_in(value, secrets) for value in data)
    return data


class Redactor:
    """Takes secrets out of a text that comes in pieces, each of which is shown at once.

    A secret may be cut anywhere: the end of a piece with which one might begin is held back until the next. So what is
    returned lags behind by less than the longest secret, and mostly by nothing.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = [secret for secret in secrets if len(secret) >= SHORTEST]
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what can be shown of all that was fed so far and was not shown yet."""
        text = self._held + piece
        end = len(text) - self._open_end(text)
        # A whole secret that lies across that place stays together with what may begin in its end.
        while across := [start for start, stop in _places(text, self._secrets) if start < end < stop]:
            end = min(across)
        self._held = text[end:]
        return redact(text[:end], self._secrets)

    def rest(self) -> str:
        """Return what is held back, when no more comes."""
        held, self._held = self._held, ""
        return redact(held, self._secrets)

    def _open_end(self, text: str) -> int:
        """The length of the longest end of ``text`` that is a beginning of a secret, and not all of one."""
        longest = 0
        for secret in self._secrets:
            for length in range(min(len(secret) - 1, len(text)), longest, -1):
                if text.endswith(secret[:length]):
                    longest = length
                    break
        return longest


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
