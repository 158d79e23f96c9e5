#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline email writer: three mails that lead to the article, each about one side of it, no sentence in two of them."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.articles import Article, Choice, Passage
from _offline.lines import URL, Piece, gaps_of, head_of, place_of, short_lines, sources_in, sources_of
from _offline.pages import numbered
from _offline.sources import Trouble
from _offline.step import Step, run

DAYS = (0, 3, 7)
SUBJECT = 50
PREVIEW_LEAST, PREVIEW = 35, 110
MAIL_WORDS, MAIL_MOST, PASSAGE = 50, 140, 600
LEAST = 60
CALLS = ("Read the whole article", "More about it in the article", "All of it, with its sources")
HINT = f"Link: put the article's address where `{URL}` stands"


def mails_of(article: Article, choice: Choice) -> list[tuple[str, Passage | None, list[Passage]]]:
    """Return the mails: subject line, preview text, passages, which begin with what the subject line is about."""
    subjects = short_lines(article, choice, SUBJECT, len(DAYS), least_words=2)
    places = {subject: place_of(subject, article) for subject in subjects}
    bodies: dict[str, list[Passage]] = {}
    # A mail about one section chooses before one about all of it.
    for subject in sorted(subjects, key=lambda one: places[one] is None):
        answer = choice.answer(subject, PASSAGE)
        place = answer.heading if answer else places[subject]
        body = [answer] if answer else []
        while (count := sum(one.count for one in body)) < MAIL_WORDS:
            passage = _next(choice, MAIL_MOST - count, place)
            if passage is None:
                break
            body.append(passage)
        # What the subject line is about stands first.
        body.sort(key=lambda one: (one is not answer, place is not None and one.heading != place, article.place(one)))
        bodies |= {subject: body} if body else {}
    made = [(subject, bodies[subject]) for subject in subjects if subject in bodies]
    previews = [choice.take(PREVIEW, least=PREVIEW_LEAST) for _ in made]
    return [(subject, preview, body) for (subject, body), preview in zip(made, previews, strict=True)]


def _next(choice: Choice, most: int, place: str | None) -> Passage | None:
    """The best passage of a section that is not too long; from anywhere, if that section has none."""
    if place is not None:
        here = choice.take(PASSAGE, least=LEAST, words_most=most, heading=place, same_section=True)
        if here is not None:
            return here
    return choice.take(PASSAGE, least=LEAST, words_most=most)


def page_of(article: Article, path: str, task: str) -> str:
    """Return the page with the mails."""
    choice = Choice(article)
    mails = mails_of(article, choice)
    if not mails:
        raise Trouble("the draft has no passage that could stand in a mail: each leans on another, or is too long")
    lines = head_of("Email sequence", article, path, task, HINT)
    missing = [f"{len(mails)} of {len(DAYS)} mails: no passages are left"] if len(mails) < len(DAYS) else []
    for number, (subject, preview, body) in enumerate(mails, 1):
        lines += [f"## Mail {number}, day {DAYS[number - 1]}", ""]
        lines += Piece(name="Subject", text=subject, most=SUBJECT).lines()
        if preview:
            lines += Piece(name="Preview", text=preview.text, most=PREVIEW, sources=preview.sources).lines()
        else:
            missing.append(f"mail {number}: no sentence is left that is short enough for a preview text")
        text = "\n\n".join([*(one.text for one in body), f"{CALLS[number - 1]}: {URL}"])
        lines += Piece(name="Body", text=text, sources=sources_in(body)).lines()
    return "\n".join([*lines, *gaps_of(missing), *sources_of(choice.sources)])


def work(step: Step) -> None:
    """Write the mails of each piece, then complete the step."""
    step.hand_in_each(_made)


def _made(piece: Step) -> tuple[str, str]:
    page = page_of(piece.text(), piece.article, piece.task)
    return page, f"{numbered(page.count('## Mail '), 'mail')} from `{piece.article}`"


if __name__ == "__main__":
    run(work)
