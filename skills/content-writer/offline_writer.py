#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline content writer: a draft made of the sources' own sentences, ranked for the angle of the brief.

The first draft stays close to the keyword and takes sentences as they are. Sent back, it does what the notes ask for
and it understands: longer, shorter, more sources, shorter sentences, more sections; what it does not, it says.
"""

import os
import sys
from collections.abc import Collection, Mapping, Sequence

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline import clauses
from _offline.briefs import Brief, brief_from
from _offline.notes import Plan, plan_from
from _offline.outline import Part, Run, best_run, opening_of, parts_of
from _offline.pages import capitalised, listed, numbered, ranges, read_page
from _offline.phrases import distinct, key_phrases, phrase_from
from _offline.ranking import Weights, choose, cosine, lexrank
from _offline.sources import Sentence, Source, Trouble, all_sentences, read_sources
from _offline.step import Step, run
from _offline.text import key, leans_back, terms, words

STRICT = 0.42
NARROW, WIDE, ENOUGH = (0.3,), (0.2, 0.1, 0.05), 0.85
INTRODUCTION = (40, 90)
RANKED = 400
LEAST_FROM_A_SOURCE = 2
NEAR = 0.12
MISSING, ASKED, GOES_ON = 0.5, 0.4, 0.1
BEGINS_WELL = 0.15
TITLE, TOPICS, TOLD = 70, 3, 3
ROOM = 1.4
LEAST = 100
KEYWORD, FOCUS = 4.0, 1.6
HOME = 0.08
OTHERS, TELLING = 0.4, 0.8
TOLD_BEFORE = 0.2


class Draft:
    """One draft: sentences weighed, chosen, put in order."""

    def __init__(self, brief: Brief, sources: Sequence[Source], plan: Plan, told: Collection[str] = ()) -> None:
        self._brief, self._plan, self._told = brief, plan, told
        self._sources = sources
        self._verbs = clauses.verbs_in(one.text for source in sources for one in source.sentences)
        self._all = all_sentences(sources)
        self._weights = Weights([one.terms for one in self._all])
        self._elsewhere = self._words_of_others()
        self._scores = self._weigh()
        self.lead = self._introduction()
        runs = self._body(plan.is_wide)
        if sum(run.count for run in runs) < LEAST:
            runs = self._body(True)
        self.parts = self._sections(runs)
        count = sum(one.count for one in self._taken())
        if count < LEAST or not self.parts:
            said = f"the sources give {numbered(count, 'word')} on '{brief.keyword.text}'"
            raise Trouble(f"{said}, and an article needs {LEAST}: add sources, or choose another keyword")

    def page(self) -> str:
        """Return the draft as Markdown: each paragraph ends with the numbers of its sources."""
        numbers = {path: number for number, path in enumerate(self._used(), 1)}
        lines = [f"# {self.title()}", "", _paragraph(self._cut(self.lead), numbers, self.lead), ""]
        for part in self.parts:
            lines += [f"## {capitalised(part.heading)}", ""]
            for paragraph in part.paragraphs:
                lines += [_paragraph(self._cut(paragraph), numbers, paragraph), ""]
        lines += ["## Sources", ""]
        titles = {source.path: source.title for source in self._sources}
        for path, number in numbers.items():
            taken = [one.number for one in self._taken() if one.source == path]
            lines.append(f"{number}. {titles[path]} (`{path}`): sentences {ranges(taken)}")
        return "\n".join(lines) + "\n"

    def title(self) -> str:
        """Return the keyword, and the phrases of the brief that are told most of, as far as there is room."""
        brief = self._brief
        found = capitalised(brief.keyword.text)
        own, barred = set(brief.keyword.stems), [set(one.stems) for one in (*brief.others, *brief.sides)]
        fit = [
            one for one in brief.phrases if own.isdisjoint(one.stems) and not any(set(one.stems) >= b for b in barred)
        ]
        count = {one.text: sum(one.is_in(sentence.terms) for sentence in self._taken()) for one in fit}
        topics = [one.text for one in distinct(fit, len(fit)) if count[one.text] >= TOLD][:TOPICS]
        while topics and len(f"{found}: {listed(topics)}") > TITLE:
            topics.pop()
        return f"{found}: {listed(topics)}" if topics else found

    def summary(self) -> str:
        """Return what there is to say about it in one line."""
        count = sum(one.count for one in self._taken())
        return f"Draft of {count} words from {numbered(len(self._used()), 'source')}, {len(self.parts)} sections"

    # -- weighing -----------------------------------------------------------------------------------------------

    def _weigh(self) -> dict[Sentence, float]:
        """How much each sentence belongs in the article: near the angle, its paragraph too, and in the middle of it."""
        brief, weights = self._brief, self._weights
        boost = dict.fromkeys([stem for phrase in brief.phrases[:1] for stem in phrase.stems], FOCUS)
        boost |= dict.fromkeys(brief.keyword.stems, KEYWORD)
        asked = [*brief.keyword.stems, *(stem for phrase in brief.phrases for stem in phrase.stems)]
        question = weights.vector(list(dict.fromkeys(asked)), boost)
        vectors = [weights.vector(one.terms) for one in self._all]
        near = [cosine(vector, question) for vector in vectors]
        around = _means(self._all, near)
        first = [0.7 * own + 0.3 * around[one.source, one.paragraph] for own, one in zip(near, self._all, strict=True)]
        ranked = sorted(range(len(first)), key=lambda place: (-first[place], place))[:RANKED]
        central = dict(zip(ranked, lexrank([vectors[place] for place in ranked]), strict=True))
        best = max(first) or 1.0
        head = max(brief.keyword.stems, key=weights.of)
        homes = {source.path for source in self._sources if head in terms(source.title)}
        scores = {}
        for place, one in enumerate(self._all):
            score = 0.75 * first[place] / best + 0.25 * central.get(place, 0.0)
            score += HOME if one.source in homes else 0.0
            # Nearly nothing of the angle is in it, or it belongs to another article.
            is_near = one.source in homes or self._plan.is_wide or first[place] >= NEAR * best
            is_far = place not in central or not is_near
            scores[one] = 0.0 if is_far else score * self._share(one, head)
        return scores

    def _words_of_others(self) -> frozenset[str]:
        """The words by which a sentence is known to belong to another article, as far as they are not ours too."""
        found: set[str] = set()
        for other in self._brief.others:
            best = max(map(self._weights.of, other.stems), default=0.0)
            found.update(part for part in other.stems if self._weights.of(part) >= TELLING * best)
        return frozenset(found - set(self._brief.keyword.stems))

    def _share(self, one: Sentence, head: str) -> float:
        """How much of a sentence is this article's own: what others tell, or are about, counts for less."""
        brief = self._brief
        if key(one.text) in self._told:
            return TOLD_BEFORE
        if head not in one.terms and not self._elsewhere.isdisjoint(one.terms):
            return OTHERS
        is_own = any(focus.is_in(one.terms) for focus in brief.phrases[:1])
        return 1.0 if is_own or not any(side.is_in(one.terms) for side in brief.sides) else OTHERS

    # -- choosing -----------------------------------------------------------------------------------------------

    def _introduction(self) -> list[Sentence]:
        """The beginning of the paragraph that begins closest to the keyword, best with what it is, or with a question."""
        head = max(self._brief.keyword.stems, key=self._weights.of)
        openings: dict[tuple[str, int], list[Sentence]] = {}
        for one in self._all:
            openings.setdefault((one.source, one.paragraph), []).append(one)
        alone = [found for found in openings.values() if not leans_back(found[0].text)]
        fit = [found for found in alone if len(found) > 1 and head in found[0].terms] or alone
        if not fit:
            raise Trouble("no paragraph of the sources can begin an article")

        def worth(found: Sequence[Sentence]) -> float:
            first = found[0]
            spoken = [word for word in words(first.text)[:6] if word not in ("a", "an", "the")]
            defines = "is" in spoken[1:4] or "are" in spoken[1:4]
            begins = (
                first.paragraph == 1 or first.text.endswith("?") or (defines and head in terms(" ".join(spoken[:3])))
            )
            return sum(self._scores[one] for one in found) / len(found) + BEGINS_WELL * begins

        beginnings = (opening_of(found, *INTRODUCTION) for found in fit)
        return max((found for found in beginnings if all(map(self._fits, found))), key=worth, default=[])

    def _body(self, is_wide: bool) -> list[Run]:
        """Choose runs; a draft that was too narrow looks farther and farther from the keyword, until it is enough."""
        best = max(self._scores.values())
        runs: list[Run] = []
        for share in WIDE if is_wide else NARROW:
            runs = self._chosen(share * best, 0.0 if is_wide else STRICT)
            if sum(run.count for run in runs) >= ENOUGH * self._plan.words:
                break
        return runs

    def _chosen(self, least: float, strict: float) -> list[Run]:
        """Choose runs, one of a paragraph at most, until there are words and sources enough."""
        found = [best_run(one, self._scores, self._fits, least) for one in self._free_paragraphs()]
        offered = [one for one in found if one is not None]
        runs = [run for run, _ in offered]
        scores = [score if score >= strict else 0.0 for _, score in offered]
        vectors = [self._weights.vector(run.terms) for run in runs]
        start = sum(one.count for one in self.lead)
        wanted = min(self._plan.sources, len(self._sources))
        topics = list(map(phrase_from, self._plan.topics))
        holds = [{place for place, run in enumerate(runs) if topic.is_in(run.terms)} for topic in topics]
        next_to = {
            place: {other for other, run in enumerate(runs) if _is_next(run.place, runs[place].place)}
            for place in range(len(runs))
            if scores[place]
        }

        def is_enough(chosen: Sequence[int]) -> bool:
            count = start + sum(runs[place].count for place in chosen)
            has_sources = len(self._strong([runs[place] for place in chosen])) >= wanted
            return count >= self._plan.words * (1.0 if has_sources else ROOM)

        def bonus(number: int, chosen: Sequence[int]) -> float:
            strong = self._strong([runs[place] for place in chosen])
            # What was asked for and is not there yet comes first; then what goes on with what is there.
            is_new = runs[number].place[0] not in strong and len(runs[number].sentences) >= LEAST_FROM_A_SOURCE
            missing = MISSING if len(strong) < wanted and is_new else 0.0
            asked = ASKED * sum(number in there and there.isdisjoint(chosen) for there in holds)
            return missing + asked + (GOES_ON if next_to[number].intersection(chosen) else 0.0)

        chosen = choose(scores, vectors, is_enough=is_enough, bonus=bonus)
        return [runs[place] for place in chosen]

    def _sections(self, runs: Sequence[Run]) -> list[Part]:
        return parts_of(
            runs,
            self._weights,
            self._brief.keyword,
            known=self._brief.phrases,
            offered=key_phrases([one.text for one in self._all]),
            barred=(*self._brief.others, *self._brief.sides),
            titles={source.path: source.title for source in self._sources},
            fewest=self._plan.sections,
        )

    def _free_paragraphs(self) -> list[list[Sentence]]:
        """The paragraphs of all sources but that of the introduction."""
        found: dict[tuple[str, int], list[Sentence]] = {}
        for one in self._all:
            found.setdefault((one.source, one.paragraph), []).append(one)
        return [paragraph for paragraph in found.values() if paragraph[0] not in self.lead[:1]]

    def _fits(self, one: Sentence) -> bool:
        limit = self._plan.longest
        return limit is None or all(len(piece.split()) <= limit for piece in clauses.cut(one.text, limit, self._verbs))

    def _strong(self, runs: Sequence[Run]) -> list[str]:
        """The sources that say more than a sentence among these and in the introduction."""
        count: dict[str, int] = {}
        for one in [*self.lead, *(one for found in runs for one in found.sentences)]:
            count[one.source] = count.get(one.source, 0) + 1
        return [source for source, number in count.items() if number >= LEAST_FROM_A_SOURCE]

    # -- writing ------------------------------------------------------------------------------------------------

    def _taken(self) -> list[Sentence]:
        return [*self.lead, *(one for part in self.parts for one in part.sentences)]

    def _used(self) -> list[str]:
        return list(dict.fromkeys(one.source for one in self._taken()))

    def _cut(self, found: Sequence[Sentence]) -> list[str]:
        limit = self._plan.longest
        if limit is None:
            return [one.text for one in found]
        return [piece for one in found for piece in clauses.cut(one.text, limit, self._verbs)]


