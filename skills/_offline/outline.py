"""An outline: of each paragraph of a source the part that belongs here, and those parts gathered into sections.

A run is a beginning of a paragraph, or a part of it that can be understood without its beginning: sentences torn out one
by one read like a heap. Sections are made of runs that resemble each other, and follow the order of the sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from _offline.phrases import Phrase
from _offline.ranking import Weights, cosine
from _offline.sources import Sentence
from _offline.text import follows_on, leans_back, refers, takes_back, words

LONGEST_RUN, WORDS_OF_RUN = 7, 130
MIDDLE = 0.8
WORDS_OF_SECTION = 150
FEWEST, MOST = 3, 5
NEIGHBOURS, SAME_HEADING, BIG = 0.12, 0.4, 0.8
LEAST_ALONE = 12
TWO_WORDS, EARLY = 1.5, 2.0
TOLD = 2.0
HEADING_WORDS = 10
MOSTLY, OF_HEADING = 0.6, 0.3
_TOO_GENERAL = re.compile(
    r"(introduction|overview|summary|conclusion|notes?|misc\w*|about|general|contents?)\W*$", re.I
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Sentences that stand one after the other in one paragraph of a source; they stay together."""

    sentences: tuple[Sentence, ...]

    @property
    def place(self) -> tuple[str, int]:
        """The source and the paragraph in it."""
        return self.sentences[0].source, self.sentences[0].paragraph

    @property
    def terms(self) -> tuple[str, ...]:
        """The stems of their telling words."""
        return tuple(term for sentence in self.sentences for term in sentence.terms)

    @property
    def count(self) -> int:
        """How many words it has."""
        return sum(one.count for one in self.sentences)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section to be: its heading, and its paragraphs in the order of reading."""

    heading: str
    paragraphs: tuple[tuple[Sentence, ...], ...]

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """Its sentences, in their order."""
        return tuple(one for paragraph in self.paragraphs for one in paragraph)


def best_run(
    paragraph: Sequence[Sentence],
    scores: Mapping[Sentence, float],
    fits: Callable[[Sentence], bool],
    least: float,
) -> tuple[Run, float] | None:
    """Return the part of a paragraph that belongs in the article most, and how much; ``None`` if none can stand alone.

    A sentence that has a lower score than ``least`` makes a run worse.
    """
    found = (0.0, 0, 0, 0)
    for first in range(len(paragraph)):
        if not can_begin(paragraph, first):
            continue
        value, count = 0.0, 0
        for last in range(first, min(len(paragraph), first + LONGEST_RUN)):
            one = paragraph[last]
            count += one.count
            is_torn = last > first and one.number != paragraph[last - 1].number + 1
            if is_torn or not fits(one) or (count > WORDS_OF_RUN and last > first):
                break
            value += scores[one] - least
            # One sentence out of several says little; one that is a paragraph by itself may be a mere label.
            is_enough = last > first or (len(paragraph) == 1 and count >= LEAST_ALONE)
            if value > 0 and is_enough and can_end(paragraph, last):
                worth = value * (1.0 if first == 0 else MIDDLE)
                found = max(found, (worth, -first, last, first))
    worth, _, last, first = found
    if not worth:
        return None
    chosen = paragraph[first : last + 1]
    values = [scores[one] for one in chosen]
    score = 0.5 * max(values) + 0.5 * sum(values) / len(values)
    return Run(sentences=tuple(chosen)), score * (1.0 if first == 0 else MIDDLE)


def can_begin(paragraph: Sequence[Sentence], first: int) -> bool:
    """Tell whether this sentence can be understood without those before it in its paragraph."""
    text = paragraph[first].text
    if first == 0:
        return not leans_back(text)
    return not follows_on(text) and not paragraph[first - 1].text.endswith("?")


def can_end(paragraph: Sequence[Sentence], last: int) -> bool:
    """Tell whether a paragraph may be left here: no question without its answer, no claim without what limits it."""
    text = paragraph[last].text
    goes_on = last + 1 < len(paragraph) and takes_back(paragraph[last + 1].text)
    return not goes_on and not text.endswith("?") and not text.rstrip("\"'”’)").endswith(":")


def parts_of(
    runs: Sequence[Run],
    weights: Weights,
    keyword: Phrase,
    *,
    known: Sequence[Phrase] = (),
    offered: Sequence[Phrase] = (),
    barred: Sequence[Phrase] = (),
    titles: Mapping[str, str] | None = None,
    fewest: int = FEWEST,
) -> list[Part]:
    """Return three to five sections, as far as there is enough for them, in the order of the source that says most.

    ``known`` phrases, and then ``offered`` ones, may be topics; ``barred`` ones belong to other articles. ``titles`` are
    those of the sources: the heading of a section for which no phrase is found.
    """
    own = {(run.place[0], run.sentences[0].heading) for run in runs if run.sentences[0].heading}
    wanted = max(fewest, min(MOST, max(len(own), round(sum(run.count for run in runs) / WORDS_OF_SECTION))))
    said: dict[str, int] = {}
    for run in runs:
        said[run.place[0]] = said.get(run.place[0], 0) + run.count

    def place_of(run: Run) -> tuple[int, str, int]:
        return -said[run.place[0]], *run.place

    groups = [sorted(group, key=place_of) for group in _gathered(runs, weights, keyword, wanted)]
    groups.sort(key=lambda group: place_of(group[0]))
    strong = {phrase.stems for phrase in known}
    topics = _topics(groups, keyword, [*known, *offered], barred)
    parts: list[Part] = []
    for group, topic in zip(groups, topics, strict=True):
        taken = {part.heading for part in parts}
        title = (titles or {}).get(group[0].place[0], keyword.text)
        # A single word that only the sentences offer says less than the title of the source, where that is free.
        is_weak = topic is None or (len(topic.stems) == 1 and topic.stems not in strong)
        name = title if topic is None or (is_weak and title not in taken) else topic.text
        heading, paragraphs = _headed(group, name, taken)
        same = next((place for place, part in enumerate(parts) if part.heading == heading), None)
        if same is not None:  # nothing tells these sections apart
            parts[same] = Part(heading=heading, paragraphs=(*parts[same].paragraphs, *paragraphs))
        else:
            parts.append(Part(heading=heading, paragraphs=paragraphs))
    return parts


def _headed(group: Sequence[Run], name: str, taken: Collection[str]) -> tuple[str, tuple[tuple[Sentence, ...], ...]]:
    """Return the heading: the source's own, else the question or statement it begins with, else the name of the topic."""
    paragraphs = tuple(run.sentences for run in group)
    total = sum(map(len, paragraphs))
    own = [one.heading for one in paragraphs[0] if one.heading]
    if own and not _TOO_GENERAL.match(own[0]) and len(words(own[0])) <= HEADING_WORDS:
        same = sum(one.heading == own[0] for run in group for one in run.sentences)
        if same >= MOSTLY * total:
            return own[0], paragraphs
    for place, paragraph in enumerate(paragraphs):
        text = paragraph[0].text.rstrip(".")
        if len(paragraph) >= OF_HEADING * total and text not in taken and _is_heading(text, paragraph[1:]):
            return text, (paragraph[1:], *paragraphs[:place], *paragraphs[place + 1 :])
    return name, paragraphs


