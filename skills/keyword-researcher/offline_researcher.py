#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline keyword researcher: reads every source and writes a brief about the task's keyword.

The keyword decides what counts as being about it, and the focus, one of the phrases that go with the keyword, gives
each article of a campaign an angle of its own, also where two of them share a keyword.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.heartbeats import beat, is_heartbeat
from _offline.pages import capitalised, listed, numbered, table
from _offline.phrases import Phrase, distinct, key_phrases, phrase_from
from _offline.ranking import Weights, cosine
from _offline.sources import Sentence, Source, Trouble, all_sentences, read_sources
from _offline.step import Step, run
from _offline.text import leans_back, stem, terms, words

PHRASES = 10
FOCUSES = 6
STRONG = 3
FACTS = 10
QUESTIONS = 6
SECTIONS = 5
ABOUT_SHARE, LARGE_PART = 0.4, 0.6
TWO_WORDS = 1.5
LIFT_LEAST, LIFT_MOST = 1.15, 2.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the task asks for; ``others`` are the campaign's other keywords, each told in ``turns`` articles."""

    task: str
    title: str
    keywords: Sequence[str] = ()
    wishes: str = ""
    number: int = 1
    others: Sequence[str] = ()
    turns: int = 1


class Reading:
    """The sources, read with one keyword in mind."""

    def __init__(self, wanted: Wanted, sources: Sequence[Source]) -> None:
        self.sources = sources
        self.sentences = all_sentences(sources)
        self.weights = Weights([sentence.terms for sentence in self.sentences])
        self._everywhere = key_phrases([sentence.text for sentence in self.sentences])
        self.keyword = self._keyword_of(wanted)
        head = max(self.keyword.stems, key=self.weights.of)
        self.about = [one for one in self.sentences if head in one.terms or self.keyword.is_in(one.terms)]
        self.near = self._paragraphs_about()
        self.related: list[Phrase] = []
        # Where the text about it is thin, what the sources that have it in their titles say, and at last all of them.
        titled = {source.path for source in sources if head in terms(source.title)}
        wider = (
            [one for one in self.sentences if one.source in titled],
            self.sentences if self.about[STRONG - 1 :] else [],
        )
        for near in (self.near, *wider):
            self.related = self.related or self._related(near)

    def nearest(self, count: int) -> list[Sentence]:
        """Return the sentences that say most about keyword and phrases and can be understood alone, in their order."""
        boost = dict.fromkeys(self.keyword.stems, 3.0)
        asked = [*self.keyword.stems, *(part for phrase in self.related for part in phrase.stems)]
        question = self.weights.vector(asked, boost)
        alone = [one for one in self.about if not leans_back(one.text) and not one.text.endswith("?")]
        found = sorted(alone, key=lambda one: -cosine(self.weights.vector(one.terms), question))[:count]
        return sorted(found, key=lambda one: (one.source, one.number))

    def _keyword_of(self, wanted: Wanted) -> Phrase:
        """Return the task's keyword, if any source speaks of it; without one, what its title or the sources offer."""
        spoken = {term for one in self.sentences for term in one.terms}
        for keyword in map(phrase_from, wanted.keywords):
            if any(part in spoken for part in keyword.stems):
                return Phrase(text=keyword.text, stems=_spoken(keyword.stems, spoken), count=0, score=0.0)
        if wanted.keywords:
            raise Trouble(f"no source speaks of '{wanted.keywords[0]}': give other keywords, or add sources about it")
        often = sorted(self._everywhere, key=lambda one: (-one.count * (TWO_WORDS if one.stems[1:] else 1), one.text))
        offered = distinct(often, wanted.number + FOCUSES)
        if not offered:
            raise Trouble("the sources are too short to find key phrases in them, and the task has no keywords")
        title = dict.fromkeys(terms(wanted.title))
        named = [phrase for phrase in self._everywhere if phrase.is_in(title)]
        count = Counter(term for one in self.sentences for term in set(one.terms))
        told = [word for word in words(wanted.title) if count[stem(word)] > 1 and stem(word) in title]
        if not named and told:
            return phrase_from(min(told, key=lambda word: count[stem(word)]))
        return named[0] if named else offered[(wanted.number - 1) % len(offered)]

    def _paragraphs_about(self) -> list[Sentence]:
        """The paragraphs that begin with the keyword or are mostly about it, and what else is said of it."""
        about = set(self.about)
        place = Counter((one.source, one.paragraph) for one in self.sentences)
        hits = Counter((one.source, one.paragraph) for one in self.about)
        mostly = {where for where, count in hits.items() if count >= ABOUT_SHARE * place[where]}
        openings: dict[tuple[str, int], Sentence] = {}
        for one in self.sentences:
            openings.setdefault((one.source, one.paragraph), one)
        mostly |= {where for where, one in openings.items() if one in about}
        return [one for one in self.sentences if one in about or (one.source, one.paragraph) in mostly]

    def _related(self, near: Sequence[Sentence]) -> list[Phrase]:
        """The phrases that stand in those sentences more often than elsewhere, best first."""
        total = len(self.sentences)
        least = LIFT_LEAST if len(near) < LARGE_PART * total else 0.0
        places: dict[str, set[int]] = {}
        for place, one in enumerate(self.sentences):
            for term in one.terms:
                places.setdefault(term, set()).add(place)
        found: list[Phrase] = []
        for phrase in key_phrases([one.text for one in near]):
            everywhere = len(set.intersection(*(places[part] for part in phrase.stems)))
            lift = (phrase.count / len(near)) / (everywhere / total)
            if lift >= least:
                found.append(replace(phrase, score=phrase.score * min(lift, LIFT_MOST)))
        found.sort(key=lambda phrase: (-phrase.score, phrase.text))
        return distinct(found, PHRASES, hidden=self.keyword.stems)


