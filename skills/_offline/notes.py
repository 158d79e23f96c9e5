"""What a reviewer asks a writer for, in words that a person, a model and the offline writer all understand.

The words are made here and read back here, so that the two ends cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from _offline.pages import listed, numbered

FIRST_WORDS = 600
FIRST_SOURCES = 3
LONGER = 1.5
MARGIN = 1.12
LONGEST_SENTENCE, SHORT_SENTENCE = 40, 30
_LENGTH = re.compile(r"at (least|most) (\d{2,5}) words in all")
_SOURCES = re.compile(r"at least (\d{1,2}) sources")
_SENTENCE = re.compile(r"at most (\d{1,3}) words (?:a|per|in a|each|to a) sentence")
_SECTIONS = re.compile(r"at least (\d{1,2}) sections")
_TOPICS = re.compile(r"say something about ([^.;:()]+)")
_HINTS = {
    "length": re.compile(r"\b(longer|too short|more (words|detail|depth)|expand)\b"),
    "sources": re.compile(r"\b(more|other|further|additional) sources\b"),
    "sentences": re.compile(r"\b(shorter sentences?|split|long sentences?|sentences? (is|are) too long)\b"),
    "sections": re.compile(r"\bmore (sections|headings)\b"),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a draft is to be: words in all, sources, sections, words a sentence (``None``: as they come).

    ``is_wide`` lets it leave the narrowest circle around the keyword, ``topics`` have to come up. ``did`` says in words
    what the notes changed.
    """

    words: int = FIRST_WORDS
    sources: int = FIRST_SOURCES
    sections: int = 3
    longest: int | None = None
    is_wide: bool = False
    topics: tuple[str, ...] = ()
    did: tuple[str, ...] = ()


def too_short(count: int, least: int) -> str:
    """Ask for a longer draft."""
    return (
        f"It has {numbered(count, 'word')}: write at least {least} words in all, also on what lies next to the keyword."
    )


def too_long(count: int, most: int) -> str:
    """Ask for a shorter draft."""
    return (
        f"It has {numbered(count, 'word')}: write at most {most} words in all, and drop what is far from the keyword."
    )


def few_sources(count: int, least: int, unused: Sequence[str]) -> str:
    """Ask for more sources, and name some."""
    hint = f", for example {listed(unused[:2], 'or')}" if unused else ""
    return f"It uses {numbered(count, 'source')}: use at least {least} sources{hint}."


def few_sections(count: int, least: int) -> str:
    """Ask for more sections."""
    return f"It has {numbered(count, 'section')}: make at least {least} sections, each with a heading of its own."


def missing_topics(topics: Sequence[str]) -> str:
    """Ask for what the brief names and the draft does not."""
    return f"It leaves out what the brief asks for: say something about {listed(topics)}."


def long_sentence(sentence: str, count: int, most: int) -> str:
    """Ask for shorter sentences, and quote the beginning of the longest."""
    start = " ".join(sentence.split()[:7])
    return f"The sentence that begins '{start} ...' has {count} words: write at most {most} words a sentence."


def hard_to_read(ease: float, least: float) -> str:
    """Ask for easier sentences."""
    return f"Its reading ease is {ease:g}, below {least:g}: write shorter sentences and plainer words."


def of_pieces(found: Mapping[str, str]) -> str:
    """Return the notes on several pieces of a batch as one text, each after the name of its piece."""
    return " ".join(f"{name}: {text}" for name, text in found.items())


def for_piece(text: str, name: str, names: Sequence[str]) -> str:
    """Return what of such a text is meant for one piece: all of it when no piece is named, else its own and what is first."""
    first, *named = re.split(f"({'|'.join(map(re.escape, names))}):", text)
    own = (told for which, told in zip(named[::2], named[1::2], strict=True) if which == name)
    return " ".join(part.strip() for part in (first, *own) if part.strip())


def plan_from(notes: str) -> Plan:
    """Return what notes ask for, as far as it is understood; without notes, the plan of a first draft."""
    low = " ".join(notes.lower().split())
    words, sources, sections = FIRST_WORDS, FIRST_SOURCES, 3
    # Whoever reads it again looks closely: what was not asked for must not be wrong in its turn.
    longest = LONGEST_SENTENCE if notes else None
    did: list[str] = []
    asked = {kind: int(count) for kind, count in _LENGTH.findall(low)}
    if asked or _HINTS["length"].search(low):
        words = max(words, round(MARGIN * asked["least"]) if "least" in asked else words)
        words = min(words, round(asked["most"] / MARGIN)) if "most" in asked else words
        words = words if asked else round(LONGER * words)
        did.append(f"aimed at {words} words")
    if (match := _SOURCES.search(low)) or _HINTS["sources"].search(low):
        sources = int(match[1]) if match else 3
        did.append(f"used at least {sources} sources")
    if (match := _SENTENCE.search(low)) or _HINTS["sentences"].search(low):
        longest = int(match[1]) if match else SHORT_SENTENCE
        did.append(f"no sentence of more than {longest} words")
    if (match := _SECTIONS.search(low)) or _HINTS["sections"].search(low):
        sections = int(match[1]) if match else 4
        did.append(f"made at least {sections} sections")
    match = _TOPICS.search(low)
    topics = [topic.strip() for topic in re.split(r",|\band\b", match[1]) if topic.strip()] if match else []
    if topics:
        did.append(f"looked for {listed(topics)}")
    return Plan(
        words=words,
        sources=sources,
        sections=sections,
        longest=longest,
        is_wide=bool(notes),
        topics=tuple(topics),
        did=tuple(did),
    )
