#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline landing page writer: one page that says what the article gives, with questions answered and sources named."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.articles import Article, Choice, Passage
from _offline.lines import URL, Piece, gaps_of, head_of, short_lines, sources_of
from _offline.pages import capitalised, numbered
from _offline.sources import Trouble
from _offline.step import Step, run
from _offline.text import words

TITLE, DESCRIPTION = 60, 155
LEAST = 60
SUBLINE, POINT, POINTS, POINT_WORDS = 220, 330, 4, 20
FIGURE, FIGURES = 180, 3
ANSWER, ANSWERS = 320, 3
BUTTON = f"[Read the article]({URL})"
HINT = f"Link: put the article's address where `{URL}` stands"


def page_of(article: Article, path: str, task: str) -> str:
    """Return the page."""
    choice = Choice(article)
    answers = [one for _ in range(ANSWERS) if (one := choice.take(ANSWER, fits=lambda one: one.is_question))]
    headline = next(iter(short_lines(article, choice, TITLE, 1, least_words=2)), capitalised(article.keyword.text))
    description = choice.take(DESCRIPTION, least=LEAST)
    lead = choice.take(SUBLINE, least=LEAST, heading="")
    subline = lead or choice.take(SUBLINE, least=LEAST)
    if subline is None:
        raise Trouble("the draft has no passage that could begin a page: each leans on another, or is too long")
    points = _points(article, choice)
    figures = [one for _ in range(FIGURES) if (one := choice.take(FIGURE, fits=_has_figure, same_section=True))]
    lines = [*head_of("Landing page", article, path, task, HINT), "## In search results", ""]
    lines += Piece(name="Title", text=_title(article), most=TITLE).lines()
    if description:
        name = "Description"
        lines += Piece(name=name, text=description.text, most=DESCRIPTION, sources=description.sources).lines()
    lines += ["## Page", "", f"# {headline}", "", subline.text, "", BUTTON, ""]
    for heading, one in points:
        lines += [f"### {heading}", "", one.text, ""]
    if figures:
        lines += ["### In figures", "", *(f"- {one.text}" for one in figures), ""]
    if answers:
        lines += ["### Questions", ""]
        for one in answers:
            asked, *told = [sentence.text for sentence in one.sentences]
            lines += [f"**{asked}** {' '.join(told)}", ""]
    lines += [BUTTON, ""]
    missing = [f"{len(points)} of {POINTS} sections: no passages are left"] if len(points) < POINTS else []
    missing += [] if description else ["no passage is left for the description in search results"]
    missing += [] if figures else ["no sentence with a figure is left that can stand alone"]
    missing += [] if answers else ["the draft asks and answers no question in one paragraph"]
    return "\n".join([*lines, *gaps_of(missing), *sources_of(choice.sources)])


def _title(article: Article) -> str:
    """The article's title, without the topics for which there is no room."""
    title = article.title
    while len(title) > TITLE and (shorter := title.rpartition(", ")[0] or title.rpartition(":")[0]):
        title = shorter
    return title if len(title) <= TITLE else capitalised(article.keyword.text)[:TITLE]


def _points(article: Article, choice: Choice) -> list[tuple[str, Passage]]:
    """One passage a section, in the order of the article; then the best of what is left, while there are few."""
    found: list[tuple[str, Passage]] = []
    for heading in article.headings:
        if len(found) < POINTS:
            one = choice.take(POINT, words_least=POINT_WORDS, heading=heading)
            found += [(heading, one)] if one else []
    told = {heading for heading, _ in found}
    names = [capitalised(phrase.text) for phrase in article.phrases]
    while len(found) < POINTS and (one := choice.take(POINT, words_least=POINT_WORDS)):
        stems = {term for sentence in one.sentences for term in sentence.terms}
        fit = [phrase for phrase in article.phrases if phrase.is_in(stems)]
        name = next((capitalised(phrase.text) for phrase in fit if capitalised(phrase.text) not in told), None)
        if name is None or name not in names:
            break
        told.add(name)
        found.append((name, one))
    return found


def _has_figure(passage: Passage) -> bool:
    return len(passage.sentences) == 1 and any(word[0].isdigit() for word in words(passage.text))


def work(step: Step) -> None:
    """Write the page of each piece, then complete the step."""
    step.hand_in_each(_made)


def _made(piece: Step) -> tuple[str, str]:
    page = page_of(piece.text(), piece.article, piece.task)
    return page, f"Landing page of {numbered(len(words(page)), 'word')} from `{piece.article}`"


if __name__ == "__main__":
    run(work)