def brief_of(wanted: Wanted, sources: Sequence[Source]) -> str:
    """Return the brief for one article."""
    reading = Reading(wanted, sources)
    keyword, related = reading.keyword.text, reading.related
    if not related:
        raise Trouble(f"the sources say too little about '{keyword}': no phrase comes back near it; add sources")
    others = [word for word in wanted.others if phrase_from(word).stems != phrase_from(keyword).stems]
    turn = (wanted.number - 1) // (len(others) + 1)
    sides = _sides(related)
    focus = sides[turn % len(sides)]
    told = [phrase.text for phrase in sides[: max(wanted.turns, turn + 1)] if phrase is not focus]
    with_it = [phrase.text for phrase in related if phrase is not focus][: SECTIONS - 1]
    lines = [f"# Brief: {keyword}", "", f"- Task: `{wanted.task}`, {wanted.title}"]
    lines += [f"- Keyword: {keyword}", f"- Focus: {focus.text}"]
    lines += [f"- Left to other articles: {', '.join(others)}"] if others else []
    lines += [f"- Other sides of it, left too: {', '.join(told)}"] if told else []
    lines += [f"- Asked for: {wanted.wishes}"] if wanted.wishes else []
    lines += ["", "## Angle", ""]
    lines += [f"{capitalised(keyword)}, seen from {focus.text}" + (f"; with {listed(with_it)}." if with_it else ".")]
    lines += ["", "## Key phrases", "", "By RAKE, in the paragraphs about the keyword.", ""]
    lines += table(["phrase", "sentences", "score"], ((p.text, p.count, f"{p.score:.1f}") for p in related))
    lines += ["", "## Questions", "", *_questions(reading)]
    lines += ["", "## Coverage", "", *_coverage(reading)]
    lines += ["", "## Outline", "", *_outline(reading, focus)]
    lines += ["", "## Facts", ""]
    lines += [f"- {one.text} (`{one.source}`, sentence {one.number})" for one in reading.nearest(FACTS)]
    lines += ["", "## Gaps", "", *_gaps(reading)]
    return "\n".join(lines) + "\n"


