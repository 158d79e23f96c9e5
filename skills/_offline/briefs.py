"""A brief, read back whoever wrote it: keyword, focus, key phrases, and what is left to other articles."""

from __future__ import annotations

import re
from dataclasses import dataclass

from _offline.phrases import Phrase, phrase_from
from _offline.sources import Trouble

_ROW = re.compile(r"^(?:\|\s*|[-*]\s+|\d+[.)]\s+)([^|:(\n]+)", re.MULTILINE)
_HEAD = frozenset(("phrase", "phrases", "key phrase", "keyword"))


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What the writer takes from a brief. ``phrases`` has the focus first.

    ``others`` are the keywords of other articles, ``sides`` what other articles about this keyword look at it from.
    """

    keyword: Phrase
    phrases: tuple[Phrase, ...] = ()
    others: tuple[Phrase, ...] = ()
    sides: tuple[Phrase, ...] = ()


def brief_from(text: str, keyword: str) -> Brief:
    """Read a brief; ``keyword`` is the task's own, for a brief that names none."""
    chosen = phrase_from(_named(text, "Keyword") or keyword)
    if not chosen.stems:
        raise Trouble("neither the brief nor the task names a keyword")
    block = re.split(r"^#+\s+", text.partition("## Key phrases")[2], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [row.strip(" -*`") for row in _ROW.findall(block)]
    found = dict.fromkeys([_named(text, "Focus"), *(row for row in rows if row.lower() not in _HEAD)])
    return Brief(
        keyword=chosen,
        phrases=tuple(phrase for phrase in map(phrase_from, found) if phrase.stems),
        others=_listed(text, "Left to other articles"),
        sides=_listed(text, "Other sides of it, left too"),
    )


def _listed(text: str, label: str) -> tuple[Phrase, ...]:
    found = (word.strip() for word in _named(text, label).split(","))
    return tuple(map(phrase_from, filter(None, found)))


def _named(text: str, label: str) -> str:
    """Return what stands after 'label:' at the start of a line, bold or in a list."""
    match = re.search(rf"^[\s*_-]*{label}[\s*_]*:[\s*_]*(.+)$", text, re.MULTILINE | re.IGNORECASE)
    return match[1].strip(" *_`.") if match else ""
