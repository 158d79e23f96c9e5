#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline image director: a brief for the hero image with three ideas, and a card with the title as SVG.

It makes no picture of the subject: it says what such a picture shows, in the words of the draft. The card is what can
be used at once, above the article and where a link to it is shown.
"""

import os
import sys
import zlib
from collections.abc import Sequence
from xml.sax.saxutils import escape

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.articles import Article, Choice, Passage
from _offline.lines import gaps_of, head_of, sources_of
from _offline.pages import capitalised, listed, numbered
from _offline.phrases import Phrase
from _offline.sources import Trouble
from _offline.step import Step, run

IDEAS, LEAST, MOST = 3, 40, 260
SHOWN = 3
ALT = 125
VIEWS = ("A wide scene", "A close-up", "A view from above")
WIDTH, HEIGHT, MARGIN = 1200, 630, 90
SIZES, WIDE, LINE, ROOM = (96, 84, 72, 60, 48, 40, 32), 0.58, 1.15, 0.58
COLOURS = (("#fbf3e4", "#4a2c12"), ("#e9f1ea", "#17402b"), ("#e8eef6", "#16325c"), ("#f6e9ec", "#5c1630"))
FORMAT = "16:9 for the page, 1200 x 630 for previews; the subject in the middle third, since previews are cut"
AVOID = "text, logos, watermarks, faces that could be real people, and whatever the draft does not speak of"


def page_of(article: Article, path: str, task: str, card: str) -> str:
    """Return the brief."""
    choice = Choice(article)
    ideas = [passage for _ in range(IDEAS) if (passage := _seen(article, choice))]
    if not ideas:
        raise Trouble("the draft has no sentence that a picture could show: each leans on another, or is too long")
    lines = head_of("Hero image", article, path, task, f"Card: `{card}`, ready for use", f"Format: {FORMAT}")
    lines += ["## Ideas", ""]
    told: list[str] = []
    for number, (passage, view) in enumerate(zip(ideas, VIEWS, strict=False), 1):
        shown = [one.text for one in _shown(article, passage, told)]
        told += shown
        what = listed([article.keyword.text, *shown])
        lines += [f"### {number}. {capitalised(what)}", ""]
        lines += [f"- Says: {passage.text} ({', '.join(f'`{one}`' for one in passage.sources)})"]
        lines += [f"- Prompt: {view} of {what}, as a photograph in natural light. Leave out: {AVOID}."]
        lines += [f"- Alt text: {alt_of(article.keyword.text, shown)}", ""]
    lines += ["## Card", "", f"- Alt text: {_cut(f'Card with the title: {article.title}', ALT)}", ""]
    lines += gaps_of([f"{len(ideas)} of {numbered(IDEAS, 'idea')}"] if len(ideas) < IDEAS else [])
    return "\n".join([*lines, *sources_of(choice.sources)])


def alt_of(keyword: str, shown: Sequence[str]) -> str:
    """Return what stands for the picture where it is not seen: what it shows, within the limit."""
    kept = list(shown)
    while kept and len(f"{keyword} with {listed(kept)}") > ALT:
        kept.pop()
    return _cut(capitalised(f"{keyword} with {listed(kept)}" if kept else keyword), ALT)


def _seen(article: Article, choice: Choice) -> Passage | None:
    """Return the passage in which there is most to be seen: at best two things beside the subject."""
    seen = {passage: len(_shown(article, passage, ())) for passage in article.passages}
    many = choice.take(MOST, least=LEAST, fits=lambda one: seen[one] >= 2)
    return many or choice.take(MOST, least=LEAST, fits=lambda one: seen[one] == 1) or choice.take(MOST, least=LEAST)


def _shown(article: Article, passage: Passage, told: Sequence[str]) -> list[Phrase]:
    """The phrases of a passage, the best ones first; what an idea before it has shown comes last."""
    terms = {term for one in passage.sentences for term in one.terms}
    found = [one for one in article.phrases if one.is_in(terms) and set(one.stems).isdisjoint(article.keyword.stems)]
    return sorted(found, key=lambda one: one.text in told)[:SHOWN]


def _cut(text: str, most: int) -> str:
    while len(text) > most:
        text = text.rpartition(" ")[0] or text[:most]
    return text


def card_of(article: Article) -> str:
    """Return the card: the title, as large as it fits, on one of a few grounds."""
    name, _, rest = article.title.partition(":")
    ground, ink = COLOURS[zlib.crc32(article.title.encode()) % len(COLOURS)]
    size, lines = _fitted(name.strip(), SIZES)
    small, under = _fitted(capitalised(rest.strip()), [one for one in SIZES if one <= size // 2] or SIZES[-1:])
    height = LINE * (size * len(lines) + small * (len(under) + bool(under)))
    top = (HEIGHT - height) / 2 + size * 0.85
    rows = [(size, "bold", line, top + LINE * size * place) for place, line in enumerate(lines)]
    start = top + LINE * size * len(lines) + small * 0.4
    rows += [(small, "normal", line, start + LINE * small * place) for place, line in enumerate(under)]
    texts = [
        f'  <text x="{MARGIN}" y="{y:.0f}" font-size="{points}" font-weight="{weight}">{escape(line)}</text>'
        for points, weight, line, y in rows
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
            f' role="img" font-family="Georgia, \'Times New Roman\', serif" fill="{ink}">',
            f"  <title>{escape(article.title)}</title>",
            f'  <rect width="{WIDTH}" height="{HEIGHT}" fill="{ground}"/>',
            f'  <rect x="{MARGIN}" y="{HEIGHT - 54}" width="{WIDTH - 2 * MARGIN}" height="6"/>',
            *texts,
            "</svg>\n",
        ]
    )


def _fitted(text: str, sizes: Sequence[int]) -> tuple[int, list[str]]:
    """Return the largest size at which the text fits into three lines, and the lines."""
    for size in sizes:
        lines = _wrapped(text, int((WIDTH - 2 * MARGIN) / (WIDE * size)))
        if len(lines) <= 3 and all(len(line) * WIDE * size <= WIDTH - 2 * MARGIN for line in lines):
            return size, lines
    size = sizes[-1]
    return size, [_cut(text, int((WIDTH - 2 * MARGIN) / (WIDE * size)))]


def _wrapped(text: str, most: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def work(step: Step) -> None:
    """Write brief and card of each piece, then complete the step."""
    step.hand_in_each(_made)


def _made(piece: Step) -> tuple[str, str]:
    article = piece.text()
    card = piece.beside(".svg")
    page = page_of(article, piece.article, piece.task, card)
    piece.write(card_of(article), card)
    ideas = numbered(page.count("- Prompt: "), "idea")
    said = f"A card with the title, and {ideas} for a picture, which a person or a model makes"
    return page, said


if __name__ == "__main__":
    run(work)
