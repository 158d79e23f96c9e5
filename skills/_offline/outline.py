"""An outline: chosen sentences gathered into runs, runs into sections, each section under a key phrase of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from _offline.phrases import Phrase, distinct, key_phrases
from _offline.ranking import Vector, Weights, cosine
from _offline.sources import Sentence
from _offline.text import leans_back

RUNS_A_SECTION = 2.5
FEWEST, MOST = 3, 5
LEAST_SENTENCES = 3
CANDIDATES = 40
TWO_WORDS = 2.0
COVERED = 0.35
FARTHEST = 2


@dataclass(frozen=True, kw_only=True)
class Run:
    """Sentences that stand one after the other in one paragraph of a source; they stay together."""

    sentences: tuple[Sentence, ...]

    @property
    def terms(self) -> tuple[str, ...]:
        """The stems of their telling words."""
        return tuple(term for sentence in self.sentences for term in sentence.terms)

    def count_of(self, phrase: Phrase) -> int:
        """How many of its sentences hold the phrase."""
        return sum(phrase.is_in(sentence.terms) for sentence in self.sentences)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section to be: its heading, and its runs in the order in which they are read."""

    heading: str
    runs: tuple[Run, ...]


def bundle_at(place: int, sentences: Sequence[Sentence]) -> tuple[int, ...]:
    """Return the places of a sentence and of what it needs to be understood; none when that is not there.

    It needs the one it leans on, the question it answers, the answer it asks for, and else a neighbour: a sentence that
    was torn out alone says little.
    """
    one = sentences[place]

    def is_near(other: int) -> bool:
        near = sentences[other] if 0 <= other < len(sentences) else None
        return near is not None and (near.source, near.paragraph) == (one.source, one.paragraph)

    first = last = place
    while leans_back(sentences[first].text) or (is_near(first - 1) and sentences[first - 1].text.endswith("?")):
        first -= 1
        if not is_near(first) or place - first > FARTHEST:
            return ()
    while sentences[last].text.endswith("?") or (first == last and is_near(last + 1)):
        last += 1
        if not is_near(last):
            return ()
    if first == last and is_near(first - 1) and not leans_back(sentences[first - 1].text):
        first -= 1
    return tuple(range(first, last + 1))


def runs_of(chosen: Collection[int], sentences: Sequence[Sentence]) -> list[Run]:
    """Return the chosen places as runs, in the order of the sources."""
    runs: list[list[Sentence]] = []
    last = -2
    for place in sorted(chosen):
        one = sentences[place]
        follows = place == last + 1 and (one.source, one.paragraph) == (runs[-1][-1].source, runs[-1][-1].paragraph)
        if follows:
            runs[-1].append(one)
        else:
            runs.append([one])
        last = place
    return [Run(sentences=tuple(run)) for run in runs]


def parts_of(
    runs: Sequence[Run],
    weights: Weights,
    keyword: Phrase,
    scores: Mapping[Sentence, float],
    *,
    known: Sequence[Phrase] = (),
    fewest: int = FEWEST,
) -> list[Part]:
    """Return three to five sections, as far as there is enough for them, the ones nearest to the keyword first.

    ``known`` phrases are preferred as headings to those that only the chosen sentences offer.
    """
    texts = [one.text for run in runs for one in run.sentences]
    here = key_phrases(texts)
    # One word alone is a heading only when it was chosen with all sources in view, or nothing else is left.
    offered = [*known, *(phrase for phrase in here if len(phrase.stems) > 1)]
    wanted = max(fewest, min(MOST, round(len(runs) / RUNS_A_SECTION)))
    headings = _headings(runs, distinct(offered, CANDIDATES, hidden=keyword.stems), wanted)
    if len(headings) < fewest:
        headings = _headings(runs, distinct([*headings, *offered, *here], CANDIDATES, hidden=keyword.stems), fewest)
    if not headings:
        return [Part(heading=keyword.text, runs=tuple(runs))] if runs else []
    vectors = [weights.vector(run.terms) for run in runs]
    groups = _merged(_grouped(runs, vectors, headings, weights), vectors, runs, fewest)
    value = {
        place: sum(scores[one] for place_ in group for one in runs[place_].sentences)
        / sum(len(runs[place_].sentences) for place_ in group)
        for place, group in groups.items()
    }
    order = sorted(groups, key=lambda place: (-value[place], place))
    return [Part(heading=headings[place].text, runs=tuple(_in_order(runs, groups[place]))) for place in order]