def _is_heading(text: str, rest: Sequence[Sentence]) -> bool:
    """Tell whether a first sentence can be taken out of its paragraph and stand above it."""
    if len(rest) < 2 or len(words(text)) > HEADING_WORDS or leans_back(text) or refers(text):
        return False
    first = words(rest[0].text)[0]
    is_clear = first in ("it", "its", "they", "their") or not leans_back(rest[0].text)
    return text.endswith("?") or (is_clear and not set(",;:") & set(text))


def _gathered(runs: Sequence[Run], weights: Weights, keyword: Phrase, wanted: int) -> list[list[Run]]:
    """Join the two groups that are most alike, again and again; large ones are joined last, neighbours first."""
    vectors = {run: weights.vector([t for t in run.terms if t not in keyword.stems]) for run in runs}
    groups = [[run] for run in runs]
    total = sum(run.count for run in runs) or 1

    def likeness(one: Sequence[Run], other: Sequence[Run]) -> float:
        pairs = [cosine(vectors[left], vectors[right]) + _nearness(left, right) for left in one for right in other]
        size = sum(run.count for run in (*one, *other))
        return sum(pairs) / len(pairs) - BIG * size / total

    while len(groups) > wanted:
        pairs = [(here, there) for there in range(len(groups)) for here in range(there)]
        here, there = max(pairs, key=lambda pair: (likeness(groups[pair[0]], groups[pair[1]]), -pair[0], -pair[1]))
        groups[here] += groups.pop(there)
    return groups


def _nearness(one: Run, other: Run) -> float:
    (source, place), (other_source, other_place) = one.place, other.place
    if source != other_source:
        return 0.0
    own, other_own = one.sentences[0].heading, other.sentences[0].heading
    return (SAME_HEADING if own and own == other_own else 0.0) + (NEIGHBOURS if abs(place - other_place) == 1 else 0.0)


def _topics(
    groups: Sequence[Sequence[Run]], keyword: Phrase, known: Sequence[Phrase], barred: Sequence[Phrase]
) -> list[Phrase | None]:
    """Return for each group the phrase that stands in it most and in the others least, each but once."""
    hidden = set(keyword.stems)
    offered = {phrase.stems: phrase for phrase in reversed(known)}
    refused = [set(phrase.stems) for phrase in barred]
    fit = [p for p in offered.values() if not set(p.stems) <= hidden and not any(set(p.stems) >= r for r in refused)]
    counts = {p.stems: [_hits(group, p) for group in groups] for p in fit}

    def worth(number: int, phrase: Phrase) -> float:
        here, total = counts[phrase.stems][number], sum(counts[phrase.stems])
        openings = [run.sentences[0].terms for run in groups[number]]
        value = here * (here / total) ** 2 if total else 0.0
        value *= TWO_WORDS if len(phrase.stems) > 1 else 1.0
        return value * (EARLY if any(map(phrase.is_in, openings)) else 1.0)

    found: list[Phrase | None] = [None] * len(groups)
    pairs = [(worth(number, p), -number, p.text) for number in range(len(groups)) for p in fit]
    by_text = {p.text: p for p in fit}
    for value, number, text in sorted(pairs, reverse=True):
        phrase = by_text[text]
        stems = set(phrase.stems)
        taken = [set(one.stems) for one in found if one is not None]
        if value >= TOLD and found[-number] is None and not any(stems <= one or stems >= one for one in taken):
            found[-number] = phrase
    return found


def _hits(group: Sequence[Run], phrase: Phrase) -> int:
    return sum(phrase.is_in(one.terms) for run in group for one in run.sentences)


def opening_of(paragraph: Sequence[Sentence], least: int, most: int) -> list[Sentence]:
    """Return the beginning of a paragraph that has ``least`` to ``most`` words, as far as it can be left there."""
    ends = [last for last in range(len(paragraph)) if can_end(paragraph, last)]
    counts = [sum(one.count for one in paragraph[: last + 1]) for last in ends]
    fit = [last for last, count in zip(ends, counts, strict=True) if count >= least]
    end = next((last for last, count in zip(ends, counts, strict=True) if least <= count <= most), None)
    if end is None:
        end = fit[0] if fit else (ends[-1] if ends else len(paragraph) - 1)
    return list(paragraph[: end + 1])
