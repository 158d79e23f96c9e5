"""Where what a campaign makes is to be published: told to its agents and the manifest, checked when a piece is."""

# No "from __future__ import annotations": the record's decoder reads these types as it starts (see records).
import re

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.refusals import refuse_key

MOST_CHARACTERS = 2_000
_ADDRESS = r"https?://[^\s<>\"'/]+[^\s<>\"']*"


class Publish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Publish settings of a campaign: the site's address, the place there, the form of a piece, in whose name."""

    site: str = ""
    place: str = ""
    format: str = ""
    author: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if len(getattr(self, name)) > MOST_CHARACTERS:
                refuse_key(name, f"is longer than {MOST_CHARACTERS} characters", cure="say it in fewer words")
        if self.site and not is_address(self.site):
            refuse_key("site", f"{self.site[:80]!r} is not an address", cure="write it like https://example.org/blog")

    def lines(self) -> list[str]:
        """What agents are told, a line each."""
        return [
            f"{name}: {' '.join(value.split())}" for name in self.__struct_fields__ if (value := getattr(self, name))
        ]


def is_address(text: str) -> bool:
    """Tell whether a text is the address of a page."""
    return len(text) <= MOST_CHARACTERS and re.fullmatch(_ADDRESS, text) is not None


def check_published(url: str, publish: Publish | None) -> str:
    """Return the address of a published piece; refuse what is none, or lies outside the campaign's site."""
    if not is_address(url):
        raise InvalidInput(f"{url[:80]!r} is not an address", cure="write it like https://example.org/blog/rye")
    site = publish.site.rstrip("/") if publish is not None else ""
    if site and url.rstrip("/") != site and not url.startswith((f"{site}/", f"{site}?", f"{site}#")):
        raise InvalidInput(f"{url[:200]} is not on the campaign's site {site}", cure="see publish.site of the campaign")
    return url
