"""Common slips in English prose, found by rule: they are worth a look, and not all of them are wrong.

No grammar is parsed here. What a rule cannot tell without reading, like a word that is right in another sentence, it
leaves alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from _offline.text import blocks, sentences, word_set, words

LONG_WORDS = 30
_REPEATED = re.compile(r"\b([A-Za-z]+)\s+\1\b", re.IGNORECASE)
_MAY_REPEAT = word_set("that had bye no very so")
_ARTICLE = re.compile(r"\b(an?)\s+([A-Za-z][\w’'-]*)", re.IGNORECASE)
_SILENT_H = ("hour", "honest", "honour", "honor", "heir")
_SPOKEN_AS_CONSONANT = re.compile(
    r"(?:eu|ewe|one(?:\b|-|s|t)|once|u(?:ni[^mn]|s(?:e|a|u)|tili|topia|biq|rin|f))", re.IGNORECASE
)
_SPACED = re.compile(r"\w\s+([,;:!?.])(?=\s|$)")
_RUN_TOGETHER = re.compile(r"\b[A-Za-z]{2,}([,;])[A-Za-z]{2,}")
_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"))
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being)\s+(?:\w+ly\s+)?\w{2,}(?:ed|en|own|ung|ought)\b", re.IGNORECASE
)
_MISWRITTEN = {
    "alot": "a lot",
    "could of": "could have",
    "would of": "would have",
    "should of": "should have",
    "must of": "must have",
    "definately": "definitely",
    "seperate": "separate",
    "recieve": "receive",
    "occured": "occurred",
    "untill": "until",
    "wich": "which",
    "teh": "the",
    "its a": "it's a",
    "irregardless": "regardless",
    "in regards to": "in regard to",
}
_WRITTEN = re.compile(rf"\b(?:{'|'.join(map(re.escape, _MISWRITTEN))})\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Slip:
    """One place worth a look: ``paragraph`` counts from 1, ``text`` is what stands there."""

    kind: str
    paragraph: int
    text: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class LongSentence:
    """A sentence that has many words."""

    paragraph: int
    count: int
    text: str


def slips_in(markdown: str) -> list[Slip]:
    """Return the slips of a Markdown or plain text, in its order."""
    return [slip for number, text, is_item in _paragraphs(markdown) for slip in _slips(number, text, is_item)]


def long_sentences(markdown: str, most: int = LONG_WORDS) -> list[LongSentence]:
    """Return the sentences of more than ``most`` words, the longest first."""
    found = [
        LongSentence(paragraph=number, count=len(words(sentence)), text=sentence)
        for number, text, _ in _paragraphs(markdown)
        for sentence in sentences(text)
        if len(words(sentence)) > most
    ]
    return sorted(found, key=lambda one: (-one.count, one.paragraph))


def passive_count(markdown: str) -> int:
    """Return how many sentences look passive."""
    return sum(
        _PASSIVE.search(sentence) is not None for _, text, _ in _paragraphs(markdown) for sentence in sentences(text)
    )


def _paragraphs(markdown: str) -> Iterator[tuple[int, str, bool]]:
    for number, (_, text, is_item) in enumerate(blocks(markdown), 1):
        yield number, text, is_item


def _slips(number: int, text: str, is_item: bool) -> Iterator[Slip]:
    found: list[tuple[int, str, str, str]] = []
    for match in _REPEATED.finditer(text):
        if match[1].lower() not in _MAY_REPEAT:
            found.append((match.start(), "repeated word", match[0], f"write '{match[1]}' once"))
    for match in _ARTICLE.finditer(text):
        wanted = "an" if _sounds_open(match[2]) else "a"
        if match[1].lower() != wanted and not match[2].isupper() and len(match[2]) > 1:
            found.append((match.start(), "article", match[0], f"write '{wanted} {match[2]}'"))
    for match in _WRITTEN.finditer(text):
        found.append((match.start(), "spelling", match[0], f"write '{_MISWRITTEN[match[0].lower()]}'"))
    for match in _SPACED.finditer(text):
        found.append((match.start(), "spacing", match[0], f"no space before '{match[1]}'"))
    for match in _RUN_TOGETHER.finditer(text):
        found.append((match.start(), "spacing", match[0], f"a space after '{match[1]}'"))
    for opening, closing in _PAIRS:
        if text.count(opening) != text.count(closing):
            what = f"as many '{opening}' as '{closing}'"
            found.append((len(text), "pair", text if len(text) <= 60 else f"{text[:57]}...", what))
    place = 0
    for sentence in sentences(text):
        if not is_item and sentence[:1].islower() and not sentence.startswith(("http", "www")):
            found.append((place, "capital", " ".join(sentence.split()[:4]), "begin the sentence with a capital"))
        place += len(sentence)
    for _, kind, words_, hint in sorted(found):
        yield Slip(kind=kind, paragraph=number, text=words_, hint=hint)


def _sounds_open(word: str) -> bool:
    """Tell whether a word is spoken with a vowel at its beginning."""
    lower = word.lower()
    if lower.startswith(_SILENT_H):
        return True
    return lower[0] in "aeiou" and _SPOKEN_AS_CONSONANT.match(lower) is None