def _sides(related: Sequence[Phrase]) -> list[Phrase]:
    """Return what a keyword can be looked at from, best first: each article about it takes another one as its focus."""
    return [phrase for phrase in related if phrase.count >= STRONG][:FOCUSES] or list(related[:FOCUSES])


def _spoken(stems: Iterable[str], spoken: set[str]) -> tuple[str, ...]:
    return tuple(part for part in stems if part in spoken)


def _questions(reading: Reading) -> list[str]:
    hits = {(one.source, one.paragraph) for one in reading.near}
    found = [one for one in reading.sentences if one.text.endswith("?") and (one.source, one.paragraph) in hits]
    return [f"- {one.text} (`{one.source}`, sentence {one.number})" for one in found[:QUESTIONS]] or ["- none found"]


def _coverage(reading: Reading) -> list[str]:
    hits = Counter(one.source for one in reading.about)
    rows = [
        (f"`{one.path}`", one.title, one.count, len(one.sentences), hits[one.path], f"{_share(one, hits)} %")
        for one in reading.sources
    ]
    return table(["source", "title", "words", "sentences", "about the keyword", "share"], rows)


def _outline(reading: Reading, focus: Phrase) -> list[str]:
    parts = [focus, *(phrase for phrase in reading.related if phrase is not focus)][:SECTIONS]
    return [
        f"{number}. {capitalised(phrase.text)}: {numbered(phrase.count, 'sentence')} about it"
        for number, phrase in enumerate(parts, 1)
    ]


def _gaps(reading: Reading) -> list[str]:
    hits = Counter(one.source for one in reading.about)
    found = [
        f"- `{one.path}` says little about it: {hits[one.path]} of {numbered(len(one.sentences), 'sentence')}"
        for one in reading.sources
        if _share(one, hits) < 10
    ]
    found += [
        f"- of `{one.path}` only the beginning was read: it is very long" for one in reading.sources if one.is_cut
    ]
    return found or ["- none"]


def _share(source: Source, hits: Counter[str]) -> int:
    return round(100 * hits[source.path] / len(source.sentences))


def work(step: Step) -> None:
    """Write the brief of each piece, then complete the step."""
    sources = read_sources(step.workspace)
    pieces = step.pieces()
    briefs = [_brief_for(piece, sources) for piece in pieces]
    angles = [tuple(_named(brief, label) for label in ("Keyword", "Focus")) for brief in briefs]
    if (count := len(set(angles))) < len(pieces):
        said = f"the sources give {numbered(count, 'different article')} on these keywords, and {len(pieces)} are asked for"
        raise Trouble(f"{said}: ask for fewer, give more keywords, or add sources")
    for piece, brief in zip(pieces, briefs, strict=True):
        piece.write(brief)
    # The same sources give the same brief: what notes ask for here, only other sources or keywords can change.
    unheeded = "; the notes need a person or a model: nothing else is in these sources" if step.notes else ""
    total = sum(source.count for source in sources)
    read = f"Brief from {numbered(len(sources), 'source')} ({total} words)"
    step.complete([f"{read}, focus: {focus}{unheeded}" for _, focus in angles])


def _brief_for(piece: Step, sources: Sequence[Source]) -> str:
    others, turns = piece.siblings()
    wanted = Wanted(
        task=piece.task,
        title=piece.title,
        keywords=piece.keywords,
        wishes=piece.wishes,
        number=piece.number,
        others=others,
        turns=turns,
    )
    return brief_of(wanted, sources)


def _named(brief: str, label: str) -> str:
    return brief.partition(f"- {label}: ")[2].partition("\n")[0]


if __name__ == "__main__":
    if is_heartbeat():
        from more_tasks import refill

        beat(refill)
    run(work)
