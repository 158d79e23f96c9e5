"""Search in texts: their paragraphs, ranked by BM25 (Robertson and others, 1994), each with an excerpt around the words.

Words are compared by their stems, which are those of English; a text in another language is found by whole words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from _offline.text import WORD, blocks, stem, terms, words

SATURATION, LENGTH_SHARE = 1.2, 0.75
HEADING_WEIGHT = 0.5
EXCERPT = 240


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """One paragraph of a text: which, under which of its headings. ``number`` counts from 1 within the text."""

    source: str
    heading: str
    number: int
    text: str

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each stem is in it."""
        return Counter(stem(word) for word in words(self.text))


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A passage that was found, with its score and the part of it that has most of the words."""

    passage: Passage
    score: float
    excerpt: str


def passages_of(source: str, markdown: str) -> list[Passage]:
    """Return the paragraphs of a Markdown or plain text."""
    return [
        Passage(source=source, heading=heading, number=number, text=text)
        for number, (heading, text, _) in enumerate(blocks(markdown), 1)
    ]


def search(passages: Sequence[Passage], query: str, limit: int) -> list[Hit]:
    """Return the passages that have words of the query, the best first; with equal scores in the order of the texts.

    Words that say nothing ("the", "of") count only in a query that has no others.
    """
    wanted = dict.fromkeys(terms(query) or [stem(word) for word in words(query)])
    if not wanted or not passages:
        return []
    average = sum(one.counts.total() for one in passages) / len(passages) or 1.0
    rarity = {
        term: math.log(1 + (len(passages) - count + 0.5) / (count + 0.5))
        for term in wanted
        for count in [sum(term in one.counts for one in passages)]
    }
    scored = []
    for place, one in enumerate(passages):
        length = 1 - LENGTH_SHARE + LENGTH_SHARE * one.counts.total() / average
        heading = {stem(word) for word in words(one.heading)}
        score = sum(
            rarity[term]
            * (
                one.counts[term] * (SATURATION + 1) / (one.counts[term] + SATURATION * length)
                + (HEADING_WEIGHT if term in heading else 0)
            )
            for term in wanted
            if one.counts[term]
        )
        if score > 0:
            scored.append((-score, place, one))
    return [
        Hit(passage=one, score=round(-score, 4), excerpt=excerpt_of(one.text, wanted))
        for score, _, one in sorted(scored, key=lambda found: found[:2])[:limit]
    ]


def excerpt_of(text: str, wanted: Sequence[str] | dict[str, None], length: int = EXCERPT) -> str:
    """Return the part of a text, of about ``length`` characters, in which most of the wanted stems stand."""
    if len(text) <= length:
        return text
    places = [(match.start(), stem(match[0].lower())) for match in WORD.finditer(text)]
    hits = [(start, one) for start, one in places if one in wanted]
    best = max(
        (start for start, _ in hits),
        key=lambda start: len({one for other, one in hits if start <= other < start + length - 40}),
        default=0,
    )
    # A little of what stands before, whole words only.
    begin = next((start for start, _ in places if start >= best - 40), 0)
    end = max((start for start, _ in places if start <= begin + length), default=len(text))
    if end <= begin or begin + length >= len(text):
        end = len(text)
    shown = text[begin:end].strip()
    return f"{'... ' if begin else ''}{shown}{' ...' if end < len(text) else ''}"
