"""The words under which documents tell what a focus group is like, and how what stands there is cleaned."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.products import LISTS, PROFILE
from baton.domain.project_files import ITEM_LIMIT, MOST_ITEMS, NAME_LIMIT, TEXT_LIMIT

_OTHER_WORDS = {
    "nickname": "nick name, alias, also called",
    "category": "segment type, type, kind",
    "overview": "description, summary, profile, about, about them, who, who they are",
    "demographics": "demographic, demography",
    "psychographics": "psychographic, psychography, values",
    "core_desires": "core desire, desires, desire, wants, wishes, goals, needs",
    "pain_points": "pain point, pains, pain, problems, frustrations, struggles",
    "fears": "fear, worries",
    "beliefs": "belief",
    "objections": "objection, doubts",
    "emotional_triggers": "emotional trigger, triggers",
    "language_patterns": "language pattern, language, words, their words, words they use, phrases",
    "hooks": "hook, marketing hooks, headlines, angles",
}
FIELD_WORDS = {
    word: field for field, words in _OTHER_WORDS.items() for word in (field.replace("_", " "), *words.split(", "))
}
NAME_WORDS = frozenset({"name", "group", "focus group", "audience", "segment", "persona", "group name"})
NUMBER_WORDS = frozenset({"number", "no", "nr", "#"})
# What stands in a group beside its fields: whoever reads it knows that this is one, also if no field is filled.
MARKS = frozenset({"spoken of", "proof"})

_NOTHING = frozenset(
    {"", "-", "--", "?", "n/a", "na", "none", "unknown", "not known", "no proof", "tbd", "todo", "..."}
)
_STRENGTHS = frozenset({"strong", "weak", "no proof"})
# "(`sources/letters.md`, sentence 3)": where it was found. The document keeps it; another campaign has no such file.
_PLACE = re.compile(r"\s*\((?:`[^`]+`[^()]*)\)\s*$|: \d+ sentences?$")
_MARKUP = re.compile(r"[*_`#]+")


class FoundGroup(Struct, kw_only=True):
    """A group of a document: where it begins, and what stands under each field. ``ignored``: words that are no field.

    ``is_bulleted``: its fields are items of a list, so that an item beside them is no item of theirs.
    """

    name: str
    line: int
    level: int = 1
    number: int | None = None
    said: dict[str, list[str]]
    ignored: list[str]
    is_bulleted: bool = False

    def say(self, field: str, text: str) -> None:
        """Put one item under a field."""
        text = cleaned(text)
        if text:
            self.said.setdefault(field, []).append(text)

    def fields(self) -> dict[str, Any]:
        """What it says, as values of the record. Raises ``InvalidInput`` for more than a record keeps."""
        found: dict[str, Any] = {"name": self.name}
        for field in PROFILE:
            items = tuple(dict.fromkeys(self.said.get(field, ())))
            if not items:
                continue
            if len(items) > MOST_ITEMS:
                raise self._refused(field, f"has {len(items)} items, {MOST_ITEMS} are kept")
            value = items if field in LISTS else " ".join(items)
            limit = ITEM_LIMIT if field in LISTS else TEXT_LIMIT if field == "overview" else NAME_LIMIT
            longest = max((value,) if isinstance(value, str) else value, key=len)
            if len(longest) > limit:
                raise self._refused(field, f"is {len(longest)} characters long, {limit} are kept")
            found[field] = value
        return found

    def _refused(self, field: str, what: str) -> InvalidInput:
        named = field.replace("_", " ")
        return InvalidInput(f"line {self.line}: group '{self.name}': {named} {what}", cure="shorten it in the document")


def field_of(label: str) -> str | None:
    """Return the field that a label of a document stands for."""
    return FIELD_WORDS.get(plain(label))


def plain(label: str) -> str:
    """Return a label without markup, in small letters."""
    text = _MARKUP.sub(" ", label).replace("_", " ").lower()
    return " ".join(text.split()).strip(" :.-")


def cleaned(text: str) -> str:
    """Return what one item says: without its place and markup at its ends; empty where it says nothing."""
    text = _PLACE.sub("", " ".join(text.split())).strip()
    text = re.sub(r"^(\*\*|__)(.*?)\1$", r"\2", text).strip()
    return "" if plain(text) in _NOTHING else text


def is_strength(text: str) -> bool:
    """Tell whether a word behind a field's name only says how well it is proved."""
    return plain(text) in _STRENGTHS


def split_cell(text: str) -> Iterable[str]:
    """Return the items of a table's cell."""
    return re.split(r"\s*(?:;|\n|<br\s*/?>|•)\s*", text)


def check_found(groups: list[FoundGroup], where: str) -> list[FoundGroup]:
    """Return the groups; refuse a document in which there is none, or two of one name, or a name that is too long."""
    if not groups:
        raise InvalidInput(
            f"{where}: no focus group was found in it",
            cure="give each group a heading with fields below it (Pain points: ...), or a table with a column 'name'",
        )
    seen: dict[str, FoundGroup] = {}
    for group in groups:
        if not group.name:
            raise InvalidInput(f"{where}:{group.line}: a group has no name", cure="write it into the heading")
        if len(group.name) > NAME_LIMIT:
            raise InvalidInput(f"{where}:{group.line}: the name of a group is longer than {NAME_LIMIT} characters")
        other = seen.setdefault(plain(group.name), group)
        if other is not group:
            raise InvalidInput(
                f"{where}:{group.line}: group '{group.name}' stands there twice, first on line {other.line}",
                cure="make one of the two, or call one another name",
            )
    return groups
