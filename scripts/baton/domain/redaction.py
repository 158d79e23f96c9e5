"""Taking secrets out of a text before it reaches a log, an event, a record, a prompt, a message or a screen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

MASK = "***"
# A shorter secret stands in ordinary words by chance: masking it would tell where, and spoil the text.
SHORTEST = 6
# How tokens look whose makers gave them a sign of their own. The look-behind lets a long run of characters be tried
# once, not once a character. In a URL the colon of Telegram's may be percent-encoded.
_TOKENS = re.compile(
    r"(?<![0-9])[0-9]{6,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}"  # Telegram
    r"|(?<![A-Za-z0-9_-])(?:"
    r"sk-[A-Za-z0-9_-]{20,}"  # Anthropic, OpenAI, OpenRouter
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|A(?:KIA|SIA)[0-9A-Z]{16}(?![0-9A-Z])|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}"
    r"|xox[a-z]-[A-Za-z0-9-]{10,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}"
    r"|(?:gsk|xai|pplx)[_-][A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}"  # a JSON Web Token
    r")"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD")
_SECRET_ENDS = (*_SECRET_WORDS, "PASSWD", "CREDENTIALS", "HEADERS")


def is_secret(name: str) -> bool:
    """Tell whether a variable's name says that its value is a secret."""
    return any(word in name.upper() for word in _SECRET_WORDS)


def secret_values(variables: Mapping[str, str], named: Collection[str] = ()) -> frozenset[str]:
    """Return the values of the variables that are ``named``, or whose name ends as that of a secret does.

    Stricter than :func:`is_secret`: ``SSH_KEY_PATH`` holds a place, which may stand in any text.
    """
    return frozenset(
        value for name, value in variables.items() if value and (name in named or name.upper().endswith(_SECRET_ENDS))
    )


def redact(text: str, secrets: Collection[str]) -> str:
    """Return ``text`` with every secret, and whatever looks like a well-known token or key, replaced by ``***``.

    Secrets of fewer than six characters are left alone. Where secrets overlap, all that any of them covers goes:
    the end of one must not survive because the beginning went with another.
    """
    return masked(text, secrets)[0]


def masked(text: str, secrets: Collection[str]) -> tuple[str, int]:
    """Return the text as :func:`redact` does, and how many places were replaced."""
    looks = (match.span() for match in _TOKENS.finditer(text))
    return _replaced(text, chain(looks, _places(text, secrets)))


def redact_in(data: Any, secrets: Collection[str]) -> Any:
    """Return lists, mappings and whatever is in them with every one of ``secrets`` replaced in every text.

    These alone: what only looks like a token may be what was asked for. To be done before anything is cut short: of a
    secret that was cut nobody knows the rest again.
    """
    if not secrets:
        return data
    if isinstance(data, str):
        return _replaced(data, _places(data, secrets))[0]
    if isinstance(data, dict):
        return {redact_in(name, secrets): redact_in(value, secrets) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(redact_in(value, secrets) for value in data)
    return data


class Redactor:
    """Takes known secrets, and these alone, out of a text that comes in pieces, each of which is shown at once.

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
        return _replaced(text[:end], _places(text[:end], self._secrets))[0]

    def rest(self) -> str:
        """Return what is held back, when no more comes."""
        held, self._held = self._held, ""
        return _replaced(held, _places(held, self._secrets))[0]

    def _open_end(self, text: str) -> int:
        """The length of the longest end of ``text`` that is a beginning of a secret, and not all of one."""
        longest = 0
        for secret in self._secrets:
            for length in range(min(len(secret) - 1, len(text)), longest, -1):
                if text.endswith(secret[:length]):
                    longest = length
                    break
        return longest


def _replaced(text: str, places: Iterable[tuple[int, int]]) -> tuple[str, int]:
    kept: list[str] = []
    end = count = 0
    for start, stop in sorted(places):
        if start >= end:
            kept += (text[end:start], MASK)
            count += 1
        end = max(end, stop)
    return "".join((*kept, text[end:])), count


def _places(text: str, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    for secret in secrets:
        if len(secret) < SHORTEST:
            continue
        start = text.find(secret)
        while start >= 0:
            yield start, start + len(secret)
            start = text.find(secret, start + 1)
