"""Taking secrets out of a text before it reaches a log, an event, a record, a prompt, a message or a screen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

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
    covered = sorted(_places(text, secrets))
    kept: list[str] = []
    end = count = 0
    for start, stop in covered:
        if start >= end:
            kept += (text[end:start], MASK)
            count += 1
        end = max(end, stop)
    return "".join((*kept, text[end:])), count


def _places(text: str, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    for match in _TOKENS.finditer(text):
        yield match.span()
    for secret in secrets:
        if len(secret) < SHORTEST:
            continue
        start = text.find(secret)
        while start >= 0:
            yield start, start + len(secret)
            start = text.find(secret, start + 1)