def _means(sentences: Sequence[Sentence], values: Sequence[float]) -> dict[tuple[str, int], float]:
    sums: dict[tuple[str, int], list[float]] = {}
    for one, value in zip(sentences, values, strict=True):
        sums.setdefault((one.source, one.paragraph), []).append(value)
    return {where: sum(found) / len(found) for where, found in sums.items()}


def _is_next(one: tuple[str, int], other: tuple[str, int]) -> bool:
    return one[0] == other[0] and abs(one[1] - other[1]) == 1


def _paragraph(texts: Sequence[str], numbers: Mapping[str, int], found: Sequence[Sentence]) -> str:
    named = sorted({numbers[one.source] for one in found})
    return f"{' '.join(texts)} [{', '.join(map(str, named))}]"


def work(step: Step) -> None:
    """Write the draft of each piece, then complete the step: pieces about one keyword take different passages."""
    sources = read_sources(step.workspace)
    pieces = step.pieces()
    told: dict[str, set[str]] = {}
    said: list[str] = []
    for piece in (one for one in pieces if one.former):
        page = piece.read(piece.former or "")
        piece.write(page)
        told.setdefault(_brief_for(piece).keyword.text, set()).update(map(key, read_page(page).sentences))
    for piece in (one for one in pieces if not one.former):
        brief = _brief_for(piece)
        plan = plan_from(piece.notes)
        passages = told.setdefault(brief.keyword.text, set())
        draft = Draft(brief, sources, plan, passages)
        page = draft.page()
        piece.write(page)
        passages.update(map(key, read_page(page).sentences))
        did = f"; on the notes: {listed(plan.did)}" if plan.did else ""
        said.append(draft.summary() + (did or ("; no note was understood" if piece.notes else "")))
    step.complete([*said, *(f"`{one.name}` is left as it was" for one in pieces if one.former)])


def _brief_for(piece: Step) -> Brief:
    return brief_from(piece.read(piece.left_by("research")), " ".join(piece.keywords[:1]) or piece.title)


if __name__ == "__main__":
    run(work)
