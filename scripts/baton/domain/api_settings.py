"""How models are asked over their API: the ``harness.api`` part of the settings."""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
import re

from msgspec import Struct

from baton.domain.refusals import check_count, check_durations, check_word, refuse_key
from baton.domain.times import parse_duration

# Where each wire is spoken by those who made it, and how the key for it is usually called.
WIRES = {
    "anthropic": ("https://api.anthropic.com", "ANTHROPIC_API_KEY"),
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
}
NO_KEY = "none"
MOST_TOKENS = 1_000_000
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9._~%/-]*)?"
)
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]")


class ApiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which API is asked, and how. ``wire`` is what it speaks, ``key`` the name of its key, or ``none``.

    ``read_timeout`` is how long it may send nothing at all. ``max_tokens`` bounds an answer.
    """

    wire: str = "anthropic"
    base_url: str | None = None
    key: str | None = None
    model: str | None = None
    max_tokens: int | None = None
    read_timeout: str = "10m"

    def __post_init__(self) -> None:
        check_word("wire", self.wire, WIRES, "a wire that is spoken here")
        check_durations(self, "read_timeout", above_zero=True)
        if self.max_tokens is not None:
            check_count("max_tokens", self.max_tokens, most=MOST_TOKENS)
        if self.key is not None and self.key != NO_KEY and _KEY.fullmatch(self.key) is None:
            # Not shown: what stands here by mistake may be the key itself.
            refuse_key("key", "is not the name of a key", cure="write its name, like ANTHROPIC_API_KEY, or none")
        if self.model is not None and not self.model.strip():
            refuse_key("model", "is empty", cure="write the name of a model, or remove the key")
        if self.base_url is not None:
            self._check_url(self.base_url)

    def _check_url(self, url: str) -> None:
        found = _URL.fullmatch(url)
        if found is None or int(found["port"] or 0) > 65_535:
            # Not shown: a password may stand in it.
            refuse_key("base_url", "is not the address of an API", cure="write it like https://api.anthropic.com")
        if found["scheme"] == "http" and self.key != NO_KEY and _LOOPBACK.fullmatch(found["host"]) is None:
            refuse_key(
                "base_url", "http would show the key to the network", cure="use https, or key: none for one without"
            )

    @property
    def url(self) -> str:
        """The address of the API, without a slash at its end."""
        return (self.base_url or WIRES[self.wire][0]).rstrip("/")

    @property
    def key_name(self) -> str | None:
        """The name of the key; ``None`` of an API that needs none."""
        return None if self.key == NO_KEY else self.key or WIRES[self.wire][1]

    @property
    def read_timeout_seconds(self) -> float:
        """How long the API may send nothing."""
        return parse_duration(self.read_timeout)
