#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline humanizer: makes an article of the draft that the review accepted, and changes as little as it can.

It drops what is said twice, joins sentences that are chopped, and adds a summary taken from the text, the time it takes
to read, and the sources by their titles.
"""

import math
import os
import re
import sys
from collections.abc import Collection, Sequence
from itertools import pairwise

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline import clauses
from _offline.pages import Page, Section, numbered, read_page
from _offline.ranking import Weights, cosine, lexrank
from _offline.sources import Source, Trouble, read_sources
from _offline.step import Step, run
from _offline.text import follows_on, leans_back, refers, terms, words

ALIKE, TELLING = 0.75, 5
CHOPPED = 8
WORDS_A_MINUTE = 220
SUMMARY_WORDS = (8, 28)
OPENING = 0.4
SUMMARY = "*In short: {sentences}*"
FIGURES = "*{words}, {minutes} to read.*"
MADE_OF = "This article draws on:"


def edited(draft: str, sources: Sequence[Source]) -> Page:
    """Return the draft without repetitions and chopped sentences."""
    page = read_page(draft)
    if not page.title or not page.sections:
        raise Trouble("the draft has no title or no sections: there is nothing to make an article of")
    names = clauses.names_in(one.text for source in sources for one in source.sentences)
    return page.with_sections(_less_chopped(section, names) for section in _without_repeats(page))


def article_of(page: Page, sources: Sequence[Source]) -> str:
    """Return the article."""
    minutes = max(1, math.ceil(page.count / WORDS_A_MINUTE))
    lines = [f"# {page.title}", "", SUMMARY.format(sentences=" ".join(_summary(page, sources))), ""]
    lines += [FIGURES.format(words=numbered(page.count, "word"), minutes=numbered(minutes, "minute")), ""]
    for section in page.all_sections:
        lines += [f"## {section.heading}", ""] if section.heading else []
        for paragraph in section.paragraphs:
            lines += [" ".join(paragraph), ""]
    titles = {source.path: source.title for source in sources}
    lines += ["## Sources", "", MADE_OF, ""]
    lines += [f"- {titles[path]} (`{path}`)" for path in page.sources if path in titles]
    return "\n".join(lines) + "\n"


def _without_repeats(page: Page) -> list[Section]:
    """Leave out what was said before in nearly the same words, with what leans on it; and sections emptied by that."""
    said: list[set[str]] = []
    sections = []
    for section in page.all_sections:
        paragraphs = []
        for paragraph in section.paragraphs:
            kept: list[str] = []
            is_dropped = False
            for sentence in paragraph:
                found = set(terms(sentence))
                is_old = len(found) >= TELLING and any(len(found & old) >= ALIKE * len(found | old) for old in said)
                is_dropped = is_old or (is_dropped and leans_back(sentence))
                if not is_dropped:
                    kept.append(sentence)
                    said.append(found)
            paragraphs += [tuple(kept)] if kept else []
        sections += [Section(heading=section.heading, paragraphs=tuple(paragraphs))]
    return [section for section in sections if section.paragraphs or not section.heading]


def _less_chopped(section: Section, names: frozenset[str]) -> Section:
    """Join two short sentences about one thing that follow each other, at most once a paragraph."""

    def paragraph(found: tuple[str, ...]) -> tuple[str, ...]:
        for place in range(1, len(found)):
            first, second = found[place - 1 : place + 1]
            is_one = not set(terms(first)).isdisjoint(terms(second))
            if is_one and _is_chopped(first) and _is_chopped(second):
                return (*found[: place - 1], clauses.joined(first, second, names), *found[place + 1 :])
        return found

    return Section(heading=section.heading, paragraphs=tuple(map(paragraph, section.paragraphs)))


def _is_chopped(sentence: str) -> bool:
    return len(words(sentence)) <= CHOPPED and sentence.endswith(".") and ";" not in sentence and ":" not in sentence


def _summary(page: Page, sources: Sequence[Source]) -> list[str]:
    """Return two sentences near the title and in the middle of the text that can be understood alone, in its order."""
    found = list(dict.fromkeys(page.sentences))
    weights = Weights([terms(sentence) for sentence in found])
    vectors = [weights.vector(terms(sentence)) for sentence in found]
    subject = terms(page.title.partition(":")[0])
    title = weights.vector(subject)
    openings = {paragraph[0] for section in page.sections for paragraph in section.paragraphs}
    ranks = [rank / 2 + cosine(one, title) for rank, one in zip(lexrank(vectors), vectors, strict=True)]
    ranks = [rank + OPENING * (one in openings) for rank, one in zip(ranks, found, strict=True)]
    # The first sentence follows a line later: it would be read twice in a row.
    answers = {after for before, after in pairwise(page.sentences) if before.endswith("?")}
    barred = answers.union(page.lead.sentences[:1])
    fit = [place for place, one in enumerate(found) if one not in barred and _stands_alone(one, openings)]
    known = Weights([one.terms for source in sources for one in source.sentences])
    head = max(subject, key=known.of, default="")
    fit = [place for place in fit if head in terms(found[place])] or fit
    best = sorted(fit, key=lambda place: (-ranks[place], place))
    chosen = best[:1]
    for place in best[1:]:
        other = set(terms(found[place]))
        if len(other & set(terms(found[chosen[0]]))) <= len(other) / 2:
            chosen.append(place)
            break
    return [found[place] for place in sorted(chosen)] or found[:2]


def _stands_alone(sentence: str, openings: Collection[str]) -> bool:
    least, most = SUMMARY_WORDS
    leans = leans_back(sentence) or refers(sentence) if sentence in openings else follows_on(sentence)
    return least <= len(words(sentence)) <= most and not leans and sentence.endswith(".")


def work(step: Step) -> None:
    """Write the article of each piece, then complete the step."""
    sources = read_sources(step.workspace)

    def made(piece: Step) -> tuple[str, str]:
        page = edited(piece.read(_draft_of(piece)), sources)
        said = f"{page.title} ({numbered(page.count, 'word')}, {numbered(len(page.sources), 'source')})"
        return article_of(page, sources), said

    step.hand_in_each(made)


def _draft_of(step: Step) -> str:
    """Return the draft that the review names, else where drafts are."""
    if step.step_of("reviewed") is not None:
        match = re.search(r"^\W*Draft\W*:\W*`?([\w./-]+)`?", step.read(step.left_by("reviewed")), re.MULTILINE)
        if match and (step.workspace / match[1]).is_file():
            return match[1]
    return step.left_by("drafts")


if __name__ == "__main__":
    run(work)