def _headings(runs: Sequence[Run], offered: Sequence[Phrase], wanted: int) -> list[Phrase]:
    """Choose phrases that together cover many sentences; one that is covered already counts for less."""
    chosen: list[Phrase] = []
    everyone = range(len(runs))
    weight = dict.fromkeys(everyone, 1.0)
    while len(chosen) < wanted:
        worth = {
            place: count * (TWO_WORDS if len(phrase.stems) > 1 else 1.0)
            for place, phrase in enumerate(offered)
            if phrase not in chosen and (count := sum(runs[one].count_of(phrase) * weight[one] for one in everyone)) > 1
        }
        if not worth:
            break
        best = offered[max(worth, key=lambda place: (worth[place], -place))]
        chosen.append(best)
        weight |= {one: COVERED for one in everyone if runs[one].count_of(best)}
    return chosen


def _grouped(
    runs: Sequence[Run], vectors: Sequence[Vector], headings: Sequence[Phrase], weights: Weights
) -> dict[int, list[int]]:
    """Put each run under a heading it holds, the rarest of them, and those that hold none under the nearest."""
    groups: dict[int, list[int]] = {place: [] for place in range(len(headings))}
    totals = [sum(run.count_of(phrase) for run in runs) for phrase in headings]
    loose: list[int] = []
    for place, run in enumerate(runs):
        shares = [run.count_of(phrase) / total for phrase, total in zip(headings, totals, strict=True)]
        if max(shares):
            groups[shares.index(max(shares))].append(place)
        else:
            loose.append(place)
    centres = {
        group: weights.vector([*headings[group].stems, *(term for one in places for term in runs[one].terms)])
        for group, places in groups.items()
    }
    for place in loose:
        nearest = max(groups, key=lambda group: (cosine(vectors[place], centres[group]), -group))
        groups[nearest].append(place)
    return {group: places for group, places in groups.items() if places}


def _merged(
    groups: dict[int, list[int]], vectors: Sequence[Vector], runs: Sequence[Run], fewest: int
) -> dict[int, list[int]]:
    """Give a section that is too short to the one it resembles, while there are enough."""
    groups = dict(groups)

    def size(group: int) -> int:
        return sum(len(runs[place].sentences) for place in groups[group])

    while len(groups) > fewest and (short := [group for group in groups if size(group) < LEAST_SENTENCES]):
        small = min(short, key=lambda group: (size(group), -group))
        places = groups.pop(small)

        def likeness(group: int, places: Sequence[int] = tuple(places)) -> float:
            pairs = [cosine(vectors[one], vectors[other]) for one in places for other in groups[group]]
            return sum(pairs) / len(pairs)

        groups[max(groups, key=lambda group: (likeness(group), -group))] += places
    return groups


def _in_order(runs: Sequence[Run], places: Sequence[int]) -> list[Run]:
    """Return runs by source, the source that says most first, each in its own order."""
    said: dict[str, int] = {}
    for place in sorted(places):
        source = runs[place].sentences[0].source
        said[source] = said.get(source, 0) + len(runs[place].sentences)
    return sorted((runs[place] for place in places), key=lambda run: _place_of(run, said))


def _place_of(run: Run, said: Mapping[str, int]) -> tuple[int, str, int]:
    first = run.sentences[0]
    return -said[first.source], first.source, first.number
