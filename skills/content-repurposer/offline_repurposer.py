#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline content repurposer: the draft once more, smaller, in the form that its output folder is for.

Below a folder ``video`` that is a script to be spoken, everywhere else an excerpt for a newsletter.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.articles import Article, Choice, Passage
from _offline.lines import URL, Piece, gaps_of, head_of, short_lines, sources_in, sources_of
from _offline.pages import capitalised, numbered
from _offline.sources import Trouble
from _offline.step import Step, run

SUBJECTS, SUBJECT = 3, 50
PREVIEW_LEAST, PREVIEW = 35, 110
BODY_WORDS, BODY_MOST, PASSAGE = 80, 150, 700
HOOK, BEATS, BEAT = 200, 4, 320
LEAST = 60
WORDS_A_SECOND = 2.5
READ = f"Read the article: {URL}"
HINT = f"Link: put the article's address where `{URL}` stands"


def excerpt_of(article: Article, path: str, task: str) -> str:
    """Return the excerpt: subject lines, the line that a mailbox shows beside them, the text."""
    choice = Choice(article)
    subjects = short_lines(article, choice, SUBJECT, SUBJECTS, least_words=2)
    # A question that is put in a subject line is answered in the text.
    asked = (choice.answer(line, PASSAGE) for line in subjects)
    body: list[Passage] = [one for one in asked if one][:1]
    while (count := sum(one.count for one in body)) < BODY_WORDS:
        passage = choice.take(PASSAGE, least=LEAST, words_most=BODY_MOST - count, same_section=True)
        if passage is None:
            break
        body.append(passage)
    if not body:
        raise Trouble("the draft has no passage that could stand in a mail: each leans on another, or is too long")
    preview = choice.take(PREVIEW, least=PREVIEW_LEAST)
    body.sort(key=article.place)
    lines = head_of("Email excerpt", article, path, task, HINT)
    lines += ["## Subject lines", ""]
    for number, line in enumerate(subjects, 1):
        lines += Piece(name=f"Subject {number}", text=line, most=SUBJECT).lines()
    if preview:
        lines += ["## Preview text", ""]
        lines += Piece(name="Preview", text=preview.text, most=PREVIEW, sources=preview.sources).lines()
    text = "\n\n".join([*(one.text for one in body), READ])
    lines += ["## Text", "", *Piece(name="Body", text=text, sources=sources_in(body)).lines()]
    missing = [f"{len(subjects)} of {SUBJECTS} subject lines"] if len(subjects) < SUBJECTS else []
    missing += [] if preview else ["no sentence is left that is short enough for a preview text"]
    count = sum(one.count for one in body)
    missing += [f"the text has {count} words, fewer than {BODY_WORDS}"] if count < BODY_WORDS else []
    return "\n".join([*lines, *gaps_of(missing), *sources_of(choice.sources)])


def script_of(article: Article, path: str, task: str) -> str:
    """Return the script: what is said, what is read on the screen, and how long each part takes."""
    choice = Choice(article)
    hook = choice.take(HOOK, fits=lambda one: one.is_question) or choice.take(HOOK, least=LEAST)
    if hook is None:
        raise Trouble("the draft has no short sentence to begin a video with: each leans on another, or is too long")
    beats = [passage for _ in range(BEATS) if (passage := choice.take(BEAT, least=LEAST))]
    beats.sort(key=article.place)
    lines = [*head_of("Video script", article, path, task), "## Script", ""]
    start = 0
    parts = [("Opening", hook), *((f"Part {number}", one) for number, one in enumerate(beats, 1))]
    for name, passage in parts:
        end = start + max(2, round(passage.count / WORDS_A_SECOND))
        is_headed = name != "Opening" and passage.heading and article.can_stand_under(passage.heading, [passage])
        shown = passage.heading if is_headed else capitalised(article.keyword.text)
        lines += Piece(
            name=f"{name}, {_clock(start)} to {_clock(end)}", text=passage.text, sources=passage.sources
        ).lines()
        lines[-1:] = [f"- On screen: {shown}", ""]
        start = end
    missing = [f"{len(beats)} of {BEATS} parts after the opening"] if len(beats) < BEATS else []
    return "\n".join([*lines, *gaps_of(missing), *sources_of(choice.sources)])


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


def work(step: Step) -> None:
    """Write excerpt or script of each piece, then complete the step."""
    step.hand_in_each(_made)


def _made(piece: Step) -> tuple[str, str]:
    is_video = "video" in piece.output.split("/")[:-1]
    page = (script_of if is_video else excerpt_of)(piece.text(), piece.article, piece.task)
    what = (
        "Script for a video"
        if is_video
        else f"Email excerpt with {numbered(page.count('### Subject'), 'subject line')}"
    )
    return page, f"{what}, from `{piece.article}`"


if __name__ == "__main__":
    run(work)
